"""Novelty: how far samples are from the data they were learned from."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal._errors import InvalidInputError
from vicinal.kernels.neighbors import nearest_others, nearest_rows
from vicinal.metrics._inputs import check_sets

Array = np.ndarray[Any, Any]


def typical_distance(train: Array, rows: Array) -> float:
    """Return the median distance from ``rows`` to the nearest of ``train``, in standard deviations of ``train``.

    Both are float64, (k, d) and (n, d); a constant dimension is left as it is.
    """
    scale = train.std(axis=0)
    scale[(scale == 0) | (train.min(axis=0) == train.max(axis=0))] = 1.0  # the mean of equal values may round
    return float(np.median(nearest_rows(rows / scale, train / scale)[0]))


def nn_ratio(real: Any, generated: Any, *, train: Any) -> float:
    """Return how far samples are from the training data, in units of how far fresh data are.

    The median distance from a sample to its nearest training row, over the same for held-out rows;
    each dimension is first divided by its standard deviation over the training rows.

    Parameters
    ----------
    real : array_like of shape (n, *shape)
        Held-out data.
    generated : array_like of shape (m, *shape)
        Samples.
    train : array_like of shape (k, *shape)
        The data that the sampler was fitted to.

    Returns
    -------
    float
        0 for copies, 1 for samples as new as fresh data. NaN if half of the held-out rows are
        themselves copies of training rows.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(3, 1000, 2))
    >>> nn_ratio(x[0], x[2], train=x[2])
    0.0
    >>> 0.8 < nn_ratio(x[0], x[1], train=x[2]) < 1.2
    True
    """
    train, real, generated = check_sets(train=train, real=real, generated=generated)
    return ratio(typical_distance(train, generated), typical_distance(train, real))


def ratio(new: float, fresh: float) -> float:
    """Return new / fresh, or NaN where fresh data are copies."""
    return new / fresh if fresh > 0 else float("nan")


def authenticity(train: Any, generated: Any) -> float:
    """Return AuthPct, the share of samples that are not near-copies of a training row, in percent.

    A sample is authentic if it is farther from its nearest training row than that row is from its own
    nearest neighbour among the training rows.

    Parameters
    ----------
    train : array_like of shape (k, *shape)
        The data that the sampler was fitted to, at least two rows.
    generated : array_like of shape (m, *shape)
        Samples.

    Returns
    -------
    float
        In [0, 100]. Copies give 0; fresh data give well under 100, since they too have near neighbours: compare with
        the held-out data.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    References
    ----------
    A. Alaa et al., "How faithful is your synthetic data? Sample-level metrics for evaluating and
    auditing generative models", 2022, arXiv:2102.08921.

    Examples
    --------
    >>> authenticity([[0.0], [1.0], [10.0]], [[0.5], [2.5], [10.0], [30.0]])
    50.0
    """
    train, generated = check_sets(train=train, generated=generated)
    if len(train) < 2:
        raise InvalidInputError("train must have at least 2 rows, or no row has a neighbour; got 1")
    return authentic_percentage(train, *nearest_rows(generated, train))


def authentic_percentage(train: Array, distance: Array, index: Array) -> float:
    """Return AuthPct of samples at ``distance`` (m,) from their nearest training rows, ``index`` (m,)."""
    needed, inverse = np.unique(index, return_inverse=True)
    return float(100.0 * np.mean(distance > nearest_others(train, needed)[inverse]))
