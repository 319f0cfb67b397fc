"""PMFSampler and other samplers on the same latents: time, memory, size.

Each sampler fits and draws on one core, in a process of its own, so that the peak of memory is its own. Imports and a
fit of few latents come first, so that neither imports nor compilation count. A sampler that would take longer than the
limit, as smaller sizes tell, is not run. One that does take longer is stopped. Both are listed, with the reason.
"""

from __future__ import annotations

import importlib
import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from harness import Peak, Row, apart, median, one_core, stop_after
from latents import Array, PlainCells, clustered, mnist
from rich.console import Console
from rich.progress import track

CLUSTERED, MNIST = "clustered", "MNIST"
FEW, MANY = 10_000, 1_000_000
TRIAL_ROWS = 1_000
N_BINS = 32


class Setting(NamedTuple):
    """Sizes, seconds for one sampler on one set of latents, and seconds in which a measurement is repeated."""

    sizes: tuple[tuple[int, int], ...]  # n, d of clustered latents
    mnist_sizes: tuple[int, ...]
    limit_s: float
    repeat_s: float


SETTINGS = {
    "quick": Setting(((10_000, 16), (60_000, 16), (1_000_000, 16)), (60_000,), limit_s=12.0, repeat_s=0.5),
    "full": Setting(
        tuple((n, d) for d in (2, 16, 64, 256) for n in (10_000, 60_000, 300_000, 1_000_000)),
        (10_000, 60_000),
        limit_s=60.0,
        repeat_s=4.0,
    ),
}


def _ours(name: str, *arguments: Any, **options: Any) -> Any:
    return getattr(importlib.import_module("vicinal.samplers"), name)(*arguments, random_state=0, **options)


def _mixture(n_components: int, kind: str = "GaussianMixture") -> Any:
    """Return a mixture of scikit-learn with the settings of pythae, which sets no seed."""
    make = getattr(importlib.import_module("sklearn.mixture"), kind)
    return make(n_components=n_components, covariance_type="full", max_iter=2000, tol=1e-3, random_state=0)


def _kernel_density() -> Any:
    return importlib.import_module("sklearn.neighbors").KernelDensity(bandwidth="scott")


PMF = f"PMF, {N_BINS} bins"
PEERS: dict[str, Callable[[], Any]] = {
    PMF: lambda: _ours("PMFSampler", N_BINS),
    "PMF, auto": lambda: _ours("PMFSampler"),
    "Local, auto": lambda: _ours("LocalSampler"),
    f"plain NumPy, {N_BINS} bins": lambda: PlainCells(N_BINS),
    "empirical copula": lambda: _ours("CopulaSampler"),
    "KernelDensity": _kernel_density,
    "GMM-10": lambda: _mixture(10),
    "GMM-50": lambda: _mixture(50),
    "GMM-100": lambda: _mixture(100),
    "Bayesian GMM-10": lambda: _mixture(10, "BayesianGaussianMixture"),
    "spline flow": lambda: _ours("FlowSampler"),
}


def run(mode: str, options: Any) -> Row:
    """Measure all samplers; see bench.py."""
    setting = SETTINGS[mode]
    rows: list[Row] = []
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        for data, latents in _latents(setting, options):
            n, d = latents.shape
            path = Path(folder) / "latents.npy"
            np.save(path, latents)
            for sampler in track(PEERS, description=f"peers, {data}, {n:,} x {d}", console=console):
                row: Row = {"sampler": sampler, "data": data, "n": n, "d": d}
                row |= _measured(row, rows, path, setting)
                rows.append(row)
                console.print(sampler, row.get("fit_and_10k_s", row.get("not_run")))
    rows.sort(key=lambda row: (row["data"], row["n"], row["d"]))
    return {"limit_s": setting.limit_s, "rows": rows}


def _latents(setting: Setting, options: Any) -> Iterator[tuple[str, Array]]:
    for n, d in setting.sizes:
        yield CLUSTERED, clustered(n, d)
    if options.data_dir is not None and options.models is not None:
        for n in setting.mnist_sizes:
            yield MNIST, mnist(n, options.data_dir, options.models)


def _measured(row: Row, rows: list[Row], path: Path, setting: Setting) -> Row:
    """Return what a process of its own measured, or why it was not run."""
    predicted_s = _predicted(row, rows)
    if predicted_s > setting.limit_s:
        reason = f"predicted {predicted_s:.0f} s, limit {setting.limit_s:.0f} s"
        return {"not_run": reason, "cost_s": predicted_s}
    spec = {"latents": str(path), "limit_s": setting.limit_s, "repeat_s": setting.repeat_s}
    found = apart(measure, setting.limit_s, sampler=row["sampler"], **spec)
    return found | {"cost_s": setting.limit_s} if "stopped_s" in found else found


def _predicted(row: Row, rows: list[Row]) -> float:
    """Return the seconds that fit and 10,000 samples take: linear in n, and at least those of smaller d."""
    known = [other for other in rows if "cost_s" in other and other["data"] == row["data"]]
    same = [other for other in known if other["sampler"] == row["sampler"] and other["d"] <= row["d"]]
    return max((other["cost_s"] * row["n"] / other["n"] for other in same if other["n"] <= row["n"]), default=0.0)


def measure(sampler: str, latents: str, limit_s: float, repeat_s: float) -> Row:
    """Return the seconds, the bytes and the size of one sampler; runs in a process of its own."""
    rows = np.load(latents)
    make = PEERS[sampler]
    one_core()
    trial = make()
    trial.fit(rows[:TRIAL_ROWS])
    trial.sample(FEW)
    one_core()  # once more: what a trial imports brings threads of its own
    fitted = make()
    peak = Peak()
    stop_after(limit_s)
    began = time.perf_counter()
    fitted.fit(rows)
    fitted.sample(FEW)
    row: Row = {"fit_peak_bytes": peak.grown(), "cost_s": time.perf_counter() - began}
    stop_after(0)
    row["fit_s"] = median(lambda: fitted.fit(rows), repeat_s)
    row["sample_10k_s"] = median(lambda: fitted.sample(FEW), repeat_s)
    row["fit_and_10k_s"] = row["fit_s"] + row["sample_10k_s"]
    row["artefact_bytes"] = _size(fitted)
    predicted_s = row["sample_10k_s"] * MANY / FEW
    if predicted_s > limit_s:
        return row | {"sample_1m_not_run": f"predicted {predicted_s:.0f} s, limit {limit_s:.0f} s"}
    peak = Peak()
    fitted.sample(MANY)
    row["sample_peak_bytes"] = peak.grown()
    row["sample_1m_s"] = median(lambda: fitted.sample(MANY), repeat_s)
    return row


def _size(sampler: Any) -> int:
    """Return the bytes of the saved file, or of the pickle of what cannot be saved."""
    if not hasattr(sampler, "save"):
        return len(pickle.dumps(sampler, protocol=5))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sampler.safetensors"
        sampler.save(path)
        return path.stat().st_size
