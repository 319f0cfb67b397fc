"""Optimal transport between sets of latents."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from vicinal._validation import check_integer
from vicinal.metrics.distances import check_pair

Array = np.ndarray[Any, Any]


def wasserstein_distance(real: Any, generated: Any, *, max_samples: int = 1000, random_state: int = 0) -> float:
    r"""Return the exact 2-Wasserstein distance between seeded subsets of two sets of rows.

    .. math:: W_2 = \Big( \min_{\sigma} \frac{1}{m} \sum_i \lVert r_i - g_{\sigma(i)} \rVert^2 \Big)^{1/2}

    over the permutations of m rows: between equally many points of equal mass, the best plan is one.

    Parameters
    ----------
    real : array_like of shape (n, *shape)
        Real data; rows are flattened.
    generated : array_like of shape (k, *shape)
        Generated data.
    max_samples : int
        Rows of each set that are used: m is the least of this, n and k, drawn without replacement.
        The cost grows with the cube of m.
    random_state : int
        Seed of the two draws.

    Returns
    -------
    float
        At least 0, in units of the data. Biased upwards for small m, the more the higher the
        dimension: compare values at equal sizes only.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    References
    ----------
    C. Villani, "Optimal transport: old and new", 2009, doi:10.1007/978-3-540-71050-9.
    D. F. Crouse, "On implementing 2D rectangular assignment algorithms", 2016,
    doi:10.1109/TAES.2016.140952.

    Examples
    --------
    >>> import numpy as np
    >>> round(wasserstein_distance(np.zeros((4, 2)), np.full((4, 2), 3.0)), 6)
    4.242641
    """
    real, generated = check_pair(real, generated)
    size = min(check_integer(max_samples, "max_samples", minimum=1), len(real), len(generated))
    seed = check_integer(random_state, "random_state", minimum=0)
    real, generated = (
        rows[np.random.default_rng([seed, i]).permutation(len(rows))[:size]] for i, rows in enumerate((real, generated))
    )
    cost = cdist(real, generated, "sqeuclidean")
    return float(np.sqrt(cost[linear_sum_assignment(cost)].mean()))
