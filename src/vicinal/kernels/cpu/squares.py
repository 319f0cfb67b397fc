"""Squares of distances from a point to many, side by side, and the least of many."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal.kernels.cpu.compiler import jit

Array = np.ndarray[Any, Any]


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
