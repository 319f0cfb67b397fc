"""Novelty: how far samples are from the data they were learned from, and whether they are closer than fresh data."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from vicinal import neighbors
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal._validation import check_integer
from vicinal.metrics._inputs import checked

MOST_CELLS = 50
ROWS_PER_CELL = 100  # of held-out data, in the cells that are chosen without being asked
FEWEST_GENERATED = 20


@checked()
def nn_ratio(real: Any, generated: Any, *, train: Any) -> float:
    """Return how far samples are from the training data, in units of how far fresh data are.

    The median distance from a sample to its nearest training row, over the same for held-out rows. Each dimension
    is first divided by its robust spread over the training rows. The calibration of samplers takes the same
    ratio: `vicinal.neighbors` has the definition.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Held-out data and samples.
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
    return neighbors.nn_ratio(scaled_distances(train, generated), scaled_distances(train, real))


def scaled_distances(train: Array, rows: Array) -> Array:
    """Return the distance from each of ``rows`` (n, d) to the nearest training row, in spreads, (n,)."""
    scaling = neighbors.Scaling.of(train)
    return neighbors.nearest_rows(scaling(rows), scaling(train))[0]


@checked()
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
        In [0, 100]. Copies give 0. Fresh data give well under 100, since some of them are close to a training row:
        compare with the value of held-out data.

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
    return authentic_percentage(train, *neighbors.nearest_rows(generated, train))


def authentic_percentage(train: Array, distance: Array, index: Array) -> float:
    """Return AuthPct of samples at ``distance`` (m,) from their nearest training rows, ``index`` (m,)."""
    if len(train) < 2:
        raise InvalidInputError("train must have at least 2 rows, or no row has a neighbour; got 1")
    needed, inverse = np.unique(index, return_inverse=True)
    return float(100.0 * np.mean(distance > neighbors.nearest_others(train, needed)[inverse]))


@checked()
def data_copying_test(
    real: Any, generated: Any, *, train: Any, n_cells: int | None = None, random_state: int = 0
) -> float:
    r"""Return C_T, a test statistic that is far below 0 where samples copy the training data.

    .. math:: C_T = \frac{\sum_c p_c z_c}{\sum_c p_c}

    over the cells c of a k-means partition of the training data; p_c is the share of the held-out rows in c, and z_c
    the Mann-Whitney z of the hypothesis that in c a generated row is as far from its nearest training row as a
    held-out one. Cells with less than 20 generated rows, or without a held-out row, do not count.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Held-out data and samples.
    train : array_like of shape (k, *shape)
        The data that the sampler was fitted to.
    n_cells : int, optional
        Cells of the partition; None takes one for every 100 held-out rows, from 1 to 50.
    random_state : int
        Seed of k-means.

    Returns
    -------
    float
        About standard normal for fresh data where all is one cell, and narrower with more. Below -3: copying. Above
        3: samples farther from the training data than fresh data, too noisy. NaN if no cell counts.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Notes
    -----
    A test statistic: it grows with the square root of n and m, so compare values at equal sizes only. z without
    correction for continuity, with correction for ties. Time O((n + m) k d), threaded.

    References
    ----------
    C. Meehan, K. Chaudhuri, S. Dasgupta, "A non-parametric test to detect data-copying in generative models", 2020,
    arXiv:2004.05675.

    Examples
    --------
    >>> import numpy as np
    >>> train, real, fresh = np.random.default_rng(0).normal(size=(3, 1000, 2))
    >>> copies = train + 0.001
    >>> data_copying_test(real, copies, train=train) < -3 < data_copying_test(real, fresh, train=train) < 3
    True
    """
    partition = partitioned(train, len(real), n_cells, random_state)
    distances = (neighbors.nearest_rows(rows, train)[0] for rows in (real, generated))
    cells = (partition.predict(rows) for rows in (real, generated))
    return statistic(*distances, *cells)


def partitioned(train: Array, n_real: int, n_cells: int | None, random_state: int) -> Any:
    """Return k-means of the training rows, fitted."""
    from sklearn.cluster import KMeans  # late: it takes long to load
    from sklearn.exceptions import ConvergenceWarning

    if n_cells is None:
        n_cells = min(max(n_real // ROWS_PER_CELL, 1), MOST_CELLS, len(train))
    n_cells = check_integer(n_cells, "n_cells", minimum=1)
    if n_cells > len(train):
        raise InvalidInputError(f"n_cells must be at most the number of training rows, {len(train)}; got {n_cells}")
    seed = check_integer(random_state, "random_state", minimum=0, maximum=2**32 - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than cells: some stay empty
        return KMeans(n_cells, n_init=1, random_state=seed).fit(train)


def statistic(real_distance: Array, distance: Array, real_cells: Array, cells: Array) -> float:
    """Return C_T from distances to the nearest training row, and cells, of held-out and of generated rows."""
    weighted = weights = 0.0
    for cell in np.unique(real_cells):
        fresh, new = real_distance[real_cells == cell], distance[cells == cell]
        if len(new) >= FEWEST_GENERATED:
            weighted += len(fresh) * _mann_whitney_z(new, fresh)
            weights += len(fresh)
    return weighted / weights if weights else float("nan")


def _mann_whitney_z(first: Array, second: Array) -> float:
    """Return how many standard deviations ``first`` ranks above what equal distributions would give."""
    from scipy.stats import rankdata

    m, n = len(first), len(second)
    ranks = rankdata(np.concatenate([first, second]))
    ties = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    total = m + n
    variance = m * n / 12.0 * (total + 1 - (ties**3 - ties).sum() / (total * (total - 1)))
    if variance <= 0:
        return 0.0  # all distances are equal
    statistic = ranks[:m].sum() - m * (m + 1) / 2.0
    return float((statistic - m * n / 2.0) / np.sqrt(variance))
