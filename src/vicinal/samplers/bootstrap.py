r"""Copies of training latents: what every quality metric loves and nobody wants.

.. math:: i \sim U\{1, \dots, n\}, \quad z = z_i
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import rng
from vicinal.samplers.base import ArrayFitMixin

Array = np.ndarray[Any, Any]


class BootstrapSampler(ArrayFitMixin):
    """Draw training latents with replacement, each equally often: a balanced bootstrap.

    The row of every table that shows what a quality metric gives to mere copies. It has no density.

    Parameters
    ----------
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    latents_ : ndarray of shape (n, d)
        The training latents.

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
    array([2., 2., 1., 2.])
    """

    latents_: Array

    def __init__(self, *, random_state: Any = None) -> None:
        self.random_state = random_state

    def _fit(self, X: Array) -> dict[str, Any]:
        return {"latents_": X.copy()}

    def _sample(self, key: int, start: int, n_samples: int) -> Array:
        return self.latents_[rng.choices(key, start, n_samples, len(self.latents_))]
