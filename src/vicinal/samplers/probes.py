"""Probes: the few rows that stand for many in a calibration, whatever the order of the rows or the batches.

The distinct rows with the smallest hashes are taken, with the number of times that each occurs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vicinal import rng
from vicinal._arrays import Array

N_PROBES = 2000
KEY = 0x76696369  # of the internal draws: the calibration is a function of the latents alone


class Probes(NamedTuple):
    """At most `N_PROBES` distinct rows (k, d), with their hashes in rising order and how often each occurs, (k,).

    ``n_rows`` is the number of all rows.
    """

    rows: Array
    hashes: Array
    counts: Array
    n_rows: int

    @classmethod
    def of(cls, rows: Array) -> Probes:
        """Return the probes of rows (n, d)."""
        hashes, first, counts = np.unique(row_hash(rows), return_index=True, return_counts=True)
        some = slice(N_PROBES)
        return cls(rows[first[some]], hashes[some], counts[some], len(rows))

    def merge(self, other: Probes) -> Probes:
        """Return the probes of the rows of both: a row that is among the first of all is among the first of its own."""
        both = [np.concatenate(pair) for pair in zip(self[:3], other[:3], strict=True)]
        hashes, first, place = np.unique(both[1], return_index=True, return_inverse=True)
        counts = np.bincount(place, both[2], len(hashes)).astype(np.int64)
        some = slice(N_PROBES)
        return Probes(both[0][first[some]], hashes[some], counts[some], self.n_rows + other.n_rows)

    def spread(self, n: int) -> Array:
        """Return indices of ``n`` probes, each taken in proportion to how often it occurs."""
        ends = np.cumsum(self.counts)
        return np.searchsorted(ends, (np.arange(n) + 0.5) * (ends[-1] / n), side="right")


def row_hash(rows: Array) -> Array:
    """Return a 64-bit hash of each row (n, d) of floats; +0.0 and -0.0 give the same hash."""
    words = (rows + 0).view(np.uint32)
    odd = rng.Draws(KEY, 0, words.shape[1]).words(rng.UNIFORM, 2)
    odd = odd[:, 0] << np.uint64(32) | odd[:, 1] | np.uint64(1)
    mixed = np.zeros(len(rows), np.uint64)
    for word, multiplier in zip(words.T, odd, strict=True):
        mixed = (mixed ^ word) * multiplier
        mixed ^= mixed >> np.uint64(29)
    return mixed
