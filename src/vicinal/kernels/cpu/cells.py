"""Sums over the rows of cells, and the cell in which a row is likeliest."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal.kernels.cpu.compiler import jit
from vicinal.kernels.cpu.squares import add_squares, least_integer
from vicinal.kernels.cpu.threads import over, parts

Array = np.ndarray[Any, Any]

_MOST = np.int32(2**31 - 1)


@jit
def _cell_sums(points: Array, rows: Array, starts: Array, sums: Array, squares: Array) -> None:
    d = points.shape[1]
    each = np.empty(d)
    for c in range(sums.shape[0]):
        sums[c] = 0.0
        each[:] = 0.0
        for i in range(starts[c], starts[c + 1]):
            for j in range(d):
                value = np.float64(points[rows[i], j])
                sums[c, j] += value
                each[j] += value * value
        squares[c] = 0.0
        for j in range(d):
            squares[c] += each[j]


def cell_sums(points: Array, rows: Array, starts: Array) -> tuple[Array, Array]:
    """As `reference.cell_sums`."""
    sums, squares = np.empty((len(starts) - 1, points.shape[1])), np.empty(len(starts) - 1)

    def work(a: int, b: int) -> None:
        _cell_sums(points, rows, starts[a : b + 1], sums[a:b], squares[a:b])

    over(parts(len(sums), len(rows) * points.shape[1] // len(sums)), work)
    return sums, squares


@jit
def _first_least(scores: Array) -> int:
    """Return where the least of finite or infinite float32 is first."""
    ordered = scores.view(np.int32)  # in the order of the floats, once negative ones are turned round
    for c in range(ordered.shape[0]):
        ordered[c] = np.int32(ordered[c] ^ ((ordered[c] >> np.int32(31)) & _MOST))
    least = least_integer(ordered, _MOST)
    first = 0
    while ordered[first] != least:
        first += 1
    return first


@jit
def _likeliest_cells(
    points: Array, rows: Array, cells: Array, means: Array, precisions: Array, offsets: Array, near: Array, out: Array
) -> None:
    d, n_near = points.shape[1], near.shape[1]
    columns, scores = np.empty((d, n_near), np.float32), np.empty(n_near, np.float32)
    precision, offset = np.empty(n_near, np.float32), np.empty(n_near, np.float32)
    cell = -1
    for i in range(rows.shape[0]):
        if cells[i] != cell:  # rows come cell by cell
            cell = cells[i]
            for c in range(n_near):
                precision[c], offset[c] = precisions[near[cell, c]], offsets[near[cell, c]]
                for j in range(d):
                    columns[j, c] = means[near[cell, c], j]
        scores[:] = 0
        add_squares(points[rows[i]], columns, 0, d, scores)
        for c in range(n_near):
            scores[c] = precision[c] * scores[c] + offset[c]
        out[i] = near[cell, _first_least(scores)]


def likeliest_cells(
    points: Array, rows: Array, cells: Array, means: Array, precisions: Array, offsets: Array, near: Array
) -> Array:
    """As `reference.likeliest_cells`."""
    best = np.empty(len(rows), np.int64)

    def work(a: int, b: int) -> None:
        _likeliest_cells(points, rows[a:b], cells[a:b], means, precisions, offsets, near, best[a:b])

    over(parts(len(rows), points.shape[1] * near.shape[1] // 4), work)
    return best
