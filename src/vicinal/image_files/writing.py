"""Images to files: a folder of PNG files, a sheet of all images, or an array, whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vicinal import array_files, storage
from vicinal import images as _images
from vicinal._arrays import Array, to_numpy
from vicinal._errors import InvalidInputError, import_extra
from vicinal.array_files import Sink

SHEETS = (".png", ".jpg", ".jpeg")
ARRAYS = (".npy", ".npz", ".safetensors", ".zarr")
_MARGIN = 2  # white pixels between the images of a sheet
_MOST = 10_000  # images of a sheet


def check_output(path: Path, n_images: int | None, name: str = "output") -> None:
    """Raise InvalidInputError if so many images cannot be written there; MissingExtraError for a missing package."""
    suffix = path.suffix.lower()
    if suffix in ARRAYS:
        array_files.check_writable(path, name)
        return
    if suffix and suffix not in SHEETS and not path.is_dir():
        raise InvalidInputError(f"{name} must end in {', '.join(ARRAYS + SHEETS)}, or be a folder; got {path}")
    if suffix in SHEETS and n_images is not None and n_images > _MOST:
        raise InvalidInputError(
            f"{name} {path} is one sheet, of at most {_MOST:,} images; got {n_images:,}: name a folder"
        )
    import_extra("PIL.Image", "images")


@contextmanager
def open_output(path: Path, first: int = 0) -> Iterator[Sink]:
    """Give what writes batches of images.

    Parameters
    ----------
    path : Path
        With a suffix of `ARRAYS`, the values as they are, see `vicinal.array_files.open_file`. With one of `SHEETS`,
        one image of all, row by row. Otherwise a folder of ``000000.png``, ``000001.png``, ...; files of these names
        are replaced.
    first : int
        The number of the first file in a folder.

    Raises
    ------
    InvalidInputError
        For values that are no images, where images are to be written. These are (n, H, W), (n, C, H, W) or
        (n, H, W, C), integers in 0..255 or floats in [0, 1].
    OSError
        If a file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix in ARRAYS:
        with array_files.open_file(path, "images", "decode") as sink:
            yield sink
    elif suffix in SHEETS and not path.is_dir():
        shown = _Sheet("decode")
        yield shown
        _save(path, sheet(shown.result()))
    else:
        path.mkdir(exist_ok=True)
        yield _Folder(path, first)


class _Sheet(Sink):
    """Levels of all images, to be shown together."""

    def __init__(self, giver: str) -> None:
        super().__init__(giver)
        self._parts: list[Array] = []

    def _take(self, rows: Any) -> None:
        self._parts.append(to_numpy(rows))

    def result(self) -> Array:
        """Return all levels (n, C, H, W)."""
        return levels_of(np.concatenate(self._parts))


class _Folder(Sink):
    """A folder of PNG files."""

    def __init__(self, path: Path, first: int) -> None:
        super().__init__("decode")
        self._path, self._first = path, first

    def _take(self, rows: Any) -> None:
        for i, image in enumerate(levels_of(rows), self._first + self.n_rows):
            _save(self._path / f"{i:06d}.png", image)

    def result(self) -> Path:
        """Return the folder."""
        return self._path


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
