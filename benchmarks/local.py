"""LocalSampler: its fit beside that of a mixture, its growth with n, and a large fit.

``fit`` compares the whole fit, with and without calibration, with a mixture of 50 Gaussians in the same process, on one
core. ``growth`` is the slope of log time over log n, on one core. ``large`` is a fit of many latents of 64 dimensions.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from harness import Peak, Row, alternate, apart, exponent, one_core, timed
from latents import clustered, mnist
from sklearn.mixture import GaussianMixture

from vicinal import LocalSampler

SIZES = {"quick": (60_000, 300_000), "full": (60_000, 1_000_000)}  # of the comparison; of the large fit
GROWTH = {"quick": (10_000, 160_000, 5, 2), "full": (20_000, 640_000, 6, 2)}  # first, last, points, rounds
N_COMPONENTS = 50
N_NEIGHBORS = 16


def run(mode: str, options: Any) -> Row:
    """Measure; see bench.py."""
    n, largest = SIZES[mode]
    latents = {"clustered": clustered(n, 16)}
    if options.data_dir is not None and options.models is not None:
        latents["MNIST"] = mnist(n, options.data_dir, options.models)
    fits = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "latents.npy"
        for name, rows in latents.items():
            np.save(path, rows)
            fits.append({"data": name} | apart(fit, path=str(path)))
    first, last, n_points, rounds = GROWTH[mode]
    sizes = np.rint(np.geomspace(first, last, n_points)).astype(int).tolist()
    grown = [apart(growth, auto=auto, sizes=sizes, rounds=rounds) for auto in (False, True)]
    return {"fit": fits, "growth": grown, "large": {"n": largest, "d": 64} | apart(large, n=largest, d=64)}


def _sampler(auto: bool) -> LocalSampler:
    return LocalSampler(random_state=0) if auto else LocalSampler(N_NEIGHBORS, scale=1.0, random_state=0)


def fit(path: str) -> Row:
    """Return the seconds of fits and samples on one set of latents."""
    one_core()
    latents = np.load(path)
    auto, fixed = _sampler(True), _sampler(False)
    auto.fit(latents[:2000]).sample(10)
    works = {"auto_s": lambda: auto.fit(latents), "fixed_s": lambda: fixed.fit(latents)}
    row: Row = {"n": len(latents), "d": latents.shape[1]}
    row |= {name: min(seconds) for name, seconds in alternate(works, 3).items()}
    samples = {"sample_10k_s": lambda: fixed.sample(10_000), "sample_1m_s": lambda: fixed.sample(1_000_000)}
    row |= {name: min(seconds) for name, seconds in alternate(samples, 2).items()}
    with tempfile.TemporaryDirectory() as folder:
        fixed.save(Path(folder) / "sampler.safetensors")
        row["bytes_a_row"] = (Path(folder) / "sampler.safetensors").stat().st_size / len(latents)
    mixture = GaussianMixture(N_COMPONENTS, max_iter=2000, tol=1e-3, random_state=0)
    row["mixture_s"] = timed(lambda: mixture.fit(latents.astype(np.float64)))
    return row | {"iterations": int(mixture.n_iter_)}


def growth(auto: bool, sizes: list[int], rounds: int) -> Row:
    """Return the least seconds of a fit for each number of latents, and the slope."""
    one_core()
    latents = clustered(sizes[-1], 16)
    sampler = _sampler(auto).fit(latents[:2000])
    works = {n: lambda n=n: sampler.fit(latents[:n]) for n in sizes}
    seconds = [min(times) for times in alternate(works, rounds).values()]
    return {"auto": auto, "d": 16, "sizes": sizes, "seconds": seconds, **exponent(sizes, seconds)}


def large(n: int, d: int) -> Row:
    """Return the seconds and the peak of memory of a large fit, beside the latents themselves."""
    latents = clustered(n, d)
    _sampler(True).fit(latents[:2000]).sample(10)
    sampler = _sampler(True)
    peak = Peak()
    row: Row = {"fit_s": timed(lambda: sampler.fit(latents)), "sample_s": timed(lambda: sampler.sample(n))}
    row |= {"peak_bytes": peak.grown(), "latents_bytes": latents.nbytes}
    return row | {"n_neighbors": sampler.n_neighbors_, "nn_ratio": sampler.nn_ratio_}
