"""The time of fits and samples against that of a copy of as many values, and against plain NumPy, by instruction set.

Each instruction set is measured in processes of its own. A round takes everything in turn, so that other load on the
machine falls on all alike. Ratios are of medians over rounds.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import instruction_sets
import limits
import numpy as np
from harness import Row, alternate, apart
from latents import Array, PlainCells, clustered
from rich.progress import track

from vicinal import kernels
from vicinal.samplers import PMFSampler

N_BINS = 32
SIZES = {"quick": ((2, 1_000_000), (16, 1_000_000), (64, 1_000_000), (512, 100_000))}
SIZES["full"] = (*SIZES["quick"][:3], (512, 1_000_000))
LIMITS_SIZE = (64, 1_000_000)  # d, n of what is compared with single steps
ROUNDS = {"quick": 7, "full": 21}
NUMPY_ROUNDS = 2  # rounds of plain NumPy, which takes long

# Goals at d = 64: at most so many times the copy. At least so many times as fast as NumPy, by d.
GOALS = {"codes": 1.5, "table": 2.0, "sample": 2.0}
NUMPY_GOALS = {2: 8.0, 16: 8.0, 64: 12.0}
NAMES = {
    "codes": "bounds and codes",
    "table": "table of cells, from codes",
    "fit": "fit, all of it",
    "sample": "as many samples",
}


def run(mode: str, options: Any) -> Row:
    """Measure; see bench.py."""
    del options
    sets = instruction_sets.available()
    rows: list[Row] = []
    alone: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "latents.npy")
        for d, n in track(SIZES[mode], description="speed"):
            np.save(path, clustered(n, d))
            for name, environment in sets.items():
                found = apart(measure, None, environment, path=path, rounds=ROUNDS[mode])
                if "not_run" in found:
                    return found
                rows += [{"instructions": name, "n": n, "d": d} | row for row in found["rows"]]
                if (d, n) == LIMITS_SIZE:
                    found = apart(limits.measure, None, environment, path=path, rounds=ROUNDS[mode])
                    alone.append({"instructions": name, "n": n, "d": d} | found)
    return {"sets": {name: instruction_sets.allowed(name) for name in sets}, "rows": rows, "limits": alone}


def measure(path: str, rounds: int) -> Row:
    """Return the seconds and the ratios of one size; runs in a process of its own."""
    latents = np.load(path)
    n, d = latents.shape
    target = np.zeros_like(latents)
    sampler = PMFSampler(N_BINS, random_state=0).fit(latents)
    found, loops = codes(latents), kernels.select(latents)
    plain = PlainCells(N_BINS)
    plain.fit(latents)
    works: dict[str, Callable[[], Any]] = {
        "copy": lambda: np.copyto(target, latents),
        "codes": lambda: codes(latents),
        "table": lambda: loops.unique_cells(found, N_BINS),
        "fit": lambda: PMFSampler(N_BINS, random_state=0).fit(latents),
        "sample": lambda: sampler.sample(n),
    }
    times = {name: seconds[1:] for name, seconds in alternate(works, 1 + rounds).items()}  # the first round compiles
    copy = statistics.median(times["copy"])
    numpy = statistics.median(alternate({"numpy": lambda: plain.sample(n)}, NUMPY_ROUNDS)["numpy"])
    rows = []
    for name, label in NAMES.items():
        seconds = statistics.median(times[name])
        row: Row = {"name": label, "seconds": seconds, "ratio_to_copy": seconds / copy}
        row["quartiles"] = [float(q / copy) for q in np.quantile(times[name], [0.25, 0.75])]
        row["target"] = GOALS.get(name) if d == LIMITS_SIZE[0] else None
        row["ratio_to_numpy"] = numpy / seconds if name == "sample" else None
        row["numpy_target"] = NUMPY_GOALS.get(d) if name == "sample" else None
        rows.append(row)
    return {"rows": rows}


def codes(latents: Array) -> Array:
    """Return the codes (n, d) of latents, by the kernels."""
    loops = kernels.select(latents)
    lower, upper = loops.bounds(latents)
    found: Array = loops.quantize(latents, lower, (upper - lower) / np.float32(N_BINS), N_BINS)
    return found
