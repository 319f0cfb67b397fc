"""Images in one array, a .npy or .npz file."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from vicinal import image_files
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.datasets.image_folder import central_square, resized, split_by_hash
from vicinal.images import alike, channels_first, to_levels


def is_array(path: Path) -> bool:
    """Tell whether a path names a file of an array."""
    return path.suffix.lower() in (".npy", ".npz") and not path.is_dir()


def load(path: Path, split: str, image_size: int | None) -> tuple[Array, Array]:
    """Return the images of a split as levels (n, C, H, W), and labels, which are all 0.

    The hash of its row decides about the split of an image. For ``image_size``, images are cropped to their central
    square and resized.
    """
    sets, _, notes = alike({"images": image_files.read(path)}, for_features=True)
    images = channels_first(to_levels(sets["images"], str(path)), str(path))
    rows = [row for row in range(len(images)) if split_by_hash(str(row)) == split]
    if not rows:
        raise InvalidInputError(
            f"split must be one that has images; of the {len(images)} in {path} none is for {split}: use another split"
        )
    for note in notes:
        warnings.warn(f"{path}: {note}", UserWarning, stacklevel=3)
    if image_size is not None:
        box = central_square(images.shape[3], images.shape[2])
        images = np.stack([resized(images[row], box, image_size) for row in rows])
    else:
        images = np.ascontiguousarray(images[rows])
    return images, np.zeros(len(rows), np.int64)
