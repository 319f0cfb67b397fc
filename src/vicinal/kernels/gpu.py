"""The kernels for torch tensors on any device. They give the same bits as `reference`.

There are two versions. On CUDA, one Triton kernel quantizes and one samples. The second encrypts the counters, finds
the cells, and computes, checks and stores the samples, all in registers. Without Triton, torch runs one operation
after another. Both versions find bounds and cells with torch. ``lower``, ``upper`` and ``width`` are NumPy arrays.

Codes are uint8 up to 256 bins and int32 above, because torch hardly supports wider unsigned types on CUDA.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from vicinal import rng
from vicinal._arrays import Array
from vicinal.kernels import reference

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None

Tensor = Any

_new = torch.empty  # memory for a result; tests fill it with invalid values first
_MASK = 0xFFFFFFFF
_VALUES_A_STEP = 1 << 22  # values that torch samples together; its integers take about a hundred bytes for each
_TILE = 2048  # values of one program of 128 threads; more would need too many registers
_WIDEST = 16  # blocks of four columns in a tile; wider tiles waste more columns, narrower ones draw more cells


def code_dtype(n_bins: int) -> torch.dtype:
    """Return the dtype of the codes."""
    return torch.uint8 if n_bins <= 256 else torch.int32


def to_device(cells: Array, index: reference.CellIndex, device: Any) -> tuple[Tensor, reference.CellIndex]:
    """Return cells and their index as tensors on ``device``."""

    def move(array: Array) -> Tensor:
        return torch.tensor(array, device=device)

    codes = cells if cells.dtype == np.uint8 else cells.astype(np.int32)
    return move(codes), reference.CellIndex(move(index.cumulative), move(index.guide), index.shift)


def bounds(latents: Tensor) -> tuple[Array, Array]:
    """As `reference.bounds`, on the host."""
    extremes = torch.stack(torch.aminmax(latents, dim=0))  # one pass; not finite if a value is not finite
    return reference.bounds(extremes.cpu().numpy())


def quantize(latents: Tensor, lower: Array, width: Array, n_bins: int) -> Tensor:
    """As `reference.quantize`, in `code_dtype`."""
    columns = _columns(latents.device, lower, width)
    if not _use_triton(latents):
        return _positions(latents, columns[0], columns[1], n_bins).to(code_dtype(n_bins))
    codes = _new(latents.shape, dtype=code_dtype(n_bins), device=latents.device)
    n_values, d = latents.numel(), latents.shape[1]
    _launch(_quantize_tile, -(-n_values // _TILE), latents.contiguous(), columns, codes, n_values, n_bins, d, _TILE)
    return codes


def unique_cells(codes: Tensor, n_bins: int) -> tuple[Tensor, Tensor]:
    """As `reference.unique_cells`, by sorting packed words; only rows with equal words are compared in the next."""
    bits = max(1, (n_bins - 1).bit_length())
    first, *others = codes.split(63 // bits, dim=1)
    word, order = torch.sort(_pack(first, bits))
    starts_group = _changes(word)
    for columns in others:
        ends_group = torch.cat([starts_group[1:], starts_group[:1]])  # the first row always starts one
        tied = (~(starts_group & ends_group)).nonzero().ravel()
        if tied.numel() == 0:
            break
        rows, group = order[tied], starts_group.cumsum(0)[tied]
        word, by_word = torch.sort(_pack(columns[rows], bits))
        by_group = torch.argsort(group[by_word], stable=True)
        order[tied] = rows[by_word[by_group]]
        starts_group[tied] |= _changes(word[by_group])
    first_rows = starts_group.nonzero().ravel()
    return codes[order[first_rows]], torch.diff(first_rows, append=first_rows.new_tensor([len(codes)]))


def _pack(codes: Tensor, bits: int) -> Tensor:
    """Pack each row into a word of 63 bits, the first column highest; words have the order of the rows."""
    word = codes.new_zeros(len(codes), dtype=torch.int64)
    for column in codes.unbind(1):
        word = word << bits | column
    return word


def _changes(values: Tensor) -> Tensor:
    """Mark the first value, and each value that differs from the one before."""
    return torch.cat([values.new_ones(1, dtype=torch.bool), values[1:] != values[:-1]])


def sample_cells(
    cells: Tensor, index: reference.CellIndex, lower: Array, upper: Array, width: Array, n_bins: int,
    *, key: int, start: int, n_samples: int,
) -> Tensor:  # fmt: skip
    """As `reference.sample_cells`, with cells and index from `to_device`."""
    columns = _columns(cells.device, lower, upper, width)
    if _use_triton(cells):
        return _sample_tiles(cells, None, None, index, columns, n_bins, key, start, n_samples)
    return _fill_cells(cells, _draw_cells(index, key, start, n_samples), None, columns, n_bins, key, start)


def fill_cells(
    cells: Tensor, drawn: Any, lower: Array, upper: Array, width: Array, n_bins: int,
    *, key: int, start: int, classes: Any = None,
) -> Tensor:  # fmt: skip
    """As `reference.fill_cells`, with cells from `to_device`; drawn cells and classes may be arrays."""
    columns = _columns(cells.device, lower, upper, width)
    drawn = torch.as_tensor(drawn, device=cells.device)
    places = None if classes is None else torch.as_tensor(classes, device=cells.device)
    if _use_triton(cells):
        return _sample_tiles(cells, drawn, places, None, columns, n_bins, key, start, len(drawn))
    return _fill_cells(cells, drawn, places, columns, n_bins, key, start)


def _columns(device: Any, *rows: Array) -> Tensor:
    """Return arrays (d,) as the rows of one tensor, in one asynchronous transfer."""
    return torch.from_numpy(np.stack(rows)).to(device, non_blocking=True)


def _use_triton(tensor: Tensor) -> bool:
    """Tell whether ``tensor`` is for Triton: on CUDA, or on any device with the interpreter of Triton."""
    return triton is not None and (tensor.is_cuda or not isinstance(_sample_tile, triton.JITFunction))


# Without Triton: torch has no unsigned arithmetic, but int64 wraps to the same bits, and `_high` is an unsigned shift.


def _high(product: Tensor) -> Tensor:
    return (product >> 32) & _MASK


def _words(key: int, stream: int, rows: Tensor, classes: Tensor | None, n_words: int) -> Tensor:
    """As `rng.Draws.words` for rows (n,) in their classes, in int64."""
    row, block = rows[:, None], torch.arange(-(-n_words // 4), device=rows.device)
    places: Tensor = row * 0 if classes is None else classes[:, None] + 1
    c0, c1, c2, c3 = row & _MASK, _high(row), block, places * rng.STREAMS + stream
    k0, k1 = key & _MASK, key >> 32
    for _ in range(rng.ROUNDS):
        p0, p1 = rng.MULTIPLIER[0] * c0, rng.MULTIPLIER[1] * c2
        c0, c1, c2, c3 = _high(p1) ^ c1 ^ k0, p1 & _MASK, _high(p0) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + rng.KEY_STEP[0]) & _MASK, (k1 + rng.KEY_STEP[1]) & _MASK
    return torch.stack([c0, c1, c2, c3], dim=-1).flatten(1)[:, :n_words]


def _draw_cells(index: reference.CellIndex, key: int, start: int, n_samples: int) -> Tensor:
    """As `reference.draw_cells`."""
    cumulative: Tensor = index.cumulative
    pairs: Tensor = start // 2 + torch.arange(n_samples // 2 + 1, device=cumulative.device)
    words = _words(key, rng.CHOICE, pairs, None, 4).reshape(-1, 2)[start % 2 :][:n_samples]
    total = cumulative[-1]
    low, high, total_high, total_low = words[:, 0], words[:, 1], total >> 32, total & _MASK
    middle = high * total_low + _high(low * total_low)
    other = low * total_high + (middle & _MASK)
    return torch.searchsorted(cumulative, high * total_high + _high(middle) + _high(other), right=True)


def _positions(latents: Tensor, lower: Tensor, width: Tensor, n_bins: int) -> Tensor:
    return ((latents - lower) / torch.where(width > 0, width, 1)).clamp(0, n_bins - 1)


def _fill_cells(
    cells: Tensor, drawn: Tensor, classes: Tensor | None, columns: Tensor, n_bins: int, key: int, start: int
) -> Tensor:
    lower, upper, width = columns
    rows: Tensor = start + torch.arange(len(drawn), device=cells.device)
    out = _new((len(drawn), len(lower)), dtype=columns.dtype, device=cells.device)
    step = max(1, _VALUES_A_STEP // len(lower))
    for first in range(0, len(drawn), step):
        part = slice(first, first + step)
        codes = cells[drawn[part]].to(columns.dtype)
        words = _words(key, rng.UNIFORM, rows[part], None if classes is None else classes[part], len(lower))
        u = (words >> 8).to(columns.dtype) * rng.UNIFORM_STEP
        latents = torch.minimum(lower + (codes + u) * width, upper)
        stayed = _positions(latents, lower, width, n_bins).floor() == codes
        out[part] = torch.where(stayed, latents, lower + (codes + 0.5) * width)
    return out


# With Triton: only functions that its compiler and its interpreter both support, so none that is itself compiled.


def _jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel once for all values of these numbers; it is specialised to other arguments."""
    numbers = ("n_bins", "n_samples", "n_cells", "shift", "n_halvings", "key", "start")
    return function if triton is None else triton.jit(function, do_not_specialize=numbers)


