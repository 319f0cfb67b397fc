"""What a fit of PMFSampler on dask costs in time, bytes and memory, beside what one chunk predicts.

    python benchmarks/dask_scaling.py --rows 1000000 --dims 16

The latents are made on the workers and stay in their memory. The passes that the fit made are then timed on the first
chunk, in this process. With C chunks on W workers, a pass is predicted to take C / W times as long as its chunk, and the
merges of a tree with sizes s_0, s_1, ... of values on its levels to take as long as those sizes, over W where there are
so many. A merge moves one of its two values unless both are on one worker, which has the chance 1 / W. The number of
cells of r rows is taken to grow as a power of r, which half a chunk and a chunk give. It prints JSON.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import pickle
import resource
import time
import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from dask import array, config
from distributed import Client, LocalCluster, wait
from harness import machine

from vicinal import PMFSampler
from vicinal._errors import CalibrationWarning
from vicinal.samplers.on_dask import tree

MIB = 2**20
Passes = list[tuple[Any, float]]


def clusters(_block: Any, d: int, block_info: Any = None) -> Any:
    """Return latents (n, d) of a chunk: 20 clusters of unequal spread; a function of the chunk's number alone."""
    shape, number = block_info[None]["chunk-shape"], block_info[None]["chunk-location"][0]
    centres = np.random.default_rng(0).normal(size=(20, d))
    generator = np.random.default_rng([1, number])
    which = generator.integers(0, 20, shape[0])
    rows = centres[which] + 0.3 * generator.normal(size=(shape[0], d)) * (1 + which[:, None] / 20)
    return rows.astype(np.float32)


def recorded(fit: Callable[[], PMFSampler]) -> tuple[PMFSampler, Passes]:
    """Return what a fit returns, and its passes with their seconds."""
    passes: Passes = []

    def reduced(of_part: Any, merge: Any, *columns: Any) -> Any:
        begin = time.perf_counter()
        result = tree.reduced(of_part, merge, *columns)
        passes.append((of_part.__self__, time.perf_counter() - begin))
        return result

    with mock.patch("vicinal.samplers.on_dask.batches.reduced", reduced):
        return fit(), passes


def best(function: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Return the least seconds of some calls, and the result."""
    seconds, result = [], None
    for _ in range(repeats):
        begin = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), result


def predicted(made: Passes, chunk: Any, n_chunks: int, n_workers: int) -> dict[str, float]:
    """Return seconds, MiB moved, and the MiB of the last value, of all passes."""
    seconds, moved, largest = 0.0, 0.0, 0.0
    for each, _ in made:
        of_chunk, value = best(functools.partial(each.of_part, 0, chunk, None, None))
        _, half = best(functools.partial(each.of_part, 0, chunk[: len(chunk) // 2], None, None))
        size, half_size = (len(pickle.dumps(part)) for part in (value, half))
        growth = max(0.0, math.log2(size / half_size))
        merging, _ = best(functools.partial(each.merge, half, half))
        per_byte = merging / (2 * half_size)
        seconds += of_chunk * math.ceil(n_chunks / n_workers)
        left, level = n_chunks, 0
        while left > 1:
            merges, bytes_each = left // 2, size * 2 ** (growth * level)
            seconds += per_byte * 2 * bytes_each * math.ceil(merges / n_workers)
            moved += merges * (1 - 1 / n_workers) * bytes_each
            left, level = left - merges, level + 1
        last = size * 2 ** (growth * math.log2(n_chunks))
        moved, largest = moved + last, max(largest, last)
        moved += (n_workers - 1) * len(pickle.dumps(each))
    return {"seconds": seconds, "moved MiB": moved / MIB, "largest value MiB": largest / MIB}


def peak() -> float:
    """Return the largest memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def moved(dask_worker: Any) -> float:
    """Return the MiB that a worker has sent."""
    return dask_worker.transfer_outgoing_bytes_total / MIB


def measured(n: int, d: int, rows: int, n_workers: int, n_bins: Any) -> dict[str, Any]:
    """Return what a fit cost, and what was predicted."""
    with (
        LocalCluster(n_workers, threads_per_worker=1, dashboard_address=":0", memory_limit=0) as cluster,
        Client(cluster) as client,
    ):
        empty = array.empty((n, d), chunks=(rows, d), dtype=np.float32)
        latents = empty.map_blocks(clusters, d, dtype=np.float32, meta=np.empty((0, 0), np.float32)).persist()
        wait(latents)
        PMFSampler(4).fit(latents[:1000])  # imports, and kernels that are compiled
        before_peak, before_moved = client.run(peak), sum(client.run(moved).values())
        begin = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CalibrationWarning)
            sampler, passes = recorded(lambda: PMFSampler(n_bins, random_state=0).fit(latents))
        seconds = time.perf_counter() - begin
        sent, peaks = sum(client.run(moved).values()) - before_moved, client.run(peak)
        chunk = latents.blocks[0].compute()
    model = predicted(passes, chunk, latents.numblocks[0], n_workers)
    held = n * d * 4 / n_workers / MIB
    return {
        "rows": n,
        "dimensions": d,
        "chunks": latents.numblocks[0],
        "workers": n_workers,
        "bins": sampler.n_bins_,
        "cells": len(sampler.cells_),
        "seconds of passes": [round(took, 2) for _, took in passes],
        "measured": {"seconds": seconds, "moved MiB": sent, "peak of a worker MiB": max(peaks.values())},
        "predicted": model | {"peak of a worker MiB": max(before_peak.values()) + 3 * model["largest value MiB"]},
        "latents of a worker MiB": held,
        "one machine": {"table MiB": len(pickle.dumps(sampler)) / MIB},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dims", type=int, default=16)
    parser.add_argument("--chunk-rows", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--bins", type=int, default=None, help="calibrated without")
    given = parser.parse_args()
    with config.set({"distributed.comm.timeouts.connect": "60s"}):
        bins = "auto" if given.bins is None else given.bins
        found = measured(given.rows, given.dims, given.chunk_rows, given.workers, bins)
    print(json.dumps({"machine": machine(), **found}, indent=2))


if __name__ == "__main__":
    main()
