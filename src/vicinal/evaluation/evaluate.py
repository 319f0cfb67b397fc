"""One table of quality and novelty, with reference rows that show what the numbers mean.

`evaluate` scores arrays; `vicinal.benchmark` scores samplers through autoencoders. Beside the samples the table shows

real versus real
    The quality of other real data, and the novelty of held-out data. No sampler can be expected to do better.
bootstrap copies
    The scores of copies of the training data. Their quality is close to the best, their novelty is zero.
reconstructions
    The scores of held-out images that were encoded and decoded. Samples of that autoencoder cannot be expected to
    look better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vicinal import _validation, images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.evaluation import catalogue
from vicinal.evaluation.catalogue import DEFAULT_METRICS, METRICS
from vicinal.evaluation.judge import Judge, Table, extractor_of
from vicinal.evaluation.scores import Scores, check_baseline

Features = Callable[[Any], Any]

REAL, BOOTSTRAP, RECONSTRUCTIONS = "real versus real", "bootstrap copies", "reconstructions"
_UNIT, _LEVELS = 1.25, 64.0  # images up to the one, against images beyond the other, are in different ranges
_OF_NEIGHBOURS = {"precision", "recall", "density", "coverage"}
_OF_SUBSETS = {"wasserstein_distance": "W2", "wasserstein_1_distance": "W1", "sinkhorn_divergence": "Sinkhorn"}


def evaluate(
    real: Any,
    generated: Any,
    *,
    train: Any = None,
    features: Any = None,
    metrics: Sequence[str] | None = None,
    reconstructions: Any = None,
    baseline: str | None = None,
    random_state: int = 0,
    on_row: Callable[[str], None] | None = None,
) -> Scores:
    """Score generated data against held-out real data.

    Parameters
    ----------
    real : array_like of shape (n, *shape)
        Held-out data: images or latents. Not the data that the generator was trained on.
    generated : array_like of shape (m, *shape), list of those, or mapping of str to either
        Samples, of one source or of several by name. A list or tuple holds one set for each seed, and gives a mean
        with a standard error.
    train : array_like of shape (k, *shape), optional
        The data that the generator was trained on. Without them there is no novelty column, and a
        warning in the notes: quality alone rewards copies.
    features : FeatureExtractor, torch.nn.Module or callable, optional
        Maps images to feature vectors, between which quality is measured: see `vicinal.metrics.features`. Images are
        then clipped and rounded to 8 bits first. None takes the rows as they are. What is fitted between latents, and
        novelty, are measured between the rows themselves; ``feature_nn_ratio`` and its like between features.
    metrics : sequence of str, optional
        Names in `vicinal.evaluation.METRICS`. None takes `vicinal.evaluation.DEFAULT_METRICS`, without those that
        need ``train`` if it is not given.
    reconstructions : array_like of shape (l, *shape), optional
        Held-out images sent through the autoencoder: a reference row.
    baseline : str, optional
        A name in ``generated``: the table goes on with how much better than it the others are, seed by seed.
    random_state : int
        Seed of the subsets; set i of each source is measured with ``random_state + i``.
    on_row : callable, optional
        Called with the name of each row when it is done.

    Returns
    -------
    Scores
        The table: it prints, and has ``to_dict``, ``to_markdown``, ``to_csv`` and ``to_pandas``.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used: another shape, NaN, too few rows; images in another range than [0, 1] or 0..255.
    MissingExtraError
        If a metric or the features need a package that is not installed.

    Notes
    -----
    Memory: the rows and their features once more in float64, and at most about 0.5 GB beside them, or six matrices
    of n_features squared.

    Examples
    --------
    >>> import numpy as np
    >>> train, real, good = np.random.default_rng(0).normal(size=(3, 500, 4))
    >>> scores = evaluate(real, {"good": good, "noisy": 2 * good}, train=train)
    >>> scores["good"]["frechet_distance"] < scores["noisy"]["frechet_distance"]
    True
    >>> scores["bootstrap copies"]["authenticity"]
    0.0
    """
    seed = _validation.check_integer(random_state, "random_state", minimum=0, maximum=2**32 - 10_000)
    wanted = wanted_metrics(metrics, train is not None)
    extractor = extractor_of(features)
    minimum = catalogue.N_NEIGHBORS + 1 if _OF_NEIGHBOURS & set(wanted) else 2
    named = _by_name(generated)
    prepare = _as_rows
    if extractor is not None:
        every = [real, train, reconstructions, *(rows for several in named.values() for rows in several)]
        prepare = _as_rgb if _mix_grey(every) else _as_images
    real = prepare(real, "real", None, minimum)
    sets = {
        name: [prepare(rows, f"generated[{name!r}]", real, minimum) for rows in several]
        for name, several in named.items()
    }
    check_baseline(baseline, list(sets))
    train = None if train is None else prepare(train, "train", real, 1)
    if reconstructions is not None:
        reconstructions = prepare(reconstructions, "reconstructions", real, minimum)
    judge = _judge(real, train, extractor, wanted, seed)

    def score(rows: Array, run: int, name: str, metrics: Sequence[str] | None = None) -> dict[str, Any]:
        return judge.score(rows, extractor and (lambda: extractor(rows)), run=run, metrics=metrics, name=name)

    table = Table(on_row)
    if train is not None:
        n_seeds = max(map(len, sets.values()))
        table.add(REAL, judge.real_runs(n_seeds), reference=True)
        generators = (np.random.default_rng([seed + i, 3]) for i in range(n_seeds))
        copies = (train[generator.integers(len(train), size=len(real))] for generator in generators)
        table.add(BOOTSTRAP, [score(rows, i, "train") for i, rows in enumerate(copies)], reference=True)
    if reconstructions is not None:
        found = score(reconstructions, 0, "reconstructions", judge.quality)
        table.add(RECONSTRUCTIONS, [found], reference=True)
    for name, several in sets.items():
        table.add(name, [score(rows, i, f"generated[{name!r}]") for i, rows in enumerate(several)])
    notes = notes_of(wanted, extractor)
    if train is None:
        notes.append("No training data given, so novelty is not measured: copies of it would score best here.")
    if max(map(len, sets.values())) > 1:
        notes.append("Mean ± standard error over the sets of each source.")
    return Scores(table.rows, notes, headings(extractor), baseline)


def _judge(real: Array, train: Array | None, extractor: Any, metrics: Sequence[str], random_state: int) -> Judge:
    """Return the judge of images or rows; features of training images are taken when they are needed."""
    features = None
    if extractor is not None:
        every = any(METRICS[name].space == "features" and METRICS[name].needs_train for name in metrics)
        of_train = None if train is None else extractor(train) if every else lambda drawn: extractor(train[drawn])
        features = (extractor(real), of_train)
    return Judge((real, train), features, metrics=metrics, random_state=random_state)


def wanted_metrics(metrics: Sequence[str] | None, has_train: bool) -> list[str]:
    """Return the names of the metrics to compute, in the order of the catalogue."""
    if metrics is None:
        return [name for name in DEFAULT_METRICS if has_train or not METRICS[name].needs_train]
    if isinstance(metrics, str) or not metrics:
        raise InvalidInputError(f"metrics must be a sequence of one or more names; got {metrics!r}")
    for name in metrics:
        _validation.check_choice(name, "metrics", tuple(METRICS))
        if METRICS[name].needs_train and not has_train:
            raise InvalidInputError(f"metrics must not name {name!r} without the training data: pass train=")
    return [name for name in METRICS if name in metrics]


def _by_name(generated: Any) -> dict[str, list[Any]]:
    """Return the sets of samples by source and seed."""
    several = generated if isinstance(generated, Mapping) else {"generated": generated}
    if not several:
        raise InvalidInputError("generated must hold at least one set of samples; got an empty mapping")
    taken = {REAL, BOOTSTRAP, RECONSTRUCTIONS} & set(several)
    if taken:
        raise InvalidInputError(f"generated must not use the names of reference rows; got {', '.join(taken)}")
    sets = {}
    for name, value in several.items():
        is_list = isinstance(value, list | tuple) and all(getattr(each, "ndim", 0) >= 2 for each in value)
        sets[str(name)] = list(value) if is_list else [value]
        if not sets[str(name)]:
            raise InvalidInputError(f"generated[{str(name)!r}] must hold at least one set of samples; got none")
    return sets


def _as_rows(rows: Any, name: str, real: Array | None, minimum: int) -> Array:
    rows = _validation.check_rows(rows, name, minimum=minimum, finite=False)  # the judge looks for NaN
    if real is None:
        return rows
    rows = _of_shape(rows, name, real)
    largest, largest_real = float(rows.max()), float(real.max())
    if rows.ndim > 2 and min(largest, largest_real) <= _UNIT < _LEVELS < max(largest, largest_real):
        raise InvalidInputError(
            f"{name} must be in the range of real; got values up to {largest:.4g} against {largest_real:.4g}: "
            "divide the one in 0..255 by 255"
        )
    return rows


def _as_images(rows: Any, name: str, real: Array | None, minimum: int) -> Array:
    """Return rows, images as 8-bit levels."""
    rows = _validation.check_array(rows, name)
    if rows.ndim < 3:
        return _as_rows(rows, name, real, minimum)
    levels = images.to_levels(rows, name)
    if len(levels) < minimum:
        raise InvalidInputError(f"{name} must have at least {minimum} rows; got {len(levels)}")
    return levels if real is None else _of_shape(levels, name, real)


def _mix_grey(sets: Sequence[Any]) -> bool:
    """Return whether some images, (n, C, H, W), are grey and others RGB: grey images are often kept in RGB files."""
    shapes: list[tuple[int, ...]] = [getattr(rows, "shape", ()) for rows in sets]
    return {shape[1] for shape in shapes if len(shape) == 4} == {1, 3}


def _as_rgb(rows: Any, name: str, real: Array | None, minimum: int) -> Array:
    levels = images.to_rgb(images.to_levels(rows, name), name)
    return _as_images(levels, name, real, minimum)


def _of_shape(rows: Array, name: str, real: Array) -> Array:
    if rows.shape[1:] != real.shape[1:]:
        raise InvalidInputError(f"{name} must have rows of shape {real.shape[1:]}, like real; got {rows.shape[1:]}")
    return rows


def headings(extractor: Any) -> dict[str, str]:
    """Return the headings that differ from the usual ones for these features."""
    name = getattr(extractor, "frechet_name", "Frechet distance")
    return {} if name == "Frechet distance" else {"frechet_distance": f"{name} ↓"}


def notes_of(wanted: Sequence[str], extractor: Any) -> list[str]:
    """Return the notes that these metrics and features need below the table."""
    notes = []
    if hasattr(extractor, "name"):
        notes.append(f"Features: {extractor.name}.")
    subsets = [heading for name, heading in _OF_SUBSETS.items() if name in wanted]
    if subsets:
        notes.append(f"{', '.join(subsets)}: between at most {catalogue.W2_ROWS} rows of each set.")
    return notes
