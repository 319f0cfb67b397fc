"""Any folder or zip archive of images; sub-folders are classes."""

from __future__ import annotations

from pathlib import Path

from vicinal._errors import InvalidInputError
from vicinal.datasets.files import Files
from vicinal.datasets.pictures import Picture, split_by_hash, stem
from vicinal.image_files import SUFFIXES


def find(data_dir: Path) -> Path:
    """Return ``data_dir``, which must be a folder or an archive.

    Raises
    ------
    FileNotFoundError
        If it is neither.
    """
    if not data_dir.exists():
        raise FileNotFoundError(f"data_dir must be a folder of images or a .zip file of them; {data_dir} is not there")
    return data_dir


def list_pictures(files: Files) -> list[Picture]:
    """Return all pictures; the hash of the stem of a file decides about its split.

    Pictures of one stem, such as ``open/17.png`` and ``closed/17.png``, are in one split, as they may show the same.
    Labels count the first sub-folders in the order of their names; a single one that holds everything, as in many
    archives, is passed over first. Files beside sub-folders come before them, as a class of their own.

    Raises
    ------
    InvalidInputError
        If there is no image.
    """
    if not files.stamps:
        raise InvalidInputError(f"{files.path} must hold images ({', '.join(SUFFIXES)}); got none")
    parts = [name.split("/") for name in files.stamps]
    while len({tuple(part[:1]) for part in parts}) == 1 and len(parts[0]) > 1:
        parts = [part[1:] for part in parts]
    classes = ["" if len(part) == 1 else part[0] for part in parts]
    labels = {name: label for label, name in enumerate(sorted(set(classes)))}
    return [
        Picture(name, split_by_hash(stem(name)), labels[of]) for name, of in zip(files.stamps, classes, strict=True)
    ]
