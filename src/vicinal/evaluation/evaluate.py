"""One table of quality and novelty, with reference rows that show what the numbers mean.

`evaluate` scores arrays; `vicinal.benchmark` scores samplers through autoencoders. Beside the samples the table shows

real versus real
    The quality of training data, and the novelty of held-out data: what fresh data score.
bootstrap copies
    The scores of copies of the training data. Their quality is that of real data, their novelty is zero.
reconstructions
    The scores of held-out images that were encoded and decoded: what the autoencoder loses.

The first two have as many rows as the samples, where the training data have so many. None of the three is a bound: see
`vicinal.evaluation.notes`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from vicinal import _arrays, _progress, _validation, images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.evaluation import given, notes
from vicinal.evaluation.catalogue import DEFAULT_METRICS, METRICS, mean
from vicinal.evaluation.judge import Judge
from vicinal.evaluation.notes import BOOTSTRAP, REAL, RECONSTRUCTIONS
from vicinal.evaluation.overlap import overlap
from vicinal.evaluation.scores import Scores, check_baseline
from vicinal.metrics.features import FeatureExtractor, ModuleFeatures


def evaluate(
    real: Any,
    generated: Any,
    *,
    train: Any = None,
    features: Any = None,
    metrics: Sequence[str] | None = None,
    reconstructions: Any = None,
    image_size: int | None = None,
    value_range: tuple[float, float] | None = None,
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
        then clipped and rounded to 8 bits first. None takes the rows as they are. What is meant for latents, such as
        ``mmd``, is measured between the rows themselves; ``feature_nn_ratio`` and its like between features.
    metrics : sequence of str, optional
        Names in `vicinal.evaluation.METRICS`. None takes `vicinal.evaluation.DEFAULT_METRICS`, without those that
        need ``train`` if it is not given.
    reconstructions : array_like of shape (l, *shape), optional
        Held-out images sent through the autoencoder: a reference row, and fresh data for novelty (see Notes).
    image_size : int, optional
        Height and width, 1 to 4096, that the images of all sets are resized to first: by `vicinal.images.resize`, as
        clean-fid does. With features, floats of another size are rounded to 8 bits before, as a file would keep them,
        and what comes out is not rounded. None keeps their size; if the sets differ in size, they are resized to the
        ``image_size`` of the features, such as 299, if these have one. A note says what was done.
    value_range : (float, float), optional
        The values of black and white of all images that are floats, such as (-1, 1). None tells usual ranges apart by
        the values, and says so in a note.
    baseline : str, optional
        A name in ``generated``: the table goes on with how much better than it the others are, with confidence
        intervals. These take each metric eleven times.
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
    UnequalSizesError
        If the sets are images of several sizes, ``image_size`` is not given, and the features do not resize either.
    InvalidInputError, InvalidTypeError
        For data that cannot be used: another shape, NaN, too few rows; images in another range than [0, 1] or 0..255.
    MissingExtraError
        If a metric or the features need a package that is not installed.

    Warns
    -----
    UserWarning
        If held-out rows are training rows, more than data of this kind repeat themselves.

    Notes
    -----
    A metric that cannot be taken is NaN. A note says why.

    An autoencoder blurs, and blurred images are near to other images, pixel by pixel. So held-out images sent through
    an autoencoder read as copies. The novelty of images is therefore measured relative to ``reconstructions`` if they
    are given, else between features if they are given. Else it is measured between pixels, and a note says so.

    With features, images of one size are resized batch by batch, for the features alone: what is measured between
    pixels keeps their size. Otherwise whole sets are resized, to float32: more than 256 MiB are mapped from a temporary
    file.

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
    image_size = None if image_size is None else images.check_size(image_size)
    extractor = _extractor(features)
    named = given.by_name(generated)
    check_baseline(baseline, list(named))
    every = {"real": real, "train": train, "reconstructions": reconstructions, **given.labelled(named)}
    every = every if value_range is None else given.in_units(every, value_range)
    own_size = getattr(extractor, "image_size", None)
    prepared, said, image_size = given.prepared(
        every, of_features=extractor is not None, image_size=image_size, own_size=own_size
    )
    if extractor is not None and image_size is not None:
        extractor = extractor.resized(image_size)
    real, train, reconstructions = (prepared.get(name) for name in ("real", "train", "reconstructions"))
    sets = {name: [prepared[label] for label in given.labelled({name: several})] for name, several in named.items()}
    judge = _judge(real, train, extractor, wanted, seed, reconstructions)
    said += [] if train is None else _warn_of_overlap(real, train)
    table: list[dict[str, Any]] = []

    def score(rows: Array, run: int, name: str, metrics: Sequence[str] | None = None) -> dict[str, Any]:
        return judge.score(rows, extractor and (lambda: extractor(rows)), run=run, metrics=metrics, name=name)

    def add(name: str, runs: list[dict[str, Any]], reference: bool = False) -> None:
        table.append({"name": name, "reference": reference, **_summary(runs)})
        if on_row is not None:
            on_row(name)

    n_seeds = max(map(len, sets.values()))
    size = len(next(iter(sets.values()))[0])  # of reference rows: that of the samples
    if train is not None:
        add(REAL, [judge.real_run(i, size) for i in range(n_seeds)], reference=True)
        generators = (np.random.default_rng([seed + i, 3]) for i in range(n_seeds))
        copies = [generator.integers(len(train), size=size) for generator in generators]
        add(BOOTSTRAP, [judge.copies_run(drawn, i) for i, drawn in enumerate(copies)], reference=True)
    if reconstructions is not None:
        of = None if train is not None else judge.quality
        add(RECONSTRUCTIONS, [score(reconstructions, 0, "reconstructions", of)], reference=True)
    for name, several in sets.items():
        add(name, [score(rows, i, f"generated[{name!r}]") for i, rows in enumerate(several)])
        if baseline is not None:
            table[-1]["replicates"] = _replicates(judge, several, extractor)
    frechet = getattr(extractor, "frechet_name", "Frechet distance")
    headings = {} if frechet == "Frechet distance" else {"frechet_distance": f"{frechet} ↓"}
    said += notes.of_metrics(wanted, extractor, has_train=train is not None)
    if any(METRICS[name].needs_train for name in wanted):
        said += notes.of_novelty(judge, are_images=_are_images(real))
    said += notes.of_table(table) + ([] if baseline is None else notes.of_intervals(table))
    return Scores(table, said, headings, baseline)


def _extractor(features: Any) -> Any:
    """Return the extractor of features, or None."""
    if features is None or isinstance(features, FeatureExtractor):
        return features
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(features, torch.nn.Module):
        return ModuleFeatures(features)
    if not callable(features):
        raise InvalidTypeError(
            f"features must be a FeatureExtractor, a torch.nn.Module or a callable; got {type(features).__name__}"
        )
    return _OfFunction(features)


class _OfFunction:
    """Features that a function gives, block by block: of images in [0, 1], resized if they are to be."""

    def __init__(self, function: Callable[[Any], Any], image_size: int | None = None) -> None:
        self._function, self._image_size = function, image_size

    def resized(self, image_size: int) -> _OfFunction:
        return _OfFunction(self._function, image_size)

    def __call__(self, rows: Array) -> Array:
        found = []
        with _progress.bar("Features", len(rows)) as progress:
            for block in images.blocks_of(rows):
                some = rows[block] if self._image_size is None else images.resize(rows[block], self._image_size)
                found.append(_arrays.to_numpy(self._function(images.in_units(some))))
                progress.advance(len(some))
        return found[0] if len(found) == 1 else np.concatenate(found)


def _judge(
    real: Array,
    train: Array | None,
    extractor: Any,
    metrics: Sequence[str],
    random_state: int,
    reconstructions: Array | None,
) -> Judge:
    """Return the judge of images or rows; features of training images are taken when they are needed."""
    novelty: Literal["rows", "features"] = "rows"
    features = None
    if extractor is not None:
        if reconstructions is None and _are_images(real):
            novelty = "features"
        needed = {METRICS[name].space for name in metrics if METRICS[name].needs_train}
        every = "features" in needed or (novelty == "features" and needed)
        of_train = None if train is None else extractor(train) if every else lambda drawn: extractor(train[drawn])
        features = (extractor(real), of_train)
    return Judge(
        (real, train),
        features,
        metrics=metrics,
        random_state=random_state,
        fresh=reconstructions,
        novelty=novelty,
    )


def _are_images(real: Array) -> bool:
    """Tell images from latents, as far as that is possible."""
    return real.dtype == np.uint8 or (real.ndim > 2 and float(real.min()) >= 0.0)


def _warn_of_overlap(real: Array, train: Array) -> list[str]:
    """Return a note on held-out rows that are training rows, and warn of them if they are more than natural."""
    found = overlap(real, train)
    if found is None:
        return []
    if not found.is_natural:
        warnings.warn(str(found), UserWarning, stacklevel=3)
    return [str(found)]


def _replicates(judge: Judge, several: Sequence[Array], extractor: Any) -> dict[str, list[float]]:
    """Return the replicates of a source: of its first set, and of its chance too if there is no other set."""
    rows = several[0]
    compared = [name for name in judge.metrics if METRICS[name].better != "reference"]
    return judge.replicates(rows, extractor and (lambda: extractor(rows)), metrics=compared, both=len(several) == 1)


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


def _summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return mean and standard error of each metric over runs with different seeds, and the runs."""
    if len(runs) == 1:
        return dict(runs[0])
    found: dict[str, Any] = {"n": runs[0]["n"], "runs": {}}
    for name in runs[0]:
        if name not in METRICS:
            continue
        values = [float(run[name]) for run in runs]
        found[name] = METRICS[name].over_runs(values)
        if METRICS[name].over_runs is mean:
            found[f"{name}_se"] = float(np.std(values, ddof=1) / np.sqrt(len(values)))
        found["runs"][name] = values
    sizes = {run["n"] for run in runs}
    if len(sizes) > 1:
        found["runs"]["n"] = [run["n"] for run in runs]
    why = {name: reason for run in reversed(runs) for name, reason in run.get("why", {}).items()}
    return found | ({"why": why} if why else {})
