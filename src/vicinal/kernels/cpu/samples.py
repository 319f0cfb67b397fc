"""Samples from cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vicinal import rng
from vicinal._arrays import Array
from vicinal.kernels.cpu.compiling import jit
from vicinal.kernels.cpu.loops import new_samples, over, parts, repeated
from vicinal.kernels.cpu.philox import NO_CLASSES, TILE, counters, draw_part, halves, philox, set_streams
from vicinal.kernels.cpu.quantization import copy_rows, in_units, prefetch_rows
from vicinal.kernels.reference import CellIndex

_DRAWN = 1 << 15  # cells that are drawn before they are filled; they stay in the second-level cache
_8 = np.uint32(8)
_UNIFORM = rng.UNIFORM


@jit
def _compact(rows: int, blocks: int, d: int, pairs: Array, word: Array) -> None:
    """Copy the words of a tile into a flat array, d for each row; the next row overwrites surplus words."""
    if d == 2:
        two = word.view(np.uint64)
        for r in range(rows):
            two[r] = pairs[2 * r]
    else:
        all_words = pairs.view(np.uint32)
        for r in range(rows):
            for b in range(blocks):
                a, to = 4 * (r * blocks + b), r * d + 4 * b
                word[to], word[to + 1] = all_words[a], all_words[a + 1]
                word[to + 2], word[to + 3] = all_words[a + 2], all_words[a + 3]


@jit
def _fill_run(
    code: Array, word: Array, lower: Array, width: Array, step: Any, least: Any, most: Any, real: Any, out: Array
) -> Any:
    """Compute samples in their cells; tell whether rounding could have moved any of them out."""
    sign = np.int32(0)
    for j in range(out.shape[0]):
        part = np.int32(word[j] >> _8)
        out[j] = lower[j] + (real(code[j]) + real(part) * step) * width[j]
        sign = np.int32(sign | np.int32(np.int32(part - least) | np.int32(most - part)))  # without casts: 64 bits
    return sign < 0


@jit
def _move_back(
    code: Array, lower: Array, upper: Array, width: Array, safe_width: Array, top: Any, half: Any, real: Any, out: Array
) -> None:  # fmt: skip
    """Clip samples to the bounds, and replace those outside their cell by its centre."""
    for j in range(out.shape[0]):
        cell = real(code[j])
        value = out[j] if out[j] < upper[j] else upper[j]
        position = (value - lower[j]) / safe_width[j]
        stayed = np.floor(position if position < top else top) == cell
        out[j] = value if stayed else lower[j] + (cell + half) * width[j]


@jit
def _fill_cells(
    cells: Array, units: Array, drawn: Array, lower: Array, upper: Array, width: Array, safe_width: Array,
    least: Any, most: Any, top: Any, half: Any, step: Any, real: Any, k0: Any, k1: Any, start: Any, classes: Array,
    out: Array,
) -> None:  # fmt: skip
    n_samples, d = out.shape
    run, blocks = lower.shape[0], (d + 3) // 4
    tile_rows = max(run // d, TILE // blocks // (run // d) * (run // d))
    row, block, stream, pairs = counters(tile_rows, blocks, _UNIFORM)
    word = pairs.view(np.uint32) if d == 4 * blocks else np.empty((tile_rows * d + 5) // 2 * 2, np.uint32)
    code = np.empty(tile_rows * d, cells.dtype)
    code_units = code.view(units.dtype)
    for first in range(0, n_samples, tile_rows):
        chosen = drawn[first : first + tile_rows]
        rows = chosen.shape[0]
        prefetch_rows(units, chosen, 0, units.shape[1])
        if classes.shape[0] > 0:
            set_streams(classes[first : first + rows], blocks, _UNIFORM, stream)
        philox(start + np.uint64(first), row, block, stream, k0, k1, rows * blocks, pairs)
        if d != 4 * blocks:
            _compact(rows, blocks, d, pairs, word)
        copy_rows(units, chosen, code_units)
        tile = out[first : first + rows].reshape(rows * d)
        for a in range(0, rows * d, run):
            b = min(a + run, rows * d)
            if _fill_run(code[a:b], word[a:b], lower, width, step, least, most, real, tile[a:b]):
                _move_back(code[a:b], lower, upper, width, safe_width, top, half, real, tile[a:b])


def _margin(lower: Array, upper: Array, width: Array, n_bins: int) -> int:
    """Return m such that words from m to 2**24 - m give samples inside their cell and the bounds.

    There are five roundings from c + u to the sample, and from the sample to its code. Four are at most half a unit in
    the last place of n_bins bins each; one is at most half a unit of the bound. The bounds themselves are off by two
    such units. The margin is larger: 8 half units of the bins and 4 of the bound.
    """
    info = np.finfo(width.dtype)
    wide = width > 0
    if not wide.any():
        return 0
    lower, upper, width = lower[wide], upper[wide], width[wide]
    with np.errstate(over="ignore"):
        bound = np.max(np.maximum(np.abs(lower), np.abs(upper)) / width)
        margin = np.ceil(info.eps / 2 * (8.0 * n_bins + 4.0 * float(bound)) / rng.UNIFORM_STEP) + 1
    products_lose_bits = width.min() < info.tiny / info.eps**2
    return 2**24 if products_lose_bits or not margin < 2**23 else int(margin)


def _filler(
    cells: Array, lower: Array, upper: Array, width: Array, n_bins: int, key: int
) -> Callable[[Array, int, Array, Array], None]:
    """Return a function that fills ``out`` with samples from the drawn cells, from row ``start`` on."""
    real = lower.dtype.type
    columns = repeated(lower, upper, width, np.where(width > 0, width, real(1)))
    margin = _margin(lower, upper, width, n_bins)
    least, most = np.int32(margin), np.int32(2**24 - margin)
    cells = np.ascontiguousarray(cells)
    units = in_units(cells)

    def fill(drawn: Array, start: int, classes: Array, out: Array) -> None:
        _fill_cells(
            cells, units, drawn, *columns, least, most, real(n_bins - 1), real(0.5), real(rng.UNIFORM_STEP), real,
            *halves(key), np.uint64(start), classes, out,
        )  # fmt: skip

    return fill


def _parts(out: Array) -> list[tuple[int, int]]:
    return parts(len(out), 2 * out.shape[1])  # a value takes twice the time of a simple loop


def fill_cells(
    cells: Array, drawn: Array, lower: Array, upper: Array, width: Array, n_bins: int,
    *, key: int, start: int, classes: Array | None = None,
) -> Array:  # fmt: skip
    """As `reference.fill_cells`."""
    fill = _filler(cells, lower, upper, width, n_bins, key)
    places = NO_CLASSES if classes is None else classes
    out = new_samples((len(drawn), cells.shape[1]), lower.dtype)
    over(_parts(out), lambda a, b: fill(drawn[a:b], start + a, places[a:b], out[a:b]))
    return out


def sample_cells(
    cells: Array, index: CellIndex, lower: Array, upper: Array, width: Array, n_bins: int,
    *, key: int, start: int, n_samples: int,
) -> Array:  # fmt: skip
    """As `reference.sample_cells`."""
    fill = _filler(cells, lower, upper, width, n_bins, key)
    out = new_samples((n_samples, cells.shape[1]), lower.dtype)

    def work(first: int, last: int) -> None:
        drawn = np.empty(min(_DRAWN, last - first), np.int64)
        for a in range(first, last, _DRAWN):
            part = out[a : min(a + _DRAWN, last)]
            draw_part(index, key, start + a, drawn[: len(part)])
            fill(drawn[: len(part)], start + a, NO_CLASSES, part)

    over(_parts(out), work)
    return out
