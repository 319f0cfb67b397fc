"""Samples of neighbourhoods, from random mixtures of their latents."""

from __future__ import annotations

import numpy as np

from vicinal import kernels
from vicinal._arrays import Array
from vicinal.rng import Draws


def sample_around(
    draws: Draws, latents: Array, weights: Array | None, starts: Array, own: Array, shrinkage: float, scale: float,
    some: Array | None = None,
) -> Array:  # fmt: skip
    """Return samples from the neighbourhoods of the latents ``own``, one for each row of ``draws``, or for ``some``."""
    rows, classes = draws.rows, draws.classes
    if some is not None:
        rows, classes = rows[some], None if classes is None else classes[some]
    place = np.searchsorted(starts, own, side="right") - 1
    return kernels.select().mix_rows(
        latents, weights, starts[place], starts[place + 1], own, shrinkage, scale,
        key=draws.key, rows=rows, classes=classes,
    )  # fmt: skip
