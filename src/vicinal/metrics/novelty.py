"""Novelty: how far samples are from the data they were learned from."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import neighbors
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.metrics._inputs import check_sets


def nn_ratio(real: Any, generated: Any, *, train: Any) -> float:
    """Return how far samples are from the training data, in units of how far fresh data are.

    The median distance from a sample to its nearest training row, over the same for held-out rows. Each dimension
    is first divided by its standard deviation over the training rows. The calibration of samplers takes the same
    ratio: `vicinal.neighbors` has the definition.

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
    return neighbors.nn_ratio(scaled_distances(train, generated), scaled_distances(train, real))


def scaled_distances(train: Array, rows: Array) -> Array:
    """Return the distance from each of ``rows`` (n, d) to the nearest training row, in standard deviations, (n,)."""
    scaling = neighbors.Scaling.of(train)
    return neighbors.nearest_rows(scaling(rows), scaling(train))[0]


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
    return authentic_percentage(train, *neighbors.nearest_rows(generated, train))


def authentic_percentage(train: Array, distance: Array, index: Array) -> float:
    """Return AuthPct of samples at ``distance`` (m,) from their nearest training rows, ``index`` (m,)."""
    if len(train) < 2:
        raise InvalidInputError("train must have at least 2 rows, or no row has a neighbour; got 1")
    needed, inverse = np.unique(index, return_inverse=True)
    return float(100.0 * np.mean(distance > neighbors.nearest_others(train, needed)[inverse]))
