"""What is given to `fit`: latents in batches that can be read several times, or all of them in memory.

A fit is a few passes over the batches. A pass is a `Reduction`, or several at once: each makes a small value of every
batch, and merges these values. The order of merges does not matter, so batches may be worked on anywhere.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays, _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.samplers import given
from vicinal.samplers.labels import labels_of, numbered

_CHUNK, _MAPPED_CHUNK = 1 << 25, 1 << 22  # values of an array, and of one in a file, that are worked on together
_WEIGHT_STEPS = 2.0**29  # fractional weights are kept in this many steps of the largest; sums stay below 2**63


class Batch(NamedTuple):
    """Latents (n, d), float32 or float64, which may hold NaN or infinity, and on an accelerator be a tensor.

    With a label for each, or None; an integer mass for each, or None for ones; their name in messages; the number of
    the first row there; and which of the rows given these are, (n_given,) bool, or None for all.
    """

    rows: Any
    labels: Sequence[Hashable] | None = None
    masses: Array | None = None
    name: str = "latents"
    first_row: int = 0
    kept: Array | None = None

    def check_finite(self) -> None:
        """Raise InvalidInputError with the first row that is not finite."""
        _validation.check_finite(_arrays.to_numpy(self.rows), self.name, self.first_row)


class Reduction(NamedTuple):
    """A value of each batch, and how two of these become one: an associative and commutative function."""

    of_batch: Callable[[Batch], Any]
    merge: Callable[[Any, Any], Any]


class Batches:
    """Checked batches of latents, as often as they are iterated over.

    Parameters
    ----------
    X : array_like of shape (n_samples, *event_shape), or iterable of batches
        An array or memory map; or batches: see `vicinal.samplers.given`.
    y, sample_weight : array_like of shape (n_samples,), optional
        Labels and weights, when X is an array.
    held_out : array_like of shape (m, *event_shape), optional
        Latents to calibrate by.
    minimum : int
        The fewest rows that will do.

    Attributes
    ----------
    shape, event_shape : tuple of int
        Shape of the array or of the first batch, and of one latent.
    dtype : numpy.dtype
        Type of the latents as they came; float64 for what NumPy converts to it.
    kind : TensorKind or None
        Where they came from.
    streamed : bool
        Whether X holds batches.
    labels : list or None
        Labels of an array.
    frame : DataFrame or None
        One without rows that has the names of the columns, where X holds parts of a data frame.
    held_out : ndarray of shape (m, d), or None
        Latents to calibrate by.
    minimum : int
        The fewest rows that will do.
    weighted : bool
        Whether there are weights.
    on_dask : bool
        Whether the latents are in a dask collection: then they can be reduced, but not iterated over.
    whole : bool
        Whether the weights, if any, are numbers of rows. Whole weights are kept as they are, so that a weight of 3
        equals three rows; others are rounded to 2**-29 of the largest.
    """

    on_dask = False

    def __init__(
        self, X: Any, y: Any = None, sample_weight: Any = None, held_out: Any = None, *, minimum: int = 2
    ) -> None:
        self.streamed, self.whole, self.minimum = given.is_stream(X), True, minimum
        self.labels: list[Hashable] | None = None
        self.frame: Any = None
        self._masses: Array | None = None
        self._mapped = isinstance(X, np.memmap)
        if self.streamed:
            if y is not None or sample_weight is not None:
                raise InvalidInputError(
                    "y and sample_weight go with one array of latents; for batches of latents, let each batch be a "
                    "pair (latents, labels), or call partial_fit with each"
                )
            self._X = list(X) if iter(X) is X else X  # what can be read once is kept
            self._begun = iter(self._X)  # the first pass goes on with it: a batch may cost much
            self._first = next(self._begun, None)
            if self._first is None:
                raise InvalidInputError("latents must hold at least one batch; got none")
            latents, labels = given.opened(self._first)
            _validation.warn_of_one_row(latents, "latents")
            self._labelled, self.kind = labels is not None, _arrays.tensor_kind(latents)
            latents, self.dtype = checked(latents, "latents", minimum=0)
        else:
            plain = y is None and sample_weight is None
            latents, self.dtype = checked(X, "latents", minimum=minimum, on_device=plain)
            self._X, self._labelled, self.kind = latents, y is not None, _arrays.tensor_kind(X)
            if y is not None:
                self.labels = labels_of(y, len(latents))
            if sample_weight is not None:
                weighing = Weighing.of(sample_weight, len(latents))
                weighing.check()
                self._masses, self.whole = weighing.masses(sample_weight), weighing.whole
        self.weighted = self._masses is not None
        self.shape = tuple(latents.shape)
        self.event_shape = self.shape[1:]
        self.held_out = None if held_out is None else self._check_held_out(held_out)

    def __iter__(self) -> Iterator[Batch]:
        return self._stream() if self.streamed else self._chunks()

    @property
    def at_hand(self) -> Any:
        """All latents (n, d), where they are one batch in memory; None elsewhere."""
        if self.streamed or self._mapped or self._masses is not None or math.prod(self.shape) > _CHUNK:
            return None
        return working_copy(self._X)

    def label_counts(self) -> Counter[Hashable] | None:
        """Return how often each label occurs; None without labels, and where nobody knows before all are read."""
        return None if self.labels is None else Counter(self.labels)

    def leave_labels_out(self) -> None:
        """Go on as if there were no labels."""
        self.labels = None

    def reduce(self, *reductions: Reduction) -> list[Any]:
        """Return what each reduction makes of all batches that have rows, in one pass; None where there are none."""
        stack: list[tuple[int, list[Any]]] = []  # values of so many batches; equally many are merged, as in a tree

        def merge_last() -> None:
            (n, values), (m, others) = stack.pop(), stack.pop()
            merged = [each.merge(*pair) for each, *pair in zip(reductions, others, values, strict=True)]
            stack.append((n + m, merged))

        for batch in self:
            if len(batch.rows) == 0:
                continue
            stack.append((1, [each.of_batch(batch) for each in reductions]))
            while len(stack) > 1 and stack[-1][0] >= stack[-2][0]:
                merge_last()
        while len(stack) > 1:
            merge_last()
        return stack[0][1] if stack else [None] * len(reductions)

    def _check_held_out(self, given: Any) -> Array:
        rows = _validation.check_rows(given, "calibration_latents", event_shape=self.event_shape, owner="fit")
        held_out: Array = working_copy(rows)
        return held_out

    def _chunks(self) -> Iterator[Batch]:
        size = max(1, (_MAPPED_CHUNK if self._mapped else _CHUNK) // math.prod(self.event_shape))
        if self._masses is None and self.labels is None and not self._mapped and _is_working(self._X):
            size = len(self._X)
        for first in range(0, len(self._X), size):
            part = slice(first, first + size)
            masses = None if self._masses is None else self._masses[part]
            labels = None if self.labels is None else self.labels[part]
            batch = Batch(working_copy(self._X[part]), labels, masses, first_row=first)
            yield batch if masses is None or (masses > 0).all() else without_weightless(batch)

    def _stream(self) -> Iterator[Batch]:
        for i, item in enumerate(self._items()):
            name = f"latents of batch {i}"
            latents, y = given.opened(item)
            rows, dtype = checked(latents, name, event_shape=self.event_shape, owner="fit", minimum=0)
            if dtype != self.dtype:
                raise InvalidInputError(f"{name} must be {self.dtype}, like the first batch; got {dtype}")
            if (y is not None) != self._labelled:
                raise InvalidInputError(f"{name} must come with labels if any batch does, and without if any does not")
            y = None if y is None else labels_of(y, len(rows))
            mapped = isinstance(latents, np.memmap)
            size = max(1, _MAPPED_CHUNK // math.prod(self.event_shape)) if mapped else max(1, len(rows))
            for first in range(0, len(rows), size):
                part = slice(first, first + size)
                yield Batch(working_copy(rows[part]), y and y[part], name=name, first_row=first)

    def _items(self) -> Iterator[Any]:
        """Yield what was given, batch by batch; the first time, the pass that was begun goes on."""
        if self._begun is None:
            yield from self._X
            return
        begun, firsts = self._begun, [self._first]
        self._begun = self._first = None
        yield firsts.pop()  # so that it is freed when it has been worked on
        yield from begun


def batches_of(X: Any, y: Any = None, sample_weight: Any = None, held_out: Any = None, *, minimum: int = 2) -> Batches:
    """Return `Batches` of what is given; files are opened, and those of a dask collection stay where they are."""
    X = given.of_dataset(given.of_files(X))
    if not given.is_dask(X):
        return Batches(X, y, sample_weight, held_out, minimum=minimum)
    from vicinal.samplers.on_dask.batches import DaskBatches

    return DaskBatches(X, y, sample_weight, held_out, minimum=minimum)


class Training(NamedTuple):
    """All training latents in memory, class by class.

    Latents (n, d), float32 or float64, which may be the caller's own memory; weights (n,) int64, or None for ones;
    the classes, empty without labels; where each class starts, (n_classes + 1,) int64; and the number that each latent
    has among those that were given, (n,) int64.
    """

    rows: Array
    weights: Array | None
    classes: tuple[Hashable, ...]
    class_starts: Array
    numbers: Array

    @classmethod
    def of(cls, batches: Batches) -> Training:
        """Return the latents of all batches, which must be finite."""
        parts: list[Array] = []
        weights: list[Array] = []
        numbers: list[Array] = []
        y: list[Any] = []
        n_given = 0
        for batch in batches:
            batch.check_finite()
            kept = np.ones(len(batch.rows), dtype=bool) if batch.kept is None else batch.kept
            numbers.append(n_given + np.flatnonzero(kept))
            n_given += len(kept)
            parts.append(_arrays.to_numpy(batch.rows))
            if batch.masses is not None:
                weights.append(batch.masses)
            y.extend(batch.labels or ())
        rows = np.concatenate(parts) if len(parts) > 1 else parts[0]
        least = batches.minimum
        if len(rows) < least:
            raise InvalidInputError(f"latents need n_samples >= {least} of weight above 0; got n_samples={len(rows)}")
        masses = np.concatenate(weights) if weights else None
        training = cls(rows, masses, (), np.array([0, len(rows)]), np.concatenate(numbers))
        if not y:
            return training
        classes, places = numbered(y)
        training = training.take(np.argsort(places, kind="stable"))
        starts = np.searchsorted(np.sort(places), np.arange(len(classes) + 1))
        return training._replace(classes=classes, class_starts=starts)

    def part(self, first: int, last: int) -> Training:
        """Return the latents ``first`` to ``last - 1`` as those of one class, as views."""
        weights = None if self.weights is None else self.weights[first:last]
        return Training(self.rows[first:last], weights, (), np.array([0, last - first]), self.numbers[first:last])

    def place_of(self, label: Hashable) -> tuple[int, int]:
        """Return where the latents of a class start and end, both 0 where it has none; without classes, of all."""
        if not self.classes:
            return 0, len(self.rows)
        if label not in self.classes:
            return 0, 0
        k = self.classes.index(label)
        return int(self.class_starts[k]), int(self.class_starts[k + 1])

    def take(self, order: Array) -> Training:
        """Return the latents in another order, in which they stay in their class."""
        weights = None if self.weights is None else self.weights[order]
        return self._replace(rows=self.rows.take(order, axis=0), weights=weights, numbers=self.numbers[order])


def is_whole(dtype: np.dtype[Any]) -> bool:
    """Tell whether a type holds whole numbers alone: integers or bool."""
    return dtype.kind in "iub"


def working_dtype(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    """Return the precision of arithmetic: float32 for float16 and float32, float64 for everything else."""
    return np.float32 if dtype in (np.float16, np.float32) else np.float64


def working_copy(rows: Any) -> Any:
    """Flatten rows to (n, d), C order, in `working_dtype`; without a copy where nothing changes."""
    if _arrays.is_tensor(rows):
        flat = rows.reshape(len(rows), math.prod(rows.shape[1:])).contiguous()
        return flat.double() if _arrays.float_dtype(rows) == np.float64 else flat.float()
    return np.ascontiguousarray(rows.reshape(len(rows), math.prod(rows.shape[1:])), dtype=working_dtype(rows.dtype))


def _is_working(rows: Any) -> bool:
    """Tell whether the working copy of rows takes no memory, or that of an accelerator."""
    return _arrays.is_tensor(rows) or (rows.flags.c_contiguous and rows.dtype == working_dtype(rows.dtype))


class Weighing(NamedTuple):
    """How weights become integers: their sum, the largest, and whether all are whole."""

    total: float
    largest: float
    all_whole: bool

    @classmethod
    def of(cls, sample_weight: Any, n_rows: int) -> Weighing:
        """Return what is known of the weights of so many rows, which must be finite and at least 0."""
        weights = _validation.check_array(sample_weight, "sample_weight").astype(np.float64)
        if weights.shape != (n_rows,):
            raise InvalidInputError(
                f"sample_weight must have shape ({n_rows},), one for each row of latents; got {weights.shape}"
            )
        if not (np.isfinite(weights).all() and (weights >= 0).all()):
            raise InvalidInputError(
                f"sample_weight must be finite and at least 0; got values from {weights.min()} to {weights.max()}"
            )
        return cls(float(weights.sum()), float(weights.max(initial=0.0)), bool((weights == np.floor(weights)).all()))

    def merge(self, other: Weighing) -> Weighing:
        """Return what is known of the weights of both."""
        largest = max(self.largest, other.largest)
        return Weighing(self.total + other.total, largest, self.all_whole and other.all_whole)

    @property
    def whole(self) -> bool:
        """Whether the weights are numbers of rows."""
        return self.all_whole and self.total < 2.0**53  # a sum that float64 holds exactly

    def check(self) -> None:
        """Raise InvalidInputError if no weight is above 0."""
        if self.largest == 0:
            raise InvalidInputError("sample_weight must have a value above 0; got only zeros")

    def masses(self, sample_weight: Any) -> Array:
        """Return weights as integers, (n,) int64."""
        weights = _arrays.to_numpy(sample_weight).astype(np.float64)
        return (weights if self.whole else np.rint(weights / self.largest * _WEIGHT_STEPS)).astype(np.int64)


def are_steps(masses: Array | None) -> bool:
    """Tell whether integer masses stand for fractional weights: the largest is then the number of steps."""
    return masses is not None and int(masses.max(initial=0)) == int(_WEIGHT_STEPS)


def checked(latents: Any, name: str, **options: Any) -> tuple[Any, np.dtype[Any]]:
    """Return latents as floats, integers or bool, and their type as they came; finiteness is checked later."""
    if not _arrays.is_tensor(latents):
        latents = _validation.check_array(latents, name)
    rows = _validation.check_rows(latents, name, finite=False, keep_whole=True, **options)
    kind = _arrays.tensor_kind(latents)
    dtype = np.dtype(latents.dtype if kind is None else "float32" if kind.dtype == "bfloat16" else kind.dtype)
    return rows, dtype if is_whole(dtype) else _arrays.float_dtype(rows)


def without_weightless(batch: Batch) -> Batch:
    """Return a batch without the rows of weight 0."""
    kept = np.asarray(batch.masses) > 0
    labels = None if batch.labels is None else [label for label, keep in zip(batch.labels, kept, strict=True) if keep]
    return batch._replace(rows=batch.rows[kept], labels=labels, masses=np.asarray(batch.masses)[kept], kept=kept)
