"""What every sampler is: fit latents, sample new ones, score them, save.

A method writes two hooks, `_fit` and `_sample`, and a third, `_score_samples`, if it has a density.
Checks, shapes, array libraries, randomness and files are the business of this module.

`_fit` returns the fitted attributes instead of setting them, so that a fit which fails leaves the
sampler as it was, and so that `save` knows what to write.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from vicinal import _arrays, _validation, rng, storage

Array = np.ndarray[Any, Any]


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

    @abstractmethod
    def _fit(self, X: Array) -> dict[str, Any]:
        """Return fitted attributes for finite X (n, d), n >= 2, float32 or float64: arrays, ints and floats."""

    @abstractmethod
    def _sample(self, key: int, start: int, n_samples: int) -> Array:
        """Return rows ``start`` to ``start + n_samples`` of the stream of samples, shape (n_samples, d)."""

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
        rows = _validation.check_rows(X, "latents", minimum=2)
        state = self._fit(_working_copy(rows))
        validate_data(self, X, reset=True, skip_check_array=True, ensure_2d=False)  # names of a data frame
        self.event_shape_ = rows.shape[1:]
        self.n_features_in_ = int(np.prod(rows.shape[1:]))
        self.dtype_ = rows.dtype
        self._tensor_kind = _arrays.tensor_kind(X)
        self._set_state(state)
        return self

    def sample(self, n_samples: int = 1, *, random_state: Any = None, start: int = 0) -> Any:
        """Draw latents, independent and identically distributed.

        Row i is a function of the seed and of ``start + i`` alone: ``sample(1000)[:10]`` equals
        ``sample(10)``, and ``sample(400, start=600)`` continues ``sample(600)``.

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
        check_is_fitted(self)
        n_samples, start = _validation.check_row_range(n_samples, start)
        key = rng.seed_key(self.random_state if random_state is None else random_state)
        latents = self._rows(key, start, n_samples)
        latents = latents.astype(self.dtype_, copy=False).reshape(n_samples, *self.event_shape_)
        return _arrays.from_numpy(latents, self._tensor_kind)

    def _rows(self, key: int, start: int, n_samples: int) -> Array:
        if n_samples == 0:
            return np.empty((0, self.n_features_in_), self.dtype_)
        block = self._block_rows
        if block is None:
            return self._sample(key, start, n_samples)
        first = start - start % block
        blocks = [self._sample(key, row, block) for row in range(first, start + n_samples, block)]
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
        state = {name: getattr(self, name) for name in self._fitted_names}
        params = self.get_params(deep=False)
        if not isinstance(params["random_state"], int | np.integer | None):
            params["random_state"] = None
        header = {
            "params": {name: _jsonable(value) for name, value in params.items()},
            "event_shape": list(self.event_shape_),
            "dtype": self.dtype_.str,
            "scalars": {k: _jsonable(v) for k, v in state.items() if not isinstance(v, np.ndarray)},
        }
        storage.write(path, type(self).__name__, header, {k: v for k, v in state.items() if isinstance(v, np.ndarray)})

    @classmethod
    def _from_artifact(cls, artifact: storage.Artifact) -> Self:
        header = artifact.header
        sampler = cls(**header["params"])
        sampler.event_shape_ = tuple(header["event_shape"])
        sampler.n_features_in_ = int(np.prod(sampler.event_shape_))
        sampler.dtype_ = np.dtype(header["dtype"])
        sampler._tensor_kind = None
        sampler._set_state({**artifact.arrays, **header["scalars"]})
        return sampler

    def _set_state(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._fitted_names = tuple(state)


class DensitySampler(Sampler):
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
        validate_data(self, X, reset=False, skip_check_array=True, ensure_2d=False)
        scores = self._score_samples(_working_copy(rows)).astype(np.float64, copy=False)
        kind = _arrays.tensor_kind(X)
        return _arrays.from_numpy(scores, kind and kind._replace(dtype="float64"))

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log density of latents in nats; arguments as in `score_samples`, ``y`` is ignored."""
        return float(self.score_samples(X).mean())


def _working_copy(rows: Array) -> Array:
    """Flatten rows to (n, d), C order, in the precision that arithmetic is done in."""
    dtype = np.float64 if rows.dtype == np.float64 else np.float32
    return np.ascontiguousarray(rows.reshape(len(rows), -1), dtype=dtype)


def _jsonable(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
