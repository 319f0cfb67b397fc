"""The Frechet distance with a penalty for samples that point where training rows do."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal._validation import check_positive
from vicinal.metrics._inputs import checked
from vicinal.metrics.distances import frechet_distance
from vicinal.metrics.diversity import unit_rows
from vicinal.metrics.moments import moments_of

THRESHOLD = 0.1
_LEAST = 1e-14
_BLOCK = 1 << 24  # cosines held together


@checked(minimum=2)
def mifid(real: Any, generated: Any, *, train: Any, threshold: float = THRESHOLD) -> float:
    r"""Return the memorization-informed Frechet distance.

    .. math::
        \frac{\mathrm{FD}(r, g)}{s} \;\text{ if } s < \tau, \text{ else } \mathrm{FD}(r, g), \qquad
        s = \frac{1}{m} \sum_i \min_j \, (1 - |\cos(g_i, t_j)|)

    s being the mean distance, in cosine, of a sample to the nearest training row.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Features of held-out data and of samples; rows are flattened.
    train : array_like of shape (k, *shape)
        Features of the data that the sampler was fitted to.
    threshold : float
        The :math:`\tau` below which samples count as memorized.

    Returns
    -------
    float
        At least 0, in squared units of the features. Above 1e10 for copies.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Notes
    -----
    The threshold is that of the competition, for 2,048 Inception features of one dataset. In few dimensions every
    direction is near a training row: fresh Gaussian data of 8 dimensions are penalised. So compare with the value of
    held-out data, and do not rely on it as the only sign of copying.

    The competition measured the Frechet distance to the training data too; here it is to held-out data, as in every
    metric. torchmetrics averages over the real rows in place of the samples. Rows of zeros have no
    cosine, and are left out of s. Time O(m k d).

    References
    ----------
    C.-Y. Bai et al., "On training sample memorization: lessons from benchmarking generative modeling with a
    large-scale competition", 2021, arXiv:2106.03062.

    Examples
    --------
    >>> import numpy as np
    >>> train, real, fresh = np.random.default_rng(0).normal(size=(3, 500, 64))
    >>> mifid(real, fresh, train=train) < 20 < 1e10 < mifid(real, train, train=train)
    True
    """
    threshold = check_positive(threshold, "threshold")
    distance = frechet_distance(moments_of(real), moments_of(generated))
    return penalised(distance, memorization_distance(generated, train), threshold)


def memorization_distance(generated: Array, train: Array) -> float:
    """Return the mean over samples, (m, d), of the least cosine distance to a training row, (k, d)."""
    directions, known = unit_rows(generated, "generated"), unit_rows(train, "train")
    parts = np.array_split(directions, -(-len(directions) * len(known) // _BLOCK))
    return float(np.mean(np.concatenate([1.0 - np.abs(part @ known.T).max(axis=1) for part in parts])))


def penalised(distance: float, nearness: float, threshold: float = THRESHOLD) -> float:
    """Return the distance, divided by the memorization distance ``nearness`` if that is below the threshold."""
    return distance / max(nearness, _LEAST) if nearness < threshold else distance
