"""Points in the vicinity of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import rng
from vicinal.kernels import memory
from vicinal.kernels.cpu.compiler import jit
from vicinal.kernels.cpu.draws import counters, halves, philox
from vicinal.kernels.cpu.threads import over, parts

Array = np.ndarray[Any, Any]

_NORMAL = np.uint64(rng.NORMAL)
_TURN = 2.0 * np.pi * 2.0**-32


@jit
def _pair(radius_word: Any, angle_word: Any) -> Any:
    """Return two standard normals, as `rng.normals`."""
    radius = np.sqrt(-2.0 * np.log((np.float64(radius_word) + 1.0) * 2.0**-32))
    angle = np.float64(angle_word) * _TURN
    return radius * np.cos(angle), radius * np.sin(angle)


@jit
def _mix_rows(
    points: Array, masses: Array, first: Array, last: Array, own: Array, most: int, shrinkage: float, scale: float,
    real: Any, k0: Any, k1: Any, start: Any, out: Array,
) -> None:  # fmt: skip
    d = points.shape[1]
    row, block, pairs = counters(1, (most + 3) // 4)
    word = pairs.view(np.uint32)
    noise, share = np.empty(4 * ((most + 3) // 4)), np.empty(most)
    moved = np.empty(d, points.dtype)
    for i in range(out.shape[0]):
        a, size = first[i], last[i] - first[i]
        base = points[own[i]]
        philox(start + np.uint64(i), row, block, _NORMAL, k0, k1, (size + 3) // 4, pairs)
        for k in range(0, 4 * ((size + 3) // 4), 2):
            noise[k], noise[k + 1] = _pair(word[k], word[k + 1])
        total, drift = 0.0, 0.0
        for k in range(size):
            share[k] = np.float64(masses[a + k]) if masses.shape[0] > 0 else 1.0
            total += share[k]
        for k in range(size):
            share[k] /= total
            noise[k] = np.sqrt(share[k]) * noise[k]
            drift += noise[k]
        moved[:] = 0
        for k in range(size):
            weight = real(shrinkage * share[k] + scale * (noise[k] - share[k] * drift))
            for j in range(d):
                moved[j] += weight * (points[a + k, j] - base[j])
        for j in range(d):
            out[i, j] = base[j] + moved[j]


def mix_rows(
    points: Array, masses: Array | None, first: Array, last: Array, own: Array, shrinkage: float, scale: float,
    *, key: int, start: int,
) -> Array:  # fmt: skip
    """As `reference.mix_rows`."""
    most = int((last - first).max(initial=0))
    out = memory.new_samples((len(own), points.shape[1]), points.dtype)
    masses = np.empty(0, np.int64) if masses is None else masses

    def work(a: int, b: int) -> None:
        _mix_rows(
            points, masses, first[a:b], last[a:b], own[a:b], most, shrinkage, scale, points.dtype.type,
            *halves(key), np.uint64(start + a), out[a:b],
        )  # fmt: skip

    over(parts(len(own), max(1, most * (points.shape[1] // 8 + 16))), work)
    return out
