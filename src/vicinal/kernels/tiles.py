r"""Tiles: latents cut into groups that lie close together, each in a box, so that a search can leave groups out.

The latents are halved across the dimension in which they vary most, and the halves again. For a query q, a latent z in
the box [l, u] and any rounding that keeps order, sums taken over j in the same order give

.. math:: \sum_j \max(l_j - q_j, q_j - u_j, 0)^2 \le \sum_j (q_j - z_j)^2,

in floating point, too: differences, squares and sums all keep the order of what they are made of. So a search that
leaves out boxes by the left side returns the bits of one that compares all pairs.

References
----------
J. H. Friedman, J. L. Bentley, R. A. Finkel, "An algorithm for finding best matches in logarithmic expected time", ACM
Transactions on Mathematical Software 3, 1977, doi:10.1145/355744.355745.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vicinal._arrays import Array

_LATENTS = 256  # in a tile, at most; fewer make better boxes, more make better use of vectors
_SOME = 256  # latents by which the dimension of a cut is chosen


class Tiles(NamedTuple):
    """Latents (n, d) in t tiles of s places.

    ``columns`` (t, d, s) has the latents, and NaN in places without one. ``numbers`` (t, s) has their number among all,
    and n in such places. ``lower`` and ``upper`` (d, t) are the boxes.
    """

    columns: Array
    numbers: Array
    lower: Array
    upper: Array
    n: int


def tiled(latents: Array) -> Tiles:
    """Return latents (n, d), float32 or float64, in tiles; n may be 0."""
    n, d = latents.shape
    order, starts = _halved(latents, -(-n // _LATENTS))
    places = starts[:-1, None] + np.arange(np.diff(starts).max(initial=1))
    is_empty = places >= starts[1:, None]
    numbers = np.where(is_empty, n, order[np.minimum(places, n - 1)])
    columns = np.empty((len(numbers), d, numbers.shape[1]), latents.dtype)
    for tile, some, empty in zip(columns, numbers, is_empty, strict=True):
        tile[:] = latents[np.where(empty, some[0], some)].T
    lower, upper = (np.ascontiguousarray(ends(columns, axis=2).T) for ends in (np.fmin.reduce, np.fmax.reduce))
    columns.transpose(0, 2, 1)[is_empty] = np.nan
    return Tiles(columns, numbers, lower, upper, n)


def _halved(latents: Array, n_parts: int) -> tuple[Array, Array]:
    """Return an order of the latents, (n,), and where each of the parts of about equal size starts, (n_parts + 1,)."""
    order, starts = np.arange(len(latents)), list[int]()
    to_cut = [(0, len(latents), n_parts)]
    while to_cut:
        first, last, n = to_cut.pop()
        if n < 2:
            starts += [first] * n
            continue
        members, cut = order[first:last], (last - first) * (n // 2) // n
        column = latents[members, _widest(latents[members[:: -(-len(members) // _SOME)]])]
        order[first:last] = members[np.argpartition(column, cut)]
        to_cut += [(first + cut, last, n - n // 2), (first, first + cut, n // 2)]
    return order, np.array([*starts, len(latents)])


def _widest(latents: Array) -> int:
    """Return the dimension in which latents vary most."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is infinite varies most
        return int(latents.var(axis=0).argmax())
