"""Neighbourhoods of the training latents: how they are made, and how much variance their samples have."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np

from vicinal import _blas
from vicinal._arrays import Array
from vicinal.samplers.batches import Training
from vicinal.samplers.local.moves import move
from vicinal.samplers.local.tree import cut

_CHUNK = 1 << 22  # values worked on together
_SOME = 1 << 16  # latents that a mean is taken of


class Neighborhoods(NamedTuple):
    """Training latents, neighbourhood by neighbourhood, and where each starts, (n_neighborhoods + 1,) int64."""

    training: Training
    starts: Array

    def part(self, first: int, last: int) -> Neighborhoods:
        """Return the neighbourhoods ``first`` to ``last - 1``, as those of one class, as views."""
        starts = self.starts[first : last + 1]
        return Neighborhoods(self.training.part(starts[0], starts[-1]), starts - starts[0])

    def of_class(self, label: Hashable) -> Neighborhoods:
        """Return the neighbourhoods of a class, as views; all of them without classes."""
        return self.part(*np.searchsorted(self.starts, self.training.place_of(label)).tolist())


Made = Callable[[int], Neighborhoods]


def maker(training: Training, max_iter: int) -> Made:
    """Return what cuts the training latents into neighbourhoods of so many, as `neighborhoods` does.

    The last result is kept. It is dropped before another is made, so that memory never holds both.
    """
    kept: dict[int, Neighborhoods] = {}

    def made(n_neighbors: int) -> Neighborhoods:
        if n_neighbors not in kept:
            kept.clear()
            kept[n_neighbors] = neighborhoods(training, n_neighbors, max_iter)
        return kept[n_neighbors]

    return made


def neighborhoods(training: Training, n_neighbors: int, max_iter: int) -> Neighborhoods:
    """Cut the training latents, class by class, into neighbourhoods of ``n_neighbors`` on average.

    Products of matrices take one thread: they are small, and their bits would depend on the number of threads.
    """
    with _blas.one_thread():
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
    return Spread.around(found.training.rows[:_SOME]).add(found).ratio(shrinkage, scale)


class Spread(NamedTuple):
    """Moments of latents about a place near their mean (d,), and their sum of squares within neighbourhoods."""

    place: Array
    mass: float
    sums: Array
    squares: float
    within: float

    @classmethod
    def around(cls, rows: Array) -> Self:
        """Return the moments of no latents, about the mean of ``rows`` (m, d)."""
        place = rows.mean(axis=0, dtype=np.float64)
        return cls(place, 0.0, np.zeros_like(place), 0.0, 0.0)

    def add(self, found: Neighborhoods) -> Self:
        """Return the moments with those of more neighbourhoods."""
        rows, weights, starts = found.training.rows, found.training.weights, found.starts
        mass, total, squares, within = self.mass, self.sums.copy(), self.squares, self.within
        for firsts in np.array_split(starts[:-1], max(1, rows.size // _CHUNK)):  # bounds the memory of float64 copies
            last = starts[np.searchsorted(starts, firsts[-1], side="right")]
            part = slice(firsts[0], last)
            masses = np.ones(last - firsts[0]) if weights is None else weights[part].astype(np.float64)
            centred = rows[part] - self.place
            square = float(masses @ np.square(centred).sum(axis=1))
            centred *= masses[:, None]
            sums = np.add.reduceat(centred, firsts - firsts[0], axis=0)
            sizes = np.add.reduceat(masses, firsts - firsts[0])
            mass, total, squares = mass + float(sizes.sum()), total + sums.sum(axis=0), squares + square
            within += square - float((np.square(sums).sum(axis=1) / sizes).sum())
        return self._replace(mass=mass, sums=total, squares=squares, within=within)

    def merge(self, other: Spread) -> Spread:
        """Return the moments of both, which are about one place."""
        mass, sums, squares = self.mass + other.mass, self.sums + other.sums, self.squares + other.squares
        return Spread(self.place, mass, sums, squares, self.within + other.within)

    def ratio(self, shrinkage: float, scale: float) -> float:
        """Return the total variance of samples over that of the latents; 1 if these are all equal."""
        total = self.squares - float(np.square(self.sums).sum()) / self.mass
        return 1.0 if total <= 0 else 1.0 + ((1 - shrinkage) ** 2 + scale * scale - 1.0) * self.within / total


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
