"""Arrays to files, whole or not at all: one small function for each kind, in a table by suffix."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vicinal import storage
from vicinal._arrays import Array, to_numpy
from vicinal._errors import InvalidInputError, import_extra

_TABLES = (".csv", ".parquet")


def check_writable(path: str | os.PathLike[str], name: str = "output") -> None:
    """Raise InvalidInputError for a suffix that is none of `WRITTEN`, and MissingExtraError for a missing package."""
    suffix = Path(path).suffix.lower()
    if suffix not in WRITTEN:
        *kinds, last = WRITTEN
        raise InvalidInputError(f"{name} must end in {', '.join(kinds)} or {last}; got {path}")
    if suffix == ".parquet":
        import_extra("pyarrow.parquet", "io")


def write(path: str | os.PathLike[str], array: Any, name: str = "latents") -> None:
    """Write an array (n, *shape) to a file of the kind that its suffix says.

    Parameters
    ----------
    path : path_like
        Ends in one of `WRITTEN`. An existing file is replaced in one step.
    array : array_like of shape (n, *shape)
        A table, .csv or .parquet, takes shape (n, d). Its columns are called z0, z1, ... A .csv file has the shortest
        decimals that give the same numbers again.
    name : str
        What the array is called in .npz and .safetensors files.

    Raises
    ------
    InvalidInputError
        For another suffix, and for a table of rows that are no vectors.
    MissingExtraError
        If the package for such files is not installed.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/z.csv", np.array([[0.1, 2.0]], np.float32))
    ...     print(Path(folder, "z.csv").read_text(), end="")
    z0,z1
    0.1,2.0
    """
    check_writable(path, "path")
    path, array = Path(path), to_numpy(array)
    if path.suffix.lower() in _TABLES and array.ndim != 2:
        raise InvalidInputError(f"a {path.suffix} file takes rows of shape (n, d); got {array.shape}: write .npy")
    with storage.replacing(path) as file:
        WRITTEN[path.suffix.lower()](file, array, name)


def _npy(file: BinaryIO, array: Array, _name: str) -> None:
    np.save(file, array, allow_pickle=False)


def _npz(file: BinaryIO, array: Array, name: str) -> None:
    np.savez(file, **{name: array})  # type: ignore[arg-type]


def _safetensors(file: BinaryIO, array: Array, name: str) -> None:
    from safetensors.numpy import save

    file.write(save({name: np.ascontiguousarray(array)}))


def _csv(file: BinaryIO, array: Array, _name: str) -> None:
    file.write((",".join(_names(array)) + "\n").encode())
    for row in array:
        file.write((",".join(map(str, row)) + "\n").encode())  # str of a NumPy number is the shortest


def _parquet(file: BinaryIO, array: Array, _name: str) -> None:
    arrow, parquet = import_extra("pyarrow", "io"), import_extra("pyarrow.parquet", "io")
    parquet.write_table(arrow.table(dict(zip(_names(array), np.asfortranarray(array).T, strict=True))), file)


def _names(array: Array) -> list[str]:
    return [f"z{i}" for i in range(array.shape[1])]


WRITTEN: dict[str, Callable[[BinaryIO, Array, str], None]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".parquet": _parquet,
    ".csv": _csv,
}
