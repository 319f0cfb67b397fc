r"""One Gaussian.

.. math:: z = \mu + F e, \quad e \sim N(0, I), \quad F F^T = \Sigma
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _validation, rng
from vicinal.samplers.base import ArrayFitMixin, DensityMixin

Array = np.ndarray[Any, Any]


class GaussianSampler(ArrayFitMixin, DensityMixin):
    """Draw from one Gaussian: the standard one, or the one with the moments of the latents.

    Parameters
    ----------
    covariance_type : {"full", "diag", "standard"}
        ``"full"``: mean and covariance of the training latents (ddof=1). ``"diag"``: mean and variances.
        ``"standard"``: mean 0 and covariance I whatever the latents, the prior of a variational autoencoder.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    mean_ : ndarray of float64, shape (d,)
        Mean.
    covariance_ : ndarray of float64, shape (d, d)
        Covariance; where it is singular, the density is that on the subspace that carries the mass.

    Examples
    --------
    >>> import numpy as np
    >>> latents = np.array([[0.0, 1.0], [2.0, 1.5], [4.0, 2.0]])
    >>> sampler = GaussianSampler(random_state=0).fit(latents)
    >>> sampler.mean_
    array([2. , 1.5])
    >>> sampler.sample(2).shape
    (2, 2)
    """

    _block_rows = 1024

    mean_: Array
    covariance_: Array

    def __init__(self, covariance_type: str = "full", *, random_state: Any = None) -> None:
        self.covariance_type = covariance_type
        self.random_state = random_state

    def _fit(self, X: Array) -> dict[str, Any]:
        kind = _validation.check_choice(self.covariance_type, "covariance_type", ("full", "diag", "standard"))
        d = X.shape[1]
        if kind == "standard":
            return {"mean_": np.zeros(d), "covariance_": np.eye(d)}
        X = X.astype(np.float64)
        covariance = np.cov(X, rowvar=False).reshape(d, d) if kind == "full" else np.diag(X.var(axis=0, ddof=1))
        return {"mean_": X.mean(axis=0), "covariance_": covariance}

    def _sample(self, key: int, start: int, n_samples: int) -> Array:
        eigenvalues, eigenvectors = np.linalg.eigh(self.covariance_)
        factor = eigenvectors * np.sqrt(np.maximum(eigenvalues, 0.0))
        return self.mean_ + rng.normals(key, start, n_samples, len(self.mean_)) @ factor.T

    def _score_samples(self, X: Array) -> Array:
        if not self.covariance_.any():  # all latents were equal: a point
            return np.where((self.mean_.astype(X.dtype) == X).all(axis=1), 0.0, -np.inf)
        from scipy.stats import multivariate_normal  # late: it takes long to load

        gaussian = multivariate_normal(self.mean_, self.covariance_, allow_singular=True)
        return np.asarray(gaussian.logpdf(X.astype(np.float64))).reshape(len(X))
