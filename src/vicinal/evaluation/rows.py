"""Rows that stay where they are, such as in a file: what is taken of them is copied, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from vicinal import images, neighbors
from vicinal._arrays import Array
from vicinal.metrics import data_copying, distances, neighborhoods
from vicinal.metrics.moments import Moments, moments_of


class Rows:
    """Rows (n, d) as they are given, or those at some indices. What is taken of them are floats.

    8-bit levels count as values in [0, 1]. Memory of mapped arrays is given back once other rows are taken.

    Examples
    --------
    >>> import numpy as np
    >>> rows = Rows(np.array([[0, 51], [255, 255]], np.uint8), np.array([1, 0, 0]))
    >>> rows.shape, rows[1:].tolist()
    ((3, 2), [[0.0, 0.20000000298023224], [0.0, 0.20000000298023224]])
    """

    def __init__(self, given: Array, index: Array | None = None) -> None:
        self._given, self._index = given, index

    @classmethod
    def of(cls, given: Any) -> Rows:
        """Return an array as rows, and rows as they are."""
        return given if isinstance(given, cls) else cls(given)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return len(self), self._given.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of what is taken."""
        return np.dtype(np.float32) if self._given.dtype == np.uint8 else self._given.dtype

    def __len__(self) -> int:
        return len(self._given if self._index is None else self._index)

    def __getitem__(self, key: Any) -> Array:
        """Return rows, or columns of them, as NumPy's indices do."""
        images.release(self._given)
        if self._index is not None:
            key = (self._index[key[0]], *key[1:]) if isinstance(key, tuple) else self._index[key]
        taken: Array = images.in_units(self._given[key])
        return taken

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self)))

    def take(self, index: Array) -> Rows:
        """Return the rows at some indices."""
        return Rows(self._given, index if self._index is None else self._index[index])

    def at_most(self, n: int | None) -> Rows:
        """Return the first n rows, or all."""
        if n is None or n >= len(self):
            return self
        return Rows(self._given[:n]) if self._index is None else Rows(self._given, self._index[:n])

    def in_float64(self) -> Array:
        """Return all rows in float64; as they are, if they are that."""
        return self[:].astype(np.float64, copy=False)

    def moments(self) -> Moments:
        """Return mean and covariance."""
        return moments_of(self)

    def total_variance(self) -> float:
        """Return the sum of the variances of the columns."""
        return distances.total_variance(self)

    def nearest_in(self, rows: Rows, scaling: neighbors.Scaling | None = None) -> tuple[Array, Array]:
        """Return distance to, and index of, the nearest of other rows for each of these, (n,) and (n,)."""
        return neighbors.nearest_rows(self, rows, scaling)

    def nearest_others(self, chosen: Array) -> Array:
        """Return the distance of the rows at some indices from the nearest other one, (n_chosen,)."""
        return neighbors.nearest_others(self, chosen)

    def nth_distances(self, n: int, scaling: neighbors.Scaling | None = None) -> Array:
        """Return the distance of each row from its n-th nearest other row, (n,)."""
        return neighbors.nth_distances(self, n, scaling)

    def inside(self, generated: Rows, radii: Array, generated_radii: Array) -> neighborhoods.Inside:
        """Return which rows are in the balls of the others."""
        return neighborhoods.inside(self, generated, radii, generated_radii)

    def cells(self, partition: Any) -> Array:
        """Return the cell of each row in a partition of k-means, (n,)."""
        return data_copying.cells_of(partition, self)
