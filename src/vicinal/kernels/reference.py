r"""The kernels in NumPy. They define the results of all other versions, and tests compare with them.

For latents z of shape (n, d), in their own precision (float32 or float64), the codes are

.. math::
    c_{ij} = \min(\max(\lfloor (z_{ij} - \mathrm{lower}_j) / \mathrm{width}_j \rfloor, 0),\ n_\mathrm{bins} - 1)

A dimension of width 0 is constant, and its code is 0. A sample of cell c is

.. math::
    z_j = \min(\mathrm{lower}_j + (c_j + u_j)\,\mathrm{width}_j,\ \mathrm{upper}_j), \quad u_j \in [0, 1)

Rounding moves about one value in a million out of its cell. Such a value is replaced by the centre of its bin. So the
code of a sample is always the code of its cell.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vicinal import rng
from vicinal._arrays import Array
from vicinal.kernels.tiles import Tiles

FEWEST_GUIDES = 1 << 15  # a guide of this size is always cheap
_CHUNK = 1 << 20  # pairs that are computed together; limits the memory


class CellIndex(NamedTuple):
    """An index that finds the cell of an integer k from {0, ..., total - 1}.

    This is the first cell whose ``cumulative`` count, (n_cells,) int64, is above k. ``guide`` shortens the search: the
    cell is one from ``guide[k >> shift]`` to ``guide[(k >> shift) + 1]``, both included. The guide is empty if all
    counts are 1, since the cell is then k itself.
    """

    cumulative: Array
    guide: Array
    shift: int


def code_dtype(n_bins: int) -> np.dtype[Any]:
    """Return the smallest unsigned integer type that holds n_bins - 1."""
    return np.min_scalar_type(n_bins - 1)


def bounds(latents: Array) -> tuple[Array, Array]:
    """Return the smallest and the largest value of each dimension, shape (d,); zeros are +0.0.

    Both are NaN if a value of the dimension is not finite.
    """
    lower, upper = latents.min(axis=0) + 0, latents.max(axis=0) + 0
    finite = np.isfinite(lower) & np.isfinite(upper)
    return np.where(finite, lower, np.nan).astype(lower.dtype), np.where(finite, upper, np.nan).astype(upper.dtype)


def _positions(latents: Array, lower: Array, width: Array, n_bins: int) -> Array:
    safe_width = np.where(width > 0, width, 1).astype(width.dtype)
    return np.clip((latents - lower) / safe_width, 0, n_bins - 1)


def quantize(latents: Array, lower: Array, width: Array, n_bins: int) -> Array:
    """Return the codes of latents (n, d), in `code_dtype`."""
    return _positions(latents, lower, width, n_bins).astype(code_dtype(n_bins))


def unique_cells(codes: Array, n_bins: int, masses: Array | None = None) -> tuple[Array, Array]:
    """Return the distinct rows (n_cells, d) in lexicographic order, and the count of each, (n_cells,) int64.

    With ``masses`` (n,) int64, a count is the sum of the masses of the equal rows.
    """
    del n_bins  # other kernels need it to pack codes
    cells, cell = np.unique(codes, axis=0, return_inverse=True)
    counts = np.zeros(len(cells), dtype=np.int64)
    np.add.at(counts, cell.ravel(), 1 if masses is None else masses)
    return cells, counts


def find_cells(codes: Array, cells: Array) -> Array:
    """Return the index in ``cells`` of each row of ``codes``, shape (n,), int64; -1 if it is not there."""
    index = {cell.tobytes(): i for i, cell in enumerate(cells)}
    return np.array([index.get(row.tobytes(), -1) for row in codes], dtype=np.int64)


def guide_layout(counts: Array, total: int) -> tuple[tuple[int], type[np.signedinteger[Any]], int]:
    """Return shape and dtype of the guide of a `CellIndex`, and its shift; at most about two entries for each cell."""
    n_cells = len(counts)
    integer = np.int32 if n_cells < 2**31 else np.int64
    if total == n_cells and counts.min() == 1:
        return (0,), integer, 0
    shift = max(0, (total - 1).bit_length() - max(FEWEST_GUIDES, n_cells).bit_length())
    return (((total - 1) >> shift) + 2,), integer, shift


def index_cells(counts: Array) -> CellIndex:
    """Return the index of cells with ``counts`` (n_cells,), int64."""
    cumulative = np.cumsum(counts)
    (n_guides,), integer, shift = guide_layout(counts, int(cumulative[-1]))
    firsts = np.minimum(np.arange(n_guides) << shift, cumulative[-1] - 1)
    return CellIndex(cumulative, np.searchsorted(cumulative, firsts, side="right").astype(integer), shift)


def draw_cells(index: CellIndex, *, key: int, start: int, n_samples: int) -> Array:
    """Return the index of a cell for each of rows ``start`` to ``start + n_samples``, shape (n_samples,), int64.

    The probability of a cell is its count / total. Both are integers.
    """
    draws = rng.Draws(key, start, n_samples).choices(int(index.cumulative[-1]))
    return np.searchsorted(index.cumulative, draws, side="right").astype(np.int64)


def fill_cells(
    cells: Array, drawn: Array, lower: Array, upper: Array, width: Array, n_bins: int,
    *, key: int, start: int, classes: Array | None = None,
) -> Array:  # fmt: skip
    """Draw a sample uniformly from a given cell for each of rows ``start`` to ``start + n_samples``.

    Parameters
    ----------
    cells : ndarray of unsigned int, shape (n_cells, d)
        Codes of the cells.
    drawn : ndarray of int64, shape (n_samples,)
        Index of the cell of each sample.
    lower, upper, width : ndarray of float32 or float64, shape (d,)
        Bounds and bin widths; width 0 for a constant dimension.
    n_bins : int
        Bins in each dimension.
    key, start, classes
        See `vicinal.rng.Draws`.

    Returns
    -------
    ndarray of shape (n_samples, d), dtype of ``lower``
    """
    dtype = lower.dtype
    codes = cells[drawn].astype(dtype)
    u = rng.Draws(key, start, len(drawn), classes).uniforms(cells.shape[1]).astype(dtype)
    latents = np.minimum(lower + (codes + u) * width, upper)
    stayed = np.floor(_positions(latents, lower, width, n_bins)) == codes
    return np.where(stayed, latents, lower + (codes + dtype.type(0.5)) * width)


def sample_cells(
    cells: Array, index: CellIndex, lower: Array, upper: Array, width: Array, n_bins: int,
    *, key: int, start: int, n_samples: int,
) -> Array:  # fmt: skip
    """Draw a cell, and a sample from it, for each of rows ``start`` to ``start + n_samples``."""
    drawn = draw_cells(index, key=key, start=start, n_samples=n_samples)
    return fill_cells(cells, drawn, lower, upper, width, n_bins, key=key, start=start)


def mix_rows(
    latents: Array, masses: Array | None, first: Array, last: Array, own: Array, shrinkage: float, scale: float,
    *, key: int, rows: Array, classes: Array | None = None,
) -> Array:  # fmt: skip
    r"""Draw samples from neighbourhoods of latents.

    A neighbourhood has K latents z_k, which have shares p_k of its mass and the mean m. A sample around latent i is

    .. math:: z = z_i + s (m - z_i) + a \sum_k \sqrt{p_k}\, e_k (z_k - m), \quad e_k \sim N(0, 1)

    The sum is over k in order, in the precision of the latents.

    Parameters
    ----------
    latents : ndarray of float32 or float64, shape (n, d)
        Latents, ordered by neighbourhood.
    masses : ndarray of int64, shape (n,), or None
        Mass of each latent, above 0; None for ones.
    first, last, own : ndarray of int64, shape (n_samples,)
        For each sample, its neighbourhood ``latents[first:last]`` and the index i of a latent in it.
    shrinkage, scale : float
        s and a.
    key : int
        See `vicinal.rng.Draws`.
    rows : ndarray of uint64, shape (n_samples,)
        The row of the endless stream of rows that each sample is.
    classes : ndarray of int64, shape (n_samples,), optional
        See `vicinal.rng.Draws`.

    Returns
    -------
    ndarray of shape (n_samples, d), dtype of ``latents``
    """
    out = np.empty((len(own), latents.shape[1]), latents.dtype)
    step = max(1, _CHUNK // max(1, int((last - first).max(initial=0))))
    for a in range(0, len(own), step):
        part = slice(a, a + step)
        places = None if classes is None else classes[part]
        noise = rng.normals(key, rows[part], int((last - first)[part].max()), places)
        out[part] = _mix_chunk(latents, masses, first[part], last[part], own[part], shrinkage, scale, noise)
    return out


def neighborhood_sums(latents: Array, rows: Array, starts: Array) -> tuple[Array, Array]:
    """Return the sum of the latents of each neighbourhood, and the sum of their squares.

    Parameters
    ----------
    latents : ndarray of float32, shape (n, d)
        Latents.
    rows, starts : ndarray of int64, shapes (m,), (n_neighborhoods + 1,)
        Neighbourhood c holds ``latents[rows[starts[c] : starts[c + 1]]]``, at least one latent.

    Returns
    -------
    sums : ndarray of float64, shape (n_neighborhoods, d)
    squares : ndarray of float64, shape (n_neighborhoods,)
        Summed over latents first, then over dimensions.
    """
    n = len(starts) - 1
    sums, squares = np.empty((n, latents.shape[1])), np.zeros(n)
    owners = np.repeat(np.arange(n), np.diff(starts))
    for j in range(latents.shape[1]):
        values = latents[rows, j].astype(np.float64)
        sums[:, j] = np.bincount(owners, weights=values, minlength=n)
        squares += np.bincount(owners, weights=values * values, minlength=n)
    return sums, squares


def neighborhood_scatters(latents: Array, rows: Array, starts: Array, means: Array) -> Array:
    r"""Return the scatter of each neighbourhood about its mean.

    .. math:: \sum_z (z - m) (z - m)^T

    The sum is in float64, over the latents in order.

    Parameters
    ----------
    latents, rows, starts
        As for `neighborhood_sums`; ``starts`` may begin above 0.
    means : ndarray of float32, shape (n_neighborhoods, d)
        Mean m of each neighbourhood.

    Returns
    -------
    ndarray of float64, shape (n_neighborhoods, d, d)
    """
    n, d = means.shape
    owners = np.repeat(np.arange(n), np.diff(starts))
    differences = latents[rows[starts[0] : starts[-1]]].astype(np.float64) - means[owners]
    scatters = np.empty((n, d, d))
    for j in range(d):
        for k in range(d):
            scatters[:, j, k] = np.bincount(owners, weights=differences[:, j] * differences[:, k], minlength=n)
    return scatters


def likeliest_spheres(
    latents: Array, rows: Array, owners: Array, means: Array, precisions: Array, offsets: Array, candidates: Array
) -> Array:
    r"""Return, for each latent, the candidate neighbourhood whose spherical Gaussian has the largest density there.

    For latent z this is the neighbourhood c with the smallest

    .. math:: p_c \sum_j (z_j - m_{cj})^2 + o_c

    The sum is in float32, over j in order. Of equal candidates, the first is taken.

    Parameters
    ----------
    latents : ndarray of float32, shape (n, d)
        Latents.
    rows, owners : ndarray of int64, shape (m,)
        Indices of latents, and the present neighbourhood of each.
    means, precisions, offsets : ndarray of float32, shapes (n_neighborhoods, d), (n_neighborhoods,) twice
        m, p and o of each neighbourhood.
    candidates : ndarray of int64, shape (n_neighborhoods, n_candidates)
        For each neighbourhood, those to which its latents may move.

    Returns
    -------
    ndarray of int64, shape (m,)
    """
    best = np.empty(len(rows), np.int64)
    step = max(1, _CHUNK // candidates.shape[1])
    for a in range(0, len(rows), step):
        chunk, choices = latents[rows[a : a + step]], candidates[owners[a : a + step]]
        distances = np.zeros(choices.shape, np.float32)
        for j in range(latents.shape[1]):
            distances += np.square(chunk[:, j, None] - means[:, j][choices])
        scores = precisions[choices] * distances + offsets[choices]
        best[a : a + step] = np.take_along_axis(choices, scores.argmin(axis=1)[:, None], axis=1)[:, 0]
    return best


def likeliest_ellipsoids(
    latents: Array, rows: Array, owners: Array, means: Array, factors: Array, offsets: Array, candidates: Array
) -> Array:
    r"""Return, for each latent, the candidate neighbourhood whose Gaussian has the largest density there.

    For latent z this is the neighbourhood c with the smallest

    .. math:: \lVert x \rVert^2 + o_c, \quad L_c x = z - m_c

    x is solved for and summed in float32, from its first value to its last. Of equal candidates, the first is taken.

    Parameters
    ----------
    latents, rows, owners, means, offsets, candidates
        As for `likeliest_spheres`.
    factors : ndarray of float32, shape (n_neighborhoods, d * (d + 1) / 2)
        The lower triangle L of each neighbourhood, row by row, with the inverse of each diagonal entry in its place.

    Returns
    -------
    ndarray of int64, shape (m,)
    """
    d, n_candidates = latents.shape[1], candidates.shape[1]
    best = np.empty(len(rows), np.int64)
    step = max(1, _CHUNK // (n_candidates * d))
    for a in range(0, len(rows), step):
        chunk, choices = latents[rows[a : a + step]], candidates[owners[a : a + step]]
        solved = np.empty((d, *choices.shape), np.float32)
        scores = np.zeros(choices.shape, np.float32)
        first = 0
        for j in range(d):
            left = chunk[:, j, None] - means[:, j][choices]
            for k in range(j):
                left -= factors[:, first + k][choices] * solved[k]
            solved[j] = left * factors[:, first + j][choices]
            scores += np.square(solved[j])
            first += j + 1
        scores += offsets[choices]
        best[a : a + step] = np.take_along_axis(choices, scores.argmin(axis=1)[:, None], axis=1)[:, 0]
    return best


def nearest(
    queries: Array, tiles: Tiles, k: int, *, own: Array | None = None, other: bool = False
) -> tuple[Array, Array]:
    r"""Return the distances from each query q to the k nearest latents z, and the numbers of these.

    A distance is the square root of

    .. math:: \sum_j (q_j - z_j)^2

    The sum is in the precision of the arrays, over j in order. The square is not expanded, which would lose digits. Of
    latents that are equally near, that of the lower number comes first.

    Parameters
    ----------
    queries : ndarray of float32 or float64, shape (m, d)
    tiles : Tiles
        The n latents, of the same type; n may be 0.
    k : int
        At least 1.
    own : ndarray of int, shape (m,), optional
        The number of a latent that each query leaves out.
    other : bool
        Whether to leave out latents that are equal to the query.

    Returns
    -------
    distances : ndarray of shape (m, k), dtype of ``queries``
        Infinite where there are no more latents.
    index : ndarray of int, shape (m, k)
        n where there are no more.
    """
    numbers = tiles.numbers.ravel()
    distances, index = np.empty((len(queries), k), queries.dtype), np.empty((len(queries), k), np.int64)
    for q in range(len(queries)):
        squares = _squares(queries[q], tiles)
        if other:
            squares[squares == 0] = np.nan
        if own is not None:
            squares[numbers == own[q]] = np.nan
        is_there = ~np.isnan(squares)
        squares = np.append(squares[is_there], np.full(k, np.inf))
        places = np.append(numbers[is_there], np.full(k, tiles.n))
        nearest = np.lexsort((places, squares))[:k]
        distances[q], index[q] = np.sqrt(squares[nearest]), places[nearest]
    return distances, index


def inside(queries: Array, limits: Array, tiles: Tiles, margins: Array) -> tuple[Array, Array]:
    r"""Count the pairs of a query q and a latent z that are within a limit.

    .. math:: \sum_j (q_j - z_j)^2 + \mathrm{margin}(z) < \mathrm{limit}(q)

    with a sum as in `nearest`.

    Parameters
    ----------
    queries, limits : ndarray of one type, shapes (m, d), (m,)
    tiles : Tiles
        The n latents.
    margins : ndarray of shape (n,)
        At least 0.

    Returns
    -------
    of_queries, of_latents : ndarray of int64, shapes (m,), (n,)
        In how many of these pairs each is.
    """
    of_queries, of_latents = np.zeros(len(queries), np.int64), np.zeros(tiles.n + 1, np.int64)
    numbers, margins = tiles.numbers.ravel(), np.append(margins, 0)
    for q in range(len(queries)):
        within = _squares(queries[q], tiles) + margins[numbers] < limits[q]
        of_queries[q] = np.count_nonzero(within)
        of_latents[numbers[within]] += 1
    return of_queries, of_latents[: tiles.n]


def _squares(query: Array, tiles: Tiles) -> Array:
    """Return the squared distance of a query (d,) from what is in each place of the tiles, (t * s,)."""
    squares = np.zeros(tiles.numbers.shape, query.dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for j in range(len(query)):
            squares += np.square(query[j] - tiles.columns[:, j])
    return squares.ravel()


def _mix_chunk(
    latents: Array, masses: Array | None, first: Array, last: Array, own: Array, shrinkage: float, scale: float,
    noise: Array,
) -> Array:  # fmt: skip
    most = noise.shape[1]
    members = first[:, None] + np.arange(most)
    inside = members < last[:, None]
    members = np.where(inside, members, first[:, None])
    shares = np.where(inside, 1.0 if masses is None else masses[members], 0.0)
    shares = shares / shares.cumsum(axis=1)[:, -1:]  # sums in order, like the loops of the other kernels
    noise = np.sqrt(shares) * noise
    weights = shrinkage * shares + scale * (noise - shares * noise.cumsum(axis=1)[:, -1:])
    base = latents[own]
    moved = np.zeros_like(base)
    for k in range(most):
        moved += weights[:, k, None].astype(latents.dtype) * (latents[members[:, k]] - base)
    return base + moved
