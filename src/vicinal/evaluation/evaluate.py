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

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from vicinal import _validation, images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.evaluation import catalogue
from vicinal.evaluation.catalogue import DEFAULT_METRICS, METRICS
from vicinal.evaluation.judge import Judge
from vicinal.evaluation.scores import Scores, check_baseline
from vicinal.metrics import transport
from vicinal.metrics.features import FeatureExtractor, ModuleFeatures

REAL, BOOTSTRAP, RECONSTRUCTIONS = "real versus real", "bootstrap copies", "reconstructions"
_UNIT, _LEVELS = 1.25, 64.0  # images up to the one, against images beyond the other, are in different ranges
_Kind = Literal["rows", "images", "RGB images"]
_OF_NEIGHBOURS = {"precision", "recall", "density", "coverage"}
_OF_SUBSETS = {"wasserstein_distance", "wasserstein_1_distance", "sinkhorn_divergence"}


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
    wanted = _wanted(metrics, train is not None)
    extractor = _extractor(features)
    minimum = catalogue.N_NEIGHBORS + 1 if _OF_NEIGHBOURS & set(wanted) else 2
    named = _by_name(generated)
    every = [real, train, reconstructions, *(rows for several in named.values() for rows in several)]
    kind: _Kind = "rows" if extractor is None else "RGB images" if _mix_grey(every) else "images"
    real = _prepared(real, "real", None, minimum, kind)
    sets = {
        name: [_prepared(rows, f"generated[{name!r}]", real, minimum, kind) for rows in several]
        for name, several in named.items()
    }
    check_baseline(baseline, list(sets))
    train = None if train is None else _prepared(train, "train", real, 1, kind)
    if reconstructions is not None:
        reconstructions = _prepared(reconstructions, "reconstructions", real, minimum, kind)
    judge = _judge(real, train, extractor, wanted, seed)
    table: list[dict[str, Any]] = []

    def score(rows: Array, run: int, name: str, metrics: Sequence[str] | None = None) -> dict[str, Any]:
        return judge.score(rows, extractor and (lambda: extractor(rows)), run=run, metrics=metrics, name=name)

    def add(name: str, runs: list[dict[str, Any]], reference: bool = False) -> None:
        sizes = [run.pop("n") for run in runs]
        table.append({"name": name, "reference": reference, "n": sizes[0], **_summary(runs)})
        if on_row is not None:
            on_row(name)

    n_seeds = max(map(len, sets.values()))
    if train is not None:
        add(REAL, [judge.real_run(i) for i in range(n_seeds)], reference=True)
        generators = (np.random.default_rng([seed + i, 3]) for i in range(n_seeds))
        copies = (train[generator.integers(len(train), size=len(real))] for generator in generators)
        add(BOOTSTRAP, [score(rows, i, "train") for i, rows in enumerate(copies)], reference=True)
    if reconstructions is not None:
        add(RECONSTRUCTIONS, [score(reconstructions, 0, "reconstructions", judge.quality)], reference=True)
    for name, several in sets.items():
        add(name, [score(rows, i, f"generated[{name!r}]") for i, rows in enumerate(several)])
    frechet = getattr(extractor, "frechet_name", "Frechet distance")
    headings = {} if frechet == "Frechet distance" else {"frechet_distance": f"{frechet} ↓"}
    return Scores(table, _notes(wanted, extractor, train is not None, n_seeds), headings, baseline)


def _extractor(features: Any) -> Any:
    """Return a function from images to features that sees them in 8 bits, or None."""
    if features is None or isinstance(features, FeatureExtractor):
        return features
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(features, torch.nn.Module):
        return ModuleFeatures(features)
    if not callable(features):
        raise InvalidTypeError(
            f"features must be a FeatureExtractor, a torch.nn.Module or a callable; got {type(features).__name__}"
        )
    return lambda rows: features(images.in_units(rows))


def _judge(real: Array, train: Array | None, extractor: Any, metrics: Sequence[str], random_state: int) -> Judge:
    """Return the judge of images or rows; features of training images are taken when they are needed."""
    features = None
    if extractor is not None:
        every = any(METRICS[name].space == "features" and METRICS[name].needs_train for name in metrics)
        of_train = None if train is None else extractor(train) if every else lambda drawn: extractor(train[drawn])
        features = (extractor(real), of_train)
    return Judge((real, train), features, metrics=metrics, random_state=random_state)


def _wanted(metrics: Sequence[str] | None, has_train: bool) -> list[str]:
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


def _mix_grey(sets: Sequence[Any]) -> bool:
    """Return whether some images, (n, C, H, W), are grey and others RGB: grey images are often kept in RGB files."""
    shapes: list[tuple[int, ...]] = [getattr(rows, "shape", ()) for rows in sets]
    return {shape[1] for shape in shapes if len(shape) == 4} == {1, 3}


def _prepared(rows: Any, name: str, real: Array | None, minimum: int, kind: _Kind) -> Array:
    """Return rows as they are, or images as 8-bit levels, if they are such as ``real``."""
    if kind == "RGB images":
        rows = images.to_rgb(images.to_levels(rows, name), name)
    rows = _validation.check_array(rows, name)
    are_levels = kind != "rows" and rows.ndim > 2
    if are_levels:
        rows = images.to_levels(rows, name)
        if len(rows) < minimum:
            raise InvalidInputError(f"{name} must have at least {minimum} rows; got {len(rows)}")
    else:
        rows = _validation.check_rows(rows, name, minimum=minimum, finite=False)  # the judge looks for NaN
    if real is None:
        return rows
    if rows.shape[1:] != real.shape[1:]:
        raise InvalidInputError(f"{name} must have rows of shape {real.shape[1:]}, like real; got {rows.shape[1:]}")
    largest, largest_real = float(rows.max()), float(real.max())
    between = min(largest, largest_real) <= _UNIT < _LEVELS < max(largest, largest_real)
    if between and rows.ndim > 2 and not are_levels:
        raise InvalidInputError(
            f"{name} must be in the range of real; got values up to {largest:.4g} against {largest_real:.4g}: "
            "divide the one in 0..255 by 255"
        )
    return rows


def _summary(runs: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return mean and standard error of each metric over runs with different seeds, and the runs."""
    if len(runs) == 1:
        return dict(runs[0])
    found: dict[str, Any] = {}
    for metric in runs[0]:
        values = np.array([run[metric] for run in runs], np.float64)
        found[metric] = METRICS[metric].over_runs(values.tolist())
        found[f"{metric}_se"] = float(values.std(ddof=1) / np.sqrt(len(runs)))
    return found | {"runs": {metric: [float(run[metric]) for run in runs] for metric in runs[0]}}


def _notes(wanted: Sequence[str], extractor: Any, has_train: bool, n_seeds: int) -> list[str]:
    """Return what a reader of these metrics, in these features, has to know."""
    notes = [f"Features: {extractor.name}."] if hasattr(extractor, "name") else []
    subsets = [METRICS[name].heading.rstrip(" ↓") for name in wanted if name in _OF_SUBSETS]
    if subsets:
        notes.append(f"{', '.join(subsets)}: between at most {transport.MAX_SAMPLES} rows of each set.")
    if not has_train:
        notes.append("No training data given, so novelty is not measured: copies of it would score best here.")
    if n_seeds > 1:
        notes.append("Mean ± standard error over the sets of each source.")
    return notes
