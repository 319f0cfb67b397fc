"""Containers of rows for docs/containers.md, each made of an array; files are written to the current folder."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask.array
import dask.dataframe
import h5py
import numpy as np
import pandas as pd
import torch
import zarr
from PIL import Image

from vicinal import array_files

Make = Callable[[Any], Any]
_BATCH = 100


class Batches:
    """An iterable that can be read again, as loaders can."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __iter__(self) -> Iterator[Any]:
        return batches(self._array)


class Rows(torch.utils.data.Dataset[Any]):
    """A map-style data set of rows."""

    def __init__(self, array: Any) -> None:
        self._rows = torch.from_numpy(np.array(array))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: int) -> Any:
        return self._rows[i]


def batches(array: Any) -> Iterator[Any]:
    """Yield an array in batches."""
    for first in range(0, len(array), _BATCH):
        yield array[first : first + _BATCH]


def pairs(array: Any) -> Iterator[Any]:
    """Yield batches with their labels."""
    return ((rows, np.zeros(len(rows), np.int64)) for rows in batches(array))


def tensors(array: Any) -> Any:
    """Return a data set of tensors (row, label)."""
    return torch.utils.data.TensorDataset(torch.from_numpy(np.array(array)), torch.zeros(len(array), dtype=torch.int64))


def frame(array: Any) -> Any:
    """Return a data frame with the names that files have."""
    return pd.DataFrame(array.reshape(len(array), -1), columns=[f"z{i}" for i in range(array[0].size)])


def written(suffix: str) -> Make:
    """Return what writes an array to a file of a kind, as the command line does."""

    def make(array: Any) -> Path:
        array_files.write(path := Path(f"rows{suffix}"), array)
        return path

    return make


def mapped(array: Any) -> Any:
    """Return a memory map of a file."""
    return np.load(written(".npy")(array), mmap_mode="r")


def several(array: Any) -> list[Path]:
    """Return the paths of two files."""
    paths = [Path("first.npy"), Path("second.npy")]
    for path, some in zip(paths, np.array_split(array, 2), strict=True):
        np.save(path, some)
    return paths


def in_torch(array: Any) -> Path:
    """Return a file of torch.save."""
    torch.save(torch.from_numpy(np.array(array)), path := Path("rows.pt"))
    return path


def in_hdf5(array: Any) -> Path:
    """Return a file of HDF5 with small chunks."""
    with h5py.File(path := Path("rows.h5"), "w") as file:
        file.create_dataset("latents", data=array, chunks=(60, *array.shape[1:]))
    return path


def in_zarr(array: Any) -> Path:
    """Return a folder of Zarr with small chunks."""
    zarr.create_array(str(path := Path("rows.zarr")), data=array, chunks=(60, *array.shape[1:]), overwrite=True)
    return path


def pictures(array: Any) -> list[Any]:
    """Return grey pictures of Pillow."""
    return [Image.fromarray(each[0]) for each in array]


def folder(array: Any) -> Path:
    """Return a folder of PNG files."""
    (path := Path("pictures")).mkdir(exist_ok=True)
    for i, picture in enumerate(pictures(array)):
        picture.save(path / f"{i:04}.png")
    return path


def archive(array: Any) -> Path:
    """Return a zip file of PNG files."""
    with zipfile.ZipFile(path := Path("pictures.zip"), "w") as file:
        for picture in sorted(folder(array).iterdir()):
            file.write(picture, picture.name)
    return path


CONTAINERS: dict[str, Make] = {
    "NumPy array": lambda array: array,
    "memory map": mapped,
    "lists of numbers": lambda array: array.tolist(),
    "torch tensor": lambda array: torch.from_numpy(np.array(array)),
    "h5py dataset": lambda array: h5py.File(in_hdf5(array))["latents"],
    "zarr array": lambda array: zarr.open_array(str(in_zarr(array)), mode="r"),
    "dask array": lambda array: dask.array.from_array(array, chunks=(_BATCH, *array.shape[1:])),
    "pandas DataFrame": frame,
    "dask DataFrame": lambda array: dask.dataframe.from_pandas(frame(array), npartitions=3),
    "torch Dataset": Rows,
    "torch TensorDataset": tensors,
    "torch DataLoader": lambda array: torch.utils.data.DataLoader(tensors(array), _BATCH),
    "generator of batches": batches,
    "iterable of batches": Batches,
    "iterable of pairs (rows, labels)": pairs,
    "iterable of dicts": lambda array: ({"x": rows} for rows in batches(array)),
    "list of pairs (rows, labels)": lambda array: list(pairs(array)),
    "list of arrays": lambda array: list(batches(array)),
    "list of pictures of Pillow": pictures,
    "path of a folder of images": folder,
    "path of a zip or tar of images": archive,
    "path, `.npy`": written(".npy"),
    "path, `.npz`": written(".npz"),
    "path, `.safetensors`": written(".safetensors"),
    "path, `.pt`": in_torch,
    "path, `.h5`": in_hdf5,
    "path, `.zarr`": in_zarr,
    "path, `.parquet`": written(".parquet"),
    "path, `.csv`": written(".csv"),
    "list of paths of arrays": several,
}
OF_IMAGES = ("list of pictures of Pillow", "path of a folder of images", "path of a zip or tar of images")
