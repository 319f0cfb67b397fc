r"""Some dimensions drawn given the others, by the Gaussians of the neighbourhoods of `LocalSampler`.

Let g be the dimensions that are given, and h the others. A neighbourhood c has the mass w_c, and its samples have the
mean m_c and the covariance a^2 C_c. It is drawn with the probability

.. math:: p(c \mid z_g) \propto w_c \, N(z_g; \; m_{c,g}, \; a^2 S_{c,gg}).

Then x is drawn from the neighbourhood, as `sample` draws it, and moved to the given values (Matheron's rule):

.. math:: z_h = x_h + S_{c,hg} S_{c,gg}^{-1} (z_g - x_g)

With S = C this is a draw from the conditional Gaussian, exactly. But a neighbourhood of no more latents than dimensions
has a singular C. So C_c is shrunk towards a sphere that weighs as much as d + 1 latents, as in
`vicinal.samplers.local.moves`:

.. math:: S_c = (1 - \lambda) C_c + \lambda v_c I, \quad \lambda = \frac{d + 1}{K_c + d + 1},

where v_c is the mean of the diagonal of C_c, and K_c the number of latents. So what is drawn follows what is given less
than it should, by the share lambda. The unit of each dimension is its standard deviation within neighbourhoods, at
least a thousandth of that over all latents. Where nothing is given, the law is that of `sample`.

With L neighbourhoods, this is O(L d^3) for each set of dimensions that are given, and O(L d^2) for each row.

References
----------
D. B. Rubin, "Multiple imputation for nonresponse in surveys", Wiley 1987, doi:10.1002/9780470316696.
J. T. Wilson et al., "Pathwise conditioning of Gaussian processes", JMLR 22, 2021, arXiv:2011.04026 (Matheron's rule).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from vicinal import _arrays, _blas, _validation, rng
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.rng import Draws
from vicinal.samplers import whole
from vicinal.samplers.batches import is_whole
from vicinal.samplers.by_class import class_of, starts_of
from vicinal.samplers.local.partition import means_of
from vicinal.samplers.vicinities import VicinitySampler

_VALUES = 1 << 22  # worked on together
_LEAST_UNIT = 1e-3  # of the standard deviation over all latents
_LEAST_VARIANCE = 1e-30  # of a neighbourhood of equal latents, in units


class ConditionalSampler(VicinitySampler):
    """A sampler whose vicinities are neighbourhoods, each a Gaussian."""

    latents_: Array
    neighborhood_starts_: Array
    scale_: float
    shrinkage: float

    @abstractmethod
    def _around(self, draws: Draws, own: Array) -> Array:
        """Return samples from the neighbourhoods of the latents ``own`` (n,), around these."""

    def impute(self, X: Any, *, y: Any = None, random_state: Any = None, start: int = 0) -> Any:
        """Draw what is missing in latents, given what is not.

        Parameters
        ----------
        X : array_like of shape (n_samples, *event_shape_)
            Latents, NaN where a value is to be drawn. A row may be NaN altogether: it is then drawn as by `sample`.
        y : label, or array_like of labels, shape (n_samples,), optional
            Class to draw within: one label for all rows, or one for each row.
        random_state, start
            As in `sample`: row i is a function of the seed, of its given values, of its class and of ``start + i``
            alone. Other seeds draw other values for the same rows.

        Returns
        -------
        ndarray or torch.Tensor of shape (n_samples, *event_shape_)
            In the array library, on the device and in the floating type of ``X``. What was given is kept, to the bit.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        InvalidInputError, InvalidTypeError
            For arguments that cannot be used, for ``y`` if `fit` had no labels, and if ``shrinkage`` is not 1:
            neighbourhoods are no Gaussians then.

        Notes
        -----
        Neighbourhoods are chosen by their mass and by the density of what is given. Within a neighbourhood, the
        conditional Gaussian is drawn from; its covariance is shrunk towards a sphere, the more the fewer latents there
        are: see `vicinal.samplers.local.conditional`.

        Examples
        --------
        >>> import numpy as np
        >>> from vicinal import LocalSampler
        >>> x = np.random.default_rng(0).uniform(-2, 2, 5000)
        >>> sampler = LocalSampler(50, scale=1.0, random_state=0).fit(np.stack([x, x**2], axis=1))
        >>> drawn = sampler.impute([[1.5, np.nan], [np.nan, 1.0]])
        >>> bool(abs(drawn[0, 1] - 2.25) < 0.3), bool(abs(abs(drawn[1, 0]) - 1) < 0.3)
        (True, True)
        """
        check_is_fitted(self)
        if self.shrinkage != 1:
            raise InvalidInputError(
                f"impute needs neighbourhoods that are Gaussians; got shrinkage={self.shrinkage}: fit a sampler with "
                "shrinkage=1, the default"
            )
        rows = _validation.check_rows(
            X, "latents", event_shape=self.event_shape_, owner=type(self).__name__, finite=False
        )
        self._set_names(X, reset=False)
        missing = np.isnan(rows)
        _validation.check_finite(np.where(missing, 0, rows), "latents that are not NaN")
        n_samples, start = _validation.check_row_range(len(rows), start)
        classes = None if y is None else self._places_of(y, n_samples)
        key = rng.seed_key(self.random_state if random_state is None else random_state)
        flat = rows.reshape(n_samples, -1).astype(np.float64)
        with _blas.one_thread():  # or the bits of products would depend on the number of threads
            drawn = self._drawn(flat, Draws(key, start, n_samples, classes))
        if is_whole(self.dtype_):
            drawn = whole.rounded(drawn, np.dtype(np.float64), self._whole_limits())
        filled = np.where(missing, drawn.reshape(rows.shape).astype(rows.dtype), rows)
        return _arrays.from_numpy(filled, _arrays.tensor_kind(X))

    def _drawn(self, rows: Array, draws: Draws) -> Array:
        """Return samples (n, d) given what is not NaN in rows (n, d) float64; what was given is about kept."""
        gaussians, starts = _Gaussians.of(self), self.neighborhood_starts_
        classes_of = class_of(starts_of(self, len(self.latents_)), starts[:-1])
        drawn = np.empty_like(rows)
        for part in gaussians.parts(len(rows)):
            classes = None if draws.classes is None else draws.classes[part]
            some = draws._replace(start=draws.start + part.start, n_samples=len(rows[part]), classes=classes)
            allowed = None if classes is None else np.equal(classes_of, classes[:, None])
            places = gaussians.choose(rows[part], allowed, some)
            drawn[part] = gaussians.moved(self._around(some, starts[places]), rows[part], places)
        return drawn


class _Gaussians(NamedTuple):
    """The neighbourhoods of latents (n, d): starts, means, masses (L,), and the unit of each dimension (d,)."""

    latents: Array
    weights: Array
    starts: Array
    means: Array
    masses: Array
    unit: Array
    scale: float

    @classmethod
    def of(cls, sampler: ConditionalSampler) -> Self:
        """Return those of a fitted sampler."""
        latents, starts = sampler.latents_, sampler.neighborhood_starts_
        weights = getattr(sampler, "weights_", np.ones(len(latents))).astype(np.float64)
        means, masses = means_of(latents, weights, starts), np.add.reduceat(weights, starts[:-1])
        within = np.zeros(latents.shape[1])
        for (first, last), mean in zip(pairwise(starts), means, strict=True):
            within += weights[first:last] @ np.square(latents[first:last] - mean)
        unit = np.maximum(np.sqrt(within / masses.sum()), _LEAST_UNIT * latents.std(axis=0, dtype=np.float64))
        unit[unit == 0] = 1.0
        return cls(latents, weights, starts, means, masses, unit, sampler.scale_)

    def parts(self, n: int) -> Iterator[slice]:
        """Yield slices of n rows that are worked on together."""
        n_values = max(len(self.means), self._block * self.means.shape[1])
        size = max(1, _VALUES // n_values)
        return (slice(first, min(n, first + size)) for first in range(0, n, size))

    @property
    def _block(self) -> int:
        """How many neighbourhoods are worked on together."""
        return min(len(self.means), max(1, _VALUES // self.means.shape[1] ** 2))

    def shape(self, place: int) -> Array:
        """Return S of a neighbourhood, (d, d), in units."""
        part = slice(self.starts[place], self.starts[place + 1])
        centred = (self.latents[part] - self.means[place]) / self.unit
        covariance: Array = (self.weights[part, None] * centred).T @ centred / self.masses[place]
        d, size = len(covariance), len(centred)
        share = (d + 1) / (size + d + 1)  # of the sphere
        variance = max(covariance.trace() / d, _LEAST_VARIANCE)
        return (1 - share) * covariance + share * variance * np.eye(d)

    def choose(self, rows: Array, allowed: Array | None, draws: Draws) -> Array:
        """Return a neighbourhood for each of rows (n, d), drawn from those that are ``allowed`` (n, L), or from all."""
        logs = np.tile(np.log(self.masses), (len(rows), 1))
        for first in range(0, len(self.means), self._block):
            block = slice(first, first + self._block)
            shapes = np.stack([self.shape(place) for place in range(len(self.means))[block]]) * self.scale**2
            for given, of_rows in _patterns(rows):
                roots = np.linalg.cholesky(shapes[:, given][:, :, given])
                gaps = ((rows[of_rows, None] - self.means[block]) / self.unit)[..., given]
                whitened = np.matmul(np.linalg.inv(roots), gaps[..., None])[..., 0]
                determinants = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
                with np.errstate(over="ignore"):
                    logs[of_rows, block] -= np.square(whitened).sum(axis=-1) / 2 + determinants
        if not np.isfinite(logs).any(axis=1).all():
            raise InvalidInputError(
                "what is given is too far from all latents: squares of distances are beyond float64"
            )
        if allowed is not None:
            logs[~allowed] = -np.inf
        ends = np.exp(logs - logs.max(axis=1, keepdims=True)).cumsum(axis=1)
        return (ends <= draws.uniforms(1) * ends[:, -1:]).sum(axis=1)

    def moved(self, samples: Array, rows: Array, places: Array) -> Array:
        """Return samples (n, d) of neighbourhoods, moved by Matheron's rule to what is given in rows (n, d)."""
        samples = samples.astype(np.float64)
        for given, of_rows in _patterns(rows):
            for place in np.unique(places[of_rows]):
                shape, some = self.shape(place), of_rows[places[of_rows] == place]
                gain = np.linalg.solve(shape[np.ix_(given, given)], shape[given]).T
                gaps = ((rows[some] - samples[some]) / self.unit)[:, given]
                samples[some] += np.matmul(gain, gaps[:, :, None])[:, :, 0] * self.unit  # row by row: the same bits
        return samples


def _patterns(rows: Array) -> Iterator[tuple[Array, Array]]:
    """Yield the dimensions that are given, and the rows (n, d) that have these and no others, as indices."""
    patterns, of_rows = np.unique(~np.isnan(rows), axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.any():
            yield np.flatnonzero(pattern), np.flatnonzero(of_rows.ravel() == number)
