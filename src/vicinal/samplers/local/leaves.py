"""Latents on their way to their leaves of a `Router`, through temporary files, and what is done with a leaf.

The files have no names where the system allows it. They are gone once nobody refers to them, or the process ends. They
are in the folder of temporary files, which ``TMPDIR`` sets.
"""

from __future__ import annotations

import tempfile
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays
from vicinal._arrays import Array
from vicinal.samplers.batches import Batch, Batches, Training
from vicinal.samplers.labels import in_order
from vicinal.samplers.local.partition import Neighborhoods, Spread, maker, neighborhoods
from vicinal.samplers.local.router import Router
from vicinal.samplers.local.settings import Settings

_ROWS = 1 << 16  # moved together


class LeafFit(NamedTuple):
    """The neighbourhoods of a leaf, and their moments."""

    found: Neighborhoods
    spread: Spread


def fit_leaf(training: Training, n_neighbors: int, max_iter: int, place: Array) -> LeafFit:
    """Cut the latents of a leaf into neighbourhoods; ``place`` (d,) is near the mean of all latents."""
    found = neighborhoods(training, n_neighbors, max_iter)
    return LeafFit(found, Spread(place, 0.0, np.zeros_like(place), 0.0, 0.0).add(found))


def calibrate(
    settings: Settings, leaves: Sequence[Training], held_out: Array | None
) -> tuple[int, float, dict[str, float]]:
    """As `Settings.calibrated`, on the latents of some leaves; each class in each leaf is cut for itself."""
    labels = in_order(label for leaf in leaves for label in leaf.classes) or (None,)
    parts = [leaf.part(*leaf.place_of(label)) for label in labels for leaf in leaves]
    parts = [part for part in parts if len(part.rows)]
    weights = [part.weights for part in parts if part.weights is not None]
    together = Training(
        np.concatenate([part.rows for part in parts]),
        np.concatenate(weights) if weights else None,
        (),
        np.cumsum([0, *(len(part.rows) for part in parts)]),
        np.concatenate([part.numbers for part in parts]),
    )
    return settings.calibrated(together, held_out, maker(together, settings.max_iter))


class Records:
    """Latents as records: rows (d,), numbers, weights, and labels as their places among ``classes``."""

    def __init__(self, d: int, classes: Sequence[Hashable] = ()) -> None:
        self.d = d
        self.places: dict[Hashable, int] = {label: k for k, label in enumerate(classes)}

    def of(self, batch: Batch, numbers: Array, part: slice) -> Array:
        """Return a part of a batch as records; labels that are new get the next place."""
        rows = _arrays.to_numpy(batch.rows[part])
        records = np.zeros(len(rows), self._kind(rows.dtype))
        records["rows"], records["numbers"] = rows, numbers[part]
        records["weights"] = 1 if batch.masses is None else batch.masses[part]
        if batch.labels is not None:
            records["labels"] = [self.places.setdefault(label, len(self.places)) for label in batch.labels[part]]
        return records

    def training(self, records: Array, *, weighted: bool) -> Training:
        """Return records as latents, class by class; classes that do not occur are left out."""
        labels = list(self.places)
        found = in_order(labels[place] for place in np.unique(records["labels"]).tolist()) if labels else ()
        starts = np.array([0, len(records)])
        if found:
            rank = np.zeros(len(labels), np.int64)
            rank[[self.places[label] for label in found]] = np.arange(len(found))
            ranks = rank[records["labels"]]
            records = records[np.argsort(ranks, kind="stable")]
            starts = np.append(0, np.cumsum(np.bincount(ranks, minlength=len(found))))
        rows, numbers, weights = (np.ascontiguousarray(records[name]) for name in ("rows", "numbers", "weights"))
        return Training(rows, weights if weighted else None, found, starts, numbers)

    def _kind(self, dtype: Any) -> np.dtype[Any]:
        return np.dtype(
            [("rows", dtype, (self.d,)), ("numbers", np.int64), ("weights", np.int64), ("labels", np.int64)]
        )


def by_leaf(records: Array, leaves: Array, n_leaves: int) -> list[Array]:
    """Return the records of each leaf, in their order; ``leaves`` (n,) are those of the records."""
    order, ends = np.argsort(leaves, kind="stable"), np.cumsum(np.bincount(leaves, minlength=n_leaves))
    return np.split(records[order], ends[:-1])


def numbers_of(batch: Batch, n_given: int) -> Array:
    """Return the numbers of the latents of a batch, where ``n_given`` came before it; weightless ones count, too."""
    kept = np.ones(len(batch.rows), dtype=bool) if batch.kept is None else batch.kept
    return n_given + np.flatnonzero(kept)


class Leaves:
    """All latents, leaf by leaf, in files.

    Attributes
    ----------
    classes : tuple
        The labels, in order; empty without labels.
    counts : ndarray of int64, shape (max(n_classes, 1), n_leaves)
        Latents of each class in each leaf.
    """

    def __init__(self, batches: Batches, router: Router) -> None:
        self._weighted, self._records = batches.weighted, Records(int(np.prod(batches.event_shape)))
        self._files: list[Any] = [tempfile.TemporaryFile() for _ in range(router.n_leaves)]  # noqa: SIM115
        self._kind: Any = np.uint8
        counts, n_given = np.zeros((1, router.n_leaves), np.int64), 0
        for batch in batches:
            batch.check_finite()
            numbers = numbers_of(batch, n_given)
            n_given += len(batch.rows) if batch.kept is None else len(batch.kept)
            for first in range(0, len(numbers), _ROWS):
                counts = self._add(batch, numbers, slice(first, first + _ROWS), router, counts)
        self.classes = in_order(self._records.places)
        self.counts = counts[[self._records.places[label] for label in self.classes]] if self.classes else counts

    def _add(self, batch: Batch, numbers: Array, part: slice, router: Router, counts: Array) -> Array:
        """Append a part of a batch to the files of its leaves, and return the counts of labels and leaves."""
        records = self._records.of(batch, numbers, part)
        self._kind, leaves = records.dtype, router.leaf_of(records["rows"])
        shape = max(1, len(self._records.places)), router.n_leaves
        found = np.bincount(records["labels"] * shape[1] + leaves, minlength=shape[0] * shape[1]).reshape(shape)
        found[: len(counts)] += counts
        for file, some in zip(self._files, by_leaf(records, leaves, router.n_leaves), strict=True):
            file.write(some.data)
        return found

    def calibrated(
        self, settings: Settings, chosen: Sequence[int], held_out: Array | None
    ) -> tuple[int, float, dict[str, float]]:
        """Return what `calibrate` does, for some leaves."""
        return calibrate(settings, [self._training(leaf) for leaf in chosen], held_out)

    def fitted(self, n_neighbors: int, max_iter: int, place: Array) -> Iterator[LeafFit]:
        """Yield the neighbourhoods of each leaf that has latents; its file is dropped."""
        for leaf in np.flatnonzero(self.counts.sum(axis=0)).tolist():
            yield fit_leaf(self._training(leaf), n_neighbors, max_iter, place)
            self._files[leaf].close()

    def _training(self, leaf: int) -> Training:
        file = self._files[leaf]
        file.seek(0)
        return self._records.training(np.fromfile(file, self._kind), weighted=self._weighted)


def mapped(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array in a temporary file, of zeros; it is gone with the array."""
    with tempfile.TemporaryFile() as file:
        array: Array = np.memmap(file, dtype, "w+", shape=shape)
    return array
