"""The table of cells: sorting, counting, finding."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal.kernels import memory
from vicinal.kernels.cpu.compiler import jit
from vicinal.kernels.cpu.rows import TILE, ask_for, take
from vicinal.kernels.cpu.threads import over, parts

Array = np.ndarray[Any, Any]


@jit
def _pack(
    codes: Array, rows: Array, groups: Array, first: int, last: int, bits: Any,
    position_bits: Any, start: int, keys: Array,
) -> None:  # fmt: skip
    """Pack group, columns ``first`` to ``last`` and position, from ``start`` on, into keys, the group on top."""
    for a in range(0, keys.shape[0], TILE):
        b = min(a + TILE, keys.shape[0])
        ask_for(codes, rows[a:b], first, last)
        for i in range(a, b):
            key = np.uint64(groups[i])
            row = rows[i]
            for j in range(first, last):
                key = (key << bits) | np.uint64(codes[row, j])
            keys[i] = (key << position_bits) | np.uint64(start + i)


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
    position_bits = (len(rows) - 1).bit_length()
    n_columns = (64 - position_bits - int(groups[-1]).bit_length()) // bits
    last = min(first + n_columns, codes.shape[1])
    if n_columns < 1:  # billions of rows
        order: Array = np.lexsort((codes[rows, first], groups))
        column = codes[rows[order], first]
        changed = np.append(True, column[1:] != column[:-1])
        return order, changed, first + 1
    keys, changed = memory.new(rows.shape, np.uint64), memory.new(rows.shape, np.bool_)

    def work(a: int, b: int) -> None:
        _pack(codes, rows[a:b], groups[a:b], first, last, np.uint64(bits), np.uint64(position_bits), a, keys[a:b])

    over(parts(len(rows), 4 * (last - first)), work)
    keys.sort()
    order = memory.new(rows.shape, rows.dtype)
    _unpack(keys, np.uint64(position_bits), order, changed)
    return order, changed, last


def unique_cells(codes: Array, n_bins: int, masses: Array | None = None) -> tuple[Array, Array]:
    """As `reference.unique_cells`; rows that agree in the columns of one key go on to the next."""
    n, d = codes.shape
    bits = max(1, (n_bins - 1).bit_length())
    rows = np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)
    order, starts, first = _sort(codes, rows, np.broadcast_to(np.uint8(0), n), 0, bits)
    while first < d:
        tied = np.flatnonzero(~(starts & np.append(starts[1:], True)))  # one of several in its group
        if tied.size == 0:
            break
        rows = order[tied]
        again, changed, first = _sort(codes, rows, np.cumsum(starts[tied]) - 1, first, bits)
        order[tied] = rows[again]
        starts[tied] |= changed
    first_rows = np.flatnonzero(starts)
    cells = take(np.ascontiguousarray(codes), order[first_rows] if len(first_rows) < n else order)
    if masses is not None:
        return cells, np.add.reduceat(masses[order], first_rows)
    counts = np.full(len(first_rows), n)  # np.diff with append takes five times as long
    counts[:-1] = first_rows[1:]
    return cells, np.subtract(counts, first_rows, out=counts)


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
    found = memory.new(len(codes), np.int64)
    over(parts(*codes.shape), lambda a, b: _find_cells(codes[a:b], cells, found[a:b]))
    return found
