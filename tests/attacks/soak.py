"""Memory stays flat over fitting, drawing, saving and loading, and samples never change once they are drawn."""

from __future__ import annotations

import gc
import hashlib
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from counts import Counts, require, run

import vicinal
from vicinal import samplers

SECONDS = {False: 3, True: 600}
MOST_GROWTH = 30_000  # kilobytes, after a tenth of the time


def makers():
    """Return the samplers of a round."""
    return [
        samplers.PMFSampler(8, random_state=0),
        samplers.LocalSampler(8, scale=1.0, random_state=0),
        samplers.KDESampler(random_state=0),
        samplers.GaussianSampler(random_state=0),
        samplers.CopulaSampler(random_state=0),
        samplers.BootstrapSampler(random_state=0),
    ]


def round_of(latents, path, counts, view):
    """Fit, draw, save, load and free each sampler; views of the first samples must keep their values."""
    for sampler in makers():
        with counts.trial(type(sampler).__name__):
            samples = sampler.fit(latents).sample(2000)
            views = [samples[::2], memoryview(samples), view(samples)]
            known = [hashlib.sha256(np.ascontiguousarray(view)).digest() for view in views]
            sampler.save(path)
            loaded = vicinal.load(path)
            require(np.array_equal(loaded.sample(2000), samples), "a loaded sampler draws other rows")
            del sampler, samples
            loaded.sample(2000, start=2000)
            del loaded
            same = [hashlib.sha256(np.ascontiguousarray(view)).digest() for view in views]
            require(same == known, "samples changed after they were drawn")


def torch_view():
    """Return what makes a torch tensor that shares memory with an array; without torch, a flat view."""
    try:
        import torch
    except ImportError:
        return np.ravel
    return torch.from_numpy


def attack(full):
    """Make rounds for seconds (ten minutes in full); the largest memory must stop growing after a tenth of them."""
    counts, view = Counts(), torch_view() if full else np.ravel
    latents = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
    begin, warm = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        while (passed := time.monotonic() - begin) < SECONDS[full]:
            if not warm and passed > SECONDS[full] / 10:
                warm = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            round_of(latents, Path(folder) / "s.safetensors", counts, view)
            gc.collect()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - (warm or 0)
    if warm and grown > MOST_GROWTH:
        counts.fault("silent", f"memory grew by {grown:,} kB")
    return counts


if __name__ == "__main__":
    run(attack)
