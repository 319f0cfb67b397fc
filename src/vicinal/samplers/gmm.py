r"""A mixture of Gaussians fitted by expectation maximisation: the usual way to sample autoencoders.

.. math:: k \sim \pi, \quad z = \mu_k + L_k e, \quad e \sim N(0, I), \quad L_k L_k^T = \Sigma_k
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from vicinal import _progress, _validation, rng
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.rng import Draws
from vicinal.samplers import labels
from vicinal.samplers.base import Sampler
from vicinal.samplers.batches import Batches, Training
from vicinal.samplers.by_class import Part, draw_gaussians, draw_items, parts_of, starts_of
from vicinal.samplers.fitted import Fitted, Starts, attributes


class GMMSampler(Sampler):
    """Draw from a Gaussian mixture with full covariances, fitted by scikit-learn in float64.

    The defaults are those of the autoencoder literature and of pythae. A fit costs
    O(n d**2 k i) for k components and i iterations. After a fit with labels, each class has a mixture of its own,
    and the density is that of all of them.

    Parameters
    ----------
    n_components : int or "bic"
        Number of Gaussians, k, at most the number of latents; with labels that of each class, where a class has no
        more than it has distinct latents. ``"bic"`` fits mixtures of 1, 2, 5, 10, 20, 50, ... Gaussians until the
        Bayesian information criterion gets worse, and keeps the mixture with the lowest.
    max_components : int
        The most Gaussians that ``"bic"`` tries. It also tries at most one for every d + 1 distinct latents.
    max_iter : int
        Maximum number of iterations.
    tol : float
        Stop when the mean log likelihood gains less than this, in nats.
    reg_covar : float
        Added to the diagonal of each covariance.
    random_state : int, None or numpy generator
        Seed of the initialisation in `fit` and of `sample`.

    Attributes
    ----------
    weights_ : ndarray of float64, shape (k,)
        Probability of each component. They add up to 1; with labels, those of a class add up to its share.
    means_ : ndarray of float64, shape (k, d)
        Means.
    covariances_ : ndarray of float64, shape (k, d, d)
        Covariances.
    n_iter_ : int
        Iterations done, in all classes together.
    n_components_ : int
        Number of Gaussians, in all classes together.
    bic_ : ndarray of float64, shape (n_tried, 2)
        Number of Gaussians and BIC (lower is better, in units of 2 nats) of each mixture tried, one class after
        another; only after ``"bic"``.
    classes_, class_starts_ : ndarray, shapes (n_classes,) and (n_classes + 1,)
        Labels. Class k has the components ``class_starts_[k]`` to ``class_starts_[k + 1] - 1``; only after a fit with
        labels.

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

    _expected = attributes(
        weights_=Fitted("k", 0, 1.0 + 1e-6),
        means_=Fitted("k d"),
        covariances_=Fitted("k d d", covariances="definite"),
        n_iter_=Fitted(low=0, whole=True),
        bic_=Fitted("tried two", needed=False),
        class_starts_=Starts("k", "c", needed=False),
    )

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
        """Number of Gaussians, in all classes together."""
        return len(self.weights_)

    def _fit(self, batches: Batches) -> dict[str, Any]:
        training = Training.of(batches)
        n_components = self._checked_n_components(len(training.rows))
        parts = [Part(rows.astype(np.float64), counts) for rows, counts in parts_of(training, batches)]
        state: dict[str, Any] = {}
        if n_components is None:
            found = [self._by_bic(part) for part in parts]
            mixtures = [mixture for mixture, _ in found]
            state["bic_"] = np.concatenate([tried for _, tried in found])
        else:
            most = [_n_distinct(part) for part in parts] if training.classes else [n_components]
            mixtures = [self._mixture(part, min(n_components, k)) for part, k in zip(parts, most, strict=True)]
        sizes = np.array([part.counts.sum() for part in parts])
        shares = sizes / sizes.sum()
        state |= {
            "weights_": np.concatenate([p * mixture.weights_ for p, mixture in zip(shares, mixtures, strict=True)]),
            "means_": np.concatenate([mixture.means_ for mixture in mixtures]),
            "covariances_": np.concatenate([mixture.covariances_ for mixture in mixtures]),
            "n_iter_": sum(int(mixture.n_iter_) for mixture in mixtures),
        }
        if training.classes:
            state["classes_"] = labels.as_array(training.classes)
            state["class_starts_"] = np.cumsum([0] + [len(mixture.weights_) for mixture in mixtures])
        return state

    def _checked_n_components(self, n_latents: int) -> int | None:
        """Return the number of components, None for "bic"."""
        if isinstance(self.n_components, str):
            if self.n_components != "bic":
                raise InvalidInputError(f"n_components must be an integer or 'bic'; got {self.n_components!r}")
            return None
        n_components = _validation.check_integer(self.n_components, "n_components", minimum=1)
        if n_components > n_latents:
            raise InvalidInputError(
                f"n_components must be at most the number of latents; got {n_components} for n_samples={n_latents}"
            )
        return n_components

    def _by_bic(self, part: Part) -> tuple[Any, list[tuple[int, float]]]:
        """Fit more and more components until the BIC gets worse; return the mixture of the lowest, and all BICs."""
        most = _validation.check_integer(self.max_components, "max_components", minimum=1)
        d = part.rows.shape[1]
        most = min(most, max(1, _n_distinct(part) // (d + 1)))  # d + 1 distinct latents have a covariance
        series = (step * 10**power for power in itertools.count() for step in (1, 2, 5))
        numbers = list(itertools.takewhile(lambda k: k <= most, series))
        best, tried = None, []
        with _progress.bar("Fitting mixtures", sum(numbers)) as progress:
            for k in numbers:
                try:
                    mixture = self._mixture(part, k)
                except InvalidInputError:
                    if best is None:
                        raise
                else:
                    n_parameters = k * (d + 1) * (d + 2) // 2 - 1
                    log_likelihood = part.counts @ mixture.score_samples(part.rows)
                    tried.append((k, float(n_parameters * np.log(part.counts.sum()) - 2.0 * log_likelihood)))
                    if best is not None and tried[-1][1] > tried[-2][1]:
                        break
                    best = mixture
                progress.advance(k)
        return best, tried

    def _mixture(self, part: Part, n_components: int) -> Any:
        """Return a mixture fitted to one class."""
        rows, counts = part
        if len(rows) == 1:  # scikit-learn wants two rows
            rows, counts = np.repeat(rows, 2, axis=0), np.repeat(counts, 2)
        from vicinal.samplers.weighted_mixture import WeightedMixture  # late: scikit-learn's mixtures load slowly

        mixture = WeightedMixture(
            n_components,
            max_iter=_validation.check_integer(self.max_iter, "max_iter", minimum=1),
            tol=self.tol,
            reg_covar=self.reg_covar,
            random_state=rng.seed_key(self.random_state) % 2**32,
        )
        mixture.row_weights = counts
        try:
            # k-means adds in parallel. With one thread it adds in the same order on any number of cores.
            with threadpool_limits(1, user_api="openmp"):
                mixture.fit(rows)
        except ValueError as error:
            raise InvalidInputError(
                f"the mixture could not be fitted ({error}); raise reg_covar (now {self.reg_covar}), "
                f"lower n_components (now {n_components}), or rescale the latents"
            ) from error
        return mixture

    def _sample(self, draws: Draws) -> Array:
        weights = np.maximum(np.rint(self.weights_ * 2.0**32), 1.0).astype(np.int64)
        component, _ = draw_items(draws, weights, starts_of(self, len(weights)))
        return draw_gaussians(draws, self.means_, np.linalg.cholesky(self.covariances_), component)

    def _score_samples(self, X: Array) -> Array:
        from sklearn.mixture import GaussianMixture  # late: it takes long to load

        mixture = GaussianMixture(len(self.weights_))
        mixture.weights_, mixture.means_, mixture.covariances_ = self.weights_, self.means_, self.covariances_
        mixture.precisions_cholesky_ = np.linalg.inv(np.linalg.cholesky(self.covariances_)).transpose(0, 2, 1)
        return np.asarray(mixture.score_samples(X.astype(np.float64)))


def _n_distinct(part: Part) -> int:
    """Return the number of distinct latents."""
    return len(np.unique(part.rows, axis=0))
