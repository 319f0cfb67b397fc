"""From image files to levels: which part of a picture is kept, and how it becomes a square of the wanted size.

A box is (left, top, right, bottom) in pixels of the picture, with fractions: 0, 0 is the upper left corner of the
first pixel. What is in it is resized by Pillow's bicubic filter, which averages over all pixels where it reduces.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from vicinal import image_files
from vicinal._errors import import_extra
from vicinal.datasets.files import Files

Array = np.ndarray[Any, Any]
Box = tuple[float, float, float, float]
BoxOf = Callable[[int, int, Array | None], Box]
"""From the width and height of a picture and the levels (C, H, W) of its mask, if it has one, to what is kept."""

SPLITS = ("train", "validation", "test")


class Picture(NamedTuple):
    """A file, what is known of it, and the file of its mask, if that tells which part of it is kept."""

    name: str
    split: str
    label: int
    mask: str | None = None


def split_by_hash(key: str) -> str:
    """Return the split of all pictures with this key: 80 % of the keys train, 10 % validation, 10 % test.

    The first 64 bits of the SHA-256 of the key, as a fraction, decide: the same on every machine, whatever
    else is in the data set.

    Examples
    --------
    >>> [split_by_hash(str(i)) for i in range(6)]
    ['train', 'train', 'validation', 'train', 'train', 'test']
    """
    tenth = int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()[:8], "big") * 10 >> 64
    return SPLITS[max(0, tenth - 7)]


def stem(name: str) -> str:
    """Return the name of a file without folders and suffix."""
    return PurePosixPath(name).stem


def whole(width: int, height: int, _mask: Array | None = None) -> Box:
    """Keep everything: what is not square is squeezed."""
    return 0.0, 0.0, float(width), float(height)


def central_square(width: int, height: int, _mask: Array | None = None) -> Box:
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
    """Return the part of levels (C, H, W) in a box as levels (C, image_size, image_size).

    Examples
    --------
    >>> levels = np.arange(36, dtype=np.uint8).reshape(1, 6, 6)
    >>> resized(levels, (1.0, 1.0, 5.0, 5.0), 4)[0, 0].tolist()
    [7, 8, 9, 10]
    """
    image_module = import_extra("PIL.Image", "images")
    # Only the pixels that the box touches: what is beyond a crop must not seep in at its edges.
    left, top = math.floor(box[0]), math.floor(box[1])
    right, bottom = math.ceil(box[2]), math.ceil(box[3])
    part = levels[:, top:bottom, left:right]
    image = image_module.fromarray(np.ascontiguousarray(part[0] if len(part) == 1 else part.transpose(1, 2, 0)))
    inner = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
    image = image.resize((image_size, image_size), image_module.Resampling.BICUBIC, box=inner)
    return np.ascontiguousarray(np.atleast_3d(np.asarray(image)).transpose(2, 0, 1))


def decoded(
    files: Files, pictures: Sequence[Picture], box_of: BoxOf, image_size: int | None
) -> Iterator[tuple[Picture, Array | str]]:
    """Yield each picture, in order, with its levels (C, H, W), or with the reason why it cannot be read.

    Parameters
    ----------
    files : Files
        Where the pictures are.
    pictures : sequence of Picture
        Which to decode; a block of them at a time, by threads.
    box_of : callable
        Tells which part of a picture is kept.
    image_size : int, optional
        Height and width; None keeps the pictures as they are.

    Raises
    ------
    MissingExtraError
        If Pillow is not installed.
    """

    def decode(picture: Picture) -> Array:
        with files.open(picture.name) as file:
            levels = image_files.decode(file)
        if image_size is None:
            return levels
        mask = None
        if picture.mask is not None:
            with files.open(picture.mask) as file:
                mask = image_files.decode(file)
        return resized(levels, box_of(levels.shape[2], levels.shape[1], mask), image_size)

    yield from image_files.in_threads(pictures, decode)
