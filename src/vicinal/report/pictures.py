"""Images as bytes of files, and as data URIs."""

from __future__ import annotations

import base64
import io

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import import_extra


def side_by_side(images: Array) -> Array:
    """Return images (n, C, H, W) as one image (H + 1, n * (W + 1), 3), uint8, with white lines between."""
    levels = np.rint(np.clip(images, 0.0, 1.0) * 255.0).astype(np.uint8).transpose(0, 2, 3, 1)
    levels = np.broadcast_to(levels, (*levels.shape[:3], 3))
    framed = np.pad(levels, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=255)
    return np.concatenate(list(framed), axis=1)


def png(image: Array) -> bytes:
    """Return an image (height, width, 3), uint8, as the bytes of a PNG; without colours it is a third of the size."""
    is_grey = bool((image == image[..., :1]).all())
    return _saved(image[..., 0] if is_grey else image, "PNG", optimize=True)


def jpeg(image: Array) -> bytes:
    """Return an image (height, width, 3), uint8, as the bytes of a JPEG."""
    return _saved(image, "JPEG", quality=85)


def data_uri(content: bytes, kind: str = "png") -> str:
    """Return the bytes of an image as an address that holds them."""
    return f"data:image/{kind};base64," + base64.b64encode(content).decode("ascii")


def _saved(image: Array, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    pillow = import_extra("PIL.Image", "report")  # matplotlib needs it, so the extra has it
    pillow.fromarray(np.ascontiguousarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()
