"""Fits and samples on a GPU, as shares of the bandwidth that copying on it reaches. Not run where there is none."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Row
from latents import clustered

from vicinal.samplers import PMFSampler

N_BINS = 32
SIZES = {"quick": ((1_000_000, 64),), "full": ((1_000_000, 16), (1_000_000, 64), (10_000_000, 64), (1_000_000, 512))}
ROUNDS = 20
GOAL = 0.6  # of the bandwidth of a copy, for samples


def run(mode: str, options: Any) -> Row:
    """Measure; see bench.py."""
    del options
    try:
        import torch
    except ImportError:
        return {"not_run": "torch is not installed"}
    if not torch.cuda.is_available():
        return {"not_run": "there is no CUDA device, or torch is a CPU build"}
    rows = [row for n, d in SIZES[mode] for row in measure(torch, n, d)]
    return {"device": torch.cuda.get_device_name(), "rows": rows}


def measure(torch: Any, n: int, d: int) -> list[Row]:
    """Return bandwidths in GB/s: of the latents read by a fit, of the samples written, and of a copy, both counted."""
    latents = torch.from_numpy(clustered(n, d)).cuda()
    target = torch.empty_like(latents)
    sampler = PMFSampler(N_BINS, random_state=0).fit(latents)
    expected = PMFSampler(N_BINS, random_state=0).fit(latents.cpu().numpy()).sample(1000)
    same = sampler.sample(1000).cpu().numpy().tobytes() == np.ascontiguousarray(expected).tobytes()
    works: dict[str, tuple[int, Callable[[], Any]]] = {
        "copy, read and written": (2, lambda: target.copy_(latents)),
        "fit with its table, latents read twice": (2, lambda: PMFSampler(N_BINS, random_state=0).fit(latents)),
        "samples written": (1, lambda: sampler.sample(n)),
    }
    rates = {name: passes * latents.nbytes / _seconds(torch, work) / 1e9 for name, (passes, work) in works.items()}
    copy = rates["copy, read and written"]
    rows: list[Row] = []
    for name, rate in rates.items():
        met = "met" if rate >= GOAL * copy else "missed"
        row: Row = {"what": name, "n": n, "d": d, "GB/s": rate, "share of copy": rate / copy}
        row["goal"] = f"{GOAL}: {met}" if name == "samples written" else "-"
        rows.append(row | {"samples equal those of the CPU": same})
    return rows


def _seconds(torch: Any, work: Callable[[], Any]) -> float:
    """Return the median time of ``work`` between two events on the device."""
    times = []
    for _ in range(3 + ROUNDS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return statistics.median(times[3:])
