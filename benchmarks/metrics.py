"""Time and peak memory of every metric at the sizes of a usual evaluation, and of searches beside those of others."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
from harness import Peak, Row, alternate, apart, one_core, timed
from latents import clustered
from rich.progress import track
from sklearn.neighbors import NearestNeighbors

import vicinal
from vicinal import metrics, neighbors

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
DIMENSIONS = (2, 8, 16, 32, 64, 128, 1280)  # of the searches
MOST_PRODUCTS = 2.0  # a search in 1,280 dimensions takes at most as long as so many products of the same matrices
SEARCHING = (
    "nn_ratio",
    "authenticity",
    "data_copying",
    "precision",
    "recall",
    "coverage",
)  # what evaluate searches for
MOST_SEARCHING_S = 3.0
FEW, N_PROBES, ROUNDS = 16, 2000, 5  # dimensions, rows searched for, and rounds of the calibrations
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
    n, n_train = SIZES[mode]
    rows += [apart(measure_searching, n=n, n_train=n_train), apart(measure_images)]
    searches = [apart(measure_search, d=d, n=n // 10 if d > LATENTS else n, n_train=n_train) for d in DIMENSIONS]
    calibrations = [
        apart(measure_calibration, sampler=name, n=SIZES["full"][1]) for name in ("PMFSampler", "LocalSampler")
    ]
    return {"rows": rows, "searches": searches, "calibrations": calibrations}


def measure_searching(n: int, n_train: int) -> Row:
    """Return seconds and bytes of the metrics that search for neighbours, in few dimensions."""
    latents = clustered(n_train + 2 * n, FEW)
    train, real, generated = np.split(latents, [n_train, n_train + n])
    vicinal.evaluate(real[:60], generated[:60], train=train[:200], metrics=SEARCHING)  # imports
    peak = Peak()
    seconds = timed(lambda: vicinal.evaluate(real, generated, train=train, metrics=SEARCHING))
    row: Row = {"metric": "evaluate, what searches", "n": n, "d": FEW, "n_train": n_train, "seconds": seconds}
    return row | {"peak_bytes": peak.grown(), "most_seconds": MOST_SEARCHING_S}


def measure_search(d: int, n: int, n_train: int) -> Row:
    """Return seconds of a search for nearest rows: ours, scikit-learn's, and a product of the matrices in float32."""
    rows, queries = np.split(clustered(n_train + n, d), [n_train])
    wide = [each.astype(np.float64) for each in (rows, queries)]
    works = {
        "seconds": lambda: neighbors.nearest_rows(queries, rows),
        "sklearn_s": lambda: NearestNeighbors(n_neighbors=1, n_jobs=-1).fit(wide[0]).kneighbors(wide[1]),
        "product_s": lambda: [block @ rows.T for block in np.array_split(queries, -(-n * n_train // (1 << 24)))],
    }
    neighbors.nearest_rows(queries[:10], rows[:500])  # imports, compilation
    medians = {key: statistics.median(each) for key, each in alternate(works, ROUNDS).items()}
    row: Row = {"d": d, "n": n, "n_train": n_train} | medians
    return row | ({"most_products": MOST_PRODUCTS} if d == DIMENSIONS[-1] else {})


def measure_calibration(sampler: str, n: int) -> Row:
    """Return seconds of a fit that calibrates, and of one search by scikit-learn for as many rows as a trial takes."""
    kind, latents = getattr(vicinal, sampler), clustered(n, FEW)
    kind().fit(latents[:1000])  # compilation
    wide = latents.astype(np.float64)
    works = {
        "seconds": lambda: kind().fit(latents),
        "search_s": lambda: NearestNeighbors(n_neighbors=2, n_jobs=-1).fit(wide).kneighbors(wide[:N_PROBES]),
    }
    medians = {key: statistics.median(each) for key, each in alternate(works, ROUNDS).items()}
    return {"sampler": sampler, "n": n, "d": FEW} | medians


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
