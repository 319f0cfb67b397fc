"""Fits within classes, and random choices of the items that samples are made from.

A sampler keeps items, such as latents or components. Those of a class lie together: class k holds the items
``starts[k]`` to ``starts[k + 1] - 1``. Without labels, all items belong to one class.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from vicinal import rng
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.samplers import labels
from vicinal.samplers.batches import Batches, Training


class Part(NamedTuple):
    """The latents of one class, (n, d), and the number of rows that each stands for, (n,) float64.

    Whole weights are numbers of rows. Only the ratios of other weights count: they are scaled so that their sum is the
    effective number of latents, (sum w)**2 / sum w**2 (L. Kish, "Survey sampling", 1965).
    """

    rows: Array
    counts: Array


def parts_of(training: Training, batches: Batches) -> list[Part]:
    """Return the latents of each class; without labels, all latents."""
    counts = np.ones(len(training.rows)) if training.weights is None else training.weights.astype(np.float64)
    parts = []
    for first, last in pairwise(training.class_starts.tolist()):
        within = counts[first:last]
        scale = 1.0 if batches.whole else within.sum() / np.square(within).sum()
        parts.append(Part(training.rows[first:last], within * scale))
    return parts


def mean_and_variance(part: Part, ddof: int = 1) -> tuple[Array, Array]:
    """Return the weighted mean and variance of each dimension, (d,) float64; exact where a dimension is constant."""
    rows, counts = part
    n = counts.sum()
    constant = rows.min(axis=0) == rows.max(axis=0)
    mean = np.where(constant, rows[0], (counts[:, None] * rows).sum(axis=0) / n)
    squares = (counts[:, None] * np.square(rows - mean)).sum(axis=0)
    return mean, np.where(constant, 0.0, squares / max(n - ddof, np.finfo(np.float64).tiny))


def class_state(training: Training) -> dict[str, Any]:
    """Return the fitted attributes that labels and weights add to those of a sampler of training latents."""
    state: dict[str, Any] = {} if training.weights is None else {"weights_": training.weights}
    if training.classes:
        state |= {"classes_": labels.as_array(training.classes), "class_starts_": training.class_starts}
    return state


def each_class(values: Any, training: Training) -> Any:
    """Return the values of all classes as one array; without labels, the only value."""
    return np.array(values) if training.classes else values[0]


def without_labels(batches: Batches, owner: str, *, weighs: bool = True) -> Training:
    """Return the training latents for a sampler that cannot draw within classes, or cannot weigh latents either.

    Raises
    ------
    InvalidInputError
        For labels that are not numbers, as in `labels.refuse`; if not ``weighs``, for unequal weights.
    """
    training = Training.of(batches)
    if training.classes:
        labels.refuse(training.classes, owner)
    if not weighs and training.weights is not None and training.weights.min() < training.weights.max():
        raise InvalidInputError(f"{owner} cannot weigh latents: fit it without sample_weight")
    return training._replace(classes=(), class_starts=np.array([0, len(training.rows)]))


def starts_of(sampler: Any, n_items: int) -> Array:
    """Return where each class of a fitted sampler starts among its items, (n_classes + 1,)."""
    starts: Array = getattr(sampler, "class_starts_", np.array([0, n_items]))
    return starts


def class_of(starts: Array, items: Array) -> Array:
    """Return the place of the class of each item, int64."""
    places: Array = np.searchsorted(starts, items, side="right") - 1
    return places


def draw_items(draws: rng.Draws, weights: Array | None, starts: Array) -> tuple[Array, Array]:
    """Draw an item, and one of the copies that it stands for, for each row, within its class.

    Parameters
    ----------
    draws : Draws
        Random numbers of n_samples rows.
    weights : ndarray of int64, shape (n_items,), or None
        Weights of the items; None for ones.
    starts : ndarray of int64, shape (n_classes + 1,)
        Where each class starts among the items.

    Returns
    -------
    items, copies : ndarray of int64, shape (n_samples,)
        Item i has the probability weight_i over the weight of its class, or of all items. Its copies are 0 to
        weight_i - 1.
    """
    classes = draws.classes
    first, last = (starts[0], starts[-1]) if classes is None else (starts[classes], starts[classes + 1])
    if weights is None:
        return first + draws.choices(last - first), np.zeros(draws.n_samples, np.int64)
    ends = np.concatenate([[0], np.cumsum(weights)])
    chosen = ends[first] + draws.choices(ends[last] - ends[first])
    items = np.searchsorted(ends, chosen, side="right") - 1
    return items, chosen - ends[items]


def draw_gaussians(draws: rng.Draws, means: Array, factors: Array, which: Array) -> Array:
    """Return mean + factor @ e for each row, with e standard normal.

    Rows are multiplied one by one: a row then has the same bits whatever rows are drawn with it.

    Parameters
    ----------
    draws : Draws
        Random numbers of n_samples rows.
    means, factors : ndarray of float64, shapes (n_items, d) and (n_items, d, d)
        Means, and factors of covariances.
    which : ndarray of int64, shape (n_samples,)
        The Gaussian of each row.

    Returns
    -------
    ndarray of float64, shape (n_samples, d)
    """
    latents = draws.normals(means.shape[1])
    for k in np.unique(which):
        rows = which == k
        latents[rows] = means[k] + np.matmul(factors[k], latents[rows, :, None])[:, :, 0]
    return latents
