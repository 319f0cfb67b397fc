"""Whether a table of cells that comes from a file makes sense; `vicinal.samplers.packing` unpacks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import FileFormatError
from vicinal.samplers.cells import CellTable, Grid
from vicinal.samplers.fitted import MOST_MASS

_MOST_BINS = 1 << 24
_ROWS = 1 << 16  # cells compared in one go


def check_packed(arrays: Mapping[str, Array], scalars: Mapping[str, Any], d: int, bits: int) -> None:
    """Raise FileFormatError unless the packed arrays have the sizes that the numbers say; nothing is unpacked yet."""
    n_bins, shape = scalars["n_bins_"], scalars["cells_"]
    if not (type(n_bins) is int and 1 <= n_bins <= _MOST_BINS):
        raise FileFormatError(f"n_bins_ must be an integer in [1, {_MOST_BINS}]; got {n_bins}")
    if len(shape) != 2 or not all(type(side) is int and side >= 1 for side in shape) or shape[1] != d:
        raise FileFormatError(f"cells_ must have a shape (n_cells, {d}); got {shape}")
    n_bytes = -(-shape[0] * d * bits // 8)
    codes = arrays["codes"]
    if codes.dtype != np.uint8 or codes.shape != (n_bytes,) or (bits == 0 and shape[0] > 1):
        raise FileFormatError(f"codes must be {n_bytes} bytes for {shape[0]} cells; got {codes.dtype} {codes.shape}")
    _check_grid(arrays["lower_"], arrays["upper_"], arrays["bin_width_"], d, n_bins)
    for name, n in (("counts_", shape[0]), ("_pair_counts", len(arrays.get("_pair_cell", ())))):
        if f"{name}.places" in arrays:
            _check_counts(name, arrays[f"{name}.places"], arrays[f"{name}.values"], n)
    if any(name in arrays and arrays[name].dtype.kind != "u" for name in ("_pair_class", "_pair_cell")):
        raise FileFormatError("_pair_class and _pair_cell must be unsigned integers")
    whole, dropped = scalars["_whole_weights"], scalars["dropped_mass_"]
    if type(whole) is not bool or not 0.0 <= dropped <= 1.0:
        raise FileFormatError(f"dropped_mass_ must be in [0, 1]; got {dropped}, and whole weights {whole!r}")
    for name in ("n_samples_seen_", "n_clipped_"):
        if type(scalars[name]) is not int or scalars[name] < 0:
            raise FileFormatError(f"{name} must be an integer of at least 0; got {scalars[name]!r}")


def _check_grid(lower: Array, upper: Array, width: Array, d: int, n_bins: int) -> None:
    if {each.shape for each in (lower, upper, width)} != {(d,)} or lower.dtype not in (np.float32, np.float64):
        raise FileFormatError(f"lower_, upper_ and bin_width_ must be floats of shape ({d},)")
    with np.errstate(all="ignore"):
        same = lower.dtype == upper.dtype and Grid.over(lower, upper, n_bins).equals(Grid(lower, upper, width, n_bins))
        is_good = same and np.isfinite(width).all() and (lower <= upper).all()
    if not is_good:
        raise FileFormatError("lower_, upper_ and bin_width_ must be finite bounds and their distance over n_bins_")


def _check_counts(name: str, places: Array, values: Array, n: int) -> None:
    """Raise unless counts other than 1 are at places that ascend below n, and at least 1."""
    if places.dtype.kind != "u" or values.dtype.kind != "u" or places.ndim != 1 or places.shape != values.shape:
        raise FileFormatError(f"{name} must be unsigned integers, as many as their places")
    if len(places) and (int(places[-1]) >= n or (places[1:] <= places[:-1]).any()):
        raise FileFormatError(f"the places of {name} must ascend below {n}; they do not")
    if len(values) and int(values.min()) < 1:
        raise FileFormatError(f"{name} must be at least 1; got {values.min()}")
    if values.sum(dtype=np.float64) + n > MOST_MASS:
        raise FileFormatError(f"{name} must have a sum of at most 2**62")


def check_table(table: CellTable) -> None:
    """Raise FileFormatError unless cells are within the grid and in order, and pairs of class and cell fit them."""
    cells = table.cells
    for first in range(0, len(cells), _ROWS):
        some = cells[first : first + _ROWS + 1]  # the last is the first of the next
        if int(some.max()) >= table.grid.n_bins:
            raise FileFormatError(f"codes must be below n_bins_ = {table.grid.n_bins}; got {some.max()}")
        differs = some[1:] != some[:-1]
        at = differs.argmax(axis=1)[:, None]
        if not (np.take_along_axis(some[1:], at, 1) > np.take_along_axis(some[:-1], at, 1)).all():
            raise FileFormatError("cells must be in lexicographic order, each once; they are not")
    if not table.classes:
        return
    pair_class, pair_cell, n_cells = table.pair_class, table.pair_cell, len(cells)
    if len(set(table.classes)) < len(table.classes) or pair_class.shape != pair_cell.shape or pair_class.ndim != 1:
        raise FileFormatError("classes_ must differ, and each pair must have a class and a cell")
    if not np.array_equal(np.unique(pair_class), np.arange(len(table.classes))) or pair_cell.max() >= n_cells:
        raise FileFormatError("each class must have a pair, and each pair a class and a cell that exist")
    same_class = pair_class[1:] == pair_class[:-1]
    if ((pair_class[1:] < pair_class[:-1]) | (same_class & (pair_cell[1:] <= pair_cell[:-1]))).any():
        raise FileFormatError("pairs of class and cell must be in order, each once; they are not")
    masses = np.zeros(n_cells, np.int64)
    np.add.at(masses, pair_cell, table.pair_counts)
    if not np.array_equal(masses, table.counts):
        raise FileFormatError("counts_ must be the sums of the counts of all classes; they are not")
