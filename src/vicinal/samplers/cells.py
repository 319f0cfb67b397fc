r"""The grid over latents, the table of its occupied cells, and the passes that make it.

A grid cuts each dimension between its bounds into ``n_bins`` bins of equal width. A cell is one bin in every
dimension, and its code is the number of each bin. A table holds the occupied cells and the number of latents in each;
with labels, also the number in each pair of class and cell.

A table is canonical: cells are in lexicographic order, classes in their own order. Tables of the same latents are
therefore equal to the bit, whatever the order of the rows, the batches and the merges. A table is never changed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays, _validation, kernels
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, OutOfBoundsWarning
from vicinal.kernels.reference import code_dtype
from vicinal.samplers.batches import Batch, Batches, Reduction, working_dtype
from vicinal.samplers.counts import pack_counts, unpack_counts
from vicinal.samplers.labels import in_order, numbered
from vicinal.samplers.survey import batch_bounds

_NONE = np.zeros(0, dtype=np.int64)


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

    def equals(self, other: Grid) -> bool:
        """Tell whether two grids have the same cells."""
        arrays = zip(self[:3], other[:3], strict=True)
        return self.n_bins == other.n_bins and all(np.array_equal(mine, theirs) for mine, theirs in arrays)


class CellTable(NamedTuple):
    """The occupied cells of a grid, and how many latents are in each.

    Attributes
    ----------
    grid : Grid
        The grid.
    cells, counts : ndarray of shape (n_cells, d), unsigned int, and (n_cells,), int64
        Codes of the occupied cells, and the sum of the masses of their latents.
    n_rows, n_clipped : int
        Latents seen, and values that were moved to a bound.
    classes : tuple
        The labels in order; empty without labels.
    pair_class, pair_cell, pair_counts : ndarray of int64, shape (n_pairs,)
        The pairs of class and cell, ordered by class, then by cell, with the masses of their latents.
    whole : bool
        Whether masses are numbers of rows, so that more latents can be added.
    dropped_mass : float
        Share of the mass, in [0, 1], in cells that were dropped.
    before : CellTable or None
        The table before rare cells were dropped.
    source : tuple or None
        Cells and their index, where samples are drawn; `ready` makes it.
    """

    grid: Grid
    cells: Array
    counts: Array
    n_rows: int
    n_clipped: int
    classes: tuple[Hashable, ...] = ()
    pair_class: Array = _NONE
    pair_cell: Array = _NONE
    pair_counts: Array = _NONE
    whole: bool = True
    dropped_mass: float = 0.0
    before: CellTable | None = None
    source: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel in few bytes: without the source, which is made where samples are drawn, and with counts packed."""
        others = self._replace(source=None, counts=_NONE, pair_counts=_NONE)
        return _unpickled, (tuple(others), pack_counts(self.counts), pack_counts(self.pair_counts))


def _unpickled(others: tuple[Any, ...], counts: tuple[Array, Array], pair_counts: tuple[Array, Array]) -> CellTable:
    """Return the table of what `CellTable.__reduce__` gave."""
    table = CellTable(*others)
    return table._replace(
        counts=unpack_counts(*counts, len(table.cells)), pair_counts=unpack_counts(*pair_counts, len(table.pair_cell))
    )


def given_bounds(bounds: Any, batches: Batches) -> tuple[Array, Array]:
    """Return ``bounds`` as two arrays (d,) of the type that the latents are worked on in."""
    if not isinstance(bounds, list | tuple | np.ndarray) or len(bounds) != 2:
        raise InvalidInputError(f"bounds must be a pair (lower, upper), or None; got {bounds!r}")
    d = int(np.prod(batches.event_shape))
    both = []
    for name, bound in zip(("lower", "upper"), bounds, strict=True):
        with np.errstate(over="ignore"):
            array = _validation.check_array(bound, f"the {name} bound").astype(working_dtype(batches.dtype))
        if array.size not in (1, d):
            raise InvalidInputError(f"the {name} bound must have shape {batches.event_shape} or (); got {array.shape}")
        both.append(np.broadcast_to(array.ravel(), (d,)).copy())
    lower, upper = both
    good = np.isfinite(lower) & np.isfinite(upper) & (lower <= upper)
    if not good.all():
        j = int(np.argmin(good))
        raise InvalidInputError(
            f"bounds must be finite in {lower.dtype}, the lower at most the upper in every dimension; "
            f"got {lower[j]} and {upper[j]} in dimension {j}"
        )
    return lower, upper


