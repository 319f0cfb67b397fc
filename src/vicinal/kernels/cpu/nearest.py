"""Squares of distances from a point to many, and the distance to the nearest."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal.kernels.cpu.loops import jit, over, parts

_TILE = 256  # points that a query is compared with in one go
_DIMENSIONS = 8  # after which it is seen whether one of them can still be the nearest


@jit
def _added(total: Any, value: Any, column: Any) -> Any:
    gap = value - column
    return total + gap * gap


@jit
def add_squares(point: Array, columns: Array, first: int, last: int, sums: Array) -> None:
    """Add the squares of the gaps between a point (d,) and the columns (d, m) in dimensions first to last to sums (m,).

    One dimension after the other, but eight of them while a sum is at hand.
    """
    eights = first + (last - first) // 8 * 8
    for j in range(first, eights, 8):
        a, b, c, d = point[j], point[j + 1], point[j + 2], point[j + 3]
        e, f, g, h = point[j + 4], point[j + 5], point[j + 6], point[j + 7]
        for i in range(sums.shape[0]):
            total = _added(sums[i], a, columns[j, i])
            total = _added(total, b, columns[j + 1, i])
            total = _added(total, c, columns[j + 2, i])
            total = _added(total, d, columns[j + 3, i])
            total = _added(total, e, columns[j + 4, i])
            total = _added(total, f, columns[j + 5, i])
            total = _added(total, g, columns[j + 6, i])
            sums[i] = _added(total, h, columns[j + 7, i])
    for j in range(eights, last):
        value = point[j]
        for i in range(sums.shape[0]):
            sums[i] = _added(sums[i], value, columns[j, i])


@jit
def least_integer(integers: Array, most: Any) -> Any:
    """Return the least of integers, or ``most``: a loop over floats, which may be NaN, is not vectorised."""
    least = most
    for i in range(integers.shape[0]):
        least = integers[i] if integers[i] < least else least
    return least


@jit
def _fill(points: Array, first: int, columns: Array) -> None:
    """Turn the points from ``first`` on into columns; where there are too few, the last is repeated."""
    for i in range(columns.shape[1]):
        for j in range(columns.shape[0]):
            columns[j, i] = points[min(first + i, points.shape[0] - 1), j]


@jit
def _least_squares(queries: Array, points: Array, other: bool, none: Any, least: Array) -> None:
    d = points.shape[1]
    columns, squares = np.empty((d, _TILE), points.dtype), np.empty(_TILE, points.dtype)
    bits = squares.view(least.dtype)  # in the order of the floats, none of which is negative; NaN is above them all
    for first in range(0, points.shape[0], _TILE):
        _fill(points, first, columns)
        for q in range(queries.shape[0]):
            squares[:] = 0
            for start in range(0, d, _DIMENSIONS):
                add_squares(queries[q], columns, start, min(start + _DIMENSIONS, d), squares)
                if other and start + _DIMENSIONS >= d:
                    bits[bits == 0] = none
                nearest = least_integer(bits, none)
                if nearest >= least[q]:  # sums only grow
                    break
            least[q] = min(least[q], nearest)


def nearest_distances(queries: Array, points: Array, *, other: bool) -> Array:
    """As `reference.nearest_distances`."""
    least = np.full(len(queries), np.inf, points.dtype)
    bits = least.view(f"u{points.itemsize}")
    none = bits.dtype.type(np.array(np.inf, points.dtype).view(bits.dtype))

    def work(a: int, b: int) -> None:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # without the compiler there are warnings
            _least_squares(queries[a:b], points, other, none, bits[a:b])

    over(parts(len(queries), points.size // 4), work)
    return np.sqrt(least)
