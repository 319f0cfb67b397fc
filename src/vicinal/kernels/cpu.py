"""The kernels in Numba, tiled and multi-threaded: the same bits as `reference`, faster.

What makes them fast: every loop runs over hundreds of neighbouring values whatever the number of
dimensions, so that the compiler vectorises it (bounds and widths are repeated to that length); the
ten rounds of Philox are written out over counters in flat arrays; rows are fetched from all over
memory in loops that do nothing else, so that many fetches are under way at once; and the check that
a sample has stayed in its cell is left out where rounding cannot matter.

Threads are Python's own, over ranges of rows, with the interpreter lock released: unlike Numba's
parallel loops they may be entered from several threads at once and survive a fork. No fast-math:
the compiler may neither reorder nor fuse, so every value is rounded as NumPy rounds it.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np

from vicinal import rng
from vicinal.kernels import memory
from vicinal.kernels.reference import CellIndex, code_dtype, guide_layout

Array = np.ndarray[Any, Any]

COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

# Memory for results; tests fill it with nonsense first.
_new = np.empty
_new_samples = memory.empty

_VALUES_A_PART = 1 << 17  # below this a thread costs more than it gives
_PARTS_A_CORE = 4  # so that a core which is slowed down does not hold up the others
_RUN = 512  # values that a vectorised loop runs over at least
_TILE = 1024  # counters encrypted together; what a tile needs stays in the second-level cache
_UNITS = (np.uint64, np.uint32, np.uint16)  # codes are fetched in the largest of these that divides a row

_M0, _M1 = (np.uint64(multiplier) for multiplier in rng.MULTIPLIER)
_W0, _W1 = (np.uint64(step) for step in rng.KEY_STEP)
_MASK = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_8 = np.uint32(8)
_BYTE = np.uint64(255)
_CHOICE, _UNIFORM = np.uint64(rng.CHOICE), np.uint64(rng.UNIFORM)

# error_model: a division that may raise ZeroDivisionError cannot be vectorised.
_jit = numba.njit(nogil=True, cache=True, error_model="numpy")


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the threads of a process; after a fork there are new ones."""
    del process
    return ThreadPoolExecutor(_cores())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parts(n_rows: int, n_columns: int) -> list[tuple[int, int]]:
    """Cut the rows into ranges (first, last), several for each core when there is enough to do."""
    n_parts = max(1, min(_PARTS_A_CORE * _cores(), n_rows * n_columns // _VALUES_A_PART))
    edges = [n_rows * i // n_parts for i in range(n_parts + 1)]
    return list(itertools.pairwise(edges))


def _over(parts: list[tuple[int, int]], work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call ``work(first, last)`` on every range, with an item of each of ``arguments`` behind, in threads."""
    firsts, lasts = zip(*parts, strict=True)
    if len(parts) == 1:
        return [work(firsts[0], lasts[0], *(argument[0] for argument in arguments))]
    return list(_pool(os.getpid()).map(work, firsts, lasts, *arguments))


def _rows_a_run(d: int) -> int:
    """Return the rows of d values that a vectorised loop takes together."""
    return -(-_RUN // d)


@_jit
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
        rows = min(_rows_a_run(d), last - first)
        whole = first + (last - first) // rows * rows
        found = _new((2, 3, rows * d), latents.dtype)
        _bounds(latents[first:whole].reshape(-1, rows * d), *found[0])
        _bounds(latents[last - rows : last].reshape(1, rows * d), *found[1])  # the rest, and some rows again
        lower, upper, defect = found.swapaxes(0, 1).reshape(3, 2 * rows, d)
        defect = defect.sum(axis=0)
        return lower.min(axis=0) + defect, upper.max(axis=0) + defect

    lower, upper = zip(*_over(_parts(*latents.shape), work), strict=True)
    return np.min(lower, axis=0) + 0, np.max(upper, axis=0) + 0


@_jit
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
    codes = _new(latents.shape, code_dtype(n_bins))
    scalar = width.dtype.type
    rows = _rows_a_run(latents.shape[1])
    lower, safe_width = np.tile(lower, rows), np.tile(np.where(width > 0, width, scalar(1)), rows)

    def work(first: int, last: int) -> None:
        part = slice(first, last)
        _quantize(latents[part].ravel(), lower, safe_width, scalar(n_bins - 1), scalar(0), codes[part].reshape(-1))

    _over(_parts(*latents.shape), work)
    return codes


@_jit
def _pack(codes: Array, rows: Array, first: int, last: int, bits: Any, packed: Array) -> None:
    """Pack columns ``first`` to ``last`` of some rows into 64-bit words that are in the order of the rows."""
    for i in range(rows.shape[0]):
        word = np.uint64(0)
        for j in range(first, last):
            word = (word << bits) | np.uint64(codes[rows[i], j])
        packed[i] = word


@_jit
def _count_bytes(keys: Array, shift: Any, counts: Array) -> None:
    counts[:] = 0
    for i in range(keys.shape[0]):
        counts[(keys[i] >> shift) & _BYTE] += 1


@_jit
def _deal(keys: Array, values: Array, shift: Any, place: Array, new_keys: Array, new_values: Array) -> None:
    """Put keys, and the values that go with them, where their byte belongs."""
    for i in range(keys.shape[0]):
        byte = (keys[i] >> shift) & _BYTE
        to = place[byte]
        place[byte] = to + 1
        new_keys[to], new_values[to] = keys[i], values[i]


def _sort(keys: Array, values: Array, n_bits: int) -> tuple[Array, Array]:
    """Sort keys (n,) uint64 of so many bits, stably, and values with them: one byte after another, the last first."""
    parts = _parts(len(keys), 2)
    counts = _new((len(parts), 256), np.int64)
    spare = _new(keys.shape, keys.dtype), _new(values.shape, values.dtype)
    for shift in map(np.uint64, range(0, n_bits, 8)):
        _over(parts, lambda a, b, c, k=keys, s=shift: _count_bytes(k[a:b], s, c), counts)
        if (counts.sum(axis=0) == len(keys)).any():
            continue
        place = np.cumsum(counts.T).reshape(256, -1).T - counts  # a byte after another, a part after another
        place = np.ascontiguousarray(place)
        _over(parts, lambda a, b, p, k=keys, v=values, s=shift, to=spare: _deal(k[a:b], v[a:b], s, p, *to), place)
        (keys, values), spare = spare, (keys, values)
    return keys, values


@_jit
def _mark_changes(keys: Array, changed: Array) -> None:
    for i in range(keys.shape[0] - 1):
        changed[i + 1] = keys[i + 1] != keys[i]


def _changes(keys: Array) -> Array:
    """Mark the keys that differ from the one before; the first does."""
    changed = _new(keys.shape, np.bool_)
    changed[0] = True
    _mark_changes(keys, changed)
    return changed


def _take(rows: Array, which: Array) -> Array:
    """Return rows[which], in threads."""
    taken = _new((len(which), rows.shape[1]), rows.dtype)
    parts = _parts(*taken.shape)
    _over(parts, lambda a, b: np.take(rows, which[a:b], axis=0, out=taken[a:b], mode="clip"))
    return taken


def unique_cells(codes: Array, n_bins: int, masses: Array | None = None) -> tuple[Array, Array]:
    """As `reference.unique_cells`, by sorting packed columns; only ties go on to the next columns."""
    n, d = codes.shape
    bits = max(1, (n_bins - 1).bit_length())
    per_word = 64 // bits

    def packed(rows: Array, first: int) -> tuple[Array, int]:
        last = min(first + per_word, d)
        word = _new(rows.shape, np.uint64)
        _over(_parts(len(rows), 8), lambda a, b: _pack(codes, rows[a:b], first, last, np.uint64(bits), word[a:b]))
        return word, bits * (last - first)

    rows = np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)
    word, n_bits = packed(rows, 0)
    keys, order = _sort(word, rows, n_bits)
    starts = _changes(keys)
    for first in range(per_word, d, per_word):
        tied = np.flatnonzero(~(starts & np.append(starts[1:], True)))  # one of several in its group
        if tied.size == 0:
            break
        groups = np.cumsum(starts)[tied].view(np.uint64)
        word, n_bits = packed(order[tied], first)
        _, by_word = _sort(word, np.arange(len(tied)), n_bits)
        _, by_group = _sort(groups[by_word], by_word, int(groups[-1]).bit_length())
        order[tied] = order[tied][by_group]
        starts[tied] |= _changes(word[by_group])
    first_rows = np.flatnonzero(starts)
    cells = _take(codes, order[first_rows] if len(first_rows) < n else order)
    if masses is not None:
        return cells, np.add.reduceat(masses[order], first_rows)
    return cells, np.diff(first_rows, append=n)


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
    _over(_parts(*codes.shape), lambda a, b: _find_cells(codes[a:b], cells, found[a:b]))
    return found


@_jit
def _round(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    p0, p1 = _M0 * (c0 & _MASK), _M1 * (c2 & _MASK)
    return (p1 >> _32) ^ c1 ^ k0, p1, (p0 >> _32) ^ c3 ^ k1, p0


@_jit
def _philox(
    start: Any, row: Array, block: Array, stream: Any, k0: Any, k1: Any, size: int,
    w0: Array, w1: Array, w2: Array, w3: Array,
) -> None:  # fmt: skip
    """Encrypt the counters of rows ``start + row[i]`` and blocks ``block[i]``, for i below ``size``."""
    for i in range(size):
        position = start + np.uint64(row[i])
        a, b, c, d = position & _MASK, position >> _32, np.uint64(block[i]), stream
        a, b, c, d = _round(a, b, c, d, k0, k1)
        a, b, c, d = _round(a, b, c, d, (k0 + _W0) & _MASK, (k1 + _W1) & _MASK)
        a, b, c, d = _round(a, b, c, d, (k0 + np.uint64(2) * _W0) & _MASK, (k1 + np.uint64(2) * _W1) & _MASK)
        a, b, c, d = _round(a, b, c, d, (k0 + np.uint64(3) * _W0) & _MASK, (k1 + np.uint64(3) * _W1) & _MASK)
        a, b, c, d = _round(a, b, c, d, (k0 + np.uint64(4) * _W0) & _MASK, (k1 + np.uint64(4) * _W1) & _MASK)
        a, b, c, d = _round(a, b, c, d, (k0 + np.uint64(5) * _W0) & _MASK, (k1 + np.uint64(5) * _W1) & _MASK)
        a, b, c, d = _round(a, b, c, d, (k0 + np.uint64(6) * _W0) & _MASK, (k1 + np.uint64(6) * _W1) & _MASK)
        a, b, c, d = _round(a, b, c, d, (k0 + np.uint64(7) * _W0) & _MASK, (k1 + np.uint64(7) * _W1) & _MASK)
        a, b, c, d = _round(a, b, c, d, (k0 + np.uint64(8) * _W0) & _MASK, (k1 + np.uint64(8) * _W1) & _MASK)
        a, b, c, d = _round(a, b, c, d, (k0 + np.uint64(9) * _W0) & _MASK, (k1 + np.uint64(9) * _W1) & _MASK)
        w0[i], w1[i] = np.uint32(a & _MASK), np.uint32(b & _MASK)
        w2[i], w3[i] = np.uint32(c & _MASK), np.uint32(d & _MASK)


@_jit
def _counters(rows: int, blocks: int) -> Any:
    """Return row and block of the counters of a tile, and room for the four words of each."""
    row, block = np.empty(rows * blocks, np.uint32), np.empty(rows * blocks, np.uint32)
    for i in range(rows * blocks):
        row[i], block[i] = i // blocks, i % blocks
    words = np.empty((4, rows * blocks), np.uint32)
    return row, block, words[0], words[1], words[2], words[3]


@_jit
def _high_product(high: Any, low: Any, total: Any) -> Any:
    """Return (high * 2**32 + low) * total >> 64, as in `rng.choices`."""
    total_high, total_low = total >> _32, total & _MASK
    middle = high * total_low + ((low * total_low) >> _32)
    other = low * total_high + (middle & _MASK)
    return high * total_high + (middle >> _32) + (other >> _32)


@_jit
def _search(cumulative: Array, guide: Array, shift: int, draw: int) -> int:
    low, high = guide[draw >> shift], guide[(draw >> shift) + 1]
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] > draw:
            high = middle
        else:
            low = middle + 1
    return low


@_jit
def _draw_cells(
    cumulative: Array, guide: Array, shift: int, one_word: bool, k0: Any, k1: Any, start: Any, drawn: Array
) -> None:
    row, block, w0, w1, w2, w3 = _counters(_TILE, 1)
    total = np.uint64(cumulative[-1])
    for first in range(0, drawn.shape[0], _TILE):
        part = drawn[first : first + _TILE]
        rows = part.shape[0]
        _philox(start + np.uint64(first), row, block, _CHOICE, k0, k1, rows, w0, w1, w2, w3)
        if one_word:
            for r in range(rows):
                part[r] = (np.uint64(w0[r]) * total) >> _32
        else:
            for r in range(rows):
                part[r] = _high_product(np.uint64(w0[r]), np.uint64(w1[r]), total)
        if guide.shape[0] > 0 and shift == 0:
            for r in range(rows):
                part[r] = guide[part[r]]
        elif guide.shape[0] > 0:
            for r in range(rows):
                part[r] = _search(cumulative, guide, shift, part[r])


def _draw_part(index: CellIndex, key: int, start: int, drawn: Array) -> None:
    one_word = bool(index.cumulative[-1] <= rng.ONE_WORD_TOTAL)
    _draw_cells(*index, one_word, *_halves(key), np.uint64(start), drawn)


def draw_cells(index: CellIndex, *, key: int, start: int, n_samples: int) -> Array:
    """As `reference.draw_cells`."""
    drawn = _new((n_samples,), np.int64)
    _over(_parts(n_samples, 8), lambda a, b: _draw_part(index, key, start + a, drawn[a:b]))
    return drawn


@_jit
def _align(rows: int, blocks: int, d: int, w0: Array, w1: Array, w2: Array, w3: Array, word: Array) -> None:
    """Put the words of a tile behind one another, d in each row; what a row has too many, the next overwrites."""
    if d == 4 * blocks:
        for i in range(rows * blocks):
            word[4 * i], word[4 * i + 1] = np.int32(w0[i] >> _8), np.int32(w1[i] >> _8)
            word[4 * i + 2], word[4 * i + 3] = np.int32(w2[i] >> _8), np.int32(w3[i] >> _8)
    elif d == 2:
        for r in range(rows):
            word[2 * r], word[2 * r + 1] = np.int32(w0[r] >> _8), np.int32(w1[r] >> _8)
    else:
        for r in range(rows):
            for b in range(blocks):
                i, to = r * blocks + b, r * d + 4 * b
                word[to], word[to + 1] = np.int32(w0[i] >> _8), np.int32(w1[i] >> _8)
                word[to + 2], word[to + 3] = np.int32(w2[i] >> _8), np.int32(w3[i] >> _8)


@_jit
def _fetch(units: Array, drawn: Array, fetched: Array) -> int:
    """Copy the drawn rows, in units of several codes, behind one another."""
    rows, n_units = drawn.shape[0], units.shape[1]
    touched = 0
    if n_units <= 16:
        for j in range(n_units):
            for r in range(rows):
                fetched[r * n_units + j] = units[drawn[r], j]
    else:
        for r in range(rows):  # ask for all the cache lines first
            for j in range(0, n_units, 8):
                touched += units[drawn[r], j] > 0
        for r in range(rows):
            row = drawn[r]
            for j in range(n_units):
                fetched[r * n_units + j] = units[row, j]
    return touched


@_jit
def _place(
    code: Array, word: Array, lower: Array, upper: Array, width: Array, least: Array, most: Array,
    step: Any, real: Any, out: Array,
) -> bool:  # fmt: skip
    """Put points into their cells; tell whether one may have left it by rounding."""
    doubtful = np.int32(0)
    for j in range(out.shape[0]):
        doubtful |= (word[j] - least[j]) | (most[j] - word[j])
        value = lower[j] + (real(code[j]) + real(word[j]) * step) * width[j]
        out[j] = value if value < upper[j] else upper[j]
    return doubtful < 0


@_jit
def _put_back(
    code: Array, lower: Array, width: Array, safe_width: Array, top: Any, half: Any, real: Any, out: Array
) -> None:
    """Move the points that have left their cell to its centre."""
    for j in range(out.shape[0]):
        cell = real(code[j])
        position = (out[j] - lower[j]) / safe_width[j]
        stayed = np.floor(position if position < top else top) == cell
        out[j] = out[j] if stayed else lower[j] + (cell + half) * width[j]


@_jit
def _fill_cells(
    cells: Array, units: Array, drawn: Array, lower: Array, upper: Array, width: Array, safe_width: Array,
    least: Array, most: Array, top: Any, half: Any, step: Any, real: Any, k0: Any, k1: Any, start: Any, out: Array,
) -> None:  # fmt: skip
    n_samples, d = out.shape
    run, blocks = lower.shape[0], (d + 3) // 4
    tile_rows = max(run // d, _TILE // blocks // (run // d) * (run // d))
    row, block, w0, w1, w2, w3 = _counters(tile_rows, blocks)
    word = np.empty(tile_rows * d + 4, np.int32)
    code = np.empty(tile_rows * d, cells.dtype)
    fetched = code.view(units.dtype)
    for first in range(0, n_samples, tile_rows):
        chosen = drawn[first : first + tile_rows]
        rows = chosen.shape[0]
        _fetch(units, chosen, fetched)
        _philox(start + np.uint64(first), row, block, _UNIFORM, k0, k1, rows * blocks, w0, w1, w2, w3)
        _align(rows, blocks, d, w0, w1, w2, w3, word)
        tile = out[first : first + rows].reshape(rows * d)
        for a in range(0, rows * d, run):
            b = min(a + run, rows * d)
            if _place(code[a:b], word[a:b], lower, upper, width, least, most, step, real, tile[a:b]):
                _put_back(code[a:b], lower, width, safe_width, top, half, real, tile[a:b])


def _margins(lower: Array, upper: Array, width: Array, n_bins: int) -> tuple[Array, Array]:
    """Return the words, (d,) int32 each, from which on and up to which rounding cannot move a point out of its cell.

    Each of the operations on the way from (c + u) to the point and back to its position is off by at most half a unit
    in the last place: of n_bins in six of them and of the bound in one. Twice that is taken.
    """
    info = np.finfo(width.dtype)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        bound = np.maximum(np.abs(lower), np.abs(upper)) / width
        margin = np.ceil(info.eps / 2 * (8.0 * n_bins + 4.0 * bound.astype(np.float64)) / rng.UNIFORM_STEP) + 1
    too_small = (width < info.tiny / info.eps**2) | ~(margin < 2**23)  # below, products lose bits
    least = np.where(width == 0, 0, np.where(too_small, 2**24, margin)).astype(np.int32)
    return least, (2**24 - least).astype(np.int32)


def _filler(
    cells: Array, lower: Array, upper: Array, width: Array, n_bins: int, key: int
) -> Callable[[Array, int, Array], None]:
    """Return a function that fills ``out`` from row ``start`` on with points in the drawn cells."""
    real = lower.dtype.type
    repeat = functools.partial(np.tile, reps=_rows_a_run(cells.shape[1]))
    safe_width = np.where(width > 0, width, real(1))
    columns = [repeat(column) for column in (lower, upper, width, safe_width, *_margins(lower, upper, width, n_bins))]
    cells = np.ascontiguousarray(cells)
    n_bytes = cells.shape[1] * cells.itemsize
    units = cells.view(next((unit for unit in _UNITS if n_bytes % np.dtype(unit).itemsize == 0), np.uint8))

    def fill(drawn: Array, start: int, out: Array) -> None:
        _fill_cells(
            cells, units, drawn, *columns, real(n_bins - 1), real(0.5), real(rng.UNIFORM_STEP), real,
            *_halves(key), np.uint64(start), out,
        )  # fmt: skip

    return fill


def fill_cells(
    cells: Array, drawn: Array, lower: Array, upper: Array, width: Array, n_bins: int, *, key: int, start: int
) -> Array:
    """As `reference.fill_cells`."""
    fill = _filler(cells, lower, upper, width, n_bins, key)
    out = _new_samples((len(drawn), cells.shape[1]), lower.dtype)
    _over(_parts(*out.shape), lambda a, b: fill(drawn[a:b], start + a, out[a:b]))
    return out


def sample_cells(
    cells: Array, index: CellIndex, lower: Array, upper: Array, width: Array, n_bins: int,
    *, key: int, start: int, n_samples: int,
) -> Array:  # fmt: skip
    """As `reference.sample_cells`."""
    fill = _filler(cells, lower, upper, width, n_bins, key)
    out = _new_samples((n_samples, cells.shape[1]), lower.dtype)

    def work(first: int, last: int) -> None:
        drawn = _new((last - first,), np.int64)
        _draw_part(index, key, start + first, drawn)
        fill(drawn, start + first, out[first:last])

    _over(_parts(*out.shape), work)
    return out


@_jit
def _guide(cumulative: Array, shift: int, guide: Array) -> None:
    cell = 0
    for g in range(guide.shape[0]):
        draw = min(g << shift, cumulative[-1] - 1)
        while cumulative[cell] <= draw:
            cell += 1
        guide[g] = cell


def index_cells(counts: Array) -> CellIndex:
    """As `reference.index_cells`."""
    cumulative = np.cumsum(counts)
    shape, dtype, shift = guide_layout(counts)
    guide = _new(shape, dtype)
    _guide(cumulative, shift, guide)
    return CellIndex(cumulative, guide, shift)


def _halves(key: int) -> tuple[Any, Any]:
    return np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)
