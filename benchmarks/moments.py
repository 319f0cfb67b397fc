"""What `PMFSampler(preserve_variance=True)` changes, calibrated, on made-up latents and on real ones.

    python benchmarks/moments.py --work build/frontier --out benchmarks/results/moments.json

takes the latents that benchmarks/frontier.py left in ``--work``; docs/moments.py writes the table of docs/method.md.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from vicinal import metrics, report
from vicinal.samplers import PMFSampler
from vicinal.storage import write_atomic

Array = np.ndarray[Any, Any]

REAL = {
    "mnist-ae": "MNIST, plain autoencoder",
    "celeba-ae": "CelebA, plain autoencoder",
    "eyes-ae": "eyes, plain autoencoder",
}
SEEDS = 3


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of calibrations that end at one bin
    rows = [{"latents": name, **compared(train, test)} for name, (train, test) in made_up().items()]
    for pair, name in REAL.items():
        path = arguments.work / f"{pair}-latents.npz"
        if path.exists():
            with np.load(path) as latents:
                rows.append({"latents": name, **compared(latents["latents"], latents["fresh"])})
        else:
            rows.append({"latents": name, "not_run": f"benchmarks/frontier.py --pairs {pair} makes its latents"})
        print(rows[-1], flush=True)
    result = {"facts": report.machine(), "seeds": SEEDS, "rows": rows}
    write_atomic(arguments.out, (json.dumps(result, indent=1) + "\n").encode())


def made_up() -> dict[str, tuple[Array, Array]]:
    """Return training and held-out latents of two clouds and of clusters."""
    generator = np.random.default_rng(0)
    cloud = generator.normal(size=(9000, 64)) * 0.95 ** np.arange(64)
    rotation = np.linalg.qr(generator.normal(size=(64, 64)))[0]
    centres = 4 * generator.normal(size=(10, 8))
    clusters = centres[generator.integers(10, size=9000)] + generator.normal(size=(9000, 8))
    rare = generator.normal(size=(9000, 32)) + 8 * (generator.random((9000, 1)) < 0.02)
    sets = {
        "one Gaussian, independent dimensions": cloud,
        "the same, rotated": cloud @ rotation,
        "ten clusters": clusters,
        "one cluster, and 2% in another 8 away in each dimension": rare,
    }
    return {name: (rows[:8000].astype(np.float32), rows[8000:].astype(np.float32)) for name, rows in sets.items()}


def compared(train: Array, test: Array) -> dict[str, Any]:
    """Return what both samplers give."""
    found: dict[str, Any] = {"n": len(train), "d": train.shape[1]}
    for kept in (False, True):
        sampler = PMFSampler(preserve_variance=kept).fit(train)
        row: dict[str, Any] = {"n_bins": sampler.n_bins_, "w2": [], "nn_ratio": [], "variance_ratio": []}
        for seed in range(SEEDS):
            drawn = sampler.sample(len(test), random_state=seed)
            row["w2"].append(metrics.wasserstein_distance(test, drawn, max_samples=1000, random_state=seed))
            row["nn_ratio"].append(metrics.nn_ratio(test, drawn, train=train))
            row["variance_ratio"].append(metrics.variance_ratio(train, drawn))
        row["dead"] = float(np.isneginf(sampler.score_samples(train)).mean())
        found["with" if kept else "without"] = row
    return found


if __name__ == "__main__":
    main()
