"""Held-out rows that are training rows: how many there are, and whether data of this kind repeat themselves as often.

Rows are compared by their content: in the precision that both have, and values in [0, 1] or [-1, 1] also as the 8-bit
levels that a file would keep. In data of few different values rows repeat. Then about as large a share of the held-out
rows are training rows as training rows have a twin, another training row of the same content.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from vicinal import _progress
from vicinal._arrays import Array
from vicinal.images import blocks_of

_CLEAR = 4.0  # standard deviations
_CHANCE = 3  # twins that rounding may make by chance where none was seen


class Overlap(NamedTuple):
    """How many of the held-out rows are training rows, and how many of the training rows have a twin."""

    n_shared: int
    n_real: int
    n_twins: int
    n_train: int
    rounded: bool

    @property
    def is_natural(self) -> bool:
        """Whether training rows repeat each other as often."""
        share = min(1.0, (self.n_twins + _CHANCE * self.rounded) / self.n_train)
        variance = self.n_real * share * (1 - share) * (1 + 2 * self.n_real / self.n_train)  # twins come in pairs
        return self.n_shared <= self.n_real * share + _CLEAR * np.sqrt(variance)

    def __str__(self) -> str:
        rounded = " after rounding to 8 bits" if self.rounded else ""
        text = (
            f"{self.n_shared:,} of {self.n_real:,} held-out rows are also training rows{rounded}; "
            f"{self.n_twins:,} of {self.n_train:,} training rows have a twin"
        )
        if self.is_natural:
            return f"{text}: data of this kind repeat themselves."
        return (
            f"{text}. Novelty is wrong then, and quality rewards copies: "
            "take other held-out data, or leave these rows out of one of the two."
        )


def overlap(real: Array, train: Array) -> Overlap | None:
    """Return how held-out and training rows overlap; None if no row is in both.

    Parameters
    ----------
    real, train : ndarray of shape (n, *shape) and (k, *shape)
        Held-out and training data.

    Returns
    -------
    Overlap or None
        The exact overlap, or the one after rounding if only that is more than natural.

    Examples
    --------
    >>> import numpy as np
    >>> train, real = np.random.default_rng(0).normal(size=(2, 500, 4))
    >>> overlap(real, train) is None
    True
    >>> overlap(np.concatenate([real, train[:9]]), train).n_shared
    9
    """
    if real.dtype == train.dtype == np.uint8:
        return _compared(*(_digests(rows, np.uint8) for rows in (real, train)))
    dtype = np.float32 if min(real.dtype.itemsize, train.dtype.itemsize) < 8 else np.float64
    exact = _compared(*(_digests(rows, dtype) for rows in (real, train)))
    if exact is not None and not exact.is_natural:
        return exact
    if np.uint8 in (real.dtype, train.dtype):
        return exact
    low, high = min(real.min(), train.min()), max(real.max(), train.max())
    if low >= -1.0 and high <= 1.0:
        floor = -1.0 if low < 0.0 else 0.0
        in_levels = _compared(*(_digests(rows, np.uint8, floor) for rows in (real, train)), rounded=True)
        if in_levels is not None and not in_levels.is_natural:
            return in_levels
    return exact


def _compared(real: Iterator[bytes], train: Iterator[bytes], *, rounded: bool = False) -> Overlap | None:
    times = Counter(train)
    shared = [digest in times for digest in real]
    if not any(shared):
        return None
    n_twins = sum(number for number in times.values() if number > 1)
    return Overlap(sum(shared), len(shared), n_twins, times.total(), rounded)


def _digests(rows: Array, dtype: Any, floor: float | None = None) -> Iterator[bytes]:
    """Yield 16 bytes that stand for the content of each row, as levels between ``floor`` and 1 if it is given."""
    with _progress.bar("Looking for held-out rows in train", len(rows)) as progress:
        for some in blocks_of(rows):
            block = rows[some]
            if floor is not None:
                block = np.rint((block - floor) / (1.0 - floor) * 255.0)
            with np.errstate(over="ignore"):
                block = np.ascontiguousarray(block, dtype) + dtype(0)  # -0.0 is 0.0
            for row in block.reshape(len(block), -1):
                yield hashlib.blake2b(row, digest_size=16).digest()
            progress.advance(len(block))
