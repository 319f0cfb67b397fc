r"""Gaussian kernels around the training latents.

.. math:: i \sim U\{1, \dots, n\}, \quad z_j = z_{ij} + h s_j e_j, \quad e \sim N(0, I)

with s_j the standard deviation of dimension j and h the bandwidth.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _validation, rng
from vicinal.samplers import calibration
from vicinal.samplers.base import ArrayFitMixin, DensityMixin

Array = np.ndarray[Any, Any]


class KDESampler(ArrayFitMixin, DensityMixin):
    """Draw a training latent and add Gaussian noise; the density is scikit-learn's.

    Parameters
    ----------
    bandwidth : float, "scott", "silverman" or "auto"
        Standard deviation of the noise, h, in units of each dimension's own. ``"scott"`` is
        n**(-1 / (d + 4)), ``"silverman"`` is (n (d + 2) / 4)**(-1 / (d + 4)), ``"auto"`` what makes samples as new as
        ``novelty`` says, or ``"scott"`` where there is nothing to tell it by.
    novelty : float
        For ``"auto"``: the nn ratio wanted, 1 for samples as new as fresh data.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    latents_ : ndarray of shape (n, d)
        The training latents.
    bandwidth_ : float
        The bandwidth h.
    nn_ratio_ : float
        The nn ratio that the calibration reached; only after ``"auto"``.
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
    nn_ratio_: float
    scale_: Array

    def __init__(self, bandwidth: float | str = "scott", *, novelty: float = 1.0, random_state: Any = None) -> None:
        self.bandwidth = bandwidth
        self.novelty = novelty
        self.random_state = random_state

    def _fit(self, X: Array) -> dict[str, Any]:
        n, d = X.shape
        rule = self.bandwidth
        if isinstance(rule, str):
            _validation.check_choice(rule, "bandwidth", ("scott", "silverman", "auto"))
            bandwidth = (n * (d + 2) / 4 if rule == "silverman" else n) ** (-1 / (d + 4))
        else:
            bandwidth = _validation.check_positive(rule, "bandwidth")
        constant = X.min(axis=0) == X.max(axis=0)
        scale = np.where(constant, 0.0, X.std(axis=0, ddof=1, dtype=np.float64))
        state = {"latents_": X.copy(), "bandwidth_": float(bandwidth), "scale_": scale}
        return state | (self._calibrated(X, scale, bandwidth) if rule == "auto" else {})

    def _calibrated(self, X: Array, scale: Array, fallback: float) -> dict[str, float]:
        """Return the bandwidth that gives the novelty wanted, and the ratio it reaches."""
        target = _validation.check_positive(self.novelty, "novelty")
        try:
            novelty = calibration.Novelty(lambda: [X])
        except calibration.NothingToCompareError as error:
            calibration.warn_of_fallback("KDESampler", error, f"bandwidth={fallback:.3g}")
            return {}
        sources = novelty.sources
        noise = rng.normals(calibration.KEY, 0, len(sources), X.shape[1]) * scale
        bandwidth, ratio = calibration.calibrate_bandwidth(lambda h: novelty.ratio(sources + h * noise), target)
        return {"bandwidth_": bandwidth, "nn_ratio_": ratio}

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
