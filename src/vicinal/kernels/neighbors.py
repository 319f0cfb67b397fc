"""Nearest rows, by scikit-learn's blocked and threaded search."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

Array = np.ndarray[Any, Any]


def nearest_rows(queries: Array, points: Array) -> tuple[Array, Array]:
    """Return distance to, and index of, the nearest of ``points`` (m, d) for each of ``queries`` (n, d)."""
    index = NearestNeighbors(n_neighbors=1).fit(points).kneighbors(queries, return_distance=False)[:, 0]
    # The search expands |a - b|^2, which loses the digits of a small distance: take it again.
    return np.linalg.norm(queries - points[index], axis=1), index


def nearest_others(points: Array, rows: Array) -> Array:
    """Return, for each index in ``rows``, the distance from that point to the nearest other point."""
    neighbors = NearestNeighbors(n_neighbors=2).fit(points).kneighbors(points[rows], return_distance=False)
    # A point is its own nearest neighbour, but need not come first when it has a twin.
    other = np.where(neighbors[:, 0] == rows, neighbors[:, 1], neighbors[:, 0])
    distances: Array = np.linalg.norm(points[rows] - points[other], axis=1)
    return distances
