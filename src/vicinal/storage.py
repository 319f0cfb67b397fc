"""Files in the safetensors format, with a version, checksums and a JSON header.

Files are written atomically and never use pickle. A file holds named arrays and one metadata entry ``vicinal``. This
entry is a JSON object with the keys

==============  =========================================================================
format_version  2; a reader converts older versions and rejects newer ones
kind            class of the saved object, such as ``"PMFSampler"``
vicinal         version of the library that wrote it
header          settings of the object: numbers and strings
arrays          sha256 of the name, dtype, shape and bytes of each array
sha256          checksum of all entries above
==============  =========================================================================

`read` reads the whole file and verifies every checksum before it returns. Later changes of the file have no effect.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import importlib
import json
import os
import shutil
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as npy

from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal._version import __version__

PathLike = str | os.PathLike[str]

FORMAT_VERSION = 2
_LONGEST_HEADER = 16_000_000  # bytes: what JSON makes of them takes many times their memory
_UNFINISHED, _OLD = ".vicinal.tmp", "old"
NOT_WHOLE = (  # what NumPy raises for files that are cut, altered or foreign
    *(ValueError, EOFError, OverflowError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)
_HASHED = ("format_version", "vicinal", "kind", "header", "arrays")


class Artifact(NamedTuple):
    """The content of a file: class, settings, arrays, version of the writing library, version of the format, path."""

    kind: str
    header: dict[str, Any]
    arrays: dict[str, Array]
    written_by: str
    format_version: int
    path: str = ""


def write_atomic(path: PathLike, data: bytes) -> None:
    """Write all of ``data`` to ``path`` or nothing."""
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: PathLike) -> Iterator[BinaryIO]:
    """Give a file to write to, which gets its name once all is written: temporary file, fsync, rename.

    A process that is killed leaves its temporary file. The next process that writes to the folder removes it.
    """
    path = Path(path)
    _sweep(path.parent.absolute())
    handle, temporary = _temporary(path)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)  # mkstemp makes files that only their owner can read
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def replacing_folder(path: PathLike) -> Iterator[Path]:
    """Give the path of a folder to make, which gets its name once all is written; else as `replacing`.

    A folder that has the name goes. It is there again if it cannot be replaced.
    """
    path = Path(path)
    _sweep(path.parent.absolute())
    handle, temporary = _temporary(path, folder=True)
    new, old = Path(temporary, "new"), Path(temporary, _OLD)
    try:
        yield new
        if path.exists():  # a folder that holds files cannot be replaced in one step
            path.rename(old)
        try:
            new.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        os.close(handle)
        if not old.exists():
            shutil.rmtree(temporary, ignore_errors=True)


def check_there(*paths: PathLike | None) -> None:
    """Raise FileNotFoundError for the first file or folder that is not there; None stands for none."""
    for path in paths:
        if path is not None and not Path(path).exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def _temporary(path: Path, *, folder: bool = False) -> tuple[int, str]:
    """Return a new temporary file or folder beside ``path``, locked for as long as it is open."""
    options: dict[str, Any] = {"dir": path.parent, "prefix": f".{path.name}.", "suffix": _UNFINISHED}
    while True:
        if folder:
            name = tempfile.mkdtemp(**options)
            handle = os.open(name, os.O_RDONLY)
        else:
            handle, name = tempfile.mkstemp(**options)
        _locked(handle, wait=True)
        if os.fstat(handle).st_nlink:  # no other process took it for a remnant before it was locked
            return handle, name
        os.close(handle)


@functools.cache
def _sweep(folder: Path) -> None:
    """Remove the temporary files and folders in a folder that nobody writes any more, once in a process."""
    with contextlib.suppress(OSError):  # the writing that follows says what is wrong with the folder
        remnants = [entry.path for entry in os.scandir(folder) if entry.name.endswith(_UNFINISHED)]
        for remnant in remnants:
            with contextlib.suppress(OSError):
                _remove(Path(remnant))


def _remove(remnant: Path) -> None:
    """Remove what nobody has locked, unless it holds a folder that was about to be replaced."""
    handle = os.open(remnant, os.O_RDONLY)
    try:
        if not _locked(handle, wait=False):
            return
        if not remnant.is_dir():
            remnant.unlink()
        elif not (remnant / _OLD).exists():
            shutil.rmtree(remnant)
    finally:
        os.close(handle)


def _locked(handle: int, *, wait: bool) -> bool:
    """Lock an open file and tell whether it is locked: not on Windows, nor where another process has it."""
    try:
        fcntl = importlib.import_module("fcntl")
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (ImportError, OSError):
        return False
    return True


def _array_checksum(name: str, array: Array) -> str:
    digest = hashlib.sha256(f"{name}:{array.dtype.str}:{array.shape};".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _checksum(fields: Mapping[str, Any]) -> str:
    names = ("kind", "header", "arrays") if fields["format_version"] == 1 else _HASHED
    return hashlib.sha256(json.dumps([fields[name] for name in names], sort_keys=True).encode()).hexdigest()


def write(path: PathLike, kind: str, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write one object atomically: its class, settings that JSON can hold, and arrays of numbers or booleans."""
    write_atomic(path, packed(kind, header, arrays))


