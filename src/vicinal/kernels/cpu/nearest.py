"""Distances to nearest points."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal.kernels.cpu.compiler import jit
from vicinal.kernels.cpu.squares import add_squares, least_integer
from vicinal.kernels.cpu.threads import over, parts

Array = np.ndarray[Any, Any]

_TILE = 256  # points that a query is compared with in one go
_DIMENSIONS = 8  # after which it is seen whether one of them can still be the nearest


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
