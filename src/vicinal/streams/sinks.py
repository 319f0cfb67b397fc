"""Where rows go: memory, a ``.npy`` file or a ``.zarr`` folder.

A file or folder gets its name when the last row is written. If anything fails before, nothing is left, and what had the
name is still there.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vicinal import _arrays, storage
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, import_extra


class Sink(Protocol):
    """Takes batches of rows of one shape and type; `result` gives all of them once its context has ended."""

    def add(self, rows: Any) -> None:
        """Take more rows."""

    def result(self) -> Any:
        """Return all rows."""


@contextmanager
def open_sink(out: storage.PathLike | None, n_rows: int | None, giver: str = "encode") -> Iterator[Sink]:
    """Give the sink of ``out``: None for memory, else a path that ends in ``.npy`` or ``.zarr``.

    ``n_rows``, if known, is how many rows there will be. ``giver`` is the
    function that returns them, for messages.

    Raises
    ------
    InvalidInputError
        For another path, or rows that differ in shape or type.
    FileNotFoundError
        If the folder of ``out`` does not exist.
    MissingExtraError
        For ``.zarr``, if zarr is not installed.

    Examples
    --------
    >>> with open_sink(None, None) as sink:
    ...     sink.add(np.zeros((2, 3)))
    ...     sink.add(np.ones((1, 3)))
    >>> sink.result().shape
    (3, 3)
    """
    if out is None:
        yield _Memory(n_rows, _Rows(giver))
        return
    path = Path(out)
    if path.suffix not in (".npy", ".zarr"):
        raise InvalidInputError(f"out must be a path that ends in .npy or .zarr; got {path}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"out must be in a folder that exists; there is no {path.parent}: make it first")
    if path.suffix == ".npy" and path.is_dir():
        raise InvalidInputError(f"out must be the path of a file; {path} is a folder")
    with ExitStack() as stack:
        yield (_Npy if path.suffix == ".npy" else _Zarr)(path, _Rows(giver), stack)


class _Rows:
    """The shape and type that all rows must have: those of the first."""

    def __init__(self, giver: str) -> None:
        self._giver = giver
        self.shape: tuple[int, ...] = ()
        self.dtype: Any = None
        self.n = 0

    def check(self, rows: Any) -> None:
        shape = tuple(rows.shape[1:])
        if self.dtype is None:
            self.shape, self.dtype = shape, rows.dtype
        if shape != self.shape:
            raise InvalidInputError(f"{self._giver} must return rows of one shape; got {self.shape} and then {shape}")
        if rows.dtype != self.dtype:
            raise InvalidInputError(
                f"{self._giver} must return rows of one type; got {self.dtype} and then {rows.dtype}: give it "
                "batches of one type"
            )
        self.n += len(rows)


class _Memory:
    """One array, made at once if the number of rows is known."""

    def __init__(self, n_rows: int | None, rows: _Rows) -> None:
        self._n_rows, self._rows = n_rows, rows
        self._parts: list[Any] = []
        self._whole: Any = None

    def add(self, rows: Any) -> None:
        first = self._rows.n
        self._rows.check(rows)
        if self._n_rows is None or self._rows.n > self._n_rows:
            self._parts.append(rows)
            return
        if self._whole is None:
            shape = (self._n_rows, *rows.shape[1:])
            self._whole = rows.new_empty(shape) if _arrays.is_tensor(rows) else np.empty(shape, rows.dtype)
        self._whole[first : first + len(rows)] = rows

    def result(self) -> Any:
        parts = self._parts if self._whole is None else [self._whole[: self._rows.n], *self._parts]
        if len(parts) == 1:
            return parts[0]
        return sys.modules["torch"].cat(parts) if _arrays.is_tensor(parts[0]) else np.concatenate(parts)


class _Npy:
    """A ``.npy`` file; its header, of a length that does not depend on the number of rows, is written last."""

    def __init__(self, path: Path, rows: _Rows, stack: ExitStack) -> None:
        self._path, self._rows = path, rows
        self._file = stack.enter_context(storage.replacing(path))
        stack.callback(self._finish)

    def add(self, rows: Any) -> None:
        rows = np.ascontiguousarray(_arrays.to_numpy(rows))
        if self._rows.dtype is None:
            self._rows.check(rows[:0])
            self._write_header()
        self._rows.check(rows)
        self._file.write(rows.data if rows.size else b"")

    def result(self) -> Array:
        """Return the file as a memory map that cannot be written to."""
        return storage.read_array(self._path, mapped=self._rows.n > 0 and 0 not in self._rows.shape)

    def _finish(self) -> None:
        if self._rows.dtype is not None:
            self._file.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._rows.dtype),
            "fortran_order": False,
            "shape": (self._rows.n, *self._rows.shape),
        }
        np.lib.format.write_array_header_1_0(self._file, header)


class _Zarr:
    """A folder of chunks."""

    def __init__(self, path: Path, rows: _Rows, stack: ExitStack) -> None:
        self._zarr = import_extra("zarr", "io")
        self._path, self._rows = path, rows
        self._array: Any = None
        self._temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
        stack.callback(shutil.rmtree, self._temporary, ignore_errors=True)
        stack.push(self._finish)

    def add(self, rows: Any) -> None:
        rows = _arrays.to_numpy(rows)
        self._rows.check(rows)
        if self._array is None:
            chunk = max(1, min(len(rows), (1 << 22) // max(1, rows[:1].nbytes)))
            self._array = self._zarr.create_array(
                str(self._temporary / "new"),
                shape=(0, *rows.shape[1:]),
                chunks=(chunk, *(max(1, side) for side in rows.shape[1:])),
                dtype=rows.dtype,
            )
        self._array.append(rows)

    def result(self) -> Any:
        """Return the array of zarr, to read from."""
        return self._zarr.open_array(str(self._path), mode="r")

    def _finish(self, kind: Any, _error: Any, _trace: Any) -> bool:
        if kind is None and self._array is not None:
            if self._path.exists():  # a folder that holds files cannot be replaced in one step
                self._path.rename(self._temporary / "old")
            (self._temporary / "new").rename(self._path)
        return False
