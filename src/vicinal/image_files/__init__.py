"""Image files and array files, read safely: folders, zip and tar archives of images, .npy and .npz.

=============  ==================================================================
`listing`      which files of a folder or an archive are images
`decoding`     one file to an array
`gathering`    many to one array, by threads, and what is said of the others
=============  ==================================================================
"""

from __future__ import annotations

import os
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

from vicinal import storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.image_files.decoding import Picture, decode, values_of
from vicinal.image_files.gathering import Gathered, gather, in_threads, message
from vicinal.image_files.listing import SUFFIXES, Files, is_archive
from vicinal.images import check_size, resize

__all__ = [
    "SUFFIXES",
    "Files",
    "Gathered",
    "Picture",
    "decode",
    "gather",
    "in_threads",
    "is_archive",
    "message",
    "read",
    "values_of",
]

_USUAL_NAMES = ("arr_0", "images", "latents", "samples")
_REMEDY = "pass image_size=64, or any other, to resize them"
_ACCEPTED = "a folder, a zip or a tar file of images, or a .npy or .npz file"


def read(path: str | os.PathLike[str], image_size: int | None = None) -> Array:
    """Read a folder or an archive of images, or the array of a .npy or .npz file. Nothing is ever unpickled.

    Of a folder or an archive, these are all images in it and in the folders below, in the order of their paths: uint8
    (n, C, H, W), C being 1 if all files are grey, otherwise 3. They must be of one size, unless ``image_size`` is
    given: then each is resized from its own size, by `vicinal.images.resize`, to float32 in [0, 1]. Images of that size
    are left as they are. An array is resized too.

    Images are turned as their EXIF orientation says. What is transparent is laid on white; palettes and other colour
    spaces become RGB. Files of 16 bits or of floats become the nearest of 8 bits, in the range that all of them
    together have; resized, they are not rounded. Of several frames the first is taken. More than 256 MiB are not held
    in memory, but mapped from a temporary file.

    Hidden files and folders hold no images. Linked folders are followed once. A UserWarning counts and names what was
    left out, in one line.

    Of a ``.npz`` file, it is the only array, or the one that is called arr_0, images, latents or samples.

    Raises
    ------
    UnequalSizesError
        If images are of several sizes, and ``image_size`` is not given.
    InvalidInputError
        For other files, a folder without images, float files in no range of images, and a
        .npz file of several arrays without a usual name.
    FileFormatError
        If a file is damaged or holds no numbers, or no image can be read.
    MissingExtraError
        If images are to be read and Pillow is not installed.

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
    image_size = None if image_size is None else check_size(image_size)
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz") and not path.is_dir():
        array = storage.read_array(path) if suffix == ".npy" else _read_npz(path)
        return array if image_size is None else resize(array, image_size, str(path))
    if path.is_dir() or is_archive(path):
        with Files(path) as files:
            found, said = _read_images(files, image_size)
        if said:
            warnings.warn(said, UserWarning, stacklevel=2)
        return found
    if not path.exists():
        raise FileNotFoundError(f"{path} must be {_ACCEPTED}; there is no such file or folder")
    remedy = "pass the folder that holds the images" if suffix in SUFFIXES else "save the array with numpy.save"
    raise InvalidInputError(f"{path} must be {_ACCEPTED}; got a {suffix or 'nameless'} file: {remedy}")


def _read_images(files: Files, image_size: int | None) -> tuple[Array, str]:
    """Return the images (n, C, H, W), and a line on what was left out."""
    names = list(files.stamps)
    if not names:
        others = ", ".join(f"{n} {kind}" for kind, n in sorted(files.skipped.items())) or "nothing"
        raise InvalidInputError(f"{files.path} must hold images ({', '.join(SUFFIXES)}); got {others}")

    def picture(name: str) -> Picture:
        with files.open(name) as file:
            return decode(file, image_size)

    found = gather(files.path, in_threads(names, picture), len(names), _REMEDY)
    return found.levels, message(files.path, found, files.skipped)


def _read_npz(path: Path) -> Array:
    try:
        with path.open("rb") as file:  # np.load leaves open what it cannot read
            archive = np.load(file, allow_pickle=False)
            names = list(getattr(archive, "files", ()))
            usual = [name for name in _USUAL_NAMES if name in names]
            chosen = names if len(names) == 1 else usual
            array = archive[chosen[0]] if len(chosen) == 1 else None
    except (ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise FileFormatError(f"{path} is not a whole .npz archive of numbers ({error}); write it again") from None
    if isinstance(archive, np.ndarray):
        raise FileFormatError(f"{path} is not an archive, but a .npy file: rename it")
    if len(chosen) != 1:
        raise InvalidInputError(
            f"{path} must hold one array, or just one of those called {', '.join(_USUAL_NAMES)}; "
            f"got {', '.join(names) or 'none'}: save the one to use with numpy.save"
        )
    if not isinstance(array, np.ndarray):
        raise FileFormatError(f"{path} is not a whole .npz archive of numbers: {chosen[0]} is no array")
    return array
