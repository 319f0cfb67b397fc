"""The batches of a dask collection: a pass over them is a tree of tasks on the workers that hold them."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from dask.delayed import Delayed

from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.samplers.batches import (
    Batch,
    Batches,
    Reduction,
    Weighing,
    checked,
    without_weightless,
    working_copy,
)
from vicinal.samplers.given import is_dask, opened
from vicinal.samplers.labels import in_order, labels_of
from vicinal.samplers.on_dask.parts import Kind, aligned, parts_of
from vicinal.samplers.on_dask.tree import each, reduced
from vicinal.samplers.probes import N_PROBES
from vicinal.samplers.survey import PROBES


class DaskBatches(Batches):
    """Batches of a dask collection, one for each chunk or partition; parameters and attributes are those of `Batches`.

    They can be reduced, but not iterated over.
    """

    on_dask = True

    def __init__(
        self, X: Any, y: Any = None, sample_weight: Any = None, held_out: Any = None, *, minimum: int = 2
    ) -> None:
        parts = parts_of(X)
        self.minimum, self.streamed, self.whole, self.labels = minimum, True, True, None
        self.frame, self._kind, self._values = parts.frame, parts.kind, parts.values
        self.event_shape, self.dtype, self.kind, _ = parts.kind
        self.shape = (sum(parts.lengths), *self.event_shape)
        nothing: list[Any] = [None] * len(parts.values)
        self._y = self._weights = nothing
        self._weighing: Weighing | None = None
        if y is not None:
            if self._kind.labelled:
                raise InvalidInputError("the batches of the collection have labels already: leave y out")
            self._y, self._kind = aligned(y, "y", parts), self._kind._replace(labelled=True)
        self._counted = y is not None
        if sample_weight is not None:
            self._weights = aligned(sample_weight, "sample_weight", parts)
            self._weighing = reduced(_weighing, Weighing.merge, self._weights)
            self._weighing.check()
            self.whole = self._weighing.whole
        self.weighted = sample_weight is not None
        self.held_out = None if held_out is None else self._check_held_out(_probes(held_out))

    def __iter__(self) -> Iterator[Batch]:
        raise InvalidInputError(
            "this sampler needs all latents in memory, and a dask collection is not gathered unasked: pass X.compute() "
            "if they fit, or fit a LocalSampler or PMFSampler, which work where the latents are"
        )

    def label_counts(self) -> Counter[Hashable] | None:
        """Return how often each label of y occurs; None without y."""
        return reduced(_count, operator.add, self._y) if self._counted else None

    def leave_labels_out(self) -> None:
        """Go on as if there were no labels."""
        self._y, self._kind = [None] * len(self._values), self._kind._replace(labelled=False)

    def reduce(self, *reductions: Reduction) -> list[Any]:
        """Return what each reduction makes of all batches that have rows, in one pass; None where there are none."""
        work = _Pass(reductions, self._kind, self._weighing)
        values = reduced(work.of_part, work.merge, self._values, self._y, self._weights)
        return [None] * len(reductions) if values is None else values

    def classes(self) -> tuple[Hashable, ...]:
        """Return the labels that occur, in order; empty without labels."""
        if not self._kind.labelled:
            return ()
        return in_order(self.label_counts() or self.reduce(_LABELS)[0] or ())

    def each(self, of_batch: Callable[[Batch | None], Any]) -> list[Delayed]:
        """Return what a function makes of the batch of each part, delayed; None is a part without a batch."""
        work = partial(_of_batch, _Pass((), self._kind, self._weighing), of_batch)
        return each(work, self._values, self._y, self._weights)


class _Pass(NamedTuple):
    """What is done with every part in a pass; it is sent to the workers."""

    reductions: Sequence[Reduction]
    kind: Kind
    weighing: Weighing | None

    def of_part(self, i: int, part: Any, y: Any, weights: Any) -> list[Any] | None:
        """Return the values of one part; None without rows."""
        batch = self.batch(i, part, y, weights)
        if batch is None or len(batch.rows) == 0:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            return [each.of_batch(batch) for each in self.reductions]

    def merge(self, a: list[Any], b: list[Any]) -> list[Any]:
        """Return the values of two sets of parts together."""
        return [each.merge(*pair) for each, *pair in zip(self.reductions, a, b, strict=True)]

    def batch(self, i: int, part: Any, y: Any, weights: Any) -> Batch | None:
        """Return the batch of one part, checked."""
        if part is None:
            return None
        name, kind = f"latents of chunk {i}", self.kind
        latents, labels = opened(part)
        rows, dtype = checked(latents, name, event_shape=kind.event_shape, owner="fit", minimum=0)
        if dtype != kind.dtype:
            raise InvalidInputError(f"{name} must be {kind.dtype}, like the collection; got {dtype}")
        labels = labels if y is None else y
        if kind.labelled and labels is None:
            raise InvalidInputError(f"{name} must come with labels, like the first")
        found = labels_of(labels, len(rows)) if kind.labelled else None
        if self.weighing is None:
            return Batch(working_copy(rows), found, name=name)
        if len(weights) != len(rows):
            raise InvalidInputError(f"sample_weight of chunk {i} must hold {len(rows)} values; got {len(weights)}")
        batch = Batch(working_copy(rows), found, self.weighing.masses(weights), name)
        return without_weightless(batch)


def _of_batch(work: _Pass, of_batch: Callable[[Batch | None], Any], i: int, *parts: Any) -> Any:
    return of_batch(work.batch(i, *parts))


def _labels(batch: Batch) -> Counter[Hashable]:
    return Counter(batch.labels)


_LABELS = Reduction(_labels, operator.add)


def _probes(held_out: Any) -> Any:
    """Return as many latents to calibrate by as are used; only these leave a dask collection."""
    if not is_dask(held_out):
        return held_out
    batches = DaskBatches(held_out, minimum=1)
    probes = batches.reduce(PROBES)[0]
    if probes is None:
        raise InvalidInputError("calibration_latents must have at least one row; got none")
    rows: Array = probes.rows[probes.spread(min(probes.n_rows, N_PROBES))]
    return rows.reshape(len(rows), *batches.event_shape)


def _weighing(_i: int, weights: Any) -> Weighing:
    return Weighing.of(weights, len(weights))


def _count(_i: int, y: Any) -> Counter[Hashable]:
    return Counter(labels_of(y, len(y)))
