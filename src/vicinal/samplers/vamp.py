r"""The prior that a VampPrior model has learned: a mixture of the posteriors of its pseudo-inputs.

.. math:: k \sim U\{1, \dots, K\}, \quad z_j = \mu_{kj} + \sigma_{kj} e_j, \quad e \sim N(0, I)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import logsumexp

from vicinal import _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.rng import Draws
from vicinal.samplers.base import Sampler
from vicinal.samplers.batches import Batches
from vicinal.samplers.by_class import without_labels
from vicinal.samplers.fitted import Fitted, attributes

_CHUNK = 1 << 22  # values of differences computed together


class VampSampler(Sampler):
    """Draw from the learned prior of a variational autoencoder; `fit` does not use the values of the latents.

    It can neither draw within classes nor weigh latents: `fit` refuses labels and unequal weights.

    Parameters
    ----------
    autoencoder : object
        Anything with ``prior_components()`` that returns means and log variances (natural logarithms), arrays or
        tensors of shape (K, d): a model that `vicinal.autoencoders.train` made with the objective ``"vamp"``. That of a
        model without pseudo-inputs is one standard normal. Only `fit` needs it, and it is not saved.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    means_ : ndarray of float64, shape (K, d)
        Means of the components, mu.
    variances_ : ndarray of float64, shape (K, d)
        Variances of the components, sigma squared.

    Notes
    -----
    `fit` uses the shape, type and array library of the latents, and nothing else.

    References
    ----------
    J. M. Tomczak, M. Welling, "VAE with a VampPrior", 2018, arXiv:1705.07120.

    Examples
    --------
    >>> import numpy as np
    >>> class Model:
    ...     def prior_components(self):
    ...         return np.array([[-5.0, 0.0], [5.0, 0.0]]), np.zeros((2, 2))
    >>> sampler = VampSampler(Model(), random_state=0).fit(np.ones((10, 2)))
    >>> bool((np.abs(sampler.sample(100)[:, 0]) > 1).all())
    True
    >>> float(sampler.score_samples([[5.0, 0.0]])[0].round(3))  # log 1/2 - log 2 pi
    -2.531
    """

    _conditions = False
    _not_saved = ("autoencoder",)

    _expected = attributes(means_=Fitted("k d"), variances_=Fitted("k d", np.finfo(np.float64).tiny))

    means_: Array
    variances_: Array

    def __init__(self, autoencoder: Any = None, *, random_state: Any = None) -> None:
        self.autoencoder = autoencoder
        self.random_state = random_state

    def _fit(self, batches: Batches) -> dict[str, Any]:
        training = without_labels(batches, "VampSampler", weighs=False)
        components = getattr(self.autoencoder, "prior_components", None)
        if not callable(components):
            raise InvalidTypeError(
                "autoencoder must have prior_components(), the means and log variances of its prior; got "
                f"{type(self.autoencoder).__name__}: pass a model trained with the objective 'vamp'"
            )
        means, log_variances = (
            _validation.check_array(part, "prior_components()").astype(np.float64) for part in components()
        )
        d = training.rows.shape[1]
        if means.shape != log_variances.shape or means.ndim != 2 or means.shape[1] != d or len(means) == 0:
            raise InvalidInputError(
                f"prior_components() must return means and log variances of shape (K, {d}), for latents of {d} "
                f"dimensions; got {means.shape} and {log_variances.shape}: fit latents of that autoencoder"
            )
        variances = np.exp(log_variances)
        if not (np.isfinite(means).all() and np.isfinite(variances).all() and (variances > 0).all()):
            raise InvalidInputError("prior_components() must return finite means, and log variances from -700 to 700")
        return {"means_": means, "variances_": variances}

    def _sample(self, draws: Draws) -> Array:
        component = draws.choices(len(self.means_))
        normals = draws.normals(self.means_.shape[1])
        return self.means_[component] + np.sqrt(self.variances_[component]) * normals

    def _score_samples(self, X: Array) -> Array:
        n_components, d = self.means_.shape
        log_scale = -0.5 * (np.log(self.variances_).sum(axis=1) + d * math.log(2.0 * math.pi)) - math.log(n_components)
        scores = np.empty(len(X))
        step = max(1, _CHUNK // self.means_.size)
        for first in range(0, len(X), step):
            differences = X[first : first + step, None] - self.means_
            squares = (np.square(differences) / self.variances_).sum(axis=2)
            scores[first : first + step] = logsumexp(log_scale - 0.5 * squares, axis=1)
        return scores
