r"""The k-th nearest row among rows of many dimensions: found in float32, measured in float64, block by block.

With c a centre, the squared distance of a query a and a row b, both moved by -c, is

.. math:: \lVert a - b \rVert^2 = \lVert a \rVert^2 - 2 a \cdot b + \lVert b \rVert^2

A product of matrices gives it for all pairs of two blocks. In d dimensions rounding moves it by at most about
:math:`4 \sqrt d \, u (\lVert a \rVert^2 + \lVert b \rVert^2)`, u being half the step of the floats (Higham &
Mary 2019).
Rows that are nearer than the k-th by more than that are counted. Those that may be the k-th are measured in float64.
If these are many, the query is looked up once more by products in float64.

Rows are arrays, or anything with ``shape`` whose indices and slices give arrays of floats: only blocks are copied.

References
----------
N. J. Higham, T. Mary, "A new approach to probabilistic rounding error analysis", 2019, doi:10.1137/18M1226312.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vicinal import _progress
from vicinal._arrays import Array

_VALUES, _FEW_VALUES = 1 << 23, 1 << 18  # of a block of rows; of one that stays in the cache
_PAIRS = 1 << 24  # distances of a block of queries
_CENTRAL = 64  # rows whose median is the centre: a mean could be far away
_MOST = 32  # rows that are measured for a query


class Frame(NamedTuple):
    """Coordinates that distances are taken in: x becomes (x - centre) / scale, for centre and scale float64 (d,)."""

    centre: Array
    scale: Array | None = None

    @classmethod
    def around(cls, rows: Any) -> Frame:
        """Return unscaled coordinates in which most rows are not far from 0, where rounding is least."""
        step = -(-len(rows) // _CENTRAL)
        return cls(np.median(rows[::step].astype(np.float64), axis=0))

    def rounded(self, block: Array, dtype: Any) -> Array:
        """Return a block of rows in these coordinates, as products are taken of it."""
        wide = np.float64 if block.dtype == np.float64 else np.float32  # or the digits beside the centre are lost
        moved = np.subtract(block, self.centre.astype(wide), dtype=wide)
        if self.scale is not None:
            moved *= (1.0 / self.scale).astype(wide)
        return moved.astype(dtype, copy=False)

    def distances(self, first: Array, second: Array) -> Array:
        """Return the distance between each row of one block and the same row of another, in float64."""
        between = np.subtract(first, second, dtype=np.float64)
        if self.scale is not None:
            between /= self.scale
        lengths: Array = np.sqrt(np.einsum("ij,ij->i", between, between))
        return lengths


def kth_nearest(
    rows: Any, k: int, *, queries: Any = None, chosen: Array | None = None, frame: Frame | None = None
) -> tuple[Array, Array]:
    """Return distance to, and index of, the k-th nearest of ``rows`` for each query.

    Parameters
    ----------
    rows : (m, d)
        Floats.
    k : int
        From 1 to m; to m - 1 without ``queries``.
    queries : (n, d), optional
        Floats. None takes the rows at ``chosen``, each of which is not its own neighbour.
    chosen : ndarray of int, shape (n,), optional
        Which rows to take if there are no queries. None takes all.
    frame : Frame, optional
        Coordinates to take distances in. None takes them as they are.
    """
    frame = Frame.around(rows) if frame is None else frame
    m, d = rows.shape
    if queries is None:
        asked, own = rows, np.arange(m) if chosen is None else chosen
    else:
        asked, own = queries, np.arange(len(queries))
    n, size = len(own), max(1, min(_PAIRS // m, _VALUES // d))
    distance, nearest = np.full(n, np.inf), np.zeros(n, np.int64)  # as far as this if even float64 overflows
    left = np.arange(n)
    with _progress.bar("Searching neighbours", n) as progress:
        for dtype in (np.float32, np.float64):
            to_search, left = left, left[:0]
            for first in range(0, len(to_search), size):
                some = to_search[first : first + size]
                estimates, squares = _estimates(asked[own[some]], rows, frame, dtype)
                if queries is None:
                    estimates[np.arange(len(some)), own[some]] = np.inf
                query, row, rank, is_open = _candidates(estimates, squares, k, d)
                if dtype == np.float32:
                    left = np.concatenate([left, some[is_open]])
                    settled = ~is_open[query]
                    query, row = query[settled], row[settled]
                measured = _measured(asked, own[some[query]], rows, row, frame)
                order = np.lexsort((measured, query))
                done, starts = np.unique(query[order], return_index=True)
                found = order[starts + rank[done] - 1]
                distance[some[done]], nearest[some[done]] = measured[found], row[found]
                progress.advance(len(done))
    return distance, nearest


def _estimates(queries: Array, rows: Any, frame: Frame, dtype: Any) -> tuple[Array, Array]:
    """Return squared distances without the squares of the queries, (q, m), and these squares, (q,)."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # what is no number is looked up in float64
        moved = frame.rounded(queries, dtype)
        squares = np.einsum("ij,ij->i", moved, moved)
        moved *= -2.0
        m, d = rows.shape
        estimates, size = np.empty((len(queries), m), dtype), max(1, _VALUES // d)
        for first in range(0, m, size):
            block = frame.rounded(rows[first : first + size], dtype)
            part = estimates[:, first : first + size]
            np.matmul(moved, block.T, out=part)
            part += (of_block := np.einsum("ij,ij->i", block, block))
            if not (known := np.isfinite(of_block)).all():
                part[:, ~known] = np.inf
    return estimates, squares


def _candidates(estimates: Array, squares: Array, k: int, d: int) -> tuple[Array, Array, Array, Array]:
    """Return pairs of a query and a row that may be its k-th nearest, and of each query what is known.

    That is the rank of the k-th nearest among these rows, (q,), and whether they are too many to be measured, (q,), or
    hidden by an overflow. At most ``max(k, _MOST)`` rows of a query are returned.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        kth = estimates.min(axis=1) if k == 1 else np.partition(estimates, k - 1, axis=1)[:, k - 1]
        unit = 4.0 * np.sqrt(d) * float(np.finfo(estimates.dtype).eps) / 2.0
        # A row that may be as near has at most 2 |a|^2 + 2 |a - b|^2 as its square; both estimates are rounded.
        slack = 2.0 * unit * (3.0 * squares + 2.0 * np.maximum(kth + squares, 0.0))
        slack += d * np.finfo(estimates.dtype).tiny  # what underflows
        near, surely = (estimates <= (kth + slack)[:, None]), (estimates < (kth - slack)[:, None])
    near &= ~surely
    rank = k - np.count_nonzero(surely, axis=1)
    query, row = np.nonzero(near)
    number = np.bincount(query, minlength=len(estimates))
    place = np.arange(len(query)) - np.repeat(np.cumsum(number) - number, number)
    kept = place < max(k, _MOST)
    is_open = (number > _MOST) | (number < rank) | ~np.isfinite(squares) | ~np.isfinite(kth)
    return query[kept], row[kept], rank, is_open


def _measured(queries: Any, query: Array, rows: Any, row: Array, frame: Frame) -> Array:
    """Return the distances of pairs of a query and a row, given by their indices, in float64."""
    found, size = np.empty(len(query)), max(1, _FEW_VALUES // rows.shape[1])
    with np.errstate(over="ignore"):  # infinity is far away, too
        for first in range(0, len(query), size):
            some = slice(first, first + size)
            found[some] = frame.distances(queries[query[some]], rows[row[some]])
    return found
