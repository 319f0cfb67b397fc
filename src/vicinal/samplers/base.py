"""What every sampler is: fit latents, sample new ones, score them, save.

Checks, shapes, array libraries, randomness and files are the business of this module. A method that
fits one array takes `ArrayFitMixin` and writes `_fit`; one that has a density takes `DensityMixin` and
writes `_score_samples`; all write `_sample`.

Fitted attributes are set together, once all of them are known, so that a fit which fails leaves the
sampler as it was, and `save` knows what to write.
"""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from vicinal import _arrays, _validation, rng, storage
from vicinal._errors import InvalidInputError
from vicinal.samplers.batches import working_copy

Array = np.ndarray[Any, Any]

_READING = threading.Lock()  # one thread at a time works out what a sampler has put off


class Sampler(BaseEstimator, ABC):
    """A distribution over latents, fitted to examples.

    Attributes
    ----------
    n_features_in_ : int
        Dimensions of a flattened latent, d.
    event_shape_ : tuple of int
        Shape of one latent.
    dtype_ : numpy.dtype
        Floating type of the latents seen in `fit` and returned by `sample`.
    """

    # Rows of a sampler that multiplies matrices are computed in whole blocks of this size, cut at
    # multiples of it: BLAS may round one row differently in products of other sizes.
    _block_rows: ClassVar[int | None] = None

    random_state: Any
    n_features_in_: int
    event_shape_: tuple[int, ...]
    dtype_: np.dtype[Any]
    _fitted_names: tuple[str, ...]
    _tensor_kind: _arrays.TensorKind | None
    _put_off: Callable[[], dict[str, Any]] | None

    @abstractmethod
    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the distribution of latents X, array_like of shape (n_samples, *event_shape); return self."""

    @abstractmethod
    def _sample(self, key: int, start: int, n_samples: int) -> Array:
        """Return rows ``start`` to ``start + n_samples`` of the stream of samples, shape (n_samples, d)."""

    def sample(self, n_samples: int = 1, *, random_state: Any = None, start: int = 0) -> Any:
        """Draw latents, each by the same distribution, all of them evenly spread over it.

        Row i is a function of the seed and of ``start + i`` alone: ``sample(1000)[:10]`` equals
        ``sample(10)``, and ``sample(400, start=600)`` continues ``sample(600)``. What is chosen at random, a latent
        or a component, comes up in proportion, more closely than in independent draws: see `vicinal.rng`.

        Parameters
        ----------
        n_samples : int
            Rows to draw, at least 0.
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
        return self._draw(self._sample, n_samples, random_state, start)

    def _draw(self, rows: Callable[[int, int, int], Any], n_samples: Any, random_state: Any, start: Any) -> Any:
        """Check arguments, call ``rows(key, start, n_samples)``, and give the result its shape, type and library."""
        check_is_fitted(self)
        n_samples, start = _validation.check_row_range(n_samples, start)
        key = rng.seed_key(self.random_state if random_state is None else random_state)
        latents = self._in_blocks(rows, key, start, n_samples).reshape(n_samples, *self.event_shape_)
        if not _arrays.is_tensor(latents):
            latents = latents.astype(self.dtype_, copy=False)
        return _arrays.from_numpy(latents, self._tensor_kind)

    def _in_blocks(self, rows: Callable[[int, int, int], Any], key: int, start: int, n_samples: int) -> Any:
        if n_samples == 0:
            return np.empty((0, self.n_features_in_), self.dtype_)
        block = self._block_rows
        if block is None:
            return rows(key, start, n_samples)
        first = start - start % block
        blocks = [rows(key, row, block) for row in range(first, start + n_samples, block)]
        return np.concatenate(blocks)[start - first :][:n_samples]

    def save(self, path: storage.PathLike) -> None:
        """Write the fitted sampler to a file that `vicinal.load` reads.

        Parameters
        ----------
        path : path_like
            By custom ``*.safetensors``. An existing file is replaced, in one step.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        OSError
            If the file cannot be written.

        Notes
        -----
        Saved are the parameters, the fitted attributes and the seed if it is an int; not the array
        library: a loaded sampler returns NumPy arrays.
        """
        check_is_fitted(self)
        arrays, scalars = self._pack({name: getattr(self, name) for name in self._fitted_names})
        params = {name: _jsonable(value) for name, value in self.get_params(deep=False).items()}
        if isinstance(params["random_state"], np.random.Generator | np.random.RandomState):
            params["random_state"] = None
        header = {
            "params": params,
            "event_shape": list(self.event_shape_),
            "dtype": self.dtype_.str,
            "fitted": list(self._fitted_names),
            "feature_names": _jsonable(self.__dict__.get("feature_names_in_")),
            "scalars": {name: _jsonable(value) for name, value in scalars.items()},
        }
        storage.write(path, type(self).__name__, header, arrays)

    def _pack(self, state: dict[str, Any]) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the fitted attributes as arrays and numbers for a file."""
        arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
        return arrays, {name: value for name, value in state.items() if name not in arrays}

    def _unpack(self, arrays: Mapping[str, Array], scalars: dict[str, Any]) -> dict[str, Any]:
        """Return the fitted attributes from what `_pack` returned."""
        return {**arrays, **scalars}

    @classmethod
    def _from_artifact(cls, artifact: storage.Artifact) -> Self:
        header = artifact.header
        sampler = cls(**header["params"])
        sampler._set_fitted({}, tuple(header["event_shape"]), np.dtype(header["dtype"]), None)
        if header["feature_names"] is not None:
            sampler.feature_names_in_ = np.array(header["feature_names"], dtype=object)
        sampler._fitted_names = tuple(header["fitted"])
        sampler._put_off = lambda: sampler._unpack(artifact.arrays, header["scalars"])
        return sampler

    def _complete(self) -> None:
        """Set the fitted attributes that were put off until one is asked for: a file is read, a table is made."""
        with _READING:
            if self._put_off is not None:
                for name, value in self._put_off().items():
                    if name in self._fitted_names:
                        setattr(self, name, value)
                self._put_off = None

    def __getattr__(self, name: str) -> Any:
        # Only called for what is not there: an attribute that was put off, or none at all.
        if "_put_off" in self.__dict__ and name in self._fitted_names:
            self._complete()
            if name in self.__dict__:
                return self.__dict__[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __sklearn_is_fitted__(self) -> bool:
        return "event_shape_" in self.__dict__

    def __getstate__(self) -> Any:
        if "_put_off" in self.__dict__:
            self._complete()
        return super().__getstate__()

    def _set_fitted(
        self,
        state: dict[str, Any],
        event_shape: tuple[int, ...],
        dtype: np.dtype[Any],
        tensor_kind: _arrays.TensorKind | None,
        put_off: Callable[[], dict[str, Any]] | None = None,
        names_put_off: tuple[str, ...] = (),
    ) -> None:
        for name in self.__dict__.get("_fitted_names", ()):
            self.__dict__.pop(name, None)  # an earlier fit may have set what this one does not
        self._put_off = put_off
        self.event_shape_, self.dtype_ = event_shape, dtype
        self.n_features_in_ = math.prod(event_shape)
        self._tensor_kind = tensor_kind
        for name, value in state.items():
            setattr(self, name, value)
        self._fitted_names = tuple(sorted((*state, *names_put_off)))  # one order however it was fitted

    def _set_names(self, X: Any, reset: bool) -> None:
        """Keep, or compare, the names of the columns of a data frame."""
        if isinstance(X, np.ndarray) and "feature_names_in_" not in self.__dict__:
            return  # what has no names need not be asked for them
        validate_data(self, X, reset=reset, skip_check_array=True, ensure_2d=False)


class ArrayFitMixin(Sampler):
    """A sampler that is fitted to one array of latents."""

    @abstractmethod
    def _fit(self, X: Array) -> dict[str, Any]:
        """Return fitted attributes for finite X (n, d), n >= 2, float32 or float64: arrays, ints and floats."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the distribution of latents.

        Parameters
        ----------
        X : array_like of shape (n_samples, *event_shape)
            Latents: a NumPy array or torch tensor, finite, at least two rows. float16, float32 and
            float64 keep their type; integers become float64.
        y : None
            Ignored; here because scikit-learn's pipelines pass it.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError, InvalidTypeError
            For latents or constructor parameters that cannot be used.
        """
        rng.check_seed(self.random_state)
        rows = _validation.check_rows(X, "latents", minimum=2)
        with np.errstate(over="ignore", invalid="ignore"):
            state = self._fit(working_copy(rows))
        for value in state.values():
            if not np.isfinite(value).all():
                raise InvalidInputError("latents are too large: their squares are beyond float64; rescale them")
        self._set_names(X, reset=True)
        self._set_fitted(state, rows.shape[1:], rows.dtype, _arrays.tensor_kind(X))
        return self


class DensityMixin(Sampler):
    """A sampler whose distribution has a density."""

    @abstractmethod
    def _score_samples(self, X: Array) -> Array:
        """Return log densities in nats, shape (n,), for finite X (n, d), float32 or float64."""

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
        scores = self._score_samples(working_copy(rows)).astype(np.float64, copy=False)
        kind = _arrays.tensor_kind(X)
        return _arrays.from_numpy(scores, kind and kind._replace(dtype="float64"))

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log density of latents in nats; arguments as in `score_samples`, ``y`` is ignored."""
        return float(self.score_samples(X).mean())


def _jsonable(value: Any) -> Any:
    """Return numbers, arrays and tensors as plain Python numbers and lists; leave everything else."""
    if hasattr(value, "__array__"):
        return _arrays.to_numpy(value).tolist()
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value
