"""What ranks say about two sets of numbers, and the form in which shares and areas are given: with a standard error."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from vicinal._arrays import Array


class Estimate(NamedTuple):
    """A number that was estimated from rows, and its standard error over these rows."""

    value: float
    error: float


def auc(low: Array, high: Array) -> Estimate:
    r"""Return the probability that a number of ``high`` is above one of ``low``, with DeLong's standard error.

    The area under the ROC curve of a score that is to be high for ``high``, (m,), and low for ``low``, (n,). Equal
    numbers count one half.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under two or more correlated receiver
    operating characteristic curves", 1988, doi:10.2307/2531595.
    """
    from scipy.stats import rankdata  # late: it takes long to load

    n, m = len(low), len(high)
    ranks = rankdata(np.concatenate([low, high]))
    below = (ranks[n:] - rankdata(high)) / n  # of each number of high, the share of low below it
    above = 1.0 - (ranks[:n] - rankdata(low)) / m
    variance = sum(float(np.var(each, ddof=1)) / len(each) for each in (below, above) if len(each) > 1)
    return Estimate(float(below.mean()), math.sqrt(variance))


def mann_whitney_z(first: Array, second: Array) -> float:
    """Return how many standard deviations ``first`` ranks above what equal distributions would give."""
    from scipy.stats import rankdata  # late: it takes long to load

    m, n = len(first), len(second)
    ranks = rankdata(np.concatenate([first, second]))
    ties = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    total = m + n
    variance = m * n / 12.0 * (total + 1 - (ties**3 - ties).sum() / (total * (total - 1)))
    if variance <= 0:
        return 0.0  # all distances are equal
    statistic = ranks[:m].sum() - m * (m + 1) / 2.0
    return float((statistic - m * n / 2.0) / np.sqrt(variance))
