r"""Gaussian kernels around the training latents.

.. math:: i \sim U\{1, \dots, n\}, \quad z_j = z_{ij} + h s_j e_j, \quad e \sim N(0, I)

with s_j the standard deviation of dimension j and h the bandwidth.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _validation, rng
from vicinal.samplers.base import ArrayFitMixin, DensityMixin

Array = np.ndarray[Any, Any]


class KDESampler(ArrayFitMixin, DensityMixin):
    """Draw a training latent and add Gaussian noise; the density is scikit-learn's.

    Parameters
    ----------
    bandwidth : float, "scott" or "silverman"
        Standard deviation of the noise, h, in units of each dimension's own. ``"scott"`` is
        n**(-1 / (d + 4)), ``"silverman"`` is (n (d + 2) / 4)**(-1 / (d + 4)).
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    latents_ : ndarray of shape (n, d)
        The training latents.
    bandwidth_ : float
        The bandwidth h.
    scale_ : ndarray of float64, shape (d,)
        Standard deviation of each dimension, s; 0 for a constant one, which is returned as it is.

    References
    ----------
    D. W. Scott, "Multivariate density estimation", 1992, doi:10.1002/9780470316849.
    B. W. Silverman, "Density estimation for statistics and data analysis", 1986.

    Examples
    --------
    >>> import numpy as np
    >>> latents = np.array([[0.0], [1.0], [2.0]])
    >>> sampler = KDESampler(0.5, random_state=0).fit(latents)
    >>> sampler.sample(2).shape
    (2, 1)
    >>> float(sampler.score_samples([[1.0]])[0].round(3))
    -1.085
    """

    _block_rows = 1024

    latents_: Array
    bandwidth_: float
    scale_: Array

    def __init__(self, bandwidth: float | str = "scott", *, random_state: Any = None) -> None:
        self.bandwidth = bandwidth
        self.random_state = random_state

    def _fit(self, X: Array) -> dict[str, Any]:
        n, d = X.shape
        if isinstance(self.bandwidth, str):
            rule = _validation.check_choice(self.bandwidth, "bandwidth", ("scott", "silverman"))
            bandwidth = (n if rule == "scott" else n * (d + 2) / 4) ** (-1 / (d + 4))
        else:
            bandwidth = _validation.check_positive(self.bandwidth, "bandwidth")
        constant = X.min(axis=0) == X.max(axis=0)
        scale = np.where(constant, 0.0, X.std(axis=0, ddof=1, dtype=np.float64))
        return {"latents_": X.copy(), "bandwidth_": float(bandwidth), "scale_": scale}

    def _sample(self, key: int, start: int, n_samples: int) -> Array:
        latents = self.latents_[rng.choices(key, start, n_samples, len(self.latents_))]
        return latents + rng.normals(key, start, n_samples, len(self.scale_)) * (self.bandwidth_ * self.scale_)

    def _score_samples(self, X: Array) -> Array:
        varies = self.scale_ > 0
        scale = self.scale_[varies]
        log_density = np.zeros(len(X))
        if varies.any():
            from sklearn.neighbors import KernelDensity  # late: it takes long to load

            kernels = KernelDensity(bandwidth=self.bandwidth_).fit(self.latents_[:, varies] / scale)
            log_density = kernels.score_samples(X[:, varies] / scale) - np.log(scale).sum()
        in_support = (X[:, ~varies] == self.latents_[0, ~varies]).all(axis=1)
        return np.where(in_support, log_density, -np.inf)
