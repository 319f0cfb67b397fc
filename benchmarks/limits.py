"""What the kernels cannot be faster than: reading, arithmetic, writing and page faults alone, in times a copy."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Row, alternate

from vicinal import kernels, rng
from vicinal.kernels.cpu import loops, philox
from vicinal.kernels.cpu.compiling import jit

_TILE = philox.TILE
_UNIFORM = rng.UNIFORM


@jit
def _words(start: Any, n_rows: int, blocks: int, k0: Any, k1: Any) -> Any:
    """Make the random words of rows, tile by tile, and drop them."""
    rows = max(1, _TILE // blocks)
    row, block, stream, pairs = philox.counters(rows, blocks, _UNIFORM)
    for first in range(0, n_rows, rows):
        philox.philox(start + np.uint64(first), row, block, stream, k0, k1, rows * blocks, pairs)
    return pairs[0]


def measure(path: str, rounds: int) -> Row:
    """Return the times of single steps over the latents of a file; runs in a process of its own."""
    latents = np.load(path)
    n, d = latents.shape
    target, half, key = np.zeros_like(latents), loops.parts(n, d), philox.halves(0)

    def fill(samples: Any) -> None:
        loops.over(half, lambda a, b: samples[a:b].fill(1))

    works: dict[str, Callable[[], Any]] = {
        "copy": lambda: np.copyto(target, latents),
        "read": lambda: kernels.select(latents).bounds(latents),
        "words": lambda: loops.over(half, lambda a, b: _words(np.uint64(a), b - a, -(-d // 4), *key)),
        "write": lambda: fill(target),
        "fresh": lambda: fill(np.empty_like(latents)),
    }
    times = {name: statistics.median(seconds[1:]) for name, seconds in alternate(works, 1 + rounds).items()}
    return {"values": n * d, "seconds": times}
