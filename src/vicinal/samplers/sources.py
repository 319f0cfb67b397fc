"""Where samples came from, as ``sample(..., return_source=True)`` tells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vicinal._arrays import Array
from vicinal.samplers.cells import CellTable
from vicinal.samplers.labels import as_array


class Source(NamedTuple):
    """What each sample was drawn from.

    Attributes
    ----------
    row : ndarray of int64, shape (n_samples,)
        `LocalSampler`: the row of ``X`` of the training latent whose neighbourhood the sample is from.
        `PMFSampler`: the row of ``cells_``; a cell stands for all its latents. -1 where ``smoothing`` drew the sample.
    y : ndarray of shape (n_samples,), or None
        The class; None without labels. `PMFSampler` gives the class that was asked for, else the class with most
        latents in the cell, the first of equal ones, and None where ``smoothing`` drew the sample.
    """

    row: Array
    y: Array | None


def of_cells(table: CellTable, drawn: Array, broad: Array, classes: Array | None) -> Source:
    """Return the source of samples from cells ``drawn`` (n,) of a table, where they are not ``broad`` (n,)."""
    row = np.where(broad, -1, drawn)
    if not table.classes:
        return Source(row, None)
    labels = as_array(table.classes)
    if classes is not None:
        return Source(row, labels[classes])
    order = np.lexsort((table.pair_class, -table.pair_counts, table.pair_cell))
    cells, first = np.unique(table.pair_cell[order], return_index=True)
    usual = np.zeros(len(table.cells), dtype=np.int64)
    usual[cells] = table.pair_class[order][first]
    y = labels[usual[drawn]]
    if broad.any():
        y = y.astype(object)
        y[broad] = None
    return Source(row, y)
