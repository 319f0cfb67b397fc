"""Decoded images, kept as one file of levels that later calls map into memory.

A cache file is ``<data set>-<digest>.npy``, uint8 (n, C, H, W), the images of a split side by side. A ``.json`` file
beside it has the shape that is in use, and names the image files that cannot be read. The digest covers what decides
about the levels: the names of the files with their sizes and times or checksums, the crop, the size, and the version of
this module. It does not cover where the files are. Nothing is ever removed from the cache: delete files that are no
longer needed, at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.lib import format as npy

from vicinal import image_files, storage
from vicinal._arrays import Array
from vicinal.datasets.image_folder import BoxOf, Files, ImageFile, decoded

CacheDir = str | os.PathLike[str] | Literal[False] | None

_VERSION = 1  # of crops, resizing and file format: change it with any of them
_REMEDY = "pass image_size=64, or any other, to crop and resize them"


class Decoded(NamedTuple):
    """Levels uint8 (n, C, H, W) of all images that can be read, and the reason for each of the others."""

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
    images: Sequence[ImageFile],
    box_of: BoxOf,
    image_size: int | None,
    cache_dir: CacheDir = None,
) -> Decoded:
    """Return the levels of images, in order: from the cache if they are there, otherwise decoded and put there.

    They are mapped read-only into memory. If ``cache_dir`` is False, they are decoded into memory, and nothing is left
    behind. ``name`` is the first part of the name of the cache file; the rest is as in `decoded`, and the errors are
    those of `image_files.gather`, or an OSError if the cache cannot be written.
    """

    def gather(**options: Any) -> Decoded:
        source = ((image.name, levels) for image, levels in decoded(files, images, box_of, image_size))
        return Decoded(*image_files.gather(files.path, source, len(images), _REMEDY, **options))

    if cache_dir is False:
        return gather()
    path = folder_of(cache_dir) / f"{name}-{_digest(files, images, box_of, image_size)}.npy"
    found = _read(path, len(images))
    if found is not None:
        return found
    with _temporary_folder(path.parent) as temporary:
        parts: list[Path] = []  # the last one is used: the first colour after grey images needs a new one

        def empty(shape: tuple[int, ...]) -> Array:
            parts.append(Path(temporary, f"{len(parts)}.npy"))
            return _new(parts[-1], shape)

        levels, unreadable = gather(empty=empty)
        shape = levels.shape
        del levels  # written to the file now
        with parts[-1].open("r+b") as file:
            os.fsync(file.fileno())
        notes = {"source": str(files.path.absolute()), "shape": shape, "unreadable": unreadable}
        storage.write_atomic(path.with_suffix(".json"), json.dumps(notes, indent=1).encode())
        parts[-1].replace(path)
    return Decoded(storage.read_array(path, mapped=True)[: shape[0]], unreadable)


def _digest(files: Files, images: Sequence[ImageFile], box_of: BoxOf, image_size: int | None) -> str:
    stamps = files.stamps
    rows = [(image.name, stamps[image.name], image.mask, image.mask and stamps[image.mask]) for image in images]
    text = json.dumps([_VERSION, box_of.__name__, image_size, rows])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _read(path: Path, n_images: int) -> Decoded | None:
    """Return what the cache has; None if that is nothing, or damaged."""
    try:
        notes = json.loads(path.with_suffix(".json").read_bytes())
        levels, unreadable = storage.read_array(path, mapped=True)[: notes["shape"][0]], dict(notes["unreadable"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    fits = levels.dtype == np.uint8 and levels.ndim == 4 and len(levels) + len(unreadable) == n_images
    return Decoded(levels, unreadable) if fits else None


def _temporary_folder(parent: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a folder in the cache for a with statement, which removes it whatever happens."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=".", suffix=".tmp", dir=parent, ignore_cleanup_errors=True)
    except OSError as error:
        raise OSError(
            f"cache_dir must be a folder that can be written to; got {parent} ({error.strerror}): name another, or "
            "pass cache_dir=False to decode into memory"
        ) from error


def _new(path: Path, shape: tuple[int, ...]) -> Array:
    """Return a mapped array; a full disk is an error now, rather than the end of the process in a mapped write."""
    levels = npy.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return levels
