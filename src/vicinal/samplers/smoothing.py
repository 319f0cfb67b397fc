r"""A broad Gaussian mixed into the cells, so that no latent has density zero.

With mass s in [0, 1), p the density of the cells, and q that of a Gaussian over the box of the grid:

.. math::
    p_s(z) = (1 - s)\, p(z) + s\, q(z), \quad
    q = N\Bigl(\frac{\mathrm{lower} + \mathrm{upper}}{2},\; \mathrm{diag}\Bigl(\frac{\mathrm{upper} - \mathrm{lower}}{2}
    \Bigr)^2\Bigr)

Samples follow: each is drawn from q with probability s, and from a cell otherwise. A uniform over the box would not do,
since held-out latents lie beyond the smallest and largest training latent. s is a multiple of 2**-32. A constant
dimension stays constant, and is left out of the density.
"""

from __future__ import annotations

import math
import numbers
import sys
from typing import Any

import numpy as np

from vicinal import _arrays, rng
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.rng import Draws
from vicinal.samplers.cells import Grid

_STEPS = 2.0**32  # of the words that decide


def checked(smoothing: Any) -> float:
    """Return ``smoothing`` as the nearest multiple of 2**-32 above it, or raise the errors of a bad parameter."""
    if isinstance(smoothing, bool) or not isinstance(smoothing, numbers.Real):
        raise InvalidTypeError(f"smoothing must be a number from 0 to below 1; got {smoothing!r}")
    if not 0 <= float(smoothing) < 1:
        raise InvalidInputError(f"smoothing must be from 0 to below 1, such as 0.001; got {smoothing}")
    return min(math.ceil(float(smoothing) * _STEPS), _STEPS - 1) / _STEPS


def is_broad(draws: Draws, n_columns: int, smoothing: float) -> Array:
    """Return which rows come from the broad Gaussian, (n_samples,) bool; cells use only ``n_columns`` words."""
    if smoothing == 0:
        return np.zeros(draws.n_samples, dtype=bool)
    return draws.words(rng.UNIFORM, n_columns + 1)[:, n_columns] < np.uint64(smoothing * _STEPS)


def mix_in(latents: Any, draws: Draws, grid: Grid, smoothing: float) -> Any:
    """Return latents (n_samples, d) of cells, with some rows replaced by those of the broad Gaussian, in place."""
    chosen = np.flatnonzero(is_broad(draws, len(grid.lower), smoothing))
    if len(chosen) == 0:
        return latents
    classes = None if draws.classes is None else draws.classes[chosen]
    centre, deviation = _moments(grid)
    broad = centre + deviation * rng.normals(draws.key, draws.rows[chosen], len(centre), classes)
    broad = np.where(grid.width == 0, grid.lower, broad.astype(grid.lower.dtype))
    if _arrays.is_tensor(latents):
        torch = sys.modules["torch"]
        latents[torch.as_tensor(chosen, device=latents.device)] = torch.as_tensor(broad).to(latents)
    else:
        latents[chosen] = broad
    return latents


def mixed_density(log_density: Array, X: Array, grid: Grid, smoothing: float) -> Array:
    """Return log densities (n,) of latents X (n, d) in the mixture, from those of the cells."""
    if smoothing == 0:
        return log_density
    varies = grid.width > 0
    centre, deviation = (moment[varies] for moment in _moments(grid))
    standard = (X[:, varies].astype(np.float64) - centre) / deviation
    broad = -0.5 * np.square(standard).sum(axis=1) - np.log(deviation * math.sqrt(2 * math.pi)).sum()
    broad[(X[:, ~varies] != grid.lower[~varies]).any(axis=1)] = -np.inf
    mixed: Array = np.logaddexp(math.log1p(-smoothing) + log_density, math.log(smoothing) + broad)
    return mixed


def _moments(grid: Grid) -> tuple[Array, Array]:
    """Return mean and standard deviation of each dimension, (d,) float64."""
    half = (grid.upper.astype(np.float64) - grid.lower) / 2
    return grid.lower + half, half
