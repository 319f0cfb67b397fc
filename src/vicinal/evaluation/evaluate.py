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

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from vicinal import _validation, images
from vicinal._arrays import Array
from vicinal.evaluation import by_class, given, notes, published
from vicinal.evaluation.catalogue import COLUMNS, METRICS, OF_CLASSES
from vicinal.evaluation.functions import extractor_of
from vicinal.evaluation.judge import Judge
from vicinal.evaluation.overlap import overlap
from vicinal.evaluation.scores import Scores, check_baseline
from vicinal.evaluation.table import headings_of, metrics_of, rows_of
from vicinal.metrics import Moments


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
    real_labels: Any = None,
    generated_labels: Any = None,
    train_labels: Any = None,
    random_state: int = 0,
    on_row: Callable[[str], None] | None = None,
) -> Scores:
    """Score generated data against held-out real data.

    Parameters
    ----------
    real : array_like of shape (n, *shape), or Moments
        Held-out data: images or latents. Not the data that the generator was trained on. `vicinal.metrics.Moments` are
        their statistics, such as published ones. Columns of data frames are matched by name in all sets.
    generated : array_like of shape (m, *shape) or Moments, list of those, or mapping of str to either
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
    real_labels, generated_labels, train_labels : array_like of shape (n,), (m,) and (k,), optional
        Class of each row, strings or integers. ``generated_labels`` has the structure of ``generated``. The first two
        add the Frechet distance and the coverage within classes, as means over the classes (see Notes). The third adds
        what real data score there.
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

    Of statistics, only the Frechet distance can be taken. Other columns are left out where real or all samples are
    statistics, and features must be given unless both are. Statistics that name other features are refused.

    Within classes: the mean over the classes of the distance, or coverage, between the rows of a class. Of Inception
    features that is the intra-FID (Miyato & Koyama 2018, arXiv:1802.05637). Classes with fewer than 6 rows in some set
    are left out, with a note. A note names the worst class. ``by_class`` of a row has the value of each.
    With features, images of one size are resized batch by batch, for the features alone: what is measured between
    pixels keeps their size. Otherwise whole sets are resized, to float32: more than 256 MiB are mapped from a temporary
    file.

    Memory: what is given, the features, and at most 1 GB, or six matrices of n_features squared. Between pixels the
    Frechet distance holds the held-out rows and the samples in float64, or these matrices.

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
    given_labels = (real_labels, generated_labels, train_labels)
    wanted = metrics_of(metrics, train is not None, any(each is not None for each in given_labels))
    image_size = None if image_size is None else images.check_size(image_size)
    extractor = extractor_of(features)
    named = given.by_name(generated, real)
    check_baseline(baseline, list(named))
    every = {"real": real, "train": train, "reconstructions": reconstructions, **given.labelled(named)}
    statistics = published.found_in(every)
    every = every if value_range is None else given.in_units(every, value_range)
    own_size = getattr(extractor, "image_size", None)
    prepared, said, image_size = given.prepared(
        every, of_features=extractor is not None, image_size=image_size, own_size=own_size
    )
    if extractor is not None and image_size is not None:
        extractor = extractor.resized(image_size)
    found: dict[str, Any] = prepared | statistics
    real, train, reconstructions = (found.get(name) for name in ("real", "train", "reconstructions"))
    sets = {name: [found[label] for label in given.labelled({name: several})] for name, several in named.items()}
    labels = by_class.matched(*given_labels, real=real, train=train, sets=sets)
    if statistics:
        published.check(statistics, prepared, extractor)
        wanted, more = published.metrics_of(wanted, statistics, prepared, sets, extractor)
        said += more
    judge = _judge(real, train, extractor, wanted, seed, reconstructions, labels)
    said += [] if train is None or "real" in statistics else _warn_of_overlap(real, train)
    table: list[dict[str, Any]] = []
    for row in rows_of(judge, sets, train, reconstructions, extractor, labels, seed):
        table.append(row)
        if baseline is not None and not row["reference"] and not statistics:
            row["replicates"] = _replicates(judge, sets[row["name"]], extractor)
        if on_row is not None:
            on_row(row["name"])
    said += notes.of_metrics(wanted, extractor if prepared else None, has_train=train is not None)
    if any(METRICS[name].needs_train for name in wanted if name in METRICS):
        said += notes.of_novelty(judge, are_images=_are_images(real))
    said += [] if labels is None else by_class.notes_of(labels, table, judge.n_features)
    said += notes.of_table(table) + ([] if baseline is None else notes.of_intervals(table))
    return Scores(table, said, headings_of(extractor if prepared else None, statistics), baseline)


def _judge(
    real: Any,
    train: Array | None,
    extractor: Any,
    metrics: Sequence[str],
    random_state: int,
    reconstructions: Array | None,
    labels: by_class.Labels | None,
) -> Any:
    """Return the judge of images or rows; features of training images are taken when they are needed."""
    if isinstance(real, Moments):
        return published.Against(real, train, extractor, random_state)
    novelty: Literal["rows", "features"] = "rows"
    features = None
    if extractor is not None:
        if reconstructions is None and _are_images(real):
            novelty = "features"
        needed = {COLUMNS[name].space for name in metrics if COLUMNS[name].needs_train}
        every = "features" in needed or (novelty == "features" and needed)
        of_train: Any = None
        if train is not None:
            of_train = extractor(train) if every else lambda drawn: extractor(images.taken(train, drawn))
        features = (extractor(real), of_train)
    return Judge(
        (real, train),
        features,
        metrics=metrics,
        random_state=random_state,
        fresh=reconstructions,
        novelty=novelty,
        labels=labels,
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
    compared = [name for name in judge.metrics if COLUMNS[name].better != "reference" and name not in OF_CLASSES]
    return judge.replicates(rows, extractor and (lambda: extractor(rows)), metrics=compared, both=len(several) == 1)
