r"""Neighbourhoods of equally many latents, by a principal axis tree.

A set of latents that is to be cut into L neighbourhoods is cut across its first principal axis w, the direction of
its largest variance,

.. math:: w = \arg\max_{\lVert w \rVert = 1} \sum_i (w \cdot (z_i - \bar z))^2,

into floor(L / 2) / L of the latents and the rest. Each part is cut again, until L is 1. The neighbourhoods of such a
tree shrink at the rate of the intrinsic dimension of the data, not of the space. O(n d log L).

References
----------
R. F. Sproull, "Refinements to nearest-neighbor searching in k-dimensional trees", Algorithmica 6, 1991,
doi:10.1007/BF01759061.
N. Verma, S. Kpotufe, S. Dasgupta, "Which spatial partition trees are adaptive to intrinsic dimension?", UAI 2009,
arXiv:1205.2609.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal._arrays import Array

_AXIS_ROWS = 1024  # latents that a principal axis is computed from
_AXIS_STEPS = 6  # of the power method: a cut needs a good direction, not an eigenvector
_VALUES = 1 << 23  # worked on together


def cut(rows: Array, n_parts: int) -> tuple[Array, Array]:
    """Cut rows (n, d) float32 within [-2, 2] into ``n_parts`` neighbourhoods; the rows are sorted in place.

    Returns
    -------
    order : ndarray of int64, shape (n,)
        The order that the rows were brought into, neighbourhood by neighbourhood.
    starts : ndarray of int64, shape (n_parts + 1,)
        Where each neighbourhood starts.
    """
    n, d = rows.shape
    order = np.arange(n)
    starts, parts = np.array([0, n]), np.array([n_parts])  # of each set: where it is, and its final number of parts
    while (parts > 1).any():
        sizes, cuts = np.diff(starts), np.diff(starts) * (parts // 2) // parts
        for size, cut in np.unique(np.stack([sizes, cuts])[:, parts > 1], axis=1).T:  # sets of one size together
            alike = starts[:-1][(parts > 1) & (sizes == size) & (cuts == cut)]
            for some in np.array_split(alike, -(-len(alike) * size * d // _VALUES)):
                one = len(some) == 1  # a view will do; else rows are taken, which is faster than indexing
                members: Any = slice(some[0], some[0] + size) if one else (some[:, None] + np.arange(size)).ravel()
                sets = (rows[members] if one else rows.take(members, axis=0)).reshape(-1, size, d)
                sides = (some[:, None] + np.argpartition(_along_axis(sets), cut, axis=1)).ravel()
                rows[members], order[members] = rows.take(sides, axis=0), order.take(sides)
        whole = parts == 1
        halves = np.stack([np.where(whole, 0, parts // 2), parts - np.where(whole, 0, parts // 2)], axis=1).ravel()
        firsts = np.stack([starts[:-1], starts[:-1] + np.where(whole, 0, cuts)], axis=1).ravel()
        starts, parts = np.append(firsts[halves > 0], n), halves[halves > 0]
    return order, starts


def _along_axis(sets: Array) -> Array:
    """Return where each row of sets (n_sets, size, d) lies along its set's first principal axis, (n_sets, size)."""
    some = sets[:, :: -(-sets.shape[1] // _AXIS_ROWS)]
    some = some - some.mean(axis=1, keepdims=True)
    farthest = np.square(some).sum(axis=2).argmax(axis=1)
    axis = np.take_along_axis(some, farthest[:, None, None], axis=1).transpose(0, 2, 1)
    # All values are within [-4, 4]. BLAS may read what lies behind a small matrix and drop the result: the flags that
    # this raises now and then mean nothing.
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        for _ in range(_AXIS_STEPS):
            axis = some.transpose(0, 2, 1) @ (some @ axis)
            axis = axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), np.float32(1e-30))
        along: Array = (sets @ axis)[:, :, 0]
    return along
