r"""Rows that move to the cells that fit them best.

A cut across a cluster leaves its halves in cells with strangers. So rows may move afterwards: with m_c the mean of cell
c and S_c its covariance, every row z goes to

.. math:: \arg\min_c \; (z - m_c)^T S_c^{-1} (z - m_c) + \log \det S_c,

the cell in whose Gaussian it is likeliest, of those with the nearest means; and again, as in k-means, where covariances
are all the same. That they are not keeps cells from becoming huge where latents are dense, and lets them lie along
clusters that are long.

The first five of eight steps are of spheres, S_c = v_c I with v_c the variance averaged over dimensions: O(n d) a step.
The others, where cells have at least 5 d rows on average, are of ellipsoids,

.. math:: S_c = (1 - \lambda) C_c + \lambda v_c I, \quad \lambda = \frac{d + 1}{K_c + d + 1},

with C_c the covariance of the K_c rows of the cell: its mean with a sphere that weighs as much as d + 1 rows.
O(n d^2) a step.

References
----------
G. Celeux, G. Govaert, "A classification EM algorithm for clustering and two stochastic versions", Computational
Statistics & Data Analysis 14, 1992, doi:10.1016/0167-9473(92)90042-E.
C. Fraley, A. E. Raftery, "Bayesian regularization for normal mixture estimation and model-based clustering", Journal
of Classification 24, 2007, doi:10.1007/s00357-007-0004-5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vicinal import kernels
from vicinal.kernels.tree import cut

Array = np.ndarray[Any, Any]
Shapes = Callable[[Array, Array, Array, Array, Array], tuple[Array, Array]]

_NEAR = 32  # cells that a row may move to, its own among them
_NEAR_ELLIPSOIDS = 12  # of these, when rows move to ellipsoids
_BLOCKS = (384, 256)  # cells among which near ones are looked for, in turn, so that rows pass from block to block
_SMALLEST = 4  # a cell of less than this part of the mean number of rows is given up
_OF_ELLIPSOIDS = 3 / 8  # of the steps
_LEAST_ROWS = 5  # of a cell, on average, for each dimension, that an ellipsoid is told from
_LEAST_VARIANCE = 1e-6  # of a cell, in mean variances of cells
_VALUES = 1 << 22  # of covariances worked on together


def move(rows: Array, starts: Array, max_iter: int) -> tuple[Array, Array]:
    """Move rows (n, d) float32, which come cell by cell; return their order and where cells start."""
    order, size = np.arange(len(rows)), len(rows) // (len(starts) - 1)
    n_spheres = max_iter - round(_OF_ELLIPSOIDS * max_iter) if size >= _LEAST_ROWS * rows.shape[1] else max_iter
    least = max(2, size // _SMALLEST)
    order, starts = _settle(rows, order, starts, least, n_spheres, _spheres, kernels.select().likeliest_spheres)
    return _settle(rows, order, starts, least, max_iter - n_spheres, _ellipsoids, kernels.select().likeliest_ellipsoids)


def _settle(
    rows: Array, order: Array, starts: Array, least: int, max_iter: int, shapes_of: Shapes, likeliest: Any
) -> tuple[Array, Array]:
    """Move rows until none moves, or ``max_iter`` times; cells of less than ``least`` rows are given up."""
    for step in range(max_iter):
        cells = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        means, variances = _means_and_variances(rows, order, starts)
        shapes, offsets = shapes_of(rows, order, starts, means, variances)
        near = _near_cells(means, step, _NEAR if shapes.ndim == 1 else _NEAR_ELLIPSOIDS)
        best = likeliest(rows, order, cells, means, shapes, offsets, near)
        small = np.bincount(best, minlength=len(means)) < least
        given_up = np.flatnonzero(small[best])
        if len(given_up):
            offsets[small] = np.inf
            best[given_up] = likeliest(rows, order[given_up], cells[given_up], means, shapes, offsets, near)
        if np.array_equal(best, cells):
            break
        order = order[np.argsort(best, kind="stable")]
        sizes = np.bincount(best)
        starts = np.concatenate([[0], np.cumsum(sizes[sizes > 0])])
    return order, starts


def _means_and_variances(rows: Array, order: Array, starts: Array) -> tuple[Array, Array]:
    """Return the mean (n_cells, d) and the variance (n_cells,), averaged over dimensions, of each cell; float32."""
    sums, squares = kernels.select().cell_sums(rows, order, starts)
    sizes = np.diff(starts)
    means = sums / sizes[:, None]
    variances = (squares / sizes - np.square(means).sum(axis=1)) / rows.shape[1]
    least = max(_LEAST_VARIANCE * variances.mean(), 1e-30)
    return means.astype(np.float32), np.maximum(variances, least).astype(np.float32)


def _spheres(rows: Array, order: Array, starts: Array, means: Array, variances: Array) -> tuple[Array, Array]:
    """Return the precisions and the log determinants of spherical covariances, (n_cells,) each."""
    del order, starts, means
    return 1 / variances, rows.shape[1] * np.log(variances)


def _ellipsoids(rows: Array, order: Array, starts: Array, means: Array, variances: Array) -> tuple[Array, Array]:
    """Return factors (n_cells, d (d + 1) / 2) and log determinants (n_cells,) of covariances, as kernels take them."""
    n_cells, d = means.shape
    diagonal, lower = np.arange(d), np.tril_indices(d)
    factors, logs = np.empty((n_cells, len(lower[0])), np.float32), np.empty(n_cells, np.float32)
    step = max(1, _VALUES // d**2)
    for a in range(0, n_cells, step):
        some, ends = slice(a, a + step), starts[a : a + step + 1]
        sizes = np.diff(ends)
        share = (d + 1) / (sizes + d + 1)  # of the sphere
        covariances = kernels.select().cell_scatters(rows, order, ends, means[some])
        covariances *= ((1 - share) / sizes)[:, None, None]
        covariances[:, diagonal, diagonal] += (share * variances[some])[:, None]
        roots = np.linalg.cholesky(covariances)
        deviations = roots[:, diagonal, diagonal]
        logs[some] = 2 * np.log(deviations).sum(axis=1)
        roots[:, diagonal, diagonal] = 1 / deviations
        factors[some] = roots[:, lower[0], lower[1]]
    return factors, logs


def _near_cells(means: Array, step: int, most: int) -> Array:
    """Return for each cell those with the nearest means in its block, itself first, (n_cells, n_near) int64."""
    n_blocks = -(-len(means) // _BLOCKS[step % 2]) if len(means) > max(_BLOCKS) else 1
    order, starts = cut(means.copy(), n_blocks)
    near = np.empty((len(means), min(most, np.diff(starts).min())), np.int64)
    for block in np.split(order, starts[1:-1]):
        some = means[block]
        squares = np.square(some).sum(axis=1)
        gaps = squares - 2 * some @ some.T
        np.fill_diagonal(gaps, -np.inf)
        nearest = np.argpartition(gaps, near.shape[1] - 1, axis=1)[:, : near.shape[1]]
        nearest = np.take_along_axis(nearest, np.argsort(np.take_along_axis(gaps, nearest, axis=1), axis=1), axis=1)
        near[block] = block[nearest]
    return near
