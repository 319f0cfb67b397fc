r"""Vicinities shaped by the neighbours of a latent: the sampler to use first.

The n training latents are cut into cells of K neighbours each by a principal axis tree (`vicinal.kernels.tree`), and
then move to the cells that fit them best (`vicinal.kernels.moves`): cells are small where latents are dense, and do not
cut through clusters.
For latent i, drawn by its weight, in the cell of z_1, ..., z_K with mean m:

.. math::
    z = z_i + s (m - z_i) + \frac{a}{\sqrt{K}} \sum_{k=1}^{K} e_k (z_k - m), \quad e_k \sim N(0, 1)

With shrinkage s = 1 and scale a = 1 a cell is replaced by the Gaussian of its mean and covariance. Since every
latent is in one cell, the mean and covariance of all latents are kept as well, whatever K: K takes the samples from
copies (1) to one Gaussian (n), and never inflates the variance. O(n d log n), and O(n d^2) where K is at least 5 d.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from vicinal import _validation, rng
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.samplers import calibration, labels
from vicinal.samplers.batch_fit import BatchFitMixin
from vicinal.samplers.batches import Batches
from vicinal.samplers.training import Training
from vicinal.samplers.vicinities import Cells, draw_rows, in_cells, keep_last, sample_vicinities, variance_ratio

Array = np.ndarray[Any, Any]


class LocalSampler(BatchFitMixin):
    r"""Sample from the local mean and covariance of the training latents.

    .. math:: z = z_i + s (m - z_i) + \frac{a}{\sqrt{K}} \sum_{k=1}^{K} e_k (z_k - m), \quad e_k \sim N(0, 1)

    with m the mean of the K training latents around latent i, its cell. Few neighbours keep samples close to the
    training latents, many make them new. ``n_neighbors="auto"`` takes the number at which samples are as new as
    fresh data.

    Parameters
    ----------
    n_neighbors : "auto" or int
        Training latents in a cell, K, on average; 1 copies. ``"auto"`` finds the number, see
        `vicinal.samplers.calibration`.
    scale : "auto" or float
        Standard deviation of the vicinity over that of the cell, a. ``"auto"`` is 1, which keeps variances as they
        are, unless no number of neighbours meets ``novelty`` or the number is given.
    novelty : float
        With ``"auto"``, the nn ratio to aim for: below 1 closer to the data, above 1 bolder.
    shrinkage : float
        How far the centre of the vicinity is moved from the latent to the mean of its cell, s, in [0, 1].
    max_iter : int
        Times at most that latents move to the cell that fits them best. 0 leaves them in the cells of the tree, which
        are all of a size, to within a few latents: a shorter fit, and samples less like the data.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call. Nothing in `fit` is random.

    Attributes
    ----------
    latents_ : ndarray of shape (n, d)
        The training latents, cell by cell; float32 or float64.
    cell_starts_ : ndarray of int64, shape (n_cells + 1,)
        Cell c holds the latents ``latents_[cell_starts_[c] : cell_starts_[c + 1]]``.
    n_neighbors_ : int
        Latents in a cell on average, K.
    scale_ : float
        The scale a.
    nn_ratio_ : float
        The nn ratio that the calibration reached; only after ``"auto"``.
    variance_ratio_ : float
        Total variance of the samples over that of the training latents: 1 at scale 1 and shrinkage 1.
    weights_ : ndarray of int64, shape (n,)
        Weights of the latents; only after a fit with weights.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; only after a fit with labels.
    class_starts_ : ndarray of int64, shape (n_classes + 1,)
        Class k holds the latents ``latents_[class_starts_[k] : class_starts_[k + 1]]``.

    See Also
    --------
    PMFSampler : uniform cells of a regular grid: compressed, mergeable, with a density.
    GMMSampler : Gaussians fitted by expectation maximisation.

    Notes
    -----
    There is no density: a cell of no more latents than dimensions has a singular covariance.

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

    Found by itself, the number of neighbours makes samples as far from the training latents as fresh ones are:

    >>> latents = np.random.default_rng(0).normal(size=(2000, 4))
    >>> sampler = LocalSampler().fit(latents)
    >>> round(sampler.nn_ratio_, 1), sampler.scale_
    (1.0, 1.0)
    """

    latents_: Array
    cell_starts_: Array
    n_neighbors_: int
    scale_: float
    nn_ratio_: float
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

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None, calibration_latents: Any = None) -> Self:
        """Fit the distribution of latents.

        Parameters
        ----------
        X : array_like of shape (n_samples, *event_shape), or re-iterable of such arrays
            Latents, finite, at least two rows: an array or tensor; or batches of them, as for `PMFSampler`, all of
            which are kept in memory.
        y : array_like of shape (n_samples,), optional
            Labels, of any hashable type: cells are then made within classes, and `sample` can draw within one.
        sample_weight : array_like of shape (n_samples,), optional
            Weights, finite and at least 0; latents without weight are left out. They weigh the latents within cells
            and the cells, but do not shape cells.
        calibration_latents : array_like of shape (m, *event_shape), optional
            Held-out latents to calibrate by; without, training latents stand in for them.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError, InvalidTypeError
            For latents, labels, weights or constructor parameters that cannot be used.

        Warns
        -----
        CalibrationWarning
            If the target novelty cannot be met; the message says why, and what is used instead.
        """
        rng.check_seed(self.random_state)
        target = _validation.check_positive(self.novelty, "novelty")
        shrinkage = _checked_shrinkage(self.shrinkage)
        n_neighbors = _auto_or(self.n_neighbors, "n_neighbors", partial(_validation.check_integer, minimum=1))
        max_iter = _validation.check_integer(self.max_iter, "max_iter", minimum=0)
        scale = _auto_or(self.scale, "scale", _validation.check_positive)
        batches = Batches(X, y, sample_weight)
        training = Training.of(batches)
        if n_neighbors is not None and n_neighbors > len(training.rows):
            raise InvalidInputError(
                f"n_neighbors must be at most the number of latents; got {n_neighbors} for n_samples="
                f"{len(training.rows)}"
            )
        cells = keep_last(partial(in_cells, training, max_iter))
        state: dict[str, Any] = {}
        if n_neighbors is None or scale is None:
            held_out = self._held_out(calibration_latents, batches)
            n_neighbors, scale, state["nn_ratio_"] = _calibrate(
                training.rows, held_out, target, n_neighbors, scale, shrinkage, cells
            )
        elif calibration_latents is not None:
            raise InvalidInputError(
                'calibration_latents go with n_neighbors="auto" or scale="auto" only; got '
                f"n_neighbors={n_neighbors}, scale={scale}"
            )
        rows, starts = cells(n_neighbors)
        state |= {"latents_": rows.rows, "cell_starts_": starts, "n_neighbors_": n_neighbors, "scale_": scale}
        state["variance_ratio_"] = variance_ratio(rows, starts, shrinkage, scale)
        if rows.weights is not None:
            state["weights_"] = rows.weights
        if rows.classes:
            state |= {"classes_": labels.as_array(rows.classes), "class_starts_": rows.class_starts}
        self._keep_names(X, batches)
        self._set_fitted(state, batches.event_shape, batches.dtype, batches.kind)
        return self

    def sample(self, n_samples: int = 1, *, y: Any = None, random_state: Any = None, start: int = 0) -> Any:
        """Draw latents, each by the same distribution, all of them evenly spread over it.

        Row i is a function of the seed and of ``start + i`` alone: ``sample(1000)[:10]`` equals
        ``sample(10)``, and ``sample(400, start=600)`` continues ``sample(600)``. What is chosen at random, the latent,
        comes up in proportion, more closely than in independent draws: see `vicinal.rng`.

        Parameters
        ----------
        n_samples : int
            Rows to draw, at least 0.
        y : label, or array_like of labels, shape (n_samples,), optional
            Class to draw within: one for all rows, or one for each.
        random_state : int, None or numpy generator
            Beats the constructor's when given. An int gives the same rows on every call.
        start : int
            First row of the endless stream of samples, in [0, 2**63).

        Returns
        -------
        ndarray or torch.Tensor of shape (n_samples, *event_shape_)
            Of the array library, type and device that `fit` saw.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        InvalidInputError, InvalidTypeError
            For impossible arguments.
        """
        check_is_fitted(self)
        if y is None:
            return self._draw(self._sample, n_samples, random_state, start)
        numbers = self._class_numbers(y, n_samples)
        ranges = self.class_starts_[numbers], self.class_starts_[numbers + 1]
        return self._draw(partial(self._sample, ranges=ranges), n_samples, random_state, start)

    def _sample(self, key: int, start: int, n_samples: int, ranges: tuple[Any, Any] | None = None) -> Array:
        first, last = (0, len(self.latents_)) if ranges is None else ranges
        weights = self.weights_ if "weights_" in self._fitted_names else None
        own = draw_rows(weights, first, last, key, start, n_samples)
        return sample_vicinities(
            self.latents_, weights, self.cell_starts_, own, self.shrinkage, self.scale_, key=key, start=start
        )

    def _pack(self, state: dict[str, Any]) -> tuple[dict[str, Array], dict[str, Any]]:
        arrays, scalars = super()._pack({name: value for name, value in state.items() if name != "classes_"})
        if "classes_" in state:
            scalars["classes_"] = labels.saveable(state["classes_"].tolist())
        return arrays, scalars

    def _unpack(self, arrays: Any, scalars: dict[str, Any]) -> dict[str, Any]:
        state = {**arrays, **scalars}
        if "classes_" in scalars:
            state["classes_"] = labels.as_array(scalars["classes_"])
        return state


def _calibrate(
    latents: Array, held_out: Array | None, target: float, n_neighbors: int | None, scale: float | None, s: float,
    cells: Callable[[int], Cells],
) -> tuple[int, float, float]:  # fmt: skip
    """Return neighbours, scale and the nn ratio that they reach; ``cells`` are those of a number of neighbours."""
    try:
        novelty = calibration.Novelty(lambda: [latents], held_out)
    except calibration.NothingToCompareError as error:
        fallback = min(n_neighbors or calibration.FALLBACK_NEIGHBORS, len(latents)), scale or 1.0
        used = f"n_neighbors={fallback[0]} and scale={fallback[1]:g}"
        calibration.warn_of_fallback("LocalSampler", error, used)
        return *fallback, math.nan
    own = rng.choices(calibration.KEY, 0, min(calibration.N_PROBES, len(latents)), len(latents))

    def ratio(n_neighbors: int, scale: float) -> float:
        rows, starts = cells(n_neighbors)
        drawn = sample_vicinities(rows.rows, rows.weights, starts, own, s, scale, key=calibration.KEY, start=0)
        return novelty.ratio(drawn)

    return calibration.calibrate_vicinity(ratio, target, n_neighbors, scale, len(latents))


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
