"""Distances between distributions of features."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal._errors import InvalidInputError
from vicinal._validation import check_rows

Array = np.ndarray[Any, Any]

_LARGEST = 1e140


def check_pair(
    real: Any, generated: Any, minimum: int = 1, names: tuple[str, str] = ("real", "generated")
) -> tuple[Array, Array]:
    """Return both as float64 arrays (n, d), (m, d) of equal d, whose squares are within float64."""
    real, generated = (
        check_rows(rows, name, minimum=minimum) for rows, name in zip((real, generated), names, strict=True)
    )
    if real.shape[1:] != generated.shape[1:]:
        raise InvalidInputError(
            f"{names[0]} and {names[1]} must have rows of one shape; got {real.shape[1:]} and {generated.shape[1:]}"
        )
    for rows, name in zip((real, generated), names, strict=True):
        if max(-float(rows.min()), float(rows.max())) > _LARGEST:
            raise InvalidInputError(
                f"{name} must be at most {_LARGEST:g} in magnitude, or squares overflow; rescale it"
            )
    return (
        real.reshape(len(real), -1).astype(np.float64),
        generated.reshape(len(generated), -1).astype(np.float64),
    )


def frechet_distance(real: Any, generated: Any) -> float:
    r"""Return the Frechet distance between Gaussians fitted to two sets of features.

    .. math::
        \lVert \mu_r - \mu_g \rVert^2 + \mathrm{tr}\,(\Sigma_r + \Sigma_g - 2 (\Sigma_r \Sigma_g)^{1/2})

    Parameters
    ----------
    real : array_like of shape (n, *shape)
        Features of real data; rows are flattened.
    generated : array_like of shape (m, *shape)
        Features of generated data.

    Returns
    -------
    float
        At least 0, in squared units of the features. Biased upwards for small n and m: compare values
        at equal sizes only.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For features that cannot be used; two rows of each are needed.

    Notes
    -----
    Covariances with ddof=1, all in float64, the root through eigenvalues of a symmetric product. It is
    called FID only in features of the 2015 Inception network (Heusel et al.), which these are not.

    References
    ----------
    D. C. Dowson, B. V. Landau, "The Frechet distance between multivariate normal distributions",
    1982, doi:10.1016/0047-259X(82)90077-X.
    M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium", 2017, arXiv:1706.08500.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(500, 3))
    >>> round(frechet_distance(x, x + [3.0, 0.0, 0.0]), 6)
    9.0
    """
    real, generated = check_pair(real, generated, minimum=2)
    difference = real.mean(axis=0) - generated.mean(axis=0)
    covariance_real = np.atleast_2d(np.cov(real, rowvar=False))
    covariance_generated = np.atleast_2d(np.cov(generated, rowvar=False))
    eigenvalues, eigenvectors = np.linalg.eigh(covariance_real)
    root = (eigenvectors * np.sqrt(np.maximum(eigenvalues, 0.0))) @ eigenvectors.T
    product = np.linalg.eigvalsh(root @ covariance_generated @ root)
    trace = np.trace(covariance_real) + np.trace(covariance_generated)
    distance = difference @ difference + trace - 2.0 * np.sqrt(np.maximum(product, 0.0)).sum()
    return max(float(distance), 0.0)
