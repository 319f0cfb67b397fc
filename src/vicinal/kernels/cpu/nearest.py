"""Distances to nearest points."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal.kernels.cpu.compiler import jit
from vicinal.kernels.cpu.threads import over, parts

Array = np.ndarray[Any, Any]

_TILE = 256  # points that a query is compared with in one go


@jit
def _least_squares(queries: Array, points: Array, other: bool, none: Any, least: Array) -> None:
    d = points.shape[1]
    columns, squares = np.empty((d, _TILE), points.dtype), np.empty(_TILE, points.dtype)
    # As unsigned integers, numbers that are not negative are in the same order, and NaN is above them all. The least of
    # integers is found in a vectorised loop.
    bits = squares.view(least.dtype)
    for first in range(0, points.shape[0], _TILE):
        size = min(_TILE, points.shape[0] - first)
        for i in range(_TILE):  # the last tile is filled up with its last point
            for j in range(d):
                columns[j, i] = points[first + min(i, size - 1), j]
        for q in range(queries.shape[0]):
            squares[:] = 0
            for j in range(d):
                value = queries[q, j]
                for i in range(_TILE):
                    gap = value - columns[j, i]
                    squares[i] += gap * gap
            if other:
                for i in range(_TILE):
                    bits[i] = none if bits[i] == 0 else bits[i]
            best = least[q]
            for i in range(_TILE):
                best = bits[i] if bits[i] < best else best
            least[q] = best


def nearest_distances(queries: Array, points: Array, *, other: bool) -> Array:
    """As `reference.nearest_distances`."""
    least = np.full(len(queries), np.inf, points.dtype)
    bits = least.view(f"u{points.itemsize}")
    none = bits.dtype.type(np.array(np.inf, points.dtype).view(bits.dtype))

    def work(a: int, b: int) -> None:
        _least_squares(queries[a:b], points, other, none, bits[a:b])

    over(parts(len(queries), points.size // 4), work)
    return np.sqrt(least)
