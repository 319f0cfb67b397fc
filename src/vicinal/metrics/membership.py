"""Membership inference: training rows told from held-out rows by the samples alone.

The attack takes each of as many training rows as held-out rows, and calls those near a sample training rows. A sampler
that keeps its samples around single training rows gives these away, even if its nn ratio is 1: the ratio asks how far
the samples are from the training data, the attack how far the training data are from the samples.
"""

from __future__ import annotations

from typing import Any

from vicinal import neighbors
from vicinal._arrays import Array
from vicinal.metrics._inputs import checked, subsets
from vicinal.metrics.ranks import Estimate, auc


@checked()
def membership_auc(real: Any, generated: Any, *, train: Any, random_state: int = 0) -> Estimate:
    """Return how well the distance to the nearest sample tells training rows from held-out rows.

    The area under the ROC curve of the attack: the probability that a training row is nearer to its nearest sample
    than a held-out row is. Each dimension is first divided by its robust spread over the training rows.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Held-out data and samples. The attack grows stronger with the number of samples: compare at equal m.
    train : array_like of shape (k, *shape)
        The data that the sampler was fitted to.
    random_state : int
        Seed of the subset: min(n, k) training rows and as many held-out rows are attacked.

    Returns
    -------
    Estimate
        ``value`` in [0, 1]: 0.5 if the samples give nothing away, towards 1 for copies. ``error`` is DeLong's standard
        error over the attacked rows, 0.41 / sqrt(min(n, k)) where nothing is given away.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Notes
    -----
    Copies of all training rows give 1. As many copies drawn with replacement hold 63 % of the rows, and give 0.82.

    This is one attack, and a simple one: 0.5 does not prove that samples are private.

    References
    ----------
    D. Chen et al., "GAN-Leaks: a taxonomy of membership inference attacks against generative models", 2020,
    arXiv:1909.03935.
    Z. Yao et al., "The DCR delusion: measuring the privacy risk of synthetic data", 2025, arXiv:2505.01524.

    Examples
    --------
    >>> import numpy as np
    >>> train, real, fresh = np.random.default_rng(0).normal(size=(3, 1000, 4))
    >>> membership_auc(real, train, train=train).value
    1.0
    >>> abs(membership_auc(real, fresh, train=train).value - 0.5) < 0.03
    True
    """
    members, others = subsets(None, random_state, train, real)
    return attack(neighbors.Scaling.of(train), members, others, generated)[0]


@checked()
def membership_tpr(real: Any, generated: Any, *, train: Any, random_state: int = 0) -> Estimate:
    """Return the share of training rows that the attack finds while it accuses 1 % of the held-out rows.

    The true positive rate at a false positive rate of 1 %. An attack that is sure of few rows shows here, and hardly
    in the AUC.

    Parameters
    ----------
    real, generated, train, random_state
        As in `membership_auc`.

    Returns
    -------
    Estimate
        ``value`` in [0, 1]: about 0.01 if the samples give nothing away, 1 for copies of all training rows. ``error``
        is its standard error over the attacked rows.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    References
    ----------
    N. Carlini et al., "Membership inference attacks from first principles", 2022, arXiv:2112.03570.

    Examples
    --------
    >>> import numpy as np
    >>> train, real, fresh = np.random.default_rng(0).normal(size=(3, 1000, 4))
    >>> fresh[:100] = train[:100]
    >>> round(membership_tpr(real, fresh, train=train).value, 2)
    0.11
    """
    members, others = subsets(None, random_state, train, real)
    return attack(neighbors.Scaling.of(train), members, others, generated)[1]


def attack(scaling: neighbors.Scaling, members: Any, others: Any, generated: Any) -> tuple[Estimate, Estimate]:
    """Return AUC and TPR from training rows, other rows and samples, (n, d), (n, d) and (m, d)."""
    return rates(*(neighbors.nearest_rows(rows, generated, scaling)[0] for rows in (members, others)))


def rates(of_members: Array, of_others: Array) -> tuple[Estimate, Estimate]:
    """Return AUC and TPR from the distances of training rows and of other rows to their nearest samples, (n,) each."""
    return auc(of_members, of_others), Estimate(*neighbors.copied(of_members, of_others))
