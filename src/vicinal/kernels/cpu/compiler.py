"""The compiler, and the settings that all kernels share. The only file that imports Numba."""

from __future__ import annotations

from typing import Any

import numba

COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

# No fast-math: the compiler may neither reorder nor fuse, so every value is rounded as NumPy rounds it.
# error_model: a division that may raise ZeroDivisionError cannot be vectorised.
jit: Any = numba.njit(nogil=True, cache=True, error_model="numpy")

_RUN = 512  # values that a vectorised loop runs over at least


def rows_a_run(d: int) -> int:
    """Return the rows of d values that a vectorised loop takes together."""
    return -(-_RUN // d)
