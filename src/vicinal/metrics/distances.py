"""The Frechet distance between features, from means and covariances that can be gathered batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal._validation import check_integer
from vicinal.metrics._inputs import check_sets, checked

_BLOCK = 4096  # rows centred in one go
MOST_PARTS = 4  # of an extrapolation


class Moments:
    """Number, mean and covariance of feature rows, gathered batch by batch and in parts, in float64.

    Rows that do not fit in memory, or lie on several machines, are added in turn; the parts are merged
    (Chan, Golub & LeVeque 1983). The result is that of all rows at once, up to rounding.

    Attributes
    ----------
    n_samples : int
        Rows so far.
    mean : ndarray of float64, shape (d,)
    covariance : ndarray of float64, shape (d, d)
        With ddof=1.

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

    def __init__(self) -> None:
        self.n_samples = 0
        self.mean: Array = np.zeros(0)
        self._scatter: Array = np.zeros((0, 0))  # sum of outer products about the mean
        self._known_factor: Array | None = None

    def update(self, features: Any) -> Moments:
        """Add rows of features, array_like of shape (n, *shape), and return self."""
        return self._add(*check_sets(features=features))

    def _add(self, rows: Array) -> Moments:
        for first in range(0, len(rows), _BLOCK):
            block = rows[first : first + _BLOCK]
            part = Moments()
            part.n_samples, part.mean = len(block), block.mean(axis=0)
            centred = block - part.mean
            part._scatter = centred.T @ centred
            self.merge(part)
        return self

    def merge(self, other: Moments) -> Moments:
        """Add what another has gathered, and return self."""
        if not isinstance(other, Moments):
            raise InvalidTypeError(f"other must be Moments; got {type(other).__name__}")
        if self.n_samples and other.n_samples and len(self.mean) != len(other.mean):
            raise InvalidInputError(
                f"features must have rows of one length; got {len(self.mean)} and {len(other.mean)} values"
            )
        if not self.n_samples:
            self.n_samples, self.mean, self._scatter = other.n_samples, other.mean, other._scatter
        elif other.n_samples:
            n_samples = self.n_samples + other.n_samples
            gap = other.mean - self.mean
            weight = self.n_samples * (other.n_samples / n_samples)
            self._scatter = self._scatter + other._scatter + weight * np.outer(gap, gap)
            self.mean = self.mean + gap * (other.n_samples / n_samples)
            self.n_samples = n_samples
        self._known_factor = None
        return self

    @property
    def covariance(self) -> Array:
        """Covariance (d, d) with ddof=1; two rows are needed."""
        if self.n_samples < 2:
            raise InvalidInputError(f"covariance needs at least 2 rows of features; got {self.n_samples}")
        return self._scatter / (self.n_samples - 1)

    @property
    def factor(self) -> Array:
        """A matrix (d, d) whose product with its transpose is the covariance; worked out once."""
        if self._known_factor is None:
            self._known_factor = _factor(self.covariance)
        return self._known_factor


def frechet_distance(real: Any, generated: Any) -> float:
    r"""Return the Frechet distance between Gaussians fitted to two sets of features.

    .. math::
        \lVert \mu_r - \mu_g \rVert^2 + \mathrm{tr}\,(\Sigma_r + \Sigma_g - 2 (\Sigma_r \Sigma_g)^{1/2})

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape), or Moments
        Features of real and of generated data; rows are flattened.

    Returns
    -------
    float
        At least 0, in squared units of the features. Symmetric.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For features that cannot be used; two rows of each are needed.

    Notes
    -----
    Covariances with ddof=1, all in float64, the trace of the root from the eigenvalues of a symmetric product.

    Biased upwards, by a term that falls as 1/n and 1/m and depends on the features (Chong & Forsyth
    2020): compare values at equal n and m only.

    It is called FID only in features of the 2015 Inception network (Heusel et al.).

    Time O((n + m) d^2 + d^3); memory, beside the features in float64, about six d x d arrays.

    References
    ----------
    D. C. Dowson, B. V. Landau, "The Frechet distance between multivariate normal distributions",
    1982, doi:10.1016/0047-259X(82)90077-X.
    M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium", 2017, arXiv:1706.08500.
    M. J. Chong, D. Forsyth, "Effectively unbiased FID and inception score and where to find them",
    2020, arXiv:1911.07023.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(500, 3))
    >>> round(frechet_distance(x, x + [3.0, 0.0, 0.0]), 6)
    9.0
    """
    given = {"real": real, "generated": generated}
    arrays = {name: each for name, each in given.items() if not isinstance(each, Moments)}
    given |= {name: moments_of(rows) for name, rows in zip(arrays, check_sets(minimum=2, **arrays), strict=True)}
    r, g = given.values()
    if r.mean.shape != g.mean.shape:
        raise InvalidInputError(
            f"real and generated must have rows of one length; got {len(r.mean)} and {len(g.mean)} values"
        )
    gap = r.mean - g.mean
    covariance_r, covariance_g = r.covariance, g.covariance
    with threadpool_limits(1, user_api="blas"):  # more gain little here, and lose tenfold on cores that others use too
        product = np.linalg.eigvalsh(r.factor.T @ covariance_g @ r.factor)  # eigenvalues of covariance_r covariance_g
    trace = np.trace(covariance_r) + np.trace(covariance_g)
    distance = gap @ gap + trace - 2.0 * np.sqrt(np.maximum(product, 0.0)).sum()
    return max(float(distance), 0.0)


