"""Random choices of items, such as latents or components, by their weight, and draws from Gaussians."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import rng
from vicinal._arrays import Array


def draw_items(weights: Array | None, first: Any, last: Any, key: int, start: int, n_samples: int) -> Array:
    """Draw an item from a range for each of rows ``start`` to ``start + n_samples``.

    Parameters
    ----------
    weights : ndarray of int64, shape (n_items,), or None
        Weights of the items; None for ones.
    first, last : int or ndarray of int64, shape (n_samples,)
        The range of items, ``first`` to ``last - 1``, of all rows or of each.
    key, start, n_samples : int
        See `vicinal.rng`.

    Returns
    -------
    ndarray of int64, shape (n_samples,)
        Item i is drawn with probability weight_i over the weight of its range.
    """
    return draw_copies(weights, first, last, key, start, n_samples)[0]


def draw_copies(
    weights: Array | None, first: Any, last: Any, key: int, start: int, n_samples: int
) -> tuple[Array, Array]:
    """Draw items as `draw_items` does, and one of the copies, 0 to weight - 1, that each item stands for."""
    if weights is None:
        return first + rng.choices(key, start, n_samples, last - first), np.zeros(n_samples, np.int64)
    ends = np.concatenate([[0], np.cumsum(weights)])
    draws = ends[first] + rng.choices(key, start, n_samples, ends[last] - ends[first])
    items = np.searchsorted(ends, draws, side="right") - 1
    return items, draws - ends[items]


def draw_gaussians(means: Array, factors: Array, which: Array, key: int, start: int) -> Array:
    """Return mean + factor @ e for each row, with e standard normal.

    Rows are multiplied one by one: a row then has the same bits whatever rows are drawn with it.

    Parameters
    ----------
    means, factors : ndarray of float64, shapes (n_items, d) and (n_items, d, d)
        Means, and factors of covariances.
    which : ndarray of int64, shape (n_samples,)
        The Gaussian of each row.
    key, start : int
        See `vicinal.rng`.

    Returns
    -------
    ndarray of float64, shape (n_samples, d)
    """
    latents = rng.normals(key, start, len(which), means.shape[1])
    for k in np.unique(which):
        rows = which == k
        latents[rows] = means[k] + np.matmul(factors[k], latents[rows, :, None])[:, :, 0]
    return latents
