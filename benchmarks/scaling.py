"""How the time of PMFSampler and of Gaussian mixtures grows with n, d, k and iterations.

Exponents are slopes of log time over log size, by least squares, with 95 % confidence intervals. Each time is the least
of several rounds. Everything runs on one core: the gain from a second core depends on the size, and would bend the slopes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from harness import Row, alternate, apart, exponent, one_core
from latents import Array, clustered
from rich.progress import track
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from vicinal import PMFSampler

Works = Mapping[tuple[str, int], Callable[[], Any]]  # by what is measured and the size

N_BINS = 32
FIT, SAMPLE = "fit", "n samples"
GMM_K, GMM_D, GMM_ITERATIONS = 10, 16, 5


class Setting(NamedTuple):
    """Sizes from the first to the last by equal ratios; rounds, but two if a series takes longer than ``series_s``."""

    n_points: int
    rounds: int
    series_s: float
    pmf_n: tuple[int, int]
    pmf_d: tuple[tuple[int, int, int], ...]  # first, last, n
    gmm_n: tuple[int, int]
    gmm_d: tuple[int, int]
    gmm_k: tuple[int, int]
    gmm_iterations: tuple[int, int]
    gmm_rows: int


SETTINGS = {
    "quick": Setting(
        n_points=6,
        rounds=5,
        series_s=8.0,
        pmf_n=(20_000, 2_000_000),
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
        pmf_d=((8, 800, 100_000), (100, 10_000, 50_000)),
        gmm_n=(3_000, 300_000),
        gmm_d=(8, 256),
        gmm_k=(4, 128),
        gmm_iterations=(2, 64),
        gmm_rows=20_000,
    ),
}


def run(mode: str, options: Any) -> Row:
    """Measure all series; see bench.py."""
    del options
    setting = SETTINGS[mode]
    jobs: list[tuple[str, Row]] = [("PMF in n", {"d": 16}), ("PMF in n", {"d": 64})]
    jobs += [("PMF in d", {"first": first, "last": last, "n": n}) for first, last, n in setting.pmf_d]
    jobs += [(f"GMM in {axis}", {}) for axis in ("n", "d", "k", "iterations")]
    series = []
    for name, spec in track(jobs, description="scaling"):
        found = apart(measure, mode=mode, name=name, **spec)
        if "not_run" in found:
            return found
        series += found["series"]
    return {"n_bins": N_BINS, "n_points": setting.n_points, "rounds": setting.rounds, "series": series}


def measure(mode: str, name: str, **spec: int) -> Row:
    """Return the series of one job, one for each thing that it measures."""
    one_core()
    setting = SETTINGS[mode]
    sampler, _, axis = name.partition(" in ")
    if sampler == "PMF":
        works, fixed = _pmf_in_n(setting, **spec) if axis == "n" else _pmf_in_d(setting, **spec)
    else:
        works, fixed = _gmm(setting, axis)
    series = []
    times = alternate(works, setting.rounds, setting.series_s)
    for what in dict.fromkeys(what for what, _ in works):
        sizes = [size for other, size in works if other == what]
        seconds = [min(times[what, size]) for size in sizes]
        row = {"sampler": sampler, "what": what, "axis": axis, "fixed": fixed, "sizes": sizes, "seconds": seconds}
        series.append(row | exponent(sizes, seconds))
    return {"series": series}


def _sizes(ends: tuple[int, int], setting: Setting) -> list[int]:
    sizes: list[int] = np.unique(np.rint(np.geomspace(*ends, setting.n_points)).astype(int)).tolist()
    return sizes


def _pmf(latents: Mapping[int, Array]) -> Works:
    """Return works that fit, and that draw as many samples as there are latents, for each size."""
    fitted = {size: PMFSampler(N_BINS, random_state=0).fit(rows) for size, rows in latents.items()}
    works: dict[tuple[str, int], Callable[[], Any]] = {}
    for size, rows in latents.items():
        works[FIT, size] = lambda rows=rows: PMFSampler(N_BINS, random_state=0).fit(rows)  # type: ignore[misc]
        works[SAMPLE, size] = lambda rows=rows, size=size: fitted[size].sample(len(rows))  # type: ignore[misc]
    return works


def _pmf_in_n(setting: Setting, d: int) -> tuple[Works, dict[str, int]]:
    sizes = _sizes(setting.pmf_n, setting)
    latents = clustered(sizes[-1], d)
    return _pmf({n: latents[:n] for n in sizes}), {"d": d}


def _pmf_in_d(setting: Setting, first: int, last: int, n: int) -> tuple[Works, dict[str, int]]:
    generator = np.random.default_rng(0)
    sizes = _sizes((first, last), setting)
    return _pmf({d: generator.standard_normal((n, d), dtype=np.float32) for d in sizes}), {"n": n}


def _gmm(setting: Setting, axis: str) -> tuple[Works, dict[str, int]]:
    """Return works that fit mixtures, one of whose sizes varies."""
    usual = {"n": setting.gmm_rows, "d": GMM_D, "k": GMM_K, "iterations": GMM_ITERATIONS}
    works = {}
    for size in _sizes(getattr(setting, f"gmm_{axis}"), setting):
        at = usual | {axis: size}
        works[FIT, size] = _iterate(clustered(at["n"], at["d"]), at["k"], at["iterations"])
    del usual[axis]
    return works, usual


def _iterate(latents: Array, k: int, iterations: int) -> Callable[[], Any]:
    """Return work that does so many iterations from a random start."""
    mixture = GaussianMixture(k, max_iter=iterations, tol=0.0, init_params="random", random_state=0)

    def work() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(latents)

    return work
