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

from itertools import pairwise
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from vicinal import _validation, rng
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.rng import Draws
from vicinal.samplers import whole
from vicinal.samplers.batches import Batches, Training, are_steps
from vicinal.samplers.by_class import class_of, class_state, draw_items, starts_of
from vicinal.samplers.counts import smallest
from vicinal.samplers.fitted import BY_CLASS, CALIBRATED, Fitted, Starts, attributes
from vicinal.samplers.local import additions, beyond_memory
from vicinal.samplers.local.conditional import ConditionalSampler
from vicinal.samplers.local.mixing import sample_around
from vicinal.samplers.local.partition import Neighborhoods, maker, means_of, nearest_latent, variance_ratio
from vicinal.samplers.local.settings import Settings, checked_shrinkage
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
    max_memory : int or str, optional
        Bytes that a fit may take, about, such as ``"4GB"``. More latents than that go through temporary files, leaf by
        leaf of a tree: see `vicinal.samplers.local.beyond_memory`. ``latents_`` and ``rows_`` are then memory maps of
        temporary files. None keeps all in memory.
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
    latents and neighbourhoods, but do not shape neighbourhoods. All latents are kept: in memory, or with
    ``max_memory`` in a file.

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
        scale_=Fitted(low=0, high=_validation.MOST_WIDTH),
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
        max_memory: int | str | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.scale = scale
        self.novelty = novelty
        self.shrinkage = shrinkage
        self.max_iter = max_iter
        self.max_memory = max_memory
        self.random_state = random_state

    def partial_fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Add latents to the fit: the neighbourhoods that they touch grow, and are cut when they are large.

        The first call is a fit, which also finds ``n_neighbors_`` and ``scale_``. Later calls keep both. A new latent
        goes to the neighbourhood of its class with the nearest mean. A neighbourhood of 2 ``n_neighbors_`` latents or
        more is cut anew. Other neighbourhoods keep their bits. So the law is close to that of one `fit` to all latents,
        but it is not the same, and it depends on the order of the calls.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`. Weights must be whole, since the scale of fractional weights is not known before all have been
            seen. Labels come with all latents or with none; new classes are allowed.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError, InvalidTypeError
            As `fit`. The sampler is then as it was.

        Notes
        -----
        Latents are converted to the type of the first. ``rows_`` counts on from the largest row before.

        Examples
        --------
        >>> import numpy as np
        >>> latents = np.random.default_rng(0).normal(size=(2000, 2))
        >>> sampler = LocalSampler(20, scale=1.0).fit(latents[:1000]).partial_fit(latents[1000:])
        >>> len(sampler.latents_), sampler.variance_ratio_
        (2000, 1.0)
        """
        fitted = self.__sklearn_is_fitted__()
        batches = self._batches_to_add(X, y, sample_weight, minimum=1 if fitted else 2)
        if not fitted:
            rng.check_seed(self.random_state)
            return self._fit_batches(X, batches)
        new = Training.of(batches)
        rows = new.rows.astype(self.latents_.dtype, copy=False)
        _validation.check_finite(rows, "latents")
        self._set_added(self._added(new._replace(rows=rows)), self)
        return self

    def merge(self, other: LocalSampler) -> LocalSampler:
        """Return the sampler of this one's latents and another's together.

        The latents of the other are added as by `partial_fit`, in the order of their rows. So the result has the number
        of neighbours and the scale of this one, and ``a.merge(b)`` is not ``b.merge(a)``.

        Parameters
        ----------
        other : LocalSampler
            Fitted, to latents of the same shape and type.

        Returns
        -------
        LocalSampler
            A new one, with this one's parameters.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            If the two do not go together.
        sklearn.exceptions.NotFittedError
            If either is not fitted.
        """
        if not isinstance(other, LocalSampler):
            raise InvalidTypeError(f"other must be a LocalSampler; got {type(other).__name__}")
        check_is_fitted(self)
        check_is_fitted(other)
        if (self.event_shape_, self.dtype_) != (other.event_shape_, other.dtype_):
            raise InvalidInputError(
                "samplers to merge must have been fitted to latents of one shape and type; got "
                f"{self.event_shape_} {self.dtype_} and {other.event_shape_} {other.dtype_}"
            )
        new = other._neighborhoods().training
        by_row = [np.argsort(new.numbers[a:b], kind="stable") + a for a, b in pairwise(new.class_starts.tolist())]
        found = self._added(new.take(np.concatenate(by_row)))
        merged = type(self)(**self.get_params(deep=False))
        if "feature_names_in_" in self.__dict__:
            merged.feature_names_in_ = self.feature_names_in_
        merged._set_added(found, self)
        return merged

    def _neighborhoods(self) -> Neighborhoods:
        """Return the neighbourhoods as they were fitted."""
        _check_rows_kept(self)
        classes = tuple(self.classes_.tolist()) if hasattr(self, "classes_") else ()
        starts, weights = starts_of(self, len(self.latents_)), getattr(self, "weights_", None)
        return Neighborhoods(Training(self.latents_, weights, classes, starts, self.rows_), self.neighborhood_starts_)

    def _added(self, new: Training) -> Neighborhoods:
        """Return the neighbourhoods with more latents."""
        old = self._neighborhoods()
        if are_steps(old.training.weights) or are_steps(new.weights):
            raise InvalidInputError(
                "a fit with fractional weights cannot be added to, since its weights were scaled; pass all to fit"
            )
        if bool(old.training.classes) != bool(new.classes):
            raise InvalidInputError("latents must all come with labels, or all without; got both")
        new = new._replace(numbers=new.numbers.astype(np.int64) + int(self.rows_.max()) + 1)
        return additions.add(
            old, new, self.n_neighbors_, _validation.check_integer(self.max_iter, "max_iter", minimum=0)
        )

    def _set_added(self, found: Neighborhoods, like: LocalSampler) -> None:
        """Take the neighbourhoods of a fitted sampler, which may be this one, and of more latents."""
        kept = ("n_neighbors_", "scale_", "nn_ratio_", "nn_ratio_se_")
        state = {name: like.__dict__[name] for name in kept if name in like.__dict__}
        with np.errstate(over="ignore", invalid="ignore"):
            state |= state_of(found, checked_shrinkage(self.shrinkage), like.scale_)
        if "whole_range_" in like.__dict__:
            lower, upper = whole.range_of(Batches(found.training.rows))
            state["whole_range_"] = np.array([lower, upper])
        self._set_fitted(state, like.event_shape_, like.dtype_, like._tensor_kind)

    def _check_fitted(self) -> None:
        checked_shrinkage(self.shrinkage)

    def _fit(self, batches: Batches) -> dict[str, Any]:
        settings = Settings.of(self)
        if settings.max_memory is not None or batches.on_dask:
            survey = Survey.of(batches)
            plan = beyond_memory.Plan.of(survey.probes.n_rows, survey.lower.nbytes, settings.max_memory)
            if plan.n_leaves > 1 or batches.on_dask:
                settings.check_at_most(survey.probes.n_rows)
                return beyond_memory.fit(batches, survey, plan, settings)
        training = Training.of(batches)
        settings.check_at_most(len(training.rows))
        made = maker(training, settings.max_iter)
        n_neighbors, scale, state = settings.calibrated(training, batches.held_out, made)
        found = made(n_neighbors)
        return state | {"n_neighbors_": n_neighbors, "scale_": scale} | state_of(found, settings.shrinkage, scale)

    def _own(self, draws: Draws) -> Array:
        """Return the latent that each sample is drawn around, (n_samples,) int64."""
        return draw_items(draws, getattr(self, "weights_", None), starts_of(self, len(self.latents_)))[0]

    def _sample(self, draws: Draws) -> Array:
        return self._around(draws, self._own(draws))

    def _around(self, draws: Draws, own: Array) -> Array:
        weights = getattr(self, "weights_", None)
        return sample_around(draws, self.latents_, weights, self.neighborhood_starts_, own, self.shrinkage, self.scale_)

    def _source(self, draws: Draws) -> Source:
        _check_rows_kept(self)
        own = self._own(draws)
        classes = self.classes_[class_of(self.class_starts_, own)] if hasattr(self, "classes_") else None
        return Source(self.rows_[own].astype(np.int64), classes)

    def _sample_near(self, draws: Draws, latent: Array) -> Array:
        return self._around(draws, np.full(draws.n_samples, nearest_latent(self.latents_, latent)))

    def _centres(self) -> tuple[Array, Array]:
        means = means_of(self.latents_, getattr(self, "weights_", None), self.neighborhood_starts_)
        return means, np.ones(means.shape[1])


def state_of(found: Neighborhoods, shrinkage: float, scale: float) -> dict[str, Any]:
    """Return the fitted attributes of neighbourhoods."""
    return {
        "latents_": found.training.rows,
        "rows_": smallest(found.training.numbers),
        "neighborhood_starts_": found.starts,
        "variance_ratio_": variance_ratio(found, shrinkage, scale),
        **class_state(found.training),
    }


def _check_rows_kept(sampler: LocalSampler) -> None:
    if not hasattr(sampler, "rows_"):
        raise InvalidInputError("the file of this sampler was written before rows were kept: fit it again")
