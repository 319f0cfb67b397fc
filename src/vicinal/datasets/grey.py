"""Small grey data sets that are read whole: scikit-learn's digits, and the IDX files of MNIST and Fashion-MNIST."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import FileFormatError

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # of Debian's package dataset-fashion-mnist

_TO_GET = {
    "mnist": "MNIST is four IDX files, published by LeCun, Cortes and Burges",
    "fashion-mnist": "Fashion-MNIST is four IDX files, published by Zalando Research and in Debian's package "
    "dataset-fashion-mnist",
}


def digits(split: str) -> tuple[Array, Array]:
    """Return images (n, 1, 8, 8) in [0, 1] and labels; every third image is for testing."""
    from sklearn.datasets import load_digits

    data = load_digits()
    test = np.arange(len(data.images)) % 3 == 0
    rows = test if split == "test" else ~test
    return (data.images[rows, None] / 16.0).astype(np.float32), data.target[rows].astype(np.int64)


def idx(name: str, data_dir: Path, split: str) -> tuple[Array, Array]:
    """Return images (n, 1, H, W) in [0, 1] and labels of MNIST, or of what is published in its format."""
    prefix = "train" if split == "train" else "t10k"
    images_path = _find(name, data_dir, f"{prefix}-images-idx3-ubyte")
    images = _read_idx(images_path, n_dims=3)
    labels = _read_idx(_find(name, images_path.parent, f"{prefix}-labels-idx1-ubyte"), n_dims=1)
    if len(images) != len(labels):
        raise FileFormatError(
            f"{images_path.parent} has {len(images)} {split} images but {len(labels)} labels: get both again"
        )
    return (images[:, None] / np.float32(255.0)).astype(np.float32), labels.astype(np.int64)


def _find(name: str, folder: Path, stem: str) -> Path:
    # The sub-folder first: the files of all data sets in this format have the same names.
    for candidate in (folder / name, folder):
        for path in (candidate / f"{stem}.gz", candidate / stem):
            if path.is_file():
                return path
    raise FileNotFoundError(
        f"{stem}.gz (or {stem}) is not in {folder}, nor in its sub-folder {name}; {_TO_GET[name]}: "
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
