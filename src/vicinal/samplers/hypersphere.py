r"""Directions from a sphere, lengths from the training latents.

.. math:: z = \mu + \lVert z_i - \mu \rVert \frac{e}{\lVert e \rVert}, \quad i \sim U\{1, \dots, n\}, \; e \sim N(0, I)

with mu the mean of the latents.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import rng
from vicinal.samplers.base import ArrayFitMixin

Array = np.ndarray[Any, Any]


class HypersphereSampler(ArrayFitMixin):
    """Draw directions uniformly, at the distances that the training latents have from their mean.

    What is right where latents fill spheres, as those of hyperspherical autoencoders and of a standard normal prior in
    many dimensions do, and shows elsewhere how much of a distribution is in its directions. It has no density.

    Parameters
    ----------
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    mean_ : ndarray of float64, shape (d,)
        Mean of the training latents.
    radii_ : ndarray of float64, shape (n,)
        Distances of the training latents from it, sorted.

    References
    ----------
    T. R. Davidson et al., "Hyperspherical variational auto-encoders", 2018, arXiv:1804.00891.

    Examples
    --------
    >>> import numpy as np
    >>> circle = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 3.0], [0.0, -3.0]])
    >>> drawn = HypersphereSampler(random_state=0).fit(circle).sample(1000)
    >>> bool(np.allclose(np.linalg.norm(drawn, axis=1), 3.0)), bool((drawn > 2).any(axis=0).all())
    (True, True)
    """

    mean_: Array
    radii_: Array

    def __init__(self, *, random_state: Any = None) -> None:
        self.random_state = random_state

    def _fit(self, X: Array) -> dict[str, Any]:
        mean = X.mean(axis=0, dtype=np.float64)
        return {"mean_": mean, "radii_": np.sort(np.sqrt(np.square(X - mean).sum(axis=1)))}

    def _sample(self, key: int, start: int, n_samples: int) -> Array:
        radii = self.radii_[rng.choices(key, start, n_samples, len(self.radii_))]
        directions = rng.normals(key, start, n_samples, len(self.mean_))
        lengths = np.sqrt(np.square(directions).sum(axis=1))
        return self.mean_ + directions * (radii / lengths)[:, None]
