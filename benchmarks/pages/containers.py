"""Write the table of docs/containers.md: each operation is run on each container, and compared with that on an array.

python benchmarks/pages/containers.py    # seconds; needs pandas and the extras torch, io, images and dask
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import sys
import tempfile
import tracemalloc
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pandas as pd
from holders import CONTAINERS, OF_IMAGES, Make, frame
from pages import DOCS, fill, table

import vicinal
from vicinal import cli
from vicinal._errors import VicinalError
from vicinal.streams.sources import open_source

ROWS = (np.random.default_rng(0).integers(-90, 90, (240, 4)) / 8).astype(np.float32)
LEVELS = np.random.default_rng(1).integers(0, 256, (240, 1, 4, 4), dtype=np.uint8)
LARGE, LARGE_LEVELS = np.zeros((2500, 500), np.float32), np.zeros((1000, 1, 64, 64), np.uint8)  # 5 and 4 MB
MODEL = vicinal.Autoencoder(lambda images: images.reshape(len(images), -1)[:, :2] / 2, lambda latents: latents * 2)
SMALL = ("vicinal.array_files.containers._IN_MEMORY", "vicinal.images.memory._IN_MEMORY")  # bytes that are not mapped


class Case(NamedTuple):
    """What makes a container, and the array that is in it."""

    make: Callable[[], Any]
    array: Any


Operation = Callable[[Case], Any]


def main() -> None:
    """Fill the marked part of the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=DOCS / "containers.md", help="with the marks")
    page = parser.parse_args().page.absolute()
    sys.modules["mine"] = types.ModuleType("mine")  # of the model that commands are given
    sys.modules["mine"].model = MODEL  # type: ignore[attr-defined]
    rows = [[name, *cells(name, make)] for name, make in CONTAINERS.items()]
    del sys.modules["mine"]
    fill(page, "containers", table(["", *OPERATIONS, "command line", "read by encode"], rows).replace("---:", ":---:"))


def cells(name: str, make: Make) -> list[str]:
    """Return what each operation makes of one container."""
    array, large = (LEVELS, LARGE_LEVELS) if name in OF_IMAGES else (ROWS, LARGE)
    apt = (encode, evaluate) if name in OF_IMAGES else OPERATIONS.values()
    found = [tried(run, make, array) if run in apt else "-" for run in OPERATIONS.values()]
    is_path = name.startswith("path")
    commands = [command for command, run in COMMANDS.items() if is_path and tried(run, make, array) == "yes"]
    return [*found, ", ".join(commands) or "-", "-" if found[0] == "no" else how_read(make, large)]


def tried(run: Operation, make: Make, array: Any) -> str:
    """Return yes if an operation does with a container what it does with an array, and no if it says what is wrong."""
    expected = of_array(run, array is LEVELS)
    try:
        found = in_folder(lambda: run(Case(lambda: make(array), array)))
    except VicinalError:
        return "no"
    if np.allclose(found, expected, rtol=1e-5, atol=1e-5):
        return "yes"
    if run is evaluate and np.allclose(
        found, np.mean([run(Case(functools.partial(np.asarray, each), array)) for each in make(array)])
    ):
        return "a set each"
    raise RuntimeError(f"{run.__name__} gives {found} for a container and {expected} for the array in it")


@functools.cache
def of_array(run: Operation, of_images: bool) -> Any:
    """Return what an operation returns for the array that is in all containers."""
    array = LEVELS if of_images else ROWS
    return in_folder(lambda: run(Case(lambda: array, array)))


def how_read(make: Make, array: Any) -> str:
    """Return whether `encode` holds all rows in memory: more than half of their bytes, in arrays of NumPy."""

    def peak(array: Any) -> int:
        given = make(array)
        tracemalloc.start()
        for rows, _ in open_source(given, "images", 64).batches:
            del rows
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    with contextlib.ExitStack() as stack:
        for name in SMALL:
            stack.enter_context(mock.patch(name, 1 << 10))
        in_folder(lambda: peak(array[:100]))  # imports
        return "whole" if in_folder(lambda: peak(array)) > array.nbytes / 2 else "in batches"


def in_folder(run: Callable[[], Any]) -> Any:
    """Return what a function returns in a fresh folder."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return run()


def encode(case: Case) -> Any:
    """Return latents."""
    return vicinal.encode(MODEL, case.make(), batch_size=64)


def decode(case: Case) -> Any:
    """Return images."""
    return vicinal.decode(MODEL, case.make(), batch_size=64)


def fit(case: Case) -> Any:
    """Return samples of the two samplers that nearly everybody fits."""
    return np.concatenate([sampler.fit(case.make()).sample(20) for sampler in _samplers()])


def partial_fit(case: Case) -> Any:
    """Return samples of those two again."""
    return np.concatenate([sampler.partial_fit(case.make()).sample(20) for sampler in _samplers()])


def _samplers() -> list[Any]:
    return [vicinal.PMFSampler(4, random_state=0), vicinal.LocalSampler(8, scale=1.0, random_state=0)]


def score_samples(case: Case) -> Any:
    """Return log densities; names of columns are compared."""
    given = case.make()
    latents = frame(case.array) if isinstance(given, pd.DataFrame) else case.array
    return vicinal.PMFSampler(4, random_state=0).fit(latents).score_samples(given)


def evaluate(case: Case) -> Any:
    """Return one score; names of columns are compared."""
    given = case.make()
    real = frame(case.array[:120]) if hasattr(given, "columns") else case.array[:120]
    return vicinal.evaluate(real, given, metrics=["frechet_distance"])["generated"]["frechet_distance"]


def command(line: str) -> None:
    """Run a line of the command line; one that is refused raises VicinalError."""
    said = io.StringIO()
    with (
        mock.patch("sys.argv", ["vicinal", *line.split()]),
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        try:
            cli.main()
        except SystemExit as error:
            if error.code == 2:
                raise VicinalError(said.getvalue()) from None
            if error.code:
                raise RuntimeError(said.getvalue()) from None


def encode_file(case: Case) -> Any:
    """Return what ``vicinal encode`` writes."""
    command(f"encode mine:model {saved(case.make())} -o latents.npy")
    return np.load("latents.npy")


def decode_file(case: Case) -> Any:
    """Return what ``vicinal decode`` writes."""
    command(f"decode mine:model {saved(case.make())} -o images.npy")
    return np.load("images.npy")


def fit_file(case: Case) -> Any:
    """Return samples of what ``vicinal fit`` writes."""
    command(f"fit {saved(case.make())} -o sampler.safetensors --sampler pmf --n-bins 4 --seed 0")
    return vicinal.load("sampler.safetensors").sample(20)


def evaluate_file(case: Case) -> Any:
    """Return the score that ``vicinal evaluate`` writes."""
    np.save("real.npy", case.array[:120])
    command(f"evaluate real.npy ours={saved(case.make())} --metrics frechet_distance --features none -o scores.json")
    return json.loads(Path("scores.json").read_text())["rows"][-1]["frechet_distance"]


def saved(given: Any) -> Path:
    """Return the path that is given, or that of a file with the array that is given."""
    if isinstance(given, Path):
        return given
    np.save("given.npy", given)
    return Path("given.npy")


OPERATIONS = {run.__name__: run for run in (encode, decode, fit, partial_fit, score_samples, evaluate)}
COMMANDS = {"encode": encode_file, "decode": decode_file, "fit": fit_file, "evaluate": evaluate_file}

if __name__ == "__main__":
    main()