def check_range(lower: Array, upper: Array) -> None:
    """Raise InvalidInputError where the distance between the bounds overflows."""
    with np.errstate(over="ignore"):
        finite = np.isfinite(upper - lower)
    if not finite.all():
        raise InvalidInputError(
            f"latents must span less than {np.finfo(lower.dtype).max:.1e} in each dimension; "
            f"dimension {int(np.argmin(finite))} does not: rescale it"
        )


def count_outside(batch: Batch, grid: Grid, out_of_bounds: str) -> int:
    """Return how many values of a batch lie outside the bounds; with ``"raise"``, raise if there are any."""
    lower, upper = batch_bounds(batch)
    if (lower >= grid.lower).all() and (upper <= grid.upper).all():
        return 0
    rows = _arrays.to_numpy(batch.rows)
    outside = (rows < grid.lower) | (rows > grid.upper)
    if out_of_bounds == "raise":
        row, column = np.argwhere(outside)[0]
        raise InvalidInputError(
            f"{batch.name} must lie within the bounds; {outside.sum()} values do not, the first in row "
            f"{batch.first_row + row}, dimension {column}: {rows[row, column]:g} is not in "
            f"[{grid.lower[column]:g}, {grid.upper[column]:g}]. "
            'Give wider bounds=(lower, upper), or out_of_bounds="clip"'
        )
    return int(outside.sum())


class Within(NamedTuple):
    """Batches with their latents checked against the bounds of a grid, and moved to these."""

    batches: Batches
    grid: Grid
    out_of_bounds: str

    @property
    def at_hand(self) -> None:
        """None, since latents must be checked and moved first."""

    def reduce(self, *reductions: Reduction) -> list[Any]:
        """As `Batches.reduce`."""
        within = partial(_within, self.grid, self.out_of_bounds)  # without the batches, for it may travel
        return self.batches.reduce(*(each._replace(of_batch=partial(within, each.of_batch)) for each in reductions))


def _within(grid: Grid, out_of_bounds: str, of_batch: Callable[[Batch], Any], batch: Batch) -> Any:
    """Return a value of a batch whose latents are checked against the bounds, and moved to these."""
    if count_outside(batch, grid, out_of_bounds):
        batch = batch._replace(rows=np.clip(_arrays.to_numpy(batch.rows), grid.lower, grid.upper))
    return of_batch(batch)


def tabulate(batches: Batches, grid: Grid, out_of_bounds: str, *, inside: bool = False) -> CellTable:
    """Return the table of all batches; warn if values were clipped.

    Latents are checked, unless they are known to be finite and ``inside`` the bounds of the grid.
    """
    of_batch = partial(_of_batch, grid=grid, out_of_bounds=None if inside else out_of_bounds)
    table: CellTable | None = batches.reduce(Reduction(of_batch, merge))[0]
    if table is None or table.counts.sum() < batches.minimum:  # one row of weight 2 is two rows
        n_rows = 0 if table is None else table.n_rows
        raise InvalidInputError(f"latents must have at least {batches.minimum} rows; got n_samples={n_rows}")
    if table.n_clipped:
        share = table.n_clipped / (table.n_rows * len(grid.lower))
        message = f"{table.n_clipped} values ({share:.2%}) lay outside the bounds and were moved to them"
        warnings.warn(message, OutOfBoundsWarning, stacklevel=5)
    return table._replace(whole=batches.whole)


