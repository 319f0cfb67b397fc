r"""A mixture of Gaussians fitted by expectation maximisation: the usual way to sample autoencoders.

.. math:: k \sim \pi, \quad z = \mu_k + L_k e, \quad e \sim N(0, I), \quad L_k L_k^T = \Sigma_k
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from vicinal import _progress, _validation, rng
from vicinal._errors import InvalidInputError
from vicinal.samplers.base import ArrayFitMixin, DensityMixin

Array = np.ndarray[Any, Any]


class GMMSampler(ArrayFitMixin, DensityMixin):
    """Draw from a Gaussian mixture with full covariances, fitted by scikit-learn in float64.

    The defaults are those of the autoencoder literature and of pythae. A fit costs
    O(n d**2 k i) for k components and i iterations.

    Parameters
    ----------
    n_components : int or "bic"
        Gaussians, k; at most the number of latents. ``"bic"`` fits mixtures of 1, 2, 5, 10, 20, 50, ... Gaussians
        until the Bayesian information criterion gets worse, and keeps the one with the lowest.
    max_components : int
        The most Gaussians that ``"bic"`` tries; nor does it try more than one for d + 1 different latents.
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
    n_components_ : int
        Gaussians of the mixture, k.
    bic_ : ndarray of float64, shape (n_tried, 2)
        Gaussians and BIC (lower is better, in units of 2 nats) of each mixture tried; only after ``"bic"``.

    References
    ----------
    G. Schwarz, "Estimating the dimension of a model", Annals of Statistics 6(2), 1978, doi:10.1214/aos/1176344136.
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
    bic_: Array

    def __init__(
        self,
        n_components: int | str = 10,
        *,
        max_components: int = 100,
        max_iter: int = 2000,
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.max_components = max_components
        self.max_iter = max_iter
        self.tol = tol
        self.reg_covar = reg_covar
        self.random_state = random_state

    @property
    def n_components_(self) -> int:
        """Gaussians of the mixture, k."""
        return len(self.weights_)

    def _fit(self, X: Array) -> dict[str, Any]:
        X = X.astype(np.float64)
        if isinstance(self.n_components, str):
            if self.n_components != "bic":
                raise InvalidInputError(f"n_components must be an integer or 'bic'; got {self.n_components!r}")
            return self._fit_by_bic(X)
        n_components = _validation.check_integer(self.n_components, "n_components", minimum=1)
        if n_components > len(X):
            raise InvalidInputError(
                f"n_components must be at most the number of latents; got {n_components} for n_samples={len(X)}"
            )
        return _state_of(self._mixture(X, n_components))

    def _fit_by_bic(self, X: Array) -> dict[str, Any]:
        """Fit more and more components until the BIC gets worse; return the mixture of the lowest, and all BICs."""
        most = _validation.check_integer(self.max_components, "max_components", minimum=1)
        room = len(np.unique(X, axis=0)) // (X.shape[1] + 1)  # d + 1 different latents have a covariance
        counts = _one_two_five(min(most, max(1, room)))
        best, bics = None, []
        with _progress.late_bar("Fitting mixtures", total=sum(counts)) as advance:
            for count in counts:
                try:
                    mixture = self._mixture(X, count)
                except InvalidInputError:
                    if best is None:
                        raise
                else:
                    bics.append((count, mixture.bic(X)))
                    if best is not None and bics[-1][1] > bics[-2][1]:
                        break
                    best = mixture
                advance(count)
        return {**_state_of(best), "bic_": np.array(bics)}

    def _mixture(self, X: Array, n_components: int) -> Any:
        """Return scikit-learn's mixture, fitted to X (n, d) of float64."""
        from sklearn.mixture import GaussianMixture  # late: it takes long to load

        mixture = GaussianMixture(
            n_components,
            max_iter=_validation.check_integer(self.max_iter, "max_iter", minimum=1),
            tol=self.tol,
            reg_covar=self.reg_covar,
            random_state=rng.seed_key(self.random_state) % 2**32,
        )
        try:
            # The k-means that it starts from adds in parallel: one thread adds in one order on any number of cores.
            with threadpool_limits(1, user_api="openmp"):
                mixture.fit(X)
        except ValueError as error:
            raise InvalidInputError(
                f"the mixture could not be fitted ({error}); raise reg_covar (now {self.reg_covar}), "
                f"lower n_components (now {n_components}), or rescale the latents"
            ) from error
        return mixture

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


def _state_of(mixture: Any) -> dict[str, Any]:
    """Return the fitted attributes that a mixture of scikit-learn gives."""
    return {
        "weights_": mixture.weights_,
        "means_": mixture.means_,
        "covariances_": mixture.covariances_,
        "n_iter_": int(mixture.n_iter_),
    }


def _one_two_five(maximum: int) -> list[int]:
    """Return 1, 2, 5, 10, 20, 50, ... up to ``maximum``."""
    series = (step * 10**power for power in itertools.count() for step in (1, 2, 5))
    return list(itertools.takewhile(lambda count: count <= maximum, series))
