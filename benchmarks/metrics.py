"""Time and peak memory of every metric at the sizes of a usual evaluation, each in a process of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from harness import Peak, Row, apart, one_core, timed
from rich.progress import track

import vicinal
from vicinal import metrics

FEATURES, LATENTS = 1280, 64
SIZES = {"quick": (5_000, 20_000), "full": (10_000, 60_000)}  # rows of each set, and of the training set
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
IMAGE_SHAPE, N_IMAGES, N_TRAIN_IMAGES = (3, 64, 64), 500, 1000  # of the call in the README


def run(mode: str, options: Any) -> Row:
    """Measure; see bench.py."""
    del options
    rows = []
    for name, d in track(CASES.items(), description="metrics"):
        n, n_train = SIZES[mode]
        row = {"metric": name, "n": n, "d": d} | apart(measure, name=name, d=d, n=n, n_train=n_train)
        if "not_run" in row:
            return {"not_run": f"{name}: {row['not_run']}"}
        rows.append(row)
    return {"rows": [*rows, apart(measure_images)]}


def measure_images() -> Row:
    """Return seconds and bytes of all metrics between images, on one core, the images themselves not counted."""
    one_core()
    generator = np.random.default_rng(0)
    shapes = ((n, *IMAGE_SHAPE) for n in (N_IMAGES, N_IMAGES, N_TRAIN_IMAGES))
    real, generated, train = (generator.random(shape, dtype=np.float32) for shape in shapes)
    vicinal.evaluate(real[:60], generated[:60], train=train[:60])  # imports
    peak = Peak()
    seconds = timed(lambda: vicinal.evaluate(real, generated, train=train))
    sizes: Row = {"metric": "evaluate, images", "n": N_IMAGES, "d": math.prod(IMAGE_SHAPE), "n_train": N_TRAIN_IMAGES}
    return sizes | {"seconds": seconds, "peak_bytes": peak.grown()}


def measure(name: str, d: int, n: int, n_train: int) -> Row:
    """Return seconds and bytes of one metric, the data themselves not counted."""
    function = getattr(metrics, name.partition(",")[0])
    generator = np.random.default_rng(0)
    real, generated = generator.standard_normal((2, n, d), dtype=np.float32)
    arguments: dict[str, Any] = {"real": real, "generated": generated}
    row: Row = {}
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
    row["seconds"] = timed(lambda: function(**arguments))
    return row | {"peak_bytes": peak.grown()}
