"""Images as a file would keep them: 8 bits a channel, clipped and rounded, never wrapped."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays, _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError

_OUTSIDE = 0.25  # a decoder may exceed [0, 1] by this much; more looks like another range
_MOST_OUTSIDE = 0.05
_FEW = 0.001  # of the values: outliers of a decoder
_BRIGHT = 64.0  # the brightest of floats in 0..255 is beyond
_BLOCK = 1 << 22  # values per step, so that the images are never copied as floats as a whole


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
        Integers of 8 bits come back as they are, without a copy.

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
    levels = np.empty(images.shape, np.uint8)
    outside, low, high = 0, 0.0, 0.0
    for rows in blocks_of(images):
        block = images[rows]
        outside += int(np.count_nonzero((block < -_OUTSIDE) | (block > 1.0 + _OUTSIDE)))
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        levels[rows] = UNITS.levels(block)
    if outside > _MOST_OUTSIDE * images.size:
        remedy = "divide by 255" if low >= 0.0 else "map them with (images + 1) / 2" if high <= 1.5 else "rescale them"
        raise InvalidInputError(
            f"{name} must be floats in [0, 1] or integers in 0..255; got floats from {low:.4g} to {high:.4g}, "
            f"{outside / images.size:.0%} of them beyond [{-_OUTSIDE}, {1 + _OUTSIDE}]: {remedy}".replace("%", " %")
        )
    return levels


class Range(NamedTuple):
    """The values that stand for black and for white."""

    name: str
    black: float
    white: float

    def units(self, values: Array) -> Array:
        """Return values as float32, black being 0 and white 1."""
        units: Array = (values.astype(np.float32) - np.float32(self.black)) / np.float32(self.white - self.black)
        return units

    def levels(self, values: Array) -> Array:
        """Return values as the nearest of 256 levels, uint8."""
        levels: Array = np.rint(np.clip(self.units(values), 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
        return levels


UNITS = Range("floats in [0, 1]", 0.0, 1.0)
SIGNED = Range("floats in [-1, 1]", -1.0, 1.0)
FLOAT_LEVELS = Range("floats in 0..255", 0.0, 255.0)
LEVELS_8, LEVELS_10, LEVELS_12, LEVELS_14, LEVELS_16 = (
    Range(f"levels of {bits} bits", 0.0, float((1 << bits) - 1)) for bits in (8, 10, 12, 14, 16)
)


def range_of(blocks: Iterable[Array], *, integers: bool) -> Range | None:
    """Return the range that the values of images, given in blocks, are in; None if they are in no range of images.

    Integers are levels of 8, 10, 12, 14 or 16 bits: the fewest that hold all. At most 5 % of floats may be beyond their
    range by more than a quarter of its white, as what a decoder makes is; of those in [-1, 1], whose like latents may
    be, 0.1 %. Floats are in 0..255 only if some are above 64.

    Examples
    --------
    >>> range_of([np.array([[0, 4000]])], integers=True)
    Range(name='levels of 12 bits', black=0.0, white=4095.0)
    >>> range_of([np.array([[-1.0, 0.3]])], integers=False).name, range_of([np.array([[-9.0, 3.0]])], integers=False)
    ('floats in [-1, 1]', None)
    """
    low, high, size = np.inf, -np.inf, 0
    beyond = dict.fromkeys((UNITS, SIGNED, FLOAT_LEVELS), 0)
    dark = 0  # values far below 0
    for block in blocks:
        low, high, size = min(low, float(block.min())), max(high, float(block.max())), size + block.size
        if not integers:
            for each in beyond:
                slack = _OUTSIDE * each.white
                beyond[each] += int(np.count_nonzero((block < each.black - slack) | (block > each.white + slack)))
            dark += int(np.count_nonzero(block < -_OUTSIDE))
    if integers:
        levels = (LEVELS_8, LEVELS_10, LEVELS_12, LEVELS_14, LEVELS_16)
        return next((each for each in levels if high <= each.white), None) if low >= 0 else None
    fits = [each for each in beyond if beyond[each] <= (_FEW if each is SIGNED else _MOST_OUTSIDE) * size]
    if SIGNED in fits and low >= -1.0 and high <= 1.0 and dark > _FEW * size:
        return SIGNED
    if FLOAT_LEVELS in fits and high <= _BRIGHT:
        fits.remove(FLOAT_LEVELS)
    return fits[0] if fits else None


def blocks_of(images: Array) -> Iterator[slice]:
    """Yield slices of rows, so that images are never copied as floats as a whole.

    The memory of mapped images is given back behind each slice.
    """
    rows = max(1, _BLOCK // max(1, images[:1].size))
    for first in range(0, len(images), rows):
        yield slice(first, first + rows)
        release(images)


def release(array: Array) -> None:
    """Give back the memory of an array that is mapped from a file, which keeps the values."""
    if isinstance(array, np.memmap) and array.mode != "c":
        base: Any = array
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            base.madvise(mmap.MADV_DONTNEED)


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
    """Return images of shape (n, H, W), (n, C, H, W) or (n, H, W, C), C being 1 or 3, as (n, 3, H, W).

    Grey images are repeated. If both the second and the last side are 1 or 3, the channels are the second. Any other
    shape raises InvalidInputError.

    Examples
    --------
    >>> import numpy as np
    >>> to_rgb(np.zeros((2, 8, 9, 3), np.uint8)).shape, to_rgb(np.zeros((2, 8, 9), np.uint8)).shape
    ((2, 3, 8, 9), (2, 3, 8, 9))
    """
    shape = levels.shape
    if levels.ndim == 3:
        levels = levels[:, None]
    elif levels.ndim == 4 and shape[1] not in (1, 3) and shape[3] in (1, 3):
        levels = levels.transpose(0, 3, 1, 2)
    if levels.ndim != 4 or levels.shape[1] not in (1, 3):
        raise InvalidInputError(
            f"{name} must have shape (n, H, W), (n, C, H, W) or (n, H, W, C) with 1 or 3 channels; got {shape}"
        )
    return np.broadcast_to(levels, (len(levels), 3, *levels.shape[2:]))


def _checked_integers(images: Array, name: str) -> Array:
    low, high = (int(images.min()), int(images.max())) if images.size else (0, 255)
    if low < 0 or high > 255:
        raise InvalidInputError(f"{name} must be floats in [0, 1] or integers in 0..255; got {low} to {high}")
    if high == 1:
        raise InvalidInputError(
            f"{name} must be floats in [0, 1] or integers in 0..255; got integers of which the largest is 1: "
            f"pass {name}.astype('float32') if they are in [0, 1]"
        )
    return images.astype(np.uint8, copy=False)
