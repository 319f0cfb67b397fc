"""C_T, a test for data copying: cell by cell, samples must not be nearer to the training data than fresh data are."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from vicinal import neighbors
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal._validation import check_integer
from vicinal.images import blocks_of
from vicinal.metrics._inputs import checked
from vicinal.metrics.ranks import mann_whitney_z

MOST_CELLS = 50
ROWS_PER_CELL = 100  # of held-out data, in the cells that are chosen without being asked
FEWEST_GENERATED = 20
MOST_VALUES = 3 << 24  # of the training rows that k-means is fitted to, which takes 0.8 GB


@checked()
def data_copying_test(
    real: Any, generated: Any, *, train: Any, n_cells: int | None = None, random_state: int = 0
) -> float:
    r"""Return C_T, a test statistic that is far below 0 where samples copy the training data.

    .. math:: C_T = \frac{\sum_c p_c z_c}{\sqrt{\sum_c p_c^2}}

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
        A z value: about standard normal for fresh data. Below -3: copying. Above 3: samples farther from the training
        data than fresh data, too noisy. NaN if no cell counts.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Notes
    -----
    A test statistic: it grows with the square root of n and m, so compare values at equal sizes only. z without
    correction for continuity, with correction for ties. Time O((n + m) k d), threaded. Of training data of more than
    50 million values, k-means is fitted to as many rows as have so many values.

    The paper divides by the sum of p_c instead. Its statistic has the standard deviation sqrt(sum p_c^2) / sum p_c for
    fresh data, 0.3 with ten equal cells; divided by that, it is the one here.

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
    cells = (cells_of(partition, rows) for rows in (real, generated))
    return statistic(*distances, *cells)


def partitioned(train: Any, n_real: int, n_cells: int | None, random_state: int) -> Any:
    """Return k-means of the training rows, or of a part of them that fits in memory, fitted."""
    from sklearn.cluster import KMeans  # late: it takes long to load
    from sklearn.exceptions import ConvergenceWarning

    if n_cells is None:
        n_cells = min(max(n_real // ROWS_PER_CELL, 1), MOST_CELLS, len(train))
    n_cells = check_integer(n_cells, "n_cells", minimum=1)
    if n_cells > len(train):
        raise InvalidInputError(f"n_cells must be at most the number of training rows, {len(train)}; got {n_cells}")
    seed = check_integer(random_state, "random_state", minimum=0, maximum=2**32 - 1)
    most = max(n_cells, MOST_VALUES // train.shape[1])
    few = most < len(train)
    rows = train[np.sort(np.random.default_rng([seed, 6]).permutation(len(train))[:most])] if few else train[:]
    # Products with few dimensions are so small that threads wait for each other longer than they work.
    n_threads = 1 if train.shape[1] < neighbors.FEW_DIMENSIONS else None
    with warnings.catch_warnings(), threadpool_limits(n_threads):
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than cells: some stay empty
        return KMeans(n_cells, n_init=1, random_state=seed, copy_x=False).fit(rows.astype(np.float64))


def cells_of(partition: Any, rows: Any) -> Array:
    """Return the cell of each row, (n,)."""
    cells = [partition.predict(rows[some].astype(np.float64, copy=False)) for some in blocks_of(rows)]
    return np.concatenate(cells)


def statistic(real_distance: Array, distance: Array, real_cells: Array, cells: Array) -> float:
    """Return C_T from distances to the nearest training row, and cells, of held-out and of generated rows."""
    weighted = squares = 0.0
    for cell in np.unique(real_cells):
        fresh, new = real_distance[real_cells == cell], distance[cells == cell]
        if len(new) >= FEWEST_GENERATED:
            weighted += len(fresh) * mann_whitney_z(new, fresh)
            squares += len(fresh) ** 2
    return weighted / math.sqrt(squares) if squares else float("nan")
