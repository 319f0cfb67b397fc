"""What samplers share that are fitted to `Batches`: labels, held-out latents, names of columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _validation
from vicinal._errors import InvalidInputError
from vicinal.samplers import labels
from vicinal.samplers.base import Sampler
from vicinal.samplers.batches import Batches, working_copy

Array = np.ndarray[Any, Any]


class BatchFitMixin(Sampler):
    """A sampler that is fitted to an array or to batches, perhaps with labels, perhaps calibrated."""

    classes_: Array

    def _class_numbers(self, y: Any, n_samples: Any) -> Array:
        """Return the place in ``classes_`` of the label of each row."""
        if "classes_" not in self._fitted_names:
            raise InvalidInputError("y needs a sampler fitted with labels: fit(X, y)")
        n_samples, _ = _validation.check_row_range(n_samples, 0)
        return labels.numbers_of(y, self.classes_, n_samples)

    def _held_out(self, given: Any, batches: Batches) -> Array | None:
        """Return ``calibration_latents`` checked, (m, d), or None."""
        if given is None:
            return None
        name, owner = "calibration_latents", type(self).__name__
        rows: Array = working_copy(_validation.check_rows(given, name, event_shape=batches.event_shape, owner=owner))
        return rows

    def _keep_names(self, X: Any, batches: Batches) -> None:
        """Keep the names of the columns of a data frame; batches have none."""
        if batches.streamed:
            self.__dict__.pop("feature_names_in_", None)
        else:
            self._set_names(X, reset=True)
