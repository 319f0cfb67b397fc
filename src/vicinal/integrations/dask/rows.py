"""Rows that stay on the workers, in parts, for the judge: what it takes of all of them is reduced where they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from dask import array, delayed
from dask.delayed import Delayed

from vicinal import _arrays, _validation, images, neighbors
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.evaluation.rows import Rows
from vicinal.integrations.dask import blocks
from vicinal.metrics import neighborhoods
from vicinal.metrics._inputs import check_sets
from vicinal.metrics.moments import Moments, moments_of
from vicinal.samplers.on_dask.tree import computed, persisted, reduced

_PART = 1 << 21  # values of a part, about
_MOST_TAKEN = 1 << 27  # values that leave the workers at once


class DaskRows(Rows):
    """Rows (n, d) in parts on the workers; a function of all rows is one of the parts, and of pairs of them.

    ``features`` are those of the same rows, if there are any.
    """

    def __init__(self, parts: Sequence[Delayed], lengths: Sequence[int], d: int, dtype: Any) -> None:
        held = [(part, n) for part, n in zip(parts, lengths, strict=True) if n]
        self.parts = [part for part, _ in held]
        self.ends = np.cumsum([n for _, n in held])
        self.features: DaskRows | None = None
        self._shape, self._dtype = (int(sum(lengths)), d), np.dtype(dtype)

    @classmethod
    def of_array(cls, given: array.Array, name: str, *, keep: bool = True) -> DaskRows:
        """Return the rows of a dask array of shape (n, *shape), checked; they are kept by the workers, or made anew."""
        d = int(np.prod(given.shape[1:]))
        axes = {"drop_axis": list(range(1, given.ndim)), "new_axis": [1]} if given.ndim > 2 else {}
        chunks = (given.chunks[0], (d,))
        work = partial(_flat, name, given.shape[1:])
        flat = array.map_blocks(
            work, given, chunks=chunks, dtype=given.dtype, meta=np.empty((0, d), given.dtype), **axes
        )
        if not np.isnan(flat.shape[0]):
            flat = flat.rechunk({0: max(1, _PART // d)})
        parts = list(flat.to_delayed().ravel())
        if keep:
            parts = persisted(parts)
        lengths = [int(n) for n in flat.chunks[0]] if not np.isnan(flat.shape[0]) else _lengths(parts)
        return cls(parts, lengths, d, given.dtype)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of what is taken."""
        return np.dtype(np.float32) if self._dtype == np.uint8 else self._dtype

    def __len__(self) -> int:
        return self._shape[0]

    @property
    def starts(self) -> Array:
        """Index of the first row of each part."""
        return np.append(0, self.ends[:-1])

    def __getitem__(self, key: Any) -> Array:
        """Return rows, or columns of them, in the memory of the caller."""
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        index = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows)
        n_values = len(index) * len(np.arange(self._shape[1])[columns])
        if n_values > _MOST_TAKEN:
            raise InvalidInputError(
                f"this would take {n_values:,} values from the workers to one place, more than {_MOST_TAKEN:,}: leave "
                "it out of metrics, or pass fewer rows"
            )
        taken: Array = images.in_units(computed(self._gathered(index, columns)))
        return taken

    def take(self, index: Array) -> DaskRows:
        """Return the rows at some indices; they stay on the workers."""
        n = max(1, _PART // self._shape[1])
        some = [index[first : first + n] for first in range(0, len(index), n)]
        parts = persisted([self._gathered(each, slice(None)) for each in some])
        return DaskRows(parts, [len(each) for each in some], self._shape[1], self._dtype)

    def at_most(self, n: int | None) -> Rows:
        """Return n rows, evenly spaced, or all."""
        if n is None or n >= len(self):
            return self
        return self.take(np.linspace(0, len(self) - 1, n).astype(np.int64))

    def in_float64(self) -> Array:
        """Return all rows in float64."""
        return self[:].astype(np.float64, copy=False)

    def moments(self) -> Moments:
        """Return mean and covariance."""
        found: Moments = reduced(_moments, _merged, self.parts)
        return found

    def total_variance(self) -> float:
        """Return the sum of the variances of the columns."""
        n, _, scatter = reduced(_scatter, _merged_scatter, self.parts)
        return float(scatter / n)

    def nearest_in(self, rows: Rows, scaling: neighbors.Scaling | None = None) -> tuple[Array, Array]:
        """Return distance to, and index of, the nearest of other rows for each of these, (n,) and (n,)."""
        return blocks.nearest(self.parts, _placed(rows), scaling)

    def nearest_others(self, chosen: Array) -> Array:
        """Return the distance of the rows at some indices from the nearest other one, (n_chosen,)."""
        queries = self.take(chosen)
        places = np.split(chosen, queries.ends[:-1])
        return blocks.nth_others(list(zip(queries.parts, places, strict=True)), _placed(self), 1, None)

    def nth_distances(self, n: int, scaling: neighbors.Scaling | None = None) -> Array:
        """Return the distance of each row from its n-th nearest other row, (n,)."""
        places = np.split(np.arange(len(self)), self.ends[:-1])
        return blocks.nth_others(list(zip(self.parts, places, strict=True)), _placed(self), n, scaling)

    def inside(self, generated: Rows, radii: Array, generated_radii: Array) -> neighborhoods.Inside:
        """Return which rows are in the balls of the others."""
        others = _on_workers(generated)
        a = list(zip(self.parts, np.split(radii, self.ends[:-1]), strict=True))
        b = list(zip(others.parts, np.split(generated_radii, others.ends[:-1]), strict=True))
        return blocks.inside(a, b, neighborhoods.centre_of(self))

    def cells(self, partition: Any) -> Array:
        """Return the cell of each row in a partition of k-means, (n,)."""
        work = delayed(_cells, pure=False)
        shared = delayed(partition, traverse=False)
        cells: Array = np.concatenate(computed(delayed(list)([work(shared, part) for part in self.parts])))
        return cells

    def _gathered(self, index: Array, columns: Any) -> Delayed:
        """Return the rows at some indices, put together on a worker."""
        owner = np.searchsorted(self.ends, index, side="right")
        starts, used = self.starts, np.unique(owner).tolist()
        wheres = [np.flatnonzero(owner == i) for i in used]
        pieces = [
            delayed(_taken, pure=False)(self.parts[i], index[where] - starts[i], columns)
            for i, where in zip(used, wheres, strict=True)
        ]
        d = len(np.arange(self._shape[1])[columns])
        return delayed(_together, pure=False)(np.empty((0, d), self._dtype), wheres, pieces)


def _placed(rows: Rows) -> list[tuple[Delayed, int]]:
    """Return the parts of rows, and the index of the first row of each."""
    rows = _on_workers(rows)
    return list(zip(rows.parts, rows.starts.tolist(), strict=True))


def _on_workers(rows: Rows) -> DaskRows:
    if not isinstance(rows, DaskRows):
        raise InvalidInputError(f"rows must all be on the workers; got {type(rows).__name__}: pass dask arrays")
    return rows


def _lengths(parts: Sequence[Delayed]) -> list[int]:
    lengths: list[int] = computed(delayed(list)([delayed(len)(part) for part in parts]))
    return lengths


def _flat(name: str, shape: tuple[int, ...], chunk: Any, block_id: tuple[int, ...] = (0,)) -> Array:
    """Return a chunk as rows (n, d), checked."""
    rows, name = _arrays.to_numpy(chunk), f"{name}, chunk {block_id[0]},"
    if rows.shape[1:] != shape:
        raise InvalidInputError(f"{name} must have rows of shape {shape}, like the array; got {rows.shape[1:]}")
    if not len(rows) or rows.dtype == np.uint8:
        return rows.reshape(len(rows), -1)
    _validation.check_finite(rows, name)
    (flat,) = check_sets(minimum=1, as_given=True, **{name: rows})
    return flat


def _taken(part: Array, index: Array, columns: Any) -> Array:
    taken: Array = part[index][:, columns]
    return taken


def _together(empty: Array, wheres: Sequence[Array], pieces: Sequence[Array]) -> Array:
    found = np.empty((sum(map(len, wheres)), empty.shape[1]), empty.dtype)
    for where, piece in zip(wheres, pieces, strict=True):
        found[where] = piece
    return found


def _moments(_i: int, part: Array) -> Moments:
    return moments_of(Rows(part))


def _merged(a: Moments, b: Moments) -> Moments:
    return Moments().merge(a).merge(b)  # tasks change no values of others


def _scatter(_i: int, part: Array) -> tuple[int, Array, float]:
    rows = Rows(part)
    return len(rows), rows[:].mean(axis=0, dtype=np.float64), rows.total_variance() * len(rows)


def _merged_scatter(a: tuple[int, Array, float], b: tuple[int, Array, float]) -> tuple[int, Array, float]:
    (n, mean, scatter), (m, other, more) = a, b
    gap = other - mean
    return n + m, mean + gap * (m / (n + m)), scatter + more + float(np.square(gap).sum()) * n * m / (n + m)


def _cells(partition: Any, part: Array) -> Array:
    return Rows(part).cells(partition)
