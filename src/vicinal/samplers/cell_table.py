"""The grid over latents, and the table of its occupied cells.

A table counts the rows in each cell and, when they are labelled, in each pair of class and cell. It
is canonical: cells in lexicographic order, classes in theirs, so that tables of the same rows are
equal to the bit however the rows were ordered, cut into batches or merged.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays, kernels
from vicinal.kernels.reference import code_dtype
from vicinal.samplers.labels import in_order, numbered

Array = np.ndarray[Any, Any]


class Grid(NamedTuple):
    """Bounds and bin widths, each (d,), and the number of bins in each dimension."""

    lower: Array
    upper: Array
    width: Array
    n_bins: int

    @classmethod
    def over(cls, lower: Array, upper: Array, n_bins: int) -> Grid:
        """Return the grid of ``n_bins`` bins between two bounds of one float type."""
        return cls(lower, upper, (upper - lower) / lower.dtype.type(n_bins), n_bins)

    def codes(self, rows: Any) -> Any:
        """Return the codes of rows (n, d), unsigned integers; values beyond the bounds get the outer bins."""
        return kernels.select(rows).quantize(rows, self.lower, self.width, self.n_bins)


class CellTable(NamedTuple):
    """Counts of cells, and of pairs of class and cell.

    ``cells`` (n_cells, d) and ``counts`` (n_cells,) int64; ``classes``, empty without labels; and for each
    pair, in the order of classes and then cells, ``pair_class``, ``pair_cell`` and ``pair_counts``, (n_pairs,) int64.
    """

    cells: Array
    counts: Array
    classes: tuple[Hashable, ...]
    pair_class: Array
    pair_cell: Array
    pair_counts: Array


NO_ROWS = np.zeros(0, dtype=np.int64)


def tabulate(codes: Any, n_bins: int, masses: Array | None, labels: Sequence[Hashable] | None) -> CellTable:
    """Return the table of rows of codes (n, d), each counted once or by its mass (n,) int64."""
    kernel = kernels.select(codes)
    weighted = () if masses is None else (masses,)
    cells, counts = map(_arrays.to_numpy, kernel.unique_cells(codes, n_bins, *weighted))
    cells = cells.astype(code_dtype(n_bins), copy=False)
    if labels is None:
        return CellTable(cells, counts, (), NO_ROWS, NO_ROWS, NO_ROWS)
    classes, row_class = numbered(labels)
    ones = np.ones(len(codes), dtype=np.int64) if masses is None else masses
    return CellTable(cells, counts, classes, *_sum_pairs(row_class, kernel.find_cells(codes, cells), ones, len(cells)))


def merge(tables: Iterable[CellTable], n_bins: int) -> CellTable | None:
    """Return the table of all the rows; equal sizes meet first, so that many small tables cost little.

    None if there is no table.
    """
    stack: list[CellTable] = []
    for table in tables:
        stack.append(table)
        while len(stack) > 1 and len(stack[-1].cells) >= len(stack[-2].cells):
            stack.append(merge_two(stack.pop(), stack.pop(), n_bins))
    while len(stack) > 1:
        stack.append(merge_two(stack.pop(), stack.pop(), n_bins))
    return stack[0] if stack else None


def without_rare(table: CellTable, min_count: int) -> CellTable:
    """Return the table of the cells, and of the pairs, that were counted at least ``min_count`` times.

    A class of which nothing is left is no longer one of the classes.
    """
    kept = table.counts >= min_count
    pairs = table.pair_counts >= min_count  # its cell is then kept too
    new_index = np.cumsum(kept) - 1
    left, pair_class = np.unique(table.pair_class[pairs], return_inverse=True)
    return table._replace(
        cells=table.cells[kept],
        counts=table.counts[kept],
        classes=tuple(table.classes[k] for k in left),
        pair_class=pair_class.astype(np.int64),
        pair_cell=new_index[table.pair_cell[pairs]],
        pair_counts=table.pair_counts[pairs],
    )


def tempered(counts: Array, temperature: float, n_cells: int) -> Array:
    """Return integers (n,) proportional to counts**(1 / temperature); of ``n_cells`` such the sum is below 2**62."""
    if temperature == 1.0:
        return counts
    if temperature == 0.0 or np.isinf(temperature):
        return (counts == counts.max() if temperature == 0.0 else counts > 0).astype(np.int64)
    with np.errstate(over="ignore"):
        logarithms = (np.log(counts) - np.log(counts.max())) / temperature
    return np.rint(np.exp(logarithms) * 2.0 ** min(40, 61 - n_cells.bit_length())).astype(np.int64)


def merge_two(a: CellTable, b: CellTable, n_bins: int) -> CellTable:
    """Return the table of the rows of both."""
    kernel = kernels.select()
    both = (a, b)
    counts = np.concatenate([table.counts for table in both])
    cells, counts = kernel.unique_cells(np.concatenate([table.cells for table in both]), n_bins, counts)
    if not a.classes:
        return CellTable(cells, counts, (), NO_ROWS, NO_ROWS, NO_ROWS)
    classes = in_order(a.classes + b.classes)
    number = {label: k for k, label in enumerate(classes)}
    pair_class = [np.array([number[label] for label in table.classes])[table.pair_class] for table in both]
    pair_cell = [kernel.find_cells(table.cells, cells)[table.pair_cell] for table in both]
    pair_counts = [table.pair_counts for table in both]
    all_class, all_cell, all_counts = (np.concatenate(parts) for parts in (pair_class, pair_cell, pair_counts))
    return CellTable(cells, counts, classes, *_sum_pairs(all_class, all_cell, all_counts, len(cells)))


def _sum_pairs(row_class: Array, row_cell: Array, masses: Array, n_cells: int) -> tuple[Array, Array, Array]:
    pairs, row_pair = np.unique(row_class * n_cells + row_cell, return_inverse=True)
    counts = np.zeros(len(pairs), dtype=np.int64)
    np.add.at(counts, row_pair, masses)
    return pairs // n_cells, pairs % n_cells, counts
