r"""One Gaussian, or one for each class.

.. math:: z = \mu + F e, \quad e \sim N(0, I), \quad F F^T = \Sigma
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import multivariate_normal

from vicinal import _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.rng import Draws
from vicinal.samplers import by_class, labels
from vicinal.samplers.base import Sampler
from vicinal.samplers.batches import Batches, Training
from vicinal.samplers.fitted import MOST_MASS, Fitted, attributes


class GaussianSampler(Sampler):
    """Draw from one Gaussian: the standard one, or the one with the moments of the latents.

    After a fit with labels, each class has a Gaussian with its own moments, and the density is that of their mixture.

    Parameters
    ----------
    covariance_type : {"full", "diag", "standard"}
        ``"full"``: mean and covariance of the training latents (ddof=1). ``"diag"``: mean and variances.
        ``"standard"``: mean 0 and covariance I, the prior of a variational autoencoder. It depends neither on the
        latents nor on labels and weights, so these are refused.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    mean_ : ndarray of float64, shape (d,), or (n_classes, d) after a fit with labels
        Mean.
    covariance_ : ndarray of float64, shape (d, d), or (n_classes, d, d)
        Covariance. Where it is singular, the density is that on the subspace that holds the latents.
    classes_, class_counts_ : ndarray of shape (n_classes,)
        Labels, and the total weight (int64) of each class; only after a fit with labels.

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

    _expected = attributes(
        mean_=Fitted("c? d"),
        covariance_=Fitted("c? d d", covariances="semidefinite"),
        class_counts_=Fitted("c", 1, MOST_MASS, whole=True, needed=False),
    )

    mean_: Array
    covariance_: Array

    def __init__(self, covariance_type: str = "full", *, random_state: Any = None) -> None:
        self.covariance_type = covariance_type
        self.random_state = random_state

    def _fit(self, batches: Batches) -> dict[str, Any]:
        kind = _validation.check_choice(self.covariance_type, "covariance_type", ("full", "diag", "standard"))
        if kind == "standard":
            d = by_class.without_labels(batches, 'GaussianSampler("standard")', weighs=False).rows.shape[1]
            return {"mean_": np.zeros(d), "covariance_": np.eye(d)}
        training = Training.of(batches)
        moments = [_moments(part, kind) for part in by_class.parts_of(training, batches)]
        means, covariances = (by_class.each_class(list(values), training) for values in zip(*moments, strict=True))
        if not np.isfinite(np.trace(covariances, axis1=-2, axis2=-1)).all():  # as large as an eigenvalue can be
            raise InvalidInputError("latents are too large: the sum of their variances is beyond float64; rescale them")
        state = {"mean_": means, "covariance_": covariances}
        if training.classes:
            weights = np.ones(len(training.rows), np.int64) if training.weights is None else training.weights
            state["classes_"] = labels.as_array(training.classes)
            state["class_counts_"] = np.add.reduceat(weights, training.class_starts[:-1])
        return state

    def _places_of(self, y: Any, n_samples: int) -> Array:
        if self.covariance_type == "standard":
            raise InvalidInputError(
                'GaussianSampler("standard") cannot draw within classes: leave y out, or fit GaussianSampler("full") '
                "with labels"
            )
        return super()._places_of(y, n_samples)

    def _gaussians(self) -> tuple[Array, Array, Array]:
        """Return counts (n,), means (n, d) and covariances (n, d, d) of the Gaussians of all classes."""
        d = self.n_features_in_
        counts = getattr(self, "class_counts_", np.ones(1, np.int64))
        return counts, self.mean_.reshape(-1, d), self.covariance_.reshape(-1, d, d)

    def _sample(self, draws: Draws) -> Array:
        counts, means, covariances = self._gaussians()
        which = draws.classes
        if which is None:
            which, _ = by_class.draw_items(draws, counts, np.array([0, len(counts)]))
        eigenvalues, eigenvectors = np.linalg.eigh(covariances)
        factors = eigenvectors * np.sqrt(np.maximum(eigenvalues, 0.0))[:, None, :]
        return by_class.draw_gaussians(draws, means, factors, which)

    def _score_samples(self, X: Array) -> Array:
        counts, means, covariances = self._gaussians()
        scores = np.full(len(X), -np.inf)
        for share, mean, covariance in zip(counts / counts.sum(), means, covariances, strict=True):
            scores = np.logaddexp(scores, np.log(share) + _log_density(X, mean, covariance))
        return scores


def _moments(part: by_class.Part, kind: str) -> tuple[Array, Array]:
    """Return mean (d,) and covariance (d, d)."""
    rows, counts = part
    mean, variance = by_class.mean_and_variance(part)
    if kind == "diag" or not variance.any():
        return mean, np.diag(variance)
    if (counts == 1).all():
        return mean, np.cov(rows.astype(np.float64), rowvar=False).reshape(len(mean), len(mean))
    centred = rows - mean
    return mean, (counts[:, None] * centred).T @ centred / (counts.sum() - 1.0)


def _log_density(X: Array, mean: Array, covariance: Array) -> Array:
    if not covariance.any():  # all latents were equal
        return np.where((mean.astype(X.dtype) == X).all(axis=1), 0.0, -np.inf)
    gaussian = multivariate_normal(mean, covariance, allow_singular=True)
    return np.asarray(gaussian.logpdf(X.astype(np.float64))).reshape(len(X))
