"""Rows of codes from all over memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal.kernels import memory
from vicinal.kernels.cpu.compiler import jit
from vicinal.kernels.cpu.threads import over, parts

Array = np.ndarray[Any, Any]

_UNITS = (np.uint64, np.uint32, np.uint16)
_TILE = 128  # rows


def in_units(codes: Array) -> Array:
    """Return codes (n, d) as rows of the largest integers that fill a row."""
    n_bytes = codes.shape[1] * codes.itemsize
    return codes.view(next((unit for unit in _UNITS if n_bytes % np.dtype(unit).itemsize == 0), np.uint8))


@jit
def fetch(units: Array, which: Array, fetched: Array) -> int:
    """Copy rows behind one another; in an order that lets many of them be on their way at once."""
    rows, n_units = which.shape[0], units.shape[1]
    touched = 0
    if n_units <= 16:
        for j in range(n_units):
            for r in range(rows):
                fetched[r * n_units + j] = units[which[r], j]
    else:
        for r in range(rows):  # ask for all the cache lines first
            for j in range(0, n_units, 8):
                touched += units[which[r], j] > 0
        for r in range(rows):
            row = which[r]
            for j in range(n_units):
                fetched[r * n_units + j] = units[row, j]
    return touched


@jit
def _take(units: Array, which: Array, taken: Array) -> None:
    for first in range(0, which.shape[0], _TILE):
        fetch(units, which[first : first + _TILE], taken[first : first + _TILE].reshape(-1))


def take(codes: Array, which: Array) -> Array:
    """Return codes[which], for codes (n, d) in C order."""
    taken = memory.new((len(which), codes.shape[1]), codes.dtype)
    source, target = in_units(codes), in_units(taken)
    over(parts(*taken.shape), lambda a, b: _take(source, which[a:b], target[a:b]))
    return taken
