"""Counts that are mostly 1, in few bytes: in high dimensions most cells have one latent."""

from __future__ import annotations

import numpy as np

from vicinal._arrays import Array


def pack_counts(counts: Array) -> tuple[Array, Array]:
    """Return where counts (n,) differ from 1, and what they are there, in the smallest integer types."""
    places = np.flatnonzero(counts != 1)
    return smallest(places), smallest(counts[places])


def unpack_counts(places: Array, values: Array, n: int) -> Array:
    """Return what `pack_counts` packed, int64 (n,)."""
    counts = np.ones(n, dtype=np.int64)
    counts[places] = values
    return counts


def smallest(numbers: Array) -> Array:
    """Return non-negative integers in the smallest unsigned type that holds them."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))
