"""The time of fits and samples against that of a copy of as many values, and against plain NumPy; and a cold start.

A round takes everything in turn, so that other load on the machine falls on all alike. Ratios are of medians over rounds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Row, alternate
from latents import Array, PlainCells, clustered
from rich.progress import track

from vicinal import kernels
from vicinal.samplers import PMFSampler

N_BINS = 32
SIZES = {"quick": ((2, 1_000_000), (16, 1_000_000), (64, 1_000_000), (512, 100_000))}
SIZES["full"] = (*SIZES["quick"][:3], (512, 1_000_000))
ROUNDS = {"quick": 7, "full": 21}
NUMPY_ROUNDS = 2  # rounds of plain NumPy, which takes long
N_STARTS = 5

# Goals: at most so many times the copy, and at least so many times as fast as NumPy.
GOALS = {"fit": 6.5, "sample": 2.0}
NUMPY_GOALS = {2: 8.0, 16: 8.0, 64: 15.0, 512: 8.0}
NAMES = {
    "codes": f"bounds and codes, {N_BINS} bins: the kernels alone",
    "fit": f"fit, {N_BINS} bins, with its table of cells",
    "sample": "as many samples as latents",
}


def run(mode: str, options: Any) -> Row:
    """Measure; see bench.py."""
    del options
    rows = []
    for d, n in track(SIZES[mode], description="speed"):
        rows += measure(n, d, ROUNDS[mode])
    return {"rows": rows, "cold_start": cold_start()}


def measure(n: int, d: int, rounds: int) -> list[Row]:
    """Return the seconds and the ratios of one size."""
    latents = clustered(n, d)
    target = np.zeros_like(latents)
    sampler = PMFSampler(N_BINS, random_state=0).fit(latents)
    plain = PlainCells(N_BINS)
    plain.fit(latents)
    works: dict[str, Callable[[], Any]] = {
        "copy": lambda: np.copyto(target, latents),
        "codes": lambda: codes(latents),
        "fit": lambda: PMFSampler(N_BINS, random_state=0).fit(latents),
        "sample": lambda: sampler.sample(n),
    }
    times = {name: seconds[1:] for name, seconds in alternate(works, 1 + rounds).items()}  # the first round compiles
    copy = statistics.median(times["copy"])
    numpy = statistics.median(alternate({"numpy": lambda: plain.sample(n)}, NUMPY_ROUNDS)["numpy"])
    rows = []
    for name, label in NAMES.items():
        seconds = statistics.median(times[name])
        row: Row = {"name": label, "n": n, "d": d, "seconds": seconds, "ratio_to_copy": seconds / copy}
        row["quartiles"] = [float(q / copy) for q in np.quantile(times[name], [0.25, 0.75])]
        row["target"] = GOALS.get(name) if d == 64 else None
        row["ratio_to_numpy"] = numpy / seconds if name == "sample" else None
        row["numpy_target"] = NUMPY_GOALS[d] if name == "sample" else None
        rows.append(row)
    return rows


def codes(latents: Array) -> Array:
    """Return the codes (n, d) of latents, by the kernels."""
    loops = kernels.select(latents)
    lower, upper = loops.bounds(latents)
    found: Array = loops.quantize(latents, lower, (upper - lower) / np.float32(N_BINS), N_BINS)
    return found


_START = """
import json, time
import sklearn.datasets
images = (sklearn.datasets.load_digits().data / 16).astype("float32")
begin = time.perf_counter()
import vicinal
sampler = vicinal.PMFSampler(32, random_state=0).fit(images)
sampler.sample(1000)
print(json.dumps(time.perf_counter() - begin))
"""


def cold_start() -> dict[str, float]:
    """Return the seconds that the first fit and 1,000 samples of the digits take in a new process, import included."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        command = [sys.executable, "-c", _START]
        seconds = [
            float(json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout))  # noqa: S603
            for _ in range(1 + N_STARTS)
        ]
    return {
        "compiling, in the first process ever, s": seconds[0],
        "import, fit and sample in every later process, s (goal: at most 1)": statistics.median(seconds[1:]),
    }
