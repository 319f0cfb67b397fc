"""What fits on dask cost in time, bytes and memory, beside what one chunk predicts; docs/scaling.md is written from it.

    python benchmarks/dask_scaling.py --rows 1000000 10000000 100000000

The latents are made on the workers and stay in their memory. The model takes the work of one chunk, and of one leaf, as
it is measured in this process. Seconds are those of processors, added over the workers: other programs then count less.

PMFSampler: a pass over C chunks costs C times what its chunk costs. The merges of a tree of values with the sizes s_0,
s_1, ... on its levels cost as much as those sizes. A merge moves one of its two values unless both are on one of the W
workers. The number of cells of r rows is taken to grow as a power of r, which half a chunk and a chunk give.

LocalSampler: a survey and a division of every chunk, and the fit of every leaf. Each latent moves once, unless it is
where it belongs, which has the chance 1 / W.
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
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from dask import array, config
from distributed import Client, LocalCluster, wait
from harness import machine

from vicinal import LocalSampler, PMFSampler
from vicinal._errors import CalibrationWarning
from vicinal.integrations import dask as on_dask
from vicinal.samplers.batches import Batch, Training
from vicinal.samplers.local.beyond_memory import Plan
from vicinal.samplers.local.leaves import fit_leaf
from vicinal.samplers.local.router import Router
from vicinal.samplers.on_dask import tree
from vicinal.samplers.on_dask.leaves import _Moves
from vicinal.samplers.survey import BOUNDS, PROBES

MIB = 2**20
NEIGHBORS = 100
RESULTS = Path(__file__).parent / "results/dask_scaling.json"


def clusters(_block: Any, d: int, block_info: Any = None) -> Any:
    """Return latents (n, d) of a chunk: 20 clusters of unequal spread; a function of the chunk's number alone."""
    shape, number = block_info[None]["chunk-shape"], block_info[None]["chunk-location"][0]
    return rows_of(shape[0], d, number)


def rows_of(n: int, d: int, number: int) -> Any:
    """Return the latents (n, d) of a chunk."""
    centres = np.random.default_rng(0).normal(size=(20, d)).astype(np.float32)
    generator = np.random.default_rng([1, number])
    which = generator.integers(0, 20, n)
    rows = generator.standard_normal((n, d), dtype=np.float32)
    rows *= (0.3 * (1 + which[:, None] / 20)).astype(np.float32)
    rows += centres[which]
    return rows