@checked(minimum=2 * MOST_PARTS)
def frechet_distance_infinity(real: Any, generated: Any, *, random_state: int = 0) -> float:
    r"""Return the Frechet distance of infinitely many rows, by extrapolation.

    The bias of the distance falls as 1/n. With D_k the mean distance between the k disjoint parts of both sets,

    .. math:: D_k \approx D_\infty + k b, \quad k = 1, \dots, 4

    the straight line of least squares gives :math:`D_\infty` at k = 0. So sets of different sizes compare.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Features of real and of generated data; rows are flattened. At least 8 rows of each.
    random_state : int
        Seed of the parts.

    Returns
    -------
    float
        In squared units of the features. Without bias, so slightly negative where the sets agree.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For features that cannot be used.

    Notes
    -----
    Chong & Forsyth extrapolate over the number of generated rows. Here both sets are cut, since held-out data are few
    too. The bias is linear in k where each part has several times as many rows as there are features. With fewer the
    extrapolation leaves some of it.

    Time: ten Frechet distances.

    References
    ----------
    M. J. Chong, D. Forsyth, "Effectively unbiased FID and inception score and where to find them",
    2020, arXiv:1911.07023.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(2, 400, 5))
    >>> abs(frechet_distance_infinity(x, y)) < 0.02 < frechet_distance(x, y)
    True
    """
    seed = check_integer(random_state, "random_state", minimum=0)
    orders = [np.random.default_rng([seed, i]).permutation(len(rows)) for i, rows in enumerate((real, generated))]
    numbers = np.arange(1, MOST_PARTS + 1)
    means = []
    for k in numbers:
        parts = zip(np.array_split(orders[0], k), np.array_split(orders[1], k), strict=True)
        means.append(np.mean([frechet_distance(moments_of(real[a]), moments_of(generated[b])) for a, b in parts]))
    return float(np.polynomial.Polynomial.fit(numbers, means, 1)(0.0))


def moments_of(rows: Array) -> Moments:
    """Return the moments of float64 rows (n, d)."""
    return Moments()._add(rows)


def _factor(covariance: Array) -> Array:
    """Return a matrix whose product with its transpose is ``covariance``."""
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:  # singular: fewer rows than features, or features that depend on each other
        eigenvalues, eigenvectors = np.linalg.eigh(covariance)
        return eigenvectors * np.sqrt(np.maximum(eigenvalues, 0.0))


@checked()
def variance_ratio(real: Any, generated: Any) -> float:
    r"""Return the total variance of samples over that of real data.

    .. math:: \frac{\sum_j \mathrm{Var}(g_j)}{\sum_j \mathrm{Var}(r_j)}

    A sampler that smooths by adding noise gains variance; one that averages loses some.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Held-out data and samples.

    Returns
    -------
    float
        1 for samples that spread as the real data do. NaN if the real data are all alike.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Examples
    --------
    >>> variance_ratio([[0.0], [2.0]], [[1.0], [5.0]])
    4.0
    """
    spread = float(np.var(real, axis=0).sum())
    return float(np.var(generated, axis=0).sum()) / spread if spread > 0 else float("nan")
