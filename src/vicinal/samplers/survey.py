"""What a first pass over training latents finds: the bounds of each dimension, and probes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from vicinal import _arrays, kernels
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.samplers.batches import Batch, Reduction
from vicinal.samplers.probes import Probes

Bounds = tuple[Array, Array]


class Reducible(Protocol):
    """Training latents, as often as a pass is made over them; `vicinal.samplers.batches.Batches` are."""

    @property
    def at_hand(self) -> Any:
        """All latents (n, d), where they are one batch in memory; None elsewhere."""

    def reduce(self, *reductions: Reduction) -> list[Any]:
        """Return what each reduction makes of all batches, in one pass."""


class Survey(NamedTuple):
    """The smallest and largest value of each dimension, (d,) each, float32 or float64, and the probes."""

    lower: Array
    upper: Array
    probes: Probes

    @classmethod
    def of(cls, train: Reducible) -> Survey:
        """Return what is found in training latents; all must be finite."""
        found = train.reduce(BOUNDS, PROBES)
        return cls(*_some_bounds(found), found[1])


def bounds_of(train: Reducible) -> Bounds:
    """Return the smallest and largest value of each dimension, (d,) each; all must be finite."""
    return _some_bounds(train.reduce(BOUNDS))


def batch_bounds(batch: Batch) -> Bounds:
    """Return the smallest and largest value of each dimension of a batch with rows; all must be finite."""
    lower, upper = kernels.select(batch.rows).bounds(batch.rows)
    if np.isnan(lower).any():
        batch.check_finite()
    return lower, upper


def _outer(a: Bounds, b: Bounds) -> Bounds:
    return np.minimum(a[0], b[0]), np.maximum(a[1], b[1])


def _probes(batch: Batch) -> Probes:
    return Probes.of(_arrays.to_numpy(batch.rows))


def _some_bounds(found: Sequence[Any]) -> Bounds:
    if found[0] is None:
        raise InvalidInputError("latents must have at least 2 rows; got n_samples=0")
    lower, upper = found[0]
    return lower, upper


BOUNDS = Reduction(batch_bounds, _outer)
PROBES = Reduction(_probes, Probes.merge)
