"""Random choices of items, such as latents or components, by their weight."""

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
    if weights is None:
        drawn: Array = first + rng.choices(key, start, n_samples, last - first)
        return drawn
    ends = np.concatenate([[0], np.cumsum(weights)])
    draws = ends[first] + rng.choices(key, start, n_samples, ends[last] - ends[first])
    return np.searchsorted(ends, draws, side="right") - 1
