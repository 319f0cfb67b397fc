"""The passes of a fit: bounds, codes, and the table of cells by sorting. Also copies of rows in any order."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal.kernels.cpu.compiling import jit
from vicinal.kernels.cpu.loops import LINE, aligned, over, parts, prefetch, repeated, rows_a_run
from vicinal.kernels.reference import code_dtype

_UNITS = (np.uint64, np.uint32, np.uint16)
_SMALL = 16  # bits of the number of cells of a grid whose counts stay in the second-level cache
TILE = 128  # rows that are prefetched together
_8, _16, _32 = np.uint64(8), np.uint64(16), np.uint64(32)
_BYTES, _PAIRS, _FOURS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)


@jit
def _bounds(runs: Array, lower: Array, upper: Array, defect: Array) -> None:
    lower[:], upper[:], defect[:] = runs[0], runs[0], runs[0] - runs[0]
    for i in range(1, runs.shape[0]):
        for j in range(runs.shape[1]):
            value = runs[i, j]
            lower[j] = value if value < lower[j] else lower[j]
            upper[j] = value if value > upper[j] else upper[j]
            defect[j] += value - value  # NaN if the value is not finite, else 0


def bounds(latents: Array) -> tuple[Array, Array]:
    """As `reference.bounds`."""
    d = latents.shape[1]

    def work(first: int, last: int) -> tuple[Array, Array]:
        rows = min(rows_a_run(d), last - first)
        whole = first + (last - first) // rows * rows
        found = np.empty((2, 3, rows * d), latents.dtype)
        _bounds(latents[first:whole].reshape(-1, rows * d), *found[0])
        _bounds(latents[last - rows : last].reshape(1, rows * d), *found[1])  # the remainder; some rows come twice
        lower, upper, defect = found.swapaxes(0, 1).reshape(3, 2 * rows, d)
        defect = defect.sum(axis=0)
        return lower.min(axis=0) + defect, upper.max(axis=0) + defect

    lower, upper = zip(*over(parts(*latents.shape), work), strict=True)
    return functools.reduce(np.minimum, lower) + 0, functools.reduce(np.maximum, upper) + 0


@jit
def _quantize(latents: Array, lower: Array, safe_width: Array, top: Any, zero: Any, codes: Array) -> None:
    run = lower.shape[0]
    for first in range(0, latents.shape[0], run):
        part, out = latents[first : first + run], codes[first : first + run]
        for j in range(part.shape[0]):
            position = (part[j] - lower[j]) / safe_width[j]
            position = position if position > zero else zero
            out[j] = np.int32(position if position < top else top)


def quantize(latents: Array, lower: Array, width: Array, n_bins: int) -> Array:
    """As `reference.quantize`."""
    codes = np.empty(latents.shape, code_dtype(n_bins))
    scalar = width.dtype.type
    lower, safe_width = repeated(lower, np.where(width > 0, width, scalar(1)))

    def work(first: int, last: int) -> None:
        part = slice(first, last)
        _quantize(latents[part].ravel(), lower, safe_width, scalar(n_bins - 1), scalar(0), codes[part].reshape(-1))

    over(parts(*latents.shape), work)
    return codes


def in_units(codes: Array) -> Array:
    """Return a view of codes (n, d) as the largest unsigned integers that divide a row."""
    n_bytes = codes.shape[1] * codes.itemsize
    return codes.view(next((unit for unit in _UNITS if n_bytes % np.dtype(unit).itemsize == 0), np.uint8))


@jit
def prefetch_rows(units: Array, which: Array, first: int, last: int) -> None:
    """Prefetch columns ``first`` to ``last`` of the given rows."""
    step = LINE // units.strides[1]
    for r in range(which.shape[0]):
        for j in range(first, last, step):
            prefetch(units, which[r], j)


@jit
def copy_rows(units: Array, which: Array, copied: Array) -> None:
    """Copy the given rows into a flat array."""
    rows, n_units = which.shape[0], units.shape[1]
    if n_units < 4:  # shorter inner loops cost more than the copy
        for j in range(n_units):
            for r in range(rows):
                copied[r * n_units + j] = units[which[r], j]
    else:
        for r in range(rows):
            row = which[r]
            for j in range(n_units):
                copied[r * n_units + j] = units[row, j]


@jit
def _take(units: Array, which: Array, taken: Array) -> None:
    for first in range(0, which.shape[0], TILE):
        rows = which[first : first + TILE]
        prefetch_rows(units, rows, 0, units.shape[1])
        copy_rows(units, rows, taken[first : first + TILE].reshape(-1))


def take(codes: Array, which: Array) -> Array:
    """Return codes[which], for codes (n, d) in C order."""
    taken = aligned((len(which), codes.shape[1]), codes.dtype)
    source, target = in_units(codes), in_units(taken)
    over(parts(*taken.shape), lambda a, b: _take(source, which[a:b], target[a:b]))
    return taken


@jit
def _compress(word: Any, bits: Any) -> Any:
    """Join the lowest ``bits`` of each of the eight bytes of a word; those of the first byte are the highest."""
    two, four = np.uint64(2) * bits, np.uint64(4) * bits
    word = ((word & _BYTES) << bits) | ((word >> _8) & _BYTES)
    word = ((word & _PAIRS) << two) | ((word >> _16) & _PAIRS)
    return ((word & _FOURS) << four) | (word >> _32)


@jit
def _pack(
    columns: Array, rows: Array, groups: Array, first: int, last: int, bits: Any,
    position_bits: Any, start: int, keys: Array,
) -> None:  # fmt: skip
    """Pack keys: the group in the highest bits, then columns ``first`` to ``last``, then the position from ``start``.

    ``columns`` are codes, or words of eight codes each from `_in_words`.
    """
    codes_a_word = 8 if columns.itemsize == 8 else 1
    words = np.empty(TILE, np.uint64)
    for a in range(0, keys.shape[0], TILE):
        part, which, group = keys[a : a + TILE], rows[a : a + TILE], groups[a : a + TILE]
        n = part.shape[0]
        if which[n - 1] - which[0] != n - 1:  # contiguous rows need no prefetch
            prefetch_rows(columns, which, first, last)
        for i in range(n):
            part[i] = group[i]
        for j in range(first, last, codes_a_word):
            begin = min(j, last - codes_a_word)  # the last word may repeat columns; the mask removes them
            shift = np.uint64(last - j if last - j < codes_a_word else codes_a_word) * bits
            mask = (np.uint64(1) << shift) - np.uint64(1)
            for i in range(n):
                words[i] = columns[which[i], begin]
            for i in range(n):
                word = _compress(words[i], bits) if codes_a_word == 8 else words[i]
                part[i] = (part[i] << shift) | (word & mask)
        for i in range(n):
            part[i] = (part[i] << position_bits) | np.uint64(start + a + i)


def _in_words(codes: Array, last: int) -> Array:
    """Return a view of codes (n, d), in C order, as overlapping words of eight, if they are bytes and ``last`` >= 8.

    On a little-endian machine, the lowest byte of entry (i, j) is code j of row i, the highest is code j + 7.
    """
    n, d = codes.shape
    return np.ndarray((n, d - 7), np.uint64, codes, strides=(d, 1)) if codes.itemsize == 1 and last >= 8 else codes


@jit
def _unpack(keys: Array, position_bits: Any, positions: Array, changed: Array) -> None:
    """Extract the positions of sorted keys; mark each key that differs from the one before in any other bit."""
    mask = (np.uint64(1) << position_bits) - np.uint64(1)
    changed[0] = True
    for i in range(keys.shape[0]):
        positions[i] = keys[i] & mask
    for i in range(1, keys.shape[0]):
        changed[i] = (keys[i] ^ keys[i - 1]) > mask


def _sort(codes: Array, rows: Array, groups: Array, first: int, bits: int) -> tuple[Array, Array, int]:
    """Sort rows within their groups, (m,) each, by as many columns from ``first`` on as fit into a 64-bit key.

    Return the order, a mark where the columns or the group change, and the next column.
    """
    position_bits = max(1, (len(rows) - 1).bit_length())
    n_columns = (64 - position_bits - int(groups[-1]).bit_length()) // bits
    last = min(first + n_columns, codes.shape[1])
    if n_columns < 1:  # billions of rows
        order: Array = np.lexsort((codes[rows, first], groups))
        column = codes[rows[order], first]
        changed = np.append(True, column[1:] != column[:-1])
        return order, changed, first + 1
    keys, changed = np.empty(rows.shape, np.uint64), np.empty(rows.shape, np.bool_)
    columns = _in_words(codes, last)

    def work(a: int, b: int) -> None:
        _pack(columns, rows[a:b], groups[a:b], first, last, np.uint64(bits), np.uint64(position_bits), a, keys[a:b])

    over(parts(len(rows), 4 * (last - first)), work)
    keys.sort()
    order = np.empty(rows.shape, rows.dtype)
    _unpack(keys, np.uint64(position_bits), order, changed)
    return order, changed, last


@jit
def _tally(codes: Array, n_bins: int, counts: Array) -> None:
    """Count the rows of each cell of a grid."""
    for i in range(codes.shape[0]):
        cell = np.int64(0)
        for j in range(codes.shape[1]):
            cell = cell * n_bins + np.int64(codes[i, j])
        counts[cell] += 1


def _count_all(codes: Array, n_bins: int) -> tuple[Array, Array]:
    """Return the occupied cells and their counts, by counting the rows of all cells of a small grid."""
    grid = (n_bins,) * codes.shape[1]

    def work(a: int, b: int) -> Array:
        counts = np.zeros(math.prod(grid), np.int64)
        _tally(codes[a:b], n_bins, counts)
        return counts

    counts = np.sum(over(parts(*codes.shape), work), axis=0)
    occupied = np.flatnonzero(counts)
    return np.stack(np.unravel_index(occupied, grid), axis=1).astype(codes.dtype), counts[occupied]


def unique_cells(codes: Array, n_bins: int, masses: Array | None = None) -> tuple[Array, Array]:
    """As `reference.unique_cells`: by counting if the grid is small, else by sorting.

    Rows are sorted by a key of the first columns. Those with equal keys are compared in the next columns.
    """
    codes = np.ascontiguousarray(codes)
    n, d = codes.shape
    if masses is None and n_bins > 1 and d * math.log2(n_bins) <= _SMALL and n_bins**d <= n:
        return _count_all(codes, n_bins)
    bits = max(1, (n_bins - 1).bit_length())
    rows = np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)
    order, starts, first = _sort(codes, rows, np.broadcast_to(np.uint8(0), n), 0, bits)
    while first < d:
        tied = np.flatnonzero(~(starts & np.append(starts[1:], True)))  # rows that share their group
        if tied.size == 0:
            break
        rows = order[tied]
        again, changed, first = _sort(codes, rows, np.cumsum(starts[tied]) - 1, first, bits)
        order[tied] = rows[again]
        starts[tied] |= changed
    n_cells = int(np.count_nonzero(starts))
    if n_cells == n:  # usual in many dimensions
        return take(codes, order), np.ones(n, np.int64) if masses is None else masses[order]
    first_rows = np.flatnonzero(starts)
    cells = take(codes, order.take(first_rows, out=np.empty(n_cells, order.dtype), mode="clip"))
    if masses is not None:
        return cells, np.add.reduceat(masses[order], first_rows)
    return cells, np.diff(first_rows, append=n)


@jit
def _find_cells(codes: Array, cells: Array, found: Array) -> None:
    n_columns = cells.shape[1]
    for i in range(codes.shape[0]):
        low, high, found[i] = 0, cells.shape[0], -1
        while low < high:
            middle = (low + high) // 2
            j = 0
            while j < n_columns and codes[i, j] == cells[middle, j]:
                j += 1
            if j == n_columns:
                found[i] = middle
                break
            if codes[i, j] < cells[middle, j]:
                high = middle
            else:
                low = middle + 1


def find_cells(codes: Array, cells: Array) -> Array:
    """As `reference.find_cells`, by binary search."""
    found = np.empty((len(codes),), np.int64)
    over(parts(*codes.shape), lambda a, b: _find_cells(codes[a:b], cells, found[a:b]))
    return found
