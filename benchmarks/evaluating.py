"""The Frechet distance of two folders of PNGs, side by side: pytorch-fid, torch-fidelity, and `vicinal evaluate`.

Each tool is a process of its own, as a user would start it, with its own defaults, the same folders, the same number of
threads and the same random weights of the Inception network: the published ones are not needed to measure time. The
tools take turns. ``--rivals`` names an interpreter with pytorch-fid, torch-fidelity and torchvision; ``--data-dir`` the
folder with the MNIST files; ``--faces`` a folder or an archive of faces.
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from harness import Row
from inception_weights import random_weights

from vicinal import datasets
from vicinal.image_files import Files, decode

TARGETS = {"MNIST": 10_000, "faces": 1_000}  # images of each folder that the goal is set for
SIZES = {"quick": {"MNIST": (30, 100), "faces": (30, 100)}, "full": {"MNIST": (1_000, 10_000), "faces": (250, 1_000)}}
ROUNDS = 3
SPEND_S = {"quick": 1_000.0, "full": np.inf}
TOLERANCE = 1e-3  # of the distance, between tools that resize alike
OURS, ALIKE = "vicinal", "pytorch-fid"

Found = dict[tuple[str, str, int], list[Row]]  # by data, tool and number of images

_ARGUMENTS = """
import sys, torch
real, generated, weights = sys.argv[1:4]
"""
# torchvision's compiled operators do not load beside a torch without CUDA. Neither tool calls them, but torchvision
# wants their names when it is imported.
_NAMES_OF_OPERATORS = """
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""
_SCRIPTS = {
    "pytorch-fid": """
from pytorch_fid import fid_score, inception
inception.load_state_dict_from_url = lambda *_, **__: torch.load(weights, weights_only=True)
sys.argv[1:] = ["--device", "cpu", real, generated]
fid_score.main()
""",
    "torch-fidelity": """
import torch_fidelity
print(torch_fidelity.calculate_metrics(
    input1=real, input2=generated, fid=True, cuda=False, cache=False, verbose=False, feature_extractor_weights_path=weights
)["frechet_inception_distance"])
""",
}


def run(mode: str, options: Any) -> Row:
    """Measure; see bench.py."""
    if options.rivals is None or options.data_dir is None or options.faces is None:
        return {"not_run": "it needs --rivals, --data-dir and --faces: see benchmarks/evaluating.py"}
    import torch

    with tempfile.TemporaryDirectory() as place:
        weights = Path(place) / "weights.pth"
        torch.save(random_weights(), weights)
        folders = {}
        for data, sizes in SIZES[mode].items():
            for n in sizes:
                source = mnist(options.data_dir) if data == "MNIST" else faces(options.faces)
                folders[data, n] = write_folders(Path(place) / f"{data}-{n}", source, n)
        found = in_turns(folders, weights, options.rivals, SPEND_S[mode])
    rows = [row for data, sizes in SIZES[mode].items() for row in summary(data, sizes, found)]
    rounds = min(map(len, found.values()))
    return {
        "rows": rows,
        "rounds": rounds,
        "rivals": versions(options.rivals),
        "lacks_operators": lacks(options.rivals),
    }


def in_turns(folders: dict[tuple[str, int], tuple[Path, Path]], weights: Path, rivals: Path, spend_s: float) -> Found:
    """Return what each tool took for each pair of folders; no round begins that would end after ``spend_s``."""
    found: Found = {}
    began = time.monotonic()
    for done in range(ROUNDS):
        spent = time.monotonic() - began
        if done and spent * (done + 1) / done > spend_s:
            break
        for (data, n), (real, generated) in folders.items():
            for tool in (OURS, *_SCRIPTS):
                row = measured(command(tool, real, generated, weights, rivals))
                found.setdefault((data, tool, n), []).append(row)
    return found


