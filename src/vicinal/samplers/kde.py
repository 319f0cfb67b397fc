r"""Gaussian kernels around the training latents.

.. math:: i \sim U\{1, \dots, n\}, \quad z_j = z_{ij} + h s_j e_j, \quad e \sim N(0, I)

with s_j the standard deviation of dimension j and h the bandwidth; after a fit with labels, both are those of the class
of latent i.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _validation
from vicinal._arrays import Array
from vicinal.rng import Draws
from vicinal.samplers import by_class, calibration
from vicinal.samplers.base import Sampler
from vicinal.samplers.batches import Batches, Training
from vicinal.samplers.fitted import BY_CLASS, CALIBRATED, Fitted, attributes
from vicinal.samplers.novelty import NothingToCompareError, Novelty, warn
from vicinal.samplers.probes import KEY
from vicinal.samplers.survey import Survey


class KDESampler(Sampler):
    """Draw a training latent and add Gaussian noise; the density is scikit-learn's.

    Parameters
    ----------
    bandwidth : float, "scott", "silverman" or "auto"
        Standard deviation of the noise, h, in units of each dimension's own. ``"scott"`` is
        n**(-1 / (d + 4)) and ``"silverman"`` is (n (d + 2) / 4)**(-1 / (d + 4)) for n latents, or n latents in a
        class. ``"auto"`` calibrates one bandwidth for all classes; where that is not possible it is ``"scott"``.
    novelty : float
        For ``"auto"``: the target nn ratio. At 1, samples are as far from the training latents as held-out ones.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call.

    Attributes
    ----------
    latents_ : ndarray of shape (n, d)
        The training latents, class by class after a fit with labels.
    bandwidth_ : float, or ndarray of float64, shape (n_classes,)
        The bandwidth h.
    nn_ratio_ : float
        The nn ratio that the calibration reached; only after ``"auto"``.
    nn_ratio_se_ : float
        Its standard error, from the numbers of fresh latents and of samples that were compared.
    scale_ : ndarray of float64, shape (d,) or (n_classes, d)
        Standard deviation of each dimension, s. It is 0 for a constant dimension, which is returned unchanged.
    weights_, classes_, class_starts_ : ndarray
        As in `BootstrapSampler`.

    Notes
    -----
    Where a dimension is constant in a class, the density of the class is that on the subspace that holds its latents.

    References
    ----------
    D. W. Scott, "Multivariate density estimation", 1992, doi:10.1002/9780470316849.
    B. W. Silverman, "Density estimation for statistics and data analysis", 1986.

    Examples
    --------
    >>> import numpy as np
    >>> latents = np.array([[0.0], [1.0], [2.0]])
    >>> sampler = KDESampler(0.5, random_state=0).fit(latents)
    >>> sampler.sample(2).shape
    (2, 1)
    >>> float(sampler.score_samples([[1.0]])[0].round(3))
    -1.085
    """

    _calibrates = ("bandwidth",)

    _expected = attributes(
        latents_=Fitted("n d"),
        bandwidth_=Fitted("c?", 0, _validation.MOST_WIDTH),
        scale_=Fitted("c? d", 0),
        **BY_CLASS,
        **CALIBRATED,
    )

    latents_: Array
    bandwidth_: Any
    nn_ratio_: float
    nn_ratio_se_: float
    scale_: Array

    def __init__(self, bandwidth: float | str = "scott", *, novelty: float = 1.0, random_state: Any = None) -> None:
        self.bandwidth = bandwidth
        self.novelty = novelty
        self.random_state = random_state

    def _fit(self, batches: Batches) -> dict[str, Any]:
        rule = self.bandwidth
        if isinstance(rule, str):
            _validation.check_choice(rule, "bandwidth", ("scott", "silverman", "auto"))
        else:
            rule = _validation.check_width(rule, "bandwidth")
        training = Training.of(batches)
        parts = by_class.parts_of(training, batches)
        bandwidths = [_bandwidth(rule, part.counts.sum(), part.rows.shape[1]) for part in parts]
        scales = np.array([np.sqrt(by_class.mean_and_variance(part)[1]) for part in parts])
        state = {
            "latents_": training.rows.copy(),
            "bandwidth_": by_class.each_class(bandwidths, training),
            "scale_": by_class.each_class(scales, training),
            **by_class.class_state(training),
        }
        return state | (self._calibrated(training, scales, batches.held_out) if rule == "auto" else {})

    def _calibrated(self, training: Training, scales: Array, held_out: Array | None) -> dict[str, Any]:
        """Return the bandwidth that reaches the target, and the nn ratio it reaches; nothing if there is none."""
        target = _validation.check_positive(self.novelty, "novelty")
        try:
            train = Batches(training.rows)
            novelty = Novelty(train, Survey.of(train), held_out, target)
        except NothingToCompareError as error:
            warn("KDESampler", [str(error)], 'the bandwidth of "scott"')
            return {}
        sources, scale = novelty.sources, scales[0]
        draws = Draws(KEY, 0, len(sources), stratified=True)
        if training.classes:
            chosen = draws.choices(len(training.rows))
            sources, scale = training.rows[chosen], scales[by_class.class_of(training.class_starts, chosen)]
        noise = draws.normals(sources.shape[1]) * scale
        added = np.square(scale).mean(axis=0).sum() if training.classes else np.square(scale).sum()
        variance = sources.var(axis=0, dtype=np.float64).sum()
        scott = _bandwidth("scott", *training.rows.shape)
        bandwidth, state = calibration.calibrate_bandwidth(
            novelty, lambda h: sources + h * noise, lambda h: 1 + h**2 * added / variance, scott
        )
        return {"bandwidth_": by_class.each_class([bandwidth] * len(scales), training), **state}

    def _sample(self, draws: Draws) -> Array:
        starts = by_class.starts_of(self, len(self.latents_))
        chosen, _ = by_class.draw_items(draws, getattr(self, "weights_", None), starts)
        deviations = np.reshape(self.bandwidth_, (-1, 1)) * np.atleast_2d(self.scale_)
        noise = draws.normals(self.n_features_in_) * deviations[by_class.class_of(starts, chosen)]
        drawn: Array = self.latents_[chosen] + noise
        return drawn

    def _score_samples(self, X: Array) -> Array:
        starts = by_class.starts_of(self, len(self.latents_))
        weights = getattr(self, "weights_", None)
        sizes = np.diff(starts) if weights is None else np.add.reduceat(weights, starts[:-1])
        scores = np.full(len(X), -np.inf)
        for k, share in enumerate(sizes / sizes.sum()):
            part = slice(starts[k], starts[k + 1])
            bandwidth, scale = np.atleast_1d(self.bandwidth_)[k], np.atleast_2d(self.scale_)[k]
            within = None if weights is None else weights[part]
            log_density = _log_density(X, self.latents_[part], within, bandwidth, scale)
            scores = np.logaddexp(scores, np.log(share) + log_density)
        return scores


def _bandwidth(rule: float | str, n: float, d: int) -> float:
    """Return the bandwidth for n latents of d dimensions."""
    if not isinstance(rule, str):
        return rule
    return float((n * (d + 2) / 4 if rule == "silverman" else n) ** (-1 / (d + 4)))


def _log_density(X: Array, latents: Array, weights: Array | None, bandwidth: float, scale: Array) -> Array:
    """Return the log densities of X (n, d) for the kernels of one class."""
    varies = scale > 0
    scale = scale[varies]
    log_density = np.zeros(len(X))
    if varies.any():
        from sklearn.neighbors import KernelDensity  # late: it takes long to load

        kernels = KernelDensity(bandwidth=bandwidth).fit(latents[:, varies] / scale, sample_weight=weights)
        log_density = kernels.score_samples(X[:, varies] / scale) - np.log(scale).sum()
    in_support = (X[:, ~varies] == latents[0, ~varies]).all(axis=1)
    return np.where(in_support, log_density, -np.inf)
