"""Images as a file would keep them: 8 bits a channel, clipped and rounded, never wrapped."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import _arrays, _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.images.memory import blocks_of, converted
from vicinal.images.ranges import MOST_OUTSIDE, OUTSIDE, UNITS


def to_levels(images: Any, name: str = "images") -> Array:
    """Return images as the 256 levels that a file would keep.

    Parameters
    ----------
    images : array_like of shape (n_samples, *image_shape)
        Integers in 0..255, or floats in [0, 1], which are clipped and rounded to the nearest level.
    name : str
        What to call them in messages.

    Returns
    -------
    ndarray of uint8, shape (n_samples, *image_shape)
        Integers of 8 bits come back as they are, without a copy. More than 64 MB are in a temporary file.

    Raises
    ------
    InvalidInputError
        For NaN, and for values that look like another range: more than 5 % of the floats beyond [-0.25, 1.25], as in
        -1..1 or 0..255; integers beyond 0..255; integers with a maximum of 1.
    InvalidTypeError
        For what is no array of numbers.

    Examples
    --------
    >>> to_levels([[0.5, 1.02, -0.1]]).tolist()
    [[128, 255, 0]]
    >>> to_levels([[0.0, 17.0, 255.0]])
    Traceback (most recent call last):
    ...
    vicinal._errors.InvalidInputError: images must be floats in [0, 1] or integers in 0..255; got floats from 0 to 255,
    67 % of them beyond [-0.25, 1.25]: divide by 255
    """
    images = _validation.check_array(images, name)
    if images.ndim < 2:
        raise InvalidInputError(f"{name} must have shape (n_samples, *image_shape); got {images.shape}")
    if images.dtype.kind in "iu":
        return _checked_integers(images, name)
    if images.dtype.kind == "b":
        return images.astype(np.uint8) * np.uint8(255)
    _validation.check_finite(images, name)
    outside, low, high = 0, 0.0, 0.0

    def of_block(block: Array) -> Array:
        nonlocal outside, low, high
        outside += int(np.count_nonzero((block < -OUTSIDE) | (block > 1.0 + OUTSIDE)))
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        return UNITS.levels(block)

    levels = converted(images, np.uint8, of_block, "Rounding images to 8 bits")
    if outside > MOST_OUTSIDE * images.size:
        remedy = "divide by 255" if low >= 0.0 else "map them with (images + 1) / 2" if high <= 1.5 else "rescale them"
        raise InvalidInputError(
            f"{name} must be floats in [0, 1] or integers in 0..255; got floats from {low:.4g} to {high:.4g}, "
            f"{outside / images.size:.0%} of them beyond [{-OUTSIDE}, {1 + OUTSIDE}]: {remedy}".replace("%", " %")
        )
    return levels


def in_units(images: Any) -> Any:
    """Return 8-bit levels as float32 in [0, 1], and other images unchanged; NumPy or torch.

    Examples
    --------
    >>> import numpy as np
    >>> in_units(np.array([[0, 51, 255]], np.uint8)).tolist(), in_units(np.array([[0.5]])).tolist()
    ([[0.0, 0.20000000298023224, 1.0]], [[0.5]])
    """
    if _arrays.is_tensor(images):
        return images.float() / 255.0 if str(images.dtype) == "torch.uint8" else images
    return images / np.float32(255.0) if images.dtype == np.uint8 else images


def to_rgb(levels: Array, name: str = "images") -> Array:
    """Return images as `channels_first` does, but grey ones repeated as (n, 3, H, W).

    Examples
    --------
    >>> import numpy as np
    >>> to_rgb(np.zeros((2, 8, 9, 3), np.uint8)).shape, to_rgb(np.zeros((2, 8, 9), np.uint8)).shape
    ((2, 3, 8, 9), (2, 3, 8, 9))
    """
    levels = channels_first(levels, name)
    return np.broadcast_to(levels, (len(levels), 3, *levels.shape[2:]))


def channels_first(images: Array, name: str = "images") -> Array:
    """Return images of shape (n, H, W), (n, C, H, W) or (n, H, W, C), C being 1 or 3, as (n, C, H, W).

    If both the second and the last side are 1 or 3, the channels are the second. Any other shape raises
    InvalidInputError.
    """
    shape = images.shape
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and shape[1] not in (1, 3) and shape[3] in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise InvalidInputError(
            f"{name} must have shape (n, H, W), (n, C, H, W) or (n, H, W, C) with 1 or 3 channels; got {shape}"
        )
    return images


def _checked_integers(images: Array, name: str) -> Array:
    low = high = 0
    for rows in blocks_of(images) if images.size else ():
        low, high = min(low, int(images[rows].min())), max(high, int(images[rows].max()))
    if low < 0 or high > 255:
        raise InvalidInputError(f"{name} must be floats in [0, 1] or integers in 0..255; got {low} to {high}")
    if high == 1:
        raise InvalidInputError(
            f"{name} must be floats in [0, 1] or integers in 0..255; got integers up to 1: "
            f"pass {name}.astype('float32') if they are in [0, 1]"
        )
    return images.astype(np.uint8, copy=False)
