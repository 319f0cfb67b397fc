"""The passes over latents: their bounds, then the table of their cells."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from vicinal import _validation, kernels
from vicinal._errors import InvalidInputError, OutOfBoundsWarning
from vicinal.samplers.batches import Batches, working_dtype
from vicinal.samplers.cell_table import CellTable, Grid, merge, merge_two, tabulate

Array = np.ndarray[Any, Any]


class Tally(NamedTuple):
    """The table of a pass, the rows it has seen, and the values it has moved to a bound."""

    table: CellTable
    n_rows: int
    n_clipped: int


def bounds_of(batches: Batches) -> tuple[Array, Array]:
    """Return the smallest and largest value of each dimension, (d,), float32 or float64."""
    kernel = kernels.select()
    bounds = [kernel.bounds(batch.rows) for batch in batches if len(batch.rows)]
    if not bounds:
        raise InvalidInputError("latents must have at least 2 rows; got n_samples=0")
    lowers, uppers = zip(*bounds, strict=True)
    return np.min(lowers, axis=0), np.max(uppers, axis=0)


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


def tally(batches: Batches, grid: Grid, out_of_bounds: str, minimum: int = 1) -> Tally:
    """Return the tally of a pass over batches of at least ``minimum`` rows; warn if values were clipped."""
    n_rows, n_clipped = 0, 0

    def tables() -> Iterator[CellTable]:
        nonlocal n_rows, n_clipped
        for batch in batches:
            if len(batch.rows):
                rows, moved = _inside(batch.rows.astype(grid.lower.dtype, copy=False), grid, out_of_bounds)
                n_rows, n_clipped = n_rows + len(rows), n_clipped + moved
                yield tabulate(grid.codes(rows), grid.n_bins, batch.masses, batch.labels)

    table = merge(tables(), grid.n_bins)
    if table is None or table.counts.sum() < minimum:  # one row of weight 2 is two rows
        raise InvalidInputError(f"latents must have at least {minimum} rows; got n_samples={n_rows}")
    if n_clipped:
        share = n_clipped / (n_rows * len(grid.lower))
        message = f"{n_clipped} values ({share:.2%}) lay outside the bounds and were moved to them"
        warnings.warn(message, OutOfBoundsWarning, stacklevel=4)
    return Tally(table, n_rows, n_clipped)


def together(a: Tally, b: Tally, grid: Grid) -> Tally:
    """Return the tally of the rows of both."""
    if bool(a.table.classes) != bool(b.table.classes):
        raise InvalidInputError("latents must all come with labels, or all without; got both")
    table = merge_two(a.table, b.table, grid.n_bins)
    return Tally(table, a.n_rows + b.n_rows, a.n_clipped + b.n_clipped)


def _inside(rows: Array, grid: Grid, out_of_bounds: str) -> tuple[Array, int]:
    """Return rows within the bounds, and how many values were moved to get them there."""
    lower, upper = kernels.select().bounds(rows)
    if (lower >= grid.lower).all() and (upper <= grid.upper).all():
        return rows, 0
    outside = (rows < grid.lower) | (rows > grid.upper)
    if out_of_bounds == "raise":
        row, column = np.argwhere(outside)[0]
        raise InvalidInputError(
            f"latents must lie within the bounds; {outside.sum()} values do not, the first in row {row}, dimension "
            f"{column}: {rows[row, column]:g} is not in [{grid.lower[column]:g}, {grid.upper[column]:g}]. "
            'Give wider bounds=(lower, upper), or out_of_bounds="clip"'
        )
    return np.clip(rows, grid.lower, grid.upper), int(outside.sum())