def _launch(kernel: Any, n_programs: int, tensor: Tensor, *arguments: Any) -> None:
    """Run a kernel on the device of its first tensor; products and sums are rounded separately."""
    with torch.cuda.device_of(tensor):  # type: ignore[no-untyped-call]
        kernel[(n_programs,)](tensor, *arguments, enable_fp_fusion=False)


def _sample_tiles(
    cells: Tensor, drawn: Tensor | None, classes: Tensor | None, index: reference.CellIndex | None, columns: Tensor,
    n_bins: int, key: int, start: int, n_samples: int,
) -> Tensor:  # fmt: skip
    n_cells, d = cells.shape
    out = _new((n_samples, d), dtype=columns.dtype, device=cells.device)
    cumulative, guide, shift = index or (None, None, 0)
    guide = guide if guide is not None and len(guide) else None
    n_halvings = n_cells.bit_length() if shift else 0
    blocks = min(triton.next_power_of_2(-(-d // 4)), _WIDEST)
    rows = _TILE // (4 * blocks)
    n_tiles = -(-n_samples // rows) * -(-d // (4 * blocks))
    _launch(
        _sample_tile, n_tiles, out, cells.contiguous(), columns, drawn, classes, cumulative, guide,
        n_samples, n_cells, d, n_bins, shift, n_halvings, key, start, rows, blocks,
    )  # fmt: skip
    return out


@_jit
def _position(latents: tl.tensor, lower: tl.tensor, width: tl.tensor, n_bins: tl.tensor) -> Any:
    """As `reference._positions`."""
    offset, safe_width = latents - lower, tl.where(width > 0, width, 1)
    # Only in float32, `/` is not rounded as IEEE 754 requires.
    ratio = tl.div_rn(offset, safe_width) if offset.dtype == tl.float32 else offset / safe_width
    return tl.minimum(tl.maximum(ratio, 0), (n_bins - 1).to(offset.dtype))


@_jit
def _quantize_tile(
    latents: tl.tensor, columns: tl.tensor, codes: tl.tensor, n_values: tl.tensor, n_bins: tl.tensor,
    d: tl.constexpr, SIZE: tl.constexpr,
) -> None:  # fmt: skip
    first = tl.program_id(0).to(tl.int64) * SIZE
    value = tl.arange(0, SIZE // 4)[:, None] * 4 + tl.arange(0, 4)[None, :]  # four adjacent values for each thread
    inside = value < n_values - first
    column = ((first % d).to(tl.int32) + value) % d
    latent = tl.load(latents + first + value, inside, 0)
    position = _position(latent, tl.load(columns + column), tl.load(columns + d + column), n_bins)
    tl.store(codes + first + value, position.to(codes.dtype.element_ty), inside)


@_jit
def _encrypt(row: tl.tensor, block: tl.tensor, stream: tl.tensor, key: tl.tensor) -> Any:
    """As `rng.philox4x32`."""
    c0, c1, c2, c3 = row.to(tl.uint32), (row >> 32).to(tl.uint32), block.to(tl.uint32), stream.to(tl.uint32)
    k0, k1 = key.to(tl.uint32), (key >> 32).to(tl.uint32)
    for _ in tl.static_range(tl.constexpr(rng.ROUNDS)):
        p0, p1 = c0.to(tl.uint64) * rng.MULTIPLIER[0], c2.to(tl.uint64) * rng.MULTIPLIER[1]
        c0, c1 = (p1 >> 32).to(tl.uint32) ^ c1 ^ k0, p1.to(tl.uint32)
        c2, c3 = (p0 >> 32).to(tl.uint32) ^ c3 ^ k1, p0.to(tl.uint32)
        k0, k1 = k0 + rng.KEY_STEP[0], k1 + rng.KEY_STEP[1]
    return c0, c1, c2, c3


@_jit
def _choose(
    row: tl.tensor, key: tl.tensor, cumulative: tl.tensor, guide: tl.tensor, n_cells: tl.tensor, shift: tl.tensor,
    n_halvings: tl.tensor,
) -> Any:  # fmt: skip
    """As `reference.draw_cells`."""
    w0, w1, w2, w3 = _encrypt(row >> 1, row * 0, row * 0 + rng.CHOICE, key)  # two rows share the words
    even = row % 2 == 0
    word = tl.where(even, w1, w3).to(tl.uint64) << 32 | tl.where(even, w0, w2).to(tl.uint64)
    draw = tl.umulhi(word, tl.load(cumulative + n_cells - 1).to(tl.uint64)).to(tl.int64)
    if guide is None:
        cell, last = draw, draw
    else:
        cell = tl.load(guide + (draw >> shift)).to(tl.int64)
        last = tl.load(guide + (draw >> shift) + 1).to(tl.int64)
    for _ in range(n_halvings):
        middle, unsure = (cell + last) >> 1, cell < last
        beyond = unsure & (tl.load(cumulative + middle, unsure, 0) <= draw)
        cell, last = tl.where(beyond, middle + 1, cell), tl.where(beyond, last, middle)
    return cell


@_jit
def _sample_tile(
    out: tl.tensor, cells: tl.tensor, columns: tl.tensor, drawn: tl.tensor, classes: tl.tensor, cumulative: tl.tensor,
    guide: tl.tensor, n_samples: tl.tensor, n_cells: tl.tensor, d: tl.tensor, n_bins: tl.tensor, shift: tl.tensor,
    n_halvings: tl.tensor, key: tl.uint64, start: tl.uint64, ROWS: tl.constexpr, BLOCKS: tl.constexpr,
) -> None:  # fmt: skip
    """As `reference.fill_cells`, for a tile of rows and columns; draws the cells if ``drawn`` is None."""
    n_tiles = (d + 4 * BLOCKS - 1) // (4 * BLOCKS)  # tiles of the same rows, which share the cache
    sample = (tl.program_id(0) // n_tiles).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    row, key = start.to(tl.uint64) + sample.to(tl.uint64), key.to(tl.uint64)
    if drawn is None:
        cell = _choose(row, key, cumulative, guide, n_cells, shift, n_halvings)
    else:
        cell = tl.load(drawn + sample, sample < n_samples, 0)

    block = (tl.program_id(0) % n_tiles) * BLOCKS + tl.arange(0, BLOCKS)[None, :]
    stream = row * 0 + rng.UNIFORM
    if classes is not None:
        stream += (tl.load(classes + sample, sample < n_samples, 0).to(tl.uint64) + 1) * rng.STREAMS
    w0, w1, w2, w3 = _encrypt(row[:, None], block, stream[:, None], key)
    words = tl.reshape(tl.join(tl.join(w0, w2), tl.join(w1, w3)), (ROWS, BLOCKS, 4))
    column = block[:, :, None] * 4 + tl.arange(0, 4)[None, None, :]  # four adjacent values for each thread

    known = column < d
    lower = tl.load(columns + column, known, 0)
    upper = tl.load(columns + d + column, known, 0)
    width = tl.load(columns + 2 * d + column, known, 0)
    inside = known & (sample < n_samples)[:, None, None]
    code = tl.load(cells + cell[:, None, None] * d + column, inside, 0).to(lower.dtype)
    u = (words >> 8).to(lower.dtype) * rng.UNIFORM_STEP
    latent = tl.minimum(lower + (code + u) * width, upper)
    stayed = tl.floor(_position(latent, lower, width, n_bins)) == code
    latent = tl.where(stayed, latent, lower + (code + 0.5) * width)
    tl.store(out + sample[:, None, None] * d + column, latent, inside)
