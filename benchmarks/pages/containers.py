"""Write the table of docs/containers.md: every operation is run on every container, and compared with the same array.

python benchmarks/pages/containers.py    # a few seconds; needs the extras torch, io, images and dask, and pandas
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pages import DOCS, fill, table

import vicinal
from vicinal import array_files, cli
from vicinal._errors import VicinalError
from vicinal.streams.sources import open_source

ROWS = (np.random.default_rng(0).integers(-90, 90, (240, 4)) / 8).astype(np.float32)
LEVELS = np.random.default_rng(1).integers(0, 256, (240, 1, 2, 2), dtype=np.uint8)
HALVES = vicinal.Autoencoder(lambda images: images.reshape(len(images), -1)[:, :2] / 2, lambda latents: latents * 2)
BATCH = 100
Make = Callable[[Path, Any], Any]


def main() -> None:
    """Fill the marked part of the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=DOCS / "containers.md", help="with the marks")
    page = parser.parse_args().page.absolute()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        fill(page, "containers", "\n\n".join(text()))


def text() -> list[str]:
    """Return the table, and the reasons that its numbers stand for."""
    reasons: list[str] = []
    rows = []
    for name, make in CONTAINERS.items():
        cells = [_cell(run, make, array, reasons) for run, array in OPERATIONS.values()]
        rows.append([name, *cells, _held(make)])
    return [table(["", *OPERATIONS, "read"], rows), *(f"{i}. {reason}" for i, reason in enumerate(reasons, 1))]


def _cell(run: Callable[[Any], Any], make: Make, array: Any, reasons: list[str]) -> str:
    """Return what one operation does with one container."""
    try:
        given = make(Path.cwd(), array)
        found = run(given)
    except (VicinalError, OSError, SystemExit) as error:
        return f"no: {error}"
    np.testing.assert_allclose(np.asarray(found), np.asarray(run(array)), rtol=1e-6)
    return "yes"


def batches(array: Any) -> Iterator[Any]:
    """Yield an array in batches."""
    for first in range(0, len(array), BATCH):
        yield array[first : first + BATCH]


