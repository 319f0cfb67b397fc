"""Cells of rows: equally many in each, by a principal axis tree, and then moved to where they fit best."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal.kernels.moves import move
from vicinal.kernels.tree import cut

Array = np.ndarray[Any, Any]


def partition(points: Array, n_cells: int, max_iter: int = 0) -> tuple[Array, Array]:
    """Cut ``points`` (n, d) into ``n_cells`` <= n cells of equally many rows, to within rounding, and move rows.

    Rows move to the cells that fit them best, until none moves or for ``max_iter`` steps. Cells that lose most of their
    rows are given up: what is left has at least a quarter of the mean number of rows before, and at least 2
    where the mean was.

    Returns
    -------
    order : ndarray of int64, shape (n,)
        The rows, cell by cell.
    starts : ndarray of int64, shape (n_cells + 1,)
        Cell c holds the rows ``order[starts[c] : starts[c + 1]]``. Fewer where cells were given up.
    """
    rows = _near_zero(points)
    order, starts = cut(rows, n_cells)
    if max_iter == 0 or n_cells == 1 or len(rows) < 2 * n_cells:
        return order, starts
    moved, starts = move(rows, starts, max_iter)
    return order[moved], starts


def _near_zero(points: Array) -> Array:
    """Return points (n, d) moved and scaled into [-2, 2], float32."""
    centred = points - points.mean(axis=0, dtype=np.float64).astype(points.dtype)
    centred /= max(centred.max(), -centred.min()) or 1.0
    return centred.astype(np.float32, copy=False)
