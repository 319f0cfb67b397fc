"""Real images to train and measure on.

=============  ================================================================================================
digits         1,797 handwritten digits, 8 x 8 grey, inside scikit-learn: nothing to download
mnist          60,000 + 10,000 handwritten digits, 28 x 28 grey, IDX files
fashion-mnist  60,000 + 10,000 images of clothes, 28 x 28 grey, IDX files
celeba         202,599 faces, 178 x 218 RGB, folder or zip of ``NNNNNN.jpg``; cropped to 140 x 140, then resized
mobius         16,717 images of eyes, RGB, folders ``Images`` and ``Masks``; whole, or cropped to the eye
folder         your own folder or zip of images; sub-folders are classes
=============  ================================================================================================

The first three are read whole, as floats. The others are decoded once, by threads, into a cache file of 8-bit levels,
which later calls map into memory: images that are not used take no memory.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from vicinal import _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.datasets import celeba, grey, image_folder, mobius
from vicinal.datasets.image_folder import SPLITS, BoxOf, Files, ImageFile, central_square, whole
from vicinal.image_files import unreadable_message
from vicinal.images import in_units

NAMES = ("digits", "mnist", "fashion-mnist", "celeba", "mobius", "folder")

__all__ = ["NAMES", "SPLITS", "Dataset", "load"]

_IN_TWO_PARTS = ("digits", "mnist", "fashion-mnist")
_IMAGE_SIZE = 64
_LARGEST = 4096


class Dataset(NamedTuple):
    """Images (n, C, H, W), and their labels, int64, shape (n,).

    Images are what `vicinal` takes for images everywhere: floats in [0, 1], or integers in 0..255. Those of digits,
    mnist and fashion-mnist are float32; those from image files are uint8, a quarter of the memory, read-only, and
    mapped from the cache. `floats` makes no difference between them.
    """

    images: Array
    labels: Array

    def floats(self, rows: Any = slice(None)) -> Array:
        """Return images as float32 in [0, 1]: all of them, or the rows of a slice or an index array.

        Examples
        --------
        >>> Dataset(np.array([[[[0, 51]]], [[[102, 255]]]], np.uint8), np.zeros(2, int)).floats([1]).tolist()
        [[[[0.4000000059604645, 1.0]]]]
        """
        floats: Array = in_units(self.images[rows])
        return floats


def load(
    name: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    split: str = "train",
    image_size: int | None = None,
    region: str | None = None,
    cache_dir: str | os.PathLike[str] | Literal[False] | None = None,
) -> Dataset:
    """Load a data set by name.

    Parameters
    ----------
    name : {"digits", "mnist", "fashion-mnist", "celeba", "mobius", "folder"}
        See the module.
    data_dir : path_like, optional
        Folder that holds the files, directly or in a sub-folder of the data set's name, or for the last three the zip
        archive itself. Needed except for digits, and for fashion-mnist where Debian's package is installed.
    split : {"train", "validation", "test"}
        The first three have no validation split. For digits every third image is a test image (599), the others are
        for training (1,198). CelebA: its own partition. mobius and folder: 80, 10 and 10 %, by a hash of the subject
        or of the file's stem, so that all images of one subject or stem are in one split.
    image_size : int, optional
        Height and width to resize to, 1 to 4096; None is 64 for celeba and mobius, and for folder the size that the
        images have. Those of a folder are cropped to their central square first.
    region : {"image", "eye"}, optional
        What of a mobius image is kept: all of it, squeezed to a square, which is the default; or a square around
        what its mask marks, with a quarter of its longer side added on each side. Images without a mask have no eye.
    cache_dir : path_like, False or None
        Folder for the cache; None is ``vicinal`` in ``$XDG_CACHE_HOME`` or ``~/.cache``. False keeps none: images are
        decoded into memory, on every call. The first three never need one.

    Returns
    -------
    Dataset
        Images and labels. Labels are digits, kinds of clothes, subjects or sub-folders (see
        `vicinal.datasets.image_folder.list_images`); for celeba they are all 0. C is 1 if all files are grey,
        otherwise 3.

    Warns
    -----
    UserWarning
        If image files cannot be read: they are left out, counted and named.

    Raises
    ------
    InvalidInputError
        For an unknown name or split, an option that the data set does not have, a missing ``data_dir``, images of
        several sizes, and a split without images.
    FileNotFoundError
        If a file is not there; the message says which, where it was looked for, and who publishes it.
    FileFormatError
        If a file is not what its name says, or no image can be read.
    MissingExtraError
        If image files are to be decoded and Pillow is not installed.

    Examples
    --------
    >>> images, labels = load("digits", split="test")
    >>> images.shape, float(images.max())
    ((599, 1, 8, 8), 1.0)
    """
    _validation.check_choice(name, "name", NAMES)
    _validation.check_choice(split, "split", SPLITS)
    _check_options(name, split, image_size, region)
    if name == "digits":
        return Dataset(*grey.digits(split))
    if data_dir is None and name == "fashion-mnist":
        data_dir = grey.DEBIAN_FOLDER
    if data_dir is None:
        place = "folder" if name in _IN_TWO_PARTS else "folder, or the zip,"
        raise InvalidInputError(f"data_dir must name the {place} that holds the files of {name}; got None")
    folder = Path(data_dir).expanduser()
    if name in _IN_TWO_PARTS:
        return Dataset(*grey.idx(name, folder, split))
    find = {"celeba": celeba.find, "mobius": mobius.find}.get(name, Path)
    with Files(find(folder)) as files:
        images, box_of = _plan(name, files, folder, region or "image")
        if image_size is None and name != "folder":
            image_size = _IMAGE_SIZE
        images.sort(key=lambda image: SPLITS.index(image.split))  # a split is one stretch of the cache file
        levels, unreadable = image_folder.load(name, files, images, box_of, image_size, cache_dir)
        if unreadable:
            warnings.warn(unreadable_message(files.path, len(levels), unreadable), UserWarning, stacklevel=2)
    images = [image for image in images if image.name not in unreadable]
    rows = [i for i, image in enumerate(images) if image.split == split]
    if not rows:
        raise InvalidInputError(
            f"split must be one that has images; of the {len(images)} in {files.path} none is for {split}: add "
            "images, or use another split"
        )
    labels = np.array([images[i].label for i in rows], np.int64)
    return Dataset(levels[rows[0] : rows[-1] + 1], labels)


def _check_options(name: str, split: str, image_size: int | None, region: str | None) -> None:
    if name in _IN_TWO_PARTS and split == "validation":
        raise InvalidInputError(
            f"split must be 'train' or 'test' for {name}, which has no validation part; got 'validation': keep rows "
            "of the training images for it"
        )
    if image_size is not None:
        if name in _IN_TWO_PARTS:
            raise InvalidInputError(f"image_size must be None for {name}, which has one size; got {image_size!r}")
        _validation.check_integer(image_size, "image_size", minimum=1, maximum=_LARGEST)
    if region is not None:
        if name != "mobius":
            raise InvalidInputError(f"region must be None for {name}: only mobius has masks; got {region!r}")
        _validation.check_choice(region, "region", mobius.REGIONS)


def _plan(name: str, files: Files, data_dir: Path, region: str) -> tuple[list[ImageFile], BoxOf]:
    """Return the images of a data set and what is kept of each."""
    if name == "celeba":
        return celeba.list_images(files, data_dir), celeba.aligned_face
    if name == "mobius":
        return mobius.list_images(files, region), mobius.eye if region == "eye" else whole
    return image_folder.list_images(files), central_square
