"""Samples of neighbourhoods, from random mixtures of their latents."""

from __future__ import annotations

import numpy as np

from vicinal import kernels
from vicinal._arrays import Array
from vicinal.rng import Draws


def sample_around(
    draws: Draws, latents: Array, weights: Array | None, starts: Array, own: Array, shrinkage: float, scale: float
) -> Array:
    """Return samples (n, d) from the neighbourhoods of the latents ``own`` (n,), one for each row of ``draws``."""
    return mix(draws.key, draws.rows, draws.classes, latents, weights, starts, own, shrinkage, scale)


def mix(
    key: int, rows: Array, classes: Array | None,
    latents: Array, weights: Array | None, starts: Array, own: Array, shrinkage: float, scale: float,
) -> Array:  # fmt: skip
    """As `sample_around`, for any rows of the endless stream of rows, (n,) uint64, within classes (n,)."""
    place = np.searchsorted(starts, own, side="right") - 1
    return kernels.select().mix_rows(
        latents, weights, starts[place], starts[place + 1], own, shrinkage, scale, key=key, rows=rows, classes=classes
    )
