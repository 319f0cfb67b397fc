"""An idea for benchmarks/frontier.py: cells of a tree as the start of a Gaussian mixture, refined by sparse EM."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal.kernels.partition import partition

Array = np.ndarray[Any, Any]

N_CANDIDATES = 12  # components that share a latent: those whose means are nearest to that of its best one
FLOOR = 1e-3  # added to covariances, in mean variances of a dimension


class RefinedCells:
    """A Gaussian for each cell, refined by expectation maximisation over near components only.

    Every step keeps the mean and the covariance of all latents, but for the floor, as cells do.

    Parameters
    ----------
    size : int
        Latents in a cell.
    iterations : int
        Steps; 0 leaves the cells.
    """

    def __init__(self, size: int, iterations: int) -> None:
        self.size, self.iterations = size, iterations

    def fit(self, latents: Array) -> None:
        """Partition and refine."""
        rows = latents.astype(np.float64)
        order, starts = partition(latents, max(1, len(latents) // self.size))
        best = np.empty(len(rows), np.int64)
        best[order] = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        self._maximize(rows, best[:, None], np.ones((len(rows), 1)), len(starts) - 1)
        for _ in range(self.iterations):
            gaps = np.square(self.means[:, None] - self.means).sum(axis=2)
            candidates = np.argsort(gaps, axis=1)[:, :N_CANDIDATES][best]
            shares = self._expect(rows, candidates)
            best = candidates[np.arange(len(rows)), shares.argmax(axis=1)]
            self._maximize(rows, candidates, shares, len(self.masses))

    def _expect(self, rows: Array, candidates: Array) -> Array:
        """Return the share of each candidate in each row, (n, n_candidates)."""
        scores = np.empty(candidates.size)
        for component, where in _groups(candidates, len(self.masses)):
            factor = self.factors[component]
            white = np.linalg.solve(factor, (rows[where // candidates.shape[1]] - self.means[component]).T)
            constant = np.log(self.masses[component]) - np.log(np.diag(factor)).sum()
            scores[where] = constant - 0.5 * np.square(white).sum(axis=0)
        scores = scores.reshape(candidates.shape)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def _maximize(self, rows: Array, candidates: Array, shares: Array, n_components: int) -> None:
        """Set masses (k,), means (k, d), and triangular factors of the covariances (k, d, d)."""
        d = rows.shape[1]
        self.masses, self.means = np.empty(n_components), np.empty((n_components, d))
        self.factors = np.empty((n_components, d, d))
        floor = FLOOR * rows.var(axis=0).mean() * np.eye(d)
        for component, where in _groups(candidates, n_components):
            some, weights = rows[where // candidates.shape[1]], shares.ravel()[where]
            mass = self.masses[component] = max(weights.sum(), 1e-9)
            mean = self.means[component] = weights @ some / mass
            centred = some - mean
            self.factors[component] = np.linalg.cholesky((weights * centred.T) @ centred / mass + floor)

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        generator = np.random.default_rng([random_state, 3])
        chosen = generator.choice(len(self.masses), size=n, p=self.masses / self.masses.sum())
        samples = generator.normal(size=(n, self.means.shape[1]))
        for component, where in _groups(chosen, len(self.masses)):
            samples[where] = self.means[component] + samples[where] @ self.factors[component].T
        return samples.astype(np.float32)


def _groups(numbers: Array, n_groups: int) -> list[tuple[int, Array]]:
    """Return for each number the places in the flattened array where it stands."""
    order = np.argsort(numbers, axis=None, kind="stable")
    ends = np.searchsorted(numbers.ravel()[order], np.arange(n_groups + 1))
    return [(group, order[ends[group] : ends[group + 1]]) for group in range(n_groups)]
