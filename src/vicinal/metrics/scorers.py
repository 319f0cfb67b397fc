"""Scorers for the model selection of scikit-learn."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from vicinal import _frames, _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.metrics.novelty import nn_ratio


def novelty_scorer(
    latents: Any, *, target: float = 1.0, n_samples: int = 1000, random_state: int = 0
) -> Callable[..., float]:
    r"""Return a scorer that prefers samples as far from the training rows as held-out rows are.

    .. math:: \text{score} = -\lvert \text{nn ratio} - \text{target} \rvert

    with the nn ratio of `vicinal.metrics.nn_ratio`: copies score -1 at target 1, and the best score is 0. A likelihood
    does not exist for every sampler, and prefers few bins in many dimensions. This score exists for all.

    Parameters
    ----------
    latents : array_like of shape (n, *shape)
        What the search is fitted to. A scorer sees the held-out rows alone: the training rows are those of ``latents``
        that are not held out.
    target : float
        The nn ratio to prefer, above 0.
    n_samples : int
        Samples to draw, at least 1.
    random_state : int
        Seed of the samples, the same for all candidates.

    Returns
    -------
    callable
        ``scorer(estimator, X, y)``, a float; higher is better. The estimator is a fitted sampler, or a pipeline
        that ends in one; distances are then those between transformed rows. ``y`` may be left out, and is ignored.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For parameters that cannot be used; from the scorer, if the held-out rows are not among ``latents``.

    Notes
    -----
    With ``return_train_score=True``, training and held-out rows change places: leave that score alone.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from vicinal.samplers import PMFSampler
    >>> latents = np.random.default_rng(0).normal(size=(2000, 2))
    >>> search = GridSearchCV(PMFSampler(), {"n_bins": [2, 11, 64]}, scoring=novelty_scorer(latents), cv=3)
    >>> search.fit(latents).best_params_
    {'n_bins': 11}
    """
    _validation.check_rows(latents, "latents")
    target = _validation.check_positive(target, "target")
    n_samples = _validation.check_integer(n_samples, "n_samples", minimum=1)
    seed = _validation.check_integer(random_state, "random_state", minimum=0)
    return functools.partial(_score, latents, target, n_samples, seed)


def _score(latents: Any, target: float, n_samples: int, seed: int, estimator: Any, X: Any, _y: Any = None) -> float:
    train, sampler = _without(latents, X), estimator
    if hasattr(estimator, "steps"):
        sampler = estimator[-1]
        if len(estimator.steps) > 1:
            train, X = estimator[:-1].transform(train), estimator[:-1].transform(X)
    generated = sampler.sample(n_samples, random_state=seed)
    return -abs(nn_ratio(X, generated, train=train) - target)


def _without(latents: Any, X: Any) -> Any:
    """Return the rows of latents that are not in X; a row that X has k times is left out k times."""
    both = _frames.aligned({"latents": latents, "X": X})
    every, held_out = (_validation.check_rows(rows, name) for name, rows in both.items())
    _validation.check_event_shape(held_out.shape, every.shape[1:], "X", "novelty_scorer")
    rows = np.concatenate([every.reshape(len(every), -1), held_out.reshape(len(held_out), -1).astype(every.dtype)])
    rows = np.ascontiguousarray(rows + 0)  # +0.0 and -0.0 have the same bytes then
    _, number = np.unique(rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel(), return_inverse=True)
    number, held = number[: len(every)], np.bincount(number[len(every) :], minlength=number.max() + 1)
    if (np.bincount(number, minlength=len(held)) < held).any():
        raise InvalidInputError(
            "the held-out rows must be among the latents of novelty_scorer(latents): pass it what the search is fitted "
            "to"
        )
    kept = _occurrence(number) >= held[number]
    return latents[kept] if hasattr(latents, "shape") else every[kept]


def _occurrence(number: Array) -> Array:
    """Return how many equal numbers come before each, (n,) int64."""
    order = np.argsort(number, kind="stable")
    ordered = number[order]
    before = np.empty(len(number), dtype=np.int64)
    before[order] = np.arange(len(number)) - np.searchsorted(ordered, ordered)
    return before
