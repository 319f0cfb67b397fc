"""The Vendi score: how many different rows a set is worth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vicinal import _blas
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.metrics._inputs import checked


@checked()
def vendi_score(generated: Any) -> float:
    r"""Return the effective number of different rows, by the cosines between them.

    .. math:: \exp \Big( -\sum_i \lambda_i \log \lambda_i \Big), \quad K_{ij} = \cos(x_i, x_j)

    over the eigenvalues :math:`\lambda_i` of K / m.

    Parameters
    ----------
    generated : array_like of shape (m, *shape)
        Features of samples; rows are flattened. Rows of zeros have no direction, and are left out.

    Returns
    -------
    float
        From 1, where all rows point one way, to min(m, d). Compare with the value of held-out data: more is not
        better, as noise is the most diverse of all.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Notes
    -----
    It asks for no real data, so it sees neither fidelity nor copying. It depends on the origin of the features. In
    few dimensions it hardly sees a lost mode: it is at most d.

    Time O(m d min(m, d)): K and the d x d matrix of the same eigenvalues, whichever is smaller.

    References
    ----------
    D. Friedman, A. B. Dieng, "The Vendi score: a diversity evaluation metric for machine learning", 2023,
    arXiv:2210.02410.

    Examples
    --------
    >>> import numpy as np
    >>> round(vendi_score(np.eye(5)), 6), round(vendi_score(np.ones((5, 5))), 6)
    (5.0, 1.0)
    """
    directions = unit_rows(generated, "generated")
    m, d = directions.shape
    with _blas.one_thread():
        gram = directions.T @ directions if d < m else directions @ directions.T
        eigenvalues = np.linalg.eigvalsh(gram / m)
    positive = eigenvalues[eigenvalues > 0]
    return math.exp(-float((positive * np.log(positive)).sum()))


def unit_rows(rows: Array, name: str) -> Array:
    """Return rows (n, d) at length 1, without those of zeros."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    some = lengths[:, 0] > 0
    if not some.any():
        raise InvalidInputError(f"{name} must have a row that is not zero: rows of zeros have no cosine")
    return rows[some] / lengths[some]
