"""How the time of PMFSampler and of Gaussian mixtures grows with n, d, k and iterations.

Exponents are slopes of log time over log size, by least squares, with 95 % confidence intervals. A point is the least of
several repeats, taken in rounds over all sizes in random order, so that what else the machine does falls on all alike.
Everything runs on one core: how much more cores help depends on the size, and would bend the slopes. Run it through benchmarks/bench.py.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from latents import clustered
from scipy import stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from vicinal import PMFSampler

Array = np.ndarray[Any, Any]
Work = Callable[[], Mapping[str, float]]  # returns the seconds of each thing it measured

N_BINS = 32
FIT, FIRST, SAMPLE = "fit", "fit and first sample", "n samples"


class Setting(NamedTuple):
    """Sizes from the first to the last by equal ratios, and repeats: fewer, but two, when a series takes too long."""

    n_points: int
    rounds: int
    series_s: float
    pmf_n: tuple[int, int]
    pmf_dims: tuple[int, ...]
    pmf_d: tuple[tuple[int, int, int], ...]  # first, last, rows
    gmm_n: tuple[int, int]
    gmm_d: tuple[int, int]
    gmm_k: tuple[int, int]
    gmm_iterations: tuple[int, int]
    gmm_rows: int


SETTINGS = {
    "quick": Setting(
        n_points=6,
        rounds=5,
        series_s=9.0,
        pmf_n=(20_000, 2_000_000),
        pmf_dims=(16, 64),
        pmf_d=((8, 800, 20_000), (100, 10_000, 10_000)),
        gmm_n=(1_000, 30_000),
        gmm_d=(8, 128),
        gmm_k=(4, 64),
        gmm_iterations=(2, 32),
        gmm_rows=4_000,
    ),
    "full": Setting(
        n_points=9,
        rounds=9,
        series_s=45.0,
        pmf_n=(30_000, 3_000_000),
        pmf_dims=(16, 64),
        pmf_d=((8, 800, 100_000), (100, 10_000, 50_000)),
        gmm_n=(3_000, 300_000),
        gmm_d=(8, 256),
        gmm_k=(4, 128),
        gmm_iterations=(2, 64),
        gmm_rows=20_000,
    ),
}
GMM_K, GMM_D, GMM_ITERATIONS = 10, 16, 5


def run(mode: str, options: Any) -> dict[str, Any]:  # noqa: ARG001 - the interface of benchmarks/bench.py
    """Measure all series."""
    from rich.progress import Progress

    setting = SETTINGS[mode]
    jobs: list[Callable[[Setting], list[dict[str, Any]]]] = [
        *(partial(_pmf_in_n, d=d) for d in setting.pmf_dims),
        *(partial(_pmf_in_d, first=first, last=last, n=n) for first, last, n in setting.pmf_d),
        _gmm_in_n,
        _gmm_in_d,
        _gmm_in_k,
        _gmm_in_iterations,
    ]
    result: dict[str, Any] = {"n_bins": N_BINS, "n_points": setting.n_points, "rounds": setting.rounds, "series": []}
    context = multiprocessing.get_context("spawn")
    with Progress() as progress, ProcessPoolExecutor(1, mp_context=context, initializer=_one_core) as process:
        for job in progress.track(jobs, description="scaling"):
            for series in process.submit(job, setting).result():
                result["series"].append(series)
                progress.console.print(
                    f"{series['sampler']}, {series['what']} in {series['axis']}: "
                    f"{series['exponent']:.2f} ({series['low']:.2f} to {series['high']:.2f})",
                    highlight=False,
                )
    return result


def _one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    threadpool_limits(1)


def exponent(sizes: list[int], seconds: list[float]) -> dict[str, float]:
    """Return the slope of log seconds over log sizes, and its 95 % confidence interval."""
    line = stats.linregress(np.log(sizes), np.log(seconds))
    half = float(stats.t.ppf(0.975, len(sizes) - 2) * line.stderr)
    return {"exponent": float(line.slope), "low": float(line.slope) - half, "high": float(line.slope) + half}


def _sizes(ends: tuple[int, int], n_points: int) -> list[int]:
    return np.unique(np.rint(np.geomspace(*ends, n_points)).astype(int)).tolist()


def _interleaved(work: Mapping[int, Work], setting: Setting) -> dict[str, dict[int, float]]:
    """Return the least seconds of each measure and size."""
    generator = np.random.default_rng(0)
    least: dict[str, dict[int, float]] = {}
    began = time.monotonic()
    for done in range(setting.rounds):
        for size in generator.permutation(list(work)).tolist():
            for what, seconds in work[size]().items():
                known = least.setdefault(what, {})
                known[size] = min(seconds, known.get(size, np.inf))
        spent = time.monotonic() - began
        if done and spent + spent / (done + 1) > setting.series_s:  # the first round also loads and compiles
            break
    return least


def _series(sampler: str, axis: str, fixed: dict[str, int], least: Mapping[str, Mapping[int, float]]) -> list[Any]:
    found = []
    for what, points in least.items():
        sizes = sorted(points)
        seconds = [points[size] for size in sizes]
        found.append({"sampler": sampler, "what": what, "axis": axis, "fixed": fixed, "sizes": sizes})
        found[-1] |= {"seconds": seconds, **exponent(sizes, seconds)}
    return found


def _pmf(latents: Array) -> Work:
    """Return work that fits, draws one sample, and draws as many as there are latents."""

    def work() -> dict[str, float]:
        sampler = PMFSampler(N_BINS, random_state=0)
        begin = time.perf_counter()
        sampler.fit(latents)
        fitted = time.perf_counter()
        sampler.sample(1)
        first = time.perf_counter()
        sampler.sample(len(latents))
        done = time.perf_counter()
        return {FIT: fitted - begin, FIRST: first - begin, SAMPLE: done - first}

    return work


def _pmf_in_n(setting: Setting, d: int) -> list[Any]:
    sizes = _sizes(setting.pmf_n, setting.n_points)
    latents = clustered(sizes[-1], d)
    work = {n: _pmf(latents[:n]) for n in sizes}
    return _series("PMF", "n", {"d": d}, _interleaved(work, setting))


def _pmf_in_d(setting: Setting, first: int, last: int, n: int) -> list[Any]:
    generator = np.random.default_rng(0)
    sizes = _sizes((first, last), setting.n_points)
    work = {d: _pmf(generator.standard_normal((n, d), dtype=np.float32)) for d in sizes}
    return _series("PMF", "d", {"n": n}, _interleaved(work, setting))


def _gmm(latents: Array, k: int = GMM_K, iterations: int = GMM_ITERATIONS) -> Work:
    """Return work that does so many iterations from a random start."""

    def work() -> dict[str, float]:
        mixture = GaussianMixture(k, max_iter=iterations, tol=0.0, init_params="random", random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            begin = time.perf_counter()
            mixture.fit(latents)
            return {FIT: time.perf_counter() - begin}

    return work


def _gmm_in_n(setting: Setting) -> list[Any]:
    sizes = _sizes(setting.gmm_n, setting.n_points)
    latents = clustered(sizes[-1], GMM_D)
    least = _interleaved({n: _gmm(latents[:n]) for n in sizes}, setting)
    return _series("GMM", "n", {"d": GMM_D, "k": GMM_K, "iterations": GMM_ITERATIONS}, least)


def _gmm_in_d(setting: Setting) -> list[Any]:
    n = setting.gmm_rows
    least = _interleaved({d: _gmm(clustered(n, d)) for d in _sizes(setting.gmm_d, setting.n_points)}, setting)
    return _series("GMM", "d", {"n": n, "k": GMM_K, "iterations": GMM_ITERATIONS}, least)


def _gmm_in_k(setting: Setting) -> list[Any]:
    n = setting.gmm_rows
    latents = clustered(n, GMM_D)
    least = _interleaved({k: _gmm(latents, k=k) for k in _sizes(setting.gmm_k, setting.n_points)}, setting)
    return _series("GMM", "k", {"n": n, "d": GMM_D, "iterations": GMM_ITERATIONS}, least)


def _gmm_in_iterations(setting: Setting) -> list[Any]:
    n = setting.gmm_rows
    latents = clustered(n, GMM_D)
    sizes = _sizes(setting.gmm_iterations, setting.n_points)
    least = _interleaved({i: _gmm(latents, iterations=i) for i in sizes}, setting)
    return _series("GMM", "iterations", {"n": n, "d": GMM_D, "k": GMM_K}, least)
