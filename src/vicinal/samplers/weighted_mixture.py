"""scikit-learn's Gaussian mixture, fitted to weighted rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from vicinal._arrays import Array


class WeightedMixture(GaussianMixture):
    """A mixture of scikit-learn in which a row of weight w counts as w rows.

    The weights multiply the responsibilities of each M step, and the log likelihoods whose mean is maximised.
    """

    row_weights: Array

    def _initialize_parameters(self, X: Array, random_state: Any, **options: Any) -> None:
        weights = self.row_weights
        self._relative = weights / weights.mean()  # sums to the number of rows, which the base divides by
        clusters = KMeans(self.n_components, n_init=1, random_state=random_state).fit(X, sample_weight=weights)
        memberships = np.eye(self.n_components)[clusters.labels_]
        self._initialize(X, memberships * self._relative[:, None], **options)

    def _e_step(self, X: Array, **options: Any) -> tuple[float, Array]:
        log_densities, log_responsibilities = self._estimate_log_prob_resp(X, **options)
        return np.average(log_densities, weights=self.row_weights), log_responsibilities

    def _m_step(self, X: Array, log_responsibilities: Array, **options: Any) -> None:
        super()._m_step(X, log_responsibilities + np.log(self._relative)[:, None], **options)
