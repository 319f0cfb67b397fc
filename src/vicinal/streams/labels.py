"""The labels that come beside the rows of a batch."""

from __future__ import annotations

from numbers import Number
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError


class Several(NamedTuple):
    """More than one thing beside the rows of a batch, none of which is known to be the labels."""

    n: int


def check_labels(labels: Any, rows: Any, name: str, n_rows: int | None, *, wanted: bool) -> Any:
    """Return the labels of a batch if they are ``wanted``, else None.

    One label beside what should be a batch means that this is one row, wanted or not: it raises InvalidInputError.
    """
    if isinstance(labels, str | bytes | Number) or getattr(labels, "ndim", 1) == 0:
        raise InvalidInputError(
            f"a batch of {name} must have a label for each row; got one label, {labels!r}, with what is then one row "
            f"of shape {tuple(rows.shape)}: pass batches, such as a torch DataLoader makes of single rows"
        )
    if labels is None or not wanted:
        return None
    if isinstance(labels, Several):
        raise InvalidTypeError(
            f"batches of {name} must be arrays, pairs ({name}, labels) or mappings; got {labels.n} values: yield two"
        )
    if n_rows is not None and len(labels) != n_rows:
        raise InvalidInputError(f"{name} must have one label a row; got {n_rows} rows and {len(labels)} labels")
    return labels


def labels_of(labels: Any, n_rows: int) -> Array:
    """Return the labels of a slice of ``n_rows`` rows, (n_rows,)."""
    found = np.asarray(_arrays.to_numpy(labels))
    if len(found) != n_rows:
        raise InvalidInputError(f"labels must be one a row; got {len(found)} for {n_rows} rows")
    return found
