"""Optimal transport between sets of latents."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal._errors import import_extra
from vicinal._validation import check_integer
from vicinal.metrics.distances import check_pair

Array = np.ndarray[Any, Any]


def wasserstein_distance(real: Any, generated: Any, *, max_samples: int = 1000, random_state: int = 0) -> float:
    r"""Return the exact 2-Wasserstein distance between two sets of rows, on seeded subsets.

    .. math:: W_2 = \Big( \min_{\pi} \sum_{ij} \pi_{ij} \lVert r_i - g_j \rVert^2 \Big)^{1/2}

    Parameters
    ----------
    real : array_like of shape (n, *shape)
        Real data; rows are flattened.
    generated : array_like of shape (m, *shape)
        Generated data.
    max_samples : int
        Rows of each set that are used, drawn without replacement; the cost grows with their cube.
    random_state : int
        Seed of the two draws.

    Returns
    -------
    float
        At least 0, in units of the data. Biased upwards for small sets, the more the higher the
        dimension: compare values at equal sizes only.

    Raises
    ------
    MissingExtraError
        If POT is not installed.
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    References
    ----------
    R. Flamary et al., "POT: Python Optimal Transport", JMLR 22(78), 2021.

    Examples
    --------
    >>> import numpy as np
    >>> round(wasserstein_distance(np.zeros((4, 2)), np.full((4, 2), 3.0)), 6)
    4.242641
    """
    real, generated = check_pair(real, generated)
    max_samples = check_integer(max_samples, "max_samples", minimum=1)
    ot = import_extra("ot", "ot")
    real, generated = (_subset(rows, max_samples, [random_state, i]) for i, rows in enumerate((real, generated)))
    cost = ot.dist(real, generated, metric="sqeuclidean")
    weights = (np.full(len(rows), 1.0 / len(rows)) for rows in (real, generated))
    return float(np.sqrt(max(ot.emd2(*weights, cost, numItermax=10_000_000), 0.0)))


def _subset(rows: Array, size: int, seed: list[int]) -> Array:
    if len(rows) <= size:
        return rows
    return rows[np.random.default_rng(seed).choice(len(rows), size, replace=False)]
