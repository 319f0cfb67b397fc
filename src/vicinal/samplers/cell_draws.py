"""Draws from a table of cells, and its density."""

from __future__ import annotations

import numbers
from itertools import pairwise
from typing import Any

import numpy as np

from vicinal import kernels
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.rng import Draws
from vicinal.samplers import cells, smoothing
from vicinal.samplers.by_class import draw_items
from vicinal.samplers.cells import CellTable


def sample(draws: Draws, table: CellTable, temperature: float, smooth: float) -> Any:
    """Return samples (n_samples, d), drawn where the source of the table is."""
    occupied, index = table.source
    kernel = kernels.select(occupied)
    if draws.classes is None and not draws.stratified and temperature == 1.0:
        latents = kernel.sample_cells(
            occupied, index, *table.grid, key=draws.key, start=draws.start, n_samples=draws.n_samples
        )
    else:
        drawn = draw_cells(draws, table, temperature)
        latents = kernel.fill_cells(
            occupied, drawn, *table.grid, key=draws.key, start=draws.start, classes=draws.classes
        )
    return smoothing.mix_in(latents, draws, table.grid, smooth)


def sample_cell(draws: Draws, table: CellTable, cell: int) -> Any:
    """Return samples (n_samples, d) of one cell."""
    occupied, _ = table.source
    drawn = np.full(draws.n_samples, cell)
    return kernels.select(occupied).fill_cells(occupied, drawn, *table.grid, key=draws.key, start=draws.start)


def draw_cells(draws: Draws, table: CellTable, temperature: float) -> Array:
    """Return the index of a cell for each row, (n_samples,) int64, within its class."""
    if draws.classes is None:
        masses = cells.temper(table.counts, temperature, len(table.counts))
        return draw_items(draws, masses, np.array([0, len(masses)]))[0]
    edges = np.searchsorted(table.pair_class, np.arange(len(table.classes) + 1))
    tempered = [cells.temper(table.pair_counts[a:b], temperature, len(table.pair_cell)) for a, b in pairwise(edges)]
    pairs, _ = draw_items(draws, np.concatenate(tempered), edges)
    return table.pair_cell[pairs]


def log_density(X: Array, table: CellTable, temperature: float, smooth: float) -> Array:
    """Return the log density of latents X (n, d) in nats, (n,)."""
    grid, masses = table.grid, cells.temper(table.counts, temperature, len(table.counts))
    X = X.astype(grid.lower.dtype, copy=False)
    inside = ((grid.lower <= X) & (grid.upper >= X)).all(axis=1)
    cell = kernels.select().find_cells(grid.codes(X), table.cells)
    log_volume = np.log(grid.width[grid.width > 0].astype(np.float64)).sum()
    with np.errstate(divide="ignore"):  # a temperature may leave a cell without mass
        log_density = np.log(masses[cell]) - np.log(masses.sum()) - log_volume
    return smoothing.mixed_density(np.where(inside & (cell >= 0), log_density, -np.inf), X, grid, smooth)


def checked_temperature(temperature: Any) -> float:
    """Return ``temperature`` as a float from 0 to infinity, or raise the errors of a bad parameter."""
    if isinstance(temperature, bool) or not isinstance(temperature, numbers.Real):
        raise InvalidTypeError(f"temperature must be a number from 0 to inf; got {temperature!r}")
    if not float(temperature) >= 0:
        raise InvalidInputError(f"temperature must be from 0 to inf; got {temperature}")
    return float(temperature)
