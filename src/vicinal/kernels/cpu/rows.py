"""Rows of codes from all over memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal.kernels import memory
from vicinal.kernels.cpu.compiler import jit, prefetch
from vicinal.kernels.cpu.threads import over, parts

Array = np.ndarray[Any, Any]

_UNITS = (np.uint64, np.uint32, np.uint16)
TILE = 128  # rows that are asked for together


def in_units(codes: Array) -> Array:
    """Return codes (n, d) as rows of the largest integers that fill a row."""
    n_bytes = codes.shape[1] * codes.itemsize
    return codes.view(next((unit for unit in _UNITS if n_bytes % np.dtype(unit).itemsize == 0), np.uint8))


@jit
def ask_for(units: Array, which: Array, first: int, last: int) -> None:
    """Have columns ``first`` to ``last`` of rows brought near, all at once, while other work goes on."""
    a_line = memory.LINE // units.strides[1]
    for r in range(which.shape[0]):
        for j in range(first, last, a_line):
            prefetch(units, which[r], j)


@jit
def fetch(units: Array, which: Array, fetched: Array) -> None:
    """Copy rows behind one another."""
    rows, n_units = which.shape[0], units.shape[1]
    if n_units < 4:  # loops as short as that cost more than they copy
        for j in range(n_units):
            for r in range(rows):
                fetched[r * n_units + j] = units[which[r], j]
    else:
        for r in range(rows):
            row = which[r]
            for j in range(n_units):
                fetched[r * n_units + j] = units[row, j]


@jit
def _take(units: Array, which: Array, taken: Array) -> None:
    for first in range(0, which.shape[0], TILE):
        rows = which[first : first + TILE]
        ask_for(units, rows, 0, units.shape[1])
        fetch(units, rows, taken[first : first + TILE].reshape(-1))


def take(codes: Array, which: Array) -> Array:
    """Return codes[which], for codes (n, d) in C order."""
    taken = memory.aligned((len(which), codes.shape[1]), codes.dtype)
    source, target = in_units(codes), in_units(taken)
    over(parts(*taken.shape), lambda a, b: _take(source, which[a:b], target[a:b]))
    return taken
