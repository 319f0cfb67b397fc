r"""Quantization cells as a probability mass function: the sampler of the method.

Latents z of shape (n, d) are cut into ``n_bins`` bins in each dimension:

.. math::
    \mathrm{lower}_j = \min_i z_{ij}, \quad
    \mathrm{width}_j = (\max_i z_{ij} - \mathrm{lower}_j) / n_\mathrm{bins}, \quad
    c_{ij} = \min(\lfloor (z_{ij} - \mathrm{lower}_j) / \mathrm{width}_j \rfloor, n_\mathrm{bins} - 1)

The occupied cells carry the mass p(c) = count(c) / n. A sample is drawn uniformly from a cell that is drawn by its
mass:

.. math::
    c \sim p, \quad z_j = \mathrm{lower}_j + (c_j + u_j)\,\mathrm{width}_j, \quad u_j \sim U[0, 1)

Its density is p(c) over the volume of a cell, and zero in every empty cell, unless ``smoothing`` mixes in a broad
Gaussian. A fit takes one pass for the bounds, one
for the codes, and a sort of the codes into the table of cells (`vicinal.samplers.cells`): O(n d) besides the sort, no
iterations, no second training stage.
"""

from __future__ import annotations

import copy
from operator import attrgetter
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from vicinal import _arrays, _validation, rng
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.rng import Draws
from vicinal.samplers import calibration, cell_draws, cell_geometry, cells, labels, smoothing
from vicinal.samplers.batches import Batches, batches_of
from vicinal.samplers.cells import CellTable, Grid, Within
from vicinal.samplers.fitted import CALIBRATED
from vicinal.samplers.sources import Source, of_cells
from vicinal.samplers.survey import Survey, bounds_of
from vicinal.samplers.vicinities import VicinitySampler

MAX_BINS = 2**24  # float32 counts no further in steps of one


