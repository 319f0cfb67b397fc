"""LocalSampler: what its cells cost beside a search for nearest neighbours, and its fit beside that of a mixture.

``search`` compares ways to find the neighbours of all latents, each in a fresh process: the first call with everything
that must be loaded and compiled, and a second one; what an earlier run searched stays. ``--force large`` measures nothing but that part anew.
``fit`` sets the whole fit, with and without calibration, against a mixture of 50 Gaussians in the same process, one after
the other, both on one core. ``growth`` is the slope of log time over log n, on one core. ``large`` is a million latents
of 64 dimensions. Run it through benchmarks/bench.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from latents import clustered, mnist

Array = np.ndarray[Any, Any]
Row = dict[str, Any]

N_NEIGHBORS = 20
SIZES = {"quick": (10_000, 50_000), "full": (60_000, 1_000_000)}  # of the comparison; the largest
GROWTH = {"quick": (5_000, 50_000, 4, 2), "full": (20_000, 640_000, 6, 2)}  # first, last, points, repeats
MIXTURE = 50


def run(mode: str, options: Any) -> Row:
    """Measure; see bench.py."""
    n, largest = SIZES[mode]
    known = _kept(options)
    result: Row = {"n_neighbors": N_NEIGHBORS, "search": [], "fit": [], **known}
    for d in (16, 64):
        for name in SEARCHES:
            if not any((row["name"], row["d"]) == (name, d) for row in result["search"]):
                result["search"].append(_apart("search", name=name, n=n, d=d))
                options.save(result)
    if "fit" not in known:
        result["fit"] = _fits(n, options)
        options.save(result)
    if "growth" not in known:
        result["growth"] = [_apart("growth", auto=auto, ends=GROWTH[mode]) for auto in (False, True)]
        options.save(result)
    if "large" not in known:
        result["large"] = _apart("large", n=largest, d=64)
    return result


def _kept(options: Any) -> Row:
    """Return the parts of an earlier run that stay: the searches, or all but what ``--force`` names."""
    known: Row = options.previous or {}
    parts = [part for part in ("search", "fit", "growth", "large") if part in known]
    if options.force is None:
        return {part: known[part] for part in parts if part == "search"}
    return {part: known[part] for part in parts if not part.startswith(options.force)}


def _fits(n: int, options: Any) -> list[Row]:
    data = {"clustered": clustered(n, 16)}
    if options.models is not None and options.data_dir is not None:
        data["MNIST"] = mnist(n, options.data_dir, options.models)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, latents in data.items():
            np.save(Path(folder) / "latents.npy", latents)
            rows.append({"data": name} | _apart("fit", path=str(Path(folder) / "latents.npy")))
    return rows


def _apart(what: str, **spec: Any) -> Row:
    """Measure in a process of its own."""
    command = [sys.executable, str(Path(__file__)), what, json.dumps(spec)]
    found = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - this file
    if found.returncode != 0:
        lines = found.stderr.strip().splitlines() or ["no message"]
        return spec | {"not_run": lines[-1]}
    row: Row = json.loads(found.stdout.splitlines()[-1])
    print(row, flush=True)
    return row


def _cells(latents: Array) -> Array:
    from vicinal.kernels.partition import partition

    order, starts = partition(latents, len(latents) // N_NEIGHBORS)
    cell = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    members = np.minimum(starts[cell][:, None] + np.arange(N_NEIGHBORS), len(latents) - 1)
    neighbors = np.empty((len(latents), N_NEIGHBORS), np.int64)
    neighbors[order] = order[members]
    return neighbors


def _exact(latents: Array) -> Array:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=N_NEIGHBORS, n_jobs=-1).fit(latents)
    return search.kneighbors(latents, return_distance=False)


def _descent(latents: Array) -> Array:
    from pynndescent import NNDescent

    return NNDescent(latents, n_neighbors=N_NEIGHBORS, random_state=0).neighbor_graph[0]


def _inverted_lists(latents: Array) -> Array:
    import faiss

    index = faiss.index_factory(latents.shape[1], f"IVF{round(np.sqrt(len(latents)))},Flat")
    index.train(latents)
    index.add(latents)
    index.nprobe = 8
    return index.search(latents, N_NEIGHBORS)[1]


SEARCHES: dict[str, Callable[[Array], Array]] = {
    "cells of a principal axis tree": _cells,
    "exact, scikit-learn": _exact,
    "nearest neighbour descent, pynndescent": _descent,
    "inverted lists, faiss": _inverted_lists,
}


def search(name: str, n: int, d: int) -> Row:
    """Return the seconds of a first and a second search, and what was found."""
    latents = clustered(n, d)
    begin = time.perf_counter()
    SEARCHES[name](latents)
    first = time.perf_counter() - begin
    begin = time.perf_counter()
    neighbors = SEARCHES[name](latents)
    second = time.perf_counter() - begin
    some = np.random.default_rng(0).choice(n, 500, replace=False)
    found = np.linalg.norm(latents[neighbors[some]] - latents[some, None], axis=2).mean()
    known = np.bincount(neighbors.ravel(), minlength=n)
    kept = (
        np.var(latents[neighbors.ravel()], axis=0, dtype=np.float64).sum() / latents.var(axis=0, dtype=np.float64).sum()
    )
    return {
        "name": name, "n": n, "d": d, "first_s": first, "second_s": second, "mean_distance": float(found),
        "most_often": int(known.max()), "only_by_itself": float((known <= 1).mean()), "variance": float(kept),
    }  # fmt: skip


def fit(path: str) -> Row:
    """Return the seconds of fits on one set of latents."""
    from scaling import _one_core
    from sklearn.mixture import GaussianMixture

    from vicinal import LocalSampler

    _one_core()
    latents = np.load(path)
    LocalSampler(random_state=0).fit(latents[:2000]).sample(10)
    row: Row = {"n": len(latents), "d": latents.shape[1]}
    for name, sampler in {
        "auto": LocalSampler(random_state=0),
        "fixed": LocalSampler(16, scale=1.0, random_state=0),
    }.items():
        row[f"{name}_s"] = _least(lambda sampler=sampler: sampler.fit(latents), 3)
    row["sample_10k_s"] = _least(lambda: sampler.sample(10_000), 3)
    row["sample_1m_s"] = _least(lambda: sampler.sample(1_000_000), 2)
    with tempfile.TemporaryDirectory() as folder:
        sampler.save(Path(folder) / "sampler.safetensors")
        row["bytes_a_row"] = (Path(folder) / "sampler.safetensors").stat().st_size / len(latents)
    mixture = GaussianMixture(MIXTURE, max_iter=2000, tol=1e-3, random_state=0)
    begin = time.perf_counter()
    mixture.fit(latents.astype(np.float64))
    return row | {"mixture_s": time.perf_counter() - begin, "iterations": int(mixture.n_iter_)}


def growth(auto: bool, ends: tuple[int, int, int, int]) -> Row:
    """Return the least seconds of a fit for each number of latents, and the slope."""
    from scaling import _one_core, exponent

    from vicinal import LocalSampler

    _one_core()
    first, last, n_points, repeats = ends
    sizes = np.rint(np.geomspace(first, last, n_points)).astype(int).tolist()
    latents = clustered(last, 16)
    sampler = LocalSampler(random_state=0) if auto else LocalSampler(16, scale=1.0, random_state=0)
    sampler.fit(latents[:2000])
    seconds = [_least(lambda n=n: sampler.fit(latents[:n]), repeats) for n in sizes]
    return {"auto": auto, "d": 16, "sizes": sizes, "seconds": seconds, **exponent(sizes, seconds)}


def large(n: int, d: int) -> Row:
    """Return the seconds and the peak of memory of a large fit, beside the latents themselves."""
    import resource

    from vicinal import LocalSampler

    latents = clustered(n, d)
    LocalSampler(random_state=0).fit(latents[:2000]).sample(10)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    sampler = LocalSampler(random_state=0).fit(latents)
    fitted = time.perf_counter()
    sampler.sample(n)
    return {
        "n": n, "d": d, "fit_s": fitted - begin, "sample_s": time.perf_counter() - fitted,
        "n_neighbors": sampler.n_neighbors_, "nn_ratio": sampler.nn_ratio_, "latents_bytes": latents.nbytes,
        "peak_bytes": 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before),
    }  # fmt: skip


def _least(work: Callable[[], Any], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    print(
        json.dumps(
            {"search": search, "fit": fit, "growth": growth, "large": large}[sys.argv[1]](**json.loads(sys.argv[2]))
        )
    )
