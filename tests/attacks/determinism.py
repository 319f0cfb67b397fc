"""One seed, one result: over threads, chunks, orders of batches, and instruction sets."""

from __future__ import annotations

import tempfile

import numpy as np
from children import ended, judge, start
from counts import Counts, require, run

import vicinal

TARGETS = {  # the host's own, and what any machine of x86-64 has, and AVX2
    "host": {},
    "baseline": {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2"},
    "AVX2": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2"},
}
INTEGERS = """
import hashlib, numpy as np, vicinal
def hashed(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in arrays)).hexdigest()
for dtype in ("f4", "f8"):
    X = np.random.default_rng(0).normal(size=(3000, 7)).astype(dtype)
    pmf = vicinal.PMFSampler(16, random_state=0).fit(X)
    local = vicinal.LocalSampler(8, scale=1.0, random_state=0, max_iter=0).fit(X)
    print(dtype, "cells", hashed(pmf.cells_, pmf.counts_))
    print(dtype, "choices of cells", hashed(pmf.sample(5000, return_source=True)[1].row))
    print(dtype, "samples of cells", hashed(pmf.sample(5000)))
    print(dtype, "choices of rows", hashed(local.sample(5000, return_source=True)[1].row))
"""
THREADS = """
import os, sys, hashlib
os.environ["NUMBA_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = sys.argv[1]
import numpy as np, vicinal
X = np.random.default_rng(0).normal(size=(20_000, 5)).astype("f4")
for each in (vicinal.PMFSampler(8, random_state=0), vicinal.LocalSampler(8, scale=1.0, random_state=0)):
    print(hashlib.sha256(each.fit(X).sample(100_000).tobytes()).hexdigest())
"""


def attack_chunks(full, counts):
    """Draw in chunks of random sizes, and fit in batches of random sizes and orders."""
    random = np.random.default_rng(0)
    X = random.normal(size=(3000, 5)).astype(np.float32)
    bounds = (X.min(axis=0), X.max(axis=0))
    samplers = [
        vicinal.PMFSampler(8, random_state=0, bounds=bounds),
        vicinal.LocalSampler(8, scale=1.0, random_state=0),
    ]
    whole = [each.fit(X).sample(20_000) for each in samplers]
    for i in range(500 if full else 20):
        first, last = np.sort(random.integers(0, 20_001, 2))
        for sampler, rows in zip(samplers, whole, strict=True):
            with counts.trial(f"{type(sampler).__name__} rows {first} to {last}"):
                part = sampler.sample(int(last - first), start=int(first))
                require(np.array_equal(part, rows[first:last]), "other rows in a chunk")
        parts = np.array_split(X[random.permutation(len(X))], np.sort(random.integers(0, len(X), 4)))
        with counts.trial(f"batches of {[len(part) for part in parts]}"):
            streamed = vicinal.PMFSampler(8, random_state=0, bounds=bounds)
            for part in parts:
                if len(part):
                    streamed.partial_fit(part)
            require(np.array_equal(streamed.sample(1000), whole[0][:1000]), f"other samples after batches {i}")


def attack_alike(counts, ends):
    """Count children of which all must print the same."""
    for what, end in ends.items():
        judge(counts, what, end, [0])
    lines = {what: end[1] for what, end in ends.items()}
    first = next(iter(lines))
    for what, found in lines.items():
        if found != lines[first]:
            differ = [b for a, b in zip(lines[first].splitlines(), found.splitlines(), strict=False) if a != b]
            counts.fault("silent", f"{what} differs from {first}: {differ}")


def attack(full):
    """Attack with chunks in this process, with threads and instruction sets in others."""
    counts = Counts()
    attack_chunks(full, counts)
    if full:
        attack_alike(counts, {f"{n} threads": ended(start(THREADS, n)) for n in (1, 2, 3, 7)})
        with tempfile.TemporaryDirectory() as folder:
            caches = {name: {"VICINAL_CACHE_DIR": f"{folder}/{name}"} for name in TARGETS}
            ends = {name: ended(start(INTEGERS, **TARGETS[name], **caches[name])) for name in TARGETS}
        attack_alike(counts, ends)
    return counts


if __name__ == "__main__":
    run(attack)
