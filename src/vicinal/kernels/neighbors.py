"""Nearest rows, by scikit-learn's blocked and threaded search.

Above 15 dimensions it compares |a|^2 - 2 a b + |b|^2: where clusters are more than about 1e5 times as far apart as
neighbours are, rounding decides between neighbours. The distances to those it finds are measured exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def nearest_rows(queries: Array, points: Array) -> tuple[Array, Array]:
    """Return distance to, and index of, the nearest of ``points`` (m, d) for each of ``queries`` (n, d)."""
    # The search expands |a - b|^2, which loses the digits of what is small against |a|: centre, and measure again.
    centre = points.mean(axis=0, dtype=np.float64)
    index = _nearest(points - centre, queries - centre, 1)[:, 0]
    return np.linalg.norm(queries - points[index], axis=1), index


def nearest_others(points: Array, rows: Array) -> Array:
    """Return, for each index in ``rows``, the distance from that point to the nearest other point."""
    centred = points - points.mean(axis=0, dtype=np.float64)
    neighbors = _nearest(centred, centred[rows], 2)
    # A point is its own nearest neighbour, but need not come first when it has a twin.
    other = np.where(neighbors[:, 0] == rows, neighbors[:, 1], neighbors[:, 0])
    distances: Array = np.linalg.norm(points[rows] - points[other], axis=1)
    return distances


def nth_distances(points: Array, n: int) -> Array:
    """Return, for each of ``points`` (m, d), the distance to its n-th nearest other point, (m,)."""
    from sklearn.neighbors import NearestNeighbors  # late: it takes long to load

    centred = points - points.mean(axis=0, dtype=np.float64)
    neighbors = NearestNeighbors(n_neighbors=n, n_jobs=-1).fit(centred).kneighbors(return_distance=False)
    distances: Array = np.linalg.norm(points - points[neighbors[:, -1]], axis=1)
    return distances


def _nearest(points: Array, queries: Array, n_neighbors: int) -> Array:
    """Return the indices of the nearest points, (n, n_neighbors)."""
    from sklearn.neighbors import NearestNeighbors  # late: it takes long to load

    return NearestNeighbors(n_neighbors=n_neighbors, n_jobs=-1).fit(points).kneighbors(queries, return_distance=False)
