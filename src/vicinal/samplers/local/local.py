r"""Samples shaped by the neighbours of a latent: the sampler to use first.

The n training latents are cut into neighbourhoods of K latents each by a principal axis tree
(`vicinal.samplers.local.tree`). Then latents move to the neighbourhood that fits them best
(`vicinal.samplers.local.moves`): neighbourhoods are small where latents are dense, and do not cut through clusters.
For latent i, drawn by its weight, in the neighbourhood z_1, ..., z_K with mean m:

.. math::
    z = z_i + s (m - z_i) + \frac{a}{\sqrt{K}} \sum_{k=1}^{K} e_k (z_k - m), \quad e_k \sim N(0, 1)

With shrinkage s = 1 and scale a = 1, each neighbourhood is replaced by the Gaussian of its mean and covariance. Every
latent is in one neighbourhood, so the mean and covariance of all latents are kept as well, whatever K. K takes the
samples from copies (1) to one Gaussian (n), and never inflates the variance. A fit is O(n d log n), and O(n d^2) where
K is at least 5 d.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from vicinal import _validation, kernels
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.rng import Draws
from vicinal.samplers import calibration
from vicinal.samplers.batches import Batches, Training
from vicinal.samplers.by_class import class_of, class_state, draw_items, starts_of
from vicinal.samplers.fitted import BY_CLASS, CALIBRATED, Fitted, Starts, attributes
from vicinal.samplers.local.conditional import ConditionalSampler
from vicinal.samplers.local.partition import Neighborhoods, means_of, nearest_latent, neighborhoods, variance_ratio
from vicinal.samplers.novelty import NothingToCompareError, Novelty, warn
from vicinal.samplers.packing import smallest
from vicinal.samplers.probes import KEY, N_PROBES
from vicinal.samplers.sources import Source
from vicinal.samplers.survey import Survey


class LocalSampler(ConditionalSampler):
    r"""Sample from the local mean and covariance of the training latents.

    .. math:: z = z_i + s (m - z_i) + \frac{a}{\sqrt{K}} \sum_{k=1}^{K} e_k (z_k - m), \quad e_k \sim N(0, 1)

    with m the mean of the K training latents around latent i, its neighbourhood. Small neighbourhoods keep samples
    close to the training latents; large ones make them new. ``n_neighbors="auto"`` takes the size at which samples
    are as far from the training latents as fresh latents are.

    Parameters
    ----------
    n_neighbors : "auto" or int
        Training latents in a neighbourhood, K, on average; 1 copies. ``"auto"`` finds the number, see
        `vicinal.samplers.calibration`.
    scale : "auto" or float
        Standard deviation of the samples of a neighbourhood over that of its latents, a. ``"auto"`` is 1, which keeps
        variances as they are. It differs from 1 only if no number of neighbours meets ``novelty``, or if the number
        is given.
    novelty : float
        With ``"auto"``, the target nn ratio: below 1 closer to the training latents, above 1 farther from them.
    shrinkage : float
        How far the centre of a sample is moved from the latent to the mean of its neighbourhood, s, in [0, 1].
    max_iter : int
        Steps, at most, in which latents move to the neighbourhood that fits them best. 0 leaves them in the
        neighbourhoods of the tree, which all have the same size to within a few latents: a shorter fit, and samples
        less like the data.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call. Nothing in `fit` is random.

    Attributes
    ----------
    latents_ : ndarray of shape (n, d)
        The training latents, neighbourhood by neighbourhood; float32 or float64.
    rows_ : ndarray of unsigned int, shape (n,)
        The row of ``X`` of each of ``latents_``.
    neighborhood_starts_ : ndarray of int64, shape (n_neighborhoods + 1,)
        Neighbourhood c holds the latents ``latents_[neighborhood_starts_[c] : neighborhood_starts_[c + 1]]``.
    n_neighbors_ : int
        Latents in a neighbourhood on average, K.
    scale_ : float
        The scale a.
    nn_ratio_ : float
        The nn ratio that the calibration reached; only after ``"auto"``.
    nn_ratio_se_ : float
        Its standard error, from the numbers of fresh latents and of samples that were compared.
    variance_ratio_ : float
        Total variance of the samples over that of the training latents: 1 at scale 1 and shrinkage 1.
    weights_ : ndarray of int64, shape (n,)
        Weights of the latents; only after a fit with weights.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; only after a fit with labels. Neighbourhoods are then made within classes.
    class_starts_ : ndarray of int64, shape (n_classes + 1,)
        Class k holds the latents ``latents_[class_starts_[k] : class_starts_[k + 1]]``.

    See Also
    --------
    PMFSampler : uniform cells of a regular grid: compressed, mergeable, with a density.
    GMMSampler : Gaussians fitted by expectation maximisation.

    Notes
    -----
    There is no density: a neighbourhood of no more latents than dimensions has a singular covariance. Weights weigh
    latents and neighbourhoods, but do not shape neighbourhoods. All latents are kept in memory.

    References
    ----------
    P. Vincent, Y. Bengio, "Manifold Parzen windows", NeurIPS 2002.
    N. Verma, S. Kpotufe, S. Dasgupta, "Which spatial partition trees are adaptive to intrinsic dimension?", UAI
    2009, arXiv:1205.2609.
    G. Celeux, G. Govaert, "A classification EM algorithm for clustering and two stochastic versions", Computational
    Statistics & Data Analysis 14, 1992, doi:10.1016/0167-9473(92)90042-E.
    C. Fraley, A. E. Raftery, "Bayesian regularization for normal mixture estimation and model-based clustering",
    Journal of Classification 24, 2007, doi:10.1007/s00357-007-0004-5.

    Examples
    --------
    >>> import numpy as np
    >>> circle = np.random.default_rng(0).normal(size=(2000, 2))
    >>> circle /= np.linalg.norm(circle, axis=1, keepdims=True)
    >>> sampler = LocalSampler(8, scale=1.0, random_state=0).fit(circle)
    >>> radii = np.linalg.norm(sampler.sample(1000), axis=1)
    >>> bool(abs(radii - 1).max() < 0.01), sampler.variance_ratio_
    (True, 1.0)

    With ``"auto"``, the number of neighbours makes samples as far from the training latents as fresh latents are:

    >>> latents = np.random.default_rng(0).normal(size=(2000, 4))
    >>> sampler = LocalSampler().fit(latents)
    >>> round(sampler.nn_ratio_, 1), sampler.scale_
    (1.0, 1.0)
    """

    _calibrates = ("n_neighbors", "scale")

    _expected = attributes(
        latents_=Fitted("n d"),
        neighborhood_starts_=Starts("n"),
        rows_=Fitted("n", 0, 2**63, whole=True, needed=False),
        n_neighbors_=Fitted(low=1, whole=True),
        scale_=Fitted(low=0),
        variance_ratio_=Fitted(low=0, finite=False, needed=False),
        **BY_CLASS,
        **CALIBRATED,
    )

    latents_: Array
    rows_: Array
    neighborhood_starts_: Array
    n_neighbors_: int
    scale_: float
    nn_ratio_: float
    nn_ratio_se_: float
    variance_ratio_: float
    weights_: Array
    classes_: Array
    class_starts_: Array

    def __init__(
        self,
        n_neighbors: int | str = "auto",
        *,
        scale: float | str = "auto",
        novelty: float = 1.0,
        shrinkage: float = 1.0,
        max_iter: int = 8,
        random_state: Any = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.scale = scale
        self.novelty = novelty
        self.shrinkage = shrinkage
        self.max_iter = max_iter
        self.random_state = random_state

    def _check_fitted(self) -> None:
        _checked_shrinkage(self.shrinkage)

    def _fit(self, batches: Batches) -> dict[str, Any]:
        target = _validation.check_positive(self.novelty, "novelty")
        shrinkage = _checked_shrinkage(self.shrinkage)
        n_neighbors = _auto_or(self.n_neighbors, "n_neighbors", partial(_validation.check_integer, minimum=1))
        max_iter = _validation.check_integer(self.max_iter, "max_iter", minimum=0)
        scale = _auto_or(self.scale, "scale", _validation.check_positive)
        training = Training.of(batches)
        if n_neighbors is not None and n_neighbors > len(training.rows):
            raise InvalidInputError(
                f"n_neighbors must be at most the number of latents; got {n_neighbors} for n_samples="
                f"{len(training.rows)}"
            )
        made = _keep_last(lambda k: neighborhoods(training, k, max_iter))
        state: dict[str, Any] = {}
        if n_neighbors is None or scale is None:
            n_neighbors, scale, state = _calibrate(
                training.rows, batches.held_out, target, n_neighbors, scale, shrinkage, made
            )
        found = made(n_neighbors)
        state |= {"latents_": found.training.rows, "neighborhood_starts_": found.starts, "n_neighbors_": n_neighbors}
        state |= {"scale_": scale, "variance_ratio_": variance_ratio(found, shrinkage, scale)}
        return state | {"rows_": smallest(found.training.numbers)} | class_state(found.training)

    def _own(self, draws: Draws) -> Array:
        """Return the latent that each sample is drawn around, (n_samples,) int64."""
        return draw_items(draws, getattr(self, "weights_", None), starts_of(self, len(self.latents_)))[0]

    def _sample(self, draws: Draws) -> Array:
        return self._around(draws, self._own(draws))

    def _around(self, draws: Draws, own: Array) -> Array:
        weights = getattr(self, "weights_", None)
        return _sample_around(
            draws, self.latents_, weights, self.neighborhood_starts_, own, self.shrinkage, self.scale_
        )

    def _source(self, draws: Draws) -> Source:
        if not hasattr(self, "rows_"):
            raise InvalidInputError("the file of this sampler was written before rows were kept: fit it again")
        own = self._own(draws)
        classes = self.classes_[class_of(self.class_starts_, own)] if hasattr(self, "classes_") else None
        return Source(self.rows_[own].astype(np.int64), classes)

    def _sample_near(self, draws: Draws, latent: Array) -> Array:
        return self._around(draws, np.full(draws.n_samples, nearest_latent(self.latents_, latent)))

    def _centres(self) -> tuple[Array, Array]:
        means = means_of(self.latents_, getattr(self, "weights_", None), self.neighborhood_starts_)
        return means, np.ones(means.shape[1])


def _sample_around(
    draws: Draws, latents: Array, weights: Array | None, starts: Array, own: Array, s: float, scale: float
) -> Array:
    """Return samples (n, d) from the neighbourhoods of the latents ``own`` (n,)."""
    place = np.searchsorted(starts, own, side="right") - 1
    return kernels.select().mix_rows(
        latents, weights, starts[place], starts[place + 1], own, s, scale,
        key=draws.key, start=draws.start, classes=draws.classes,
    )  # fmt: skip


def _calibrate(
    latents: Array, held_out: Array | None, target: float, n_neighbors: int | None, scale: float | None, s: float,
    made: Callable[[int], Neighborhoods],
) -> tuple[int, float, dict[str, float]]:  # fmt: skip
    """Return neighbours, scale and the attributes of the calibration; ``made`` gives the neighbourhoods of a size."""
    try:
        train = Batches(latents)
        novelty = Novelty(train, Survey.of(train), held_out, target)
    except NothingToCompareError as error:
        fallback = min(n_neighbors or calibration.FALLBACK_NEIGHBORS, len(latents)), scale or 1.0
        warn("LocalSampler", [str(error)], f"n_neighbors={fallback[0]} and scale={fallback[1]:g}")
        return *fallback, {"nn_ratio_": math.nan, "nn_ratio_se_": math.nan}
    draws = Draws(KEY, 0, N_PROBES, stratified=True)
    own = draws.choices(len(latents))

    def draw(n_neighbors: int, scale: float) -> Array:
        found = made(n_neighbors)
        rows, weights = found.training.rows, found.training.weights
        return _sample_around(draws, rows, weights, found.starts, own, s, scale)

    def variance(n_neighbors: int, scale: float) -> float:
        return variance_ratio(made(n_neighbors), s, scale)

    return calibration.calibrate_neighbors(novelty, draw, variance, n_neighbors, scale, len(latents))


def _keep_last(make: Callable[[int], Neighborhoods]) -> Callable[[int], Neighborhoods]:
    """Keep the last result; it is dropped before another is made, so that memory never holds both."""
    kept: dict[int, Neighborhoods] = {}

    def remembered(number: int) -> Neighborhoods:
        if number not in kept:
            kept.clear()
            kept[number] = make(number)
        return kept[number]

    return remembered


def _auto_or(value: Any, name: str, check: Any) -> Any:
    """Return None for "auto", or the checked number."""
    if isinstance(value, str):
        _validation.check_choice(value, name, ("auto",))
        return None
    return check(value, name)


def _checked_shrinkage(shrinkage: Any) -> float:
    if isinstance(shrinkage, bool) or not isinstance(shrinkage, int | float | np.number):
        raise InvalidTypeError(f"shrinkage must be a number from 0 to 1; got {shrinkage!r}")
    if not 0 <= shrinkage <= 1:
        raise InvalidInputError(f"shrinkage must be from 0 to 1; got {shrinkage}")
    return float(shrinkage)
