"""Nearest rows, by scikit-learn's blocked and threaded search."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

Array = np.ndarray[Any, Any]


def nearest_rows(queries: Array, points: Array) -> tuple[Array, Array]:
    """Return distance to, and index of, the nearest of ``points`` (m, d) for each of ``queries`` (n, d)."""
    # The search expands |a - b|^2, which loses the digits of what is small against |a|: centre, and measure again.
    centre = points.mean(axis=0, dtype=np.float64)
    search = NearestNeighbors(n_neighbors=1).fit(points - centre)
    index = search.kneighbors(queries - centre, return_distance=False)[:, 0]
    return np.linalg.norm(queries - points[index], axis=1), index


def nearest_others(points: Array, rows: Array) -> Array:
    """Return, for each index in ``rows``, the distance from that point to the nearest other point."""
    centred = points - points.mean(axis=0, dtype=np.float64)
    neighbors = NearestNeighbors(n_neighbors=2).fit(centred).kneighbors(centred[rows], return_distance=False)
    # A point is its own nearest neighbour, but need not come first when it has a twin.
    other = np.where(neighbors[:, 0] == rows, neighbors[:, 1], neighbors[:, 0])
    distances: Array = np.linalg.norm(points[rows] - points[other], axis=1)
    return distances
