"""Neighbourhoods of the training latents: how they are made, and how much variance their samples have."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from vicinal._arrays import Array
from vicinal.samplers.batches import Training
from vicinal.samplers.local.moves import move
from vicinal.samplers.local.tree import cut

_CHUNK = 1 << 22  # values worked on together


class Neighborhoods(NamedTuple):
    """Training latents, neighbourhood by neighbourhood, and where each starts, (n_neighborhoods + 1,) int64."""

    training: Training
    starts: Array


def neighborhoods(training: Training, n_neighbors: int, max_iter: int) -> Neighborhoods:
    """Cut the training latents, class by class, into neighbourhoods of ``n_neighbors`` on average.

    Products of matrices take one thread: they are small, and their bits would depend on the number of threads.
    """
    with threadpool_limits(1, user_api="blas"):
        return _neighborhoods(training, n_neighbors, max_iter)


def _neighborhoods(training: Training, n_neighbors: int, max_iter: int) -> Neighborhoods:
    order, starts = [], [0]
    for first, last in pairwise(training.class_starts.tolist()):
        if first == last:
            continue
        within, firsts = partition(training.rows[first:last], max(1, (last - first) // n_neighbors), max_iter)
        order.append(first + within)
        starts.extend((first + firsts[1:]).tolist())
    return Neighborhoods(training.take(np.concatenate(order)), np.array(starts))


def partition(latents: Array, n_parts: int, max_iter: int = 0) -> tuple[Array, Array]:
    """Cut ``latents`` (n, d) into ``n_parts`` <= n neighbourhoods of equal size to within rounding, then move latents.

    Latents move to the neighbourhoods that fit them best, until none moves or for ``max_iter`` steps. Neighbourhoods
    that lose most of their latents are dissolved. Those that remain have at least a quarter of the mean size before
    the moves, and at least 2 latents where the mean size was 2 or more.

    Returns
    -------
    order : ndarray of int64, shape (n,)
        The latents, neighbourhood by neighbourhood.
    starts : ndarray of int64, shape (n_neighborhoods + 1,)
        Neighbourhood c holds the latents ``order[starts[c] : starts[c + 1]]``. Fewer where some were dissolved.
    """
    rows = _scaled(latents)
    order, starts = cut(rows, n_parts)
    if max_iter == 0 or n_parts == 1 or len(rows) < 2 * n_parts:
        return order, starts
    moved, starts = move(rows, starts, max_iter)
    return order[moved], starts


def variance_ratio(found: Neighborhoods, shrinkage: float, scale: float) -> float:
    """Return the total variance of samples over that of the latents; 1 if these are all equal."""
    rows, weights, starts = found.training.rows, found.training.weights, found.starts
    mass = np.ones(len(rows)) if weights is None else weights.astype(np.float64)
    centre = (mass @ rows if weights is not None else rows.sum(axis=0, dtype=np.float64)) / mass.sum()
    total = between = 0.0
    for firsts in np.array_split(starts[:-1], max(1, rows.size // _CHUNK)):  # bounds the memory of float64 copies
        last = starts[np.searchsorted(starts, firsts[-1], side="right")]
        part = slice(firsts[0], last)
        centred = rows[part] - centre
        masses = np.add.reduceat(mass[part], firsts - firsts[0])
        total += float(mass[part] @ np.square(centred).sum(axis=1))
        centred *= mass[part][:, None]
        sums = np.add.reduceat(centred, firsts - firsts[0], axis=0)
        between += float((np.square(sums).sum(axis=1) / masses).sum())
    if total == 0:
        return 1.0
    return (between + ((1 - shrinkage) ** 2 + scale**2) * (total - between)) / total


def means_of(latents: Array, weights: Array | None, starts: Array) -> Array:
    """Return the mean of each neighbourhood of latents (n, d), (n_neighborhoods, d) float64."""
    mass = np.ones(len(latents)) if weights is None else weights.astype(np.float64)
    means = np.empty((len(starts) - 1, latents.shape[1]))
    for places in np.array_split(np.arange(len(means)), max(1, latents.size // _CHUNK)):  # bounds the memory
        if len(places) == 0:
            continue
        part = slice(starts[places[0]], starts[places[-1] + 1])
        firsts = starts[places] - part.start
        sums = np.add.reduceat(mass[part, None] * latents[part], firsts, axis=0)
        means[places] = sums / np.add.reduceat(mass[part], firsts)[:, None]
    return means


def nearest_latent(latents: Array, latent: Array) -> int:
    """Return the index of the latent (n, d) that is nearest to one latent (d,); of equal ones the first."""
    parts = np.array_split(latents, max(1, latents.size // _CHUNK))
    return int(np.concatenate([np.square(part - latent).sum(axis=1) for part in parts]).argmin())


def _scaled(latents: Array) -> Array:
    """Return latents (n, d) moved and scaled into [-2, 2], float32."""
    centred = latents - latents.mean(axis=0, dtype=np.float64).astype(latents.dtype)
    centred /= max(centred.max(), -centred.min()) or 1.0
    return centred.astype(np.float32, copy=False)
