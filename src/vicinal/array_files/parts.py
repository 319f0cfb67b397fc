"""Files cut into parts of rows, each of which can be read in another process."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vicinal import storage
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.array_files import dataset, tables

_PART = 1 << 26  # bytes of the rows of a part


class Part(NamedTuple):
    """Rows ``first`` to ``last - 1`` of an array in a file; their labels are an array, a column, or None."""

    path: Path
    key: str | None
    labels: Array | str | None
    first: int
    last: int

    def read(self) -> Any:
        """Return the rows, (n, *shape); with labels a pair of rows and labels."""
        name = self.labels if isinstance(self.labels, str) else None
        part = dataset.part_of(self.path, self.key, name)
        some = slice(self.first, self.last)
        rows = np.asarray(part.entry.open()[some])
        if self.labels is None:
            return rows
        return rows, self.labels if name is None else dataset.column_of(part, name)[some]


def parts_of(paths: Sequence[str | os.PathLike[str]], key: str | None = None, labels: str | None = None) -> list[Part]:
    """Return files as parts, in order: ranges of about 64 MiB of rows; a table is one part, and is not read.

    Parameters
    ----------
    paths, key, labels
        As for `vicinal.array_files.read_dataset`. A file of labels goes with files that are no tables.

    Raises
    ------
    InvalidInputError, FileFormatError, MissingExtraError, OSError
        As `vicinal.array_files.read_dataset`; for a table, when it is read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/latents.npy", np.eye(3))
    ...     [part.read().shape for part in parts_of([f"{folder}/latents.npy"])]
    [(3, 3)]
    """
    files = [Path(path) for path in paths]
    in_file = labels is not None and Path(labels).exists()
    if not in_file:
        return [Part(file, key, labels, *rows) for file in files for rows in _ranges(file, key)]
    if any(file.suffix.lower() in tables.READERS for file in files):
        raise InvalidInputError(
            f"labels of tables must be a column of them, since nobody counts their rows before the fit; got {labels}"
        )
    opened = [dataset.part_of(file, key, None) for file in files]
    ends = [*accumulate((part.entry.shape[0] for part in opened), initial=0)]
    y = dataset.labels_of(opened, str(labels), ends[-1])
    return [
        Part(file, key, y[begin + first : begin + last], first, last)
        for file, begin in zip(files, ends, strict=False)
        for first, last in _ranges(file, key)
    ]


def _ranges(path: Path, key: str | None) -> list[tuple[int, int]]:
    """Return the first row of each part of a file, and the row after its last."""
    if path.suffix.lower() in tables.READERS:
        storage.check_there(path)
        return [(0, sys.maxsize)]
    shape, dtype, _ = dataset.part_of(path, key, None).entry
    rows = max(1, _PART // (dtype.itemsize * math.prod(shape[1:])))
    size = shape[0] if path.suffix.lower() == ".npz" else rows  # an archive is unpacked at once
    return [(first, min(first + size, shape[0])) for first in range(0, shape[0], max(1, size))]
