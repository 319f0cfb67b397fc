"""Codes and counts in few bytes, for files.

Codes take ceil(log2(n_bins)) bits each. Of counts, most of which are 1 in high dimensions, only the
others are kept, with their places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vicinal.kernels import memory
from vicinal.kernels.reference import code_dtype
from vicinal.samplers import labels

Array = np.ndarray[Any, Any]

_COUNTS = ("counts_", "_pair_counts")
_INDICES = ("_pair_class", "_pair_cell")
_ROWS = 1 << 15  # rows packed together; a multiple of 8, so that each lot ends with a whole byte


def pack_state(state: dict[str, Any]) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the fitted attributes of a `PMFSampler` as small arrays, and numbers for a header."""
    state = dict(state)
    cells = state.pop("cells_")
    arrays = {"codes": pack_codes(cells, state["n_bins_"])}
    scalars = {"cells_": list(cells.shape), "_pair_counts": len(state.get("_pair_counts", ()))}
    for name in _COUNTS:
        if name in state:
            arrays[f"{name}.places"], arrays[f"{name}.values"] = pack_counts(state.pop(name))
    for name in _INDICES:
        if name in state:
            arrays[name] = smallest(state.pop(name))
    if "classes_" in state:
        scalars["classes_"] = labels.saveable(state.pop("classes_").tolist())
    arrays |= {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    return arrays, scalars | {name: value for name, value in state.items() if name not in arrays}


def unpack_state(arrays: Mapping[str, Array], scalars: dict[str, Any]) -> dict[str, Any]:
    """Return what `pack_state` packed."""
    state = {**arrays, **scalars}
    n_cells, d = scalars["cells_"]
    n_bins = scalars["n_bins_"]
    state["cells_"] = unpack_codes(state.pop("codes"), n_bins, (n_cells, d), code_dtype(n_bins))
    for name, n in zip(_COUNTS, (n_cells, scalars["_pair_counts"]), strict=True):
        if f"{name}.places" in arrays:
            state[name] = unpack_counts(state.pop(f"{name}.places"), state.pop(f"{name}.values"), n)
    for name in _INDICES:
        if name in arrays:
            state[name] = state[name].astype(np.int64)
    if "classes_" in scalars:
        state["classes_"] = labels.as_array(scalars["classes_"])
    return state


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
    codes = memory.aligned(shape, dtype)
    codes.fill(0)
    bytes_a_lot = _ROWS * shape[1] * bits // 8
    for i, first in enumerate(range(0, shape[0], _ROWS)):
        lot = codes[first : first + _ROWS]
        flat = np.unpackbits(packed[i * bytes_a_lot : (i + 1) * bytes_a_lot], count=lot.size * bits)
        for bit in flat.reshape(*lot.shape, bits).transpose(2, 0, 1):
            lot <<= 1
            lot |= bit
    return codes


def pack_counts(counts: Array) -> tuple[Array, Array]:
    """Return where counts (n,) differ from 1, and what they are there, in the smallest integer types."""
    places = np.flatnonzero(counts != 1)
    values = counts[places]
    return smallest(places), smallest(values)


def unpack_counts(places: Array, values: Array, n: int) -> Array:
    """Return what `pack_counts` packed, int64 (n,)."""
    counts = np.ones(n, dtype=np.int64)
    counts[places] = values
    return counts


def smallest(numbers: Array) -> Array:
    """Return non-negative integers in the smallest unsigned type that holds them."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))
