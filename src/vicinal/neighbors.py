"""Nearest neighbours and the nn ratio: one search and one definition, for metrics and for calibration.

With T the training data, H held-out data and S samples, the nn ratio is

    r = median over S of the distance to the nearest row of T / the same median over H

after each dimension was divided by its spread over T (`Scaling`). It is 0 for copies of the training data and 1 for
samples as far from T as fresh data.

The spread of a dimension is robust: the distance between its 10 % and its 90 % quantile, divided by 2.563, the same
distance for a standard normal. So it is the standard deviation of normal data, and up to a tenth of outliers on each
side leave it bounded. Where these quantiles are equal (a rare event coded as 0 and 1), the spread is the standard
deviation. Where all values are equal, it is 1.

A median does not see some copies among many bold samples. `quantile_ratios` and `copied` show the whole distribution
of distances, and `novelty_test` tests it: samples and held-out rows are sorted together, and there must not be too
many samples among those that are nearest to the training data.

How rows are searched goes by their dimensions:

- below 48, `kernels.nearest` measures them and leaves out what is too far away at a glance;
- from 256 on, `search` takes products of matrices in float32, measures what they leave open, and copies blocks alone;
- between them, scikit-learn takes products in float64. The distances to the neighbours it finds are measured again.

Products compare |a|^2 - 2 a b + |b|^2. Those of scikit-learn let rounding decide between neighbours if clusters are
more than about 1e5 times as far apart as neighbours are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from multiprocessing import current_process
from typing import Any, NamedTuple

import numpy as np

from vicinal import kernels, search
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.kernels import tiles

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NEAREST = 0.01  # share of the fresh data that are called near
LEVEL, TESTED = 0.01, 1000  # of the novelty test: its level, and the most samples that it takes
_TAIL, _NORMAL_WIDTH = 0.1, 2.5631031310892007  # of a spread: quantiles, and their distance for a standard normal
CHUNK = 1 << 23  # values searched together
_COLUMNS = 1 << 22  # values sorted together
_FEW_QUERIES = 2000  # found by one thread before others have started
FEW_DIMENSIONS = 48  # below them, distances are measured at once
_MANY_DIMENSIONS = 256  # from here on, products of blocks in float32 are faster than a search in float64


class Scaling(NamedTuple):
    """Median and robust spread of each dimension, float64 (d,), and the type of the scaled rows."""

    centre: Array
    scale: Array
    dtype: np.dtype

    @classmethod
    def of(cls, rows: Any) -> Scaling:
        """Return the scaling of rows (n, d): an array, or what gives arrays of some columns like one.

        Raises
        ------
        InvalidInputError
            If a spread overflows or underflows.
        """
        n, d = rows.shape
        size = max(1, _COLUMNS // n)  # columns at once, which bounds the memory
        centre, scale = np.empty(d), np.empty(d)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for first in range(0, d, size):
                some = slice(first, first + size)
                columns = np.sort(np.ascontiguousarray(rows[:, some].T), axis=1)
                lower, centre[some], upper = (_quantile(columns, level) for level in (_TAIL, 0.5, 1 - _TAIL))
                spread = (upper - lower) / _NORMAL_WIDTH
                rare = spread == 0
                spread[rare] = columns[rare].std(axis=1, dtype=np.float64)
                spread[columns[:, 0] == columns[:, -1]] = 1.0  # not by std == 0: the mean of equal values may round
                scale[some] = spread
        if not (np.isfinite(scale) & (scale > 0)).all():
            raise InvalidInputError("the spread of the latents is beyond the range of float64: rescale them")
        return cls(centre, scale, rows.dtype)

    def __call__(self, rows: Array) -> Array:
        """Return rows (m, d) with median 0 and spread 1 in each dimension of the data scaled by."""
        with np.errstate(over="ignore"):  # infinity is far away, too
            scaled: Array = ((rows - self.centre) / self.scale).astype(self.dtype, copy=False)
        return scaled


def _quantile(sorted_columns: Array, level: float) -> Array:
    """Return a quantile of rows (d, n) in rising order, float64 (d,), as `numpy.quantile` does."""
    place = level * (sorted_columns.shape[1] - 1)
    low, high = (sorted_columns[:, int(at)].astype(np.float64) for at in (math.floor(place), math.ceil(place)))
    return low + (high - low) * (place % 1.0)


def nn_ratio(distances: Array, fresh_distances: Array) -> float:
    """Return the nn ratio from the scaled distances of samples, (m,), and of fresh data, (n,); NaN if these are 0."""
    return float(quantile_ratios(distances, fresh_distances, [0.5])[0])


def quantile_ratios(distances: Array, fresh_distances: Array, levels: Sequence[float] = QUANTILES) -> Array:
    """Return quantiles of the distances of samples over those of fresh data; NaN where those are 0."""
    quantiles, fresh = np.quantile(distances, levels), np.quantile(fresh_distances, levels)
    return np.divide(quantiles, fresh, out=np.full(len(fresh), np.nan), where=fresh > 0)


def nn_ratio_se(distances: Array, fresh_distances: Array) -> float:
    """Return the standard error of the nn ratio, from the numbers of samples and of fresh data; NaN as for the ratio.

    The rank of the median of n distances has a standard deviation of sqrt(n) / 2. Half of what lies between the
    distances at one standard deviation below and above is the error of the median.
    """
    squares = 0.0
    for each in (distances, fresh_distances):
        step = 0.5 / math.sqrt(len(each))
        low, middle, high = np.quantile(each, (0.5 - step, 0.5, 0.5 + step))
        squares += ((high - low) / 2 / middle) ** 2 if middle > 0 else math.nan
    return nn_ratio(distances, fresh_distances) * math.sqrt(squares)


def copied(distances: Array, fresh_distances: Array) -> tuple[float, float]:
    """Return the share of samples that are as near as the nearest 1 % of fresh data, and its standard error.

    Fresh data have about 0.01 themselves, or more if more than 1 % of them repeat training rows.
    """
    m, n = len(distances), len(fresh_distances)
    k = max(1, math.ceil(NEAREST * n))
    limit = np.partition(fresh_distances, k - 1)[k - 1]
    share, fresh = (float(np.mean(each <= limit)) for each in (distances, fresh_distances))
    return share, math.sqrt(share * (1 - share) / m + fresh * (1 - fresh) / n)


class NoveltyTest(NamedTuple):
    """Result of `novelty_test`: ``n_generated`` samples are among the ``n_nearest`` rows, not ``n_expected``."""

    p_value: float
    n_nearest: int
    n_generated: int
    n_expected: float


def novelty_test(distances: Array, fresh_distances: Array) -> NoveltyTest:
    """Test that no more samples, (m,), are near the training data than fresh data, (n,): see `vicinal.metrics`.

    Equal distances count together. At most `TESTED` samples are taken, evenly spaced.
    """
    from scipy.stats import hypergeom  # late: it takes long to load

    m = len(distances)
    if m > TESTED:
        distances, m = distances[np.linspace(0, m - 1, TESTED).astype(int)], TESTED
    total = m + len(fresh_distances)
    pooled = np.sort(np.concatenate([distances, fresh_distances]))
    n_levels = int(2 * math.log2(total))
    limits = pooled[np.ceil(total / 2 ** (np.arange(1, n_levels + 1) / 2)).astype(int) - 1]
    n_nearest = np.searchsorted(pooled, limits, side="right")
    n_generated = np.searchsorted(np.sort(distances), limits, side="right")
    p_values = hypergeom.sf(n_generated - 1, total, m, n_nearest)
    at = int(p_values.argmin())
    p_value = min(1.0, n_levels * float(p_values[at]))
    return NoveltyTest(p_value, int(n_nearest[at]), int(n_generated[at]), float(n_nearest[at] * m / total))


def novelty_p(distances: Array, fresh_distances: Array) -> float:
    """Return the p-value of `novelty_test`: below `LEVEL`, the samples are too near to the training data somewhere."""
    return novelty_test(distances, fresh_distances).p_value


def nearest_distances(queries: Array, rows: Array, scaling: Scaling, *, other: bool = False) -> Array:
    """Return the scaled distance from each of ``queries`` (m, d) to the nearest of ``rows`` (n, d), (m,).

    With ``other``, rows equal to the query are left out. Of rows in batches, the least distance counts.
    """
    nearest = np.full(len(queries), np.inf)
    for part in np.array_split(rows, -(-rows.size // CHUNK) or 1):  # bounds what copies take
        nearest = np.minimum(nearest, distances_to(tiled(part, scaling), queries, scaling, other=other))
    return nearest


def tiled(rows: Array, scaling: Scaling) -> tiles.Tiles:
    """Return scaled rows (n, d) as `distances_to` takes them; they fit in memory twice."""
    return tiles.tiled(scaling(rows))


def distances_to(rows: tiles.Tiles, queries: Array, scaling: Scaling, *, other: bool = False) -> Array:
    """Return what `nearest_distances` does, for rows in tiles."""
    distances: Array = kernels.select().nearest(scaling(queries), rows, 1, other=other)[0][:, 0]
    return distances


def nearest_rows(queries: Any, rows: Any, scaling: Scaling | None = None) -> tuple[Array, Array]:
    """Return distance to, and index of, the nearest of ``rows`` (m, d) for each of ``queries`` (n, d).

    With a scaling, distances are those of the scaled rows.
    """
    if rows.shape[1] >= _MANY_DIMENSIONS:
        return search.kth_nearest(rows, 1, queries=queries, frame=_frame(scaling))
    queries, rows = (each[:] if scaling is None else scaling(each[:]) for each in (queries, rows))
    distances, index = _nearest(rows, 1, queries)
    return distances[:, 0], index[:, 0]


def nearest_others(rows: Any, chosen: Array) -> Array:
    """Return, for each index in ``chosen``, the distance from that row to the nearest other row."""
    if rows.shape[1] >= _MANY_DIMENSIONS:
        return search.kth_nearest(rows, 1, chosen=chosen)[0]
    return _nearest(rows[:], 1, own=chosen)[0][:, 0]


def nth_distances(rows: Any, n: int, scaling: Scaling | None = None) -> Array:
    """Return, for each of ``rows`` (m, d), the distance to its n-th nearest other row, (m,)."""
    if rows.shape[1] >= _MANY_DIMENSIONS:
        return search.kth_nearest(rows, n, frame=_frame(scaling))[0]
    rows = rows[:] if scaling is None else scaling(rows[:])
    return _nearest(rows, n, own=np.arange(len(rows)))[0][:, -1]


def k_nearest(rows: Any, n: int, queries: Any) -> tuple[Array, Array]:
    """Return distances to, and indices of, the n nearest of ``rows`` (m, d) for each of ``queries`` (k, d), (k, n)."""
    return _nearest(rows[:], n, queries[:])


def _frame(scaling: Scaling | None) -> search.Frame | None:
    return None if scaling is None else search.Frame(scaling.centre, scaling.scale)


def _nearest(
    rows: Array, n_neighbors: int, queries: Array | None = None, own: Array | None = None
) -> tuple[Array, Array]:
    """Return the distances to the nearest rows and their indices, (n, n_neighbors) each, in rising order.

    Queries are given, or they are the rows at ``own``, none of which is its own neighbour.
    """
    if not (np.isfinite(rows).all() and (queries is None or np.isfinite(queries).all())):
        raise InvalidInputError("rows over the spread of their dimensions are beyond float64: rescale or drop some")
    rows = rows.astype(np.float64, copy=False)
    queries = rows[own] if queries is None else queries.astype(np.float64, copy=False)
    if rows.shape[1] < FEW_DIMENSIONS:
        found: tuple[Array, Array] = kernels.select().nearest(queries, tiles.tiled(rows), n_neighbors, own=own)
        return found
    return _by_products(rows, n_neighbors, queries, own)


def _by_products(rows: Array, n_neighbors: int, queries: Array, own: Array | None) -> tuple[Array, Array]:
    """Do as `_nearest` by the search of scikit-learn."""
    from sklearn.neighbors import NearestNeighbors  # late: it takes long to load

    centre = rows.mean(axis=0)  # for the search loses the digits of what is small against the rows
    # Workers of dask are daemons, which have threads of their own.
    n_jobs = None if len(queries) < _FEW_QUERIES or current_process().daemon else -1
    finder = NearestNeighbors(n_neighbors=n_neighbors + (own is not None), n_jobs=n_jobs).fit(rows - centre)
    index = finder.kneighbors(queries - centre, return_distance=False)
    if own is not None:  # a row is its own nearest neighbour, but need not come first, or at all, when it has twins
        at = np.argmax(np.append(index[:, :-1] == own[:, None], np.ones((len(own), 1), bool), axis=1), axis=1)
        index = index[np.arange(n_neighbors + 1) != at[:, None]].reshape(len(own), n_neighbors)
    distances = np.stack([np.linalg.norm(queries - rows[nth], axis=1) for nth in index.T], axis=1)
    return distances, index
