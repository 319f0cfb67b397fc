"""One image file to an array: what colours, depths, frames and turned pictures become."""

from __future__ import annotations

import functools
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import import_extra
from vicinal.images import resized_planes

_FORMATS = ("PNG", "JPEG", "MPO", "BMP", "DIB", "PPM", "WEBP", "AVIF", "GIF", "TIFF")  # not all: EPS starts Ghostscript

_TURNING = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}  # where an orientation may be


class Picture(NamedTuple):
    """An image (C, H, W), C being 1 if it is grey, otherwise 3: uint8 levels, or uint16 or float32 as in the file."""

    values: Array
    dtype: Any  # that of the file: values that were resized are float32
    has_frames: bool = False  # whether there are more, of which this is the first
    is_cut: bool = False  # whether these are the upper 8 of 16 bits, all that Pillow reads of deep colour


def decode(file: BinaryIO, image_size: int | None = None) -> Picture:
    """Return the image in an open file, resized to a square of ``image_size`` if that is given and another size.

    It is turned as its EXIF orientation says. What is transparent is laid on white; palettes and other colour spaces
    become RGB. Pillow raises many errors for what is damaged, of another format, or too large to be an image.
    """
    pillow = import_extra("PIL.Image", "images")
    # An open file: given a path, Pillow maps raw TIFF into memory, and gets those to be turned wrong.
    with _opened(pillow, file) as image:
        has_frames = image.format != "MPO" and bool(getattr(image, "is_animated", False))
        is_deep = any(";16" in str(tile[3]) for tile in image.tile)
        image.load()  # what turns a PNG may come after its pixels
        # Pillow itself turns TIFF; some versions would turn it twice here.
        if image.format != "TIFF" and not _TURNING.isdisjoint(image.info):
            import_extra("PIL.ImageOps", "images").exif_transpose(image, in_place=True)
        values = values_of(image)
        picture = Picture(values, values.dtype, has_frames, is_deep and values.dtype == np.uint8)
        if image_size is None or values.shape[1:] == (image_size, image_size):
            return picture
        low, high = (0, 255) if values.dtype == np.uint8 else (values.min(), values.max())
        return picture._replace(values=resized_planes(values, image_size).clip(low, high))


def _opened(pillow: Any, file: BinaryIO) -> Any:
    """Return an image of Pillow, or raise ValueError that says what the file holds instead."""
    try:
        return pillow.open(file, formats=_formats(pillow))
    except pillow.UnidentifiedImageError:
        file.seek(0)
        first = file.read(64)
        raise ValueError(f"the file holds {_kind_of(first)}") from None


def _kind_of(first: bytes) -> str:
    """Return what the first bytes of a file that is no image of ours tell of it."""
    if not first.strip(b"\0"):
        return "zeros, as after a download that was cut" if first else "nothing"
    if first[4:8] == b"ftyp":
        return f"{first[8:12].decode('ascii', 'replace').strip()}, a format of photographs or films that is not read"
    if all(byte in b"\t\n\r" or byte >= 32 for byte in first):
        return "text"
    return "no image, or a damaged one"


@functools.cache
def _formats(pillow: Any) -> list[str]:
    """Return the formats that this Pillow has."""
    pillow.init()
    return [name for name in _FORMATS if name in pillow.OPEN]


def values_of(image: Any) -> Array:
    """Return an image of Pillow as (C, H, W), C being 1 or 3."""
    if image.mode.startswith("I"):  # grey of 16 bits; some formats are given more
        deep = np.asarray(image)
        if deep.min() < 0 or deep.max() >= 1 << 16:
            raise ValueError(f"grey levels from {deep.min()} to {deep.max()}, which do not fit 16 bits")
        return deep.astype(np.uint16)[None]
    if image.mode == "F":
        values = np.asarray(image, np.float32)[None]
        if not np.isfinite(values).all():
            raise ValueError("grey levels that are NaN or infinite")
        return values
    kept = "L" if image.mode in ("1", "L", "LA") else "RGB"
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA", "RGBa"):
        pillow = import_extra("PIL.Image", "images")
        image = pillow.alpha_composite(pillow.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return _channels_first(image if image.mode == kept else image.convert(kept))


def _channels_first(image: Any) -> Array:
    """Return an image of Pillow, of mode L or RGB, as (C, H, W), read-only."""
    width, height = image.size
    return np.frombuffer(image.tobytes(), np.uint8).reshape(height, width, -1).transpose(2, 0, 1)
