"""Where rows go: memory, or a file. The files are in `vicinal.array_files.writing`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from vicinal import _arrays, array_files, storage
from vicinal.array_files import Sink


@contextmanager
def open_sink(out: storage.PathLike | Sink | None, n_rows: int | None, giver: str) -> Iterator[Sink]:
    """Give the sink of ``out``: None for memory, a path of a kind in `vicinal.array_files.WRITTEN`, or a sink.

    ``n_rows``, if known, is how many rows there will be. ``giver`` is the function that returns them, for messages.
    Errors are those of `vicinal.array_files.open_file`.

    Examples
    --------
    >>> with open_sink(None, None, "encode") as sink:
    ...     sink.add(np.zeros((2, 3)))
    ...     sink.add(np.ones((1, 3)))
    >>> sink.result().shape
    (3, 3)
    """
    if out is None:
        yield _Memory(n_rows, giver)
    elif isinstance(out, Sink):
        yield out
    else:
        with array_files.open_file(out, "latents" if giver == "encode" else "images", giver) as sink:
            yield sink


class _Memory(Sink):
    """One array, made at once if the number of rows is known."""

    def __init__(self, n_rows: int | None, giver: str) -> None:
        super().__init__(giver)
        self._n_wanted = n_rows
        self._parts: list[Any] = []
        self._whole: Any = None

    def _take(self, rows: Any) -> None:
        end = self.n_rows + len(rows)
        if self._n_wanted is None or end > self._n_wanted:
            self._parts.append(rows)
            return
        if self._whole is None:
            shape = (self._n_wanted, *self.shape)
            self._whole = rows.new_empty(shape) if _arrays.is_tensor(rows) else np.empty(shape, rows.dtype)
        self._whole[self.n_rows : end] = rows

    def result(self) -> Any:
        """Return one array or tensor."""
        parts = self._parts if self._whole is None else [self._whole[: self.n_rows], *self._parts]
        if len(parts) == 1:
            return parts[0]
        return sys.modules["torch"].cat(parts) if _arrays.is_tensor(parts[0]) else np.concatenate(parts)
