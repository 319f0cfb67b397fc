r"""Copies of training latents.

.. math:: i \sim U\{1, \dots, n\}, \quad z = z_i
"""

from __future__ import annotations

from typing import Any

from vicinal._arrays import Array
from vicinal.rng import Draws
from vicinal.samplers.base import Sampler
from vicinal.samplers.batches import Batches, Training
from vicinal.samplers.by_class import class_state, draw_items, starts_of
from vicinal.samplers.fitted import BY_CLASS, Fitted, attributes


class BootstrapSampler(Sampler):
    """Draw training latents with replacement: the bootstrap.

    It shows what a quality metric gives to copies. It has no density. Stratified samples are a balanced bootstrap:
    each latent comes up equally often.

    Parameters
    ----------
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    latents_ : ndarray of shape (n, d)
        The training latents, class by class after a fit with labels.
    weights_ : ndarray of int64, shape (n,)
        Weights of the latents; only after a fit with weights.
    classes_, class_starts_ : ndarray, shapes (n_classes,) and (n_classes + 1,)
        Labels. Class k holds the latents ``latents_[class_starts_[k] : class_starts_[k + 1]]``; only with labels.

    References
    ----------
    B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1), 1979,
    doi:10.1214/aos/1176344552.
    A. C. Davison, D. V. Hinkley, E. Schechtman, "Efficient bootstrap simulation", Biometrika 73(3), 1986,
    doi:10.1093/biomet/73.3.555.

    Examples
    --------
    >>> import numpy as np
    >>> BootstrapSampler(random_state=0).fit(np.array([[1.0], [2.0]])).sample(4).ravel()
    array([2., 2., 1., 1.])
    """

    _expected = attributes(latents_=Fitted("n d"), **BY_CLASS)

    latents_: Array

    def __init__(self, *, random_state: Any = None) -> None:
        self.random_state = random_state

    def _fit(self, batches: Batches) -> dict[str, Any]:
        training = Training.of(batches)
        return {"latents_": training.rows.copy(), **class_state(training)}

    def _sample(self, draws: Draws) -> Array:
        chosen, _ = draw_items(draws, getattr(self, "weights_", None), starts_of(self, len(self.latents_)))
        drawn: Array = self.latents_[chosen]
        return drawn
