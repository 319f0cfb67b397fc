"""CelebA: aligned and cropped faces of celebrities, 178 x 218, from its folder or zip archive of ``NNNNNN.jpg``."""

from __future__ import annotations

import bisect
import re
import zipfile
from pathlib import Path
from typing import Any

from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.datasets.image_folder import SPLITS, Box, Files, ImageFile

PARTITION = "list_eval_partition.txt"

_NAME = re.compile(r"(?:.*/)?(\d{6})\.jpg", re.IGNORECASE | re.DOTALL)
_FOLDER, _ARCHIVE = "img_align_celeba", "img_align_celeba.zip"
_SUB_FOLDERS = (".", "celeba", "Img", "celeba/Img")  # as published, images are in Img and the partition is in Eval
_N_ALL, _STANDARD = 202_599, (162_770, 182_637)  # all images; the last of the standard train and validation splits
_TO_GET = (
    "CelebA is published by the Multimedia Laboratory of the Chinese University of Hong Kong, for non-commercial "
    f"research only: get its aligned and cropped images, {_ARCHIVE}, and name it or its folder with data_dir"
)


def find(data_dir: Path) -> Path:
    """Return the folder or archive of the images: ``data_dir`` itself, or the only one there, or CelebA's own name."""
    if data_dir.is_file():
        return data_dir
    for path in (data_dir / sub_folder / name for sub_folder in _SUB_FOLDERS for name in (_FOLDER, _ARCHIVE)):
        if path.is_file() or _has_images(path):
            return path
    if _has_images(data_dir, "*.jpg"):
        return data_dir
    others = [path for path in sorted(data_dir.glob("*")) if _has_images(path)]
    if len(others) > 1:
        raise InvalidInputError(
            f"data_dir must hold one folder or zip of CelebA; {data_dir} has {', '.join(p.name for p in others)}: "
            "pass the path of the one to use"
        )
    if not others:
        raise FileNotFoundError(
            f"{_FOLDER}/ and {_ARCHIVE} are not in {data_dir}, nor is any other folder or zip of files such as "
            f"000001.jpg; {_TO_GET}"
        )
    return others[0]


def _has_images(path: Path, *patterns: str) -> bool:
    """Tell whether a zip holds faces, or a folder where the patterns look: in it and in the folders in it."""
    if path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(_NAME.fullmatch(name) for name in archive.namelist())
    files = (file for pattern in patterns or ("*.jpg", "*/*.jpg") for file in path.glob(pattern))
    return any(_NAME.fullmatch(file.name) for file in files)


def list_images(files: Files, data_dir: Path) -> list[ImageFile]:
    """Return all images with their splits.

    These are what the partition file says. Without one, the first 80 % by number are for training, the next 10 % for
    validation and the last 10 % for testing; of the complete set, the standard parts.
    """
    images = sorted((int(match[1]), match[0]) for match in map(_NAME.fullmatch, files.stamps) if match)
    if not images:
        raise FileNotFoundError(f"{files.path} has no file such as 000001.jpg; {_TO_GET}")
    partition = _find_partition(files.path, data_dir)
    if partition is not None:
        splits = _read_partition(partition)
        absent = [name for number, name in images if number not in splits]
        if absent:
            raise FileFormatError(f"{partition} does not say in which split {absent[0]} is: get it again")
        return [ImageFile(name, splits[number], 0) for number, name in images]
    if len(images) == _N_ALL:
        return [ImageFile(name, SPLITS[bisect.bisect_left(_STANDARD, number)], 0) for number, name in images]
    return [ImageFile(name, SPLITS[max(0, 10 * i // len(images) - 7)], 0) for i, (_, name) in enumerate(images)]


def _find_partition(path: Path, data_dir: Path) -> Path | None:
    folders = [data_dir, data_dir / "celeba", path, path.parent, path.parent.parent]
    candidates = (folder / sub / PARTITION for folder in folders for sub in (".", "Eval"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _read_partition(path: Path) -> dict[int, str]:
    """Read lines such as ``000001.jpg 0``, 0 being train, 1 validation and 2 test."""
    splits = {}
    for line in path.read_text("utf-8", errors="replace").splitlines():
        found = re.fullmatch(r"(\d{6})\.jpg\s+([012])\s*", line)
        if found:
            splits[int(found[1])] = SPLITS[int(found[2])]
        elif line.strip():
            raise FileFormatError(f"{path} must have lines such as 000001.jpg 0; got {line[:40]!r}: get it again")
    return splits


def aligned_face(width: int, height: int, _mask: Any = None) -> Box:
    """Keep the middle, 140 x 140 of 178 x 218, the crop of the literature; of other sizes, the same fractions.

    Examples
    --------
    >>> aligned_face(178, 218)
    (19.0, 39.0, 159.0, 179.0)
    >>> aligned_face(89, 109)
    (9.5, 19.5, 79.5, 89.5)
    """
    side_x, side_y = width * 140 / 178, height * 140 / 218
    left, top = (width - side_x) / 2, (height - side_y) / 2
    return left, top, left + side_x, top + side_y
