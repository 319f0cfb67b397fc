"""Gaussian mixtures, fitted in a process of their own that can be stopped, and kept in files.

    python benchmarks/mixtures.py LATENTS.npz 100 0 OUT.safetensors

fits ``latents`` of a file with 100 components and seed 0.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import vicinal
from vicinal.samplers import GMMSampler

MAX_ITER = 100  # of mixtures of 100 components and more; others have the library's own


def main() -> None:
    """Fit one mixture and write it, with the seconds it took beside it."""
    latents = np.load(sys.argv[1])["latents"]
    n_components, seed, path = int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    options = {"max_iter": MAX_ITER, "tol": 1e-3} if n_components >= 100 else {}
    sampler = GMMSampler(n_components, random_state=seed, **options)
    begin = time.perf_counter()
    sampler.fit(latents)
    seconds = time.perf_counter() - begin
    sampler.save(path)
    path.with_suffix(".json").write_text(json.dumps({"seconds": seconds, "n_iter": sampler.n_iter_}), encoding="utf-8")


def fitted(latents: Path, path: Path, n_components: int, seed: int, limit: float) -> tuple[Any, float]:
    """Return a mixture and the seconds of its fit, from the file if there is one.

    Raises
    ------
    TimeoutError
        If the fit takes longer than ``limit`` seconds, now or when it was last tried with as many.
    RuntimeError
        If it fails.
    """
    facts_path = path.with_suffix(".json")
    facts = json.loads(facts_path.read_text(encoding="utf-8")) if facts_path.exists() else {}
    if facts.get("stopped", 0) >= limit:
        raise TimeoutError(f"stopped after {facts['stopped']:.0f} s")
    if "seconds" not in facts:
        command = [sys.executable, __file__, str(latents), str(n_components), str(seed), str(path)]
        try:
            done = subprocess.run(command, timeout=limit, capture_output=True, text=True, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            facts_path.write_text(json.dumps({"stopped": limit}), encoding="utf-8")
            raise TimeoutError(f"stopped after {limit:.0f} s") from None
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        facts = json.loads(facts_path.read_text(encoding="utf-8"))
    if facts["seconds"] > limit:
        raise TimeoutError(f"took {facts['seconds']:.0f} s")
    return vicinal.load(path), facts["seconds"]


def widened(sampler: Any, factor: float) -> Any:
    """Return a copy whose covariances are ``factor`` times as large."""
    other = copy.deepcopy(sampler)
    other.covariances_ = factor * sampler.covariances_
    return other


if __name__ == "__main__":
    main()
