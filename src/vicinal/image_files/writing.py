"""Images to files: a folder of PNG files, a sheet of all images, or an array, whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from vicinal import array_files, storage
from vicinal import images as _images
from vicinal._arrays import Array, to_numpy
from vicinal._errors import InvalidInputError, import_extra

SHEETS = (".png", ".jpg", ".jpeg")
ARRAYS = (".npy", ".npz", ".safetensors")
_MARGIN = 2  # white pixels between the images of a sheet
_MOST = 10_000  # images of a sheet


def check_output(path: Path, n_images: int | None, name: str = "output") -> None:
    """Raise InvalidInputError if `write` cannot write so many images there; MissingExtraError without Pillow."""
    suffix = path.suffix.lower()
    if suffix in ARRAYS:
        return
    if suffix and suffix not in SHEETS and not path.is_dir():
        raise InvalidInputError(f"{name} must end in {', '.join(ARRAYS + SHEETS)}, or be a folder; got {path}")
    if suffix in SHEETS and n_images is not None and n_images > _MOST:
        raise InvalidInputError(
            f"{name} {path} is one sheet, of at most {_MOST:,} images; got {n_images:,}: name a folder"
        )
    import_extra("PIL.Image", "images")


def write(path: Path, blocks: Iterable[Array], first: int = 0) -> int:
    """Write images and return their number.

    Parameters
    ----------
    path : Path
        With a suffix of `ARRAYS`, an array of the values as they are. With one of `SHEETS`, one image of all, row by
        row. Otherwise a folder of ``000000.png``, ``000001.png``, ...; files of these names are replaced.
    blocks : iterable of arrays of shape (n, ...)
        Images of one shape. For a sheet and a folder: (n, H, W), (n, C, H, W) or (n, H, W, C), integers in 0..255 or
        floats in [0, 1].
    first : int
        The number of the first file in a folder.

    Raises
    ------
    InvalidInputError
        For values that are no images, where images are to be written.
    OSError
        If a file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix in ARRAYS or suffix in SHEETS:
        images = np.concatenate([to_numpy(block) for block in blocks])
        if suffix in ARRAYS:
            array_files.write(path, images, "images")
        elif len(images):
            _save(path, sheet(levels_of(images)))
        return len(images)
    path.mkdir(exist_ok=True)
    n_images = 0
    for block in blocks:
        for image in levels_of(block):
            _save(path / f"{first + n_images:06d}.png", image)
            n_images += 1
    return n_images


def levels_of(images: Array) -> Array:
    """Return images as levels (n, C, H, W), C being 1 or 3."""
    images = to_numpy(images)
    if images.ndim < 3:
        raise InvalidInputError(
            f"decoded rows must be images of shape (n, C, H, W) to be seen; got {images.shape}: write them as .npy"
        )
    return _images.channels_first(_images.to_levels(images), "decoded images")


def sheet(levels: Array) -> Array:
    """Return one image (C, H, W) of many (n, C, H, W), in about as many rows as columns, with white between.

    Examples
    --------
    >>> sheet(np.zeros((3, 1, 8, 8), np.uint8)).shape
    (1, 18, 18)
    """
    n, channels, height, width = levels.shape
    n_columns = math.ceil(math.sqrt(n))
    n_rows = -(-n // n_columns)
    step_y, step_x = height + _MARGIN, width + _MARGIN
    found = np.full((channels, n_rows * step_y - _MARGIN, n_columns * step_x - _MARGIN), 255, np.uint8)
    for i, image in enumerate(levels):
        top, left = i // n_columns * step_y, i % n_columns * step_x
        found[:, top : top + height, left : left + width] = image
    return found


def _save(path: Path, levels: Array) -> None:
    """Write one image (C, H, W)."""
    pillow = import_extra("PIL.Image", "images")
    pixels = levels[0] if len(levels) == 1 else levels.transpose(1, 2, 0)
    kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    with storage.replacing(path) as file:
        pillow.fromarray(np.ascontiguousarray(pixels)).save(file, kind)
