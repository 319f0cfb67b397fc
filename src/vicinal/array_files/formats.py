"""The kinds of files that arrays are written to, batch by batch: one small sink for each, in a table by suffix."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import zipfile
from abc import ABC, abstractmethod
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from vicinal import storage
from vicinal._arrays import Array, to_numpy
from vicinal._errors import InvalidInputError, import_extra
from vicinal.array_files.containers import is_zarr
from vicinal.array_files.dataset import open_array

_BLOCK = 1 << 22  # bytes of a chunk of Zarr, and of a group of rows of Parquet
_SAFETENSORS = {"b": "BOOL", "f": "F", "i": "I", "u": "U"}  # names of types, to which all but BOOL add their bits


class Sink(ABC):
    """Takes batches of rows of one shape and type: those of the first.

    Attributes
    ----------
    n_rows : int
        How many have come.
    shape : tuple of int
        Of one row.
    dtype : dtype
        Of the rows, once there are any.
    """

    def __init__(self, giver: str) -> None:
        self._giver = giver
        self.n_rows, self.shape, self.dtype = 0, (), None  # type: int, tuple[int, ...], Any

    def add(self, rows: Any) -> None:
        """Take rows (n, *shape)."""
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
        self._take(rows)
        self.n_rows += len(rows)

    @abstractmethod
    def _take(self, rows: Any) -> None:
        """Keep rows that are like all others."""

    @abstractmethod
    def result(self) -> Any:
        """Return all rows, once the context has ended."""


class FileSink(Sink):
    """A sink that writes NumPy arrays to a file."""

    def __init__(self, path: Path, name: str, giver: str, stack: ExitStack) -> None:
        super().__init__(giver)
        self._path, self._name, self._stack = path, name, stack
        self._begin()

    def add(self, rows: Any) -> None:
        """Take rows (n, *shape)."""
        rows = to_numpy(rows)
        if rows.dtype.kind not in "fiub":
            raise InvalidInputError(f"{self._giver} must return numbers for {self._path}; got {rows.dtype}")
        super().add(np.ascontiguousarray(rows, rows.dtype.newbyteorder("=")))

    @abstractmethod
    def _begin(self) -> None:
        """Open the file; the stack closes it."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is left when all rows are there."""

    def result(self) -> Any:
        """Return the rows of the file, as `vicinal.array_files.open_array` does."""
        return open_array(self._path)


class _Flat(FileSink):
    """A header, and the bytes of all rows. The header has a length that does not depend on their number."""

    def _begin(self) -> None:
        self._file = self._stack.enter_context(storage.replacing(self._path))

    def _take(self, rows: Array) -> None:
        if self._file.tell() == 0:
            self._file.write(self._header())
        self._file.write(rows.data if rows.size else b"")

    def finish(self) -> None:
        self._file.seek(0)
        self._file.write(self._header())

    @abstractmethod
    def _header(self) -> bytes:
        """Return the header for the rows that have come."""


class _Npy(_Flat):
    def _header(self) -> bytes:
        return _npy_header(self)