def summary(data: str, sizes: tuple[int, int], found: Found) -> list[Row]:
    """Return a row for each tool: medians at the larger size, and what an image costs by the difference of the sizes."""
    (few, many), target = sizes, TARGETS[data]
    rows = []
    for tool in (OURS, *_SCRIPTS):
        seconds, cpu, peak = (
            {n: statistics.median(row[key] for row in found[data, tool, n]) for n in sizes}
            for key in ("seconds", "cpu_seconds", "peak_bytes")
        )
        each = (cpu[many] - cpu[few]) / (2 * (many - few))
        row: Row = {"data": data, "tool": tool, "n": many, "distance": found[data, tool, many][0]["distance"]}
        row |= {"seconds": seconds[many], "cpu_seconds": cpu[many], "peak_bytes": peak[many]}
        row |= {"cpu_seconds_an_image": each, "target_n": target}
        rows.append(row | {"target_cpu_seconds": cpu[many] + 2 * (target - many) * each})
    check(rows)
    return rows


def check(rows: list[Row]) -> None:
    """Raise ArithmeticError unless the tools that resize alike agree."""
    ours, other = (next(row["distance"] for row in rows if row["tool"] == tool) for tool in (OURS, ALIKE))
    if abs(ours - other) > TOLERANCE * other:
        raise ArithmeticError(f"{OURS} finds a distance of {ours}, but {ALIKE} of {other}")


def command(tool: str, real: Path, generated: Path, weights: Path, rivals: Path) -> list[str]:
    """Return what starts a tool, which writes the distance as the last word."""
    if tool != OURS:
        script = _ARGUMENTS + (_NAMES_OF_OPERATORS if lacks(rivals) else "") + _SCRIPTS[tool]
        return [str(rivals), "-c", script, str(real), str(generated), str(weights)]
    options = ["--features", "inception", "--weights", str(weights), "--metrics", "frechet_distance"]
    scores = str(weights.with_name("scores.json"))
    return [
        sys.executable,
        "-m",
        "vicinal.cli",
        "evaluate",
        str(real),
        str(generated),
        *options,
        "-o",
        scores,
        "--force",
    ]


def measured(arguments: list[str]) -> Row:
    """Return seconds, seconds of the processors, peak memory of the largest process, and the distance, of a command."""
    threads = str(len(os.sched_getaffinity(0)))
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    with tempfile.TemporaryFile() as output:
        begin = time.perf_counter()
        process = subprocess.Popen(arguments, env=environment, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise RuntimeError(f"{arguments[0]} ended with status {process.returncode}: {text[-300:]}")
    if "-o" in arguments:
        table = json.loads(Path(arguments[arguments.index("-o") + 1]).read_text(encoding="utf-8"))
        distance = float(table["rows"][-1]["frechet_distance"])
    else:
        distance = float(text.split()[-1])
    return {
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_bytes": 1024 * used.ru_maxrss,
        "distance": distance,
    }


def mnist(data_dir: Path) -> Iterator[Any]:
    """Yield images of MNIST, those for testing first."""
    for split in ("test", "train"):
        for image in datasets.load("mnist", data_dir=data_dir, split=split).images[:10_000, 0]:
            yield np.rint(255 * image).astype(np.uint8)


def faces(path: Path) -> Iterator[Any]:
    """Yield images (H, W, 3) of a folder or an archive."""
    with Files(path) as files:
        for name in files.stamps:
            with files.open(name) as file:
                yield decode(file).values.transpose(1, 2, 0)


def write_folders(place: Path, source: Iterator[Any], n: int) -> tuple[Path, Path]:
    """Write the next 2 n images as PNGs to two folders."""
    from PIL import Image

    folders = place / "real", place / "generated"
    for folder in folders:
        folder.mkdir(parents=True)
        for i in range(n):
            Image.fromarray(next(source)).save(folder / f"{i:05}.png")
    return folders


@functools.cache
def lacks(rivals: Path) -> bool:
    """Tell whether torchvision cannot be imported as it is."""
    return subprocess.run([rivals, "-c", "import torchvision"], check=False, capture_output=True).returncode != 0  # noqa: S603


def versions(rivals: Path) -> str:
    """Return the versions of the other tools."""
    script = "from importlib.metadata import version as v; print(*(f'{n} {v(n)}' for n in ('pytorch-fid', 'torch-fidelity', 'torch', 'torchvision', 'scipy')), sep=', ')"
    return subprocess.run([rivals, "-c", script], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
