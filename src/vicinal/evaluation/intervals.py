r"""Confidence intervals of a difference between two sampling methods.

A difference has several independent chances: which held-out rows there are, how a sampler was trained, which rows it
drew. Chance c gives it the variance v_c, known to f_c degrees of freedom. The interval is

.. math:: \bar D \pm \Bigl(\sum_c t_{f_c}^2 v_c\Bigr)^{1/2}

with t_f the 97.5 % quantile of Student's distribution. For normal chances it covers the true difference in at least
95 % of cases, whatever the ratios of the variances (Banerjee 1960). One chance alone makes it the usual t interval.

References
----------
S. Banerjee, "Approximate confidence interval for linear functions of means of k populations when the population
variances are not equal", Sankhya 22, 357-358, 1960.
B. Efron, C. Stein, "The jackknife estimate of variance", 1981, doi:10.1214/aos/1176345462.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vicinal._arrays import Array

COVERAGE = 0.95


class Interval(NamedTuple):
    """A mean, its standard error and its 95 % confidence interval; all but the mean are None if they are not known."""

    mean: float
    error: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def turned(self) -> Interval:
        """The same difference, seen from the other side."""
        low, high = (None if each is None else -each for each in (self.low, self.high))
        return Interval(-self.mean, self.error, high, low)


class Chance(NamedTuple):
    """The variance that one chance gives a mean, and the degrees of freedom to which it is known."""

    variance: float
    degrees: int

    @classmethod
    def of_values(cls, values: Sequence[float] | Array) -> Chance:
        """Return the chance of the mean of independent values, at least two."""
        return cls(float(np.var(values, ddof=1)) / len(values), len(values) - 1)

    @classmethod
    def of_replicates(cls, replicates: Sequence[float] | Array) -> Chance:
        """Return the jackknife's chance, from values without one group of rows each (Efron & Stein 1981)."""
        return cls((len(replicates) - 1) * float(np.var(replicates)), len(replicates) - 1)


def interval(mean: float, chances: Sequence[Chance]) -> Interval:
    """Return the interval of a mean with these chances; without any, no interval is known.

    Examples
    --------
    >>> found = interval(2.0, [Chance.of_values([1.0, 2.0, 3.0])])
    >>> round(found.low, 3), round(found.high, 3)
    (-0.484, 4.484)
    """
    if not chances:
        return Interval(mean)
    from scipy.stats import t  # late: it takes long to load

    variances, degrees = np.transpose(chances)
    quantiles = t.ppf((1 + COVERAGE) / 2, degrees)
    half = float(np.sqrt(np.sum(np.square(quantiles) * variances)))
    return Interval(mean, float(np.sqrt(variances.sum())), mean - half, mean + half)
