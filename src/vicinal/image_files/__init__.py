"""Image files, read safely: folders, zip and tar archives of images; and files of arrays.

=============  ==================================================================
`listing`      which files of a folder or an archive are images
`decoding`     one file to an array
`gathering`    many to one array, by threads, and what is said of the others
=============  ==================================================================
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from vicinal import array_files
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.image_files.decoding import Picture, channels_first, decode
from vicinal.image_files.gathering import Gathered, gather, in_threads, message
from vicinal.image_files.listing import SUFFIXES, Files, is_archive

__all__ = [
    "SUFFIXES",
    "Files",
    "Gathered",
    "Picture",
    "channels_first",
    "decode",
    "gather",
    "in_threads",
    "message",
    "read",
]

_ACCEPTED = f"a folder, a zip or a tar file of images, or a file of an array ({', '.join(array_files.SUFFIXES)})"


def read(path: str | os.PathLike[str]) -> Array:
    """Read a folder or an archive of images, or the array of a file. Nothing is ever unpickled.

    Of a folder or an archive, these are all images in it and in the folders below, in the order of their paths: uint8
    (n, C, H, W), C being 1 if all files are grey, otherwise 3. They must be of one size. Images are turned as their
    EXIF orientation says. What is transparent is laid on white; palettes and other colour spaces become RGB. Files of
    16 bits or of floats become the nearest of 8 bits, in the range that all of them together have. Of several frames
    the first is taken. More than 256 MiB are not held in memory, but mapped from a temporary file.

    Hidden files and folders hold no images. Linked folders are followed once. A UserWarning counts and names what was
    left out, in one line.

    Which array it is of a file, `vicinal.array_files.read` says.

    Raises
    ------
    InvalidInputError
        For other files, a folder without images, images of several sizes, float files in no range of images, and a
        file of several arrays without a usual name.
    FileFormatError
        If a file is damaged or holds no numbers, or no image can be read.
    MissingExtraError
        If images are to be read and Pillow is not installed, or the package for files of such arrays.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (8, 9), 255).save(f"{folder}/a.png")
    ...     Image.new("RGB", (8, 9), "red").save(f"{folder}/b.png")
    ...     images = read(folder)
    >>> images.shape, images[:, :, 0, 0].tolist()
    ((2, 3, 9, 8), [[255, 255, 255], [255, 0, 0]])
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in array_files.SUFFIXES and (suffix == ".zarr" or not path.is_dir()):
        return array_files.read(path)
    if path.is_dir() or is_archive(path):
        with Files(path) as files:
            found, said = _read_images(files)
        if said:
            warnings.warn(said, UserWarning, stacklevel=2)
        return found
    if not path.exists():
        raise FileNotFoundError(f"{path} must be {_ACCEPTED}; there is no such file or folder")
    remedy = "pass the folder that holds the images" if suffix in SUFFIXES else "save the array with numpy.save"
    raise InvalidInputError(f"{path} must be {_ACCEPTED}; got a {suffix or 'nameless'} file: {remedy}")


def _read_images(files: Files) -> tuple[Array, str]:
    """Return the images (n, C, H, W), and a line on what was left out."""
    names = list(files.stamps)
    if not names:
        others = ", ".join(f"{n} {kind}" for kind, n in sorted(files.skipped.items())) or "nothing"
        raise InvalidInputError(f"{files.path} must hold images ({', '.join(SUFFIXES)}); got {others}")

    def picture(name: str) -> Picture:
        with files.open(name) as file:
            return decode(file)

    found = gather(files.path, in_threads(names, picture), len(names), "resize or crop them first")
    return found.levels, message(files.path, found, files.skipped)
