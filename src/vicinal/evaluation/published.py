"""Sets that are given as statistics, a mean and a covariance: of these only the Frechet distance can be taken.

Statistics are worth what is known of them: which features they are of, and of how many rows. What is not known is said
below the table. What does not fit together is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from vicinal import _progress, _validation, images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.evaluation.catalogue import COLUMNS
from vicinal.evaluation.notes import heading_of
from vicinal.evaluation.rows import Rows
from vicinal.images.ranges import LEVELS_8
from vicinal.metrics import Moments, frechet_distance
from vicinal.metrics._inputs import check_sets
from vicinal.metrics.moments import moments_of

FRECHET = "frechet_distance"


class Against:
    """The Frechet distance of sets of samples from the statistics of real data; it stands in for a `Judge`.

    ``train`` are rows, (k, *shape), and ``extractor`` gives their features; None takes rows as features.
    """

    metrics = quality = (FRECHET,)

    def __init__(self, moments: Moments, train: Array | None, extractor: Any, random_state: int) -> None:
        self.moments, self._train, self._extractor, self._seed = moments, train, extractor, random_state

    @property
    def n_features(self) -> int:
        """Features of a row."""
        return len(self.moments.mean)

    def score(
        self, rows: Array, features: Callable[[], Array] | None = None, *, name: str = "generated", **_of_rows: Any
    ) -> dict[str, Any]:
        """Return the number of rows, and their distance."""
        found = rows.reshape(len(rows), -1) if features is None else features()
        (found,) = check_sets(minimum=2, as_given=True, **{f"features of {name}": found})
        return {"n": len(rows), **distance(self.moments, moments_of(Rows(found)))}

    def real_run(self, run: int, n_samples: int) -> dict[str, Any]:
        """Return the distance of ``n_samples`` training data, drawn anew in each run."""
        train = self._rows_of_train
        generator = np.random.default_rng([self._seed + run, 2])
        return self.copies_run(generator.choice(len(train), min(len(train), n_samples), replace=False), run)

    def copies_run(self, drawn: Array, run: int) -> dict[str, Any]:
        """Return the distance of the training data at some indices."""
        rows = self._rows_of_train[drawn]
        return self.score(rows, None if self._extractor is None else lambda: self._extractor(rows), name="train")

    @property
    def _rows_of_train(self) -> Array:
        if self._train is None:
            raise InvalidInputError("real versus real needs the training data: pass train=")
        return self._train


def distance(real: Moments, generated: Moments) -> dict[str, float]:
    """Return the Frechet distance between two sets, by its name."""
    return {FRECHET: frechet_distance(real, generated)}


def row_of(real: Moments, generated: Moments) -> dict[str, Any]:
    """Return the row of a set of samples that is given as statistics."""
    return {"n": generated.n_samples, **distance(real, generated)}


def found_in(sets: Mapping[str, Any]) -> dict[str, Moments]:
    """Return those sets that are statistics, after a check that all have room for them."""
    statistics = {name: each for name, each in sets.items() if isinstance(each, Moments)}
    for name in {"train", "reconstructions"} & statistics.keys():
        raise InvalidInputError(f"{name} must be rows, not statistics: only real and generated may be statistics")
    for name, moments in statistics.items():
        if moments.n_samples is not None and moments.n_samples < 2:
            raise InvalidInputError(f"{name} must be moments of at least 2 rows; got {moments.n_samples}")
    return statistics


def check(statistics: Mapping[str, Moments], rows: Mapping[str, Array], extractor: Any) -> None:
    """Raise InvalidInputError unless all sets are, or may be, of the same features.

    ``rows`` are the sets that are no statistics, prepared for the extractor. One row of them has its features taken.
    """
    known = {name: moments.features for name, moments in statistics.items() if moments.features is not None}
    if rows and extractor is None:
        first, given = next(iter(rows.items()))
        if given.ndim > 2 or known:
            name = next(iter(known or statistics))
            of = f", of {known[name]}" if known else ""
            raise InvalidInputError(
                f"features must be given: {name} holds statistics{of}, {first} holds rows of shape {given.shape[1:]}. "
                "Pass the extractor that the statistics were taken with"
            )
    fingerprint = getattr(extractor, "fingerprint", None)
    in_use = {"features": fingerprint} if fingerprint is not None and rows else {}
    every = [*in_use.items(), *known.items()]
    for name, features in every[1:]:
        if features != every[0][1]:
            raise InvalidInputError(
                f"{every[0][0]} and {name} must be of the same features; got {every[0][1]} and {features}: "
                "take both with one extractor"
            )
    widths = {name: len(moments.mean) for name, moments in statistics.items()}
    if rows:
        first, given = next(iter(rows.items()))
        one = given[:1].reshape(1, -1) if extractor is None else np.asarray(extractor(given[:1])).reshape(1, -1)
        widths[first] = one.shape[1]
    model = next(iter(widths))
    for name, width in widths.items():
        if width != widths[model]:
            raise InvalidInputError(
                f"{model} and {name} must have equally many features; got {widths[model]:,} and {width:,}: take both "
                "with one extractor"
            )


def frechet_name(statistics: Mapping[str, Moments]) -> str:
    """Return what the distance between statistics is called, if they all say the same of known features."""
    features, name = next((moments.features, moments.frechet_name) for moments in statistics.values())
    agree = all((moments.features, moments.frechet_name) == (features, name) for moments in statistics.values())
    return name if agree and features and name else "Frechet distance"


def size_of(sets: Mapping[str, Sequence[Any]], n_train: int) -> int:
    """Return how many rows reference rows have: as many as the first samples, or as the training data if unknown."""
    first = next(iter(sets.values()))[0]
    if not isinstance(first, Moments):
        return len(first)
    return n_train if first.n_samples is None else first.n_samples


def metrics_of(
    wanted: Sequence[str],
    statistics: Mapping[str, Moments],
    rows: Mapping[str, Array],
    sets: Mapping[str, Sequence[Any]],
    extractor: Any,
) -> tuple[list[str], list[str]]:
    """Return the metrics that can be taken, and notes on the statistics. Rows beside statistics keep all metrics."""
    every = [each for several in sets.values() for each in several]
    only = "real" in statistics or all(isinstance(each, Moments) for each in every)
    if only and FRECHET not in wanted:
        raise InvalidInputError(
            f"metrics must name {FRECHET!r}, all that can be taken of statistics; got {', '.join(wanted)}"
        )
    others = [name for name in wanted if name != FRECHET]
    left_out = [heading_of(name).partition(" (")[0] for name in others if not COLUMNS[name].needs_train]
    left_out += ["novelty"] if any(COLUMNS[name].needs_train for name in others) else []
    return ([FRECHET] if only else list(wanted)), _notes(statistics, left_out, extractor, has_rows=bool(rows))


def _notes(statistics: Mapping[str, Moments], left_out: Sequence[str], extractor: Any, *, has_rows: bool) -> list[str]:
    """Return what is to be said of statistics: what cannot be taken of them, and what is not known."""
    listed = ", ".join(statistics)
    out = f" Left out: {', '.join(left_out)}." if left_out else ""
    notes = [f"Only the Frechet distance can be taken of statistics: {listed}.{out}"]
    sizes = [f"{name} {m.n_samples:,}" for name, m in statistics.items() if m.n_samples is not None]
    if sizes:
        notes.append(f"Rows that the statistics were taken of: {', '.join(sizes)}.")
    unknown = [name for name, moments in statistics.items() if moments.n_samples is None]
    if unknown:
        notes.append(
            f"{', '.join(unknown)}: the number of rows is not known. Frechet distances of different numbers of rows do "
            "not compare."
        )
    strange = [name for name, moments in statistics.items() if moments.features is None]
    if strange:
        name = getattr(extractor, "name", None) if has_rows else None
        taken = f"those of {name}" if name else "the same as those of the other sets"
        notes.append(
            f"{', '.join(strange)}: the statistics do not say which features they are of. They are taken to be {taken}."
        )
    elif has_rows and getattr(extractor, "fingerprint", None) is None:
        notes.append("features= has no fingerprint, so it is not known whether the statistics are of these features.")
    return notes


def gathered(rows: Array, extractor: Any) -> tuple[Moments, list[str]]:
    """Return the moments of the features of images, taken block by block, and notes.

    Parameters
    ----------
    rows : ndarray of shape (n, *shape)
        Images, which may be mapped from a file; or any rows, if there is no extractor. At least two.
    extractor : FeatureExtractor or None
        None takes the rows as they are; 8-bit levels as values in [0, 1].

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For images or rows that cannot be used.

    Examples
    --------
    >>> from vicinal.metrics import PixelFeatures
    >>> moments, notes = gathered(np.array([[0, 255], [255, 255]], np.uint8), PixelFeatures())
    >>> moments.n_samples, moments.mean.tolist(), notes
    (2, [0.5, 1.0], [])
    """
    rows = _validation.check_array(rows, "images")
    if rows.ndim < 2 or len(rows) < 2:
        raise InvalidInputError(f"images must have shape (n, *shape), n at least 2; got {rows.shape}: pass more images")
    moments, notes = Moments(extractor), []
    convert: Callable[[Array], Array] = images.in_units
    if extractor is not None:
        found = _range_of(rows)
        notes = [] if found in (images.UNITS, LEVELS_8) else [f"{found.name} are read as [0, 1]."]

        def convert(block: Array) -> Array:
            # The range is that of all blocks: a dark one alone would look like another.
            levels = block if block.dtype == np.uint8 and block.max() > 1 else np.clip(found.units(block), 0.0, 1.0)
            return np.asarray(extractor(levels))

    with _progress.bar("Features", len(rows)) as progress:
        for some in images.blocks_of(rows):
            moments.update(convert(rows[some]))
            progress.advance(len(rows[some]))
    return moments, notes


def _range_of(rows: Array) -> images.Range:
    """Return the range of images, or raise InvalidInputError."""
    integers = rows.dtype.kind in "iub"

    def blocks() -> Iterator[Array]:
        for some in images.blocks_of(rows):
            if not integers:
                _validation.check_finite(rows[some], "images", some.start)
            yield rows[some]

    found = images.range_of(blocks(), integers=integers)
    if found is None:
        raise InvalidInputError(
            "images must be floats in [0, 1], [-1, 1] or 0..255, or integers in 0..65535; got "
            f"{rows.dtype} from {rows.min():.4g} to {rows.max():.4g}: map black to 0 and white to 1"
        )
    return found