class PMFSampler(VicinitySampler):
    r"""Sample uniformly from the occupied quantization cells of the training latents.

    .. math:: p(z) = \frac{\mathrm{count}(\mathrm{cell}(z))}{n \prod_j \mathrm{width}_j}

    Few bins smooth much: samples are new, and blurred. Many bins smooth little: samples are sharp,
    and close to copies of the training latents. ``n_bins="auto"`` takes the number at which samples
    are as far from the training latents as fresh latents are.

    Parameters
    ----------
    n_bins : "auto" or int
        Bins in each dimension, from 1 to 2**24; or ``"auto"``, see `vicinal.samplers.calibration`.
    novelty : float
        With ``"auto"``, the target nn ratio: below 1 closer to the training latents, above 1 farther from them.
    bounds : pair of array_like, optional
        Lower and upper bound of the grid, each of the event shape or a number. None takes the
        smallest and largest latents. `merge` needs bounds, and so does `partial_fit` with batches that go
        beyond the first.
    out_of_bounds : {"raise", "clip"}
        What to do with latents outside the bounds: raise an error, or move them to the bound, count them
        in ``n_clipped_`` and warn.
    min_count : int
        Cells with fewer training latents are dropped. With labels, cells with fewer latents of a class are also
        dropped for that class. A saved file keeps nothing of them; a pickle does. Bounds are those
        of single latents unless ``bounds`` are given. The count of a cell minus those of its classes may
        still come from fewer latents.
    temperature : float
        Cells are drawn from p(c)**(1 / temperature), normalized: 1 draws by mass, 0 only from the fullest
        cells, ``inf`` from all occupied cells alike. It takes effect in `sample` and `score_samples`, so it can be
        changed after `fit` with ``set_params``.
    smoothing : float
        Mass of a broad Gaussian that is mixed in, in [0, 1): so many samples come from it, and no latent has density
        zero; see `vicinal.samplers.smoothing`. 0 leaves the cells alone. It takes effect as ``temperature`` does.
        Calibration leaves it out.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call. Nothing in `fit` is random.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (d,)
        Bounds of the grid.
    bin_width_ : ndarray of shape (d,)
        Width of a bin; 0 for a constant dimension, which samples keep.
    n_bins_ : int
        Bins in each dimension.
    cells_ : ndarray of unsigned int, shape (n_cells, d)
        Codes of the occupied cells, in lexicographic order whatever the order of the training latents.
    counts_ : ndarray of int64, shape (n_cells,)
        Training latents in each cell; with weights, the sum of their weights as integers.
    n_samples_seen_ : int
        Training latents.
    n_clipped_ : int
        Values that were moved to a bound.
    dropped_mass_ : float
        Share of the training latents, in [0, 1], in cells that ``min_count`` dropped.
    nn_ratio_ : float
        The nn ratio that the calibration reached; only after ``n_bins="auto"``.
    nn_ratio_se_ : float
        Its standard error, from the numbers of fresh latents and of samples that were compared.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; only after a fit with labels.
    class_counts_ : ndarray of int64, shape (n_classes,)
        Training latents of each class, as in ``counts_``.

    See Also
    --------
    LocalSampler : neighbourhoods that follow the data instead of cells of a grid.
    KDESampler : Gaussians around the latents instead of cells of a grid.
    BootstrapSampler : the limit of infinitely many bins.

    References
    ----------
    A. Bouayed, A. Iaccovelli, D. Naccache, "Sampling from autoencoders' latent space via quantization
    and probability mass function concepts", 2023, arXiv:2308.10704.

    Examples
    --------
    >>> import numpy as np
    >>> latents = np.array([[0.0, 0.0], [0.1, 0.2], [1.0, 1.0], [0.9, 0.8]], dtype=np.float32)
    >>> sampler = PMFSampler(n_bins=2, random_state=0).fit(latents, ["a", "a", "b", "b"])
    >>> sampler.cells_.tolist(), sampler.counts_.tolist()
    ([[0, 0], [1, 1]], [2, 2])
    >>> sampler.sample(1000).shape
    (1000, 2)
    >>> bool((sampler.sample(1000, y="b") >= 0.5).all())
    True
    >>> np.exp(sampler.score_samples(np.array([[0.3, 0.3], [0.3, 0.7]], dtype=np.float32))).round(3)
    array([2., 0.])

    With ``n_bins="auto"`` the samples are as far from the training latents as fresh latents are:

    >>> latents = np.random.default_rng(0).normal(size=(2000, 2))
    >>> sampler = PMFSampler().fit(latents)
    >>> sampler.n_bins_, round(sampler.nn_ratio_, 1)
    (11, 1.0)
    """

    _calibrates = ("n_bins",)
    _expected = CALIBRATED  # and the table, which `packing` checks

    nn_ratio_: float
    nn_ratio_se_: float
    _table: CellTable

    def __init__(
        self,
        n_bins: int | str = "auto",
        *,
        novelty: float = 1.0,
        bounds: tuple[Any, Any] | None = None,
        out_of_bounds: str = "raise",
        min_count: int = 1,
        temperature: float = 1.0,
        smoothing: float = 0.0,
        random_state: Any = None,
    ) -> None:
        self.n_bins = n_bins
        self.novelty = novelty
        self.bounds = bounds
        self.out_of_bounds = out_of_bounds
        self.min_count = min_count
        self.temperature = temperature
        self.smoothing = smoothing
        self.random_state = random_state

    lower_ = property(attrgetter("_table.grid.lower"))
    upper_ = property(attrgetter("_table.grid.upper"))
    bin_width_ = property(attrgetter("_table.grid.width"))
    n_bins_ = property(attrgetter("_table.grid.n_bins"))
    cells_ = property(attrgetter("_table.cells"))
    counts_ = property(attrgetter("_table.counts"))
    n_samples_seen_ = property(attrgetter("_table.n_rows"))
    n_clipped_ = property(attrgetter("_table.n_clipped"))
    dropped_mass_ = property(attrgetter("_table.dropped_mass"))

    @property
    def classes_(self) -> Array:  # noqa: D102 - the class documents its attributes
        if not self._table.classes:
            raise AttributeError("classes_ is there only after a fit with labels")
        return labels.as_array(self._table.classes)

    @property
    def class_counts_(self) -> Array:  # noqa: D102
        counts = np.bincount(self._table.pair_class, self._table.pair_counts, len(self.classes_))
        return counts.astype(np.int64)

    def partial_fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Add latents to the fit, in one pass.

        The first call sets the grid: from ``bounds`` if they were given to the constructor, else from
        its own latents, beyond which later latents must not go. After any number of calls with given
        bounds and ``n_bins`` the sampler is that of one `fit` to all latents, to the bit.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`. Weights must be whole, since the scale of fractional weights is not known before
            all have been seen.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError, InvalidTypeError
            As `fit`.
        """
        fitted = self.__sklearn_is_fitted__()
        minimum = 1 if fitted or self.bounds is not None else 2
        batches = self._batches_to_add(X, y, sample_weight, minimum=minimum)
        if not fitted:
            rng.check_seed(self.random_state)
            return self._fit_batches(X, batches)
        _validation.check_choice(self.out_of_bounds, "out_of_bounds", ("raise", "clip"))
        before = self._everything_seen()
        added = cells.tabulate(batches, before.grid, self.out_of_bounds)
        self._set_table(cells.merge(before, added), self)
        return self

    def merge(self, other: PMFSampler) -> PMFSampler:
        """Return the sampler of this one's latents and another's together.

        Both must have been fitted on one grid: the same ``bounds`` and ``n_bins``. The result equals a
        fit to the union of the latents, to the bit. Merging is associative and commutative.

        Parameters
        ----------
        other : PMFSampler
            Fitted.

        Returns
        -------
        PMFSampler
            A new one, with this one's parameters.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            If the two do not go together.
        sklearn.exceptions.NotFittedError
            If either is not fitted.
        """
        if not isinstance(other, PMFSampler):
            raise InvalidTypeError(f"other must be a PMFSampler; got {type(other).__name__}")
        check_is_fitted(self)
        check_is_fitted(other)
        mine, theirs = self._table.grid, other._table.grid
        if not mine.equals(theirs) or (self.event_shape_, self.dtype_) != (other.event_shape_, other.dtype_):
            raise InvalidInputError(
                "samplers to merge must have been fitted on one grid, to latents of one shape and type: give both the "
                f"same bounds=(lower, upper) and n_bins; got n_bins_ {mine.n_bins} and {theirs.n_bins}, "
                f"lower_ equal: {np.array_equal(mine.lower, theirs.lower)}, "
                f"upper_ equal: {np.array_equal(mine.upper, theirs.upper)}"
            )
        if self.min_count != other.min_count:
            raise InvalidInputError(
                f"samplers to merge must have one min_count; got {self.min_count} and {other.min_count}"
            )
        merged = type(self)(**self.get_params(deep=False))
        if "feature_names_in_" in self.__dict__:
            merged.feature_names_in_ = self.feature_names_in_
        merged._set_table(cells.merge(self._everything_seen(), other._everything_seen()), self)
        return merged

    @staticmethod
    def bounds_of(X: Any) -> tuple[Array, Array]:
        """Return the smallest and largest latent in each dimension, each of the event shape, in one pass.

        Parameters
        ----------
        X : array_like, or iterable of batches
            As in `fit`.

        Returns
        -------
        lower, upper : ndarray of shape event_shape
            For the parameter ``bounds=(lower, upper)``.

        Examples
        --------
        >>> import numpy as np
        >>> PMFSampler.bounds_of(np.array([[0.0], [1.0], [0.5]]))
        (array([0.]), array([1.]))
        """
        batches = batches_of(X, minimum=1)
        lower, upper = bounds_of(batches)
        return lower.reshape(batches.event_shape), upper.reshape(batches.event_shape)

    def _fit(self, batches: Batches) -> dict[str, Any]:
        self._check_params(batches)
        given = None if self.bounds is None else cells.given_bounds(self.bounds, batches)
        train = batches if given is None else Within(batches, Grid.over(*given, 1), self.out_of_bounds)
        survey = Survey.of(train) if isinstance(self.n_bins, str) else None
        lower, upper = given or (bounds_of(batches) if survey is None else (survey.lower, survey.upper))
        cells.check_range(lower, upper)
        n_bins, state = self.n_bins, dict[str, float]()
        if survey is not None:
            n_bins, state = calibration.calibrate_bins(
                train, survey, lower, upper, float(self.novelty), batches.held_out, ahead=batches.streamed
            )
        grid = Grid.over(lower, upper, int(n_bins))
        table = cells.tabulate(batches, grid, self.out_of_bounds, inside=given is None)
        return state | {"_table": self._ready(table, batches.kind)}

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log density of latents in nats, smoothed by at least the mass of one latent.

        A held-out latent often lies in an empty cell, and one alone would make the mean -inf. So ``smoothing`` is taken
        to be at least 1 / (n + 1) here, with n the number of training latents: ``GridSearchCV`` can then compare
        numbers of bins. `score_samples` and `sample` take ``smoothing`` as it is. Arguments and errors are those of
        `score_samples`; ``y`` is ignored.

        Examples
        --------
        >>> sampler = PMFSampler(2).fit([[0.0], [0.5], [3.0], [4.0]])
        >>> sampler.score_samples([[1.0], [5.0]]).round(2)
        array([-1.39,  -inf])
        >>> round(sampler.score([[1.0], [5.0]]), 2)
        -2.9
        """
        check_is_fitted(self)
        table, smoothed = self._table, copy.copy(self)
        n = int(table.counts.sum()) if table.whole else table.n_rows
        smoothed.smoothing = max(smoothing.checked(self.smoothing), 1 / (n + 1))
        return float(smoothed.score_samples(X).mean())

    def _sample(self, draws: Draws) -> Any:
        return cell_draws.sample(
            draws, self._table, cell_draws.checked_temperature(self.temperature), smoothing.checked(self.smoothing)
        )

    def _source(self, draws: Draws) -> Source:
        table = self._table
        drawn = cell_draws.draw_cells(draws, table, cell_draws.checked_temperature(self.temperature))
        broad = smoothing.is_broad(draws, self.n_features_in_, smoothing.checked(self.smoothing))
        return of_cells(table, drawn, broad, draws.classes)

    def _sample_near(self, draws: Draws, latent: Array) -> Any:
        return cell_draws.sample_cell(draws, self._table, int(cell_geometry.nearest(latent[None], self._table)[0]))

    def _centres(self) -> tuple[Array, Array]:
        return cell_geometry.centres(self._table)

    def _into_vicinities(self, points: Array) -> Array:
        return cell_geometry.into_cells(points, self._table)

    def _score_samples(self, X: Array) -> Array:
        return cell_draws.log_density(
            X, self._table, cell_draws.checked_temperature(self.temperature), smoothing.checked(self.smoothing)
        )

    def _check_fitted(self) -> None:
        cell_draws.checked_temperature(self.temperature)
        smoothing.checked(self.smoothing)
        _validation.check_choice(self.out_of_bounds, "out_of_bounds", ("raise", "clip"))
        _validation.check_integer(self.min_count, "min_count", minimum=1)

    def _check_params(self, batches: Batches) -> None:
        if isinstance(self.n_bins, str):
            _validation.check_choice(self.n_bins, "n_bins", ("auto",))
        else:
            _validation.check_integer(self.n_bins, "n_bins", minimum=1, maximum=MAX_BINS)
        _validation.check_positive(self.novelty, "novelty")
        _validation.check_choice(self.out_of_bounds, "out_of_bounds", ("raise", "clip"))
        cell_draws.checked_temperature(self.temperature)
        smoothing.checked(self.smoothing)
        if _validation.check_integer(self.min_count, "min_count", minimum=1) > 1 and not batches.whole:
            raise InvalidInputError(
                "min_count counts latents, so sample_weight must be whole; round it, or use min_count=1"
            )

    def _whole_limits(self) -> Array:
        return np.array([self.lower_, self.upper_], dtype=np.float64)

    def _move(self) -> None:
        self._table = cells.ready(self._table, _device(self._tensor_kind))

    def _ready(self, table: CellTable, kind: _arrays.TensorKind | None) -> CellTable:
        return cells.ready(cells.prune(table, self.min_count), _device(kind))

    def _set_table(self, table: CellTable, like: PMFSampler) -> None:
        """Take a table of the grid of a fitted sampler, which may be this one."""
        state = {"_table": self._ready(table, like._tensor_kind)}
        self._set_fitted(state, like.event_shape_, like.dtype_, like._tensor_kind)

    def _everything_seen(self) -> CellTable:
        """Return the table of all latents seen, to be added to."""
        if not self._table.whole:
            raise InvalidInputError(
                "a fit with fractional weights cannot be added to, since its weights were scaled; pass all to fit"
            )
        if self._table.before is None and self.min_count > 1:
            raise InvalidInputError(
                f"a loaded sampler with min_count={self.min_count} cannot be added to, since its file lacks what "
                "was dropped; add before saving"
            )
        return self._table.before or self._table


def _device(kind: _arrays.TensorKind | None) -> str | None:
    """Return the accelerator that samples are drawn on, or None for the CPU."""
    return kind.device if kind is not None and kind.on_accelerator else None
