"""Novelty: how far samples are from the data they were learned from, and whether they are closer than fresh data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vicinal import neighbors
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal._validation import check_array
from vicinal.metrics._inputs import checked
from vicinal.metrics.ranks import Estimate


@checked()
def nn_ratio(real: Any, generated: Any, *, train: Any) -> float:
    """Return how far samples are from the training data, in units of how far fresh data are.

    The median distance from a sample to its nearest training row, over the same for held-out rows. Each dimension
    is first divided by its robust spread over the training rows. The calibration of samplers takes the same
    ratio: `vicinal.neighbors` has the definition.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Held-out data and samples.
    train : array_like of shape (k, *shape)
        The data that the sampler was fitted to.

    Returns
    -------
    float
        0 for copies, 1 for samples as far away as fresh data. NaN if half of the held-out rows are
        themselves copies of training rows.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(3, 1000, 2))
    >>> nn_ratio(x[0], x[2], train=x[2])
    0.0
    >>> 0.8 < nn_ratio(x[0], x[1], train=x[2]) < 1.2
    True
    """
    return neighbors.nn_ratio(*_distances(real, generated, train))


@checked()
def nn_quantile_ratios(
    real: Any, generated: Any, *, train: Any, levels: Sequence[float] = neighbors.QUANTILES
) -> Array:
    """Return the nn ratio at several quantiles of the distances, where `nn_ratio` takes the median.

    Copies among samples that are otherwise too bold leave the median as it is; they lower the first quantiles.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Held-out data and samples.
    train : array_like of shape (k, *shape)
        The data that the sampler was fitted to.
    levels : sequence of float
        Quantiles, each in [0, 1].

    Returns
    -------
    ndarray of float64, shape (len(levels),)
        1 for samples as far away as fresh data, 0 for copies. NaN where the held-out rows themselves are copies.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data or levels that cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> train, real, mixed = np.random.default_rng(0).normal(size=(3, 1000, 4))
    >>> mixed[:100] = train[:100]
    >>> nn_quantile_ratios(real, mixed, train=train, levels=[0.05, 0.95]).round(1)
    array([0., 1.])
    """
    shares = check_array(levels, "levels")
    if shares.ndim != 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise InvalidInputError(f"levels must be a sequence of numbers in [0, 1]; got {levels!r}")
    return neighbors.quantile_ratios(*_distances(real, generated, train), shares.tolist())


@checked()
def copied(real: Any, generated: Any, *, train: Any) -> Estimate:
    """Return the share of samples that are as near to the training data as the nearest 1 % of held-out rows.

    Distances are those of `nn_ratio`. A sampler that copies one training row in ten has at least 0.1, however
    bold the rest of its samples is.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Held-out data and samples.
    train : array_like of shape (k, *shape)
        The data that the sampler was fitted to.

    Returns
    -------
    Estimate
        ``value`` in [0, 1]: about 0.01 for fresh data, 1 for copies. ``error``, its standard error, holds the chance
        of the samples and that of the held-out rows, which set the limit: 100 of them set it by one row.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Notes
    -----
    If more than 1 % of the held-out rows are at the limit, as where they repeat training rows, fresh data have that
    share.

    Examples
    --------
    >>> import numpy as np
    >>> train, real, mixed = np.random.default_rng(0).normal(size=(3, 1000, 4))
    >>> mixed[:100] = train[:100]
    >>> found = copied(real, mixed, train=train)
    >>> round(found.value, 2), round(found.error, 2)
    (0.11, 0.01)
    """
    return Estimate(*neighbors.copied(*_distances(real, generated, train)))


@checked()
def novelty_test(real: Any, generated: Any, *, train: Any) -> neighbors.NoveltyTest:
    r"""Test whether more samples are near the training data than held-out rows are.

    Samples and held-out rows are sorted together by their distance to the nearest training row, N = m + n rows. Of the
    k nearest, S_k are samples. If the samples are fresh, S_k is hypergeometric, whatever the distribution of the data:

    .. math:: p = L \min_k P(\mathrm{Hypergeometric}(N, m, k) \ge S_k), \quad k = N / 2^{j/2}, \; j = 1, \dots, L

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Held-out data and samples.
    train : array_like of shape (k, *shape)
        The data that the sampler was fitted to.

    Returns
    -------
    NoveltyTest
        ``p_value`` in (0, 1]: below 0.01, the samples are too near to the training data. The other fields say where
        the excess is largest: among the ``n_nearest`` rows there are ``n_generated`` samples, where
        ``n_expected`` were to be expected of fresh ones.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Notes
    -----
    Bonferroni's factor L keeps the level at or below what is asked: at 0.01, fresh samples are accused in at most 4 of
    1,000 repetitions. From 500 held-out rows on, 20 verbatim copies among 1,000 samples are found in 300 of 300
    repetitions; with 200 held-out rows hardly ever, as so few cannot say that 20 near rows are too many.

    Samples that keep to the dense middle of the data are too near, too, although they copy nothing: `membership_auc`
    tells these from copies.

    At most 1,000 samples are taken, evenly spaced, so that the power does not grow with their number.

    The test assumes that held-out and training rows are independent draws of one distribution.

    Examples
    --------
    >>> import numpy as np
    >>> train, real, mixed = np.random.default_rng(0).normal(size=(3, 1000, 4))
    >>> novelty_test(real, mixed, train=train).p_value > 0.01
    True
    >>> mixed[:20] = train[:20]
    >>> found = novelty_test(real, mixed, train=train)
    >>> found.p_value < 0.01, found.n_nearest, found.n_generated, found.n_expected
    (True, 20, 20, 10.0)
    """
    return neighbors.novelty_test(*_distances(real, generated, train))


def _distances(real: Array, generated: Array, train: Array) -> tuple[Array, Array]:
    """Return the scaled distances of samples and of held-out rows from the training data, (m,) and (n,)."""
    scaling = neighbors.Scaling.of(train)
    generated_distances, real_distances = (
        neighbors.nearest_rows(rows, train, scaling)[0] for rows in (generated, real)
    )
    return generated_distances, real_distances


@checked()
def authenticity(train: Any, generated: Any) -> float:
    """Return AuthPct, the share of samples that are not near-copies of a training row, in percent.

    A sample is authentic if it is farther from its nearest training row than that row is from its own
    nearest neighbour among the training rows.

    Parameters
    ----------
    train : array_like of shape (k, *shape)
        The data that the sampler was fitted to, at least two rows.
    generated : array_like of shape (m, *shape)
        Samples.

    Returns
    -------
    float
        In [0, 100]. Copies give 0. Fresh data give well under 100, since some of them are close to a training row:
        compare with the value of held-out data.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    References
    ----------
    A. Alaa et al., "How faithful is your synthetic data? Sample-level metrics for evaluating and
    auditing generative models", 2022, arXiv:2102.08921.

    Examples
    --------
    >>> authenticity([[0.0], [1.0], [10.0]], [[0.5], [2.5], [10.0], [30.0]])
    50.0
    """
    distance, index = neighbors.nearest_rows(generated, train)
    return authentic_percentage(len(train), distance, index, lambda some: neighbors.nearest_others(train, some))


def authentic_percentage(n_train: int, distance: Array, index: Array, spacing: Callable[[Array], Array]) -> float:
    """Return AuthPct of samples at ``distance`` (m,) from their nearest training rows, ``index`` (m,).

    ``spacing`` gives the distances of some training rows from their own nearest neighbours.
    """
    if n_train < 2:
        raise InvalidInputError("train must have at least 2 rows, or no row has a neighbour; got 1")
    apart = distance > 0  # a copy is never authentic
    needed, inverse = np.unique(index[apart], return_inverse=True)
    authentic = distance[apart] > spacing(needed)[inverse] if len(needed) else np.zeros(0, bool)
    return 100.0 * float(np.count_nonzero(authentic)) / len(distance)
