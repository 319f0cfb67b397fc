"""Nearest neighbours and the nn ratio: one search and one definition, for metrics and for calibration.

With T the training data, H held-out data and S samples, the nn ratio is

    r = median over S of the distance to the nearest row of T / the same median over H

after each dimension was divided by its standard deviation over T (`Scaling`). It is 0 for copies of the training data
and 1 for samples as new as fresh data.

`nearest_rows`, `nearest_others` and `nth_distances` use the blocked and threaded search of scikit-learn. Above 15
dimensions it compares |a|^2 - 2 a b + |b|^2, so rounding decides between neighbours if clusters are more than about
1e5 times as far apart as neighbours are. The distances to the neighbours that it finds are then measured exactly.
`nearest_distances` takes the rows in batches and calls the kernel of the same name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from vicinal import kernels
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError

_CHUNK = 1 << 23  # values searched together


class Scaling(NamedTuple):
    """Mean and standard deviation of each dimension, float64 (d,), and the type of the scaled rows."""

    centre: Array
    scale: Array
    dtype: np.dtype

    @classmethod
    def of(cls, rows: Array) -> Scaling:
        """Return the scaling of rows (n, d); a constant dimension has scale 1.

        Raises
        ------
        InvalidInputError
            If squares of the values overflow or underflow.
        """
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            centre, scale = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
        scale[rows.min(axis=0) == rows.max(axis=0)] = 1.0  # not by std == 0: the mean of equal values may round
        if not (np.isfinite(scale) & (scale > 0)).all():
            raise InvalidInputError("squares of the latents are beyond the range of float64: rescale them")
        return cls(centre, scale, rows.dtype)

    def __call__(self, rows: Array) -> Array:
        """Return rows (m, d) with mean 0 and standard deviation 1 in each dimension of the data scaled by."""
        with np.errstate(over="ignore"):  # infinity is far away, too
            scaled: Array = ((rows - self.centre) / self.scale).astype(self.dtype, copy=False)
        return scaled


def nn_ratio(distances: Array, fresh_distances: Array) -> float:
    """Return the nn ratio from the scaled distances of samples, (m,), and of fresh data, (n,); NaN if these are 0."""
    fresh = float(np.median(fresh_distances))
    return float(np.median(distances)) / fresh if fresh > 0 else float("nan")


def nearest_distances(queries: Array, batches: Iterable[Array], scaling: Scaling, *, other: bool = False) -> Array:
    """Return the scaled distance from each of ``queries`` (m, d) to the nearest row of all batches, (m,).

    With ``other``, rows equal to the query are left out.
    """
    nearest, scaled = np.full(len(queries), np.inf), scaling(queries)
    for batch in batches:
        for part in np.array_split(batch, -(-batch.size // _CHUNK) or 1):  # bounds what copies take
            distances = kernels.select().nearest_distances(scaled, scaling(part), other=other)
            nearest = np.minimum(nearest, distances)
    return nearest


def nearest_rows(queries: Array, rows: Array) -> tuple[Array, Array]:
    """Return distance to, and index of, the nearest of ``rows`` (m, d) for each of ``queries`` (n, d)."""
    index = _nearest(rows, 1, queries)[:, 0]
    return np.linalg.norm(queries - rows[index], axis=1), index


def nearest_others(rows: Array, chosen: Array) -> Array:
    """Return, for each index in ``chosen``, the distance from that row to the nearest other row."""
    nearest = _nearest(rows, 2, rows[chosen])
    # A row is its own nearest neighbour, but need not come first when it has a twin.
    other = np.where(nearest[:, 0] == chosen, nearest[:, 1], nearest[:, 0])
    return np.linalg.norm(rows[chosen] - rows[other], axis=1)


def nth_distances(rows: Array, n: int) -> Array:
    """Return, for each of ``rows`` (m, d), the distance to its n-th nearest other row, (m,)."""
    return np.linalg.norm(rows - rows[_nearest(rows, n)[:, -1]], axis=1)


def _nearest(rows: Array, n_neighbors: int, queries: Array | None = None) -> Array:
    """Return the indices of the nearest rows, (n, n_neighbors); without queries, of the other rows to each row."""
    from sklearn.neighbors import NearestNeighbors  # late: it takes long to load

    # The search expands |a - b|^2, which loses the digits of what is small against |a|: centre, and measure again.
    centre = rows.mean(axis=0, dtype=np.float64)
    search = NearestNeighbors(n_neighbors=n_neighbors, n_jobs=-1).fit(rows - centre)
    return search.kneighbors(None if queries is None else queries - centre, return_distance=False)
