"""The time of fits and samples against that of copying as many values, and against plain NumPy; and a cold start.

A round takes everything in turn, so that what else the machine does falls on all alike; ratios are of medians over rounds.
Samples are drawn again and again, as in a loop that uses them up; the first ones, in memory never touched before, are a row
of their own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from latents import clustered
from rich.progress import track
from vicinal.kernels.cpu.compiler import jit
from vicinal.kernels.cpu.draws import TILE, counters, philox
from vicinal.kernels.cpu.threads import over, parts

from vicinal.kernels import memory
from vicinal.samplers import PMFSampler

Array = np.ndarray[Any, Any]

N_BINS = 32
SIZES = {"quick": ((2, 1_000_000), (16, 1_000_000), (64, 1_000_000), (512, 100_000))}
SIZES["full"] = (*SIZES["quick"][:3], (512, 1_000_000))
PASSES = {"quick": 1, "full": 4}  # over all sizes, minutes apart: how busy the machine is changes
N_ROUNDS = 5  # in a pass
NUMPY_ROUNDS = 2  # of these also with NumPy, which takes long
N_STARTS = 5

# Targets, at most so many times the copy and at least so many times as fast as NumPy.
TARGETS = {"fit": 1.5, "table": 5.0, "sample": 2.0}
NUMPY_TARGETS = {2: 8.0, 16: 8.0, 64: 15.0, 512: 8.0}
NAMES = {
    "fit": f"fit, {N_BINS} bins, until `sample` can be called",
    "table": "table of cells, made by the first sample",
    "sample": "as many samples as rows",
    "fresh": "the same in memory never touched before",
    "words": "their random numbers alone, kept nowhere",
}


def run(mode: str, options: Any) -> dict[str, Any]:
    """Measure; see bench.py."""
    del options
    times: dict[tuple[int, int], dict[str, list[float]]] = {}
    for _ in range(PASSES[mode]):
        for d, n in SIZES[mode]:
            measure(n, d, times.setdefault((n, d), {name: [] for name in ("copy", *NAMES, "numpy")}))
    return {
        "rows": [row for (n, d), found in times.items() for row in rows_of(n, d, found)],
        "cold_start": cold_start(),
    }


def measure(n: int, d: int, times: dict[str, list[float]]) -> None:
    """Add the seconds of some rounds."""
    latents = clustered(n, d)
    target = np.zeros_like(latents)
    sampler = PMFSampler(N_BINS, random_state=0).fit(latents)
    sampler.sample(1)
    random_words(n)
    codes = sampler._grid().codes(latents)

    def numpy() -> Array:
        generator = np.random.default_rng(0)
        rows = generator.integers(n, size=n)
        u = generator.random((n, d), dtype=np.float32)
        return sampler.lower_ + (codes[rows] + u) * sampler.bin_width_

    for i in track(range(N_ROUNDS), description=f"speed, {n:,} x {d}"):
        timed(times["copy"], lambda: np.copyto(target, latents))
        fitted = timed(times["fit"], lambda: PMFSampler(N_BINS, random_state=0).fit(latents))
        timed(times["table"], lambda fitted=fitted: fitted.sample(1))
        del fitted
        sampler.sample(n)  # so that its memory is at hand
        timed(times["sample"], lambda: sampler.sample(n))
        memory.spare.clear()
        timed(times["fresh"], lambda: sampler.sample(n))
        timed(times["words"], lambda: random_words(n * d))
        if i < NUMPY_ROUNDS:
            timed(times["numpy"], numpy)


def rows_of(n: int, d: int, times: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Return the ratios of one size."""
    copy, plain = statistics.median(times["copy"]), statistics.median(times["numpy"])
    rows = []
    for name, label in NAMES.items():
        seconds = statistics.median(times[name])
        row = {"name": label, "n": n, "d": d, "seconds": seconds, "ratio_to_copy": seconds / copy}
        row["quartiles"] = [float(q / copy) for q in np.quantile(times[name], [0.25, 0.75])]
        row["target"] = TARGETS.get(name) if d == 64 else None
        row["ratio_to_numpy"] = plain / seconds if name in ("sample", "fresh") else None
        row["numpy_target"] = NUMPY_TARGETS[d] if name == "sample" else None
        rows.append(row)
    return rows


@jit
def _encrypt(n_tiles: int) -> None:
    row, block, pairs = counters(TILE, 1)
    for tile in range(n_tiles):
        first, stream, key = np.uint64(tile * TILE), np.uint64(1), np.uint64(7)
        philox(first, row, block, stream, key, key, TILE, pairs)


def random_words(n: int) -> None:
    """Compute n random words, in as many threads as `sample` would."""
    over(parts(n, 2), lambda a, b: _encrypt((b - a) // (4 * TILE)))


def timed(times: list[float], work: Callable[[], Any]) -> Any:
    """Return what ``work`` returns, and note how long it took."""
    begin = time.perf_counter()
    result = work()
    times.append(time.perf_counter() - begin)
    return result


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


def cold_start() -> dict[str, Any]:
    """Return the seconds that the first fit and 1,000 samples of the digits take in a new process, import included."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        seconds = [_start(environment) for _ in range(1 + N_STARTS)]
    return {
        "compiling, in the first process ever, s": seconds[0],
        "import, fit and sample in every later process, s (goal: at most 1)": statistics.median(seconds[1:]),
    }


def _start(environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", _START]
    return float(json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout))  # noqa: S603
