"""Image files and array files, read safely: folders of images, .npy and .npz."""

from __future__ import annotations

import os
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np

from vicinal import _progress, storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError, MissingExtraError, import_extra

Item = TypeVar("Item")

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")

_FORMATS = ("PNG", "JPEG", "BMP", "PPM", "WEBP", "TIFF")  # not all that Pillow knows: EPS would start Ghostscript
_FILES_AT_ONCE = 16  # of each thread
_NAMED = 3  # unreadable files that a warning names
_USUAL_NAMES = ("arr_0", "images", "latents", "samples")
_ACCEPTED = "a folder of images, a .npy file or a .npz file"


def read(path: str | os.PathLike[str]) -> Array:
    """Read a folder of images, or the array of a .npy or .npz file. Nothing is ever unpickled.

    Of a folder, these are all images in it and in the folders below, in the order of their paths: uint8 (n, C, H, W),
    C being 1 if all files are grey, otherwise 3. They must be of one size. Files that cannot be read are left out; a
    UserWarning counts and names them. Images are turned as their EXIF orientation says. What is transparent is laid on
    white; palettes and other colour spaces become RGB, 16 bits the nearest of 8. Of several frames the first is taken.

    Of a ``.npz`` file, it is the only array, or the one that is called arr_0, images, latents or samples.

    Raises
    ------
    InvalidInputError
        For other files, a folder without images, images of several sizes, and an archive of several arrays without a
        usual name.
    FileFormatError
        If a file is damaged or holds no numbers, or no image of a folder can be read.
    MissingExtraError
        If a folder is given and Pillow is not installed.

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
    if path.is_dir():
        images, unreadable = _read_folder(path)
        if unreadable:
            warnings.warn(unreadable_message(path, len(images), unreadable), UserWarning, stacklevel=2)
        return images
    if suffix in (".npy", ".npz"):
        return storage.read_array(path) if suffix == ".npy" else _read_archive(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} must be {_ACCEPTED}; there is no such file or folder")
    remedy = "pass the folder that holds the images" if suffix in SUFFIXES else "save the array with numpy.save"
    raise InvalidInputError(f"{path} must be {_ACCEPTED}; got a {suffix or 'nameless'} file: {remedy}")


def _read_folder(folder: Path) -> tuple[Array, dict[str, str]]:
    """Return the images (n, C, H, W), and the reason for each file that cannot be read, by its path in the folder."""
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    if not names:
        raise InvalidInputError(f"{folder} must hold images ({', '.join(SUFFIXES)}); got a folder without any")

    def levels_of(name: str) -> Array:
        with (folder / name).open("rb") as file:
            return decode(file)

    return gather(folder, in_threads(names, levels_of), len(names), "resize or crop them first")


def gather(
    source: Path,
    decoded: Iterable[tuple[str, Array | str]],
    n_files: int,
    remedy: str,
    empty: Callable[[tuple[int, ...]], Array] = lambda shape: np.empty(shape, np.uint8),
) -> tuple[Array, dict[str, str]]:
    """Copy decoded images to one array (n, C, H, W), and return it with the reasons for the files left out.

    ``decoded`` gives the name of each file with its levels (C, H, W), or with the reason why it cannot be read. Grey
    images get three channels if any image is in colour. ``empty`` makes the uint8 array of shape (n_files, C, H, W);
    ``source`` and ``remedy``, what to do about several sizes, are for messages. Images of several sizes raise
    InvalidInputError; if no image can be read, that is a FileFormatError.
    """
    images, n, first = np.empty((0, 1, 0, 0), np.uint8), 0, ""
    unreadable: dict[str, str] = {}
    with _progress.bar(f"Reading {source}", n_files) as progress:
        for name, levels in decoded:
            progress.advance()
            if isinstance(levels, str):
                unreadable[name] = levels
                continue
            if not n:
                images, first = empty((n_files, *levels.shape)), name
            elif levels.shape[1:] != images.shape[2:]:
                raise InvalidInputError(
                    f"{source} must hold images of one size; got {_size(images[0])} in {first} but {_size(levels)} in "
                    f"{name} (width x height): {remedy}"
                )
            elif len(levels) > images.shape[1]:  # the first colour after grey ones
                images, grey = empty((n_files, *levels.shape)), images
                images[:n] = grey[:n]
            images[n] = levels
            n += 1
    if not n:
        name, reason = next(iter(unreadable.items()))
        raise FileFormatError(
            f"{source} holds no image that can be read, of {n_files}; {name}: {reason}. Get the files again"
        )
    return images[:n], unreadable


def decode(file: BinaryIO) -> Array:
    """Return the image in an open file as levels, uint8 (C, H, W), C being 1 if it is grey, otherwise 3.

    Pillow raises many errors for what is damaged, of another format, or too large to be an image.
    """
    pillow, operations = import_extra("PIL.Image", "images"), import_extra("PIL.ImageOps", "images")
    # An open file: given a path, Pillow maps raw TIFF into memory, and gets those to be turned wrong.
    with pillow.open(file, formats=_FORMATS) as image:
        if image.format != "TIFF":  # which Pillow turns itself; some versions would turn it twice here
            operations.exif_transpose(image, in_place=True)
        return _levels_of(image)


def in_threads(items: Sequence[Item], decoder: Callable[[Item], Array]) -> Iterator[tuple[Item, Array | str]]:
    """Yield each item with what the decoder returns, in order, or with the reason why it cannot be read.

    A block of items at a time, so that few decoded images wait.
    """

    def decoded(item: Item) -> Array | str:
        try:
            return decoder(item)
        except (MissingExtraError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - Pillow raises anything for damaged files
            return (str(error) or type(error).__name__).partition("\n")[0]

    n_threads = os.cpu_count() or 1
    with ThreadPoolExecutor(n_threads) as pool:
        for i in range(0, len(items), n_threads * _FILES_AT_ONCE):
            some = items[i : i + n_threads * _FILES_AT_ONCE]
            yield from zip(some, pool.map(decoded, some), strict=True)


def _levels_of(image: Any) -> Array:
    """Return an image of Pillow as levels (C, H, W), C being 1 or 3."""
    if image.mode.startswith("I"):  # grey of 16 bits; some formats are given more
        deep = np.asarray(image)
        if deep.min() < 0 or deep.max() >= 1 << 16:
            raise ValueError(f"grey levels from {deep.min()} to {deep.max()}, which do not fit 16 bits")
        return ((deep.astype(np.uint32) + 128) // 257).astype(np.uint8)[None]  # 65535 / 257 = 255
    if image.mode == "F":
        raise ValueError("grey levels are floats, whose range is unknown")
    kept = "L" if image.mode in ("1", "L", "LA") else "RGB"
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA", "RGBa"):
        pillow = import_extra("PIL.Image", "images")
        image = pillow.alpha_composite(pillow.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return channels_first(image.convert(kept))


def channels_first(image: Any) -> Array:
    """Return an image of Pillow, grey or RGB, as levels (C, H, W)."""
    return np.ascontiguousarray(np.atleast_3d(np.asarray(image)).transpose(2, 0, 1))


def _size(image: Array) -> str:
    return f"{image.shape[2]} x {image.shape[1]}"


def unreadable_message(folder: Path, n_read: int, unreadable: dict[str, str]) -> str:
    """Return a warning that counts the images that cannot be read, and names some."""
    names = list(unreadable)
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return (
        f"{folder}: {len(names)} of {n_read + len(names)} images cannot be read and are left out: {shown} "
        f"({unreadable[names[0]]}); write them again"
    )


def _read_archive(path: Path) -> Array:
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
