"""Maximum mean discrepancies: how far apart the means of two sets are in the space of a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal._validation import check_integer, check_positive
from vicinal.metrics._inputs import checked, subsets

_BLOCK = 1024  # rows of the kernel matrix in one go
_MEDIAN_ROWS = 1000


@checked(minimum=2)
def kernel_distance(
    real: Any, generated: Any, *, n_subsets: int = 100, subset_size: int = 1000, random_state: int = 0
) -> float:
    r"""Return the kernel distance between features (KID in Inception features).

    The squared maximum mean discrepancy with the kernel

    .. math:: k(x, y) = (x \cdot y / d + 1)^3

    estimated without bias on subsets of each set, drawn without replacement, and averaged over them.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Features of real and of generated data; rows are flattened.
    n_subsets : int
        Pairs of subsets.
    subset_size : int
        Rows of each; all of the smaller set if it has fewer. At least 2.
    random_state : int
        Seed of the subsets.

    Returns
    -------
    float
        Unbiased for every n and m, so it can be slightly negative where the sets agree. It depends on the scale of
        the features.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For features that cannot be used; two rows of each are needed.

    Notes
    -----
    All in float64. Time O(n_subsets subset_size^2 d); memory, beside the features in float64, three matrices of
    subset_size^2.

    References
    ----------
    M. Binkowski et al., "Demystifying MMD GANs", 2018, arXiv:1801.01401.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(2, 400, 5))
    >>> abs(kernel_distance(x, y, n_subsets=10)) < 0.01 < kernel_distance(x, y + 1, n_subsets=10)
    True
    """
    n_subsets = check_integer(n_subsets, "n_subsets", minimum=1)
    subset_size = check_integer(subset_size, "subset_size", minimum=2)
    seed = check_integer(random_state, "random_state", minimum=0)
    size, d = min(subset_size, len(real), len(generated)), real.shape[1]

    def kernel(x: Array, y: Array) -> Array:
        gram = x @ y.T
        gram /= d
        gram += 1.0
        return gram * gram * gram

    n_needed = 1 if size == len(real) == len(generated) else n_subsets  # all subsets would be the same
    generators = [np.random.default_rng([seed, i]) for i in range(2)]  # the subsets of real depend on it alone
    total = 0.0
    for _ in range(n_needed):
        x, y = (
            rows[generator.permutation(len(rows))[:size]].astype(np.float64, copy=False)
            for rows, generator in zip((real, generated), generators, strict=True)
        )
        total += _discrepancy(x, y, kernel)
    return total / n_needed


@checked(minimum=2)
def mmd(
    real: Any,
    generated: Any,
    *,
    bandwidth: float | None = None,
    max_samples: int | None = 10_000,
    random_state: int = 0,
) -> float:
    r"""Return the squared maximum mean discrepancy between two sets of rows, with a Gaussian kernel.

    .. math:: k(x, y) = \exp(-\lVert x - y \rVert^2 / (2 h^2))

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Real and generated data; rows are flattened.
    bandwidth : float, optional
        h, in units of the data. None takes the median distance between real rows (1,000 of them at most), so that
        all samplers are measured with one kernel; the result is symmetric for a given bandwidth.
    max_samples : int, optional
        Rows of each set that are used, drawn without replacement; None takes as many as the smaller has.
    random_state : int
        Seed of the draws.

    Returns
    -------
    float
        At most 2. Unbiased for every n and m, so it can be slightly negative where the sets agree.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used; two rows of each are needed, and real rows that differ or a bandwidth.

    Notes
    -----
    Time O(m^2 d) for m rows; memory, beside the rows in float64, 1,024 rows of the kernel matrix.

    References
    ----------
    A. Gretton et al., "A kernel two-sample test", 2012, https://jmlr.org/papers/v13/gretton12a.html.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(2, 400, 5))
    >>> abs(mmd(x, y)) < 0.01 < mmd(x, y + 1)
    True
    """
    x, y = subsets(max_samples, random_state, real, generated)
    if len(x) < 2:
        raise InvalidInputError(f"max_samples must leave at least 2 rows of each set; got {len(x)}")
    h = _median_distance(real, random_state) if bandwidth is None else check_positive(bandwidth, "bandwidth")
    h, centre = min(max(h, 1e-100), 1e100), x.mean(axis=0)  # beyond, all kernels are 0, or 1, anyway

    def kernel(a: Array, b: Array) -> Array:
        from sklearn.metrics.pairwise import rbf_kernel  # late: it takes long to load

        return rbf_kernel(a, b, gamma=0.5)

    return _discrepancy((x - centre) / h, (y - centre) / h, kernel)


def _median_distance(real: Array, random_state: int) -> float:
    from scipy.spatial.distance import pdist

    (rows,) = subsets(_MEDIAN_ROWS, random_state, real)
    median = float(np.median(pdist(rows)))
    if not median > 0:
        raise InvalidInputError("bandwidth cannot be taken from real: half of its rows are equal; give a bandwidth")
    return median


def _discrepancy(x: Array, y: Array, kernel: Callable[[Array, Array], Array]) -> float:
    """Return the unbiased squared discrepancy between equally many rows of both."""
    n = len(x)
    same = different = 0.0
    for first in range(0, n, _BLOCK):
        for rows in (x, y):
            matrix = kernel(rows[first : first + _BLOCK], rows)
            same += matrix.sum() - matrix[np.arange(len(matrix)), first + np.arange(len(matrix))].sum()
        different += kernel(x[first : first + _BLOCK], y).sum()
    return float(same / (n * (n - 1)) - 2.0 * different / n**2)
