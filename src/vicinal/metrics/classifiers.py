"""What a small network learns: to tell samples from real data, or from samples what the real data are."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from vicinal import _arrays, _blas
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal._validation import check_integer
from vicinal.metrics._inputs import check_sets, checked, subsets
from vicinal.metrics.ranks import Estimate, auc

MAX_SAMPLES = 5000


@checked(minimum=2)
def c2st_auc(real: Any, generated: Any, *, max_samples: int = MAX_SAMPLES, random_state: int = 0) -> Estimate:
    """Return how well a small network tells samples from held-out rows.

    The classifier two-sample test. Equally many rows of both sets are split in two; a network is trained on each half
    and scored on the other, by the area under the ROC curve. The value is the mean of the two.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Held-out data and samples, at least two rows of each.
    max_samples : int
        Rows of each set that are used: the least of this, n and m, drawn without replacement.
    random_state : int
        Seed of the draws and of the networks.

    Returns
    -------
    Estimate
        ``value``: 0.5 if the network cannot tell, 1 if it always can; below 0.5 by chance. ``error`` is DeLong's
        standard error over the rows that are scored, 0.013 for 1,000 rows of equal distributions.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Notes
    -----
    For Gaussians of equal covariance whose means are D standard deviations apart the best classifier has the AUC
    Phi(D / sqrt(2)). A network that was trained on few rows stays below what is possible: the value rises with the
    number of rows, so compare at equal sizes.

    Two layers of 64 units, each dimension standardised, Adam, stopped early by a tenth of the rows it is trained on,
    if these are at least 100.

    References
    ----------
    D. Lopez-Paz, M. Oquab, "Revisiting classifier two-sample tests", 2017, arXiv:1610.06545.

    Examples
    --------
    >>> import numpy as np
    >>> real, fresh = np.random.default_rng(0).normal(size=(2, 400, 2))
    >>> c2st_auc(real, fresh).value < 0.6 < 0.9 < c2st_auc(real, fresh + 2.0).value
    True
    """
    real, generated = subsets(max_samples, random_state, real, generated)
    half = len(real) // 2
    if half == 0:
        raise InvalidInputError(f"max_samples must be at least 2, one to learn from and one to ask; got {max_samples}")
    folds = []
    for taught, asked in ((slice(half), slice(half, None)), (slice(half, None), slice(half))):
        rows = np.concatenate([real[taught], generated[taught]])
        network = _fitted(rows, np.repeat([0, 1], len(rows) // 2), random_state, early_stopping=len(rows) >= 100)
        folds.append(auc(*(network.predict_proba(each[asked])[:, 1] for each in (real, generated))))
    return Estimate(sum(fold.value for fold in folds) / 2, math.hypot(*(fold.error for fold in folds)) / 2)


def train_on_synthetic_accuracy(
    real: Any, real_labels: Any, generated: Any, generated_labels: Any, *, random_state: int = 0
) -> Estimate:
    """Return how well a classifier that was trained on labelled samples does on labelled held-out data.

    Compare with the value for the training data in place of the samples: samples cannot be expected to teach more.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Held-out data and samples.
    real_labels, generated_labels : array_like of shape (n,) and (m,)
        Their classes. A class that has no sample is never predicted.
    random_state : int
        Seed of the network, which has the layers of that of `c2st_auc`.

    Returns
    -------
    Estimate
        ``value``, the accuracy, in [0, 1]; ``error``, its standard error over the held-out rows.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data or labels that cannot be used.

    References
    ----------
    S. Ravuri, O. Vinyals, "Classification accuracy score for conditional generative models", 2019, arXiv:1905.10887.

    Examples
    --------
    >>> import numpy as np
    >>> rows, labels = np.random.default_rng(0).normal(size=(800, 2)), np.arange(800) % 2
    >>> rows[:, 0] += 6 * labels
    >>> train_on_synthetic_accuracy(rows[:400], labels[:400], rows[400:], labels[400:]).value > 0.95
    True
    """
    real, generated = check_sets(real=real, generated=generated)
    labels = [_labels(real_labels, "real_labels", real), _labels(generated_labels, "generated_labels", generated)]
    if len(np.unique(labels[1])) == 1:
        right = labels[0] == labels[1][0]
    else:
        right = _fitted(generated, labels[1], random_state).predict(real) == labels[0]
    share = float(np.mean(right))
    return Estimate(share, math.sqrt(share * (1 - share) / len(real)))


def _labels(labels: Any, name: str, rows: Array) -> Array:
    """Return labels as an array (n,), one for each row."""
    labels = _arrays.to_numpy(labels)
    if labels.shape != (len(rows),):
        raise InvalidInputError(f"{name} must have shape ({len(rows)},), one for each row; got {labels.shape}")
    return labels


def _fitted(rows: Array, labels: Array, random_state: int, *, early_stopping: bool = False) -> Any:
    """Return a small network, trained."""
    from sklearn.exceptions import ConvergenceWarning  # late: it takes long to load
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    seed = check_integer(random_state, "random_state", minimum=0, maximum=2**32 - 1)
    network = MLPClassifier(
        (64, 64),
        learning_rate_init=0.005,
        max_iter=100,
        early_stopping=early_stopping,
        n_iter_no_change=5,
        random_state=seed,
    )
    with warnings.catch_warnings(), _blas.one_thread():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(StandardScaler(), network).fit(rows, labels)
