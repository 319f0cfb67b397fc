"""Random words by Philox, and the cells that they choose."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import rng
from vicinal._arrays import Array
from vicinal.kernels.cpu.loops import jit, over, parts
from vicinal.kernels.reference import CellIndex, guide_layout

TILE = 512  # counters in a tile; its arrays fit into the first-level cache

_M0, _M1 = (np.uint64(multiplier) for multiplier in rng.MULTIPLIER)
_W0, _W1 = (np.uint64(step) for step in rng.KEY_STEP)
_MASK = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_STEP = np.uint64(rng.BLOCK_STEP)
_SHUFFLED = np.uint64(rng.SHUFFLED)
_GOLDEN = np.uint64(rng.GOLDEN)
_CHOICE = np.uint64(rng.CHOICE)


def halves(key: int) -> tuple[Any, Any]:
    """Return the low and the high word of a key."""
    return np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)


@jit
def _round(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    p0, p1 = _M0 * (c0 & _MASK), _M1 * (c2 & _MASK)
    return (p1 >> _32) ^ c1 ^ k0, p1, (p0 >> _32) ^ c3 ^ k1, p0


@jit
def philox(start: Any, row: Array, block: Array, stream: Any, k0: Any, k1: Any, size: int, pairs: Array) -> None:
    """Encrypt the counters of rows ``start + row[i]`` and blocks ``block[i]``, for i below ``size``.

    The four 32-bit words of a counter are stored in two 64-bit integers, low half first. On a little-endian machine,
    a 32-bit view has them in order. All integers have 64 bits, as loops over one width vectorise best.
    """
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
        pairs[2 * i] = (a & _MASK) | (b << _32)
        pairs[2 * i + 1] = (c & _MASK) | (d << _32)


@jit
def counters(rows: int, blocks: int) -> Any:
    """Return the row and the block of each counter of a tile, and an array for the pairs of words."""
    row, block = np.empty(rows * blocks, np.uint32), np.empty(rows * blocks, np.uint32)
    for i in range(rows * blocks):
        row[i], block[i] = i // blocks, i % blocks
    return row, block, np.empty(2 * rows * blocks, np.uint64)


def choice_words(key: int) -> Array:
    """As `rng.choice_words`."""
    row, block, pairs = counters(rng.SHUFFLED, 1)
    philox(np.uint64(0), row, block, _CHOICE, *halves(key), rng.SHUFFLED, pairs)
    order = np.argsort(pairs[::2] & _MASK, kind="stable").astype(np.uint64)
    return (pairs[0] & ~_MASK | pairs[1] & _MASK) + order * _GOLDEN


@jit
def _high_product(word: Any, total: Any) -> Any:
    """Return word * total >> 64, as in `rng.choices`."""
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
def _draw_cells(cumulative: Array, guide: Array, shift: int, words: Array, start: Any, drawn: Array) -> None:
    total = np.uint64(cumulative[-1])
    for first in range(0, drawn.shape[0], TILE):
        part = drawn[first : first + TILE]
        rows = part.shape[0]
        for r in range(rows):
            row = start + np.uint64(first + r)
            part[r] = _high_product(words[row % _SHUFFLED] + row // _SHUFFLED * _STEP, total)
        if guide.shape[0] > 0 and shift == 0:
            for r in range(rows):
                part[r] = guide[part[r]]
        elif guide.shape[0] > 0:
            for r in range(rows):
                part[r] = _search(cumulative, guide, shift, part[r])


def draw_part(index: CellIndex, words: Array, start: int, drawn: Array) -> None:
    """Fill ``drawn`` with the cells of the rows from ``start`` on; ``words`` come from `choice_words`."""
    with np.errstate(over="ignore"):  # NumPy warns of overflow if Numba is off
        _draw_cells(*index, words, np.uint64(start), drawn)


def draw_cells(index: CellIndex, *, key: int, start: int, n_samples: int) -> Array:
    """As `reference.draw_cells`."""
    drawn = np.empty(n_samples, np.int64)
    words = choice_words(key)
    over(parts(n_samples, 8), lambda a, b: draw_part(index, words, start + a, drawn[a:b]))
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
