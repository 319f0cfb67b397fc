"""The kernels in Numba, tiled and multi-threaded: the same bits as `reference`, faster.

Threads are Python's own, over ranges of rows, with the interpreter lock released: unlike Numba's
parallel loops they may be entered from several threads at once and survive a fork. No fast-math:
the compiler may neither reorder nor fuse, so every value is rounded as NumPy rounds it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np

from vicinal import rng
from vicinal.kernels.reference import code_dtype

Array = np.ndarray[Any, Any]

COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

_new = np.empty  # memory for a result; tests fill it with nonsense first
_VALUES_A_THREAD = 1 << 17  # below this a thread costs more than it gives
_TILE = 2048  # counters encrypted together; four arrays of them stay in the first-level cache

_M0, _M1 = (np.uint64(multiplier) for multiplier in rng.MULTIPLIER)
_W0, _W1 = (np.uint64(step) for step in rng.KEY_STEP)
_MASK = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_8 = np.uint32(8)
_CHOICE, _UNIFORM = np.uint32(rng.CHOICE), np.uint32(rng.UNIFORM)

# error_model: a division that may raise ZeroDivisionError cannot be vectorised.
_jit = numba.njit(nogil=True, cache=True, error_model="numpy")


def _over_rows(work: Callable[[int, int], Any], n_rows: int, n_columns: int) -> list[Any]:
    """Call ``work(first, last)`` on ranges that cover the rows, in threads when there is enough to do."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    n_threads = max(1, min(cores, n_rows * n_columns // _VALUES_A_THREAD))
    edges = [n_rows * i // n_threads for i in range(n_threads + 1)]
    if n_threads == 1:
        return [work(0, n_rows)]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(work, edges[:-1], edges[1:]))


@_jit
def _bounds(latents: Array, lower: Array, upper: Array) -> None:
    lower[:], upper[:] = latents[0], latents[0]
    for i in range(1, latents.shape[0]):
        for j in range(latents.shape[1]):
            value = latents[i, j]
            lower[j] = value if value < lower[j] else lower[j]
            upper[j] = value if value > upper[j] else upper[j]


def bounds(latents: Array) -> tuple[Array, Array]:
    """As `reference.bounds`."""

    def work(first: int, last: int) -> tuple[Array, Array]:
        lower, upper = _new((2, latents.shape[1]), latents.dtype)
        _bounds(latents[first:last], lower, upper)
        return lower, upper

    lower, upper = zip(*_over_rows(work, *latents.shape), strict=True)
    return np.min(lower, axis=0) + 0, np.max(upper, axis=0) + 0


@_jit
def _quantize(latents: Array, lower: Array, safe_width: Array, top: Any, zero: Any, codes: Array) -> None:
    for i in range(latents.shape[0]):
        for j in range(latents.shape[1]):
            position = (latents[i, j] - lower[j]) / safe_width[j]
            position = position if position > zero else zero
            codes[i, j] = np.int32(position if position < top else top)


def quantize(latents: Array, lower: Array, width: Array, n_bins: int) -> Array:
    """As `reference.quantize`."""
    codes = _new(latents.shape, code_dtype(n_bins))
    scalar = width.dtype.type
    safe_width = np.where(width > 0, width, scalar(1))

    def work(first: int, last: int) -> None:
        rows = slice(first, last)
        _quantize(latents[rows], lower, safe_width, scalar(n_bins - 1), scalar(0), codes[rows])

    _over_rows(work, *latents.shape)
    return codes


@_jit
def _pack(codes: Array, bits: int, packed: Array) -> None:
    """Pack each row into 64-bit words, first column in the highest bits, keeping the order of rows."""
    per_word = 64 // bits
    for i in range(codes.shape[0]):
        for w in range(packed.shape[1]):
            word = np.uint64(0)
            for j in range(w * per_word, min((w + 1) * per_word, codes.shape[1])):
                word = (word << np.uint64(bits)) | np.uint64(codes[i, j])
            packed[i, w] = word


