r"""Directions from a sphere, lengths from the training latents.

.. math:: z = \mu + \lVert z_i - \mu \rVert \frac{e}{\lVert e \rVert}, \quad i \sim U\{1, \dots, n\}, \; e \sim N(0, I)

with mu the mean of the latents; after a fit with labels, of those in the class of latent i.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal.rng import Draws
from vicinal.samplers import by_class
from vicinal.samplers.base import Sampler
from vicinal.samplers.batches import Batches, Training
from vicinal.samplers.fitted import BY_CLASS, Fitted, attributes


class HypersphereSampler(Sampler):
    """Draw directions uniformly, at the distances that the training latents have from their mean.

    This suits latents on a sphere, such as those of hyperspherical autoencoders and of a standard normal prior in many
    dimensions. Elsewhere it shows how much the directions matter. It has no density.

    Parameters
    ----------
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    mean_ : ndarray of float64, shape (d,), or (n_classes, d) after a fit with labels
        Mean of the training latents.
    radii_ : ndarray of float64, shape (n,)
        Distances of the training latents from it, sorted within each class.
    weights_, classes_, class_starts_ : ndarray
        As in `BootstrapSampler`, with radii in place of latents.

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

    _expected = attributes(mean_=Fitted("c? d"), radii_=Fitted("n", 0), **BY_CLASS)

    mean_: Array
    radii_: Array

    def __init__(self, *, random_state: Any = None) -> None:
        self.random_state = random_state

    def _fit(self, batches: Batches) -> dict[str, Any]:
        training = Training.of(batches)
        parts = by_class.parts_of(training, batches)
        means = [by_class.mean_and_variance(part)[0] for part in parts]
        radii = [np.sqrt(np.square(part.rows - mean).sum(axis=1)) for part, mean in zip(parts, means, strict=True)]
        firsts = training.class_starts[:-1]
        order = np.concatenate([first + np.argsort(within) for first, within in zip(firsts, radii, strict=True)])
        state = {"mean_": by_class.each_class(means, training), "radii_": np.concatenate(radii)[order]}
        return state | by_class.class_state(training.take(order))

    def _sample(self, draws: Draws) -> Array:
        starts = by_class.starts_of(self, len(self.radii_))
        chosen, _ = by_class.draw_items(draws, getattr(self, "weights_", None), starts)
        directions = draws.normals(self.n_features_in_)
        lengths = np.sqrt(np.square(directions).sum(axis=1))
        means = np.atleast_2d(self.mean_)[by_class.class_of(starts, chosen)]
        return means + directions * (self.radii_[chosen] / lengths)[:, None]
