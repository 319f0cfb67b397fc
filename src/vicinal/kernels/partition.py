r"""Cells of rows: equally many in each, by a principal axis tree, and then moved to where they fit best.

A set of rows that is to become L cells is cut across its first principal axis w, the direction in which it
varies most,

.. math:: w = \arg\max_{\lVert w \rVert = 1} \sum_i (w \cdot (z_i - \bar z))^2,

into floor(L / 2) / L of the rows and the rest, and each part again, until L is 1. Such trees shrink their cells at
the rate of the intrinsic dimension of the data, not of the space. O(n d log L).

A cut across a cluster leaves its halves in cells with strangers. So rows may move afterwards: with m_c the mean of cell
c and v_c its variance, averaged over dimensions, every row z goes to

.. math:: \arg\min_c \; \lVert z - m_c \rVert^2 / v_c + d \log v_c,

the cell in whose spherical Gaussian it is likeliest, of those with the nearest means; and again, as in k-means, where
variances are all alike. That they are not keeps cells from becoming huge where latents are dense. O(n d) a step.

References
----------
R. F. Sproull, "Refinements to nearest-neighbor searching in k-dimensional trees", Algorithmica 6, 1991,
doi:10.1007/BF01759061.
N. Verma, S. Kpotufe, S. Dasgupta, "Which spatial partition trees are adaptive to intrinsic dimension?", UAI 2009,
arXiv:1205.2609.
G. Celeux, G. Govaert, "A classification EM algorithm for clustering and two stochastic versions", Computational
Statistics & Data Analysis 14, 1992, doi:10.1016/0167-9473(92)90042-E.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import kernels

Array = np.ndarray[Any, Any]

_AXIS_ROWS = 1024  # that a principal axis is taken from
_AXIS_STEPS = 6  # of the power method: cells need a good direction, not an eigenvector
_VALUES = 1 << 23  # worked on together
_NEAR = 32  # cells that a row may move to, its own among them
_BLOCKS = (384, 256)  # cells among which near ones are looked for, in turn, so that rows pass from block to block
_SMALLEST = 4  # a cell of less than this part of the mean number of rows is given up
_LEAST_VARIANCE = 1e-6  # of a cell, in mean variances of cells


def partition(points: Array, n_cells: int, max_iter: int = 0) -> tuple[Array, Array]:
    """Cut ``points`` (n, d) into ``n_cells`` <= n cells of equally many rows, to within rounding, and move rows.

    Rows move to the cells that fit them best, until none moves or for ``max_iter`` steps. Cells that lose most of their
    rows are given up: what is left has at least a quarter of the mean number of rows before, and at least 2
    where the mean was.

    Returns
    -------
    order : ndarray of int64, shape (n,)
        The rows, cell by cell.
    starts : ndarray of int64, shape (n_cells + 1,)
        Cell c holds the rows ``order[starts[c] : starts[c + 1]]``. Fewer where cells were given up.
    """
    rows = _near_zero(points)
    order, starts = _cut(rows, n_cells)
    if max_iter == 0 or n_cells == 1 or len(rows) < 2 * n_cells:
        return order, starts
    moved, starts = _move(rows, starts, max_iter)
    return order[moved], starts


def _cut(rows: Array, n_cells: int) -> tuple[Array, Array]:
    """Cut rows, which are put in the order that is returned."""
    n, d = rows.shape
    order = np.arange(n)
    starts, parts = np.array([0, n]), np.array([n_cells])  # of each set: where it is, and the cells it is to become
    while (parts > 1).any():
        sizes, cuts = np.diff(starts), np.diff(starts) * (parts // 2) // parts
        for size, cut in np.unique(np.stack([sizes, cuts])[:, parts > 1], axis=1).T:  # sets of a size go together
            alike = starts[:-1][(parts > 1) & (sizes == size) & (cuts == cut)]
            for some in np.array_split(alike, -(-len(alike) * size * d // _VALUES)):
                one = len(some) == 1  # of which a view will do; else rows are taken, which is faster than to index
                members: Any = slice(some[0], some[0] + size) if one else (some[:, None] + np.arange(size)).ravel()
                sets = (rows[members] if one else rows.take(members, axis=0)).reshape(-1, size, d)
                sides = (some[:, None] + np.argpartition(_along_axis(sets), cut, axis=1)).ravel()
                rows[members], order[members] = rows.take(sides, axis=0), order.take(sides)
        whole = parts == 1
        halves = np.stack([np.where(whole, 0, parts // 2), parts - np.where(whole, 0, parts // 2)], axis=1).ravel()
        firsts = np.stack([starts[:-1], starts[:-1] + np.where(whole, 0, cuts)], axis=1).ravel()
        starts, parts = np.append(firsts[halves > 0], n), halves[halves > 0]
    return order, starts


def _move(rows: Array, starts: Array, max_iter: int) -> tuple[Array, Array]:
    """Move rows, which come cell by cell; return their order and where cells start."""
    order, least = np.arange(len(rows)), max(2, len(rows) // (len(starts) - 1) // _SMALLEST)
    for step in range(max_iter):
        cells = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        means, variances = _spheres(rows, order, starts)
        near = _near_cells(means, step)
        precisions, offsets = 1 / variances, rows.shape[1] * np.log(variances)
        best = kernels.select().likeliest_cells(rows, order, cells, means, precisions, offsets, near)
        small = np.bincount(best, minlength=len(means)) < least
        given_up = np.flatnonzero(small[best])
        if len(given_up):
            offsets[small] = np.inf
            best[given_up] = kernels.select().likeliest_cells(
                rows, order[given_up], cells[given_up], means, precisions, offsets, near
            )
        if np.array_equal(best, cells):
            break
        order = order[np.argsort(best, kind="stable")]
        sizes = np.bincount(best)
        starts = np.concatenate([[0], np.cumsum(sizes[sizes > 0])])
    return order, starts


def _spheres(rows: Array, order: Array, starts: Array) -> tuple[Array, Array]:
    """Return the mean (n_cells, d) and the variance (n_cells,), averaged over dimensions, of each cell; float32."""
    sums, squares = kernels.select().cell_sums(rows, order, starts)
    sizes = np.diff(starts)
    means = sums / sizes[:, None]
    variances = (squares / sizes - np.square(means).sum(axis=1)) / rows.shape[1]
    least = max(_LEAST_VARIANCE * variances.mean(), 1e-30)
    return means.astype(np.float32), np.maximum(variances, least).astype(np.float32)


def _near_cells(means: Array, step: int) -> Array:
    """Return for each cell those with the nearest means in its block, itself first, (n_cells, n_near) int64."""
    n_blocks = -(-len(means) // _BLOCKS[step % 2]) if len(means) > max(_BLOCKS) else 1
    order, starts = partition(means, n_blocks)
    near = np.empty((len(means), min(_NEAR, np.diff(starts).min())), np.int64)
    for block in np.split(order, starts[1:-1]):
        some = means[block]
        squares = np.square(some).sum(axis=1)
        gaps = squares - 2 * some @ some.T
        np.fill_diagonal(gaps, -np.inf)
        nearest = np.argpartition(gaps, near.shape[1] - 1, axis=1)[:, : near.shape[1]]
        nearest = np.take_along_axis(nearest, np.argsort(np.take_along_axis(gaps, nearest, axis=1), axis=1), axis=1)
        near[block] = block[nearest]
    return near


def _near_zero(points: Array) -> Array:
    """Return points (n, d) moved and scaled into [-2, 2], float32."""
    centred = points - points.mean(axis=0, dtype=np.float64).astype(points.dtype)
    centred /= max(centred.max(), -centred.min()) or 1.0
    return centred.astype(np.float32, copy=False)


def _along_axis(sets: Array) -> Array:
    """Return where each row of sets (n_sets, size, d) lies along its set's first principal axis, (n_sets, size)."""
    some = sets[:, :: -(-sets.shape[1] // _AXIS_ROWS)]
    some = some - some.mean(axis=1, keepdims=True)
    farthest = np.square(some).sum(axis=2).argmax(axis=1)
    axis = np.take_along_axis(some, farthest[:, None, None], axis=1).transpose(0, 2, 1)
    # All values are within [-4, 4]. BLAS may reckon with what lies behind a small matrix, too, and drop the result: the
    # flags that this raises now and then say nothing.
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        for _ in range(_AXIS_STEPS):
            axis = some.transpose(0, 2, 1) @ (some @ axis)
            axis = axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), np.float32(1e-30))
        along: Array = (sets @ axis)[:, :, 0]
    return along