def merge(a: CellTable, b: CellTable) -> CellTable:
    """Return the table of the latents of both, which are on one grid."""
    if bool(a.classes) != bool(b.classes):
        raise InvalidInputError("latents must all come with labels, or all without; got both")
    kernel, both = kernels.select(), (a, b)
    cells = np.concatenate([table.cells for table in both])
    cells, counts = kernel.unique_cells(cells, a.grid.n_bins, np.concatenate([table.counts for table in both]))
    seen = a.n_rows + b.n_rows, a.n_clipped + b.n_clipped
    if not a.classes:
        return CellTable(a.grid, cells, counts, *seen)
    classes = in_order(a.classes + b.classes)
    number = {label: k for k, label in enumerate(classes)}
    pair_class = [np.array([number[label] for label in table.classes])[table.pair_class] for table in both]
    pair_cell = [kernel.find_cells(table.cells, cells)[table.pair_cell] for table in both]
    pair_counts = [table.pair_counts for table in both]
    all_class, all_cell, all_counts = (np.concatenate(parts) for parts in (pair_class, pair_cell, pair_counts))
    return CellTable(a.grid, cells, counts, *seen, classes, *_sum_pairs(all_class, all_cell, all_counts, len(cells)))


def prune(table: CellTable, min_count: int) -> CellTable:
    """Return the table of the cells, and of the pairs, with a count of at least ``min_count``.

    A class without any pair left is no longer one of the classes.
    """
    if min_count == 1:
        return table
    kept = table.counts >= min_count
    if not kept.any():
        raise InvalidInputError(
            f"min_count={min_count} leaves no cell: the fullest has {table.counts.max()} latents; "
            "lower min_count or n_bins"
        )
    pairs = table.pair_counts >= min_count  # their cells are then kept too
    new_index = np.cumsum(kept) - 1
    left, pair_class = np.unique(table.pair_class[pairs], return_inverse=True)
    return table._replace(
        cells=table.cells[kept],
        counts=table.counts[kept],
        classes=tuple(table.classes[k] for k in left),
        pair_class=pair_class.astype(np.int64),
        pair_cell=new_index[table.pair_cell[pairs]],
        pair_counts=table.pair_counts[pairs],
        dropped_mass=float(1.0 - table.counts[kept].sum() / table.counts.sum()),
        before=table,
    )


def temper(counts: Array, temperature: float, n_cells: int) -> Array:
    """Return integers (n,) proportional to counts**(1 / temperature); ``n_cells`` of them sum to less than 2**62."""
    if temperature == 1.0:
        return counts
    if temperature == 0.0 or np.isinf(temperature):
        return (counts == counts.max() if temperature == 0.0 else counts > 0).astype(np.int64)
    with np.errstate(over="ignore"):
        logarithms = (np.log(counts) - np.log(counts.max())) / temperature
    return np.rint(np.exp(logarithms) * 2.0 ** min(40, 61 - n_cells.bit_length())).astype(np.int64)


def ready(table: CellTable, device: str | None) -> CellTable:
    """Return the table with its source of samples: its cells and their index, on the device where they are drawn."""
    index = kernels.select().index_cells(table.counts)
    return table._replace(source=kernels.on_device(table.cells, index, device))


def _of_batch(batch: Batch, grid: Grid, out_of_bounds: str | None) -> CellTable:
    """Return the table of one batch; each latent counts once or by its mass. None: all are within the bounds."""
    n_clipped = 0 if out_of_bounds is None else count_outside(batch, grid, out_of_bounds)
    codes, kernel = grid.codes(batch.rows), kernels.select(batch.rows)
    weighted = () if batch.masses is None else (batch.masses,)
    cells, counts = map(_arrays.to_numpy, kernel.unique_cells(codes, grid.n_bins, *weighted))
    cells = cells.astype(code_dtype(grid.n_bins), copy=False)
    seen = len(codes), n_clipped
    if batch.labels is None:
        return CellTable(grid, cells, counts, *seen)
    classes, row_class = numbered(batch.labels)
    ones = np.ones(len(codes), dtype=np.int64) if batch.masses is None else batch.masses
    pairs = _sum_pairs(row_class, kernel.find_cells(codes, cells), ones, len(cells))
    return CellTable(grid, cells, counts, *seen, classes, *pairs)


def _sum_pairs(row_class: Array, row_cell: Array, masses: Array, n_cells: int) -> tuple[Array, Array, Array]:
    pairs, row_pair = np.unique(row_class * n_cells + row_cell, return_inverse=True)
    counts = np.zeros(len(pairs), dtype=np.int64)
    np.add.at(counts, row_pair, masses)
    return pairs // n_cells, pairs % n_cells, counts
