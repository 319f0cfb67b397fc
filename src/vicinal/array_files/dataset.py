"""One file as an array; several files as one data set, with labels, read in batches where it is large."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.array_files import containers, tables
from vicinal.array_files.containers import Entries, Entry

USUAL_NAMES = ("arr_0", "images", "latents", "samples")
_IN_MEMORY = 1 << 26  # bytes; larger data sets are mapped, or read in batches
_BATCH = 1 << 24  # bytes of a batch


def read(path: str | os.PathLike[str], key: str | None = None) -> Array:
    r"""Return an array in a file, in memory.

    Parameters
    ----------
    path : path_like
        A file with one of `SUFFIXES`.
    key : str, optional
        Which array, where the file holds several, such as ``"obsm/X_pca"``; of a table, its columns, with commas
        between. Without, it is the only array of two or more dimensions, or the only one that is called arr_0,
        images, latents or samples; of a table, all columns, which must be numbers.

    Returns
    -------
    ndarray of shape (n, *shape)

    Raises
    ------
    InvalidInputError
        For a file of another kind, and if it is not clear which array to take: the message lists them.
    FileFormatError
        If the file is damaged or holds no numbers.
    MissingExtraError
        If the package that reads such files is not installed.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "latents.csv").write_text("z0,z1\n1,2\n3,4\n")
    ...     read(Path(folder, "latents.csv"))
    array([[1., 2.],
           [3., 4.]])
    """
    path = Path(path)
    found = containers.entries(path, key)
    return _rows_of(found[_chosen(path, found, key)])


def open_array(path: str | os.PathLike[str], key: str | None = None) -> Any:
    """Return the array that `read` returns, to be sliced: rows are read when they are asked for, where that can be.

    A ``.npy`` file is mapped, a large array of a ``.npz`` file too, from a temporary file. HDF5, Zarr and safetensors
    read slices. Tables are in memory. The errors are those of `read`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/latents.npy", np.zeros((5, 2)))
    ...     rows = open_array(f"{folder}/latents.npy")
    >>> rows.shape, rows[3:].shape
    ((5, 2), (2, 2))
    """
    path = Path(path)
    found = containers.entries(path, key)
    return found[_chosen(path, found, key)].open()


def read_dataset(
    paths: Sequence[str | os.PathLike[str]], key: str | None = None, labels: str | None = None
) -> tuple[Any, Any]:
    """Return what `fit` takes of several files: their rows, in order, and their labels.

    Parameters
    ----------
    paths : sequence of path_like
        Files as in `read`, with rows of one shape.
    key : str, optional
        As in `read`, the same for all files.
    labels : str, optional
        A column or an array of the files, such as ``"obs/cell_type"``; or else a file of labels, of all rows.

    Returns
    -------
    X : ndarray, memmap or iterable of batches
        Up to 64 MiB are read into memory. A larger ``.npy`` file is mapped. Everything else that is larger comes in
        batches of 16 MiB, which can be read several times; with labels, each is a pair (latents, labels).
    y : ndarray of shape (n,) or None
        Labels; None with batches.

    Raises
    ------
    InvalidInputError, FileFormatError, MissingExtraError, OSError
        As `read`; for rows of several shapes, and for labels that are not one for each row.
    """
    files = [Path(path) for path in paths]
    parts = [part_of(path, key, labels) for path in files]
    first = parts[0]
    for part in parts[1:]:
        if part.entry.shape[1:] != first.entry.shape[1:]:
            raise InvalidInputError(
                f"files must have rows of one shape; got {first.entry.shape[1:]} in {first.path} and "
                f"{part.entry.shape[1:]} in {part.path}"
            )
    n_rows = [part.entry.shape[0] for part in parts]
    y = None if labels is None else labels_of(parts, labels, sum(n_rows))
    dtype = np.result_type(*(part.entry.dtype for part in parts))
    if sum(n_rows) * math.prod(first.entry.shape[1:]) * dtype.itemsize <= _IN_MEMORY:
        rows = [_rows_of(part.entry) for part in parts]
        return (np.concatenate(rows) if len(rows) > 1 else rows[0]), y
    if len(parts) == 1 and isinstance(first.entry.open(), np.memmap):
        return first.entry.open(), y
    return _Batches(parts, dtype, y), None


class _Part(NamedTuple):
    """A file: its path, its array, and all that are in it."""

    path: Path
    entry: Entry
    others: Entries


class _Batches:
    """Rows of files in batches of bounded size, as often as they are iterated over; pairs if there are labels."""

    def __init__(self, parts: Sequence[_Part], dtype: np.dtype[Any], y: Array | None) -> None:
        self._parts, self._dtype, self._y = parts, dtype, y

    def __iter__(self) -> Iterator[Any]:
        begin = 0
        for path, entry, _ in self._parts:
            rows, n_rows = entry.open(), entry.shape[0]
            size = max(1, _BATCH // (self._dtype.itemsize * math.prod(entry.shape[1:])))
            chunk = (getattr(rows, "chunks", None) or (1,))[0]  # what HDF5 and Zarr decompress at once
            size = -(-size // chunk) * chunk
            for first in range(0, n_rows, size):
                try:
                    batch = np.asarray(rows[first : min(first + size, n_rows)], dtype=self._dtype)
                except (OSError, RuntimeError, ValueError) as error:
                    raise FileFormatError(f"{path} is damaged ({error}): write it again") from None
                at = begin + first
                yield batch if self._y is None else (batch, self._y[at : at + len(batch)])
            begin += n_rows


def part_of(path: Path, key: str | None, labels: str | None) -> _Part:
    """Return a file with rows."""
    is_column = labels is not None and path.suffix.lower() in tables.READERS and not Path(labels).exists()
    found = containers.entries(path, key, labels if is_column else None)
    entry = found[_chosen(path, found, key)]
    if len(entry.shape) < 2:
        raise InvalidInputError(f"{path} must have rows, in two or more dimensions; got shape {entry.shape}")
    return _Part(path, entry, found)


def _chosen(path: Path, found: Entries, key: str | None) -> str:
    """Return the name of the array that a key means, or of the one that can be meant."""
    if "" in found:
        if key is not None and path.suffix.lower() not in tables.READERS:
            raise InvalidInputError(f"{path} holds one array without a name; leave out the key {key!r}")
        name = ""
    elif key is not None:
        if key not in found:
            raise InvalidInputError(f"{path} has no array {key!r}; it has {_listed(found)}")
        name = key
    else:
        data = [name for name, entry in found.items() if entry.is_data]
        usual = [name for name in data if name in USUAL_NAMES]
        names = data if len(data) == 1 else usual if len(usual) == 1 else [*found] if len(found) == 1 else []
        if not names:
            raise InvalidInputError(
                f"{path} must hold one array, or just one of those called {', '.join(USUAL_NAMES)}; got "
                f"{_listed(found) or 'none'}: save the one to use by itself, or name it with --key of vicinal fit, "
                "in Python with vicinal.array_files.open_array(path, key)"
            )
        name = names[0]
    if found[name].dtype.kind not in "fiub":
        what = f"{path}: {key}" if key else str(path)
        raise FileFormatError(
            f"{what} must be a dense array of numbers; got {found[name].dtype}: Python objects are never unpickled"
        )
    return name


def _rows_of(entry: Entry) -> Array:
    """Return an array in memory."""
    rows = entry.open()
    return np.array(rows) if isinstance(rows, np.memmap) else np.asarray(rows[:] if entry.shape else rows)


def _listed(found: Entries) -> str:
    return ", ".join(f"{name} {entry.shape}" for name, entry in list(found.items())[:30])


def labels_of(parts: Sequence[_Part], labels: str, n_rows: int) -> Array:
    """Return the labels of all rows, (n_rows,): whole numbers, or text."""
    if Path(labels).exists():
        y, origin = _label_file(Path(labels)), labels
    else:
        columns = [column_of(part, labels) for part in parts]
        y, origin = np.concatenate(columns), f"{labels} of {parts[0].path}"
    if len(y) != n_rows:
        raise InvalidInputError(f"labels must be one for each of {n_rows} rows; got {len(y)} in {origin}")
    return y


def _label_file(path: Path) -> Array:
    if path.suffix.lower() in tables.READERS:
        columns = tables.READERS[path.suffix.lower()](path)
        found = {name: containers.entry_of(column) for name, column in columns.items()}
    else:
        found = containers.entries(path)
    if len(found) != 1:
        raise InvalidInputError(f"{path} must hold labels alone; got {_listed(found) or 'nothing'}")
    return _flat(path, *found.values())


def column_of(part: _Part, labels: str) -> Array:
    """Return the labels in a file beside its rows, (n_rows,)."""
    for name in (labels, f"obs/{labels}"):  # as AnnData keeps what is known of each row
        if name in part.others:
            return _flat(part.path, part.others[name])
    raise InvalidInputError(
        f"labels must be a file, or a column or an array of {part.path}; {labels!r} is neither: it has "
        f"{_listed(part.others) or 'none'}"
    )


def _flat(path: Path, entry: Entry) -> Array:
    """Return labels (n,): whole numbers as integers, everything else that is no number as text."""
    if math.prod(entry.shape[1:]) != 1:
        raise InvalidInputError(f"labels must be one for each row, of shape (n,); got {entry.shape} in {path}")
    y = np.asarray(entry.open()[:]).reshape(-1)
    if y.dtype.kind in "OSU":
        y = np.array([cell.decode() if isinstance(cell, bytes) else str(cell) for cell in y])
        return y.astype(np.int64) if all(map(_is_whole, y.tolist())) else y
    return y.astype(np.int64) if y.dtype.kind == "f" and np.array_equal(y, np.rint(y)) else y


def _is_whole(text: str) -> bool:
    return text.lstrip("-").isdecimal()
