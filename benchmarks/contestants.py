"""The samplers that are measured against each other, each as fit, sample and size.

What a contestant needs is imported when it is made. ``trial=True`` makes one that does the least that loads and
compiles everything: it is run before the clock starts.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

N_BINS = 32


class PMF:
    """`vicinal.PMFSampler`."""

    def __init__(self, trial: bool, n_bins: int | str) -> None:
        import vicinal

        self.sampler = vicinal.PMFSampler(n_bins, random_state=0)

    def fit(self, latents: Array) -> None:
        """Fit."""
        self.sampler.fit(latents)

    def sample(self, n: int) -> Any:
        """Draw n latents."""
        return self.sampler.sample(n)

    def size(self) -> int:
        """Return the bytes of the saved file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sampler.safetensors"
            self.sampler.save(path)
            return path.stat().st_size


class PlainNumPy:
    """Cells as one would write them in NumPy: codes of all rows, drawn with replacement."""

    def __init__(self, trial: bool) -> None:
        self.generator = np.random.default_rng(0)

    def fit(self, latents: Array) -> None:
        """Fit."""
        self.lower = latents.min(axis=0)
        self.width = (latents.max(axis=0) - self.lower) / np.float32(N_BINS)
        self.codes = np.minimum(np.floor((latents - self.lower) / self.width), N_BINS - 1).astype(np.uint8)

    def sample(self, n: int) -> Any:
        """Draw n latents."""
        rows = self.generator.integers(len(self.codes), size=n)
        noise = self.generator.random((n, self.codes.shape[1]), dtype=np.float32)
        return self.lower + (self.codes[rows] + noise) * self.width

    def size(self) -> int:
        """Return the bytes of codes and bounds."""
        return self.codes.nbytes + self.lower.nbytes + self.width.nbytes


class PlainTorch:
    """The same in torch, on the CPU."""

    def __init__(self, trial: bool) -> None:
        import torch

        self.torch = torch
        torch.manual_seed(0)

    def fit(self, latents: Array) -> None:
        """Fit."""
        rows = self.torch.from_numpy(latents)
        self.lower = rows.amin(dim=0)
        self.width = (rows.amax(dim=0) - self.lower) / N_BINS
        self.codes = ((rows - self.lower) / self.width).floor().clamp(max=N_BINS - 1).to(self.torch.uint8)

    def sample(self, n: int) -> Any:
        """Draw n latents."""
        rows = self.torch.randint(len(self.codes), (n,))
        return self.lower + (self.codes[rows] + self.torch.rand(n, self.codes.shape[1])) * self.width

    def size(self) -> int:
        """Return the bytes of codes and bounds."""
        return sum(part.numel() * part.element_size() for part in (self.codes, self.lower, self.width))


class Copula:
    """The empirical checkerboard copula with empirical marginals, in NumPy (Grothe et al., arXiv:2309.09916).

    The ranks of a row drawn at random, each moved uniformly within its n-th, go through the quantile function of
    their column, linear between the order statistics.
    """

    def __init__(self, trial: bool) -> None:
        self.generator = np.random.default_rng(0)

    def fit(self, latents: Array) -> None:
        """Fit."""
        n, d = latents.shape
        self.ranks = np.empty((n, d), np.uint32)
        self.ordered = np.empty((d, n), latents.dtype)
        for j in range(d):
            order = np.argsort(latents[:, j])
            self.ranks[order, j] = np.arange(n, dtype=np.uint32)
            self.ordered[j] = latents[order, j]

    def sample(self, n: int) -> Any:
        """Draw n latents."""
        n_rows, d = self.ranks.shape
        ranks = self.ranks[self.generator.integers(n_rows, size=n)]
        latents = np.empty((n, d), self.ordered.dtype)
        for j in range(d):
            place = (ranks[:, j] + self.generator.random(n)) * ((n_rows - 1) / n_rows)
            below = place.astype(np.int64)
            low, high = self.ordered[j, below], self.ordered[j, np.minimum(below + 1, n_rows - 1)]
            latents[:, j] = low + (place - below) * (high - low)
        return latents

    def size(self) -> int:
        """Return the bytes of ranks and order statistics."""
        return self.ranks.nbytes + self.ordered.nbytes


