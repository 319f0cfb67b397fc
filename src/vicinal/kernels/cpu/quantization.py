"""The passes of a fit: bounds, codes, and the table of cells by sorting; rows fetched from all over memory."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal.kernels.cpu.loops import LINE, aligned, jit, over, parts, prefetch, repeated, rows_a_run
from vicinal.kernels.reference import code_dtype

_UNITS = (np.uint64, np.uint32, np.uint16)
TILE = 128  # rows that are asked for together
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
            defect[j] += value - value  # 0, or NaN for what is not finite


def bounds(latents: Array) -> tuple[Array, Array]:
    """As `reference.bounds`."""
    d = latents.shape[1]

    def work(first: int, last: int) -> tuple[Array, Array]:
        rows = min(rows_a_run(d), last - first)
        whole = first + (last - first) // rows * rows
        found = np.empty((2, 3, rows * d), latents.dtype)
        _bounds(latents[first:whole].reshape(-1, rows * d), *found[0])
        _bounds(latents[last - rows : last].reshape(1, rows * d), *found[1])  # the rest, and some rows again
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
    """Return codes (n, d) as rows of the largest integers that fill a row."""
    n_bytes = codes.shape[1] * codes.itemsize
    return codes.view(next((unit for unit in _UNITS if n_bytes % np.dtype(unit).itemsize == 0), np.uint8))


@jit
def ask_for(units: Array, which: Array, first: int, last: int) -> None:
    """Have columns ``first`` to ``last`` of rows brought near, all at once, while other work goes on."""
    a_line = LINE // units.strides[1]
    for r in range(which.shape[0]):
        for j in range(first, last, a_line):
            prefetch(units, which[r], j)


@jit
def fetch(units: Array, which: Array, fetched: Array) -> None:
    """Copy rows behind one another."""
    rows, n_units = which.shape[0], units.shape[1]
    if n_units < 4:  # loops as short as that cost more than they copy
        for j in range(n_units):
            for r in range(rows):
                fetched[r * n_units + j] = units[which[r], j]
    else:
        for r in range(rows):
            row = which[r]
            for j in range(n_units):
                fetched[r * n_units + j] = units[row, j]


@jit
def _take(units: Array, which: Array, taken: Array) -> None:
    for first in range(0, which.shape[0], TILE):
        rows = which[first : first + TILE]
        ask_for(units, rows, 0, units.shape[1])
        fetch(units, rows, taken[first : first + TILE].reshape(-1))


def take(codes: Array, which: Array) -> Array:
    """Return codes[which], for codes (n, d) in C order."""
    taken = aligned((len(which), codes.shape[1]), codes.dtype)
    source, target = in_units(codes), in_units(taken)
    over(parts(*taken.shape), lambda a, b: _take(source, which[a:b], target[a:b]))
    return taken


@jit
def _side_by_side(word: Any, bits: Any) -> Any:
    """Move the lowest bits of the eight bytes of a word together, the first byte's to the top."""
    two, four = np.uint64(2) * bits, np.uint64(4) * bits
    word = ((word & _BYTES) << bits) | ((word >> _8) & _BYTES)
    word = ((word & _PAIRS) << two) | ((word >> _16) & _PAIRS)
    return ((word & _FOURS) << four) | (word >> _32)


@jit
def _pack(
    columns: Array, rows: Array, groups: Array, first: int, last: int, bits: Any,
    position_bits: Any, start: int, keys: Array,
) -> None:  # fmt: skip
    """Pack group, columns ``first`` to ``last`` and position, from ``start`` on, into keys, the group on top.

    ``columns`` are codes, or words of eight codes each, see `_in_words`.
    """
    at_once = 8 if columns.itemsize == 8 else 1
    words = np.empty(TILE, np.uint64)
    for a in range(0, keys.shape[0], TILE):
        part, which, group = keys[a : a + TILE], rows[a : a + TILE], groups[a : a + TILE]
        n = part.shape[0]
        if which[n - 1] - which[0] != n - 1:  # else they lie behind one another, and come by themselves
            ask_for(columns, which, first, last)
        for i in range(n):
            part[i] = group[i]
        for j in range(first, last, at_once):
            begin = min(j, last - at_once)  # the last word has columns again that are in the key; they are masked out
            shift = np.uint64(last - j if last - j < at_once else at_once) * bits
            mask = (np.uint64(1) << shift) - np.uint64(1)
            for i in range(n):
                words[i] = columns[which[i], begin]
            for i in range(n):
                word = _side_by_side(words[i], bits) if at_once == 8 else words[i]
                part[i] = (part[i] << shift) | (word & mask)
        for i in range(n):
            part[i] = (part[i] << position_bits) | np.uint64(start + a + i)


def _in_words(codes: Array, last: int) -> Array:
    """Return codes (n, d), in C order, as overlapping words of eight, if they are bytes and ``last`` of them are eight.

    Entry (i, j) holds codes j to j + 7 of row i, the first in the lowest byte (of a little-endian machine).
    """
    n, d = codes.shape
    return np.ndarray((n, d - 7), np.uint64, codes, strides=(d, 1)) if codes.itemsize == 1 and last >= 8 else codes


@jit
def _number(rows: Array) -> None:
    """Set row i to i."""
    for i in range(rows.shape[0]):
        rows[i] = i


@jit
def _unpack(keys: Array, position_bits: Any, positions: Array, changed: Array) -> None:
    """Take the positions out of sorted keys, and mark where the rest of the key is another than before."""
    mask = (np.uint64(1) << position_bits) - np.uint64(1)
    changed[0] = True
    for i in range(keys.shape[0]):
        positions[i] = keys[i] & mask
    for i in range(1, keys.shape[0]):
        changed[i] = (keys[i] ^ keys[i - 1]) > mask


def _sort(codes: Array, rows: Array, groups: Array, first: int, bits: int) -> tuple[Array, Array, int]:
    """Sort rows within their groups, (m,) each, by as many columns from ``first`` on as go into a 64-bit key.

    Return the order, a mark where the columns or the group change, and the column to go on with.
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


def unique_cells(codes: Array, n_bins: int, masses: Array | None = None) -> tuple[Array, Array]:
    """As `reference.unique_cells`; rows that agree in the columns of one key go on to the next."""
    codes = np.ascontiguousarray(codes)
    n, d = codes.shape
    bits = max(1, (n_bins - 1).bit_length())
    rows = np.empty(n, np.int32 if n < 2**31 else np.int64)
    _number(rows)
    order, starts, first = _sort(codes, rows, np.broadcast_to(np.uint8(0), n), 0, bits)
    while first < d:
        tied = np.flatnonzero(~(starts & np.append(starts[1:], True)))  # one of several in its group
        if tied.size == 0:
            break
        rows = order[tied]
        again, changed, first = _sort(codes, rows, np.cumsum(starts[tied]) - 1, first, bits)
        order[tied] = rows[again]
        starts[tied] |= changed
    n_cells = int(np.count_nonzero(starts))
    if n_cells == n:  # mostly so in many dimensions
        return take(codes, order), _ones(n) if masses is None else masses[order]
    first_rows = np.flatnonzero(starts)
    cells = take(codes, order.take(first_rows, out=np.empty(n_cells, order.dtype), mode="clip"))
    if masses is not None:
        return cells, np.add.reduceat(masses[order], first_rows)
    counts = np.empty(n_cells, np.int64)
    np.subtract(first_rows[1:], first_rows[:-1], out=counts[:-1])
    counts[-1] = n - first_rows[-1]
    return cells, counts


def _ones(n: int) -> Array:
    ones = np.empty(n, np.int64)
    ones.fill(1)
    return ones


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
