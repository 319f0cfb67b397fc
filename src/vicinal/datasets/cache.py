"""Decoded pictures, kept as one file of levels that later calls map into memory.

A cache file is ``<data set>-<digest>.npy``, uint8 (n, C, H, W), the rows of a split side by side, with a ``.json``
beside it that names the pictures that cannot be read. The digest is over what decides about the levels: the names of
the files with their sizes and times or checksums, the crop, the size, and the version of this module. Where the files
are is no part of it. Nothing is ever taken out of the cache: delete what is no longer needed, at any time.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np

from vicinal import _progress, storage
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.datasets.files import Files
from vicinal.datasets.pictures import BoxOf, Picture, decoded

Array = np.ndarray[Any, Any]
CacheDir = str | os.PathLike[str] | Literal[False] | None

_VERSION = 1  # of crops, resizing and file format: change it with any of them
_HEADER = 128  # bytes before the levels in a .npy file of four axes


class Decoded(NamedTuple):
    """Levels uint8 (n, C, H, W) of all pictures that can be read, and the reason for each of the others."""

    levels: Array
    unreadable: dict[str, str]


def folder_of(cache_dir: str | os.PathLike[str] | None) -> Path:
    """Return the folder for cache files: the one given, or ``vicinal`` in the user's own folder for caches."""
    if cache_dir is not None:
        return Path(cache_dir).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vicinal"


def load(
    name: str,
    files: Files,
    pictures: Sequence[Picture],
    box_of: BoxOf,
    image_size: int | None,
    cache_dir: CacheDir = None,
) -> Decoded:
    """Return the levels of pictures, from the cache if they are there, otherwise through it.

    Parameters
    ----------
    name : str
        First part of the name of the cache file.
    files, pictures, box_of, image_size
        As in `vicinal.datasets.pictures.decoded`.
    cache_dir : path_like, False or None
        Folder for cache files; None is the user's own, False decodes into memory and leaves nothing behind.

    Returns
    -------
    Decoded
        Levels in the order of ``pictures``; mapped read-only into memory, unless ``cache_dir`` is False.

    Raises
    ------
    InvalidInputError
        If ``image_size`` is None and the pictures are of several sizes.
    FileFormatError
        If no picture can be read.
    OSError
        If the cache cannot be written.
    """
    if cache_dir is False:
        memory = io.BytesIO()
        shape, unreadable = _write(memory, files, pictures, box_of, image_size)
        return Decoded(np.frombuffer(memory.getbuffer(), np.uint8, offset=_HEADER).reshape(shape), unreadable)
    folder = folder_of(cache_dir)
    path = folder / f"{name}-{_digest(files, pictures, box_of, image_size)}.npy"
    found = _read(path, len(pictures))
    if found is None:
        with _whole_or_nothing(path) as file:
            shape, unreadable = _write(file, files, pictures, box_of, image_size)
            notes = {"source": str(files.path.absolute()), "shape": shape, "unreadable": unreadable}
            storage.write_atomic(path.with_suffix(".json"), json.dumps(notes, indent=1).encode())
        found = Decoded(storage.read_array(path, mapped=True), unreadable)
    return found


def _digest(files: Files, pictures: Sequence[Picture], box_of: BoxOf, image_size: int | None) -> str:
    rows = [
        (picture.name, files.stamps[picture.name], picture.mask, picture.mask and files.stamps[picture.mask])
        for picture in pictures
    ]
    text = json.dumps([_VERSION, box_of.__name__, image_size, rows])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _read(path: Path, n_pictures: int) -> Decoded | None:
    """Return what the cache has; None if that is nothing, or damaged."""
    try:
        levels = storage.read_array(path, mapped=True)
        unreadable = dict(json.loads(path.with_suffix(".json").read_bytes())["unreadable"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    fits = levels.dtype == np.uint8 and levels.ndim == 4 and len(levels) + len(unreadable) == n_pictures
    return Decoded(levels, unreadable) if fits else None


@contextmanager
def _whole_or_nothing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that gets its name once it is complete, and is removed if that fails."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = temporary.open("x+b")
    except OSError as error:
        raise OSError(
            f"cache_dir must be a folder that can be written to; got {path.parent} ({error.strerror}): name another, "
            "or pass cache_dir=False to decode into memory"
        ) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write(
    file: BinaryIO, files: Files, pictures: Sequence[Picture], box_of: BoxOf, image_size: int | None
) -> tuple[tuple[int, ...], dict[str, str]]:
    """Write pictures as a .npy file; returns its shape, and why each of the others is left out."""
    file.write(bytes(_HEADER))
    n, shape, first = 0, (0, 0, 0), ""
    unreadable: dict[str, str] = {}
    with _progress.late_bar(f"Reading {files.path}", len(pictures)) as advance:
        for picture, levels in decoded(files, pictures, box_of, image_size):
            advance(1)
            if isinstance(levels, str):
                unreadable[picture.name] = levels
                continue
            if not n:
                shape, first = levels.shape, picture.name
            if levels.shape[1:] != shape[1:]:
                raise InvalidInputError(
                    f"{files.path} must hold images of one size; got {shape[2]} x {shape[1]} in {first} but "
                    f"{levels.shape[2]} x {levels.shape[1]} in {picture.name} (width x height): pass image_size=64, "
                    "or any other, to crop and resize them"
                )
            if len(levels) > shape[0]:
                _make_rgb(file, n, shape)
                shape = levels.shape
            file.write(levels.tobytes() * (shape[0] // len(levels)))  # grey among RGB: its plane thrice
            n += 1
    if not n:
        name, reason = next(iter(unreadable.items()))
        raise FileFormatError(
            f"{files.path} holds no image that can be read, of {len(pictures)}; {name}: {reason}. Get the files again"
        )
    _write_header(file, (n, *shape))
    return (n, *shape), unreadable


def _make_rgb(file: BinaryIO, n: int, shape: tuple[int, ...]) -> None:
    """Repeat the plane of each of the n grey images in the file, from the last: none is overwritten before its turn."""
    size = shape[1] * shape[2]
    for i in reversed(range(n)):
        file.seek(_HEADER + i * size)
        plane = file.read(size)
        file.seek(_HEADER + 3 * i * size)
        file.write(plane * 3)
    file.seek(0, io.SEEK_END)


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    """Write what NumPy would, but padded to a fixed length: the levels behind it are there already."""
    fields = repr({"descr": "|u1", "fortran_order": False, "shape": shape})
    magic = b"\x93NUMPY\x01\x00"
    file.seek(0)
    file.write(magic + struct.pack("<H", _HEADER - 10) + fields.ljust(_HEADER - 11).encode() + b"\n")
