"""The Frechet distance between features, and the spread of samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _blas
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal._validation import check_integer
from vicinal.images import blocks_of
from vicinal.metrics._inputs import check_sets, checked
from vicinal.metrics.moments import Moments, moments_of

MOST_PARTS = 4  # of an extrapolation


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
    with _blas.one_thread():
        if squares is None or r.has_more_rows or g.has_more_rows:
            product = r.factor.T @ g.factor
        else:
            n, m = squares.shape
            products = -0.5 * (squares - squares.mean(axis=0) - squares.mean(axis=1, keepdims=True) + squares.mean())
            product = products / np.sqrt((n - 1.0) * (m - 1.0))
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
