"""Squared distances from a query to many latents, and searches among latents in tiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal.kernels.cpu.compiling import jit
from vicinal.kernels.cpu.loops import over, parts
from vicinal.kernels.tiles import Tiles

_QUERIES = 64  # that take turns at a tile while it is in the cache
_DIMENSIONS = 8  # after so many dimensions, a search stops if no latent of the tile can be nearest
_SAVED = 16  # of so many values in the tiles, about one is looked at


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
def _to_boxes(point: Array, lower: Array, upper: Array, sums: Array) -> None:
    """Set sums (t,) to lower bounds of the squared distances from a point (d,) to what is in the boxes (d, t)."""
    none = sums.dtype.type(0)
    sums[:] = 0
    for j in range(point.shape[0]):
        value = point[j]
        for i in range(sums.shape[0]):
            below, above = lower[j, i] - value, value - upper[j, i]
            outside = below if below > above else above
            outside = outside if outside > none else none
            sums[i] += outside * outside


@jit
def _reaches(point: Array, columns: Array, most: Any, none: Any, other: bool, squares: Array, bits: Array) -> bool:
    """Set squares (s,) to the squared distances from a point to a tile, and tell if one is at most ``most``.

    If none is, some dimensions may be left out. With ``other``, squares of 0 become ``none``.
    """
    d = columns.shape[0]
    squares[:] = 0
    for start in range(0, d, _DIMENSIONS):
        add_squares(point, columns, start, min(start + _DIMENSIONS, d), squares)
        if other and start + _DIMENSIONS >= d:
            bits[bits == 0] = none
        if least_integer(bits, none) > most:  # sums never shrink
            return False
    return True


@jit
def _insert(bits: Array, numbers: Array, own: int, best: Array, found: Array) -> None:
    """Sort the latents of a tile into the k nearest, best and found (k,), by distance and then by numbers."""
    last = best.shape[0] - 1
    for i in range(bits.shape[0]):
        if bits[i] > best[last] or (bits[i] == best[last] and numbers[i] >= found[last]) or numbers[i] == own:
            continue
        j = last
        while j > 0 and (best[j - 1] > bits[i] or (best[j - 1] == bits[i] and found[j - 1] > numbers[i])):
            best[j], found[j] = best[j - 1], found[j - 1]
            j -= 1
        best[j], found[j] = bits[i], numbers[i]


@jit
def _nearest(queries: Array, tiles: Any, own: Array, other: bool, none: Any, best: Array, found: Array) -> None:
    columns, numbers, lower, upper = tiles
    t, k = columns.shape[0], best.shape[1]
    away, squares = np.empty((_QUERIES, t), columns.dtype), np.empty(columns.shape[2], columns.dtype)
    away_bits, bits = away.view(best.dtype), squares.view(best.dtype)  # have the order of the floats: none is negative
    firsts = np.zeros(_QUERIES, np.int64)
    for start in range(0, queries.shape[0] if t else 0, _QUERIES):
        some = min(_QUERIES, queries.shape[0] - start)
        for i in range(some):  # at first the nearest box, so that few others are left
            q = start + i
            _to_boxes(queries[q], lower, upper, away[i])
            first = 0
            for tile in range(t):
                first = tile if away_bits[i, tile] < away_bits[i, first] else first
            firsts[i] = first
            if _reaches(queries[q], columns[first], best[q, k - 1], none, other, squares, bits):
                _insert(bits, numbers[first], own[q], best[q], found[q])
        for tile in range(t):
            for i in range(some):
                q = start + i
                most = best[q, k - 1]
                if away_bits[i, tile] > most or tile == firsts[i]:
                    continue
                if _reaches(queries[q], columns[tile], most, none, other, squares, bits):
                    _insert(bits, numbers[tile], own[q], best[q], found[q])


@jit
def _inside(
    queries: Array, limits: Array, limit_bits: Array, tiles: Any, margins: Array, none: Any, counts: Array, hits: Array
) -> None:
    columns, numbers, lower, upper = tiles
    t = columns.shape[0]
    away, squares = np.empty((_QUERIES, t), columns.dtype), np.empty(columns.shape[2], columns.dtype)
    bits = squares.view(limit_bits.dtype)
    for start in range(0, queries.shape[0], _QUERIES):
        some = min(_QUERIES, queries.shape[0] - start)
        for i in range(some):
            _to_boxes(queries[start + i], lower, upper, away[i])
        for tile in range(t):
            for i in range(some):
                q = start + i
                if not away[i, tile] < limits[q]:
                    continue
                if _reaches(queries[q], columns[tile], limit_bits[q], none, False, squares, bits):
                    for place in range(squares.shape[0]):
                        if squares[place] < limits[q] and squares[place] + margins[numbers[tile, place]] < limits[q]:
                            counts[q] += 1
                            hits[numbers[tile, place]] += 1


def nearest(
    queries: Array, tiles: Tiles, k: int, *, own: Array | None = None, other: bool = False
) -> tuple[Array, Array]:
    """As `reference.nearest`."""
    squares = np.full((len(queries), k), np.inf, tiles.columns.dtype)
    found, bits = np.full(squares.shape, tiles.n), squares.view(f"u{squares.itemsize}")
    own = np.full(len(queries), -1) if own is None else own

    def work(a: int, b: int) -> None:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # NumPy warns if Numba is off
            _nearest(queries[a:b], tiles[:4], own[a:b], other, _none(bits), bits[a:b], found[a:b])

    over(parts(len(queries), tiles.columns.size // _SAVED), work)
    return np.sqrt(squares), found


def inside(queries: Array, limits: Array, tiles: Tiles, margins: Array) -> tuple[Array, Array]:
    """As `reference.inside`."""
    counts = np.zeros(len(queries), np.int64)

    def work(a: int, b: int) -> Array:
        hits = np.zeros(tiles.n, np.int64)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            _inside(queries[a:b], limits[a:b], bits[a:b], tiles[:4], margins, _none(bits), counts[a:b], hits)
        return hits

    bits = limits.view(f"u{limits.itemsize}")
    return counts, sum(over(parts(len(queries), tiles.columns.size // _SAVED), work))


def _none(bits: Array) -> Any:
    """Return an integer above the bits of infinity, those of NaN."""
    return np.array(np.nan, f"f{bits.itemsize}").view(bits.dtype)[()]