class Loader:
    """Batches that can be read again."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __iter__(self) -> Iterator[Any]:
        return batches(self.array)


def fitted(sampler: Any, X: Any) -> Any:
    return sampler.fit(X).sample(50)


def fit(X: Any) -> Any:
    """Fit both samplers that take everything."""
    return np.concatenate(
        [
            vicinal.PMFSampler(4, random_state=0).fit(X() if callable(X) else X).sample(20),
            vicinal.LocalSampler(8, scale=1.0, random_state=0).fit(X() if callable(X) else X).sample(20),
        ]
    )


def partial_fit(X: Any) -> Any:
    sampler = vicinal.PMFSampler(4, random_state=0)
    return sampler.partial_fit(X() if callable(X) else X).sample(20)


def score_samples(X: Any) -> Any:
    return vicinal.PMFSampler(4, random_state=0).fit(ROWS).score_samples(X() if callable(X) else X)


def evaluate(X: Any) -> Any:
    scores = vicinal.evaluate(ROWS[::2], X() if callable(X) else X, metrics=["frechet_distance"])
    return [scores["generated"]["frechet_distance"]]


def encode(X: Any) -> Any:
    return vicinal.encode(HALVES, X() if callable(X) else X, batch_size=64)


def decode(X: Any) -> Any:
    return vicinal.decode(HALVES, X() if callable(X) else X, batch_size=64)


OPERATIONS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "encode": (encode, ROWS),
    "decode": (decode, ROWS),
    "fit": (fit, ROWS),
    "partial_fit": (partial_fit, ROWS),
    "score_samples": (score_samples, ROWS),
    "evaluate": (evaluate, ROWS),
}


def torch_of(array):
    import torch

    return torch.from_numpy(np.array(array))


def loader(folder, array):
    import torch

    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch_of(array)), BATCH)


def dataset(folder, array):
    import torch

    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return len(array)

        def __getitem__(self, i):
            if i >= len(array):
                raise IndexError(i)
            return torch.from_numpy(np.array(array[i]))

    return Rows()


def tensors(folder, array):
    import torch

    return torch.utils.data.TensorDataset(torch_of(array), torch.arange(len(array)))


def memmap(folder, array):
    np.save(folder / "m.npy", array)
    return np.load(folder / "m.npy", mmap_mode="r")


def h5(folder, array):
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("rows", data=array, chunks=(50, *array.shape[1:]))
    return str(folder / "a.h5")


def h5_dataset(folder, array):
    import h5py

    return h5py.File(h5(folder, array))["rows"]


def zarr_array(folder, array):
    import zarr

    with array_files.open_file(folder / "z.zarr") as sink:
        sink.add(array)
    return zarr.open_array(str(folder / "z.zarr"), mode="r")


def written(suffix):
    def make(folder, array):
        array_files.write(folder / f"a{suffix}", array)
        return folder / f"a{suffix}"

    return make


def pt(folder, array):
    import torch

    torch.save(torch_of(array), folder / "a.pt")
    return folder / "a.pt"


def dask_array(folder, array):
    import dask.array

    return dask.array.from_array(array, chunks=(BATCH, *array.shape[1:]))


def dask_frame(folder, array):
    import dask.dataframe

    return dask.dataframe.from_pandas(frame(folder, array), npartitions=3)


def frame(folder, array):
    import pandas

    return pandas.DataFrame(array, columns=[f"z{i}" for i in range(array.shape[1])])


def several(folder, array):
    np.save(folder / "1.npy", array[:100])
    np.save(folder / "2.npy", array[100:])
    return [folder / "1.npy", folder / "2.npy"]


def _pictures(folder: Path, array: Any) -> Path:
    from PIL import Image

    (folder / "pictures").mkdir(exist_ok=True)
    for i, image in enumerate(LEVELS):
        Image.fromarray(image[0]).save(folder / f"pictures/{i:04}.png")
    return folder / "pictures"


CONTAINERS: dict[str, Make] = {
    "NumPy array": lambda folder, array: array,
    "memory map": memmap,
    "nested lists of numbers": lambda folder, array: array.tolist(),
    "torch tensor": lambda folder, array: torch_of(array),
    "list of arrays": lambda folder, array: list(batches(array)),
    "list of pairs (rows, labels)": lambda folder, array: [(rows, list(range(len(rows)))) for rows in batches(array)],
    "list of dicts": lambda folder, array: [{"x": rows} for rows in batches(array)],
    "generator of batches": lambda folder, array: batches(array),
    "iterable of batches": lambda folder, array: Loader(array),
    "iterable of dicts": lambda folder, array: ({"x": rows} for rows in batches(array)),
    "torch DataLoader": loader,
    "torch Dataset": dataset,
    "torch TensorDataset": tensors,
    "DataFrame of pandas": frame,
    "h5py dataset": h5_dataset,
    "zarr array": zarr_array,
    "dask array": dask_array,
    "dask DataFrame": dask_frame,
    ".npy": written(".npy"),
    ".npz": written(".npz"),
    ".safetensors": written(".safetensors"),
    ".pt": pt,
    ".h5": h5,
    ".zarr": written(".zarr"),
    ".parquet": written(".parquet"),
    ".csv": written(".csv"),
    "list of paths": several,
    "folder of images": _pictures,
}


def _held(make):
    return ""


if __name__ == "__main__":
    for name, make in CONTAINERS.items():
        for op, (run, array) in OPERATIONS.items():
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), warnings.catch_warnings(record=True) as w:
                try:
                    print(f"{name:30s} {op:12s}", _cell(run, make, array, [])[:200])
                except BaseException as e:
                    print(f"{name:30s} {op:12s} !!!!", type(e).__name__, str(e)[:300].replace("\n", " "))
                for x in w: print("      warning", x.message)
