"""The table of quality and novelty of rows that stay on the workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from dask import array

from vicinal import _arrays, _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.autoencoders import Autoencoder
from vicinal.evaluation import given, notes, table
from vicinal.evaluation.catalogue import METRICS
from vicinal.evaluation.functions import extractor_of
from vicinal.evaluation.judge import Judge
from vicinal.evaluation.scores import Scores
from vicinal.images import to_levels
from vicinal.integrations.dask.images import encode
from vicinal.integrations.dask.rows import DaskRows


def evaluate(
    real: Any,
    generated: Any,
    *,
    train: Any = None,
    features: Any = None,
    metrics: Sequence[str] | None = None,
    max_samples: int | None = 20_000,
    random_state: int = 0,
    on_row: Callable[[str], None] | None = None,
) -> Scores:
    """Score samples that are dask arrays against held-out real data, where they are.

    The table is that of `vicinal.evaluate`. Moments are reduced in a tree. Neighbours are looked for by pairs of parts.
    Metrics of subsets take the rows that they would take of arrays in memory. For sets of up to ``max_samples`` rows,
    the numbers agree with those of `vicinal.evaluate` to about 1e-9, and to 1e-5 for float32 rows. Where rounding
    decides between two neighbours, a row may count otherwise.

    Parameters
    ----------
    real : dask.array.Array of shape (n, *shape)
        Held-out data: latents, or images. Arrays in memory are taken, too, as they are for the other sets. The numbers
        of rows may be unknown.
    generated : dask.array.Array of shape (m, *shape), list of those, or mapping of str to either
        As in `vicinal.evaluate`.
    train : dask.array.Array of shape (k, *shape), optional
        The data that the generator was trained on.
    features : FeatureExtractor, torch.nn.Module or callable, optional
        As in `vicinal.evaluate`; it travels once to each worker. Images must be levels uint8, or floats in [0, 1].
        Novelty is measured between features then, if rows are images.
    metrics : sequence of str, optional
        As in `vicinal.evaluate`, without those within classes.
    max_samples : int, optional
        At most so many rows of a set have their neighbours looked for: held-out rows that are drawn, and evenly spaced
        samples. Neighbours of these are found among all training rows. So precision, recall, the nn ratio and its like
        take a part of large sets, and the reference rows have no more rows. None takes all rows, which costs n m
        distances. The Frechet distance and the variance take all rows anyway; the membership attack takes all samples.
    random_state, on_row
        As in `vicinal.evaluate`.

    Returns
    -------
    Scores
        As `vicinal.evaluate`. Notes say which metrics took a part of the rows.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used, with the chunk and the row in it.
    ClusterError
        If the scheduler or too many workers are lost.

    Notes
    -----
    A metric that needs all rows in one place is NaN for more than 134 million values. A note says so.

    Rows are kept by the workers while they are scored; dask writes to their disks what is more than their memory. With
    features, these are kept, and rows are read again for each metric between rows.

    It is not looked up whether held-out rows are training rows, as `vicinal.evaluate` does.

    Examples
    --------
    >>> import numpy as np
    >>> from dask import array
    >>> train, real, good = (array.from_array(x) for x in np.random.default_rng(0).normal(size=(3, 500, 4)))
    >>> scores = evaluate(real, {"good": good, "noisy": 2 * good}, train=train)
    >>> scores["good"]["frechet_distance"] < scores["noisy"]["frechet_distance"]
    True
    """
    seed = _validation.check_integer(random_state, "random_state", minimum=0, maximum=2**32 - 10_000)
    if max_samples is not None:
        max_samples = _validation.check_integer(max_samples, "max_samples", minimum=100)
    wanted = table.metrics_of(metrics, train is not None, False)
    extractor = extractor_of(features)
    named = given.by_name(generated, real)
    sets = {"real": real, **({} if train is None else {"train": train}), **given.labelled(named)}
    arrays = {name: _array(each, name) for name, each in sets.items()}
    held = _on_workers(arrays, extractor)
    of_sources = {name: [held[label] for label in given.labelled({name: several})] for name, several in named.items()}
    real_rows, train_rows = held["real"], held.get("train")
    are_images = _are_images(arrays["real"])
    judge = Judge(
        (real_rows, train_rows),
        None if extractor is None else (real_rows.features, None if train_rows is None else train_rows.features),
        metrics=wanted,
        random_state=seed,
        max_searched=max_samples,
        novelty="features" if extractor is not None and are_images else "rows",
    )
    rows: list[dict[str, Any]] = []
    features_of = None if extractor is None else attrgetter("features")
    for row in table.rows_of(judge, of_sources, train_rows, None, features_of, None, seed, max_samples):
        rows.append(row)
        if on_row is not None:
            on_row(row["name"])
    said = notes.of_metrics(wanted, extractor, has_train=train is not None)
    said += notes.of_novelty(judge, are_images=are_images)
    if max_samples is not None and max(map(len, held.values())) > max_samples:
        said.append(_of_parts(wanted, max_samples))
    return Scores(rows, said + notes.of_table(rows), table.headings_of(extractor, {}))


def _on_workers(arrays: Mapping[str, array.Array], extractor: Any) -> dict[str, DaskRows]:
    """Return sets of rows, with their features if there is an extractor."""
    shape = arrays["real"].shape[1:]
    for name, each in arrays.items():
        if each.shape[1:] != shape:
            raise InvalidInputError(f"{name} must have rows of shape {shape}, like real; got {each.shape[1:]}")
    held = {name: DaskRows.of_array(each, name, keep=extractor is None) for name, each in arrays.items()}
    for name, rows in held.items():
        minimum = 1 if name == "train" else 2
        if len(rows) < minimum:
            raise InvalidInputError(f"{name} must have at least {minimum} rows; got {len(rows)}")
        if extractor is not None:
            found = encode(Autoencoder(_OfChunk(extractor), _nothing), arrays[name])
            rows.features = DaskRows.of_array(found, f"features of {name}")
    return held


def _array(rows: Any, name: str) -> array.Array:
    """Return rows as a dask array of floats or levels, in chunks of whole rows."""
    if not isinstance(rows, array.Array):
        rows = array.from_array(_validation.check_array(rows, name))
    if rows.ndim < 2 or any(np.isnan(side) for side in rows.shape[1:]):
        raise InvalidInputError(f"{name} must have shape (n, *shape), known but for n; got {rows.shape}")
    if rows.dtype.kind not in "fiub":
        raise InvalidTypeError(f"{name} must hold numbers; got {rows.dtype}")
    if any(len(sides) > 1 for sides in rows.chunks[1:]):
        rows = rows.rechunk(dict.fromkeys(range(1, rows.ndim), -1))
    return rows if rows.dtype.kind == "f" or rows.dtype == np.uint8 else rows.astype(np.float64)


def _are_images(rows: array.Array) -> bool:
    return rows.dtype == np.uint8 or rows.ndim > 2


def _of_parts(wanted: Sequence[str], max_samples: int) -> str:
    searched = [notes.heading_of(name) for name in wanted if METRICS[name].needs_train or name in _OF_NEIGHBORS]
    return (
        f"{', '.join(searched) or 'The reference rows'}: of at most {max_samples:,} rows of each set, held-out rows "
        "by chance and samples evenly spaced. Their neighbours are looked for among all training rows; the membership "
        "attack takes all samples. The reference rows have at most as many rows."
    )


_OF_NEIGHBORS = ("precision", "recall", "density", "coverage")


def _nothing(_latents: Any) -> Any:
    raise InvalidTypeError("features cannot be decoded")


class _OfChunk:
    """Features of the images of a chunk, which are levels, or floats in [0, 1] that become levels."""

    def __init__(self, extractor: Any) -> None:
        self.extractor = extractor

    def __call__(self, rows: Any) -> Array:
        rows = _arrays.to_numpy(rows)
        if rows.ndim > 2:
            if rows.min() < 0.0 or rows.max() > 1.0:
                raise InvalidInputError(
                    f"images must be levels uint8, or floats in [0, 1]; got {rows.min():.4g} to {rows.max():.4g}: map "
                    "black to 0 and white to 1"
                )
            rows = to_levels(rows, "images")
        found: Array = self.extractor(rows)
        return found
