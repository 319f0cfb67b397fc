r"""The upper levels of a principal axis tree, made from probes: which leaf each latent belongs to.

A node cuts the probes in it across their first principal axis, at the median by their counts. The probes are chosen by
hashes of their values (`vicinal.samplers.probes`). So the tree does not depend on the order of the latents, nor on
batches; and the leaf of a latent depends on its values alone, to the bit.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from vicinal._arrays import Array
from vicinal.samplers.probes import Probes

MOST_LEAVES = 128  # so that a leaf has enough probes: its size is then within about a half of the mean


class Router(NamedTuple):
    """Axes (n_leaves - 1, d), and where they are cut, float64. Node i has the children 2 i + 1 and 2 i + 2."""

    axes: Array
    cuts: Array

    @classmethod
    def of(cls, probes: Probes, n_leaves: int) -> Self:
        """Return the tree over probes with ``n_leaves`` leaves, a power of two.

        Examples
        --------
        >>> probes = Probes.of(np.arange(8.0)[:, None])
        >>> Router.of(probes, 2).leaf_of(np.array([[0.0], [3.0], [4.0], [9.0]])).tolist()
        [0, 0, 1, 1]
        """
        rows = probes.rows.astype(np.float64)
        axes, cuts = np.zeros((n_leaves - 1, rows.shape[1])), np.full(n_leaves - 1, np.inf)
        at = np.zeros(len(rows), np.int64)
        for node in range(n_leaves - 1):
            members = np.flatnonzero(at == node)
            if len(members) > 1:
                axes[node], cuts[node] = _cut(rows[members], probes.counts[members])
            at[members] = 2 * node + 1 + (_along(rows[members], axes[node]) > cuts[node])
        return cls(axes, cuts)

    @property
    def n_leaves(self) -> int:
        """The number of leaves."""
        return len(self.cuts) + 1

    def leaf_of(self, rows: Array) -> Array:
        """Return the leaf of each of rows (n, d), (n,) int64."""
        at = np.zeros(len(rows), np.int64)
        for node, (axis, cut) in enumerate(zip(self.axes, self.cuts, strict=True)):
            members = np.flatnonzero(at == node)
            at[members] = 2 * node + 1 + (_along(rows[members], axis) > cut)
        return at - len(self.cuts)


def _cut(rows: Array, counts: Array) -> tuple[Array, float]:
    """Return the first principal axis of rows (n, d), and the place between the two that the median lies between."""
    centred = (rows - np.average(rows, axis=0, weights=counts)) / (np.abs(rows).max() or 1.0)
    axis = np.linalg.eigh((counts[:, None] * centred).T @ centred)[1][:, -1]
    along = _along(rows, axis)
    order = np.argsort(along)
    half = np.searchsorted(np.cumsum(counts[order]), counts.sum() / 2)
    below, above = along[order[min(half, len(order) - 2)]], along[order[min(half, len(order) - 2) + 1]]
    return axis, float(below + (above - below) / 2)


def _along(rows: Array, axis: Array) -> Array:
    """Return rows (n, d) times an axis (d,), float64: summed in one order, whatever rows come together."""
    total = np.zeros(len(rows))
    for column, weight in zip(rows.T, axis, strict=True):
        total += column.astype(np.float64) * weight
    return total
