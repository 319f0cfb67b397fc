"""The contract of every sampler: fit latents, sample new ones, score them, save.

The base class owns checks, shapes, array libraries, randomness and files. A sampler writes `_fit` and `_sample`,
and `_score_samples` if its distribution has a density.

Fitted attributes are set together at the end of a fit. A fit that fails leaves the sampler as it was.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from vicinal import _arrays, _validation, rng, storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.hub.shared import Shared
from vicinal.rng import Draws
from vicinal.samplers import fitted, labels, packing, posterior, whole
from vicinal.samplers.batches import Batches, batches_of, is_whole, working_copy
from vicinal.samplers.devices import Movable
from vicinal.samplers.fitted import Fitted, Starts
from vicinal.samplers.sources import Source


class Sampler(Movable, Shared, BaseEstimator, ABC):
    """A distribution over latents, fitted to examples.

    Attributes
    ----------
    n_features_in_ : int
        Dimensions of a flattened latent, d.
    event_shape_ : tuple of int
        Shape of one latent.
    dtype_ : numpy.dtype
        Type of the latents seen in `fit` and returned by `sample`.
    whole_range_ : ndarray of float64, shape (2, d)
        Smallest and largest latent of each dimension; only after a fit to integers or bool, and not of `PMFSampler`,
        whose bounds they are.
    """

    _calibrates: ClassVar[tuple[str, ...]] = ()  # parameters that may be "auto"
    _conditions: ClassVar[bool] = True  # whether samples can be drawn within a class
    _expected: ClassVar[Mapping[str, Fitted | Starts] | None] = None  # what a file must hold; None: no checks
    _card_use = ("sampler", "latents = sampler.sample(16)")
    _not_saved: ClassVar[tuple[str, ...]] = ()  # parameters that a file leaves out

    random_state: Any
    n_features_in_: int
    event_shape_: tuple[int, ...]
    _fitted_names: tuple[str, ...]
    _score_samples: Any  # log densities in nats, (n,), of latents (n, d); only where there is a density

    @abstractmethod
    def _fit(self, batches: Batches) -> dict[str, Any]:
        """Return the fitted attributes; `vicinal.samplers.packing` says which kinds of values they may have."""

    @abstractmethod
    def _sample(self, draws: Draws) -> Any:
        """Return samples (n_samples, d) of the rows of ``draws``, whose classes are places in ``classes_``."""

    def fit(
        self, X: Any, y: Any = None, *, sample_weight: Any = None, calibration_latents: Any = None, std: Any = None
    ) -> Self:
        """Fit the distribution of latents.

        Parameters
        ----------
        X : array_like of shape (n_samples, *event_shape), or iterable of batches
            Latents, finite, at least two rows: a NumPy array, torch tensor or memory map; or the path of a file, or a
            list of paths, see `vicinal.array_files.read_dataset`. Or batches, each an array or a pair (latents,
            labels): a torch DataLoader, a generator. A list or tuple of arrays is refused, see
            `vicinal.samplers.given`. Or a dask collection: see `vicinal.integrations.dask`. Floating types come back
            out of `sample`, and so do integers and bool: samples are then rounded, see `vicinal.samplers.whole`.
        y : array_like of shape (n_samples,), optional
            Class labels of any hashable type. `sample` can then draw within a class. A sampler that cannot do that
            refuses labels, and all refuse labels that hardly repeat, since samples would be copies. Numbers are ignored
            with a warning instead, because scikit-learn's pipelines pass targets of regressions.
        sample_weight : array_like of shape (n_samples,), optional
            Weights, finite and at least 0. If all are whole, a weight w equals w equal rows. Otherwise only their
            ratios count, rounded to 2**-29 of the largest. Calibration counts each latent once. A sampler that cannot
            weigh refuses unequal weights.
        calibration_latents : array_like of shape (m, *event_shape), optional
            Held-out latents for a sampler with a parameter that is ``"auto"``. Without them, training latents take
            their place.
        std : array_like that broadcasts to the shape of ``X``, optional
            Standard deviations of posteriors with the means ``X``, at least 0. The sampler is then fitted to the
            aggregate posterior: to one draw from N(X, std**2) for each row, see `vicinal.samplers.posterior`.

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
            If the target novelty cannot be met. The message gives the reason and the value used.
        LabelWarning
            If labels are ignored, or if a class has a single latent; the message gives the reason.
        """
        rng.check_seed(self.random_state)
        self._check_calibrates(calibration_latents)
        if y is not None and not self._conditions:
            labels.refuse(y, type(self).__name__)
            y = None
        latents = X if std is None else posterior.draw(X, std, self.random_state)
        batches = batches_of(latents, y, sample_weight, calibration_latents)
        counts = batches.label_counts()
        if counts is not None and not labels.repeat(counts):
            batches.leave_labels_out()
            counts = None
        self._fit_batches(X, batches)
        if counts is not None and hasattr(self, "classes_"):
            labels.warn_of_single_latents(counts)
        return self

    def _fit_batches(self, X: Any, batches: Batches) -> Self:
        with np.errstate(over="ignore", invalid="ignore"):
            state = self._fit(batches)
        if is_whole(batches.dtype) and "_table" not in state:  # the grid of a table has the range
            state["whole_range_"] = whole.range_of(batches)
        numbers = (value for name, value in state.items() if not name.startswith("nn_ratio") and _is_float(value))
        if not all(_is_finite(value) for value in numbers):
            raise InvalidInputError("latents are too large: their squares are beyond float64; rescale them")
        self._set_names_of(X, batches, reset=True)
        self._set_fitted(state, batches.event_shape, batches.dtype, batches.kind)
        return self

    def _batches_to_add(self, X: Any, y: Any, sample_weight: Any, *, minimum: int = 1) -> Batches:
        """Return latents that are added to the fit, or with which it begins, checked against those of the fit."""
        batches = batches_of(X, y, sample_weight, minimum=minimum)
        if not batches.whole:
            raise InvalidInputError(
                "sample_weight must be whole in partial_fit, since the scale of fractional weights is not known before "
                "all have been seen; pass all latents to fit, or round the weights"
            )
        if self.__sklearn_is_fitted__():
            _validation.check_event_shape(batches.shape, self.event_shape_, "latents", type(self).__name__)
            self._set_names_of(X, batches, reset=False)
        return batches

    def sample(
        self,
        n_samples: int = 1,
        *,
        y: Any = None,
        random_state: Any = None,
        start: int = 0,
        stratified: bool = False,
        return_source: bool = False,
    ) -> Any:
        """Draw independent latents from the fitted distribution.

        Row i is a function of the seed, of its class and of ``start + i`` alone: ``sample(1000)[:10]`` equals
        ``sample(10)``, and ``sample(400, start=600)`` continues ``sample(600)``. See `vicinal.rng`.

        Parameters
        ----------
        n_samples : int
            Number of rows, at least 0.
        y : label, or array_like of labels, shape (n_samples,), optional
            Class to draw within: one label for all rows, or one for each row.
        random_state : int, None or numpy generator
            Takes precedence over the constructor's. An int gives the same rows on every call.
        start : int
            First row of the endless stream of samples, in [0, 2**63).
        stratified : bool
            Whether the choices of a latent, cell or component are quasi-random, as `scipy.stats.qmc` is: each comes
            up in proportion to its mass. Means over many rows then have smaller errors. But the rows are dependent:
            do not split, bootstrap or test them. A sampler that makes no choices draws the same rows either way.
        return_source : bool
            Whether to return also what each sample was drawn from. `LocalSampler` and `PMFSampler` know.

        Returns
        -------
        latents : ndarray or torch.Tensor of shape (n_samples, *event_shape_)
            Of the array library, type and device that `fit` saw.
        source : vicinal.samplers.sources.Source
            Only with ``return_source``: the training row, or the cell, and the class of each sample.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        InvalidInputError, InvalidTypeError
            For arguments that cannot be used, and for ``y`` if `fit` had no labels.
        """
        check_is_fitted(self)
        n_samples, start = _validation.check_row_range(n_samples, start)
        _validation.check_memory(n_samples, self.event_shape_, self.dtype_)
        key = rng.seed_key(self.random_state if random_state is None else random_state)
        classes = None if y is None else self._places_of(y, n_samples)
        draws = Draws(key, start, n_samples, classes, _validation.check_bool(stratified, "stratified"))
        latents = self._finished(self._sample(draws))
        return (latents, self._source(draws)) if _validation.check_bool(return_source, "return_source") else latents

    def _finished(self, latents: Any) -> Any:
        """Return latents (n, d) in the shape, type, array library and device that `fit` saw."""
        if is_whole(self.dtype_):
            latents = whole.rounded(_arrays.to_numpy(latents), self.dtype_, self._whole_limits())
        elif not _arrays.is_tensor(latents) and latents.dtype != self.dtype_:
            most = np.finfo(self.dtype_).max  # a wider type has values that this one does not
            latents = np.clip(latents, -most, most).astype(self.dtype_)
        return _arrays.from_numpy(latents.reshape(len(latents), *self.event_shape_), self._tensor_kind)

    def _whole_limits(self) -> Array:
        """Return the smallest and largest training latent of each dimension, (2, d), after a fit to whole numbers."""
        limits: Array = self.__dict__["whole_range_"]
        return limits

    def _source(self, draws: Draws) -> Source:
        """Return what the samples of ``draws`` are drawn from."""
        raise InvalidInputError(
            f"{type(self).__name__} does not know what a sample was drawn from: leave return_source out, or fit a "
            "LocalSampler or PMFSampler"
        )

    def _places_of(self, y: Any, n_samples: int) -> Array:
        """Return the places in ``classes_`` of the labels of rows, (n_samples,) int64."""
        if not self._conditions:
            raise InvalidInputError(
                f"{type(self).__name__} cannot draw within classes: leave y out, or fit one sampler to the latents of "
                "each class"
            )
        if not hasattr(self, "classes_"):
            raise InvalidInputError("y needs a sampler that was fitted with labels: call fit(X, y) first")
        return labels.places_of(y, self.classes_, n_samples)

    @available_if(lambda self: hasattr(self, "_score_samples"))
    def score_samples(self, X: Any) -> Any:
        """Return the log density of each latent.

        Parameters
        ----------
        X : array_like of shape (n_samples, *event_shape_)
            Latents.

        Returns
        -------
        ndarray or torch.Tensor of float64, shape (n_samples,)
            Natural logarithms; -inf where the density is zero.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        InvalidInputError, InvalidTypeError
            For latents that cannot be used.
        """
        check_is_fitted(self)
        rows = _validation.check_rows(X, "latents", event_shape=self.event_shape_, owner=type(self).__name__)
        self._set_names(X, reset=False)
        with np.errstate(over="ignore"):  # far from all latents the density is 0
            scores = self._score_samples(working_copy(rows)).astype(np.float64, copy=False)
        kind = _arrays.tensor_kind(X)
        return _arrays.from_numpy(scores, kind and kind._replace(dtype="float64"))

    @available_if(lambda self: hasattr(self, "_score_samples"))
    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log density of latents in nats. Arguments are as in `score_samples`; ``y`` is ignored."""
        return float(self.score_samples(X).mean())

    def save(self, path: storage.PathLike) -> None:
        """Write the fitted sampler to a file that `vicinal.load` reads.

        Parameters
        ----------
        path : path_like
            Usually ``*.safetensors``. An existing file is replaced in one step.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        OSError
            If the file cannot be written.

        Notes
        -----
        The file holds the parameters, the fitted attributes, and the seed if it is an int. It does not hold the
        array library: a loaded sampler returns NumPy arrays, until it is moved by `to`.
        """
        check_is_fitted(self)
        arrays, scalars = packing.pack_state({name: getattr(self, name) for name in self._fitted_names})
        params = {name: value for name, value in self.get_params(deep=False).items() if name not in self._not_saved}
        if isinstance(params["random_state"], np.random.Generator | np.random.RandomState):
            params["random_state"] = None
        header = {
            "params": {name: _jsonable(value) for name, value in params.items()},
            "event_shape": list(self.event_shape_),
            "dtype": self.dtype_.str,
            "feature_names": _jsonable(self.__dict__.get("feature_names_in_")),
            "scalars": {name: _jsonable(value) for name, value in scalars.items()},
        }
        storage.write(path, type(self).__name__, header, arrays)

    @classmethod
    def from_artifact(cls, artifact: storage.Artifact) -> Self:
        """Return the sampler that `save` wrote; `vicinal.load` calls this."""
        try:
            return cls._of(artifact, artifact.header)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise FileFormatError(
                f"{artifact.path} holds no {cls.__name__} as save() writes it: {error}. Write it again with save()"
            ) from None

    @classmethod
    def _of(cls, artifact: storage.Artifact, header: Mapping[str, Any]) -> Self:
        """Return the sampler of a file; anything that `save` does not write raises."""
        params, event_shape, names = header["params"], header["event_shape"], header["feature_names"]
        if artifact.format_version == 1:
            params = packing.params_of_format_1(params)
        sampler = cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in params.items()})
        rng.check_seed(sampler.random_state)
        dtype = np.dtype(header["dtype"])
        if dtype.kind not in "fiub" or dtype.itemsize > 8 or not all(type(n) is int and n > 0 for n in event_shape):
            raise FileFormatError(f"latents must be numbers of a shape; got {dtype} {event_shape}")
        d = math.prod(event_shape)
        state = packing.unpack_state(artifact.arrays, header["scalars"], d)
        if cls._expected is not None:
            fitted.check({**cls._expected, **whole.expected(dtype, state)}, state, d)
        sampler._set_fitted(state, tuple(event_shape), dtype, None)
        sampler._check_fitted()
        if names is not None:
            if len(names) != d or not all(isinstance(name, str) for name in names):
                raise FileFormatError(f"feature_names must be {d} names; got {len(names)}")
            sampler.feature_names_in_ = np.array(names, dtype=object)
        return sampler

    def _card_lines(self, latents: Any) -> list[str]:
        """Return what a model card says of a sampler: what it is, and how new its samples are."""
        check_is_fitted(self)
        settings = {name: each for name, each in self.get_params(deep=False).items() if name != "random_state"}
        shown = ", ".join(f"{name}={each!r}" for name, each in settings.items() if name not in self._not_saved)
        lines = [
            f"A distribution over latents of shape {self.event_shape_} and type {self.dtype_}: `sample` draws new "
            "ones, and the autoencoder that the training latents are from decodes them.",
            "",
            f"Settings: {shown or 'none'}.",
        ]
        return [*lines, "", *self._novelty_lines(latents)]

    def _novelty_lines(self, latents: Any) -> list[str]:
        from vicinal.samplers.how_new import HowNew

        found = "no training latents were given" if latents is None else HowNew.of(self, latents)
        nn_ratio, error = (self.__dict__.get(name, math.nan) for name in ("nn_ratio_", "nn_ratio_se_"))
        if not isinstance(found, str):
            measured = f"nn ratio {found.nn_ratio:.2f}, copied {100 * found.copied:.1f} %: {found.means}."
        elif math.isfinite(nn_ratio):
            measured = f"nn ratio {nn_ratio:.2f} ± {error:.2f}, by calibration; copied: not measured ({found})."
        else:
            return [f"How new the samples are was not measured: {found}."]
        return [measured, "", "Fresh data have nn ratio 1 and copied 1 %; copies have 0 and 100 %."]

    def _check_fitted(self) -> None:
        """Raise FileFormatError for fitted attributes that a file cannot have; `_expected` says most of it."""

    def __sklearn_is_fitted__(self) -> bool:
        return "event_shape_" in self.__dict__

    def _set_fitted(
        self,
        state: dict[str, Any],
        event_shape: tuple[int, ...],
        dtype: np.dtype[Any],
        tensor_kind: _arrays.TensorKind | None,
    ) -> None:
        for name in self.__dict__.get("_fitted_names", ()):
            self.__dict__.pop(name, None)  # an earlier fit may have set what this one does not
        self.event_shape_, self.dtype_ = event_shape, dtype
        self.n_features_in_ = math.prod(event_shape)
        self._tensor_kind = tensor_kind
        self._fitted_names = tuple(sorted(state))
        for name, value in state.items():
            setattr(self, name, value)

    def _set_names_of(self, X: Any, batches: Batches, reset: bool) -> None:
        """As `_set_names`, of what is given to a fit; batches have no names, unless they are parts of a data frame."""
        named = batches.frame if batches.streamed else X
        if named is not None:
            self._set_names(named, reset)
        elif reset:
            self.__dict__.pop("feature_names_in_", None)

    def _set_names(self, X: Any, reset: bool) -> None:
        """Keep the column names of a data frame, or compare them with those of the fit."""
        if isinstance(X, np.ndarray) and "feature_names_in_" not in self.__dict__:
            return  # an array has no names to ask for
        validate_data(self, X, reset=reset, skip_check_array=True, ensure_2d=False)

    def _check_calibrates(self, calibration_latents: Any) -> None:
        """Raise InvalidInputError for ``calibration_latents`` if no parameter is to be calibrated."""
        values = {name: getattr(self, name) for name in self._calibrates}
        if calibration_latents is None or any(isinstance(value, str) and value == "auto" for value in values.values()):
            return
        wanted = " or ".join(f'{name}="auto"' for name in values)
        found = ", ".join(f"{name}={value}" for name, value in values.items())
        raise InvalidInputError(
            f"calibration_latents go with {wanted} only; got {found}"
            if wanted
            else f"{type(self).__name__} has no parameter to calibrate; leave calibration_latents out"
        )


def _is_float(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f")


def _is_finite(value: Any) -> bool:
    """Tell whether a number, or an array that may be mapped, is finite; an array part by part."""
    parts = np.array_split(value, max(1, value.size >> 22)) if np.ndim(value) else [value]
    return all(bool(np.isfinite(part).all()) for part in parts)


def _jsonable(value: Any) -> Any:
    """Return numbers, arrays and tensors as plain Python numbers and lists; leave everything else."""
    if hasattr(value, "__array__"):
        return _arrays.to_numpy(value).tolist()
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value
