"""More ideas and rivals for benchmarks/frontier.py: cells in other coordinates, noise in a box, lines between latents.

All have ``fit(latents)`` and ``sample(n, random_state)``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from vicinities import drawn_neighbors

from vicinal.kernels.partition import partition
from vicinal.samplers import PMFSampler

Array = np.ndarray[Any, Any]

N_MOMENTS = 20_000  # samples that a covariance is taken from


class Box:
    """A random training latent, and uniform noise within ``half_width`` standard deviations of each dimension."""

    def __init__(self, half_width: float) -> None:
        self.half_width = half_width

    def fit(self, latents: Array) -> None:
        """Keep latents."""
        self.latents, self.scale = latents, latents.std(axis=0)

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        generator = np.random.default_rng(random_state)
        rows = self.latents[generator.integers(len(self.latents), size=n)]
        return (rows + self.half_width * self.scale * generator.uniform(-1, 1, rows.shape)).astype(np.float32)


class Interpolation:
    """A point between a random training latent and one of its k nearest: z_i + u (z_nu - z_i), u uniform on [0, 1].

    N. Chawla et al., "SMOTE: synthetic minority over-sampling technique", 2002, arXiv:1106.1813.
    """

    def __init__(self, n_neighbors: int) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, latents: Array) -> None:
        """Keep latents."""
        self.latents = latents

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        rows, nearest = drawn_neighbors(self.latents, n, random_state)
        generator = np.random.default_rng([random_state, 4])
        others = nearest[np.arange(n), generator.integers(1, self.n_neighbors + 1, size=n)]
        start, end = self.latents[rows], self.latents[others]
        return (start + generator.random((n, 1)) * (end - start)).astype(np.float32)


class QuantileCells:
    """Cells after every dimension is mapped to its empirical quantiles, and back."""

    def __init__(self, n_bins: int) -> None:
        self.n_bins = n_bins

    def fit(self, latents: Array) -> None:
        """Rank, and tabulate cells of ranks."""
        n = len(latents)
        self.ordered = np.sort(latents, axis=0)
        ranks = np.argsort(np.argsort(latents, axis=0), axis=0)
        self.sampler = PMFSampler(self.n_bins).fit((ranks / (n - 1)).astype(np.float32))

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        shares = self.sampler.sample(n, random_state=random_state)
        places = np.linspace(0, 1, len(self.ordered))
        columns = [np.interp(share, places, column) for share, column in zip(shares.T, self.ordered.T, strict=True)]
        return np.stack(columns, axis=1).astype(np.float32)


class RotatedCells:
    """Cells along the principal axes of all latents."""

    def __init__(self, n_bins: int | str) -> None:
        self.n_bins = n_bins

    def fit(self, latents: Array) -> None:
        """Rotate, and tabulate."""
        self.mean = latents.mean(axis=0)
        self.axes = np.linalg.eigh(np.cov(latents, rowvar=False))[1].astype(np.float32)
        self.sampler = PMFSampler(self.n_bins).fit((latents - self.mean) @ self.axes)

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        return self.sampler.sample(n, random_state=random_state) @ self.axes.T + self.mean


class TwoLevelCells:
    """Cells of about 200 rows by principal axis tree, each with a grid of its own over its bounding box."""

    def __init__(self, n_bins: int, size: int = 200) -> None:
        self.n_bins, self.size = n_bins, size

    def fit(self, latents: Array) -> None:
        """Find the grid cell of each row: its lower corner and its widths."""
        order, starts = partition(latents, max(1, len(latents) // self.size))
        self.corners, self.widths = np.empty_like(latents), np.empty_like(latents)
        for first, last in pairwise(starts):
            rows = order[first:last]
            lower = latents[rows].min(axis=0)
            width = np.maximum(np.ptp(latents[rows], axis=0) / self.n_bins, 1e-12)
            codes = np.minimum(np.floor((latents[rows] - lower) / width), self.n_bins - 1)
            self.corners[rows], self.widths[rows] = lower + codes * width, width

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        generator = np.random.default_rng(random_state)
        rows = generator.integers(len(self.corners), size=n)
        noise = generator.random((n, self.corners.shape[1]), dtype=np.float32)
        return self.corners[rows] + noise * self.widths[rows]


class Restored:
    """Another sampler, and the least affine map that gives its samples the mean and covariance of the latents."""

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler

    def fit(self, latents: Array) -> None:
        """Fit, and compare moments."""
        self.sampler.fit(latents)
        drawn = self.sampler.sample(min(N_MOMENTS, 10 * len(latents)), random_state=98)
        ours, theirs = np.cov(drawn, rowvar=False), np.cov(latents, rowvar=False)
        root = _power(ours, 0.5)
        inverse = _power(ours, -0.5)
        self.map = inverse @ _power(root @ theirs @ root, 0.5) @ inverse
        self.ours, self.theirs = drawn.mean(axis=0), latents.mean(axis=0)

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        drawn = self.sampler.sample(n, random_state=random_state)
        return ((drawn - self.ours) @ self.map + self.theirs).astype(np.float32)


def _power(covariance: Array, exponent: float) -> Array:
    variances, axes = np.linalg.eigh(covariance)
    return (axes * np.maximum(variances, 1e-9 * variances.max()) ** exponent) @ axes.T
