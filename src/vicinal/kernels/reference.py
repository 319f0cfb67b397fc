r"""The kernels in NumPy: the definition, and the oracle of every other version.

For latents z of shape (n, d), with arithmetic in their own precision (float32 or float64):

.. math::
    c_{ij} = \min(\max(\lfloor (z_{ij} - \mathrm{lower}_j) / \mathrm{width}_j \rfloor, 0),\ n_\mathrm{bins} - 1)

A dimension of width 0 is constant: its code is 0. A draw from cell c is

.. math::
    z_j = \min(\mathrm{lower}_j + (c_j + u_j)\,\mathrm{width}_j,\ \mathrm{upper}_j), \quad u_j \in [0, 1)

and, where rounding has pushed z_j over the edge of its cell (about once in a million values),
the centre of the cell instead, so that the code of a sample is the cell it was drawn from.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vicinal import rng
from vicinal._arrays import Array

FEWEST_GUIDES = 1 << 15  # so many guides cost nothing
_MIXED = 1 << 20  # pairs of sample and neighbour worked on together


class CellIndex(NamedTuple):
    """How to find the cell of a draw k from {0, ..., total - 1}: the first whose cumulative count is above k.

    ``cumulative`` (n_cells,) int64 alone says it. ``guide`` makes it quick: draw k falls into a cell from
    ``guide[k >> shift]`` to ``guide[(k >> shift) + 1]``, both included. Where all
    counts are 1 there is no guide: draw k falls into cell k.
    """

    cumulative: Array
    guide: Array
    shift: int


def code_dtype(n_bins: int) -> np.dtype[Any]:
    """Return the smallest unsigned integer type that holds n_bins - 1."""
    return np.min_scalar_type(n_bins - 1)


def bounds(latents: Array) -> tuple[Array, Array]:
    """Return (lower, upper) of each dimension, shape (d,), with +0.0 for either zero.

    Both are NaN in a dimension with a value that is not finite.
    """
    lower, upper = latents.min(axis=0) + 0, latents.max(axis=0) + 0
    finite = np.isfinite(lower) & np.isfinite(upper)
    return np.where(finite, lower, np.nan).astype(lower.dtype), np.where(finite, upper, np.nan).astype(upper.dtype)


def _positions(latents: Array, lower: Array, width: Array, n_bins: int) -> Array:
    safe_width = np.where(width > 0, width, 1).astype(width.dtype)
    return np.clip((latents - lower) / safe_width, 0, n_bins - 1)


def quantize(latents: Array, lower: Array, width: Array, n_bins: int) -> Array:
    """Return the codes, shape (n, d), in `code_dtype`."""
    return _positions(latents, lower, width, n_bins).astype(code_dtype(n_bins))


def unique_cells(codes: Array, n_bins: int, masses: Array | None = None) -> tuple[Array, Array]:
    """Return the distinct rows (n_cells, d) in lexicographic order, and how often each occurs (n_cells,) int64.

    With ``masses`` (n,) int64, the sum of the masses of its rows instead.
    """
    del n_bins  # other kernels pack codes by it
    cells, cell = np.unique(codes, axis=0, return_inverse=True)
    counts = np.zeros(len(cells), dtype=np.int64)
    np.add.at(counts, cell.ravel(), 1 if masses is None else masses)
    return cells, counts


def find_cells(codes: Array, cells: Array) -> Array:
    """Return the index in ``cells`` of each row of ``codes``, or -1, shape (n,), int64."""
    index = {cell.tobytes(): i for i, cell in enumerate(cells)}
    return np.array([index.get(row.tobytes(), -1) for row in codes], dtype=np.int64)


def guide_layout(counts: Array, total: int) -> tuple[tuple[int], type[np.signedinteger[Any]], int]:
    """Return shape and type of the guide of a `CellIndex`, and its shift; at most about two guides a cell."""
    n_cells = len(counts)
    integer = np.int32 if n_cells < 2**31 else np.int64
    if total == n_cells and counts.min() == 1:
        return (0,), integer, 0
    shift = max(0, (total - 1).bit_length() - max(FEWEST_GUIDES, n_cells).bit_length())
    return (((total - 1) >> shift) + 2,), integer, shift


def index_cells(counts: Array) -> CellIndex:
    """Return the index of cells with these counts (n_cells,), int64."""
    cumulative = np.cumsum(counts)
    (n_guides,), integer, shift = guide_layout(counts, int(cumulative[-1]))
    firsts = np.minimum(np.arange(n_guides) << shift, cumulative[-1] - 1)
    return CellIndex(cumulative, np.searchsorted(cumulative, firsts, side="right").astype(integer), shift)


def draw_cells(index: CellIndex, *, key: int, start: int, n_samples: int) -> Array:
    """Return the number of a cell for each of rows ``start`` to ``start + n_samples``, shape (n_samples,), int64.

    A cell is drawn with probability count / total, integers both.
    """
    draws = rng.choices(key, start, n_samples, int(index.cumulative[-1]))
    return np.searchsorted(index.cumulative, draws, side="right").astype(np.int64)


def fill_cells(
    cells: Array, drawn: Array, lower: Array, upper: Array, width: Array, n_bins: int, *, key: int, start: int
) -> Array:
    """Draw a point uniformly from a cell for each of rows ``start`` to ``start + n_samples``.

    Parameters
    ----------
    cells : ndarray of unsigned int, shape (n_cells, d)
        Codes of the cells.
    drawn : ndarray of int64, shape (n_samples,)
        Which of them, for each row.
    lower, upper, width : ndarray of float32 or float64, shape (d,)
        Bounds and bin widths; width 0 for a constant dimension.
    n_bins : int
        Bins in each dimension.
    key, start : int
        See `vicinal.rng`.

    Returns
    -------
    ndarray of shape (n_samples, d), dtype of ``lower``
    """
    dtype = lower.dtype
    codes = cells[drawn].astype(dtype)
    u = rng.uniforms(key, start, len(drawn), cells.shape[1]).astype(dtype)
    latents = np.minimum(lower + (codes + u) * width, upper)
    stayed = np.floor(_positions(latents, lower, width, n_bins)) == codes
    return np.where(stayed, latents, lower + (codes + dtype.type(0.5)) * width)


def sample_cells(
    cells: Array, index: CellIndex, lower: Array, upper: Array, width: Array, n_bins: int,
    *, key: int, start: int, n_samples: int,
) -> Array:  # fmt: skip
    """Draw a cell, then a point in it, for each of rows ``start`` to ``start + n_samples``."""
    drawn = draw_cells(index, key=key, start=start, n_samples=n_samples)
    return fill_cells(cells, drawn, lower, upper, width, n_bins, key=key, start=start)


def mix_rows(
    points: Array, masses: Array | None, first: Array, last: Array, own: Array, shrinkage: float, scale: float,
    *, key: int, start: int,
) -> Array:  # fmt: skip
    r"""Draw a point in the vicinity of a row, shaped by a range of rows around it.

    With the K rows z_k of the range, their shares p_k of its mass and their mean m, for row i

    .. math:: z = z_i + s (m - z_i) + a \sum_k \sqrt{p_k}\, e_k (z_k - m), \quad e_k \sim N(0, 1)

    summed over k in order, in the precision of the points.

    Parameters
    ----------
    points : ndarray of float32 or float64, shape (n, d)
        The rows.
    masses : ndarray of int64, shape (n,), or None
        Their masses, above 0; None for ones.
    first, last, own : ndarray of int64, shape (n_samples,)
        For each sample, the range ``points[first:last]`` and the row i in it.
    shrinkage, scale : float
        s and a.
    key, start : int
        See `vicinal.rng`.

    Returns
    -------
    ndarray of shape (n_samples, d), dtype of ``points``
    """
    out = np.empty((len(own), points.shape[1]), points.dtype)
    step = max(1, _MIXED // max(1, int((last - first).max(initial=0))))
    for a in range(0, len(own), step):
        part = slice(a, a + step)
        ranges = first[part], last[part], own[part]
        out[part] = _mix_some(points, masses, *ranges, shrinkage, scale, key, start + a)
    return out


def neighborhood_sums(points: Array, rows: Array, starts: Array) -> tuple[Array, Array]:
    """Return the sum of the rows of each neighbourhood, and the sum of their squares.

    Parameters
    ----------
    points : ndarray of float32, shape (n, d)
        Rows.
    rows, starts : ndarray of int64, shapes (m,), (n_neighborhoods + 1,)
        Neighbourhood c holds the rows ``points[rows[starts[c] : starts[c + 1]]]``, at least one.

    Returns
    -------
    sums : ndarray of float64, shape (n_neighborhoods, d)
    squares : ndarray of float64, shape (n_neighborhoods,)
        Summed over rows for each dimension, then over dimensions.
    """
    n = len(starts) - 1
    sums, squares = np.empty((n, points.shape[1])), np.zeros(n)
    owners = np.repeat(np.arange(n), np.diff(starts))
    for j in range(points.shape[1]):
        values = points[rows, j].astype(np.float64)
        sums[:, j] = np.bincount(owners, weights=values, minlength=n)
        squares += np.bincount(owners, weights=values * values, minlength=n)
    return sums, squares


def neighborhood_scatters(points: Array, rows: Array, starts: Array, means: Array) -> Array:
    r"""Return the scatter of each neighbourhood about its mean.

    .. math:: \sum_z (z - m) (z - m)^T

    in float64, one row of the neighbourhood after another.

    Parameters
    ----------
    points, rows, starts
        As for `neighborhood_sums`; ``starts`` may begin above 0.
    means : ndarray of float32, shape (n_neighborhoods, d)
        m of each neighbourhood.

    Returns
    -------
    ndarray of float64, shape (n_neighborhoods, d, d)
    """
    n, d = means.shape
    owners = np.repeat(np.arange(n), np.diff(starts))
    gaps = points[rows[starts[0] : starts[-1]]].astype(np.float64) - means[owners]
    scatters = np.empty((n, d, d))
    for j in range(d):
        for k in range(d):
            scatters[:, j, k] = np.bincount(owners, weights=gaps[:, j] * gaps[:, k], minlength=n)
    return scatters


def likeliest_spheres(
    points: Array, rows: Array, owners: Array, means: Array, precisions: Array, offsets: Array, near: Array
) -> Array:
    r"""Return for each row the candidate neighbourhood in whose spherical Gaussian it is likeliest.

    For row z the neighbourhood c with the smallest

    .. math:: p_c \sum_j (z_j - m_{cj})^2 + o_c

    in float32, summed over j in order. Ties go to the first in ``near``.

    Parameters
    ----------
    points : ndarray of float32, shape (n, d)
        Rows.
    rows, owners : ndarray of int64, shape (m,)
        Indices of rows, and the neighbourhood that each is in now.
    means, precisions, offsets : ndarray of float32, shapes (n_neighborhoods, d), (n_neighborhoods,) twice
        m, p and o of each neighbourhood.
    near : ndarray of int64, shape (n_neighborhoods, n_near)
        The candidates for the rows of each neighbourhood.

    Returns
    -------
    ndarray of int64, shape (m,)
    """
    best = np.empty(len(rows), np.int64)
    step = max(1, _MIXED // near.shape[1])
    for a in range(0, len(rows), step):
        some, choices = points[rows[a : a + step]], near[owners[a : a + step]]
        distances = np.zeros(choices.shape, np.float32)
        for j in range(points.shape[1]):
            distances += np.square(some[:, j, None] - means[:, j][choices])
        scores = precisions[choices] * distances + offsets[choices]
        best[a : a + step] = np.take_along_axis(choices, scores.argmin(axis=1)[:, None], axis=1)[:, 0]
    return best


def likeliest_ellipsoids(
    points: Array, rows: Array, owners: Array, means: Array, factors: Array, offsets: Array, near: Array
) -> Array:
    r"""Return for each row the candidate neighbourhood in whose Gaussian it is likeliest.

    For row z the neighbourhood c with the smallest

    .. math:: \lVert x \rVert^2 + o_c, \quad L_c x = z - m_c

    in float32, solved and summed from the first value of x to the last. Ties go to the first in ``near``.

    Parameters
    ----------
    points, rows, owners, means, offsets, near
        As for `likeliest_spheres`.
    factors : ndarray of float32, shape (n_neighborhoods, d * (d + 1) / 2)
        L of each neighbourhood, lower triangular, row by row, with the inverses of its diagonal in place of the
        diagonal.

    Returns
    -------
    ndarray of int64, shape (m,)
    """
    d, n_near = points.shape[1], near.shape[1]
    best = np.empty(len(rows), np.int64)
    step = max(1, _MIXED // (n_near * d))
    for a in range(0, len(rows), step):
        some, choices = points[rows[a : a + step]], near[owners[a : a + step]]
        solved = np.empty((d, *choices.shape), np.float32)
        scores = np.zeros(choices.shape, np.float32)
        first = 0
        for j in range(d):
            left = some[:, j, None] - means[:, j][choices]
            for k in range(j):
                left -= factors[:, first + k][choices] * solved[k]
            solved[j] = left * factors[:, first + j][choices]
            scores += np.square(solved[j])
            first += j + 1
        scores += offsets[choices]
        best[a : a + step] = np.take_along_axis(choices, scores.argmin(axis=1)[:, None], axis=1)[:, 0]
    return best


def nearest_distances(queries: Array, points: Array, *, other: bool) -> Array:
    r"""Return the distance from each query to the nearest point.

    The root of the least

    .. math:: \sum_j (q_j - p_j)^2

    in the precision of the arrays, summed over j in order: no digits are lost far from zero, unlike by expanding it.

    Parameters
    ----------
    queries, points : ndarray of float32 or float64, shapes (m, d), (n, d)
        n may be 0.
    other : bool
        Whether to leave out points that are where the query is.

    Returns
    -------
    ndarray of shape (m,), dtype of ``points``
        Infinite where there is no point.
    """
    least = np.full(len(queries), np.inf, points.dtype)
    step = max(1, _MIXED // max(1, len(queries)))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for a in range(0, len(points), step):
            squares = np.zeros((len(queries), len(points[a : a + step])), points.dtype)
            for j in range(points.shape[1]):
                squares += np.square(queries[:, j, None] - points[None, a : a + step, j])
            if other:
                squares[squares == 0] = np.inf
            least = np.fmin(least, np.fmin.reduce(squares, axis=1))
    return np.sqrt(least)


def _mix_some(
    points: Array, masses: Array | None, first: Array, last: Array, own: Array, shrinkage: float, scale: float,
    key: int, start: int,
) -> Array:  # fmt: skip
    most = int((last - first).max())
    members = first[:, None] + np.arange(most)
    inside = members < last[:, None]
    members = np.where(inside, members, first[:, None])
    shares = np.where(inside, 1.0 if masses is None else masses[members], 0.0)
    shares = shares / shares.cumsum(axis=1)[:, -1:]  # one after another, as the loops of other kernels add up
    noise = np.sqrt(shares) * rng.normals(key, start, len(own), most)
    weights = shrinkage * shares + scale * (noise - shares * noise.cumsum(axis=1)[:, -1:])
    base = points[own]
    moved = np.zeros_like(base)
    for k in range(most):
        moved += weights[:, k, None].astype(points.dtype) * (points[members[:, k]] - base)
    mixed: Array = base + moved
    return mixed
