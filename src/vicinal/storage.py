"""Files: safetensors with one JSON header, versioned and checksummed, never pickle, written atomically.

A file holds named arrays and one metadata entry ``vicinal``, a JSON object with the keys

==============  =========================================================================
format_version  2; a reader refuses a larger number than it knows, and converts a smaller one
kind            class of the saved object, such as ``"PMFSampler"``
vicinal         version of the library that wrote it
header          the object's own settings, numbers and strings
arrays          sha256 of each array: its name, dtype, shape and bytes
sha256          over all of the above
==============  =========================================================================

A file is read whole and every sum is checked before `read` returns. What happens to the file later has no effect.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import FileFormatError
from vicinal._version import __version__

PathLike = str | os.PathLike[str]

FORMAT_VERSION = 2
_SUMMED = ("format_version", "vicinal", "kind", "header", "arrays")


class Artifact(NamedTuple):
    """What a file holds: the class it belongs to, its settings, its arrays, and who wrote it in which format."""

    kind: str
    header: dict[str, Any]
    arrays: dict[str, Array]
    written_by: str
    format_version: int


def write_atomic(path: PathLike, data: bytes) -> None:
    """Write ``data`` to ``path`` whole or not at all: temporary file, fsync, rename."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)  # mkstemp's own mode shuts everyone else out
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sum_of(name: str, array: Array) -> str:
    digest = hashlib.sha256(f"{name}:{array.dtype.str}:{array.shape};".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _sum_of_all(fields: Mapping[str, Any]) -> str:
    names = ("kind", "header", "arrays") if fields["format_version"] == 1 else _SUMMED
    return hashlib.sha256(json.dumps([fields[name] for name in names], sort_keys=True).encode()).hexdigest()


def write(path: PathLike, kind: str, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write one object.

    Parameters
    ----------
    path : path_like
        Where to; an existing file is replaced in one step.
    kind : str
        Class of the object.
    header : mapping
        JSON-able settings.
    arrays : mapping of str to ndarray
        Contiguous or not; floats, integers and booleans.

    Raises
    ------
    OSError
        If the file cannot be written; nothing is left behind then.
    """
    from safetensors.numpy import save

    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    sums = {name: _sum_of(name, contiguous[name]) for name in sorted(contiguous)}
    metadata = {
        "format_version": FORMAT_VERSION,
        "kind": kind,
        "vicinal": __version__,
        "header": dict(header),
        "arrays": sums,
    }
    metadata["sha256"] = _sum_of_all(metadata)
    write_atomic(path, save(contiguous, metadata={"vicinal": json.dumps(metadata)}))


def read(path: PathLike) -> Artifact:
    """Read what `write` wrote.

    Raises
    ------
    FileFormatError
        If the file is not vicinal's, is truncated or altered, or is of a newer format.
    OSError
        If it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = Path(path)
    if path.is_dir() or not path.exists():
        raise FileNotFoundError(f"{path} is not a file; expected one written by save()")
    data = path.read_bytes()
    try:
        arrays = load(data)
        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {}).get("vicinal")
    except (SafetensorError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise FileFormatError(
            f"{path} is not a vicinal file, or is truncated ({error}); write it again with save()"
        ) from None
    if metadata is None:
        raise FileFormatError(f"{path} is a safetensors file, but not one that vicinal wrote")
    fields = _parse(path, metadata)
    sums = fields["arrays"]
    if fields["sha256"] != _sum_of_all(fields) or set(sums) != set(arrays):
        raise FileFormatError(f"{path} is damaged: its checksum does not match; write it again with save()")
    for name, array in arrays.items():
        if _sum_of(name, array) != sums[name]:
            raise FileFormatError(f"{path} is damaged: the checksum of {name} does not match; write it again")
    return Artifact(fields["kind"], fields["header"], arrays, fields["vicinal"], fields["format_version"])


def write_array(path: PathLike, array: Array) -> None:
    """Write a ``.npy`` file, in one step."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_atomic(path, buffer.getvalue())


def write_arrays(path: PathLike, arrays: Mapping[str, Array]) -> None:
    """Write a ``.npz`` file of arrays by name, in one step."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomic(path, buffer.getvalue())


def read_array(path: PathLike, *, mapped: bool = False) -> Array:
    """Return the array of a ``.npy`` file, mapped into memory on request; never unpickles.

    Raises
    ------
    FileFormatError
        If the file is no whole ``.npy`` file of numbers.
    OSError
        If it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:  # np.load leaves open what it cannot read
            array = np.load(path, mmap_mode="r", allow_pickle=False) if mapped else np.load(file, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise FileFormatError(f"{path} is not a whole .npy file of numbers ({error})") from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise FileFormatError(f"{path} is an archive; expected a .npy file of one array")
    return array


def _parse(path: Path, metadata: str) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = json.loads(metadata)
        version = fields["format_version"] = int(fields["format_version"])
        missing = {"kind", "vicinal", "header", "arrays", "sha256"} - fields.keys()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FileFormatError(f"{path} is damaged: its metadata cannot be read") from None
    if version > FORMAT_VERSION or version < 1:
        raise FileFormatError(
            f"{path} has format {version}, written by vicinal {fields.get('vicinal', '?')}; this is vicinal "
            f"{__version__}, which reads up to format {FORMAT_VERSION}: run pip install -U vicinal"
        )
    if missing:
        raise FileFormatError(f"{path} is damaged: its metadata lacks {', '.join(sorted(missing))}")
    return fields
