"""The table of cells: sorting, counting, finding."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal.kernels import memory
from vicinal.kernels.cpu.compiler import jit
from vicinal.kernels.cpu.rows import take
from vicinal.kernels.cpu.threads import over, parts

Array = np.ndarray[Any, Any]

_BYTE = np.uint64(255)
_SPARE_BITS = 12  # in a word, beyond those that would tell evenly spread rows apart


@jit
def _pack(codes: Array, rows: Array, first: int, last: int, bits: Any, packed: Array) -> None:
    """Pack columns ``first`` to ``last`` of some rows into 64-bit words that are in the order of the rows."""
    for i in range(rows.shape[0]):
        word = np.uint64(0)
        for j in range(first, last):
            word = (word << bits) | np.uint64(codes[rows[i], j])
        packed[i] = word


@jit
def _count_bytes(keys: Array, shift: Any, counts: Array) -> None:
    counts[:] = 0
    for i in range(keys.shape[0]):
        counts[(keys[i] >> shift) & _BYTE] += 1


@jit
def _deal(keys: Array, values: Array, shift: Any, place: Array, new_keys: Array, new_values: Array) -> None:
    """Put keys, and the values that go with them, where their byte belongs."""
    for i in range(keys.shape[0]):
        byte = (keys[i] >> shift) & _BYTE
        to = place[byte]
        place[byte] = to + 1
        new_keys[to], new_values[to] = keys[i], values[i]


def _sort(keys: Array, n_bits: int, values: Array) -> tuple[Array, Array]:
    """Sort keys (n,) uint64 of so many bits, stably, and values with them: one byte after another, the last first.

    Both arrays are used up.
    """
    ranges = parts(len(keys), 16)  # a key takes as long as so many values of a simple loop
    counts = memory.new((len(ranges), 256), np.int64)
    spare = memory.new(keys.shape, keys.dtype), memory.new(values.shape, values.dtype)
    for shift in map(np.uint64, range(0, n_bits, 8)):
        over(ranges, lambda a, b, c, k=keys, s=shift: _count_bytes(k[a:b], s, c), counts)
        if (counts.sum(axis=0) == len(keys)).any():
            continue
        place = np.cumsum(counts.T).reshape(256, -1).T - counts  # a byte after another, a part after another
        place = np.ascontiguousarray(place)
        over(ranges, lambda a, b, p, k=keys, v=values, s=shift, to=spare: _deal(k[a:b], v[a:b], s, p, *to), place)
        (keys, values), spare = spare, (keys, values)
    return keys, values


@jit
def _mark_changes(keys: Array, changed: Array) -> None:
    for i in range(keys.shape[0] - 1):
        changed[i + 1] = keys[i + 1] != keys[i]


def _changes(keys: Array) -> Array:
    """Mark the keys that differ from the one before; the first does."""
    changed = memory.new(keys.shape, np.bool_)
    changed[0] = True
    _mark_changes(keys, changed)
    return changed


def unique_cells(codes: Array, n_bins: int, masses: Array | None = None) -> tuple[Array, Array]:
    """As `reference.unique_cells`, by sorting packed columns; only ties go on to the next columns."""
    n, d = codes.shape
    bits = max(1, (n_bins - 1).bit_length())
    per_word = max(1, min(64, 2 * n.bit_length() + _SPARE_BITS) // bits)  # so many that few rows agree in them

    def packed(rows: Array, first: int) -> tuple[Array, int]:
        last = min(first + per_word, d)
        word = memory.new(rows.shape, np.uint64)
        over(
            parts(len(rows), 4 * (last - first)),
            lambda a, b: _pack(codes, rows[a:b], first, last, np.uint64(bits), word[a:b]),
        )
        return word, bits * (last - first)

    rows = np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)
    keys, order = _sort(*packed(rows, 0), rows)
    starts = _changes(keys)
    for first in range(per_word, d, per_word):
        tied = np.flatnonzero(~(starts & np.append(starts[1:], True)))  # one of several in its group
        if tied.size == 0:
            break
        groups = np.cumsum(starts)[tied].view(np.uint64)
        word, by_word = _sort(*packed(order[tied], first), np.arange(len(tied)))
        _, again = _sort(groups[by_word], int(groups[-1]).bit_length(), np.arange(len(tied)))
        order[tied] = order[tied][by_word[again]]
        starts[tied] |= _changes(word[again])
    first_rows = np.flatnonzero(starts)
    cells = take(np.ascontiguousarray(codes), order[first_rows] if len(first_rows) < n else order)
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
    found = memory.new(len(codes), np.int64)
    over(parts(*codes.shape), lambda a, b: _find_cells(codes[a:b], cells, found[a:b]))
    return found
