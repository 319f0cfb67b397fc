"""The passes over latents: their bounds, then the table of their cells."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays, _validation, kernels
from vicinal._errors import InvalidInputError, OutOfBoundsWarning
from vicinal.samplers.batches import Batch, Batches, working_dtype
from vicinal.samplers.cell_table import CellTable, Grid, merge, merge_two, tabulate
from vicinal.samplers.moments import latent_sums

Array = np.ndarray[Any, Any]


class Tally(NamedTuple):
    """The table of a pass, the rows it has seen, the values it has moved to a bound, and the sums of the rows.

    ``sums``, (2, d), are those of `vicinal.samplers.moments`; None if they were not asked for.
    """

    table: CellTable
    n_rows: int
    n_clipped: int
    sums: Array | None = None


def bounds_of(batches: Batches) -> tuple[Array, Array]:
    """Return the smallest and largest value of each dimension, (d,), float32 or float64; all must be finite."""
    bounds = [_bounds(batch) for batch in batches if len(batch.rows)]
    if not bounds:
        raise InvalidInputError("latents must have at least 2 rows; got n_samples=0")
    lowers, uppers = zip(*bounds, strict=True)
    return functools.reduce(np.minimum, lowers), functools.reduce(np.maximum, uppers)


def _bounds(batch: Batch) -> tuple[Array, Array]:
    lower, upper = kernels.select(batch.rows).bounds(batch.rows)
    if np.isnan(lower).any():
        batch.check_finite()
    return lower, upper


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


def coded(batches: Batches, grid: Grid, out_of_bounds: str, *, inside: bool) -> Iterator[tuple[Batch, Any, int]]:
    """Give batches, their codes (n, d), and how many values were moved to a bound to get them.

    The rows are checked, unless they are known to be finite and ``inside`` the bounds of the grid.
    """
    for batch in batches:
        if len(batch.rows):
            n_moved = 0 if inside else count_outside(batch, grid, out_of_bounds)
            yield batch, grid.codes(batch.rows), n_moved  # the outer bins take what lies beyond


def codes_of(batches: Batches, grid: Grid, out_of_bounds: str, *, inside: bool) -> tuple[Any, int]:
    """Return the codes of all the rows of an array, (n, d), and how many values were moved to a bound."""
    n_rows, n_clipped, codes = batches.shape[0], 0, None
    for batch, part, n_moved in coded(batches, grid, out_of_bounds, inside=inside):
        n_clipped += n_moved
        if len(part) == n_rows:
            codes = part
        else:
            codes = np.empty((n_rows, part.shape[1]), part.dtype) if codes is None else codes
            codes[batch.first_row : batch.first_row + len(part)] = part
    _warn_of(n_clipped, n_rows * len(grid.lower))
    return codes, n_clipped


def tally(
    batches: Batches,
    grid: Grid,
    out_of_bounds: str,
    minimum: int = 1,
    *,
    inside: bool = False,
    with_sums: bool = False,
) -> Tally:
    """Return the tally of a pass over batches of at least ``minimum`` rows; warn if values were clipped."""
    n_rows, n_clipped = 0, 0
    sums = np.zeros((2, len(grid.lower)), dtype=object) if with_sums else None

    def tables() -> Iterator[CellTable]:
        nonlocal n_rows, n_clipped, sums
        for batch, codes, n_moved in coded(batches, grid, out_of_bounds, inside=inside):
            n_rows, n_clipped = n_rows + len(codes), n_clipped + n_moved
            if sums is not None:
                sums = sums + latent_sums(batch, grid)
            yield tabulate(codes, grid.n_bins, batch.masses, batch.labels)

    table = merge(tables(), grid.n_bins)
    if table is None or table.counts.sum() < minimum:  # one row of weight 2 is two rows
        raise InvalidInputError(f"latents must have at least {minimum} rows; got n_samples={n_rows}")
    _warn_of(n_clipped, n_rows * len(grid.lower))
    return Tally(table, n_rows, n_clipped, sums)


def _warn_of(n_moved: int, n_values: int) -> None:
    if n_moved:
        message = f"{n_moved} values ({n_moved / n_values:.2%}) lay outside the bounds and were moved to them"
        warnings.warn(message, OutOfBoundsWarning, stacklevel=5)


def together(a: Tally, b: Tally, grid: Grid) -> Tally:
    """Return the tally of the rows of both."""
    if bool(a.table.classes) != bool(b.table.classes):
        raise InvalidInputError("latents must all come with labels, or all without; got both")
    table = merge_two(a.table, b.table, grid.n_bins)
    sums = None if a.sums is None or b.sums is None else a.sums + b.sums
    return Tally(table, a.n_rows + b.n_rows, a.n_clipped + b.n_clipped, sums)


def count_outside(batch: Batch, grid: Grid, out_of_bounds: str) -> int:
    """Return how many values of a batch lie outside the bounds; raise if there are any that must not."""
    lower, upper = _bounds(batch)
    if (lower >= grid.lower).all() and (upper <= grid.upper).all():
        return 0
    rows = _arrays.to_numpy(batch.rows)
    outside = (rows < grid.lower) | (rows > grid.upper)
    if out_of_bounds == "raise":
        row, column = np.argwhere(outside)[0]
        raise InvalidInputError(
            f"latents must lie within the bounds; {outside.sum()} values do not, the first in row "
            f"{batch.first_row + row}, dimension {column}: {rows[row, column]:g} is not in "
            f"[{grid.lower[column]:g}, {grid.upper[column]:g}]. "
            'Give wider bounds=(lower, upper), or out_of_bounds="clip"'
        )
    return int(outside.sum())
