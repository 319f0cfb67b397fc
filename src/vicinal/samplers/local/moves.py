r"""Latents that move to the neighbourhood that fits them best: classification expectation maximisation.

A cut across a cluster leaves each half in a neighbourhood with latents of other clusters. So latents may move
afterwards. With m_c the mean of neighbourhood c and S_c its covariance, every latent z goes to

.. math:: \arg\min_c \; (z - m_c)^T S_c^{-1} (z - m_c) + \log \det S_c,

the neighbourhood in whose Gaussian it is likeliest, among those with the nearest means. This is repeated. With equal
covariances it would be k-means. Unequal covariances keep neighbourhoods small where latents are dense, and let them
follow long clusters.

The first five of eight steps use spheres, S_c = v_c I with v_c the variance averaged over dimensions: O(n d) a step.
The other steps use ellipsoids, if a neighbourhood has at least 5 d latents on average:

.. math:: S_c = (1 - \lambda) C_c + \lambda v_c I, \quad \lambda = \frac{d + 1}{K_c + d + 1},

with C_c the covariance of the K_c latents, shrunk towards a sphere that weighs as much as d + 1 latents. O(n d^2) a
step.

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
from vicinal._arrays import Array
from vicinal.samplers.local.tree import cut

Shapes = Callable[[Array, Array, Array, Array, Array], tuple[Array, Array]]

_NEAR = 32  # neighbourhoods that a latent may move to, its own among them
_NEAR_ELLIPSOIDS = 12  # the same for ellipsoids
_BLOCKS = (384, 256)  # neighbourhoods searched together, in turn, so that latents pass from block to block
_SMALLEST = 4  # a neighbourhood with less than this part of the mean number of latents is dissolved
_OF_ELLIPSOIDS = 3 / 8  # of the steps
_LEAST_ROWS = 5  # latents in a neighbourhood, on average, for each dimension, that an ellipsoid needs
_LEAST_VARIANCE = 1e-6  # of a neighbourhood, in mean variances of neighbourhoods
_VALUES = 1 << 22  # of covariances worked on together


def move(rows: Array, starts: Array, max_iter: int) -> tuple[Array, Array]:
    """Move rows (n, d) float32, which come neighbourhood by neighbourhood; return their order and new starts."""
    order, size = np.arange(len(rows)), len(rows) // (len(starts) - 1)
    n_spheres = max_iter - round(_OF_ELLIPSOIDS * max_iter) if size >= _LEAST_ROWS * rows.shape[1] else max_iter
    least, kernel = max(2, size // _SMALLEST), kernels.select()
    order, starts = _settle(rows, order, starts, least, n_spheres, _spheres, kernel.likeliest_spheres)
    return _settle(rows, order, starts, least, max_iter - n_spheres, _ellipsoids, kernel.likeliest_ellipsoids)


def _settle(
    rows: Array, order: Array, starts: Array, least: int, max_iter: int, shapes_of: Shapes, likeliest: Any
) -> tuple[Array, Array]:
    """Move rows until none moves, or ``max_iter`` times; neighbourhoods of less than ``least`` rows are dissolved."""
    for step in range(max_iter):
        owners = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        means, variances = _means_and_variances(rows, order, starts)
        shapes, offsets = shapes_of(rows, order, starts, means, variances)
        near = _near(means, step, _NEAR if shapes.ndim == 1 else _NEAR_ELLIPSOIDS)
        best = likeliest(rows, order, owners, means, shapes, offsets, near)
        small = np.bincount(best, minlength=len(means)) < least
        dissolved = np.flatnonzero(small[best])
        if len(dissolved):
            offsets[small] = np.inf
            best[dissolved] = likeliest(rows, order[dissolved], owners[dissolved], means, shapes, offsets, near)
        if np.array_equal(best, owners):
            break
        order = order[np.argsort(best, kind="stable")]
        sizes = np.bincount(best)
        starts = np.concatenate([[0], np.cumsum(sizes[sizes > 0])])
    return order, starts


def _means_and_variances(rows: Array, order: Array, starts: Array) -> tuple[Array, Array]:
    """Return means (n_neighborhoods, d) and variances (n_neighborhoods,), averaged over dimensions; float32."""
    sums, squares = kernels.select().neighborhood_sums(rows, order, starts)
    sizes = np.diff(starts)
    means = sums / sizes[:, None]
    variances = (squares / sizes - np.square(means).sum(axis=1)) / rows.shape[1]
    least = max(_LEAST_VARIANCE * variances.mean(), 1e-30)
    return means.astype(np.float32), np.maximum(variances, least).astype(np.float32)


def _spheres(rows: Array, order: Array, starts: Array, means: Array, variances: Array) -> tuple[Array, Array]:
    """Return precisions and log determinants of spherical covariances, (n_neighborhoods,) each."""
    del order, starts, means
    return 1 / variances, rows.shape[1] * np.log(variances)


def _ellipsoids(rows: Array, order: Array, starts: Array, means: Array, variances: Array) -> tuple[Array, Array]:
    """Return the factors, as kernels take them, and the log determinants of full covariances."""
    n, d = means.shape
    diagonal, lower = np.arange(d), np.tril_indices(d)
    factors, logs = np.empty((n, len(lower[0])), np.float32), np.empty(n, np.float32)
    step = max(1, _VALUES // d**2)
    for a in range(0, n, step):
        some, ends = slice(a, a + step), starts[a : a + step + 1]
        sizes = np.diff(ends)
        share = (d + 1) / (sizes + d + 1)  # of the sphere
        covariances = kernels.select().neighborhood_scatters(rows, order, ends, means[some])
        covariances *= ((1 - share) / sizes)[:, None, None]
        covariances[:, diagonal, diagonal] += (share * variances[some])[:, None]
        roots = np.linalg.cholesky(covariances)
        deviations = roots[:, diagonal, diagonal]
        logs[some] = 2 * np.log(deviations).sum(axis=1)
        roots[:, diagonal, diagonal] = 1 / deviations
        factors[some] = roots[:, lower[0], lower[1]]
    return factors, logs


def _near(means: Array, step: int, most: int) -> Array:
    """Return for each neighbourhood those with the nearest means in its block, itself first, (n, n_near) int64."""
    n_blocks = -(-len(means) // _BLOCKS[step % 2]) if len(means) > max(_BLOCKS) else 1
    order, starts = cut(means.copy(), n_blocks)
    near = np.empty((len(means), min(most, np.diff(starts).min())), np.int64)
    for block in np.split(order, starts[1:-1]):
        some = means[block]
        squares = np.square(some).sum(axis=1)
        gaps = squares - 2 * some @ some.T
        np.fill_diagonal(gaps, -np.inf)
        near[block] = block[_smallest(gaps, near.shape[1])]
    return near


def _smallest(values: Array, k: int) -> Array:
    """Return the places of the k smallest of each row of values (n, m) float32, in rising order, (n, k) int64.

    A value and its place are one integer, for NumPy sorts integers faster than it finds the places of floats.
    """
    bits = values.view(np.int32)
    keys = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64) << 32  # in the order of the values
    keys |= np.arange(values.shape[1])
    keys.partition(k - 1, axis=1)
    return np.sort(keys[:, :k], axis=1) & 0xFFFFFFFF
