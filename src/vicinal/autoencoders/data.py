"""Training images on a device: 8-bit levels if that is exact, otherwise floats."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vicinal import _validation
from vicinal import images as _images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError

_BLOCK = 1 << 22  # values in one go, so that a check needs no second float copy of the images
_EVALUATED = 512  # images decoded at a time when errors are measured


def check_images(images: Any, name: str, image_shape: tuple[int, ...] | None = None) -> Array:
    """Return images (n, C, H, W) as uint8 levels if that is exact, otherwise as float32; contiguous.

    Images are integers in 0..255, or floats in [0, 1]. Floats become levels if all of them are levels divided by 255.
    Levels take a quarter of the memory, and training turns them into exactly the same floats again. ``name`` is what
    messages call the images, and ``image_shape`` the shape (C, H, W) that they must have. Another shape or range, and
    what is no array of numbers, raises InvalidInputError or InvalidTypeError.

    Examples
    --------
    >>> check_images(np.full((1, 1, 2, 2), 51 / 255), "images").ravel()
    array([51, 51, 51, 51], dtype=uint8)
    """
    array = _validation.check_array(images, name)
    if array.ndim != 4 or not array.size:
        raise InvalidInputError(f"{name} must have shape (n, C, H, W); got {array.shape}")
    if image_shape is not None and array.shape[1:] != image_shape:
        raise InvalidInputError(f"{name} must be of shape (n, {', '.join(map(str, image_shape))}); got {array.shape}")
    if array.dtype.kind != "f":
        return np.ascontiguousarray(_images.to_levels(array, name))
    _validation.check_finite(array, name)
    low, high = float(array.min()), float(array.max())
    if low < 0.0 or high > 1.0:
        remedy = "map them with (images + 1) / 2" if low < 0.0 else "divide by 255"
        raise InvalidInputError(
            f"{name} must be floats in [0, 1] or levels in 0..255; got floats from {low:.4g} to {high:.4g}: {remedy}"
        )
    array = np.ascontiguousarray(array, dtype=np.float32)
    levels = _images.to_levels(array, name)
    rows = max(1, _BLOCK // array[0].size)
    blocks = (slice(first, first + rows) for first in range(0, len(array), rows))
    return levels if all(np.array_equal(_images.in_units(levels[b]), array[b]) for b in blocks) else array


def fingerprint(images: Array) -> str:
    """Return the sha256 of the type, the shape and the values of images that `check_images` returned."""
    digest = hashlib.sha256(f"{images.dtype.str}:{images.shape};".encode())
    digest.update(images.data)
    return digest.hexdigest()


def to_device(images: Array, device: torch.device) -> Tensor:
    """Return images that `check_images` returned, all of them on a device, in the same type."""
    return torch.from_numpy(images if images.flags.writeable else images.copy()).to(device)


def as_floats(batch: Tensor) -> Tensor:
    """Return a batch (n, C, H, W) as float32 in [0, 1], in the memory format of the networks."""
    floats: Tensor = _images.in_units(batch)
    return floats.contiguous(memory_format=torch.channels_last)


def evaluated(data: Tensor) -> Iterator[Tensor]:
    """Yield all images (n, C, H, W) in float batches."""
    for first in range(0, len(data), _EVALUATED):
        yield as_floats(data[first : first + _EVALUATED])