class _Safetensors(_Flat):
    def _header(self) -> bytes:
        size = self.dtype.itemsize
        kind = _SAFETENSORS[self.dtype.kind] + ("" if self.dtype.kind == "b" else f"{8 * size}")
        n_bytes = self.n_rows * math.prod(self.shape) * size
        entry = {"dtype": kind, "shape": [self.n_rows, *self.shape], "data_offsets": [0, n_bytes]}
        text = json.dumps({self._name: entry}).encode()
        text = text.ljust(-(-(len(self._name) + 200 + 20 * len(self.shape)) // 8) * 8)  # spaces are allowed
        return len(text).to_bytes(8, "little") + text


class _Npz(_Flat):
    """An archive of one ``.npy`` file, which is another file first: what is in an archive cannot be changed."""

    def _begin(self) -> None:
        self._archive = self._stack.enter_context(storage.replacing(self._path))
        self._file: Any = tempfile.TemporaryFile(dir=self._path.parent)  # noqa: SIM115 - the stack closes it
        self._stack.callback(self._file.close)

    def _header(self) -> bytes:
        return _npy_header(self)

    def finish(self) -> None:
        super().finish()
        self._file.seek(0)
        member = zipfile.ZipInfo(f"{self._name}.npy")
        with zipfile.ZipFile(self._archive, "w") as archive, archive.open(member, "w", force_zip64=True) as file:
            shutil.copyfileobj(self._file, file, 1 << 20)


class _Csv(FileSink):
    def _begin(self) -> None:
        self._file = self._stack.enter_context(storage.replacing(self._path))

    def _take(self, rows: Array) -> None:
        if self._file.tell() == 0:
            self._file.write((",".join(_columns(self)) + "\n").encode())
        for row in rows:
            self._file.write((",".join(map(str, row)) + "\n").encode())  # str of a NumPy number is the shortest

    def finish(self) -> None:
        pass


class _Blocks(FileSink):
    """Rows in blocks of a few MiB: all have the same number of rows, but for the last."""

    def _begin(self) -> None:
        self._held: list[Array] = []

    def _take(self, rows: Array) -> None:
        self._held.append(rows.copy())
        size = self._block_size()
        if sum(map(len, self._held)) < size:
            return
        held = np.concatenate(self._held)
        whole = len(held) // size * size
        for first in range(0, whole, size):
            self._write(held[first : first + size])
        self._held = [held[whole:].copy()]

    def finish(self) -> None:
        self._write(np.concatenate(self._held))

    def _block_size(self) -> int:
        return max(1, _BLOCK // max(1, self.dtype.itemsize * math.prod(self.shape)))

    @abstractmethod
    def _write(self, rows: Array) -> None:
        """Write one block."""


class _Parquet(_Blocks):
    def _begin(self) -> None:
        super()._begin()
        self._file = self._stack.enter_context(storage.replacing(self._path))
        self._writer: Any = None

    def _write(self, rows: Array) -> None:
        arrow, parquet = import_extra("pyarrow", "io"), import_extra("pyarrow.parquet", "io")
        table = arrow.table(dict(zip(_columns(self), np.asfortranarray(rows).T, strict=True)))
        self._writer = self._writer or self._stack.enter_context(parquet.ParquetWriter(self._file, table.schema))
        self._writer.write_table(table)


class _Zarr(_Blocks):
    """A folder of chunks."""

    def _begin(self) -> None:
        super()._begin()
        if self._path.is_dir() and any(self._path.iterdir()) and not is_zarr(self._path):
            raise InvalidInputError(f"out must be new, or a folder of Zarr; {self._path} holds something else")
        self._folder = self._stack.enter_context(storage.replacing_folder(self._path))
        self._array: Any = None

    def _write(self, rows: Array) -> None:
        if self._array is None:
            chunks = (min(self._block_size(), max(1, len(rows))), *(max(1, side) for side in self.shape))
            new = {"shape": (0, *self.shape), "chunks": chunks, "dtype": self.dtype}
            self._array = import_extra("zarr", "io").create_array(str(self._folder), **new)
        self._array.append(rows)


def _npy_header(sink: Sink) -> bytes:
    descr = np.lib.format.dtype_to_descr(sink.dtype)
    file = BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": (sink.n_rows, *sink.shape)}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def _columns(sink: FileSink) -> list[str]:
    """Return the names of the columns of a table."""
    if len(sink.shape) != 1:
        raise InvalidInputError(
            f"a table, .csv or .parquet, takes rows of shape (n, d); got rows of shape {sink.shape}: write .npy"
        )
    return [f"z{i}" for i in range(sink.shape[0])]


WRITTEN: dict[str, type[FileSink]] = {
    ".npy": _Npy,
    ".npz": _Npz,
    ".safetensors": _Safetensors,
    ".zarr": _Zarr,
    ".parquet": _Parquet,
    ".csv": _Csv,
}