class ScikitLearn:
    """An estimator of scikit-learn that has ``sample``."""

    estimator: Any

    def fit(self, latents: Array) -> None:
        """Fit."""
        self.estimator.fit(latents)

    def sample(self, n: int) -> Any:
        """Draw n latents."""
        return self.estimator.sample(n)

    def size(self) -> int:
        """Return the bytes of its pickle, nearly all of them arrays."""
        return len(pickle.dumps(self.estimator, protocol=5))


class Mixture(ScikitLearn):
    """A Gaussian mixture with the settings of pythae, where no seed is set: full covariances, as it comes else."""

    def __init__(self, trial: bool, n_components: int, bayesian: bool = False) -> None:
        from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

        kind = BayesianGaussianMixture if bayesian else GaussianMixture
        self.estimator = kind(
            n_components=2 if trial else n_components,
            covariance_type="full",
            max_iter=1 if trial else 2000,
            tol=1e-3,
            random_state=0,
        )


class KernelDensity(ScikitLearn):
    """Gaussian kernels by Scott's rule, in a tree."""

    def __init__(self, trial: bool) -> None:
        from sklearn.neighbors import KernelDensity as Estimator

        self.estimator = Estimator(bandwidth="scott")


class Flow:
    """A small neural spline flow with coupling layers (zuko), trained until held-out rows gain no more."""

    n_epochs, patience, batch_size, learning_rate = 50, 3, 4096, 3e-3

    def __init__(self, trial: bool) -> None:
        import torch
        import zuko

        self.torch, self.flows = torch, zuko.flows
        self.trial = trial
        torch.manual_seed(0)

    def fit(self, latents: Array) -> None:
        """Fit."""
        torch = self.torch
        rows = torch.from_numpy(latents[:500] if self.trial else latents)
        n = len(rows)
        self.mean, self.scale = rows.mean(dim=0), rows.std(dim=0)
        rows = ((rows - self.mean) / self.scale)[torch.randperm(n)]
        held_out, rows = rows[: min(n // 10, 10_000)], rows[min(n // 10, 10_000) :]
        self.flow = self.flows.NSF(rows.shape[1], transforms=3, hidden_features=(64, 64), passes=2)
        optimizer = torch.optim.Adam(self.flow.parameters(), lr=self.learning_rate)
        best, since = float("inf"), 0
        for _ in range(1 if self.trial else self.n_epochs):
            for batch in rows[torch.randperm(len(rows))].split(self.batch_size):
                loss = -self.flow().log_prob(batch).mean()
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
            with torch.inference_mode():
                loss = float(-self.flow().log_prob(held_out).mean())
            if not np.isfinite(loss):
                raise ValueError(f"the flow diverged: loss {loss}")
            best, since = (loss, 0) if loss < best else (best, since + 1)
            if since == self.patience:
                break

    def sample(self, n: int) -> Any:
        """Draw n latents."""
        torch = self.torch
        latents = torch.empty(n, len(self.mean))
        with torch.inference_mode():
            for part in latents.split(1 << 15):
                part.copy_(self.flow().sample((len(part),)) * self.scale + self.mean)
        return latents

    def size(self) -> int:
        """Return the bytes of the weights."""
        parts = [*self.flow.state_dict().values(), self.mean, self.scale]
        return sum(part.numel() * part.element_size() for part in parts)


PMF_FIXED = f"PMF, {N_BINS} bins"
CONTESTANTS: dict[str, Callable[[bool], Any]] = {
    PMF_FIXED: lambda trial: PMF(trial, N_BINS),
    "PMF, auto": lambda trial: PMF(trial, "auto"),
    f"plain NumPy, {N_BINS} bins": PlainNumPy,
    f"plain torch, {N_BINS} bins": PlainTorch,
    "empirical copula": Copula,
    "KernelDensity": KernelDensity,
    "GMM-10": lambda trial: Mixture(trial, 10),
    "GMM-50": lambda trial: Mixture(trial, 50),
    "GMM-100": lambda trial: Mixture(trial, 100),
    "Bayesian GMM-10": lambda trial: Mixture(trial, 10, bayesian=True),
    "spline flow": Flow,
}
LIKE = {"GMM-50": ("GMM-10", 5.0), "GMM-100": ("GMM-50", 2.0)}  # costs at least so many times as much as the other