def _changes(values: Array) -> Array:
    """Mark the rows that differ from the row before; the first row does."""
    changed = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=changed[1:])
    return changed


def unique_cells(codes: Array, n_bins: int, masses: Array | None = None) -> tuple[Array, Array]:
    """As `reference.unique_cells`, by sorting packed words; only ties go on to the next word."""
    bits = max(1, (n_bins - 1).bit_length())
    packed = _new((len(codes), -(-codes.shape[1] // (64 // bits))), np.uint64)
    _over_rows(lambda first, last: _pack(codes[first:last], bits, packed[first:last]), *codes.shape)

    order = np.argsort(packed[:, 0])
    starts_group = _changes(packed[order, 0])
    for word in packed.T[1:]:
        group = np.cumsum(starts_group)
        tied = np.flatnonzero(np.bincount(group)[group] > 1)
        if tied.size == 0:
            break
        order[tied] = order[tied][np.lexsort((word[order[tied]], group[tied]))]
        starts_group[tied] |= _changes(word[order[tied]])
    first_rows = np.flatnonzero(starts_group)
    cells = codes[order[first_rows]]
    if masses is None:
        return cells, np.diff(np.append(first_rows, len(codes)))
    return cells, np.add.reduceat(masses[order], first_rows)


@_jit
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
    found = _new(len(codes), np.int64)
    _over_rows(lambda first, last: _find_cells(codes[first:last], cells, found[first:last]), *codes.shape)
    return found


@_jit
def _round(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    p0, p1 = _M0 * np.uint64(c0), _M1 * np.uint64(c2)
    return (
        np.uint32(p1 >> _32) ^ c1 ^ np.uint32(k0 & _MASK),
        np.uint32(p1 & _MASK),
        np.uint32(p0 >> _32) ^ c3 ^ np.uint32(k1 & _MASK),
        np.uint32(p0 & _MASK),
    )


@_jit
def _philox(c0: Array, c1: Array, c2: Array, c3: Array, k0: Any, k1: Any, size: int) -> None:
    """Encrypt ``size`` counters in place; the rounds are written out so that the loop is vectorised."""
    for i in range(size):
        a, b, c, d = c0[i], c1[i], c2[i], c3[i]
        a, b, c, d = _round(a, b, c, d, k0, k1)
        a, b, c, d = _round(a, b, c, d, k0 + _W0, k1 + _W1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(2) * _W0, k1 + np.uint64(2) * _W1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(3) * _W0, k1 + np.uint64(3) * _W1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(4) * _W0, k1 + np.uint64(4) * _W1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(5) * _W0, k1 + np.uint64(5) * _W1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(6) * _W0, k1 + np.uint64(6) * _W1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(7) * _W0, k1 + np.uint64(7) * _W1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(8) * _W0, k1 + np.uint64(8) * _W1)
        a, b, c, d = _round(a, b, c, d, k0 + np.uint64(9) * _W0, k1 + np.uint64(9) * _W1)
        c0[i], c1[i], c2[i], c3[i] = a, b, c, d


@_jit
def _high_product(high: Any, low: Any, total: Any) -> Any:
    """Return (high * 2**32 + low) * total >> 64, as in `rng.choices`."""
    total_high, total_low = total >> _32, total & _MASK
    middle = high * total_low + ((low * total_low) >> _32)
    other = low * total_high + (middle & _MASK)
    return high * total_high + (middle >> _32) + (other >> _32)


@_jit
def _place(
    cell: Array, word: Array, lower: Array, upper: Array, width: Array, safe_width: Array,
    top: Any, half: Any, step: Any, out: Array,
) -> None:  # fmt: skip
    """Put one row into its cell; see `reference.fill_cells`."""
    for j in range(out.shape[0]):
        value = lower[j] + (cell[j] + word[j] * step) * width[j]
        value = value if value < upper[j] else upper[j]
        position = (value - lower[j]) / safe_width[j]
        stayed = np.floor(position if position < top else top) == cell[j]
        out[j] = value if stayed else lower[j] + (cell[j] + half) * width[j]


@_jit
def _fill_counters(c0: Array, c1: Array, c2: Array, c3: Array, first: Any, rows: int, blocks: int, stream: Any) -> None:
    for r in range(rows):
        row = first + np.uint64(r)
        low, high = np.uint32(row & _MASK), np.uint32(row >> _32)
        for i in range(r * blocks, (r + 1) * blocks):
            c0[i], c1[i], c2[i], c3[i] = low, high, np.uint32(i - r * blocks), stream


@_jit
def _draw_cells(cumulative: Array, one_word: bool, k0: Any, k1: Any, start: Any, drawn: Array) -> None:
    counters = np.empty((4, _TILE), np.uint32)
    c0, c1, c2, c3 = counters[0], counters[1], counters[2], counters[3]
    total = np.uint64(cumulative[-1])
    for first in range(0, drawn.shape[0], _TILE):
        rows = min(_TILE, drawn.shape[0] - first)
        _fill_counters(c0, c1, c2, c3, start + np.uint64(first), rows, 1, _CHOICE)
        _philox(c0, c1, c2, c3, k0, k1, rows)
        for r in range(rows):
            high, low = np.uint64(c0[r]), np.uint64(c1[r])
            draw = (high * total) >> _32 if one_word else _high_product(high, low, total)
            drawn[first + r] = np.searchsorted(cumulative, np.int64(draw), side="right")


def draw_cells(cumulative: Array, *, key: int, start: int, n_samples: int) -> Array:
    """As `reference.draw_cells`."""
    one_word = bool(cumulative[-1] <= rng.ONE_WORD_TOTAL)
    drawn = _new((n_samples,), np.int64)

    def work(first: int, last: int) -> None:
        _draw_cells(cumulative, one_word, *_halves(key), np.uint64(start + first), drawn[first:last])

    _over_rows(work, n_samples, 8)
    return drawn


@_jit
def _fill_cells(
    cells: Array, drawn: Array, lower: Array, upper: Array, width: Array, safe_width: Array,
    top: Any, half: Any, step: Any, k0: Any, k1: Any, start: Any, out: Array,
) -> None:  # fmt: skip
    n_samples, d = out.shape
    blocks = (d + 3) // 4
    tile_rows = max(1, _TILE // blocks)
    counters = np.empty((4, tile_rows * blocks), np.uint32)
    c0, c1, c2, c3 = counters[0], counters[1], counters[2], counters[3]
    word = np.empty(4 * blocks, lower.dtype)
    code = np.empty(d, lower.dtype)
    for first in range(0, n_samples, tile_rows):
        rows = min(tile_rows, n_samples - first)
        _fill_counters(c0, c1, c2, c3, start + np.uint64(first), rows, blocks, _UNIFORM)
        _philox(c0, c1, c2, c3, k0, k1, rows * blocks)
        for r in range(rows):
            for b in range(blocks):
                i = r * blocks + b
                word[4 * b], word[4 * b + 1] = c0[i] >> _8, c1[i] >> _8
                word[4 * b + 2], word[4 * b + 3] = c2[i] >> _8, c3[i] >> _8
            code[:] = cells[drawn[first + r]]
            _place(code, word, lower, upper, width, safe_width, top, half, step, out[first + r])


def fill_cells(
    cells: Array, drawn: Array, lower: Array, upper: Array, width: Array, n_bins: int, *, key: int, start: int
) -> Array:
    """As `reference.fill_cells`."""
    scalar = lower.dtype.type
    safe_width = np.where(width > 0, width, scalar(1))
    out = _new((len(drawn), cells.shape[1]), lower.dtype)

    def work(first: int, last: int) -> None:
        _fill_cells(
            cells, drawn[first:last], lower, upper, width, safe_width,
            scalar(n_bins - 1), scalar(0.5), scalar(rng.UNIFORM_STEP),
            *_halves(key), np.uint64(start + first), out[first:last],
        )  # fmt: skip

    _over_rows(work, *out.shape)
    return out


def _halves(key: int) -> tuple[Any, Any]:
    return np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)
