"""The two passes of a fit: bounds and codes."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from vicinal.kernels import memory
from vicinal.kernels.cpu.compiler import jit, repeated, rows_a_run
from vicinal.kernels.cpu.threads import over, parts
from vicinal.kernels.reference import code_dtype

Array = np.ndarray[Any, Any]


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
        found = memory.new((2, 3, rows * d), latents.dtype)
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
    codes = memory.new(latents.shape, code_dtype(n_bins))
    scalar = width.dtype.type
    lower, safe_width = repeated(lower, np.where(width > 0, width, scalar(1)))

    def work(first: int, last: int) -> None:
        part = slice(first, last)
        _quantize(latents[part].ravel(), lower, safe_width, scalar(n_bins - 1), scalar(0), codes[part].reshape(-1))

    over(parts(*latents.shape), work)
    return codes
