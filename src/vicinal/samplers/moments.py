r"""Samples of cells that keep the mean and the variances of the training latents.

Points drawn uniformly from cells spread further than the latents in them: in a dimension of bins of width w,

.. math::
    \mu = \sum_c p(c)\,\mathrm{centre}_c, \quad
    \sigma^2 = \sum_c p(c)\,(\mathrm{centre}_c - \mu)^2 + w^2 / 12

is larger than the variance v of the latents, by about w**2 / 6 where their density is smooth. With m the
mean of the latents, the samples z are therefore moved to

.. math:: z' = m + r\,(z - \mu), \quad r = \sqrt{v} / \sigma

which have mean m and variance v. Cells stay cells, r times as wide, so there is still a density.

All sums are of whole numbers and exact, so they depend neither on the order of the rows nor on how
these were cut into batches: codes as they are, latents in steps of 2**-30 of the range of the grid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays
from vicinal.samplers.batches import Batch, Batches
from vicinal.samplers.cell_table import Grid

Array = np.ndarray[Any, Any]

_STEPS = 2**30  # of the range
_HALF = 2**15  # whole numbers are squared in two halves
_DIGIT = 10  # bits of a mass that are summed together
_ROWS = 2**13  # summed together: half * half * digit * rows is 2**53, up to which float64 holds every whole number
_VALUES = 2**18  # worked on together, so that they stay in the cache
_VALUES_ON_DEVICE = 2**24
# A shrunken cell is at least so many roundings wide. From the centre of a cell through the map and back there are
# fewer than 8 (of the bounds, the mean and the distance from it), and half a cell of room.
_ROUNDINGS = 16


class Moments(NamedTuple):
    """Mean and variance of each dimension, (d,) float64: of latents in units of the range, of cells in bins."""

    mean: Array
    variance: Array


def sums_of(rows: Array, whole: Callable[[Array], Array], masses: Array | None = None) -> Array:
    """Return the sums of whole numbers and of their squares, each times its mass: Python integers, (2, d).

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        What the whole numbers are made of.
    whole : callable
        Gives those of some rows: float64, from 0 to 2**30.
    masses : ndarray of int64, shape (n,), optional
        At least 0; None for ones.
    """
    n, d = rows.shape
    sums = np.zeros((2, d), dtype=object)
    step = max(1, min(_ROWS, _VALUES // d))
    for first in range(0, n, step):
        number = whole(rows[first : first + step])
        digits = np.ones((1, len(number))) if masses is None else _digits(masses[first : first + step])
        places = np.array([[1 << _DIGIT * k] for k in range(len(digits))], dtype=object)
        high = np.floor(number / _HALF)
        low = number - high * _HALF
        parts = (number, high * high, high * low, low * low)
        plain, highest, middle, lowest = ((digits @ part).astype(np.int64).astype(object) for part in parts)
        sums[0] += (places * plain).sum(axis=0)
        sums[1] += (places * (highest * _HALF**2 + middle * (2 * _HALF) + lowest)).sum(axis=0)
    return sums


def _digits(masses: Array) -> Array:
    """Return the digits of masses (n,) in base 2**10, lowest first, (n_digits, n) float64."""
    n_digits = max(1, -(-int(masses.max()).bit_length() // _DIGIT))
    shifts = _DIGIT * np.arange(n_digits)[:, None]
    return (masses >> shifts & (2**_DIGIT - 1)).astype(np.float64)


def latent_sums(batch: Batch, grid: Grid) -> Array:
    """Return the sums of the latents of a batch, in steps of the range; those beyond the bounds are moved to them."""
    lower, upper = grid.lower.astype(np.float64), grid.upper.astype(np.float64)
    span = _span(grid)

    def whole(rows: Array) -> Array:
        return np.rint((np.clip(rows, lower, upper) - lower) / span * _STEPS) * (grid.width > 0)

    return sums_of(_arrays.to_numpy(batch.rows), whole, batch.masses)


def latent_moments(sums: Array, total: int) -> Moments:
    """Return the moments of latents from their sums and their mass."""
    mean, variance = _ratios(sums, total)
    return Moments(mean / _STEPS, variance / _STEPS**2)


def cell_sums(codes: Array, masses: Array | None) -> Array:
    """Return the sums of codes (n, d)."""
    return sums_of(codes, lambda part: part.astype(np.float64), masses)


def cell_moments(sums: Array, total: int) -> Moments:
    """Return the moments of points drawn uniformly from cells, from the sums of the codes and their mass."""
    mean, variance = _ratios(sums, total)
    return Moments(mean + 1 / 2, variance + 1 / 12)


def _ratios(sums: Array, total: int) -> tuple[Array, Array]:
    """Return mean and variance of whole numbers, both correctly rounded."""
    mean = [first / total for first in sums[0]]
    variance = [(total * second - first * first) / (total * total) for first, second in sums.T]
    return np.array(mean), np.array(variance)


def _span(grid: Grid) -> Array:
    """Return the range of each dimension in float64, and 1 for constant ones."""
    return np.where(grid.width > 0, grid.upper.astype(np.float64) - grid.lower, 1.0)


def in_place(latents: Moments, grid: Grid) -> Moments:
    """Return the moments of latents in their own units."""
    span = _span(grid)
    with np.errstate(over="ignore", under="ignore"):  # inf where there are no squares in float64
        return Moments(grid.lower + latents.mean * span, latents.variance * span * span)


def map_of(latents: Moments, cells: Moments, grid: Grid) -> Array:
    """Return the map of samples: the rows mu, r and m of an array (3, d), in the precision of the grid.

    It is 0, 1, 0, which changes nothing, in a constant dimension, and where cells are so narrow for the
    working precision that none can be narrower. Where r would make them so, or is less than sums in
    steps of the range can tell, it is larger.
    """
    info = np.finfo(grid.lower.dtype)
    width, span = grid.width.astype(np.float64), _span(grid)
    centre, mean = grid.lower + cells.mean * width, in_place(latents, grid).mean
    factor = np.maximum(np.sqrt(latents.variance) / (np.sqrt(cells.variance) / grid.n_bins), 1 / _STEPS)
    unit = _ROUNDINGS * float(info.eps)
    room = width - unit * np.maximum(np.abs(grid.lower), np.abs(grid.upper)) - unit * span
    least = unit * np.abs(mean) + _ROUNDINGS * float(info.tiny)  # r * room must be at least that
    moved = (grid.width > 0) & (room >= least)
    factor = np.where(moved, np.maximum(factor, least / np.where(moved, room, 1.0)), 1.0)
    return np.stack([np.where(moved, centre, 0.0), factor, np.where(moved, mean, 0.0)]).astype(grid.lower.dtype)


def map_for(batches: Batches, grid: Grid) -> Array:
    """Return the map of samples of a grid for the latents of batches, in one pass over them."""
    latents = cells = np.zeros((2, len(grid.lower)), dtype=object)
    total = 0
    for batch in batches:
        if len(batch.rows):
            latents = latents + latent_sums(batch, grid)
            cells = cells + cell_sums(_arrays.to_numpy(grid.codes(batch.rows)), batch.masses)
            total += len(batch.rows) if batch.masses is None else int(batch.masses.sum())
    return map_of(latent_moments(latents, total), cell_moments(cells, total), grid)


def forward(samples: Any, columns: Any) -> Any:
    """Return m + r (z - mu); every step is rounded, so that all kinds of arrays give the same bits."""
    centre, factor, mean = columns
    return mean + factor * (samples - centre)


def backward(rows: Any, columns: Any) -> Any:
    """Return mu + (z' - m) / r."""
    centre, factor, mean = columns
    return centre + (rows - mean) / factor


def move(samples: Any, columns: Array, grid: Grid) -> Any:
    """Move samples (n, d) by the map, where they are, and return them.

    The way back must lead to the cell that a sample was drawn from, else it would be said to have another
    density, or none. Where rounding does not allow that, the centre of the cell is taken instead.
    """
    kind = _arrays.tensor_kind(samples)
    here = _arrays.from_numpy(columns, kind)
    lower, width = _arrays.from_numpy(np.stack([grid.lower, grid.width]), kind)
    step = max(1, (_VALUES if kind is None else _VALUES_ON_DEVICE) // samples.shape[1])
    for first in range(0, len(samples), step):
        part = samples[first : first + step]
        codes = grid.codes(part)
        moved = forward(part, here)
        strayed = grid.codes(backward(moved, here)) != codes
        part[...] = codes  # as floats
        if strayed.any():
            moved[strayed] = forward(lower + (part + 0.5) * width, here)[strayed]
        part[...] = moved
    return samples


def packed(sums: Array) -> Array:
    """Return sums (2, d), each below 2**126, as words of 63 bits, lower and higher, int64 (2, 2, d)."""
    return np.stack([sums & (2**63 - 1), sums >> 63]).astype(np.int64)


def unpacked(words: Array) -> Array:
    """Return what `packed` packed."""
    low, high = words.astype(object)
    return low + (high << 63)
