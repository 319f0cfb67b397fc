"""Probes: the few rows that stand for many in a calibration, whatever the order of the rows or the batches.

The distinct rows with the smallest hashes are taken, with the number of times that each occurs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from vicinal import rng
from vicinal._arrays import Array

N_PROBES = 2000
KEY = 0x76696369  # of the internal draws: the calibration is a function of the latents alone


class Probes(NamedTuple):
    """Distinct rows (k, d) of at most `N_PROBES`, how often each occurs, (k,) int64, and the number of all rows."""

    rows: Array
    counts: Array
    n_rows: int

    @classmethod
    def of(cls, batches: Iterable[Array]) -> Probes:
        """Return the distinct rows of all batches with the smallest hashes."""
        rows, hashes, counts, n_rows = np.zeros((0, 0)), np.zeros(0, np.uint64), np.zeros(0, np.int64), 0
        for batch in batches:
            found, first, times = np.unique(row_hash(batch), return_index=True, return_counts=True)
            some = slice(N_PROBES)  # a row that is among the first at the end is among the first of its batch
            rows = np.concatenate([rows, batch[first[some]]]) if n_rows else batch[first[some]]
            both, times = np.concatenate([hashes, found[some]]), np.concatenate([counts, times[some]])
            hashes, first, place = np.unique(both, return_index=True, return_inverse=True)
            counts = np.bincount(place, times, len(hashes)).astype(np.int64)
            rows, hashes, counts, n_rows = rows[first[some]], hashes[some], counts[some], n_rows + len(batch)
        return cls(rows, counts, n_rows)

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
