r"""Quantization cells as a probability mass function: the sampler this library exists for.

Latents z of shape (n, d) are cut into ``n_bins`` bins in each dimension:

.. math::
    \mathrm{lower}_j = \min_i z_{ij}, \quad
    \mathrm{width}_j = (\max_i z_{ij} - \mathrm{lower}_j) / n_\mathrm{bins}, \quad
    c_{ij} = \min(\lfloor (z_{ij} - \mathrm{lower}_j) / \mathrm{width}_j \rfloor, n_\mathrm{bins} - 1)

The occupied cells carry the mass p(c) = count(c) / n. A sample is a point drawn uniformly from a
cell drawn by its mass:

.. math::
    c \sim p, \quad z_j = \mathrm{lower}_j + (c_j + u_j)\,\mathrm{width}_j, \quad u_j \sim U[0, 1)

so its density is p(c) over the volume of a cell, and zero in every empty cell. Fitting is one pass
for the bounds and one for the codes: O(n d), no iterations, no second training stage. The codes are
sorted into a table of cells when that, or a sample, is first asked for.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from vicinal import _arrays, _validation, kernels, rng
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.samplers import moments, packing
from vicinal.samplers.base import DensityMixin
from vicinal.samplers.batch_fit import BatchFitMixin
from vicinal.samplers.batches import Batches
from vicinal.samplers.calibration import calibrate_bins
from vicinal.samplers.cell_table import NO_ROWS, CellTable, Grid, tempered
from vicinal.samplers.fitted import PUT_OFF, grid_state, table_of, tallied_state
from vicinal.samplers.tally import (
    Tally,
    bounds_of,
    check_range,
    codes_of,
    count_outside,
    given_bounds,
    tally,
    together,
)

Array = np.ndarray[Any, Any]

MAX_BINS = 2**24  # float32 counts no further in steps of one


class PMFSampler(BatchFitMixin, DensityMixin):
    r"""Sample uniformly from the occupied quantization cells of the training latents.

    .. math:: p(z) = \frac{\mathrm{count}(\mathrm{cell}(z))}{n \prod_j \mathrm{width}_j}

    Few bins smooth much: samples are new, and blurred. Many bins smooth little: samples are sharp,
    and close to copies of the training latents. ``n_bins="auto"`` takes the number at which samples
    are as new as fresh data.

    Parameters
    ----------
    n_bins : "auto" or int
        Bins in each dimension, from 1 to 2**24; or ``"auto"``, see `vicinal.samplers.calibration`.
    novelty : float
        With ``"auto"``, the nn ratio to aim for: below 1 closer to the data, above 1 bolder.
    bounds : pair of array_like, optional
        Lower and upper bound of the grid, each of the event shape or a number; None takes the
        smallest and largest latents. Needed for `merge`, and for `partial_fit` on batches that go
        beyond the first.
    out_of_bounds : {"raise", "clip"}
        What to do with latents outside the bounds: an error, or move them to the bound, count them
        in ``n_clipped_`` and warn.
    min_count : int
        Cells with fewer training latents are dropped, and with labels also the cells of a class with
        fewer latents of that class: none is left in a saved file (a pickle keeps them). Bounds are those
        of single rows unless ``bounds`` are given, and the count of a cell less those of its classes may
        still rest on fewer rows.
    preserve_variance : bool
        Whether samples keep the mean and the variance of the training latents in each dimension. Points spread
        over cells have larger variances, by about width**2 / 6; then every sample z is moved to

        .. math:: z'_j = \mathrm{mean}_j + r_j (z_j - \mu_j), \quad
                  r_j^2 = \frac{\mathrm{variance}_j}
                               {\sum_c p(c) (\mathrm{centre}_{cj} - \mu_j)^2 + \mathrm{width}_j^2 / 12}

        with mu_j the mean of the cell centres, weighted by p(c). It helps where the latents have one mode and many
        dimensions, and so wide cells. It hurts what lies apart: a cluster moves towards the common mean, by
        (1 - r) of its distance, and a rare one far away by more than its own size. The map is that of all
        training latents, also within a class and at a temperature, whose own moments are not kept; those that
        ``min_count`` drops count for mean and variance, which are saved. As cells move, training latents come to
        lie outside of all, with density zero; in many dimensions, most of them. Summing up the latents takes
        several times longer than the rest of a fit.
    random_state : int, None or numpy generator
        Seed of `sample`; None takes fresh entropy on every call. Nothing in `fit` is random.

    Attributes
    ----------
    lower_, upper_ : ndarray of shape (d,)
        Bounds of the grid.
    bin_width_ : ndarray of shape (d,)
        Width of a bin; 0 for a constant dimension, which is returned as it is.
    n_bins_ : int
        Bins in each dimension.
    cells_ : ndarray of unsigned int, shape (n_cells, d)
        Codes of the occupied cells, in lexicographic order whatever the order of the training rows. Made,
        with ``counts_``, when first asked for, or by the first sample.
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
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; only after a fit with labels.
    class_counts_ : ndarray of int64, shape (n_classes,)
        Training latents of each class, as in ``counts_``.
    mean_, variance_ : ndarray of float64, shape (d,)
        Moments of the training latents, those that were clipped at their bound, each to about 2**-30 of the range;
        only with ``preserve_variance``, like the next.
    shrinkage_ : ndarray of float64, shape (d,)
        The factors r, mostly below 1. Exactly 1, without a change of the mean, in a constant dimension and in one
        whose cells are only few roundings of the working precision wide; never so small that they become so.

    See Also
    --------
    KDESampler : the same idea with Gaussians around the latents instead of cells on a grid.
    BootstrapSampler : the limit of infinitely many bins.

    References
    ----------
    A. Bouayed, A. Iaccovelli, D. Naccache, "Sampling from autoencoders' latent space via quantization
    and probability mass function concepts", 2023, arXiv:2308.10704.

    Examples
    --------
    >>> import numpy as np
    >>> latents = np.array([[0.0, 0.0], [0.1, 0.2], [1.0, 1.0]], dtype=np.float32)
    >>> sampler = PMFSampler(n_bins=2, random_state=0).fit(latents, ["a", "a", "b"])
    >>> sampler.cells_.tolist(), sampler.counts_.tolist()
    ([[0, 0], [1, 1]], [2, 1])
    >>> sampler.sample(1000).shape
    (1000, 2)
    >>> bool((sampler.sample(1000, y="b") >= 0.5).all())
    True
    >>> np.exp(sampler.score_samples(np.array([[0.3, 0.3], [0.3, 0.7]], dtype=np.float32))).round(3)
    array([2.667, 0.   ])

    With ``n_bins="auto"`` the samples are as far from the training latents as fresh ones are:

    >>> latents = np.random.default_rng(0).normal(size=(2000, 4))
    >>> sampler = PMFSampler().fit(latents)
    >>> sampler.n_bins_, round(sampler.nn_ratio_, 1)
    (7, 1.0)
    """

    n_bins_: int
    lower_: Array
    upper_: Array
    bin_width_: Array
    cells_: Array
    counts_: Array
    n_samples_seen_: int
    n_clipped_: int
    dropped_mass_: float
    nn_ratio_: float
    classes_: Array
    class_counts_: Array
    mean_: Array
    variance_: Array
    shrinkage_: Array
    _map: Array
    _sums: Array
    _pair_class: Array
    _pair_cell: Array
    _pair_counts: Array
    _whole_weights: bool
    _tallied: Tally | None = None  # before rare cells are dropped; never saved
    _drawn_from: tuple[float, tuple[Any, Any, Any]] | None = (
        None  # what the last sample at a temperature was drawn from
    )

    def __init__(
        self,
        n_bins: int | str = "auto",
        *,
        novelty: float = 1.0,
        bounds: tuple[Any, Any] | None = None,
        out_of_bounds: str = "raise",
        min_count: int = 1,
        preserve_variance: bool = False,
        random_state: Any = None,
    ) -> None:
        self.n_bins = n_bins
        self.novelty = novelty
        self.bounds = bounds
        self.out_of_bounds = out_of_bounds
        self.min_count = min_count
        self.preserve_variance = preserve_variance
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None, calibration_latents: Any = None) -> Self:
        """Fit the distribution of latents.

        Parameters
        ----------
        X : array_like of shape (n_samples, *event_shape), or re-iterable of such arrays
            Latents: an array, tensor or memory map, of at least two rows; or batches that can be gone
            through again (a list of arrays or of paths of ``.npy`` files, a torch DataLoader), each an
            array or a pair of latents and labels. Batches are read twice, in bounded memory, and four
            to eight times more with ``n_bins="auto"``, twice that with ``preserve_variance``; the result is
            that of one array, to the bit.
        y : array_like of shape (n_samples,), optional
            Labels, of any hashable type: `sample` can then draw within a class.
        sample_weight : array_like of shape (n_samples,), optional
            Weights, finite and at least 0. Scaling all changes nothing. A whole weight equals so many
            rows; fractional ones are kept to 2**-29 of the largest. Calibration looks at rows, not weights.
        calibration_latents : array_like of shape (m, *event_shape), optional
            Held-out latents for ``n_bins="auto"``; without, training latents stand in for them.

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
        OutOfBoundsWarning
            If values were clipped.
        """
        return self._fit_batches(Batches(X, y, sample_weight), X, calibration_latents)

    def partial_fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Add latents to the fit, in one pass.

        The first call sets the grid: from ``bounds`` if they were given to the constructor, else from
        its own latents, beyond which later latents must not go. After any number of calls with given
        bounds and ``n_bins`` the sampler is that of one `fit` to all rows, to the bit.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; weights must be whole, since the scale of fractional ones is not known before
            all have been seen.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError, InvalidTypeError
            As `fit`.
        """
        fitted = hasattr(self, "event_shape_")
        minimum = 1 if fitted or self.bounds is not None else 2
        batches = Batches(X, y, sample_weight, minimum=minimum)
        if not batches.whole:
            raise InvalidInputError(
                "sample_weight must be whole in partial_fit, since the scale of fractional weights is not known before "
                "all have been seen; pass all latents to fit, or round the weights"
            )
        if not fitted:
            return self._fit_batches(batches, X, None, minimum)
        _validation.check_event_shape(batches.shape, self.event_shape_, "latents", type(self).__name__)
        _validation.check_choice(self.out_of_bounds, "out_of_bounds", ("raise", "clip"))
        if not batches.streamed:
            self._set_names(X, reset=False)
        before, grid = self._tally(), self._grid()
        added = tally(batches, grid, self.out_of_bounds, with_sums=before.sums is not None)
        self._set_tallied(together(before, added, grid), self)
        return self

    def merge(self, other: PMFSampler) -> PMFSampler:
        """Return the sampler of this one's latents and another's together.

        Both must have been fitted on one grid: the same ``bounds`` and ``n_bins``. The result equals a
        fit to the union of the rows, to the bit; merging is associative and commutative.

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
        mine, theirs = self._grid(), other._grid()
        same_grid = mine.n_bins == theirs.n_bins and all(
            np.array_equal(a, b) for a, b in zip(mine[:3], theirs[:3], strict=True)
        )
        if not same_grid or (self.event_shape_, self.dtype_) != (other.event_shape_, other.dtype_):
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
        if self.preserve_variance != other.preserve_variance:
            raise InvalidInputError(
                "samplers to merge must have one preserve_variance; "
                f"got {self.preserve_variance} and {other.preserve_variance}"
            )
        merged = type(self)(**self.get_params(deep=False))
        if "feature_names_in_" in self.__dict__:
            merged.feature_names_in_ = self.feature_names_in_
        merged._set_tallied(together(self._tally(), other._tally(), mine), self)
        return merged

    @staticmethod
    def bounds_of(X: Any) -> tuple[Array, Array]:
        """Return the smallest and largest latent in each dimension, each of the event shape, in one pass.

        Parameters
        ----------
        X : array_like or re-iterable of arrays
            As in `fit`.

        Returns
        -------
        lower, upper : ndarray of shape event_shape
            To be passed on as ``bounds=(lower, upper)``.

        Examples
        --------
        >>> import numpy as np
        >>> PMFSampler.bounds_of([np.zeros((2, 1)), np.ones((3, 1))])
        (array([0.]), array([1.]))
        """
        batches = Batches(X, minimum=1)
        lower, upper = bounds_of(batches)
        return lower.reshape(batches.event_shape), upper.reshape(batches.event_shape)

    def sample(
        self,
        n_samples: int = 1,
        *,
        y: Any = None,
        temperature: float = 1.0,
        random_state: Any = None,
        start: int = 0,
    ) -> Any:
        """Draw latents, each by the same distribution, all of them evenly spread over it.

        Row i is a function of the seed and of ``start + i`` alone: ``sample(1000)[:10]`` equals
        ``sample(10)``, and ``sample(400, start=600)`` continues ``sample(600)``. What is chosen at random, the cell,
        comes up in proportion, more closely than in independent draws: see `vicinal.rng`.

        Parameters
        ----------
        n_samples : int
            Rows to draw, at least 0.
        y : label, or array_like of labels, shape (n_samples,), optional
            Class to draw within: one for all rows, or one for each.
        temperature : float
            Cells are drawn from p(c)**(1 / temperature), normalized: 1 as they are, 0 only the most
            frequent, ``inf`` all occupied cells alike.
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
        temperature = _checked_temperature(temperature)
        if y is None:
            rows = partial(self._sample, temperature=temperature)
        else:
            rows = partial(self._sample_classes, self._class_numbers(y, n_samples), temperature)
        return self._draw(rows, n_samples, random_state, start)

    def _sample(self, key: int, start: int, n_samples: int, temperature: float = 1.0) -> Any:
        kernel, cells, index = self._drawn(temperature)
        samples = kernel.sample_cells(cells, index, *self._grid(), key=key, start=start, n_samples=n_samples)
        return self._moved(samples)

    def _drawn(self, temperature: float) -> tuple[Any, Any, Any]:
        """Return kernels, and the cells and their index on the device that these work on; kept from call to call."""
        if self._drawn_from is None or self._drawn_from[0] != temperature:
            kind = self._tensor_kind
            index = kernels.select().index_cells(tempered(self.counts_, temperature, len(self.counts_)))
            device = kind.device if kind is not None and kind.on_accelerator else None
            self._drawn_from = temperature, kernels.on_device(self.cells_, index, device)
        return self._drawn_from[1]

    def _sample_classes(self, classes: Array, temperature: float, key: int, start: int, n_samples: int) -> Array:
        """Draw each row within its class, by counting on through the pairs of class and cell."""
        edges = np.searchsorted(self._pair_class, np.arange(len(self.classes_) + 1))
        n_pairs = len(self._pair_counts)
        masses = [tempered(self._pair_counts[a:b], temperature, n_pairs) for a, b in pairwise(edges)]
        cumulative = np.cumsum(np.concatenate(masses))
        ends = np.concatenate([[0], cumulative])[edges]
        totals = np.diff(ends)
        draws = ends[classes] + rng.choices(key, start, n_samples, totals[classes])
        pairs = np.searchsorted(cumulative, draws, side="right")
        return self._fill(self._pair_cell[pairs], key, start)

    def _fill(self, drawn: Array, key: int, start: int) -> Array:
        latents: Array = kernels.select().fill_cells(self.cells_, drawn, *self._grid(), key=key, start=start)
        return self._moved(latents)

    def _moved(self, samples: Any) -> Any:
        """Return samples of cells with the moments of the training latents, if that was asked for."""
        return moments.move(samples, self._map, self._grid()) if self._moves else samples

    @property
    def _moves(self) -> bool:
        return "_map" in self._fitted_names

    def _score_samples(self, X: Array) -> Array:
        X = X.astype(self.lower_.dtype, copy=False)
        lower, upper = self.lower_, self.upper_
        log_volume = np.log(self.bin_width_[self.bin_width_ > 0].astype(np.float64)).sum()
        if self._moves:
            lower, upper = (moments.forward(bound, self._map) for bound in (lower, upper))
            log_volume += np.log(self.shrinkage_).sum()
        inside = ((lower <= X) & (upper >= X)).all(axis=1)
        if self._moves:
            X = moments.backward(np.clip(X, lower, upper), self._map)
        cell = kernels.select().find_cells(self._grid().codes(X), self.cells_)
        log_density = np.log(self.counts_[cell]) - np.log(self.counts_.sum()) - log_volume
        return np.where(inside & (cell >= 0), log_density, -np.inf)

    def _set_fitted(self, *arguments: Any) -> None:
        self._drawn_from = None
        super()._set_fitted(*arguments)

    def __getstate__(self) -> Any:
        return super().__getstate__() | {"_drawn_from": None}

    def _checked_n_bins(self) -> int | None:
        """Return the number of bins, or None for "auto"."""
        if isinstance(self.n_bins, str):
            _validation.check_choice(self.n_bins, "n_bins", ("auto",))
            return None
        return _validation.check_integer(self.n_bins, "n_bins", minimum=1, maximum=MAX_BINS)

    def _fit_batches(self, batches: Batches, X: Any, calibration_latents: Any, minimum: int = 2) -> Self:
        rng.check_seed(self.random_state)
        target = _validation.check_positive(self.novelty, "novelty")
        _validation.check_choice(self.out_of_bounds, "out_of_bounds", ("raise", "clip"))
        if _validation.check_integer(self.min_count, "min_count", minimum=1) > 1 and not batches.whole:
            raise InvalidInputError(
                "min_count counts rows, so sample_weight must be whole; round it, or use min_count=1"
            )
        preserve = _checked_flag(self.preserve_variance)
        n_bins = self._checked_n_bins()
        if n_bins is not None and calibration_latents is not None:
            raise InvalidInputError(f'calibration_latents go with n_bins="auto" only; got n_bins={n_bins}')
        lower, upper = bounds_of(batches) if self.bounds is None else given_bounds(self.bounds, batches)
        check_range(lower, upper)
        inside = self.bounds is None
        calibrated: dict[str, Any] = {}
        if n_bins is None:
            if not inside:
                box = Grid.over(lower, upper, 1)
                inside = sum(count_outside(batch, box, self.out_of_bounds) for batch in batches) == 0
            n_bins, calibrated["nn_ratio_"] = self._calibrate(batches, lower, upper, target, calibration_latents)
        grid = Grid.over(lower, upper, n_bins)
        common = calibrated | {"_whole_weights": batches.whole}
        if batches.held and self.min_count == 1 and not preserve:
            codes, n_clipped = codes_of(batches, grid, self.out_of_bounds, inside=inside)
            state = common | grid_state(grid, len(codes), n_clipped)
            tallied, put_off = None, partial(table_of, codes, n_bins)
        else:
            tallied = tally(batches, grid, self.out_of_bounds, minimum, inside=inside, with_sums=preserve)
            state = common | tallied_state(tallied, grid, self.min_count)
            put_off = None
        self._keep_names(X, batches)
        self._set_fitted(state, batches.event_shape, batches.dtype, batches.kind, put_off, PUT_OFF if put_off else ())
        self._tallied = tallied
        return self

    def _calibrate(
        self, batches: Batches, lower: Array, upper: Array, target: float, held_out: Any
    ) -> tuple[int, float]:
        def passes() -> Iterator[Array]:
            rows = (_arrays.to_numpy(batch.rows) for batch in batches)
            return rows if self.bounds is None else (np.clip(part, lower, upper) for part in rows)

        def moved(samples: Array, grid: Grid) -> Array:
            kept: Array = moments.move(samples, moments.map_for(batches, grid), grid)
            return kept

        return calibrate_bins(
            passes,
            lower,
            upper,
            target,
            self._held_out(held_out, batches),
            moved if self.preserve_variance else None,
        )

    def _set_tallied(self, tallied: Tally, like: PMFSampler) -> None:
        """Take the fitted attributes from a tally on the grid of a fitted sampler, which may be this one."""
        grid = like._grid()
        state = tallied_state(tallied, grid, self.min_count) | {"_whole_weights": True}
        self._set_fitted(state, like.event_shape_, like.dtype_, like._tensor_kind)
        self._tallied = tallied

    def _tally(self) -> Tally:
        """Return what was fitted, to be added to; that is what `fit` saw, or what a file has kept of it."""
        if not self._whole_weights:
            raise InvalidInputError(
                "a fit with fractional weights cannot be added to, since its weights were scaled; pass all to fit"
            )
        if self.preserve_variance != self._moves:
            raise InvalidInputError(
                f"preserve_variance was {self._moves} in fit and is {self.preserve_variance} now, so nothing can be "
                "added; pass all latents to fit"
            )
        if self._tallied is None:
            if self.min_count > 1:
                raise InvalidInputError(
                    f"a loaded sampler with min_count={self.min_count} cannot be added to, since its file lacks what "
                    "was dropped; add before saving"
                )
            classes = tuple(self.classes_.tolist()) if "classes_" in self._fitted_names else ()
            pairs = (self._pair_class, self._pair_cell, self._pair_counts) if classes else (NO_ROWS,) * 3
            table = CellTable(self.cells_, self.counts_, classes, *pairs)
            sums = moments.unpacked(self._sums) if self._moves else None
            self._tallied = Tally(table, self.n_samples_seen_, self.n_clipped_, sums)
        return self._tallied

    def _grid(self) -> Grid:
        return Grid(self.lower_, self.upper_, self.bin_width_, self.n_bins_)

    def _pack(self, state: dict[str, Any]) -> tuple[dict[str, Array], dict[str, Any]]:
        return packing.pack_state(state)

    def _unpack(self, arrays: Mapping[str, Array], scalars: dict[str, Any]) -> dict[str, Any]:
        return packing.unpack_state(arrays, scalars)


def _checked_flag(preserve_variance: Any) -> bool:
    if not isinstance(preserve_variance, bool | np.bool_):
        raise InvalidTypeError(f"preserve_variance must be True or False; got {preserve_variance!r}")
    return bool(preserve_variance)


def _checked_temperature(temperature: Any) -> float:
    if isinstance(temperature, bool) or not isinstance(temperature, numbers.Real):
        raise InvalidTypeError(f"temperature must be a number from 0 to inf; got {temperature!r}")
    if not float(temperature) >= 0:
        raise InvalidInputError(f"temperature must be from 0 to inf; got {temperature}")
    return float(temperature)
