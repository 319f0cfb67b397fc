"""What the benchmarks share: timing in turns, processes of their own, peak memory, the machine."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Hashable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import instruction_sets
import numpy as np
from llvmlite import binding
from scipy import stats
from threadpoolctl import threadpool_limits

from vicinal import report

Row = dict[str, Any]
Key = TypeVar("Key", bound=Hashable)

STARTUP_S = 120.0  # at most for imports and compilation of a process, before its limit counts


def machine() -> dict[str, str]:
    """Return the machine, its instruction sets, the versions of what is measured, and how busy the machine is."""
    facts = report.machine() | {
        "microarchitecture": binding.get_host_cpu_name(),
        "instruction sets": instruction_sets.allowed(),
    }
    for name in ("scipy", "zuko", "triton"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            facts[name] = metadata.version(name)
    if hasattr(os, "getloadavg"):
        facts["load average"] = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return facts


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that ``work`` takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def alternate(works: Mapping[Key, Callable[[], Any]], rounds: int, spend_s: float = np.inf) -> dict[Key, list[float]]:
    """Return the seconds of each work; a round takes all in turn, so that other load on the machine falls on all alike.

    After two rounds no round begins that is expected to end after ``spend_s``.
    """
    seconds: dict[Key, list[float]] = {key: [] for key in works}
    began = time.perf_counter()
    for done in range(rounds):
        spent = time.perf_counter() - began
        if done >= 2 and spent * (done + 1) / done > spend_s:
            break
        for key, work in works.items():
            seconds[key].append(timed(work))
    return seconds


def median(work: Callable[[], Any], spend_s: float, most: int = 25) -> float:
    """Return the median seconds of ``work``, repeated until ``spend_s`` are spent."""
    seconds = [timed(work)]
    while len(seconds) < most and sum(seconds) < spend_s:
        seconds.append(timed(work))
    return statistics.median(seconds)


def exponent(sizes: list[int], seconds: list[float]) -> dict[str, float]:
    """Return the slope of log seconds over log sizes, and its 95 % confidence interval."""
    line = stats.linregress(np.log(sizes), np.log(seconds))
    half = float(stats.t.ppf(0.975, len(sizes) - 2) * line.stderr)
    return {"exponent": float(line.slope), "low": float(line.slope) - half, "high": float(line.slope) + half}


def one_core() -> None:
    """Keep this process on one core, and the libraries in it to one thread."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    threadpool_limits(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def apart(
    function: Callable[..., Row],
    limit_s: float | None = None,
    environment: Mapping[str, str] | None = None,
    /,
    **spec: Any,
) -> Row:
    """Return what a function of a module gives in a process of its own; ``spec`` and result are JSON-able.

    ``environment`` is added to that of this process.

    If it fails or is stopped (`stop_after`), ``not_run`` says so, and ``stopped_s`` holds the limit.
    """
    command = [sys.executable, __file__, function.__module__, function.__name__, json.dumps(spec)]
    timeout = None if limit_s is None else 2 * limit_s + STARTUP_S
    stopped: Row = {"not_run": f"stopped after {limit_s} s", "stopped_s": limit_s}
    try:
        found = subprocess.run(  # noqa: S603 - ours
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired:
        return stopped
    if found.returncode == -signal.SIGALRM:
        return stopped
    if found.returncode:
        lines = found.stderr.strip().splitlines() or [f"the process ended with status {found.returncode}"]
        return {"not_run": lines[-1][:300]}
    result: Row = json.loads(found.stdout.splitlines()[-1])
    return result


def stop_after(limit_s: float) -> None:
    """End this process in so many seconds, unless it is called again; 0 is never."""
    signal.setitimer(signal.ITIMER_REAL, limit_s)


class Peak:
    """Bytes by which the most resident memory exceeds what is resident when this is made."""

    def __init__(self) -> None:
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)  # otherwise freed memory would be used again unnoticed
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Linux: forget earlier peaks
        self.before = _high_water()

    def grown(self) -> int:
        """Return the bytes."""
        return _high_water() - self.before


def _high_water() -> int:
    """Return the most resident memory so far, in bytes."""
    with contextlib.suppress(OSError, StopIteration), Path("/proc/self/status").open(encoding="ascii") as lines:
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # mixtures warn that they did not converge; what they do then is measured
    print(json.dumps(getattr(importlib.import_module(sys.argv[1]), sys.argv[2])(**json.loads(sys.argv[3]))))
