"""Training latents as a sampler keeps them: in memory, class by class, with their weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays
from vicinal._errors import InvalidInputError
from vicinal.samplers import labels
from vicinal.samplers.batches import Batches

Array = np.ndarray[Any, Any]


class Training(NamedTuple):
    """Latents (n, d) class by class, weights (n,) int64 or None, classes, and where each starts, (n_classes + 1,)."""

    rows: Array
    weights: Array | None
    classes: tuple[Any, ...]
    class_starts: Array

    @classmethod
    def of(cls, batches: Batches) -> Training:
        """Return what batches hold, in one array."""
        parts: list[Array] = []
        weights: list[Array] = []
        y: list[Any] = []
        for batch in batches:
            batch.check_finite()
            parts.append(_arrays.to_numpy(batch.rows))
            if batch.masses is not None:
                weights.append(batch.masses)
            y.extend(batch.labels or ())
        rows = np.concatenate(parts) if len(parts) > 1 else parts[0]
        if len(rows) < 2:
            raise InvalidInputError(f"latents must have at least 2 rows of weight above 0; got n_samples={len(rows)}")
        training = cls(rows, np.concatenate(weights) if weights else None, (), np.array([0, len(rows)]))
        if not y:
            return training
        classes, numbers = labels.numbered(y)
        training = training.taken(np.argsort(numbers, kind="stable"))
        return training._replace(
            classes=classes, class_starts=np.searchsorted(np.sort(numbers), np.arange(len(classes) + 1))
        )

    def taken(self, order: Array) -> Training:
        """Return the rows of an index array, which stay in their class."""
        return self._replace(
            rows=self.rows.take(order, axis=0), weights=None if self.weights is None else self.weights[order]
        )