def best(function: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Return the least processor seconds of some calls, and the result."""
    seconds, result = [], None
    for _ in range(repeats):
        begin = time.process_time()
        result = function()
        seconds.append(time.process_time() - begin)
    return min(seconds), result


def pmf_predicted(made: list[Any], chunk: Any, n_chunks: int, n_workers: int) -> dict[str, float]:
    """Return seconds, MiB moved, and the MiB of the last value, of the passes that a fit of PMFSampler made."""
    seconds, moved, largest = 0.0, 0.0, 0.0
    for each in made:
        of_chunk, value = best(functools.partial(each.of_part, 0, chunk, None, None))
        _, half = best(functools.partial(each.of_part, 0, chunk[: len(chunk) // 2], None, None))
        size, half_size = (len(pickle.dumps(part)) for part in (value, half))
        growth = min(1.0, max(0.0, math.log2(size / half_size)))
        per_byte = best(functools.partial(each.merge, half, half))[0] / (2 * half_size)
        seconds += of_chunk * n_chunks
        left, level = n_chunks, 0
        while left > 1:
            merges, bytes_each = left // 2, size * 2 ** (growth * level)
            seconds += per_byte * 2 * bytes_each * merges
            moved += merges * (1 - 1 / n_workers) * bytes_each
            left, level = left - merges, level + 1
        last = size * n_chunks**growth
        moved, largest = moved + last + n_workers * len(pickle.dumps(each)), max(largest, last)
    return {"seconds": seconds, "moved MiB": moved / MIB, "largest value MiB": largest / MIB}


def local_predicted(chunk: Any, n_chunks: int, n_workers: int) -> dict[str, float]:
    """Return seconds, MiB moved, and the MiB of the latents of a worker, of a fit of LocalSampler."""
    n, d = len(chunk) * n_chunks, chunk.shape[1]
    plan = Plan.of(n, chunk[0].nbytes, None)
    batch = Batch(chunk)
    survey, probes = best(lambda: [each.of_batch(batch) for each in (BOUNDS, PROBES)][1])
    moves = _Moves(Router.of(probes, plan.n_leaves), (), d, False, chunk.dtype)
    split, pieces = best(lambda: moves.split(batch))
    size = n // plan.n_leaves
    rows = rows_of(size, d, 0)
    leaf = Training(rows, None, (), np.array([0, size]), np.arange(size))
    fit, _ = best(lambda: fit_leaf(leaf, NEIGHBORS, 8, rows.mean(axis=0, dtype=np.float64)), 1)
    record = sum(each.nbytes for each in pieces[1:]) / len(chunk)
    return {
        "seconds": (survey + split) * n_chunks + fit * plan.n_leaves,
        "moved MiB": n * record * (1 - 1 / n_workers) / MIB,
        "leaves": plan.n_leaves,
    }


def peak() -> float:
    """Return the largest memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def moved(dask_worker: Any) -> float:
    """Return the MiB that a worker has sent."""
    return float(dask_worker.transfer_outgoing_bytes_total) / MIB


def spent(client: Client) -> tuple[float, float]:
    """Return the processor seconds of all workers, and the MiB that they have sent."""
    return sum(client.run(time.process_time).values()), sum(client.run(moved).values())


def measured(sampler: str, n: int, d: int, rows: int, n_workers: int, n_bins: Any) -> dict[str, Any]:
    """Return what a fit cost, and what was predicted."""
    passes: list[Any] = []

    def recorded(of_part: Any, merge: Any, *columns: Any) -> Any:
        passes.append(getattr(of_part, "__self__", None))
        return tree.reduced(of_part, merge, *columns)

    with (
        LocalCluster(n_workers, threads_per_worker=1, dashboard_address=":0", memory_limit=0) as cluster,
        Client(cluster) as client,
        warnings.catch_warnings(),
        mock.patch("vicinal.samplers.on_dask.batches.reduced", recorded),
    ):
        warnings.simplefilter("ignore", CalibrationWarning)
        empty = array.empty((n, d), chunks=(rows, d), dtype=np.float32)
        latents = empty.map_blocks(clusters, d, dtype=np.float32, meta=np.empty((0, 0), np.float32)).persist()
        wait(latents)
        PMFSampler(4).fit(latents[:1000])  # imports, and kernels that are compiled
        LocalSampler(20, scale=1.0).fit(latents[:1000])
        passes.clear()
        held, before, begin = max(client.run(peak).values()), spent(client), time.perf_counter()
        if sampler == "pmf":
            fitted: Any = PMFSampler(n_bins, random_state=0).fit(latents)
            found = {"bins": fitted.n_bins_, "cells": len(fitted.cells_)}
        else:
            shards = on_dask.fit_shards(LocalSampler(NEIGHBORS, scale=1.0), latents)
            wait(shards.parts)
            found = {"shards": len(shards.parts)}
        seconds, after = time.perf_counter() - begin, spent(client)
        peaks, chunk = max(client.run(peak).values()), rows_of(rows, d, 0)
    n_chunks = latents.numblocks[0]
    made = [each for each in passes if each is not None]

    def predicted(n_chunks: int, n_workers: int) -> dict[str, float]:
        if sampler == "pmf":
            return pmf_predicted(made, chunk, n_chunks, n_workers)
        return local_predicted(chunk, n_chunks, n_workers)

    return {
        "sampler": sampler, "rows": n, "dimensions": d, "chunks": n_chunks, "workers": n_workers, **found,
        "measured": {
            "seconds": after[0] - before[0], "moved MiB": after[1] - before[1], "wall seconds": seconds,
            "peak MiB above the latents": peaks - held,
        },
        "predicted": predicted(n_chunks, n_workers),
        "predicted of 10^9 on 100 workers": predicted(10**9 // rows, 100),
    }  # fmt: skip


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--dims", type=int, default=16)
    parser.add_argument("--chunk-rows", type=int, default=250_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--bins", type=int, default=None, help="of PMFSampler; calibrated without")
    parser.add_argument("--samplers", nargs="+", choices=("pmf", "local"), default=["pmf", "local"])
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    bins = "auto" if given.bins is None else given.bins
    with config.set({"distributed.comm.timeouts.connect": "60s"}):
        runs = [
            measured(sampler, n, given.dims, min(given.chunk_rows, n // 4), given.workers, bins)
            for sampler in given.samplers
            for n in given.rows
        ]
    text = json.dumps({"machine": machine(), "runs": runs}, indent=2)
    given.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
