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
from typing import Any

import numpy as np

from vicinal import array_files, storage
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
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
    "open_rows",
    "read",
    "read_with_classes",
    "values_of",
]

_REMEDY = "pass image_size=64, or any other, to resize them"
_LABELS = ("labels", "y", "arr_1")
_ACCEPTED = f"a folder, a zip or a tar file of images, or a file of an array ({', '.join(array_files.SUFFIXES)})"


def read(path: str | os.PathLike[str], image_size: int | None = None) -> Array:
    """Read a folder or an archive of images, or the array of a file. Nothing is ever unpickled.

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

    Which array it is of a file, `vicinal.array_files.read` says.

    Raises
    ------
    UnequalSizesError
        If images are of several sizes, and ``image_size`` is not given.
    InvalidInputError
        For other files, a folder without images, float files in no range of images, and a file of several arrays
        without a usual name.
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
    image_size = None if image_size is None else check_size(image_size)
    suffix = path.suffix.lower()
    if _is_of_array(path):
        array = array_files.read(path)
        return array if image_size is None else resize(array, image_size, str(path))
    if path.is_dir() or is_archive(path):
        with Files(path) as files:
            found, said, _ = _read_images(files, image_size)
        if said:
            warnings.warn(said, UserWarning, stacklevel=2)
        return found
    if not path.exists():
        raise FileNotFoundError(f"{path} must be {_ACCEPTED}; there is no such file or folder")
    remedy = "pass the folder that holds the images" if suffix in SUFFIXES else "save the array with numpy.save"
    raise InvalidInputError(f"{path} must be {_ACCEPTED}; got a {suffix or 'nameless'} file: {remedy}")


def read_with_classes(path: str | os.PathLike[str], image_size: int | None = None) -> tuple[Array, list[str]]:
    """Read what `read` does, and the class of each image or row, as text.

    The class of an image is the first folder below the folder or archive. If an archive holds everything in one folder,
    it is the next one. Of a ``.npz`` file, the classes are its array labels, y or arr_1. Of ``NAME.npy``, they are the
    array in ``NAME.labels.npy`` beside it.

    Raises
    ------
    InvalidInputError
        For images outside folders of classes, and where there are no labels, or not one for each row.
    FileFormatError, MissingExtraError
        As for `read`.
    """
    path = Path(path)
    if not _is_of_array(path) and (path.is_dir() or is_archive(path)):
        with Files(path) as files:
            found, said, names = _read_images(files, image_size)
        if said:
            warnings.warn(said, UserWarning, stacklevel=2)
        return found, _classes(path, names)
    rows = open_rows(path)
    rows = rows if image_size is None else resize(np.asarray(rows[:]), image_size, str(path))
    if path.suffix.lower() == ".npz":
        arrays, _ = storage.read_arrays(path, _LABELS)
        labels = next((arrays[name] for name in _LABELS if name in arrays), None)
        where = f"an array called {', '.join(_LABELS[:-1])} or {_LABELS[-1]}"
    else:
        beside = path.with_name(f"{path.stem}.labels.npy")
        labels = storage.read_array(beside) if beside.exists() else None
        where = f"a file {beside.name} beside it"
    n_rows = rows.shape[0]
    if labels is None or labels.shape != (n_rows,) or labels.dtype.kind not in "iubU":
        got = "nothing" if labels is None else f"{labels.dtype} of shape {labels.shape}"
        raise InvalidInputError(
            f"{path} must have one label, an integer or a text, for each of its {n_rows} rows, in {where}; got {got}"
        )
    return rows, [str(label) for label in labels.tolist()]


def _classes(path: Path, names: list[str]) -> list[str]:
    """Return the folder of classes that each image is in."""
    parts = [name.split("/") for name in names]
    if not path.is_dir() and len({each[0] for each in parts}) == 1 and all(len(each) > 2 for each in parts):
        parts = [each[1:] for each in parts]
    outside = next((name for name, each in zip(names, parts, strict=True) if len(each) < 2), None)
    if outside is not None:
        raise InvalidInputError(f"{path} must hold each image in a folder that is its class; {outside} is in none")
    return [each[0] for each in parts]


def open_rows(path: str | os.PathLike[str], image_size: int | None = None) -> Any:
    """Return what `read` does, but arrays of files as `vicinal.array_files.open_array` opens them: not read yet.

    ``image_size`` is for images in files: arrays are not resized.
    """
    return array_files.open_array(path) if _is_of_array(Path(path)) else read(path, image_size)


def _is_of_array(path: Path) -> bool:
    """Tell whether a path is a file of an array, by its suffix, or a folder of Zarr."""
    if path.is_dir():
        return path.suffix.lower() == ".zarr" or array_files.is_zarr(path)
    return path.suffix.lower() in array_files.SUFFIXES


def _read_images(files: Files, image_size: int | None) -> tuple[Array, str, list[str]]:
    """Return the images (n, C, H, W), a line on what was left out, and the path of each image."""
    names = list(files.stamps)
    if not names:
        others = ", ".join(f"{n} {kind}" for kind, n in sorted(files.skipped.items())) or "nothing"
        inside = any(kind in files.skipped for kind in (".npy", ".npz", ".zip", ".tar", ".gz", ".tgz"))
        remedy = "pass the file that holds them" if inside else "pass another folder, or give the files these suffixes"
        raise InvalidInputError(f"{files.path} must hold images ({', '.join(SUFFIXES)}); got {others}: {remedy}")

    def picture(name: str) -> Picture:
        with files.open(name) as file:
            return decode(file, image_size)

    found = gather(files.path, in_threads(names, picture), len(names), _REMEDY)
    kept = [name for name in names if name not in found.unreadable]
    return found.levels, message(files.path, found, files.skipped), kept
