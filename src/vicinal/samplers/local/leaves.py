"""Latents on their way through files: one temporary file for each leaf of a `Router`, and mapped arrays.

The files have no names where the system allows it. They are gone once nobody refers to them, or the process ends. They
are in the folder of temporary files, which ``TMPDIR`` sets.
"""

from __future__ import annotations

import tempfile
from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays
from vicinal._arrays import Array
from vicinal.samplers.batches import Batch, Batches
from vicinal.samplers.labels import in_order
from vicinal.samplers.local.router import Router

_ROWS = 1 << 16  # moved together


class Leaf(NamedTuple):
    """The latents of a leaf in the order in which they came: rows (n, d), numbers, weights and labels (n,) int64."""

    rows: Array
    numbers: Array
    weights: Array
    labels: Array


class Leaves:
    """All latents, leaf by leaf, in files.

    Attributes
    ----------
    counts : ndarray of int64, shape (n_labels, n_leaves)
        Latents of each label in each leaf.
    classes : list
        The labels, in the order in which they came; one without a name if there are none.
    """

    def __init__(self, batches: Batches, router: Router) -> None:
        self._router, self._d = router, int(np.prod(batches.event_shape))
        self._files: list[Any] = [tempfile.TemporaryFile() for _ in range(router.n_leaves)]  # noqa: SIM115
        self._kind: np.dtype[Any] | None = None
        self._places: dict[Hashable, int] = {}
        self.counts = np.zeros((1, router.n_leaves), np.int64)
        n_given = 0
        for batch in batches:
            batch.check_finite()
            kept = np.ones(len(batch.rows), bool) if batch.kept is None else batch.kept
            numbers = n_given + np.flatnonzero(kept)
            n_given += len(kept)
            for first in range(0, len(numbers), _ROWS):
                self._add(batch, numbers, slice(first, first + _ROWS))
        self.classes = list(self._places)

    def _add(self, batch: Batch, numbers: Array, part: slice) -> None:
        """Append a part of a batch to the files of its leaves."""
        rows = _arrays.to_numpy(batch.rows[part])
        self._kind = self._kind or np.dtype(
            [("rows", rows.dtype, (self._d,)), ("numbers", np.int64), ("weights", np.int64), ("labels", np.int64)]
        )
        records = np.zeros(len(rows), self._kind)
        records["rows"], records["numbers"] = rows, numbers[part]
        records["weights"] = 1 if batch.masses is None else batch.masses[part]
        if batch.labels is not None:
            records["labels"] = [self._places.setdefault(label, len(self._places)) for label in batch.labels[part]]
        leaves = self._router.leaf_of(rows)
        n_labels = max(1, len(self._places))
        found = np.bincount(records["labels"] * len(self._files) + leaves, minlength=n_labels * len(self._files))
        found = found.reshape(n_labels, len(self._files))
        found[: len(self.counts)] += self.counts
        self.counts = found
        records = records[np.argsort(leaves, kind="stable")]
        for file, some in zip(
            self._files, np.split(records, np.cumsum(np.bincount(leaves, minlength=len(self._files)))[:-1]), strict=True
        ):
            file.write(some.data)

    def read(self, leaf: int) -> Leaf:
        """Return the latents of a leaf."""
        file = self._files[leaf]
        file.seek(0)
        records = np.fromfile(file, self._kind or np.uint8)
        return Leaf(*(np.ascontiguousarray(records[name]) for name in Leaf._fields))

    def close(self, leaf: int) -> None:
        """Drop the file of a leaf."""
        self._files[leaf].close()

    def class_order(self) -> list[int]:
        """Return the places of ``classes`` in their own order."""
        return [self._places[label] for label in in_order(self.classes)] if self.classes else [0]


def mapped(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array in a temporary file, of zeros; it is gone with the array."""
    with tempfile.TemporaryFile() as file:
        array: Array = np.memmap(file, dtype, "w+", shape=shape)
    return array
