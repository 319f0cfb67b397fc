r"""A mixture of Gaussians fitted by expectation maximisation: the usual way to sample autoencoders.

.. math:: k \sim \pi, \quad z = \mu_k + L_k e, \quad e \sim N(0, I), \quad L_k L_k^T = \Sigma_k
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _validation, rng
from vicinal._errors import InvalidInputError
from vicinal.samplers.base import ArrayFitMixin, DensityMixin

Array = np.ndarray[Any, Any]


class GMMSampler(ArrayFitMixin, DensityMixin):
    """Draw from a Gaussian mixture with full covariances, fitted by scikit-learn in float64.

    The defaults are those of the autoencoder literature and of pythae. A fit costs
    O(n d**2 k i) for k components and i iterations.

    Parameters
    ----------
    n_components : int
        Gaussians, k; at most the number of latents.
    max_iter : int
        Iterations at the most.
    tol : float
        Stop when the mean log likelihood gains less than this, in nats.
    reg_covar : float
        Added to the diagonal of each covariance.
    random_state : int, None or numpy generator
        Seed of the initialisation in `fit` and of `sample`.

    Attributes
    ----------
    weights_ : ndarray of float64, shape (k,)
        Mass of each component.
    means_ : ndarray of float64, shape (k, d)
        Means.
    covariances_ : ndarray of float64, shape (k, d, d)
        Covariances.
    n_iter_ : int
        Iterations done.

    References
    ----------
    P. Ghosh et al., "From variational to deterministic autoencoders", 2020, arXiv:1903.12436.
    C. Chadebec et al., "Pythae", 2022, arXiv:2206.08309.

    Examples
    --------
    >>> import numpy as np
    >>> latents = np.repeat([[0.0, 0.0], [9.0, 9.0]], 50, axis=0) + np.eye(2)[np.arange(100) % 2]
    >>> sampler = GMMSampler(2, random_state=0).fit(latents)
    >>> sampler.weights_
    array([0.5, 0.5])
    >>> sampler.sample(3).shape
    (3, 2)
    """

    _block_rows = 1024

    weights_: Array
    means_: Array
    covariances_: Array
    n_iter_: int

    def __init__(
        self,
        n_components: int = 10,
        *,
        max_iter: int = 2000,
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.max_iter = max_iter
        self.tol = tol
        self.reg_covar = reg_covar
        self.random_state = random_state

    def _fit(self, X: Array) -> dict[str, Any]:
        n_components = _validation.check_integer(self.n_components, "n_components", minimum=1)
        if n_components > len(X):
            raise InvalidInputError(
                f"n_components must be at most the number of latents; got {n_components} for n_samples={len(X)}"
            )
        from sklearn.mixture import GaussianMixture  # late: it takes long to load

        mixture = GaussianMixture(
            n_components,
            max_iter=_validation.check_integer(self.max_iter, "max_iter", minimum=1),
            tol=self.tol,
            reg_covar=self.reg_covar,
            random_state=rng.seed_key(self.random_state) % 2**32,
        )
        try:
            mixture.fit(X.astype(np.float64))
        except ValueError as error:
            raise InvalidInputError(
                f"the mixture could not be fitted ({error}); raise reg_covar (now {self.reg_covar}), "
                f"lower n_components (now {n_components}), or rescale the latents"
            ) from error
        return {
            "weights_": mixture.weights_,
            "means_": mixture.means_,
            "covariances_": mixture.covariances_,
            "n_iter_": int(mixture.n_iter_),
        }

    def _sample(self, key: int, start: int, n_samples: int) -> Array:
        cumulative = np.cumsum(np.rint(self.weights_ * 2.0**32).astype(np.int64))
        component = np.searchsorted(cumulative, rng.choices(key, start, n_samples, int(cumulative[-1])), side="right")
        latents = rng.normals(key, start, n_samples, self.means_.shape[1])
        for k in np.unique(component):
            rows = component == k
            latents[rows] = self.means_[k] + latents[rows] @ np.linalg.cholesky(self.covariances_[k]).T
        return latents

    def _score_samples(self, X: Array) -> Array:
        from sklearn.mixture import GaussianMixture  # late: it takes long to load

        mixture = GaussianMixture(len(self.weights_))
        mixture.weights_, mixture.means_, mixture.covariances_ = self.weights_, self.means_, self.covariances_
        mixture.precisions_cholesky_ = np.linalg.inv(np.linalg.cholesky(self.covariances_)).transpose(0, 2, 1)
        return np.asarray(mixture.score_samples(X.astype(np.float64)))
