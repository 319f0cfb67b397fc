"""How long small jobs take from the start of a process: a first fit, and commands.

The time of a process depends on what else runs. So its processor time is kept too, of all its threads and children.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from harness import Row
from rich.progress import track

_FIRST_FIT = """
import sklearn.datasets
import vicinal
images = (sklearn.datasets.load_digits().data / 16).astype("float32")
vicinal.PMFSampler(32, random_state=0).fit(images).sample(1000)
"""
COLD = "first fit to the digits and 1,000 samples, kernels compiled"
WARM = "the same in every later process"
ROUNDS = {"quick": 5, "full": 15}


def run(mode: str, options: Any) -> Row:
    """Measure; see bench.py."""
    del options
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, goal_s, arguments in track(_jobs(Path(folder)), description="starts"):
            rounds = 1 if name == COLD else 1 + ROUNDS[mode]
            both = [_seconds(arguments, Path(folder) / "kernels") for _ in range(rounds)][-ROUNDS[mode] :]
            seconds, processor = (statistics.median(times) for times in zip(*both, strict=True))
            rows.append({"name": name, "goal_s": goal_s, "seconds": seconds, "processor_s": processor})
    return {"rows": rows}


def _jobs(folder: Path) -> list[tuple[str, float | None, list[str]]]:
    """Return name, goal in seconds and arguments of Python, for each process; the cold one comes first."""
    generator = np.random.default_rng(0)
    paths = [str(folder / f"{name}.npy") for name in ("real", "generated")]
    for path in paths:
        np.save(path, generator.standard_normal((1000, 16), dtype=np.float32))
    vicinal = ["-m", "vicinal.cli"]
    return [
        (COLD, 15.0, ["-c", _FIRST_FIT]),
        (WARM, 0.7, ["-c", _FIRST_FIT]),
        ("of it: `import sklearn.datasets`", None, ["-c", "import sklearn.datasets"]),
        ("`vicinal --help`", 0.3, [*vicinal, "--help"]),
        ("a mistake: `vicinal evaluate --bogus`", 0.5, [*vicinal, "evaluate", "--bogus"]),
        ("`vicinal evaluate`, two sets of 1,000 x 16", 2.0, [*vicinal, "evaluate", *paths]),
    ]


def _seconds(arguments: list[str], cache: Path) -> tuple[float, float]:
    """Return the time and the processor time of a process, its start included."""
    environment = {**os.environ, "VICINAL_CACHE_DIR": str(cache)}
    began, before = time.perf_counter(), _processor()
    subprocess.run([sys.executable, *arguments], env=environment, check=False, capture_output=True)  # noqa: S603 - ours
    return time.perf_counter() - began, _processor() - before


def _processor() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
