"""The Frechet distance between features, from means and covariances that can be gathered batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal._validation import check_integer
from vicinal.images import blocks_of
from vicinal.metrics._inputs import check_sets, checked

_ROWS, _VALUES = 4096, 1 << 23  # centred in one go, at most
MOST_PARTS = 4  # of an extrapolation


class Moments:
    """Number, mean and covariance of feature rows, gathered batch by batch and in parts, in float64.

    Rows that do not fit in memory, or lie on several machines, are added in turn; the parts are merged
    (Chan, Golub & LeVeque 1983). The result is that of all rows at once, up to rounding. As long as there are fewer
    rows than features, the centred rows are kept instead of their outer products.

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
        self._centred: Array | None = np.zeros((0, 0))  # fewer rows than columns, or None
        self._summed: Array = np.zeros((0, 0))  # sum of their outer products, if there are more rows
        self._known_factor: Array | None = None

    def update(self, features: Any) -> Moments:
        """Add rows of features, array_like of shape (n, *shape), and return self."""
        return self._add(*check_sets(features=features))

    def _add(self, rows: Any) -> Moments:
        size = max(1, min(_ROWS, _VALUES // rows.shape[1]))
        for first in range(0, len(rows), size):
            block = rows[first : first + size].astype(np.float64, copy=False)
            part = Moments()
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
        """Add what another has gathered, and return self."""
        if not isinstance(other, Moments):
            raise InvalidTypeError(f"other must be Moments; got {type(other).__name__}")
        if self.n_samples and other.n_samples and len(self.mean) != len(other.mean):
            raise InvalidInputError(
                f"features must have rows of one length; got {len(self.mean)} and {len(other.mean)} values"
            )
        if not self.n_samples:
            self.n_samples, self.mean = other.n_samples, other.mean
            self._centred, self._summed = other._centred, other._summed
        elif other.n_samples:
            n_samples = self.n_samples + other.n_samples
            gap = other.mean - self.mean
            between = gap * np.sqrt(self.n_samples * (other.n_samples / n_samples))  # as one more centred row
            if self._centred is not None and other._centred is not None:
                self._keep(np.concatenate([self._centred, other._centred, between[None]]))
            else:
                self._summed = self._scatter + other._scatter + np.outer(between, between)
                self._centred = None
            self.mean = self.mean + gap * (other.n_samples / n_samples)
            self.n_samples = n_samples
        self._known_factor = None
        return self

    @property
    def _scatter(self) -> Array:
        """Sum of outer products about the mean, (d, d)."""
        return self._summed if self._centred is None else self._centred.T @ self._centred

    @property
    def covariance(self) -> Array:
        """Covariance (d, d) with ddof=1; two rows are needed."""
        return self._scatter / self._degrees

    @property
    def factor(self) -> Array:
        """A matrix (d, k), k at most d, whose product with its transpose is the covariance; worked out once."""
        if self._known_factor is None:
            centred, degrees = self._centred, self._degrees
            self._known_factor = _factor(self.covariance) if centred is None else centred.T / np.sqrt(degrees)
        return self._known_factor

    @property
    def has_more_rows(self) -> bool:
        """Whether there were at least as many rows as features."""
        return self._centred is None

    @property
    def _degrees(self) -> int:
        if self.n_samples < 2:
            raise InvalidInputError(f"covariance needs at least 2 rows of features; got {self.n_samples}")
        return self.n_samples - 1


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
    Covariances with ddof=1, all in float64. The trace of the root is the sum of the singular values of
    :math:`F_r^T F_g`, where :math:`F F^T = \Sigma`: a Cholesky factor, or the centred rows if they are fewer than the
    features.

    Biased upwards, by a term that falls as 1/n and 1/m and depends on the features (Chong & Forsyth
    2020): compare values at equal n and m only.

    It is called FID only in features of the 2015 Inception network (Heusel et al.).

    Time O((n + m) d^2 + d^3); memory, beside the features in float64, about six d x d arrays. Where n and m are below
    d: time O(n m d + min(n, m)^3), and memory for the centred rows.

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
    return distance_of(r, g)


def distance_of(r: Moments, g: Moments, squares: Array | None = None) -> float:
    """Return the Frechet distance between moments, faster if the squared distances (n, m) of few rows are at hand.

    Centred twice, they are -2 times the products of the centred rows.
    """
    gap = r.mean - g.mean
    with threadpool_limits(1, user_api="blas"):  # more gain little here, and lose tenfold on cores that others use too
        if squares is None or r.has_more_rows or g.has_more_rows:
            product = r.factor.T @ g.factor
        else:
            products = -0.5 * (squares - squares.mean(axis=0) - squares.mean(axis=1, keepdims=True) + squares.mean())
            product = products / np.sqrt((r.n_samples - 1.0) * (g.n_samples - 1.0))
        # Its singular values squared are the eigenvalues of the covariances' product.
        product = min(product, product.T, key=len)
        eigenvalues = np.linalg.eigvalsh(product @ product.T)  # in half the time of the singular values
    trace = sum(float(np.einsum("ij,ij->", each.factor, each.factor)) for each in (r, g))
    return max(float(gap @ gap + trace - 2.0 * np.sqrt(np.maximum(eigenvalues, 0.0)).sum()), 0.0)


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
    return ratio_of(total_variance(generated), total_variance(real))


def ratio_of(generated: float, real: float) -> float:
    """Return the ratio of two variances; NaN if the second is 0."""
    return generated / real if real > 0 else float("nan")


def total_variance(rows: Any) -> float:
    """Return the sum of the variances of all columns, without a copy of all rows; blocks of them become float64."""
    n, mean, scatter = 0, 0.0, 0.0
    for some in blocks_of(rows):
        block = rows[some].astype(np.float64, copy=False)
        total, centre = n + len(block), block.mean(axis=0)
        gap = centre - mean
        scatter += float(np.square(block - centre).sum() + np.square(gap).sum() * n * len(block) / total)
        mean, n = mean + gap * (len(block) / total), total
    return scatter / n
