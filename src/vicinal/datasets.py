"""Real images to train and measure on.

=========  =====================================================================================
digits     1,797 handwritten digits, 8 x 8 grey, inside scikit-learn: nothing to download
mnist      60,000 + 10,000 handwritten digits, 28 x 28 grey, from IDX files in a folder you name
=========  =====================================================================================
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vicinal import _validation
from vicinal._errors import FileFormatError, InvalidInputError

Array = np.ndarray[Any, Any]

NAMES = ("digits", "mnist")
SPLITS = ("train", "test")


class Dataset(NamedTuple):
    """Images in [0, 1], float32, shape (n, C, H, W), and their labels, int64, shape (n,)."""

    images: Array
    labels: Array


def load(name: str, *, data_dir: str | os.PathLike[str] | None = None, split: str = "train") -> Dataset:
    """Load a data set by name.

    Parameters
    ----------
    name : {"digits", "mnist"}
        See the module.
    data_dir : path_like, optional
        Folder that holds the files; needed for mnist, not for digits.
    split : {"train", "test"}
        For digits every third image is a test image (599), the others are for training (1,198).

    Returns
    -------
    Dataset
        Images and labels.

    Raises
    ------
    InvalidInputError
        For an unknown name or split, or a missing ``data_dir``.
    FileNotFoundError
        If a file is not there; the message says which, and where it was looked for.
    FileFormatError
        If a file is not what its name says.

    Examples
    --------
    >>> images, labels = load("digits", split="test")
    >>> images.shape, float(images.max())
    ((599, 1, 8, 8), 1.0)
    """
    _validation.check_choice(name, "name", NAMES)
    _validation.check_choice(split, "split", SPLITS)
    if name == "digits":
        return _digits(split)
    if data_dir is None:
        raise InvalidInputError(f"data_dir must name the folder that holds the files of {name}; got None")
    return _mnist(Path(data_dir), split)


def _digits(split: str) -> Dataset:
    from sklearn.datasets import load_digits

    digits = load_digits()
    test = np.arange(len(digits.images)) % 3 == 0
    rows = test if split == "test" else ~test
    images = (digits.images[rows, None] / 16.0).astype(np.float32)
    return Dataset(images, digits.target[rows].astype(np.int64))


def _mnist(folder: Path, split: str) -> Dataset:
    prefix = "train" if split == "train" else "t10k"
    images = _read_idx(_find(folder, f"{prefix}-images-idx3-ubyte"), n_dims=3)
    labels = _read_idx(_find(folder, f"{prefix}-labels-idx1-ubyte"), n_dims=1)
    if len(images) != len(labels):
        raise FileFormatError(f"{folder} has {len(images)} {split} images but {len(labels)} labels: get both again")
    return Dataset((images[:, None] / np.float32(255.0)).astype(np.float32), labels.astype(np.int64))


def _find(folder: Path, name: str) -> Path:
    for candidate in (folder / f"{name}.gz", folder / name):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f"{name}.gz (or {name}) is not in {folder}; MNIST is four IDX files, published by LeCun, Cortes and Burges: "
        "put them there, or name their folder with data_dir"
    )


def _read_idx(path: Path, n_dims: int) -> Array:
    """Read an IDX file of unsigned bytes: magic 0 0 8 n_dims, n_dims big-endian sizes, then the bytes."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileFormatError(f"{path} is not a whole gzip file ({error}): get it again") from None
    header = 4 + 4 * n_dims
    if len(data) < header or data[:4] != bytes((0, 0, 8, n_dims)):
        raise FileFormatError(f"{path} is not an IDX file of {n_dims}-dimensional bytes: get it again")
    shape = struct.unpack(f">{n_dims}I", data[4:header])
    if len(data) - header != int(np.prod(shape)):
        raise FileFormatError(f"{path} is truncated: {len(data) - header} bytes for shape {shape}; get it again")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
