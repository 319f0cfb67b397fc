"""Tell in under 90 s which parts became slower or faster than when `make bench` last ran.

    python benchmarks/quick.py

Times are compared as ratios within one run: to a copy, to a matrix product, or to the start of a process. They are
committed by instruction set in benchmarks/results/quick.json, and compared with those of the same instructions.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import instruction_sets
import numpy as np
from harness import Row, alternate, apart
from latents import Array, PlainCells, clustered
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.mixture import GaussianMixture
from speed import N_BINS, codes

from vicinal import LocalSampler, PMFSampler, kernels, metrics

COMMITTED = Path(__file__).parent / "results/quick.json"
MOVED = 0.15  # a ratio that changes by more is named
ROUNDS = 3
LARGE, SMALL, PRODUCT = (300_000, 64), (60_000, 16), 2000
COPY, MATRIX, START = "a copy", "a matrix product", "`import sklearn`"
Work = tuple[str, Callable[[], Any]]  # the unit, and what is timed


def run(mode: str, options: Any) -> Row:
    """Measure every instruction set; see bench.py. What other machines measured is kept."""
    del mode
    path = options.out / COMMITTED.name
    ratios: dict[str, dict[str, float]] = (
        json.loads(path.read_text(encoding="utf-8")).get("ratios", {}) if path.exists() else {}
    )
    for name, environment in track(instruction_sets.available().items(), description="quick"):
        found = apart(measure, None, environment)
        if "not_run" in found:
            return found
        ratios[instruction_sets.allowed(name)] = found["ratios"]
    return {"ratios": ratios}


def measure() -> Row:
    """Return the ratio of each work to its unit, of medians over rounds; runs in a process of its own."""
    warnings.simplefilter("ignore")  # the mixture does not converge in so few iterations, nor is it meant to
    with tempfile.TemporaryDirectory() as folder:
        works = _memory() | _calibration() | _metrics() | _starts(Path(folder))
        units = {COPY: works.pop(COPY), MATRIX: works.pop(MATRIX), START: works.pop(START)}
        seconds = alternate({name: work for name, (_, work) in (units | works).items()}, 1 + ROUNDS)
    times = {name: statistics.median(found[1:]) for name, found in seconds.items()}
    return {"ratios": {f"{name}, over {unit}": times[name] / times[unit] for name, (unit, _) in works.items()}}


def _memory() -> dict[str, Work]:
    """Return fits and samples at memory speed."""
    latents, few = clustered(*LARGE), clustered(*SMALL)
    target, found = np.zeros_like(latents), codes(latents)
    sampler, plain = PMFSampler(N_BINS, random_state=0).fit(latents), PlainCells(N_BINS)
    plain.fit(latents[:30_000])
    mixture = GaussianMixture(10, max_iter=5, tol=0.0, init_params="random", random_state=0)
    loops = kernels.select(latents)
    numpy, em = "plain NumPy, 30,000 samples", "GMM-10, 5 iterations"
    return {
        COPY: (COPY, lambda: np.copyto(target, latents)),
        "bounds and codes": (COPY, lambda: codes(latents)),
        "table of cells": (COPY, lambda: loops.unique_cells(found, N_BINS)),
        "fit": (COPY, lambda: PMFSampler(N_BINS, random_state=0).fit(latents)),
        "as many samples": (COPY, lambda: sampler.sample(len(latents))),
        numpy: (COPY, lambda: plain.sample(30_000)),
        em: (MATRIX, lambda: mixture.fit(few)),
        "fit and 10,000 samples, 60,000 x 16": (em, lambda: PMFSampler(N_BINS, random_state=0).fit(few).sample(10_000)),
    }


def _calibration() -> dict[str, Work]:
    few = clustered(20_000, 16)
    matrix = np.random.default_rng(0).random((PRODUCT, PRODUCT), dtype=np.float32)
    return {
        MATRIX: (MATRIX, lambda: matrix @ matrix),
        "PMFSampler() fitted, 20,000 x 16": (MATRIX, lambda: PMFSampler(random_state=0).fit(few)),
        "LocalSampler() fitted, 20,000 x 16": (MATRIX, lambda: LocalSampler(random_state=0).fit(few)),
    }


def _metrics() -> dict[str, Work]:
    rows: dict[int, Array] = {d: clustered(10_000, d) for d in (16, 64)}

    def three(d: int) -> dict[str, Any]:
        return {"real": rows[d][:2000], "generated": rows[d][2000:4000], "train": rows[d][4000:]}

    def two(d: int) -> dict[str, Any]:
        return {name: three(d)[name] for name in ("real", "generated")}

    return {
        "nn_ratio, 6,000 x 16": (MATRIX, lambda: metrics.nn_ratio(**three(16))),
        "data_copying_test, 6,000 x 16": (MATRIX, lambda: metrics.data_copying_test(**three(16))),
        "precision_recall, 2,000 x 64": (MATRIX, lambda: metrics.precision_recall(**two(64))),
        "density_coverage, 2,000 x 64": (MATRIX, lambda: metrics.density_coverage(**two(64))),
    }


def _starts(folder: Path) -> dict[str, Work]:
    paths = [str(folder / "real.npy"), str(folder / "generated.npy")]
    for path in paths:
        np.save(path, np.random.default_rng(0).random((1000, 16), dtype=np.float32))
    first = "import vicinal, numpy; vicinal.PMFSampler(32).fit(numpy.random.rand(1797, 64)).sample(1000)"
    evaluate = ["-m", "vicinal.cli", "evaluate", *paths]
    return {
        START: (START, _process("-c", "import sklearn.base")),
        "first fit of a process": (START, _process("-c", first)),
        "`vicinal --help`": (START, _process("-m", "vicinal.cli", "--help")),
        "`vicinal evaluate`, 1,000 x 16": (START, _process(*evaluate)),
    }


def _process(*arguments: str) -> Callable[[], Any]:
    return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)  # noqa: S603 - ours


def main() -> None:
    """Measure the instructions of this processor, and print what moved."""
    console, name = Console(highlight=False), instruction_sets.allowed()
    with console.status("measuring, for about a minute"):
        found = measure()
    committed = json.loads(COMMITTED.read_text(encoding="utf-8"))["ratios"] if COMMITTED.exists() else {}
    if name not in committed:
        console.print(f"Nothing is committed for {name}: `python benchmarks/bench.py --only quick` does it.")
    console.print(compared(found["ratios"], committed.get(name, {})))


def compared(now: dict[str, float], before: dict[str, float]) -> Table:
    """Return a table of ratios, now and before; those that moved are marked."""
    table = Table("", "now", "committed", "moved")
    for name, ratio in now.items():
        known = before.get(name)
        change = 0.0 if known is None else ratio / known - 1
        moved = "" if abs(change) <= MOVED else f"{'slower' if change > 0 else 'faster'}, {change:+.0%}"
        table.add_row(name, f"{ratio:.3g}", "-" if known is None else f"{known:.3g}", moved)
    return table


if __name__ == "__main__":
    main()
