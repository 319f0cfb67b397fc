"""How many bins: quality and novelty over fixed numbers of bins, against the calibrated one, on real MNIST latents.

Uses the plain and the variational autoencoder that the study of MNIST saved, and trains a third of another width and seed.
Writes one JSON file, which ``docs/choosing_bins.py`` turns into docs/choosing-bins.md.

    python benchmarks/choosing_bins.py --data-dir DIR/mnist --models build/study/mnist/models --out benchmarks/results/choosing_bins.json
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import vicinal
from vicinal import datasets, metrics, report, storage
from vicinal.autoencoders.training import train
from vicinal.samplers import KDESampler, PMFSampler

BINS = (2, 3, 4, 6, 8, 10, 12, 16, 24, 32, 64)
NOVELTIES = (0.5, 1.0)
SEEDS = (0, 1, 2)
BANDWIDTHS = np.geomspace(0.12, 0.5, 9)
N_LIKELIHOOD = 500


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    images, labels = datasets.load("mnist", data_dir=arguments.data_dir)
    held_out, _ = datasets.load("mnist", data_dir=arguments.data_dir, split="test")
    features = metrics.ClassifierFeatures(images, labels, n_epochs=8)
    print("classifier trained", flush=True)

    result: dict[str, Any] = {"facts": report.machine(), "models": {}}
    autoencoders = {
        "AE": vicinal.load(arguments.models / "ae-0.safetensors"),
        "VAE": vicinal.load(arguments.models / "vae-0.safetensors"),
        "AE, wider, other seed": _third(images, arguments.models / "ae-wide.safetensors"),
    }
    result["single"] = _single_latents()
    for name, autoencoder in autoencoders.items():
        print(name, flush=True)
        result["models"][name] = _measure(autoencoder, images, held_out, features)
        storage.write_atomic(arguments.out, (json.dumps(result, indent=1) + "\n").encode())


def _single_latents() -> dict[str, Any]:
    """Return the share of occupied cells that hold one latent, for latents drawn from 20 Gaussian clusters."""
    generator = np.random.default_rng(0)
    rows = []
    for d in (4, 8, 16, 32):
        centres = 2.0 * generator.normal(size=(20, d))
        latents = centres[generator.integers(20, size=60_000)] + generator.normal(size=(60_000, d))
        counts = [PMFSampler(n_bins).fit(latents).counts_ for n_bins in (2, 4, 8, 16, 32)]
        rows.append({"d": d, "share": [float((count == 1).mean()) for count in counts]})
    return {"n": 60_000, "n_bins": [2, 4, 8, 16, 32], "rows": rows}


def _third(images: Any, path: Path) -> Any:
    if not path.exists():
        train("ae", images, latent_dim=16, width=24, n_epochs=5, batch_size=256, random_state=1).save(path)
    return vicinal.load(path)


def _measure(autoencoder: Any, images: Any, held_out: Any, features: Any) -> dict[str, Any]:
    latents, fresh = vicinal.encode(autoencoder, images), vicinal.encode(autoencoder, held_out)
    real = features(held_out)

    def score(sampler: Any) -> dict[str, Any]:
        drawn = sampler.sample(len(fresh), random_state=0)
        return {
            "frechet_distance": metrics.frechet_distance(real, features(vicinal.decode(autoencoder, drawn))),
            "wasserstein_distance": metrics.wasserstein_distance(fresh, drawn),
            "nn_ratio": metrics.nn_ratio(fresh, drawn, train=latents),
            "authenticity": metrics.authenticity(latents, drawn),
        }

    PMFSampler(8).fit(latents[:500])  # compile
    sweep = []
    for n_bins in BINS:
        sweep.append({"n_bins": n_bins, **score(PMFSampler(n_bins).fit(latents))})
        print(sweep[-1], flush=True)
    calibrated = []
    for novelty in NOVELTIES:
        seconds, sampler = _timed(PMFSampler(novelty=novelty), latents)
        ratios = [metrics.nn_ratio(fresh, sampler.sample(len(fresh), random_state=s), train=latents) for s in SEEDS]
        fixed, _ = _timed(PMFSampler(sampler.n_bins_), latents)
        row = {"novelty": novelty, "n_bins": sampler.n_bins_, "reported": sampler.nn_ratio_, "fresh": ratios}
        calibrated.append({**row, "seconds": seconds, "seconds_fixed": fixed, **score(sampler)})
        print(calibrated[-1], flush=True)
    return {
        "n": len(latents),
        "d": latents.shape[1],
        "sweep": sweep,
        "calibrated": calibrated,
        "kde": _kde(latents, fresh),
    }


def _timed(sampler: Any, latents: Any) -> tuple[float, Any]:
    begin = time.perf_counter()
    sampler.fit(latents)
    return time.perf_counter() - begin, sampler


def _kde(latents: Any, fresh: Any) -> list[dict[str, float]]:
    """Return, for each bandwidth, the log likelihood of held-out latents and the nn ratio of samples."""
    rows = []
    for bandwidth in BANDWIDTHS:
        sampler = KDESampler(float(bandwidth), random_state=0).fit(latents)
        likelihood = sampler.score(fresh[:N_LIKELIHOOD])
        ratio = metrics.nn_ratio(fresh[:2000], sampler.sample(2000), train=latents)
        rows.append({"bandwidth": float(bandwidth), "log_likelihood": likelihood, "nn_ratio": ratio})
        print(rows[-1], flush=True)
    return rows


if __name__ == "__main__":
    main()
