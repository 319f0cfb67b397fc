"""Latents to measure on: clustered ones of any size, and those of real MNIST digits. And the plain NumPy to compare with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

N_CLUSTERS = 20
_BLOCK = 1 << 16


def clustered(n: int, d: int, seed: int = 0) -> Array:
    """Return latents (n, d), float32, from 20 overlapping clusters of unequal weight.

    A cluster varies in about a quarter of the directions, its own ones, along which it is a little bent, and less in all
    others. At n=20,000, d=16 a mixture of 10 Gaussians takes about as many iterations as on MNIST latents, and the
    variances along the principal axes are alike. The first rows are the same whatever n.
    """
    generator = np.random.default_rng([seed, d])
    rank = max(1, d // 4)
    weights = generator.dirichlet(np.full(N_CLUSTERS, 3.0))
    centres = (2.0 / np.sqrt(d) * generator.normal(size=(N_CLUSTERS, d))).astype(np.float32)
    factors = (generator.normal(size=(N_CLUSTERS, rank, d)) / np.sqrt(d)).astype(np.float32)
    bends = (0.25 / np.sqrt(d) * generator.normal(size=(N_CLUSTERS, rank, d))).astype(np.float32)
    latents = np.empty((n, d), np.float32)
    for first in range(0, n, _BLOCK):
        generator = np.random.default_rng([seed, d, first])
        cluster = generator.choice(N_CLUSTERS, size=_BLOCK, p=weights)
        block = generator.standard_normal((_BLOCK, d), dtype=np.float32)
        block *= np.float32(0.1)
        coordinates = generator.standard_normal((_BLOCK, rank), dtype=np.float32)
        for k in range(N_CLUSTERS):
            rows = cluster == k
            block[rows] += centres[k] + coordinates[rows] @ factors[k] + (coordinates[rows] ** 2 - 1) @ bends[k]
        latents[first : first + _BLOCK] = block[: n - first]
    return latents


def mnist(n: int, data_dir: Path, models: Path) -> Array:
    """Return the latents of the first n training images in the plain autoencoder that the study saved."""
    import vicinal
    from vicinal import datasets

    images, _ = datasets.load("mnist", data_dir=data_dir)
    autoencoder = vicinal.load(models / "ae-0.safetensors")
    return np.ascontiguousarray(vicinal.encode(autoencoder, images[:n]), dtype=np.float32)


class PlainCells:
    """Cells as one would write them in a few lines of NumPy: codes of all latents, drawn with replacement."""

    def __init__(self, n_bins: int) -> None:
        self.n_bins = n_bins
        self.generator = np.random.default_rng(0)

    def fit(self, latents: Array) -> None:
        """Find bounds and codes."""
        self.lower = latents.min(axis=0)
        self.width = (latents.max(axis=0) - self.lower) / np.float32(self.n_bins)
        self.codes = np.minimum(np.floor((latents - self.lower) / self.width), self.n_bins - 1).astype(np.uint8)

    def sample(self, n: int) -> Array:
        """Draw n latents."""
        rows = self.generator.integers(len(self.codes), size=n)
        noise = self.generator.random((n, self.codes.shape[1]), dtype=np.float32)
        samples: Array = self.lower + (self.codes[rows] + noise) * self.width
        return samples
