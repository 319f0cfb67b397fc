"""Optimal transport between sets of latents."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, import_extra
from vicinal._validation import check_integer, check_positive
from vicinal.metrics._inputs import checked, subsets

MAX_SAMPLES = 1000
_FEW_COLUMNS = 256  # up to so many, distances are cheap without a product of matrices
_COLUMNS = 4096  # centred in one go
_MOST_ITERATIONS = 10_000  # of Sinkhorn
_MOST_COST = 500.0  # in units of epsilon; beyond, exp(-cost / epsilon) is too small, and logarithms are used


@checked()
def wasserstein_distance(
    real: Any, generated: Any, *, p: int = 2, max_samples: int = MAX_SAMPLES, random_state: int = 0
) -> float:
    r"""Return the exact 1- or 2-Wasserstein distance between seeded subsets of two sets of rows.

    .. math:: W_p = \Big( \min_{\sigma} \frac{1}{m} \sum_i \lVert r_i - g_{\sigma(i)} \rVert^p \Big)^{1/p}

    over the permutations of m rows: between equally many rows of equal mass, the best plan is one.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (k, *shape)
        Real and generated data; rows are flattened.
    p : {1, 2}
        Power of the Euclidean distance.
    max_samples : int
        Rows of each set that are used: m is the least of this, n and k, drawn without replacement.
    random_state : int
        Seed of the two draws.

    Returns
    -------
    float
        At least 0, in units of the data. Symmetric where all rows are used.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Notes
    -----
    Biased upwards for small m, by a term that falls as slowly as m^(-1/d): compare values at equal m only, and
    with the distance between two sets of real data. Time O(m^3), memory one matrix of m^2.

    References
    ----------
    Cedric Villani, "Optimal transport: old and new", 2009, doi:10.1007/978-3-540-71050-9.
    D. F. Crouse, "On implementing 2D rectangular assignment algorithms", 2016,
    doi:10.1109/TAES.2016.140952.

    Examples
    --------
    >>> import numpy as np
    >>> round(wasserstein_distance(np.zeros((4, 2)), np.full((4, 2), 3.0)), 6)
    4.242641
    """
    p = check_integer(p, "p", minimum=1, maximum=2)
    real, generated = subsets(max_samples, random_state, real, generated)
    return assigned(squared_distances(real, generated), p)


def assigned(squares: Array, p: int) -> float:
    """Return the Wasserstein distance between equally many rows from the squares of their distances, (m, m)."""
    cost = np.sqrt(squares) if p == 1 else squares
    return float(cost[linear_sum_assignment(cost)].mean() ** (1.0 / p))


def squared_distances(real: Array, generated: Array) -> Array:
    """Return the squared distance between each pair of rows, (n, m)."""
    if real.shape[1] <= _FEW_COLUMNS:
        return cdist(real, generated, "sqeuclidean")
    squares = np.zeros((len(real), len(generated)))
    for first in range(0, real.shape[1], _COLUMNS):  # the copies of some columns alone
        a, b = (rows[:, first : first + _COLUMNS] for rows in (real, generated))
        centre = a.mean(axis=0)  # or the digits of what is small against the rows are lost
        a, b = a - centre, b - centre
        squares += np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2.0 * (a @ b.T)
    return np.maximum(squares, 0.0)


@checked()
def sliced_wasserstein_distance(
    real: Any, generated: Any, *, p: int = 2, n_projections: int = 200, random_state: int = 0
) -> float:
    r"""Return the Wasserstein distance between projections onto lines, averaged over random directions.

    .. math:: SW_p = \Big( \mathbb{E}_{\theta} \, W_p^p(\theta^\top r, \theta^\top g) \Big)^{1/p}

    Computed by POT, over all rows.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Real and generated data; rows are flattened.
    p : {1, 2}
        Power of the distance.
    n_projections : int
        Directions, uniform on the sphere.
    random_state : int
        Seed of the directions.

    Returns
    -------
    float
        At least 0, in units of the data; at most W_p. Symmetric.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.
    MissingExtraError
        If POT is not installed.

    Notes
    -----
    Biased upwards for small n and m, by a term that falls as n^(-1/2) whatever d. Time O(n_projections n (d + log
    n)), memory n_projections (n + m) values.

    References
    ----------
    N. Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures", 2015, doi:10.1007/s10851-014-0506-3.
    R. Flamary et al., "POT: Python optimal transport", 2021, https://jmlr.org/papers/v22/20-451.html.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(500, 1))
    >>> round(sliced_wasserstein_distance(x, x + 3.0), 6)
    3.0
    """
    p = check_integer(p, "p", minimum=1, maximum=2)
    n_projections = check_integer(n_projections, "n_projections", minimum=1)
    seed = check_integer(random_state, "random_state", minimum=0, maximum=2**32 - 1)
    ot = import_extra("ot", "ot")
    return float(ot.sliced_wasserstein_distance(real, generated, n_projections=n_projections, p=p, seed=seed))


@checked()
def sinkhorn_divergence(
    real: Any,
    generated: Any,
    *,
    regularization: float | None = None,
    max_samples: int = MAX_SAMPLES,
    random_state: int = 0,
) -> float:
    r"""Return the Sinkhorn divergence between seeded subsets of two sets of rows.

    .. math:: S_\epsilon(r, g) = W_\epsilon(r, g) - \tfrac{1}{2} W_\epsilon(r, r) - \tfrac{1}{2} W_\epsilon(g, g)

    :math:`W_\epsilon` being the cost of moving, in squared Euclidean distances, by the plan that entropy blurs.
    Computed by POT.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Real and generated data; rows are flattened.
    regularization : float, optional
        The entropic epsilon, in squared units of the data. None takes 5 % of the median squared distance between
        the real rows that are used; or the largest squared distance of any row from a real one over 500, if that is
        more, as it is for samples far away only. One much smaller converges slowly, or not within the iterations.
    max_samples : int
        Rows of each set that are used, drawn without replacement.
    random_state : int
        Seed of the two draws.

    Returns
    -------
    float
        At least 0, in squared units of the data: W_2 squared for small epsilon, a maximum mean discrepancy for large.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used, and if the iterations do not converge.
    MissingExtraError
        If POT is not installed.

    Notes
    -----
    The bias in the number of rows m that is used falls as m^(-1/2) for a fixed epsilon. Time O(m^2) an iteration,
    memory a few matrices of m^2.

    References
    ----------
    J. Feydy et al., "Interpolating between optimal transport and MMD using Sinkhorn divergences", 2019,
    arXiv:1810.08278.
    A. Genevay et al., "Sample complexity of Sinkhorn divergences", 2019, arXiv:1810.02733.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(2, 200, 3))
    >>> sinkhorn_divergence(x, y) < 0.5 < 11.5 < sinkhorn_divergence(x, y + 2.0) < 12.5
    True
    """
    if regularization is not None:
        regularization = check_positive(regularization, "regularization")
    real, generated = subsets(max_samples, random_state, real, generated)
    within, between = (cdist(real, rows, "sqeuclidean") for rows in (real, generated))
    most = max(float(within.max()), float(between.max()))
    if regularization is None:
        regularization = max(0.05 * float(np.median(within)), most / _MOST_COST)
        if not regularization > 0:
            raise InvalidInputError("regularization cannot be taken from real: all rows are equal; give one")
    ot = import_extra("ot", "ot")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = ot.bregman.empirical_sinkhorn_divergence(
            real,
            generated,
            regularization,
            method="sinkhorn" if most <= _MOST_COST * regularization else "sinkhorn_log",
            stopThr=1e-6,
            numIterMax=_MOST_ITERATIONS,
        )
    if any(issubclass(warning.category, UserWarning) for warning in caught):  # numbers too small, or no convergence
        raise InvalidInputError(
            f"regularization must be large enough for {_MOST_ITERATIONS:,} iterations to converge; got "
            f"{regularization:.3g}: pass more, such as {4 * regularization:.3g}"
        )
    return float(found)
