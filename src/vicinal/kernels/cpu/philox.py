"""Random words by Philox, and the cells that they choose."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import rng
from vicinal._arrays import Array
from vicinal.kernels.cpu.compiling import jit
from vicinal.kernels.cpu.loops import over, parts
from vicinal.kernels.reference import CellIndex, guide_layout

TILE = 512  # counters in a tile; its arrays fit into the first-level cache
NO_CLASSES = np.empty(0, np.int64)  # for rows that are drawn from all classes

_M0, _M1 = (np.uint64(multiplier) for multiplier in rng.MULTIPLIER)
_W0, _W1 = (np.uint64(step) for step in rng.KEY_STEP)
_MASK = np.uint64(0xFFFFFFFF)
_1, _32 = np.uint64(1), np.uint64(32)
_STREAMS = rng.STREAMS
_CHOICE = rng.CHOICE


def halves(key: int) -> tuple[Any, Any]:
    """Return the low and the high word of a key."""
    return np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)


@jit
def _round(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    p0, p1 = _M0 * (c0 & _MASK), _M1 * (c2 & _MASK)
    return (p1 >> _32) ^ c1 ^ k0, p1, (p0 >> _32) ^ c3 ^ k1, p0


@jit
def _both(a: Any, b: Any, k0: Any, k1: Any) -> Any:
    """Encrypt two counters for a round."""
    return _round(a[0], a[1], a[2], a[3], k0, k1), _round(b[0], b[1], b[2], b[3], k0, k1)


@jit
def _counter(position: Any, block: Any, stream: Any) -> Any:
    return position & _MASK, position >> _32, np.uint64(block), np.uint64(stream)


@jit
def philox(start: Any, row: Array, block: Array, stream: Array, k0: Any, k1: Any, size: int, pairs: Array) -> None:
    """Encrypt the counters of rows ``start + row[i]``, blocks ``block[i]`` and streams ``stream[i]``, i below ``size``.

    The four 32-bit words of a counter are stored in two 64-bit integers, low half first. On a little-endian machine,
    a 32-bit view has them in order. All integers have 64 bits, as loops over one width vectorise best. A round waits
    for the round before, so two counters take turns. If ``size`` is odd, one counter more is encrypted.
    """
    half = (size + 1) // 2
    for i in range(half):
        j = i + half
        a = _counter(start + np.uint64(row[i]), block[i], stream[i])
        b = _counter(start + np.uint64(row[j]), block[j], stream[j])
        a, b = _both(a, b, k0, k1)
        a, b = _both(a, b, (k0 + _W0) & _MASK, (k1 + _W1) & _MASK)
        a, b = _both(a, b, (k0 + np.uint64(2) * _W0) & _MASK, (k1 + np.uint64(2) * _W1) & _MASK)
        a, b = _both(a, b, (k0 + np.uint64(3) * _W0) & _MASK, (k1 + np.uint64(3) * _W1) & _MASK)
        a, b = _both(a, b, (k0 + np.uint64(4) * _W0) & _MASK, (k1 + np.uint64(4) * _W1) & _MASK)
        a, b = _both(a, b, (k0 + np.uint64(5) * _W0) & _MASK, (k1 + np.uint64(5) * _W1) & _MASK)
        a, b = _both(a, b, (k0 + np.uint64(6) * _W0) & _MASK, (k1 + np.uint64(6) * _W1) & _MASK)
        a, b = _both(a, b, (k0 + np.uint64(7) * _W0) & _MASK, (k1 + np.uint64(7) * _W1) & _MASK)
        a, b = _both(a, b, (k0 + np.uint64(8) * _W0) & _MASK, (k1 + np.uint64(8) * _W1) & _MASK)
        a, b = _both(a, b, (k0 + np.uint64(9) * _W0) & _MASK, (k1 + np.uint64(9) * _W1) & _MASK)
        pairs[2 * i] = (a[0] & _MASK) | (a[1] << _32)
        pairs[2 * i + 1] = (a[2] & _MASK) | (a[3] << _32)
        pairs[2 * j] = (b[0] & _MASK) | (b[1] << _32)
        pairs[2 * j + 1] = (b[2] & _MASK) | (b[3] << _32)


@jit
def counters(rows: int, blocks: int, use: int) -> Any:
    """Return row, block and stream of each counter of a tile, and an array for the pairs of words; an even number."""
    n = (rows * blocks + 1) // 2 * 2
    row, block = np.empty(n, np.uint32), np.empty(n, np.uint32)
    for i in range(n):
        row[i], block[i] = i // blocks, i % blocks
    return row, block, np.full(n, use, np.uint32), np.empty(2 * n, np.uint64)


@jit
def set_streams(classes: Array, blocks: int, use: int, stream: Array) -> None:
    """Set the streams of the counters of a tile whose rows are drawn within these classes."""
    for r in range(classes.shape[0]):
        for i in range(r * blocks, (r + 1) * blocks):
            stream[i] = use + _STREAMS * (classes[r] + 1)


@jit
def _high_product(word: Any, total: Any) -> Any:
    """Return word * total >> 64, as in `rng.Draws.choices`."""
    high, low, total_high, total_low = word >> _32, word & _MASK, total >> _32, total & _MASK
    middle = high * total_low + ((low * total_low) >> _32)
    other = low * total_high + (middle & _MASK)
    return high * total_high + (middle >> _32) + (other >> _32)


@jit
def _search(cumulative: Array, guide: Array, shift: int, draw: int) -> int:
    low, high = guide[draw >> shift], guide[(draw >> shift) + 1]
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] > draw:
            high = middle
        else:
            low = middle + 1
    return low


@jit
def _draw_cells(cumulative: Array, guide: Array, shift: int, k0: Any, k1: Any, start: Any, drawn: Array) -> None:
    total, odd = np.uint64(cumulative[-1]), np.int64(start & _1)
    row, block, stream, pairs = counters(TILE // 2 + 1, 1, _CHOICE)
    for first in range(0, drawn.shape[0], TILE):
        part = drawn[first : first + TILE]
        rows = part.shape[0]
        philox((start + np.uint64(first)) >> _1, row, block, stream, k0, k1, (odd + rows + 1) // 2, pairs)
        for r in range(rows):
            part[r] = _high_product(pairs[odd + r], total)
        if guide.shape[0] > 0 and shift == 0:
            for r in range(rows):
                part[r] = guide[part[r]]
        elif guide.shape[0] > 0:
            for r in range(rows):
                part[r] = _search(cumulative, guide, shift, part[r])


def draw_part(index: CellIndex, key: int, start: int, drawn: Array) -> None:
    """Fill ``drawn`` with the cells of the rows from ``start`` on."""
    with np.errstate(over="ignore"):  # NumPy warns of overflow if Numba is off
        _draw_cells(*index, *halves(key), np.uint64(start), drawn)


def draw_cells(index: CellIndex, *, key: int, start: int, n_samples: int) -> Array:
    """As `reference.draw_cells`."""
    drawn = np.empty(n_samples, np.int64)
    over(parts(n_samples, 8), lambda a, b: draw_part(index, key, start + a, drawn[a:b]))
    return drawn


@jit
def _guide(cumulative: Array, shift: int, guide: Array) -> None:
    """Set guide g to the number of cells, without the last, whose cumulative counts are at most g << shift."""
    guide[:] = 0
    total, up = cumulative[-1], (1 << shift) - 1
    for cell in range(cumulative.shape[0]):
        if cumulative[cell] < total:
            guide[(cumulative[cell] + up) >> shift] += 1
    for g in range(1, guide.shape[0]):
        guide[g] += guide[g - 1]


def index_cells(counts: Array) -> CellIndex:
    """As `reference.index_cells`."""
    cumulative = np.cumsum(counts, out=np.empty(counts.shape, np.int64))
    shape, dtype, shift = guide_layout(counts, int(cumulative[-1]))
    guide = np.empty(shape, dtype)
    if guide.size:
        _guide(cumulative, shift, guide)
    return CellIndex(cumulative, guide, shift)