def packed(kind: str, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Return the bytes of the file that `write` writes."""
    from safetensors.numpy import save

    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {
        "format_version": FORMAT_VERSION,
        "kind": kind,
        "vicinal": __version__,
        "header": dict(header),
        "arrays": {name: _array_checksum(name, contiguous[name]) for name in sorted(contiguous)},
    }
    metadata["sha256"] = _checksum(metadata)
    text = json.dumps(metadata)
    if len(text) > _LONGEST_HEADER // 2:  # quotes are escaped once more
        raise InvalidInputError(
            f"the settings, labels and names to save take {len(text):,} bytes of at most {_LONGEST_HEADER // 2:,}: fit "
            "with shorter or fewer labels, or an array without names"
        )
    return save(contiguous, metadata={"vicinal": text})


def read(path: PathLike) -> Artifact:
    """Read and verify a file that `write` wrote; one that is foreign, damaged or newer raises FileFormatError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = Path(path)
    if path.is_dir() or not path.exists():
        raise FileNotFoundError(f"{path} is not a file; expected one written by save()")
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    if _LONGEST_HEADER < size <= len(data):
        raise FileFormatError(f"{path} has a header of {size:,} bytes; save() writes at most {_LONGEST_HEADER:,}")
    try:
        arrays = load(data)
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {}).get("vicinal")
    except (SafetensorError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise FileFormatError(
            f"{path} is not a vicinal file, or is truncated ({error}); write it again with save()"
        ) from None
    if metadata is None:
        raise FileFormatError(f"{path} is a safetensors file, but not one that vicinal wrote")
    fields = _parse(path, metadata)
    if fields["sha256"] != _checksum(fields) or set(fields["arrays"]) != set(arrays):
        raise FileFormatError(f"{path} is damaged: its checksum does not match; write it again with save()")
    for name, array in arrays.items():
        if _array_checksum(name, array) != fields["arrays"][name]:
            raise FileFormatError(f"{path} is damaged: the checksum of {name} does not match; write it again")
    return Artifact(fields["kind"], fields["header"], arrays, fields["vicinal"], fields["format_version"], str(path))


def write_array(path: PathLike, array: Array) -> None:
    """Write a ``.npy`` file atomically."""
    with replacing(path) as file:
        np.save(file, array, allow_pickle=False)


def write_arrays(path: PathLike, arrays: Mapping[str, Array]) -> None:
    """Write a ``.npz`` file of named arrays atomically."""
    with replacing(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_array(path: PathLike, *, mapped: bool = False) -> Array:
    """Return the array of a ``.npy`` file; ``mapped`` maps it into memory. Nothing is unpickled.

    What is not a whole ``.npy`` file of numbers raises FileFormatError.
    """
    try:
        with Path(path).open("rb") as file:  # np.load does not close a file that it cannot read
            if (begin := file.read(6)) != npy.MAGIC_PREFIX:
                what = "an archive" if begin.startswith(b"PK") else "something else"
                raise FileFormatError(f"{path} is not a whole .npy file of numbers, but {what}")
            file.seek(0)
            array: Array = np.load(path, mmap_mode="r") if mapped else np.load(file, allow_pickle=False)
    except NOT_WHOLE as error:
        if isinstance(error, FileFormatError):
            raise
        reason = "it holds Python objects, which are never unpickled" if "bject" in str(error) else str(error)
        raise FileFormatError(f"{path} is not a whole .npy file of numbers ({reason})") from None
    return array


def read_arrays(path: PathLike, names: Sequence[str] = ()) -> tuple[dict[str, Array], list[str]]:
    """Return those arrays of a ``.npz`` file that are called as ``names`` say, and the names of all.

    What is not a whole ``.npz`` file, and arrays of Python objects, raise FileFormatError. Nothing is unpickled.
    """
    try:
        with Path(path).open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            present = list(getattr(archive, "files", ()))
            found = {name: archive[name] for name in names if name in present}
    except NOT_WHOLE as error:
        reason = (
            "it is no array, or holds Python objects, which are never unpickled"
            if "pickle" in str(error)
            else str(error)
        )
        raise FileFormatError(f"{path} is not a whole .npz archive of numbers ({reason}); write it again") from None
    if isinstance(archive, np.ndarray):
        raise FileFormatError(f"{path} is not an archive, but a .npy file: rename it")
    damaged = [name for name, array in found.items() if not isinstance(array, np.ndarray)]
    if damaged:
        raise FileFormatError(f"{path} is not a whole .npz archive of numbers: {damaged[0]} is no array")
    return found, present


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
