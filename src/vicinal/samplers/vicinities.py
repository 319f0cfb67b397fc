"""Cells of neighbouring latents: made, kept for a while, drawn from, and how much variance they leave."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from vicinal import kernels, rng
from vicinal.kernels.partition import partition
from vicinal.samplers.training import Training

Array = np.ndarray[Any, Any]
Cells = tuple[Training, Array]  # latents cell by cell, and where cells start, (n_cells + 1,)

_CHUNK = 1 << 22  # values worked on together


def in_cells(training: Training, max_iter: int, n_neighbors: int) -> Cells:
    """Return training latents cell by cell, and where cells start, (n_cells + 1,)."""
    order, starts = [], [0]
    for first, last in pairwise(training.class_starts.tolist()):
        if first == last:
            continue
        rows = training.rows[first:last]
        within, cells = partition(rows, max(1, (last - first) // n_neighbors), max_iter)
        order.append(first + within)
        starts.extend((first + cells[1:]).tolist())
    return training.taken(np.concatenate(order)), np.array(starts)


def keep_last(make: Callable[[int], Cells]) -> Callable[[int], Cells]:
    """Keep the last result; it is forgotten before another is made, so that memory need not hold both."""
    kept: dict[int, Cells] = {}

    def remembered(number: int) -> Cells:
        if number not in kept:
            kept.clear()
            kept[number] = make(number)
        return kept[number]

    return remembered


def draw_rows(weights: Array | None, first: Any, last: Any, key: int, start: int, n_samples: int) -> Array:
    """Draw a row from each range [first, last), by its weight, (n_samples,) int64."""
    if weights is None:
        return first + rng.choices(key, start, n_samples, last - first)
    ends = np.concatenate([[0], np.cumsum(weights)])
    draws = ends[first] + rng.choices(key, start, n_samples, ends[last] - ends[first])
    return np.searchsorted(ends, draws, side="right") - 1


def sample_vicinities(
    latents: Array, weights: Array | None, starts: Array, own: Array, s: float, scale: float, *, key: int, start: int
) -> Array:
    """Return points (n, d) in the vicinities of the rows ``own`` (n,) of ``latents``, which lie cell by cell."""
    cell = np.searchsorted(starts, own, side="right") - 1
    return kernels.select().mix_rows(
        latents, weights, starts[cell], starts[cell + 1], own, s, scale, key=key, start=start
    )


def variance_ratio(training: Training, starts: Array, s: float, scale: float) -> float:
    """Return the total variance of samples over that of the latents; 1 if these are all alike."""
    rows, weights = training.rows, training.weights
    mass = np.ones(len(rows)) if weights is None else weights.astype(np.float64)
    centre = (mass @ rows if weights is not None else rows.sum(axis=0, dtype=np.float64)) / mass.sum()
    total = between = 0.0
    for cells in np.array_split(starts[:-1], max(1, rows.size // _CHUNK)):  # bounds what float64 copies take
        last = starts[np.searchsorted(starts, cells[-1], side="right")]
        part = slice(cells[0], last)
        centred = rows[part] - centre
        in_cell = np.add.reduceat(mass[part], cells - cells[0])
        total += float(mass[part] @ np.square(centred).sum(axis=1))
        centred *= mass[part][:, None]
        sums = np.add.reduceat(centred, cells - cells[0], axis=0)
        between += float((np.square(sums).sum(axis=1) / in_cell).sum())
    if total == 0:
        return 1.0
    return (between + ((1 - s) ** 2 + scale**2) * (total - between)) / total
