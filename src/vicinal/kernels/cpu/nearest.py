"""Squared distances from a query to many latents, and nearest-neighbour distances."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal.kernels.cpu.compiling import jit
from vicinal.kernels.cpu.loops import over, parts

_TILE = 256  # latents in a tile
_DIMENSIONS = 8  # after so many dimensions, a search stops if no latent of the tile can be nearest


@jit
def _add_square(total: Any, value: Any, column: Any) -> Any:
    difference = value - column
    return total + difference * difference


@jit
def add_squares(point: Array, columns: Array, first: int, last: int, sums: Array) -> None:
    """Add to sums (m,) the squared differences of a point (d,) and columns (d, m), in dimensions first to last.

    The order of the sum is that of the dimensions. Eight are added at a time, while a sum is in a register.
    """
    eights = first + (last - first) // 8 * 8
    for j in range(first, eights, 8):
        a, b, c, d = point[j], point[j + 1], point[j + 2], point[j + 3]
        e, f, g, h = point[j + 4], point[j + 5], point[j + 6], point[j + 7]
        for i in range(sums.shape[0]):
            total = _add_square(sums[i], a, columns[j, i])
            total = _add_square(total, b, columns[j + 1, i])
            total = _add_square(total, c, columns[j + 2, i])
            total = _add_square(total, d, columns[j + 3, i])
            total = _add_square(total, e, columns[j + 4, i])
            total = _add_square(total, f, columns[j + 5, i])
            total = _add_square(total, g, columns[j + 6, i])
            sums[i] = _add_square(total, h, columns[j + 7, i])
    for j in range(eights, last):
        value = point[j]
        for i in range(sums.shape[0]):
            sums[i] = _add_square(sums[i], value, columns[j, i])


@jit
def least_integer(integers: Array, most: Any) -> Any:
    """Return the smallest of integers, at most ``most``. The compiler cannot vectorise this for floats with NaN."""
    least = most
    for i in range(integers.shape[0]):
        least = integers[i] if integers[i] < least else least
    return least


@jit
def _transpose(latents: Array, first: int, columns: Array) -> None:
    """Copy the latents from ``first`` on into columns; the last latent fills up the tile."""
    for i in range(columns.shape[1]):
        for j in range(columns.shape[0]):
            columns[j, i] = latents[min(first + i, latents.shape[0] - 1), j]


@jit
def _least_squares(queries: Array, latents: Array, other: bool, none: Any, least: Array) -> None:
    d = latents.shape[1]
    columns, squares = np.empty((d, _TILE), latents.dtype), np.empty(_TILE, latents.dtype)
    bits = squares.view(least.dtype)  # has the order of the floats, as none is negative; NaN is above all others
    for first in range(0, latents.shape[0], _TILE):
        _transpose(latents, first, columns)
        for q in range(queries.shape[0]):
            squares[:] = 0
            for start in range(0, d, _DIMENSIONS):
                add_squares(queries[q], columns, start, min(start + _DIMENSIONS, d), squares)
                if other and start + _DIMENSIONS >= d:
                    bits[bits == 0] = none
                nearest = least_integer(bits, none)
                if nearest >= least[q]:  # sums never shrink
                    break
            least[q] = min(least[q], nearest)


def nearest_distances(queries: Array, latents: Array, *, other: bool) -> Array:
    """As `reference.nearest_distances`."""
    least = np.full(len(queries), np.inf, latents.dtype)
    bits = least.view(f"u{latents.itemsize}")
    none = bits.dtype.type(np.array(np.inf, latents.dtype).view(bits.dtype))

    def work(a: int, b: int) -> None:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # NumPy warns if Numba is off
            _least_squares(queries[a:b], latents, other, none, bits[a:b])

    over(parts(len(queries), latents.size // 4), work)
    return np.sqrt(least)
