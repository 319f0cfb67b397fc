"""Fitted attributes as arrays and numbers for a file, and back.

An attribute is an array, a number, the labels of ``classes_``, or a `CellTable`. A table takes few bytes: codes take
ceil(log2(n_bins)) bits each, and of the counts, which are mostly 1 in high dimensions, only the others are kept, with
their places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import FileFormatError
from vicinal.kernels.reference import code_dtype
from vicinal.samplers import labels
from vicinal.samplers.cells import CellTable, Grid, ready
from vicinal.samplers.counts import pack_counts, smallest, unpack_counts
from vicinal.samplers.fitted import CALIBRATED
from vicinal.samplers.table_checks import check_packed, check_table

_ROWS = 1 << 15  # rows packed together; a multiple of 8, so that each lot ends with a whole byte
_NAMES_IN_FILES = {"neighborhood_starts_": "cell_starts_"}  # the name that format 1 began with


def pack_state(state: Mapping[str, Any]) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return fitted attributes as arrays and as numbers for a header."""
    arrays: dict[str, Array] = {}
    scalars: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, CellTable):
            table_arrays, table_scalars = _pack_table(value)
            arrays, scalars = arrays | table_arrays, scalars | table_scalars
        elif name == "classes_":
            scalars[name] = labels.saveable(value.tolist())
        elif isinstance(value, np.ndarray):
            arrays[_NAMES_IN_FILES.get(name, name)] = value
        else:
            scalars[name] = value
    return arrays, scalars


def unpack_state(arrays: Mapping[str, Array], scalars: Mapping[str, Any], d: int) -> dict[str, Any]:
    """Return what `pack_state` packed of latents of d dimensions; a table that makes no sense is a FileFormatError."""
    if "codes" in arrays:
        state: dict[str, Any] = {"_table": _unpack_table(arrays, scalars, d)}
        return state | {name: scalars[name] for name in CALIBRATED if name in scalars}
    attributes = {name: attribute for attribute, name in _NAMES_IN_FILES.items()}
    state = {attributes.get(name, name): value for name, value in {**arrays, **scalars}.items()}
    if "classes_" in scalars:
        state["classes_"] = labels.as_array(scalars["classes_"])
    return state


def params_of_format_1(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a sampler in a file of format 1 as this version has them, or raise FileFormatError."""
    if params.get("preserve_variance"):
        raise FileFormatError(
            "the file holds a PMFSampler with preserve_variance=True, which vicinal no longer has: fit a LocalSampler, "
            "which keeps variances, or load the file with vicinal 0.1.0"
        )
    return {name: value for name, value in params.items() if name != "preserve_variance"}


def _pack_table(table: CellTable) -> tuple[dict[str, Array], dict[str, Any]]:
    arrays = {
        "lower_": table.grid.lower,
        "upper_": table.grid.upper,
        "bin_width_": table.grid.width,
        "codes": pack_codes(table.cells, table.grid.n_bins),
    }
    arrays["counts_.places"], arrays["counts_.values"] = pack_counts(table.counts)
    scalars = {
        "cells_": list(table.cells.shape),
        "n_bins_": table.grid.n_bins,
        "n_samples_seen_": table.n_rows,
        "n_clipped_": table.n_clipped,
        "dropped_mass_": table.dropped_mass,
        "_whole_weights": table.whole,
        "_pair_counts": len(table.pair_counts),
    }
    if table.classes:
        scalars["classes_"] = labels.saveable(list(table.classes))
        arrays["_pair_class"], arrays["_pair_cell"] = smallest(table.pair_class), smallest(table.pair_cell)
        arrays["_pair_counts.places"], arrays["_pair_counts.values"] = pack_counts(table.pair_counts)
    return arrays, scalars


def _unpack_table(arrays: Mapping[str, Array], scalars: Mapping[str, Any], d: int) -> CellTable:
    (n_cells, _), n_bins = scalars["cells_"], scalars["n_bins_"]
    check_packed(arrays, scalars, d, bits_per_code(n_bins))
    table = CellTable(
        grid=Grid(arrays["lower_"], arrays["upper_"], arrays["bin_width_"], n_bins),
        cells=unpack_codes(arrays["codes"], n_bins, (n_cells, d), code_dtype(n_bins)),
        counts=unpack_counts(arrays["counts_.places"], arrays["counts_.values"], n_cells),
        n_rows=scalars["n_samples_seen_"],
        n_clipped=scalars["n_clipped_"],
        whole=scalars["_whole_weights"],
        dropped_mass=scalars["dropped_mass_"],
    )
    if "classes_" in scalars:
        places, values = arrays["_pair_counts.places"], arrays["_pair_counts.values"]
        table = table._replace(
            classes=tuple(scalars["classes_"]),
            pair_class=arrays["_pair_class"].astype(np.int64),
            pair_cell=arrays["_pair_cell"].astype(np.int64),
            pair_counts=unpack_counts(places, values, len(arrays["_pair_cell"])),
        )
    check_table(table)
    return ready(table, None)


def bits_per_code(n_bins: int) -> int:
    """Return the bits that hold 0 to n_bins - 1; none for one bin."""
    return (n_bins - 1).bit_length()


def pack_codes(codes: Array, n_bins: int) -> Array:
    """Return the codes (n, d) as one row of bytes, most significant bit first.

    Examples
    --------
    >>> pack_codes(np.array([[1, 2, 3, 0]], dtype=np.uint8), 4).tolist()
    [108]
    """
    bits = bits_per_code(n_bins)
    shifts = np.arange(bits - 1, -1, -1, dtype=codes.dtype)
    lots = [codes[first : first + _ROWS, :, None] >> shifts & 1 for first in range(0, len(codes), _ROWS)]
    return np.concatenate([np.packbits(lot.astype(bool)) for lot in lots] or [np.zeros(0, np.uint8)])


def unpack_codes(packed: Array, n_bins: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> Array:
    """Return what `pack_codes` packed, of that shape (n, d) and type."""
    bits = bits_per_code(n_bins)
    codes = np.zeros(shape, dtype)
    bytes_a_lot = _ROWS * shape[1] * bits // 8
    for i, first in enumerate(range(0, shape[0], _ROWS)):
        lot = codes[first : first + _ROWS]
        flat = np.unpackbits(packed[i * bytes_a_lot : (i + 1) * bytes_a_lot], count=lot.size * bits)
        for bit in flat.reshape(*lot.shape, bits).transpose(2, 0, 1):
            lot <<= 1
            lot |= bit
    return codes
