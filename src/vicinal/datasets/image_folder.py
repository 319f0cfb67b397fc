"""Image files of a folder or an archive: cropped, resized, split, and kept in a cache.

A box is (left, top, right, bottom) in pixels of an image, with fractions: 0, 0 is the upper left corner of the first
pixel. What is in it is resized as `vicinal.images.resize` does, and then rounded once, to the levels of the cache.

A cache file is ``<data set>-<digest>.npy``, uint8 (n, C, H, W), the images of a split side by side. A ``.json`` file
beside it has the shape that is in use, the size and time of the file, and the names of the image files that cannot be
read. A file of another size or time was altered, and is made anew. The digest covers what decides about the levels: the
names of the files with their sizes and times or checksums, the crop, the size, and the version of this module. It does
not cover where the files are. Nothing is ever removed from the cache: delete files that are no longer needed, at any
time.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.lib import format as npy

from vicinal import image_files, storage
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.image_files import SUFFIXES, Files, Gathered, Picture
from vicinal.images import resized_planes

Box = tuple[float, float, float, float]
BoxOf = Callable[[int, int, Any], Box]
"""From the width and height of an image and the levels (C, H, W) of its mask, or None, to the box to keep."""

SPLITS = ("train", "validation", "test")

_VERSION = 3  # of crops, resizing and file format of the cache: change it with any of them
_REMEDY = "pass image_size=64, or any other, to crop and resize them"


class ImageFile(NamedTuple):
    """A file, what is known of it, and the file of its mask, if that tells which part of it is kept."""

    name: str
    split: str
    label: int
    mask: str | None = None


def split_by_hash(key: str) -> str:
    """Return the split of all images with this key: 80 % of the keys train, 10 % validation, 10 % test.

    The first 64 bits of the SHA-256 of the key, as a fraction, decide: the same on every machine, whatever
    else is in the data set.

    Examples
    --------
    >>> [split_by_hash(str(i)) for i in range(6)]
    ['train', 'train', 'validation', 'train', 'train', 'test']
    """
    tenth = int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()[:8], "big") * 10 >> 64
    return SPLITS[max(0, tenth - 7)]


def list_images(files: Files) -> list[ImageFile]:
    """Return all images; the hash of the stem of a file decides about its split.

    Images of one stem, such as ``open/17.png`` and ``closed/17.png``, may show the same, so they are in one split.
    Labels count the first sub-folders in the order of their names; a single one that holds everything, as in many
    archives, is passed over first. Files beside sub-folders come before them, as a class of their own.
    """
    if not files.stamps:
        raise InvalidInputError(f"{files.path} must hold images ({', '.join(SUFFIXES)}); got none")
    parts = [name.split("/") for name in files.stamps]
    while len({tuple(part[:1]) for part in parts}) == 1 and len(parts[0]) > 1:
        parts = [part[1:] for part in parts]
    classes = ["" if len(part) == 1 else part[0] for part in parts]
    labels = {name: label for label, name in enumerate(sorted(set(classes)))}
    return [
        ImageFile(name, split_by_hash(PurePosixPath(name).stem), labels[of])
        for name, of in zip(files.stamps, classes, strict=True)
    ]


def whole(width: int, height: int, _mask: Any = None) -> Box:
    """Keep everything: what is not square is squeezed."""
    return 0.0, 0.0, float(width), float(height)


def central_square(width: int, height: int, _mask: Any = None) -> Box:
    """Keep the largest square in the middle, moved up and left by half a pixel where that makes it whole pixels.

    Examples
    --------
    >>> central_square(9, 6)
    (1.0, 0.0, 7.0, 6.0)
    """
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return float(left), float(top), float(left + side), float(top + side)


def resized(levels: Array, box: Box, image_size: int) -> Array:
    """Return the part of levels (C, H, W) in a box as (C, image_size, image_size), in the same type.

    Examples
    --------
    >>> levels = np.arange(36, dtype=np.uint8).reshape(1, 6, 6)
    >>> resized(levels, (1.0, 1.0, 5.0, 5.0), 4)[0, 0].tolist()
    [7, 8, 9, 10]
    """
    # Only the pixels that the box touches: what is beyond a crop must not seep in at its edges.
    left, top = math.floor(box[0]), math.floor(box[1])
    part = levels[:, top : math.ceil(box[3]), left : math.ceil(box[2])]
    inner = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
    found = resized_planes(part, image_size, inner)
    if levels.dtype.kind == "u":
        highest = 255 if levels.dtype == np.uint8 else levels.max()  # the filter may exceed what is there
        found = np.rint(np.clip(found, 0, highest))
    return found.astype(levels.dtype, copy=False)


def decoded(
    files: Files, images: Sequence[ImageFile], box_of: BoxOf, image_size: int | None
) -> Iterator[tuple[ImageFile, Picture | str]]:
    """Yield each image, in order, decoded, or with the reason why it cannot be read.

    ``box_of`` tells which part of an image is kept, and ``image_size`` is its height and width then; None keeps the
    images as they are. Threads decode a block of images at a time.
    """

    def picture_of(name: str) -> Picture:
        with files.open(name) as file:
            return image_files.decode(file)

    def cropped(image: ImageFile) -> Picture:
        picture = picture_of(image.name)
        if image_size is None:
            return picture
        mask = None if image.mask is None else picture_of(image.mask).values
        box = box_of(picture.values.shape[2], picture.values.shape[1], mask)
        return picture._replace(values=resized(picture.values, box, image_size))

    return image_files.in_threads(images, cropped)


def load(
    name: str,
    files: Files,
    images: Sequence[ImageFile],
    box_of: BoxOf,
    image_size: int | None,
    cache_dir: str | os.PathLike[str] | Literal[False] | None = None,
) -> Gathered:
    """Return the levels of images, in order: from the cache if they are there, otherwise decoded and put there.

    They are mapped read-only into memory. If ``cache_dir`` is False, they are decoded into memory, and nothing is left
    behind. ``name`` is the first part of the name of the cache file; the rest is as in `decoded`, and the errors are
    those of `image_files.gather`, or an OSError if the cache cannot be written.
    """

    def gather(**options: Any) -> Gathered:
        source = ((image.name, picture) for image, picture in decoded(files, images, box_of, image_size))
        return image_files.gather(files.path, source, len(images), _REMEDY, **options)

    if cache_dir is False:
        return gather()
    path = folder_of(cache_dir) / f"{name}-{_digest(files, images, box_of, image_size)}.npy"
    found = _read(path, len(images))
    if found is not None:
        return found
    with _temporary_folder(path.parent) as temporary:
        # A file for each number of channels and type: the first colour after grey images needs another one.
        found = gather(make=lambda shape, dtype: _new(Path(temporary, _part(shape, dtype)), shape, dtype))
        shape, part = found.levels.shape, Path(temporary, _part(found.levels.shape, np.uint8))
        found = found._replace(levels=np.empty(0))  # written to the file now
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        source = str(files.path.absolute())
        notes = {"source": source, "shape": shape, "unreadable": found.unreadable, "remarks": found.remarks}
        notes["stamp"] = _stamp(part)
        storage.write_atomic(path.with_suffix(".json"), json.dumps(notes, indent=1).encode())
        part.replace(path)
    return found._replace(levels=storage.read_array(path, mapped=True)[: shape[0]])


def _part(shape: tuple[int, ...], dtype: Any) -> str:
    return f"{shape[1]}-{np.dtype(dtype).name}.npy"


def folder_of(cache_dir: str | os.PathLike[str] | None) -> Path:
    """Return the folder for cache files: the one given, or ``vicinal`` in the user's own folder for caches."""
    if cache_dir is not None:
        return Path(cache_dir).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vicinal"


