"""The latents of a dask collection, leaf by leaf of a tree, on the workers: each latent is moved once."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from dask import delayed
from dask.delayed import Delayed

from vicinal._arrays import Array
from vicinal.samplers.batches import Batch, Training, working_dtype
from vicinal.samplers.labels import in_order
from vicinal.samplers.local.leaves import LeafFit, Records, by_leaf, calibrate, fit_leaf, numbers_of
from vicinal.samplers.local.router import Router
from vicinal.samplers.local.settings import Settings
from vicinal.samplers.on_dask.batches import DaskBatches
from vicinal.samplers.on_dask.tree import computed, exchanged, persisted


class DaskLeaves:
    """All latents, leaf by leaf, on the workers; attributes are those of `vicinal.samplers.local.leaves.Leaves`.

    A worker that is lost takes leaves with it. They are made again from the collection.
    """

    def __init__(self, batches: DaskBatches, router: Router) -> None:
        work = _Moves(router, batches.classes(), int(np.prod(batches.event_shape)), batches.weighted, batches.dtype)
        leaves = exchanged(batches.each(work.split), router.n_leaves + 1, work.together)
        self._leaves = persisted(leaves)
        found: list[dict[Hashable, int]] = computed(delayed(list)([delayed(_counts)(leaf) for leaf in self._leaves]))
        self.classes = in_order(label for each in found for label in each if label is not None)
        self.counts = np.array([[each.get(label, 0) for each in found] for label in self.classes or (None,)])

    def calibrated(
        self, settings: Settings, chosen: Sequence[int], held_out: Array | None
    ) -> tuple[int, float, dict[str, float]]:
        """As `calibrate`, on a worker; warnings are given here."""
        work = delayed(partial(_calibrated, settings, held_out), pure=False)
        found: tuple[int, float, dict[str, float]]
        found, caught = computed(work(*(self._leaves[leaf] for leaf in chosen)))
        for each in caught:
            warnings.warn(each, stacklevel=2)
        return found

    def fitted(self, n_neighbors: int, max_iter: int, place: Array) -> Iterator[LeafFit]:
        """Yield the neighbourhoods of each leaf that has latents; the leaves are dropped."""
        fits = self.fits(n_neighbors, max_iter, place)
        while fits:
            yield computed(fits.pop(0))

    def fits(self, n_neighbors: int, max_iter: int, place: Array) -> list[Delayed]:
        """Return the neighbourhoods of each leaf that has latents, on the workers; the leaves are dropped."""
        work = delayed(partial(fit_leaf, n_neighbors=n_neighbors, max_iter=max_iter, place=place), pure=False)
        filled, leaves = np.flatnonzero(self.counts.sum(axis=0)).tolist(), self._leaves
        self._leaves = []
        return persisted([work(leaves[leaf]) for leaf in filled])


class _Moves(NamedTuple):
    """How latents get to their leaves."""

    router: Router
    classes: tuple[Hashable, ...]
    d: int
    weighted: bool
    dtype: np.dtype[Any]

    def split(self, batch: Batch | None) -> list[Any]:
        """Return how many latents a part was given, and then the records of each leaf."""
        if batch is None:
            nothing = np.zeros((0, self.d), working_dtype(self.dtype))
            batch = Batch(nothing, [] if self.classes else None)
        records = Records(self.d, self.classes).of(batch, numbers_of(batch, 0), slice(None))
        n_given = len(batch.rows) if batch.kept is None else len(batch.kept)
        return [n_given, *by_leaf(records, self.router.leaf_of(records["rows"]), self.router.n_leaves)]

    def together(self, n_given: Sequence[int], parts: Sequence[Array]) -> Training:
        """Return a leaf, from its records of every part."""
        records = np.concatenate(parts)
        before = np.cumsum([0, *n_given[:-1]])
        records["numbers"] += np.repeat(before, [len(part) for part in parts])
        return Records(self.d, self.classes).training(records, weighted=self.weighted)


def _calibrated(settings: Settings, held_out: Array | None, *leaves: Training) -> tuple[Any, list[Warning]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = calibrate(settings, leaves, held_out)
    return found, [each.message for each in caught if isinstance(each.message, Warning)]


def _counts(leaf: Training) -> dict[Hashable, int]:
    """Return the number of latents of each class, of None without classes."""
    return dict(zip(leaf.classes or (None,), np.diff(leaf.class_starts).tolist(), strict=True))
