"""Arrays to files, batch by batch, whole or not at all: the suffix says the kind, of those in `formats`.

A file or folder gets its name when the last row is written. If anything fails before, nothing is left, and what had the
name is still there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from vicinal._errors import InvalidInputError, import_extra
from vicinal.array_files.formats import WRITTEN, Sink

_PACKAGES = {".parquet": "pyarrow.parquet", ".zarr": "zarr"}


def check_writable(path: str | os.PathLike[str], name: str = "output") -> None:
    """Raise InvalidInputError for a suffix that is none of `WRITTEN`, and MissingExtraError for a missing package."""
    suffix = Path(path).suffix.lower()
    if suffix not in WRITTEN:
        *kinds, last = WRITTEN
        raise InvalidInputError(f"{name} must end in {', '.join(kinds)} or {last}; got {path}")
    if suffix in _PACKAGES:
        import_extra(_PACKAGES[suffix], "io")


def write(path: str | os.PathLike[str], array: Any, name: str = "latents") -> None:
    """Write an array (n, *shape) to a file, as `open_file` does its batches.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/z.csv", np.array([[0.1, 2.0]], np.float32))
    ...     print(Path(folder, "z.csv").read_text(), end="")
    z0,z1
    0.1,2.0
    """
    with open_file(path, name) as sink:
        sink.add(array)


@contextmanager
def open_file(path: str | os.PathLike[str], name: str = "latents", giver: str = "a file") -> Iterator[Sink]:
    """Give what writes batches of rows to a file of the kind that its suffix says.

    Parameters
    ----------
    path : path_like
        Ends in one of `WRITTEN`. An existing file is replaced once the context ends.
    name : str
        What the array is called in .npz and .safetensors files.
    giver : str
        Whose rows these are, for messages.

    Raises
    ------
    InvalidInputError
        For another suffix, rows that differ in shape or type, rows that are no vectors where a table is written, .csv
        or .parquet, and where no batch came.
    MissingExtraError
        If the package for such files is not installed.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open_file(f"{folder}/z.npy") as sink:
    ...         sink.add(np.zeros((2, 3)))
    ...         sink.add(np.ones((1, 3)))
    ...     sink.result().shape
    (3, 3)
    """
    check_writable(path, "out")
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"out must be in a folder that exists; there is no {path.parent}: make it first")
    if path.is_dir() and path.suffix.lower() != ".zarr":
        raise InvalidInputError(f"out must be the path of a file; {path} is a folder")
    with ExitStack() as stack:
        sink = WRITTEN[path.suffix.lower()](path, name, giver, stack)
        yield sink
        if sink.dtype is None:
            raise InvalidInputError(f"{giver} must have at least one batch of rows for {path}; got none")
        sink.finish()