def _digest(files: Files, images: Sequence[ImageFile], box_of: BoxOf, image_size: int | None) -> str:
    stamps = files.stamps
    rows = [(image.name, stamps[image.name], image.mask, image.mask and stamps[image.mask]) for image in images]
    text = json.dumps([_VERSION, box_of.__name__, image_size, rows])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _read(path: Path, n_images: int) -> Gathered | None:
    """Return what the cache has; None if that is nothing, or damaged."""
    try:
        notes = json.loads(path.with_suffix(".json").read_bytes())
        levels = storage.read_array(path, mapped=True)[: notes["shape"][0]]
        found = Gathered(levels, dict(notes["unreadable"]), list(notes["remarks"]))
        is_altered = notes["stamp"] != _stamp(path)
    except (OSError, ValueError, LookupError, TypeError):
        return None
    fits = levels.dtype == np.uint8 and levels.ndim == 4 and len(levels) + len(found.unreadable) == n_images
    return found if fits and not is_altered else None


def _stamp(path: Path) -> list[int]:
    """Return the size of a file and when it was written, in nanoseconds."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


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


def _new(path: Path, shape: tuple[int, ...], dtype: Any) -> Array:
    """Return a mapped array; a full disk is an error now, rather than the end of the process in a mapped write."""
    levels = npy.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return levels
