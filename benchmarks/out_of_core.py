"""Fits to more latents than memory holds, in a process whose memory is limited.

    python benchmarks/out_of_core.py --sampler pmf --bins 4 --limit 2GB
    python benchmarks/out_of_core.py --sampler local --limit 6GB

The latents are made batch by batch, anew in every pass: 20 clusters of unequal spread in ``--dims`` dimensions. The
system refuses memory beyond the limit (RLIMIT_DATA: all memory of the process that is no file). It prints JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from harness import machine

from vicinal import LocalSampler, PMFSampler
from vicinal._validation import check_bytes

MIB = 2**20


class Clusters:
    """Batches of latents (rows, d), float32; a function of the number of the batch."""

    def __init__(self, n: int, d: int, rows: int) -> None:
        self.n, self.d, self.rows, self.passes = n, d, rows, 0

    def __iter__(self) -> Iterator[np.ndarray[Any, Any]]:
        self.passes += 1
        centres = np.random.default_rng(0).normal(size=(20, self.d)).astype(np.float32)
        for first in range(0, self.n, self.rows):
            generator = np.random.default_rng([1, first])
            which = generator.integers(0, 20, min(self.rows, self.n - first))
            latents = generator.standard_normal((len(which), self.d), dtype=np.float32)
            latents *= (0.3 * (1 + which[:, None] / 20)).astype(np.float32)
            latents += centres[which]
            yield latents


class Peak(threading.Thread):
    """The most memory that is no file (RssAnon) while it runs, in MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.value, self.stopped = 0.0, threading.Event()

    def run(self) -> None:
        """Read the memory twenty times a second."""
        while not self.stopped.wait(0.05):
            lines = Path("/proc/self/status").read_text().splitlines()
            self.value = max(self.value, *(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon")))


def measured(given: argparse.Namespace) -> dict[str, Any]:
    """Return what a fit cost, and what 10,000 samples cost after it."""
    limit = check_bytes(given.limit, "--limit")
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    latents, peak = Clusters(given.rows, given.dims, given.batch_rows), Peak()
    peak.start()
    if given.sampler == "pmf":
        sampler: Any = PMFSampler("auto" if given.bins is None else given.bins, random_state=0)
    else:
        sampler = LocalSampler(
            max_memory=limit // 2, random_state=0
        )  # half of it: Python, kernels and batches are beside
    began, cpu = time.perf_counter(), time.process_time()
    sampler.fit(latents)
    fitted, fitted_cpu = time.perf_counter(), time.process_time()
    sampler.sample(10_000)
    peak.stopped.set()
    found = {"cells": len(sampler.cells_), "bins": sampler.n_bins_} if given.sampler == "pmf" else {
        "neighbourhoods": len(sampler.neighborhood_starts_) - 1, "neighbours": sampler.n_neighbors_,
        "nn ratio": sampler.nn_ratio_, "variance ratio": sampler.variance_ratio_,
    }  # fmt: skip
    return {
        "sampler": given.sampler, "rows": given.rows, "dimensions": given.dims, "limit": given.limit,
        "latents GB": given.rows * given.dims * 4 / 1e9, "passes": latents.passes,
        "seconds of fit": round(fitted - began, 1), "CPU seconds of fit": round(fitted_cpu - cpu, 1),
        "seconds of 10,000 samples": round(time.perf_counter() - fitted, 2),
        "peak memory that is no file MiB": round(peak.value), **found,
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sampler", choices=("pmf", "local"), default="pmf")
    parser.add_argument("--rows", type=int, default=200_000_000)
    parser.add_argument("--dims", type=int, default=16)
    parser.add_argument("--batch-rows", type=int, default=500_000)
    parser.add_argument("--bins", type=int, default=None, help="of PMFSampler; calibrated without")
    parser.add_argument("--limit", default="2GB", help="such as 2GB")
    print(json.dumps({"machine": machine(), **measured(parser.parse_args())}, indent=2))


if __name__ == "__main__":
    main()
