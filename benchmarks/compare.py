"""Compare the speed of this checkout with that of another one, in alternating runs.

    python benchmarks/compare.py --other PATH_TO_OTHER_CHECKOUT

Each run is a process of its own, with the ``src`` of one of the two first on its path. It does everything once unmeasured,
then several times, and keeps the medians. What is printed are the medians over runs, and the quotient of the two.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from latents import Array, clustered

HERE = Path(__file__).parents[1]
SIZES = {"small": (60_000, 16), "large": (1_000_000, 64)}
REPEATS = {"small": 5, "large": 2}
MANY = 1_000_000


def works(latents: Array) -> dict[str, Callable[[], Any]]:
    """Return what is measured, by name; a table of cells that `fit` puts off is made too."""
    from vicinal import LocalSampler, PMFSampler

    pmf = PMFSampler(32, random_state=0).fit(latents)
    local = LocalSampler(16, scale=1.0, random_state=0).fit(latents)
    return {
        "PMF, fit and table": lambda: PMFSampler(32, random_state=0).fit(latents).cells_,
        "PMF, fit, table, 10,000 samples": lambda: _sampled(PMFSampler(32, random_state=0).fit(latents)),
        "PMF, 10,000 samples": lambda: pmf.sample(10_000),
        "PMF, 1,000,000 samples": lambda: pmf.sample(MANY),
        "PMF, calibrated fit": lambda: PMFSampler(random_state=0).fit(latents).cells_,
        "Local, fit": lambda: LocalSampler(16, scale=1.0, random_state=0).fit(latents),
        "Local, 10,000 samples": lambda: local.sample(10_000),
        "Local, 1,000,000 samples": lambda: local.sample(MANY),
        "Local, calibrated fit": lambda: LocalSampler(random_state=0).fit(latents),
    }


def _sampled(sampler: Any) -> Any:
    return sampler.cells_, sampler.sample(10_000)


def measure(path: str, repeats: int) -> dict[str, float]:
    """Return the median seconds of everything; runs in a process of its own."""
    from harness import timed

    seconds = {}
    for name, work in works(np.load(path)).items():
        times = [timed(work) for _ in range(1 + repeats)]
        seconds[name] = statistics.median(times[1:])
    return seconds


def apart(checkout: Path, path: Path, repeats: int) -> dict[str, float]:
    """Measure one checkout in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    command = [sys.executable, __file__, "--measure", str(path), str(repeats)]
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)  # noqa: S603 - this file
    seconds: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return seconds


def main() -> None:
    """Measure in turns and print."""
    import tempfile

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--other", type=Path, required=True, help="root of the other checkout")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--runs", type=int, default=3, help="processes for each checkout and size")
    arguments = parser.parse_args()
    print(f"{'':50} {'other':>10} {'this':>10} {'this/other':>10}")
    for size in arguments.sizes:
        n, d = SIZES[size]
        found: dict[Path, list[dict[str, float]]] = {arguments.other.resolve(): [], HERE: []}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "latents.npy"
            np.save(path, clustered(n, d))
            for run in range(arguments.runs):
                for checkout in list(found)[:: 1 if run % 2 == 0 else -1]:  # each is first in turn
                    found[checkout].append(apart(checkout, path, REPEATS[size]))
        other, this = found.values()
        for name in this[0]:
            before, after = (statistics.median(run[name] for run in runs) for runs in (other, this))
            print(f"{f'{n:,} x {d}: {name}':50} {before:9.4f}s {after:9.4f}s {after / before:10.3f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        warnings.simplefilter("ignore")
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
    else:
        main()
