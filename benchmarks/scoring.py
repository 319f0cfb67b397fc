"""Quality and novelty of samples of one pair of `pairs`; what depends on the real data alone is computed once.

The metrics are those of `vicinal.metrics`. Two are rearranged for speed, with the same results: the Frechet distance
keeps the factor of the real covariance, and distances in 1,280 features are taken in float32.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from pairs import Pair

from vicinal import metrics
from vicinal.evaluation.catalogue import N_NEIGHBORS, Reference, Samples
from vicinal.metrics import neighborhoods

Array = np.ndarray[Any, Any]

N_NOVELTY = 1000  # samples whose nearest training latents are looked for
N_FRESH = 2000  # held-out latents that they are compared with
N_RELATIONS = 2000  # images in precision and recall
N_FEATURE_NOVELTY = 500
QUALITY = ("frechet_distance", "frechet_to_reconstructions", "precision", "recall", "feature_nn_ratio")
LATENT = ("nn_ratio", "authenticity", "data_copying", "wasserstein_distance", "variance_ratio")


class Scorer:
    """Scores samples of one pair.

    Parameters
    ----------
    pair : Pair
        Data, autoencoder and latents.
    """

    def __init__(self, pair: Pair) -> None:
        self.pair = pair

    def score(self, samples: Array, seed: int) -> dict[str, float]:
        """Return all metrics of latents (m, d); the seed is that of subsets."""
        features = self.pair.data.features(self.pair.decode(samples))
        return {**self.quality(features), **self.novelty(samples), **self.fit(samples, seed)}

    def quality(self, features: Array) -> dict[str, float]:
        """Return what is taken between features of decoded samples and of held-out images."""
        some = features[:N_RELATIONS].astype(np.float64)
        (precision, recall), _ = neighborhoods.relations(self._relations[0], some, N_NEIGHBORS, self._relations[1])
        few, fresh = features[:N_FEATURE_NOVELTY], self._feature_search.fresh
        return {
            "frechet_distance": self._held_out.distance(features),
            "frechet_to_reconstructions": self._reconstructions.distance(features),
            "precision": precision,
            "recall": recall,
            "feature_nn_ratio": self._feature_search.typical(few) / fresh,
        }

    def novelty(self, latents: Array) -> dict[str, float]:
        """Return what is taken between latents and their nearest training latents."""
        found = Samples(self._latents, latents[:N_NOVELTY].astype(np.float64), 0)
        return {
            "nn_ratio": found.nn_ratio,
            "authenticity": found.authenticity,
            "data_copying": found.data_copying,
        }

    def fit(self, latents: Array, seed: int) -> dict[str, float]:
        """Return distance to the held-out latents, and total variance over that of the training latents."""
        distance = metrics.wasserstein_distance(self.pair.fresh, latents, max_samples=1000, random_state=seed)
        variance = latents.var(axis=0, dtype=np.float64).sum()
        return {
            "wasserstein_distance": distance,
            "variance_ratio": float(variance / self.pair.latents.var(axis=0, dtype=np.float64).sum()),
        }

    @property
    def fresh_distance(self) -> float:
        """Median distance of held-out latents from the training latents, in standard deviations of each dimension."""
        return self._latents.fresh_distance

    @cached_property
    def _latents(self) -> Reference:
        fresh = self.pair.fresh[:N_FRESH].astype(np.float64)
        return Reference(fresh, self.pair.latents.astype(np.float64), 0)

    @cached_property
    def _held_out(self) -> FixedGaussian:
        return FixedGaussian(self.pair.data.held_out_features)

    @cached_property
    def _reconstructions(self) -> FixedGaussian:
        return FixedGaussian(self.pair.reconstruction_features)

    @cached_property
    def _relations(self) -> tuple[Array, Array]:
        real = self.pair.data.held_out_features[:N_RELATIONS].astype(np.float64)
        return real, neighborhoods.radii(real, N_NEIGHBORS, "real")

    @cached_property
    def _feature_search(self) -> Nearest:
        return Nearest(self.pair.data.train_features, self.pair.data.held_out_features[:N_FRESH])


class FixedGaussian:
    """The real side of `vicinal.metrics.frechet_distance`: mean, trace and factor of the covariance."""

    def __init__(self, real: Array) -> None:
        moments = metrics.Moments().update(real)
        self.mean, covariance = moments.mean, moments.covariance
        variances, axes = np.linalg.eigh(covariance)
        kept = variances > 1e-12 * variances[-1]
        self.trace, self.factor = np.trace(covariance), axes[:, kept] * np.sqrt(variances[kept])

    def distance(self, features: Array) -> float:
        """Return the Frechet distance of features (m, n_features)."""
        rows = features.astype(np.float64)
        mean = rows.mean(axis=0)
        rows = (rows - mean) / np.sqrt(len(rows) - 1)
        product = rows @ self.factor
        gram = product @ product.T if len(product) < product.shape[1] else product.T @ product
        root = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0.0)).sum()
        gap = self.mean - mean
        return max(float(gap @ gap + self.trace + np.square(rows).sum() - 2.0 * root), 0.0)


class Nearest:
    """Median distance to the nearest training row, each feature in its standard deviations, float32."""

    def __init__(self, train: Array, fresh: Array) -> None:
        self.mean, self.scale = train.mean(axis=0), train.std(axis=0)
        self.scale[self.scale == 0] = 1.0
        self.train = (train - self.mean) / self.scale
        self.squares = np.einsum("ij,ij->i", self.train, self.train)
        self.fresh = self.typical(fresh)

    def typical(self, rows: Array) -> float:
        """Return the median distance of rows (m, n_features)."""
        rows = (rows - self.mean) / self.scale
        index = (self.squares - 2 * rows @ self.train.T).argmin(axis=1)
        return float(np.median(np.linalg.norm(rows - self.train[index], axis=1)))
