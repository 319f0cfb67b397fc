"""Images in another size, as clean-fid resizes them: bicubic, antialiased, in float.

Each channel is resized as float32 by Pillow's bicubic filter. Where it reduces, the filter averages over all pixels, so
that fine patterns fade instead of turning into coarse ones. The two passes of the filter are not rounded, nor is what
comes out: it is only clipped to the range of the images, which a bicubic filter may exceed. Images that are not square
are squashed.

References
----------
G. Parmar, R. Zhang, J.-Y. Zhu, "On aliased resizing and surprising subtleties in GAN evaluation", CVPR 2022,
arXiv:2104.11222.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from vicinal import _arrays, _progress, _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, import_extra
from vicinal.images.levels import channels_first
from vicinal.images.memory import blocks_of, empty, n_cores, release
from vicinal.images.ranges import LEVELS_8, Range, range_of

LARGEST = 4096  # of the sides that images are resized to
_AT_ONCE = 1 << 18  # values that a thread resizes in one go


def resize(images: Any, image_size: int, name: str = "images") -> Any:
    """Resize images to a square, as clean-fid does: bicubic, antialiased, in float.

    Parameters
    ----------
    images : array_like of shape (n, H, W), (n, C, H, W) or (n, H, W, C)
        NumPy or torch, C being 1 or 3: integers, or floats in [0, 1], [-1, 1] or 0..255.
    image_size : int
        Height and width to resize to, 1 to 4096. Images that are not square are squashed.
    name : str
        What to call the images in messages.

    Returns
    -------
    ndarray or torch.Tensor of float32, in the layout of ``images``
        Not rounded, and clipped to the range of the images. Floats keep their range, and integers become floats in
        [0, 1]. Images that have the size already come back as they are. A large array is mapped from a temporary
        file. A tensor comes back on its device, in its own type if that is a float type.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For an impossible size, another shape, NaN, and values in no range of images.
    MissingExtraError
        If Pillow is not installed.

    References
    ----------
    G. Parmar, R. Zhang, J.-Y. Zhu, "On aliased resizing and surprising subtleties in GAN evaluation", CVPR 2022,
    arXiv:2104.11222.

    Examples
    --------
    >>> import numpy as np
    >>> stripes = np.zeros((1, 64, 64), np.uint8)
    >>> stripes[:, :, ::2] = 255
    >>> small = resize(stripes, 16)
    >>> small.shape, small.dtype.name, bool(abs(small - 0.5).max() < 0.05)
    ((1, 16, 16), 'float32', True)
    """
    image_size = check_size(image_size)
    kind = _arrays.tensor_kind(images)
    array = _validation.check_array(images, name)
    first = channels_first(array, name)
    if first.shape[2:] == (image_size, image_size):
        return images if kind else array
    if 0 in first.shape[2:]:
        raise InvalidInputError(f"{name} must have sides of at least one pixel; got {array.shape}")
    values = _range(array, name)
    found = empty(_resized_shape(array, first, image_size), np.float32)
    _fill(_like(found, array, first), first, values, is_integer=array.dtype.kind != "f")
    return _arrays.from_numpy(found, kind)


def check_size(image_size: Any) -> int:
    """Return ``image_size`` as an int from 1 to 4096, or raise InvalidInputError or InvalidTypeError."""
    return _validation.check_integer(image_size, "image_size", minimum=1, maximum=LARGEST)


def said_of(image_size: int, *, for_features: bool = False) -> str:
    """Return what a reader of numbers has to know of images that were resized, or that are only ``for_features``.

    Examples
    --------
    >>> said_of(64)
    'Images are resized to 64 x 64 as clean-fid does: bicubic, antialiased, in float.'
    """
    resized = f"Images are resized to {image_size} x {image_size}"
    how = "as clean-fid does: bicubic, antialiased, in float."
    if not for_features:
        return f"{resized} {how}"
    return f"{resized} for their features, {how} What is measured between pixels takes them in their own size."


def resized_planes(values: Array, image_size: int, box: tuple[float, float, float, float] | None = None) -> Array:
    """Return one image (C, H, W), or what is in a box of it, as float32 (C, image_size, image_size), not clipped.

    The box is (left, top, right, bottom) in pixels, with fractions.
    """
    pillow = import_extra("PIL.Image", "images")
    found = np.empty((len(values), image_size, image_size), np.float32)
    for plane, resized in zip(np.ascontiguousarray(values, np.float32), found, strict=True):
        image = pillow.fromarray(plane)
        resized[:] = image.resize((image_size, image_size), pillow.Resampling.BICUBIC, box=box)
    return found


def _range(images: Array, name: str) -> Range:
    """Return the range of images; that of uint8 does not depend on the values."""
    if images.dtype == np.uint8 or not images.size:
        return LEVELS_8
    integers = images.dtype.kind != "f"
    if not integers:
        _validation.check_finite(images, name)
    found = range_of((images[rows] for rows in blocks_of(images)), integers=integers)
    if found is None:
        raise InvalidInputError(
            f"{name} must be floats in [0, 1], [-1, 1] or 0..255, or integers in 0..65535; got {images.dtype} from "
            f"{float(images.min()):.4g} to {float(images.max()):.4g}: map black to 0 and white to 1"
        )
    return found


def _resized_shape(images: Array, first: Array, image_size: int) -> tuple[int, ...]:
    sides = (image_size, image_size)
    if images.ndim == 3:
        return (len(images), *sides)
    n_channels = first.shape[1]
    return (len(images), n_channels, *sides) if first is images else (len(images), *sides, n_channels)


def _like(found: Array, images: Array, first: Array) -> Array:
    """Return a view (n, C, H, W) of the resized images, whose layout is that of ``images``."""
    if images.ndim == 3:
        return found[:, None]
    return found if first is images else found.transpose(0, 3, 1, 2)


def _fill(found: Array, images: Array, values: Range, *, is_integer: bool) -> None:
    """Resize images (n, C, H, W) into ``found``, by threads."""
    image_size = found.shape[2]
    rows = max(1, _AT_ONCE // max(images[:1].size, found[:1].size, 1))
    black, white = np.float32(values.black), np.float32(values.white)

    def resize_block(start: int) -> int:
        block = slice(start, start + rows)
        for image, resized in zip(images[block], found[block], strict=True):
            resized[:] = resized_planes(image, image_size).clip(black, white)
        if is_integer:
            found[block] = values.units(found[block])
        release(images)
        release(found)
        return len(found[block])

    import_extra("PIL.Image", "images")  # here already, so that it is not missing in each thread
    with ThreadPoolExecutor(n_cores()) as pool, _progress.bar("Resizing", len(images)) as progress:
        for n_done in pool.map(resize_block, range(0, len(images), rows)):
            progress.advance(n_done)
