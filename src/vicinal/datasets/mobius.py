"""MOBIUS: eyes photographed with three smartphones, in ``Images/<subject>/``, some with masks in ``Masks/<subject>/``.

Files are named ``<subject>_<phone><light>_<Eye><gaze>_<n>.jpg``: phone 1 to 3, light i (indoor), n (natural) or
p (poor), eye L or R, gaze l, r, s (straight) or u (up). Files with other names are passed over.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.datasets.image_folder import Box, Files, ImageFile, split_by_hash

REGIONS = ("image", "eye")
MARGIN = 0.25  # of the longer side of an eye, added on each side of it

_NAME = re.compile(r"(\d+)_\d[inp]_[LR][lrsu]_\d+")
_BACKGROUND = 127  # masks are colours on black; what compression leaves around their edges is below
_TO_GET = (
    "MOBIUS is given on request by the University of Ljubljana, for non-commercial research only: name the folder, or "
    "zip, that holds its Images and Masks with data_dir"
)


def find(data_dir: Path) -> Path:
    """Return the folder that holds Images, or the archive."""
    if data_dir.is_file():
        return data_dir
    folders = [data_dir / name for name in (".", "mobius", "MOBIUS") if (data_dir / name / "Images").is_dir()]
    archives = [data_dir / name for name in ("mobius.zip", "MOBIUS.zip") if (data_dir / name).is_file()]
    if folders or archives:
        return (folders + archives)[0]
    raise FileNotFoundError(f"Images/ and MOBIUS.zip are not in {data_dir}, nor in its sub-folder MOBIUS; {_TO_GET}")


def list_images(files: Files, region: str) -> list[ImageFile]:
    """Return all images with their subjects, which decide about the splits, and with masks for region "eye"."""
    found, masks = [], {}
    for name in files.stamps:
        path = PurePosixPath(name)
        match = _NAME.fullmatch(path.stem)
        if match and "Images" in path.parts:
            found.append((int(match[1]), name))
        elif match and "Masks" in path.parts:
            masks[path.stem] = name
    if not found:
        raise FileNotFoundError(f"{files.path} has no file such as Images/1/1_1i_Ll_1.jpg; {_TO_GET}")
    images = [ImageFile(name, split_by_hash(str(subject)), subject) for subject, name in sorted(found)]
    if region == "image":
        return images
    if not masks:
        raise FileNotFoundError(
            f"{files.path} has no mask such as Masks/1/1_1i_Ll_1.png, which region='eye' needs: get them too, or pass "
            "region='image'"
        )
    with_masks = [image._replace(mask=masks.get(PurePosixPath(image.name).stem)) for image in images]
    return [image for image in with_masks if image.mask is not None]


def eye(width: int, height: int, mask: Array) -> Box:
    """Keep a square around everything that is not black in the mask, with a margin, moved into the image.

    Examples
    --------
    >>> mask = np.zeros((3, 60, 100), np.uint8)
    >>> mask[0, 20:30, 40:60] = 255
    >>> eye(100, 60, mask)
    (35.0, 10.0, 65.0, 40.0)
    """
    marked: Array = mask.max(axis=0) > _BACKGROUND
    columns, rows = np.flatnonzero(marked.any(axis=0)), np.flatnonzero(marked.any(axis=1))
    if not len(columns):
        raise InvalidInputError("its mask is all background")
    scale_x, scale_y = width / mask.shape[2], height / mask.shape[1]
    if not 0.99 < scale_x / scale_y < 1.01:
        raise InvalidInputError(f"its mask is {mask.shape[2]} x {mask.shape[1]}, but it is {width} x {height}")
    left, right = float(columns[0]) * scale_x, float(columns[-1] + 1) * scale_x
    top, bottom = float(rows[0]) * scale_y, float(rows[-1] + 1) * scale_y
    side = min((1 + 2 * MARGIN) * max(right - left, bottom - top), width, height)
    left = min(max(0.0, (left + right - side) / 2), width - side)
    top = min(max(0.0, (top + bottom - side) / 2), height - side)
    return left, top, left + side, top + side
