"""Ideas for the vicinity of a training latent, each a few lines of NumPy: benchmarks/frontier.py compares them.

All have ``fit(latents)`` and ``sample(n, random_state)``. What they share: a centre m and residuals r_k = z_k - m of
K training latents, from which a sample is m + a * sum_k e_k r_k / sqrt(K), e_k standard normal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vicinal.kernels.partition import partition
from vicinal.metrics.neighbors import typical_distance
from vicinal.samplers import LocalSampler
from vicinal.samplers.vicinities import sample_vicinities

Array = np.ndarray[Any, Any]
View = Callable[[Array], Array]

MOST_NEIGHBORS = 1000
_BLOCK = 500  # draws in one go
_KEPT: dict[tuple[int, int, int], tuple[Array, Array]] = {}  # neighbours of drawn rows, for all that draw the same


def drawn_neighbors(latents: Array, n: int, seed: int) -> tuple[Array, Array]:
    """Return n rows drawn with replacement, (n,), and their up to 1,000 nearest, themselves included, nearest first."""
    key = (id(latents), n, seed)
    if key not in _KEPT:
        rows = np.random.default_rng([seed, 1]).integers(len(latents), size=n)
        k = min(MOST_NEIGHBORS, len(latents))
        centred = latents - latents.mean(axis=0)
        squares = np.einsum("ij,ij->i", centred, centred)
        nearest = np.empty((n, k), np.int32)
        for first in range(0, n, _BLOCK):
            some = rows[first : first + _BLOCK]
            distances = squares - 2 * centred[some] @ centred.T
            distances[np.arange(len(some)), some] = -np.inf  # each row is its own nearest
            found = np.argpartition(distances, k - 1, axis=1)[:, :k]
            order = np.argsort(np.take_along_axis(distances, found, axis=1), axis=1)
            nearest[first : first + _BLOCK] = np.take_along_axis(found, order, axis=1)
        _KEPT[key] = rows, nearest
    return _KEPT[key]


def forget_neighbors() -> None:
    """Free what `drawn_neighbors` keeps."""
    _KEPT.clear()


class Neighbors:
    """Exact nearest neighbours: z = (1 - s) z_i + s m_i + a * noise of the K nearest of a random row i.

    Parameters
    ----------
    n_neighbors : int
        K, the row itself included.
    pull : float
        s, how far the centre moves to the local mean.
    fresh : ndarray of shape (m, d), optional
        Held-out latents: a is solved for so that the nn ratio is 1. Without, a = 1.
    """

    def __init__(self, n_neighbors: int, pull: float = 1.0, fresh: Array | None = None) -> None:
        self.n_neighbors, self.pull, self.fresh, self.scale = n_neighbors, pull, fresh, 1.0

    def fit(self, latents: Array) -> None:
        """Keep latents, and solve for the scale by bisection on 1,000 samples."""
        self.latents = latents
        if self.fresh is None:
            return
        centres, noise = self._parts(1000, 99)
        train = latents.astype(np.float64)
        target = typical_distance(train, self.fresh[:1000].astype(np.float64))
        low, high = 0.0, 4.0
        for _ in range(9):
            self.scale = (low + high) / 2
            if typical_distance(train, centres + self.scale * noise) < target:
                low = self.scale
            else:
                high = self.scale

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        centres, noise = self._parts(n, random_state)
        return (centres + self.scale * noise).astype(np.float32)

    def _sizes(self, nearest: Array) -> Array:
        return np.full(len(nearest), self.n_neighbors)

    def _parts(self, n: int, seed: int) -> tuple[Array, Array]:
        rows, nearest = drawn_neighbors(self.latents, n, seed)
        sizes = self._sizes(nearest)
        e = np.random.default_rng([seed, 2])
        centres, noise = np.empty((2, n, self.latents.shape[1]))
        for first in range(0, n, _BLOCK):
            k = sizes[first : first + _BLOCK, None]
            members = nearest[first : first + _BLOCK, : k.max()]
            inside = np.arange(members.shape[1]) < k
            points = self.latents[members]
            means = np.einsum("ik,ikd->id", inside / k, points)
            weights = e.normal(size=inside.shape) * inside / np.sqrt(k)
            own = self.latents[rows[first : first + _BLOCK]]
            centres[first : first + _BLOCK] = (1 - self.pull) * own + self.pull * means
            noise[first : first + _BLOCK] = self._noise(points - means[:, None], weights, e)
        return centres, noise

    def _noise(self, residuals: Array, weights: Array, e: Any) -> Array:
        return np.einsum("ik,ikd->id", weights, residuals)


class AdaptiveNeighbors(Neighbors):
    """As many neighbours as the data are locally wide: K_i = factor * local dimension, from 8 to 256.

    The local dimension is the maximum likelihood estimate from the distances to the 50 nearest rows
    (E. Levina, P. Bickel, "Maximum likelihood estimation of intrinsic dimension", 2004).
    """

    def __init__(self, factor: float) -> None:
        super().__init__(0)
        self.factor = factor

    def _sizes(self, nearest: Array) -> Array:
        points = self.latents[nearest[:, 1:51]]
        distances = np.maximum(np.linalg.norm(points - self.latents[nearest[:, :1]], axis=2), 1e-12)
        dimension = 48 / np.log(distances[:, -1:] / distances[:, :-1]).sum(axis=1)
        return np.clip(np.rint(self.factor * dimension), 8, 256).astype(int)


class Tangents(Neighbors):
    """Nearest neighbours, the local directions that hold a share of the variance, and the rest made isotropic."""

    def __init__(self, n_neighbors: int, share: float = 0.9) -> None:
        super().__init__(n_neighbors)
        self.share = share

    def _noise(self, residuals: Array, weights: Array, e: Any) -> Array:
        d = residuals.shape[2]
        covariances = residuals.transpose(0, 2, 1) @ residuals / residuals.shape[1]
        variances, axes = np.linalg.eigh(covariances)
        variances = np.maximum(variances[:, ::-1], 0.0)
        before = np.cumsum(variances, axis=1) - variances
        kept = before < self.share * variances.sum(axis=1, keepdims=True)
        rest = (variances * ~kept).sum(axis=1, keepdims=True) / np.maximum((~kept).sum(axis=1, keepdims=True), 1)
        scales = np.sqrt(np.where(kept, variances, rest))
        return np.einsum("idk,ik->id", axes[:, :, ::-1], scales * e.normal(size=(len(residuals), d)))


class Cells:
    """The vicinity by cells of a tree, with variations.

    Parameters
    ----------
    size : int
        K, rows in a cell.
    view : callable, optional
        The partition is made of ``view(latents)``.
    heavy : bool
        Scale each draw so that its noise is Student's with 5 degrees of freedom and the same variance.
    shrinkage : float
        l: noise is sqrt(1 - l) times that of the cell and sqrt(l) times that of a random other one.
    n_trees : int
        Trees with split points jittered by up to 15 % of the rows, one drawn for each sample; 1 has no jitter.
    parallel : bool
        Split along the coordinate with the largest variance.
    """

    def __init__(
        self,
        size: int,
        *,
        view: View | None = None,
        heavy: bool = False,
        shrinkage: float = 0.0,
        n_trees: int = 1,
        parallel: bool = False,
    ) -> None:
        self.size, self.view, self.heavy, self.shrinkage = size, view, heavy, shrinkage
        self.n_trees, self.parallel = n_trees, parallel

    def fit(self, latents: Array) -> None:
        """Partition."""
        self.latents = latents
        points = latents if self.view is None else self.view(latents)
        if self.n_trees == 1 and not self.parallel:
            self.trees = [partition(points, max(1, len(latents) // self.size))]
            return
        generator = np.random.default_rng(0)
        jitter = 0.15 if self.n_trees > 1 else 0.0
        self.trees = [self._tree(points, generator, jitter) for _ in range(self.n_trees)]

    def _tree(self, points: Array, generator: Any, jitter: float) -> tuple[Array, Array]:
        waiting, leaves = [np.arange(len(points))], []
        while waiting:
            rows = waiting.pop()
            if len(rows) < 1.5 * self.size:
                leaves.append(rows)
                continue
            some = points[rows] - points[rows].mean(axis=0)
            covariance = some.T @ some
            axis = np.eye(len(covariance))[np.diag(covariance).argmax()]
            if not self.parallel:
                axis = np.linalg.eigh(covariance)[1][:, -1]
            cut = int(len(rows) * (0.5 + jitter * generator.uniform(-1, 1)))
            order = np.argpartition(some @ axis, cut)
            waiting += [rows[order[:cut]], rows[order[cut:]]]
        return np.concatenate(leaves), np.cumsum([0, *map(len, leaves)])

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        generator = np.random.default_rng([random_state, 3])
        chosen = generator.integers(len(self.trees), size=n)
        samples = np.empty((n, self.latents.shape[1]), np.float32)
        for number, (order, starts) in enumerate(self.trees):
            for some in np.array_split(np.flatnonzero(chosen == number), -(-n // (_BLOCK * len(self.trees)))):
                samples[some] = self._draw(len(some), order, starts, generator)
        return samples

    def _draw(self, n: int, order: Array, starts: Array, generator: Any) -> Array:
        means, noise = self._vicinity(n, order, starts, generator)
        if self.shrinkage:
            other = self._vicinity(n, order, starts, generator)[1]
            noise = np.sqrt(1 - self.shrinkage) * noise + np.sqrt(self.shrinkage) * other
        if self.heavy:
            noise = noise * np.sqrt(3 / generator.chisquare(5, size=(n, 1)))
        return means + noise

    def _vicinity(self, n: int, order: Array, starts: Array, generator: Any) -> tuple[Array, Array]:
        cells = np.searchsorted(starts, generator.integers(len(order), size=n), side="right") - 1
        sizes = np.diff(starts)[cells][:, None]
        places = np.arange(sizes.max(initial=1))
        inside = places < sizes
        points = self.latents[order[np.minimum(starts[cells][:, None] + places, len(order) - 1)]]
        means = np.einsum("ik,ikd->id", inside / sizes, points)
        weights = generator.normal(size=inside.shape) * inside / np.sqrt(sizes)
        return means, np.einsum("ik,ikd->id", weights, points - means[:, None])


class IndependentDraws:
    """`LocalSampler` as it comes, but its latents are drawn independently instead of evenly."""

    def fit(self, latents: Array) -> None:
        """Fit."""
        self.sampler = LocalSampler().fit(latents)

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        fitted = self.sampler
        own = np.random.default_rng(random_state).integers(len(fitted.latents_), size=n)
        return sample_vicinities(
            fitted.latents_, None, fitted.cell_starts_, own, 1.0, fitted.scale_, key=random_state, start=0
        )


def whitened(latents: Array) -> Array:
    """Return latents with the identity for covariance."""
    factor = np.linalg.cholesky(np.linalg.inv(np.cov(latents, rowvar=False) + 1e-9 * np.eye(latents.shape[1])))
    return ((latents - latents.mean(axis=0)) @ factor).astype(np.float32)
