"""Time and peak memory of every metric at the sizes of a usual evaluation, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from peers import Peak

Row = dict[str, Any]

FEATURES, LATENTS = 1280, 64
SIZES = {"quick": (2_000, 10_000), "full": (10_000, 60_000)}
MOST_SECONDS, MOST_BYTES = 5.0, 2_000_000_000
CASES = {
    "frechet_distance": FEATURES,
    "kernel_distance": FEATURES,
    "precision_recall": FEATURES,
    "density_coverage": FEATURES,
    "wasserstein_distance": LATENTS,
    "sliced_wasserstein_distance": LATENTS,
    "sinkhorn_divergence": LATENTS,
    "mmd": LATENTS,
    "nn_ratio": LATENTS,
    "authenticity": LATENTS,
    "data_copying_test": LATENTS,
    "authenticity, all rows": LATENTS,
}


def run(mode: str, options: Any) -> Row:
    """Measure; see bench.py."""
    del options
    rows = []
    for name, d in CASES.items():
        spec = {"name": name, "d": d, "n": SIZES[mode][0], "n_train": SIZES[mode][1]}
        command = [sys.executable, str(Path(__file__)), json.dumps(spec)]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - this file
        rows.append(json.loads(found.stdout))
    return {"rows": rows}


def measure(name: str, d: int, n: int, n_train: int) -> Row:
    """Return seconds and bytes of one metric, the data themselves not counted."""
    from vicinal import metrics

    function = getattr(metrics, name.partition(",")[0])
    generator = np.random.default_rng(0)
    real, generated = generator.standard_normal((2, n, d), dtype=np.float32)
    arguments: dict[str, Any] = {"real": real, "generated": generated}
    row: Row = {"metric": name, "n": n, "d": d}
    if name.startswith(("nn_ratio", "authenticity", "data_copying")):
        arguments["train"] = generator.standard_normal((n_train, d), dtype=np.float32)
        row["n_train"] = n_train
    if name.startswith("authenticity"):
        del arguments["real"]
    if name.endswith("all rows"):
        arguments["generated"] = generator.standard_normal((n_train, d), dtype=np.float32)
        row |= {"n": n_train, "most_bytes": MOST_BYTES}
    if name == "frechet_distance":
        row["most_seconds"] = MOST_SECONDS
    function(**{key: value[:200] for key, value in arguments.items()})  # imports, compilation, threads
    peak = Peak()
    begin = time.perf_counter()
    function(**arguments)
    return {**row, "seconds": time.perf_counter() - begin, "peak_bytes": peak.grown()}


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
