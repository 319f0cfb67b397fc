"""Means and covariances of features: gathered batch by batch, or given as published statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np

from vicinal import storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError, InvalidTypeError
from vicinal._validation import check_array, check_finite, check_integer
from vicinal.metrics._inputs import check_sets

_ROWS, _VALUES = 4096, 1 << 23  # centred in one go, at most
_ROUNDING = 1e-5  # of the largest variance: what statistics kept in float32 may be off by
_LARGEST = 1e90  # of a covariance: sums of squares are within float64


class Moments:
    """Number, mean and covariance of feature rows, gathered batch by batch and in parts, in float64.

    Rows that do not fit in memory, or lie on several machines, are added in turn; the parts are merged
    (Chan, Golub & LeVeque 1983). The result is that of all rows at once, up to rounding. As long as there are fewer
    rows than features, the centred rows are kept instead of their outer products.

    Published statistics become moments with `from_statistics` and `load`. `save` writes them as others read them.

    Parameters
    ----------
    features : FeatureExtractor or str, optional
        What the rows are features of: the extractor, or its fingerprint. None says nothing.

    Attributes
    ----------
    n_samples : int or None
        Rows so far; None for published statistics of an unknown number of rows.
    mean : ndarray of float64, shape (d,)
    covariance : ndarray of float64, shape (d, d)
        With ddof=1.
    features : str or None
        Fingerprint of the extractor, if it is known.
    frechet_name : str or None
        What the Frechet distance between these features is called, such as ``"FID"``, if that is known.

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance", 1983,
    doi:10.1080/00031305.1983.10483115.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(500, 3))
    >>> moments = Moments().update(x[:200]).merge(Moments().update(x[200:]))
    >>> moments.n_samples, np.allclose(moments.covariance, np.cov(x, rowvar=False))
    (500, True)
    """

    def __init__(self, features: Any = None) -> None:
        self.n_samples: int | None = 0
        self.mean: Array = np.zeros(0)
        self.features, self.frechet_name = _origin(features)
        self._centred: Array | None = np.zeros((0, 0))  # fewer rows than columns, or None
        self._summed: Array = np.zeros((0, 0))  # sum of their outer products, if there are more rows
        self._given: Array | None = None  # a covariance that was published
        self._known_factor: Array | None = None

    @classmethod
    def from_statistics(cls, mean: Any, covariance: Any, n_samples: int | None = None, *, features: Any = None) -> Self:
        """Return moments with a given mean and covariance.

        Parameters
        ----------
        mean : array_like of shape (d,)
            Finite.
        covariance : array_like of shape (d, d)
            With ddof=1, as ``numpy.cov`` gives it. Finite; symmetric and positive semi-definite, within 1e-5 of the
            largest variance.
        n_samples : int, optional
            The number of rows they were taken of, at least 2. None if it is not known: such moments cannot be merged.
        features : FeatureExtractor or str, optional
            As for `Moments`.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            For what is no mean or no covariance.

        Examples
        --------
        >>> moments = Moments.from_statistics([0.0, 1.0], [[1.0, 0.5], [0.5, 2.0]], 100)
        >>> moments.n_samples, moments.covariance.tolist()
        (100, [[1.0, 0.5], [0.5, 2.0]])
        """
        moments = cls(features)
        moments.mean = _checked_mean(mean)
        moments._given = _checked_covariance(covariance, len(moments.mean))
        moments._centred = None
        moments.n_samples = None if n_samples is None else check_integer(n_samples, "n_samples", minimum=2)
        return moments

    @staticmethod
    def are_in(path: storage.PathLike) -> bool:
        """Tell whether a file is a ``.npz`` file with the arrays ``mu`` and ``sigma``."""
        path = Path(path)
        return path.suffix.lower() == ".npz" and path.is_file() and {"mu", "sigma"} <= set(storage.read_arrays(path)[1])

    @classmethod
    def load(cls, path: storage.PathLike) -> Self:
        """Return the statistics in a ``.npz`` file that `save` wrote, or another program.

        These are the arrays ``mu`` and ``sigma``, as pytorch-fid, clean-fid, TTUR, EDM and guided-diffusion keep them.
        ``n_samples``, ``features`` and ``frechet_name`` are read if they are there. Nothing is ever unpickled.

        Raises
        ------
        FileFormatError
            If the file is damaged, or holds no such statistics.
        OSError
            If it cannot be read.
        """
        found, names = storage.read_arrays(path, _FIELDS)
        if not {"mu", "sigma"} <= found.keys():
            raise FileFormatError(
                f"{path} must hold the arrays mu and sigma; got {', '.join(names) or 'none'}: "
                "write statistics with Moments.save or vicinal statistics"
            )
        try:
            moments = cls.from_statistics(found["mu"], found["sigma"], _number(found.get("n_samples")))
        except (InvalidInputError, InvalidTypeError) as error:
            raise FileFormatError(
                f"{path} holds no statistics that can be used; mu is the mean, sigma the covariance: {error}"
            ) from None
        moments.features, moments.frechet_name = (_text(found.get(name)) for name in ("features", "frechet_name"))
        return moments

    def save(self, path: storage.PathLike) -> None:
        """Write mean and covariance as the arrays ``mu`` and ``sigma`` of a ``.npz`` file, as pytorch-fid reads them.

        ``n_samples``, ``features`` and ``frechet_name`` stand beside them, where they are known.

        Parameters
        ----------
        path : path_like
            The file, ``*.npz``; an existing one is replaced, in one step.

        Raises
        ------
        InvalidInputError
            For another suffix, and for fewer than two rows.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Moments().update([[0.0, 2.0], [2.0, 4.0]]).save(f"{folder}/stats.npz")
        ...     Moments.load(f"{folder}/stats.npz").mean.tolist()
        [1.0, 3.0]
        """
        if Path(path).suffix.lower() != ".npz":
            raise InvalidInputError(f"path must end in .npz, which other programs expect; got {path}")
        known = {"n_samples": self.n_samples, "features": self.features, "frechet_name": self.frechet_name}
        more = {name: np.array(value) for name, value in known.items() if value is not None}
        storage.write_arrays(path, {"mu": self.mean, "sigma": self.covariance, **more})

    def update(self, features: Any) -> Moments:
        """Add rows of features, array_like of shape (n, *shape), and return self."""
        return self._add(*check_sets(features=features))

    def _add(self, rows: Any) -> Moments:
        size = max(1, min(_ROWS, _VALUES // rows.shape[1]))
        for first in range(0, len(rows), size):
            block = rows[first : first + size].astype(np.float64, copy=False)
            part = Moments()
            part.features, part.frechet_name = self.features, self.frechet_name
            part.n_samples, part.mean = len(block), block.mean(axis=0)
            part._keep(block - part.mean)
            self.merge(part)
        return self

    def _keep(self, centred: Array) -> None:
        """Take rows, whose outer products are summed if they are as many as the features."""
        if len(centred) < centred.shape[1]:
            self._centred = centred
        else:
            self._centred, self._summed = None, centred.T @ centred

    def merge(self, other: Moments) -> Moments:
        """Add what another has gathered, and return self.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            For moments of other features, or of an unknown number of rows.
        """
        if not isinstance(other, Moments):
            raise InvalidTypeError(f"other must be Moments; got {type(other).__name__}")
        if self.n_samples == 0:
            self.n_samples, self.mean, self._given = other.n_samples, other.mean, other._given
            self._centred, self._summed = other._centred, other._summed
            self.features, self.frechet_name = other.features or self.features, other.frechet_name or self.frechet_name
        elif other.n_samples != 0:
            self._merge(other)
        self._known_factor = None
        return self

    def _merge(self, other: Moments) -> None:
        if len(self.mean) != len(other.mean):
            raise InvalidInputError(
                f"features must have rows of one length; got {len(self.mean)} and {len(other.mean)} values"
            )
        if self.features != other.features and self.features and other.features:
            raise InvalidInputError(f"other must be moments of {self.features}; got those of {other.features}")
        if self.n_samples is None or other.n_samples is None:
            raise InvalidInputError(
                "moments of an unknown number of rows cannot be merged: pass n_samples to Moments.from_statistics"
            )
        n_samples = self.n_samples + other.n_samples
        gap = other.mean - self.mean
        between = gap * np.sqrt(self.n_samples * (other.n_samples / n_samples))  # as one more centred row
        if self._centred is not None and other._centred is not None:
            self._keep(np.concatenate([self._centred, other._centred, between[None]]))
        else:
            self._summed = self._scatter + other._scatter + np.outer(between, between)
            self._centred = self._given = None
        self.mean = self.mean + gap * (other.n_samples / n_samples)
        self.n_samples = n_samples
        if self.features != other.features:  # one of them is not known
            self.features = self.frechet_name = None

    @property
    def _scatter(self) -> Array:
        """Sum of outer products about the mean, (d, d)."""
        if self._given is not None:
            return self._given * self._degrees
        return self._summed if self._centred is None else self._centred.T @ self._centred

    @property
    def covariance(self) -> Array:
        """Covariance (d, d) with ddof=1; two rows are needed."""
        return self._scatter / self._degrees if self._given is None else self._given

    @property
    def factor(self) -> Array:
        """A matrix (d, k), k at most d, whose product with its transpose is the covariance; worked out once."""
        if self._known_factor is None:
            centred = self._centred
            self._known_factor = _factor(self.covariance) if centred is None else centred.T / np.sqrt(self._degrees)
        return self._known_factor

    @property
    def has_more_rows(self) -> bool:
        """Whether there were at least as many rows as features, or are statistics in place of rows."""
        return self._centred is None

    @property
    def _degrees(self) -> int:
        if self.n_samples is None or self.n_samples < 2:
            raise InvalidInputError(f"covariance needs at least 2 rows of features; got {self.n_samples}")
        return self.n_samples - 1


def moments_of(rows: Any) -> Moments:
    """Return the moments of rows (n, d), blocks of which become float64."""
    return Moments()._add(rows)


def _factor(covariance: Array) -> Array:
    """Return a matrix (d, d) whose product with its transpose is ``covariance``."""
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:  # singular: features that depend on each other
        eigenvalues, eigenvectors = np.linalg.eigh(covariance)
        return eigenvectors * np.sqrt(np.maximum(eigenvalues, 0.0))


_FIELDS = ("mu", "sigma", "n_samples", "features", "frechet_name")


def _origin(features: Any) -> tuple[str | None, str | None]:
    """Return the fingerprint of features and the name of the distance between them, as far as they are known."""
    if features is None or isinstance(features, str):
        return features, None
    fingerprint = getattr(features, "fingerprint", None)
    if not isinstance(fingerprint, str):
        raise InvalidTypeError(
            f"features must be a FeatureExtractor or a fingerprint; got {type(features).__name__}: leave it out"
        )
    return fingerprint, getattr(features, "frechet_name", None)


def _checked_mean(mean: Any) -> Array:
    mean = check_array(mean, "mean")
    if mean.ndim != 1 or not len(mean):
        raise InvalidInputError(f"mean must have shape (d,), one value a feature; got {mean.shape}")
    check_finite(mean, "mean")
    return mean.astype(np.float64)


def _checked_covariance(covariance: Any, d: int) -> Array:
    covariance = check_array(covariance, "covariance")
    if covariance.shape != (d, d):
        raise InvalidInputError(
            f"covariance must have shape ({d}, {d}), as mean has {d} values; got {covariance.shape}: "
            "pass numpy.cov(features, rowvar=False)"
        )
    check_finite(covariance, "covariance")
    covariance = covariance.astype(np.float64)
    largest = float(np.abs(covariance).max())
    if largest > _LARGEST:
        raise InvalidInputError(f"covariance must be at most {_LARGEST:g} in magnitude; got {largest:.3g}: rescale it")
    slack = _ROUNDING * largest
    gap = float(np.abs(covariance - covariance.T).max())
    if gap > slack:
        raise InvalidInputError(
            f"covariance must be symmetric; got values that differ by up to {gap:.3g} from those across the diagonal: "
            "pass numpy.cov(features, rowvar=False)"
        )
    covariance = (covariance + covariance.T) / 2
    try:
        np.linalg.cholesky(covariance + max(slack, np.finfo(np.float64).tiny) * np.eye(d))
    except np.linalg.LinAlgError:
        raise InvalidInputError(
            "covariance must be positive semi-definite; got one with a negative variance in some direction: "
            "pass numpy.cov(features, rowvar=False)"
        ) from None
    return covariance


def _number(given: Array | None) -> Any:
    """Return a number of rows that is kept in a file."""
    if given is None:
        return None
    if given.shape != () or given.dtype.kind not in "iu":
        raise InvalidInputError(f"n_samples must be one integer; got {given.dtype} of shape {given.shape}")
    return int(given)


def _text(given: Array | None) -> str | None:
    """Return a text that is kept in a file; None for anything else of that name."""
    return str(given) if given is not None and given.shape == () and given.dtype.kind == "U" else None
