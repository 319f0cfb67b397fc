"""Where the cells of a table are: their centres, and the cell that is nearest to a point."""

from __future__ import annotations

import numpy as np

from vicinal import kernels
from vicinal._arrays import Array
from vicinal.samplers.cells import CellTable

_VALUES = 1 << 22  # of cells whose distance is taken together


def centres(table: CellTable) -> tuple[Array, Array]:
    """Return the middle of each cell, (n_cells, d) float64, and the width of a bin, (d,), 1 where it is 0."""
    width = table.grid.width.astype(np.float64)
    return table.grid.lower + (table.cells + 0.5) * width, np.where(width > 0, width, 1.0)


def nearest(points: Array, table: CellTable) -> Array:
    """Return the cell that each of points (n, d) is in, or else the nearest in widths of bins, (n,) int64."""
    grid = table.grid
    points = points.astype(grid.lower.dtype, copy=False)
    found = kernels.select().find_cells(grid.codes(points), table.cells)
    outside = ((points < grid.lower) | (points > grid.upper)).any(axis=1)
    _, width = centres(table._replace(cells=table.cells[:1]))
    for i in np.flatnonzero(outside | (found < 0)):
        place = (points[i] - grid.lower) / width
        parts = np.array_split(table.cells, max(1, table.cells.size // _VALUES))
        apart = [np.square(np.maximum(np.maximum(part - place, place - part - 1.0), 0.0)).sum(axis=1) for part in parts]
        found[i] = np.concatenate(apart).argmin()
    return found


def into_cells(points: Array, table: CellTable) -> Array:
    """Return points (n, d), those outside the cells moved to the nearest one, 2**-10 of a bin inside."""
    grid = table.grid
    codes = table.cells[nearest(points, table)].astype(np.float64)
    low, high = (grid.lower + (codes + share) * grid.width for share in (2.0**-10, 1 - 2.0**-10))
    own = (grid.codes(points.astype(grid.lower.dtype)) == codes).all(axis=1)
    own &= ((points >= grid.lower) & (points <= grid.upper)).all(axis=1)
    return np.where(own[:, None], points, np.clip(points, low, high)).astype(grid.lower.dtype)
