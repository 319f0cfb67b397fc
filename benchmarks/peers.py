"""PMFSampler against its peers on the same latents: time, memory, size.

Each sampler fits and draws in a process of its own, so that the peak of memory is its own, after the imports and a trial
on few rows, so that neither imports nor compilation count. The trial also shows whether the threads of linear algebra
help: on a busy machine they can slow a fit down tenfold, and one is used then. What would take longer than the limit, as
far as smaller sizes tell, is not run; what does take longer is stopped. Both are listed, with the reason.

A full run goes on where an earlier one was stopped: what was measured stays, unless ``--force`` names it. What was not
run is tried again. Run it through benchmarks/bench.py.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from contestants import CONTESTANTS, LIKE
from latents import clustered, mnist
from threadpoolctl import threadpool_limits

from vicinal.storage import write_atomic

Row = dict[str, Any]

CLUSTERED, MNIST = "clustered", "MNIST"
FEW, MANY = 10_000, 1_000_000
TRIAL_ROWS = 20_000
CLEARLY = 1.2
MOST_REPEATS = 100
STARTUP_S = 300.0  # imports, reading and trial, before the limit counts


class Setting(NamedTuple):
    """How much to measure: sizes, seconds for one sampler on one set of latents, and for all of them."""

    sizes: tuple[int, ...]
    dims: tuple[int, ...]
    mnist_sizes: tuple[int, ...]
    limit_s: float
    budget_s: float
    repeat_s: float  # a measurement is repeated until so much is spent, `MOST_REPEATS` times at most
    left_out: tuple[str, ...] = ()


SETTINGS = {
    "quick": Setting(
        (10_000, 60_000),
        (16,),
        (10_000,),
        limit_s=60.0,
        budget_s=110.0,
        repeat_s=0.5,
        left_out=("GMM-100", "Bayesian GMM-10", "spline flow"),
    ),
    "full": Setting(
        (10_000, 60_000, 300_000, 1_000_000),
        (2, 16, 64, 256),
        (10_000, 60_000),
        limit_s=300.0,
        budget_s=float("inf"),
        repeat_s=4.0,
    ),
}


def run(mode: str, options: Any) -> dict[str, Any]:
    """Measure all samplers; see benchmarks/bench.py for ``options``."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    setting = SETTINGS[mode]
    if options.limit_s is not None:
        setting = setting._replace(limit_s=options.limit_s)
    result: dict[str, Any] = {"limit_s": setting.limit_s, "rows": _kept(mode, options)}
    rows: list[Row] = result["rows"]
    groups = [(CLUSTERED, n, d) for n in setting.sizes for d in setting.dims]
    if not _has_mnist(options):
        reason = "needs --models, a folder with ae-0.safetensors, and --data-dir, one with the MNIST files"
        missing = [n for n in setting.mnist_sizes if not any((row["data"], row["n"]) == (MNIST, n) for row in rows)]
        rows += [{"sampler": "all", "data": MNIST, "n": n, "d": None, "not_run": reason} for n in missing]
    else:
        groups += [(MNIST, n, None) for n in setting.mnist_sizes]

    deadline = time.monotonic() + setting.budget_s
    columns = (TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress, tempfile.TemporaryDirectory() as folder:
        task = progress.add_task("peers", total=len(groups) * len(CONTESTANTS))
        for data, n, d in groups:
            path = Path(folder) / "latents.npy"
            try:
                wanted = _wanted(rows, data, n, d)
                if wanted:
                    d = _write(path, n, d, options)
            except Exception as error:  # noqa: BLE001 - listed, and the others go on
                rows.append({"sampler": "all", "data": data, "n": n, "d": d, "failed": _line(error)})
                wanted = []
            progress.advance(task, len(CONTESTANTS) - len(wanted))
            for sampler in wanted:
                progress.update(task, description=f"{sampler}, {data}, n={n:,}, d={d}")
                row = {"sampler": sampler, "data": data, "n": n, "d": d}
                row |= _measured(row, rows, path, setting, deadline)
                rows.append(row)
                options.save(result)
                progress.console.print(_said(row), highlight=False)
                progress.advance(task)
            path.unlink(missing_ok=True)
    rows.sort(key=_order)
    return result


def _kept(mode: str, options: Any) -> list[Row]:
    """Return the rows of an earlier full run that need not be measured again."""
    if mode == "quick" or options.previous is None:
        return []
    rows = options.previous.get("rows", [])
    if options.force is not None:
        possible = (CLUSTERED, MNIST) if _has_mnist(options) else (CLUSTERED,)
        rows = [row for row in rows if row["data"] not in possible or not row["sampler"].startswith(options.force)]
    limit_s = SETTINGS[mode].limit_s if options.limit_s is None else options.limit_s
    return [row for row in rows if "fit_and_10k_s" in row or row.get("stopped_s", 0.0) >= limit_s]


def _has_mnist(options: Any) -> bool:
    return options.models is not None and options.data_dir is not None


def _wanted(rows: list[Row], data: str, n: int, d: int | None) -> list[str]:
    """Return the samplers that have no row yet."""
    done = {row["sampler"] for row in rows if (row["data"], row["n"]) == (data, n) and d in (None, row["d"])}
    return [name for name in CONTESTANTS if name not in done]


def _write(path: Path, n: int, d: int | None, options: Any) -> int:
    latents = clustered(n, d) if d is not None else mnist(n, options.data_dir, options.models)
    np.save(path, latents)
    return int(latents.shape[1])


def _order(row: Row) -> tuple[Any, ...]:
    names = list(CONTESTANTS)
    place = names.index(row["sampler"]) if row["sampler"] in names else len(names)
    return row["data"], row["n"], row["d"] or 0, place


def _measured(row: Row, rows: list[Row], path: Path, setting: Setting, deadline: float) -> Row:
    """Return what a process of its own measured, or why it was not run."""
    if row["sampler"] in setting.left_out:
        return {"not_run": "only in full mode"}
    cost_s = _predicted(row, rows)
    left_s = deadline - time.monotonic()
    if cost_s > setting.limit_s:
        reason = f"predicted {human(cost_s)}, limit {human(setting.limit_s)}"
        return {"not_run": reason, "cost_s": cost_s}
    if max(cost_s, 1.0) > left_s:
        return {"not_run": f"the {setting.budget_s:.0f} s for all samplers are used up"}
    limit_s = min(setting.limit_s, left_s)
    result = path.with_name("row.json")
    result.unlink(missing_ok=True)
    spec = {**row, "latents": str(path), "result": str(result), "limit_s": limit_s, "repeat_s": setting.repeat_s}
    command = [sys.executable, str(Path(__file__)), json.dumps(spec)]
    try:
        status = subprocess.run(command, check=False, timeout=limit_s + STARTUP_S).returncode  # noqa: S603 - this file
    except subprocess.TimeoutExpired:
        status = -signal.SIGALRM
    found: Row = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {}
    if status == -signal.SIGALRM:
        stopped = f"stopped after {human(limit_s)}"
        if "fit_and_10k_s" not in found:
            return {"not_run": stopped, "stopped_s": limit_s, "cost_s": limit_s}
        found.setdefault("sample_1m_not_run", stopped)
    elif status != 0:
        found["failed"] = f"the process ended with status {status}" + (", killed for memory?" if status == -9 else "")
    return found


def _predicted(row: Row, rows: list[Row]) -> float:
    """Return the seconds that fit and 10,000 samples take, from smaller sizes: linear in n and k, and no less in larger d."""
    known = [other for other in rows if "cost_s" in other and other["data"] == row["data"]]
    same = [other for other in known if other["sampler"] == row["sampler"]]
    costs = [other["cost_s"] for other in same if other["n"] == row["n"] and other["d"] < row["d"]]
    smaller = [other for other in same if other["n"] < row["n"] and other["d"] == row["d"]]
    if smaller:
        nearest = max(smaller, key=lambda other: other["n"])
        costs.append(nearest["cost_s"] * row["n"] / nearest["n"])
    like, times = LIKE.get(row["sampler"], ("", 0.0))
    place = (like, row["n"], row["d"])
    costs += [times * other["cost_s"] for other in known if (other["sampler"], other["n"], other["d"]) == place]
    return max(costs, default=0.0)


def human(seconds: float) -> str:
    """Return seconds, minutes or hours, to two digits."""
    for size, unit in ((3600.0, "h"), (60.0, "min"), (1.0, "s")):
        if seconds >= 1.5 * size or unit == "s":
            break
    return f"{seconds / size:.1f} {unit}" if seconds < 9.95 * size else f"{seconds / size:.0f} {unit}"


def _said(row: Row) -> str:
    name = f"{row['sampler']}, {row['data']}, n={row['n']:,}, d={row['d']}: "
    if "fit_and_10k_s" in row:
        return f"{name}fit and 10,000 samples {row['fit_and_10k_s']:.4g} s"
    return name + (f"failed: {row['failed']}" if "failed" in row else f"not run: {row['not_run']}")


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:300]


# What follows runs in the process of one sampler.


class Peak:
    """Bytes by which the most resident memory exceeds what is resident now."""

    def __init__(self) -> None:
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)  # else freed memory would serve unnoticed
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


def _repeated(work: Callable[[], tuple[float, ...]], repeat_s: float) -> tuple[list[float], int]:
    """Return the median of each time that ``work`` returns, of which the last is all of it, and the repeats."""
    times = [work()]
    while len(times) < MOST_REPEATS and sum(each[-1] for each in times) < repeat_s:
        times.append(work())
    return [statistics.median(column) for column in zip(*times, strict=True)], len(times)


def _better_threads(make: Callable[[bool], Any], latents: Any) -> str:
    """Load and compile everything; leave the libraries "all" their threads if that is clearly faster, else "one"."""

    def trial() -> float:
        contestant = make(True)
        begin = time.perf_counter()
        contestant.fit(latents)
        contestant.sample(1000)
        return time.perf_counter() - begin

    trial()
    all_s = trial()
    torch = sys.modules.get("torch")
    n_threads = torch.get_num_threads() if torch is not None else 1
    limits = threadpool_limits(1)  # BLAS and OpenMP; vicinal's own threads are neither
    if torch is not None:
        torch.set_num_threads(1)
    if trial() <= CLEARLY * all_s:
        return "one"
    limits.restore_original_limits()
    if torch is not None:
        torch.set_num_threads(n_threads)
    return "all"


def _measure(spec: Row, save: Callable[[Row], None]) -> None:
    """Measure one sampler on one set of latents; save after every step."""
    make = CONTESTANTS[spec["sampler"]]
    latents = np.load(spec["latents"])
    threads = _better_threads(make, latents[:TRIAL_ROWS])
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, spec["limit_s"])  # ends this process when it is over
    began = time.monotonic()
    contestant: Any = None
    row: Row = {"threads": threads}

    def fit() -> tuple[float, float]:
        nonlocal contestant
        contestant = make(False)
        peak = Peak() if "cost_s" not in row else None
        begin = time.perf_counter()
        contestant.fit(latents)
        fitted = time.perf_counter()
        contestant.sample(FEW)
        done = time.perf_counter()
        if peak is not None:
            row.update(fit_peak_bytes=peak.grown(), cost_s=done - begin)
        return fitted - begin, done - begin

    def sample(n: int) -> tuple[float]:
        begin = time.perf_counter()
        contestant.sample(n)
        return (time.perf_counter() - begin,)

    (row["fit_s"], row["fit_and_10k_s"]), row["repeats"] = _repeated(fit, spec["repeat_s"])
    save(row)
    (row["sample_10k_s"],), _ = _repeated(lambda: sample(FEW), spec["repeat_s"])
    row["artefact_bytes"] = contestant.size()
    save(row)
    predicted_s = row["sample_10k_s"] * MANY / FEW
    left_s = spec["limit_s"] - (time.monotonic() - began)
    if predicted_s > left_s:
        row["sample_1m_not_run"] = f"predicted {human(predicted_s)}, {human(left_s)} of {human(spec['limit_s'])} left"
    else:
        peak = Peak()
        (first_s,) = sample(MANY)
        row["sample_peak_bytes"] = peak.grown()
        again_s, _ = _repeated(lambda: sample(MANY), spec["repeat_s"]) if first_s < spec["repeat_s"] else ([first_s], 1)
        row["sample_1m_s"] = again_s[0]
    save(row)


def _child(spec: Row) -> None:
    warnings.simplefilter("ignore")  # mixtures warn of covariances; what they do with them is measured
    row: Row = {}

    def save(measured: Row) -> None:
        row.update(measured)
        write_atomic(spec["result"], json.dumps(row).encode())

    try:
        _measure(spec, save)
    except ModuleNotFoundError as error:
        save({"not_run": f"{error.name} is not installed"})
    except Exception as error:  # noqa: BLE001 - the parent lists it
        save({"failed": _line(error)})


if __name__ == "__main__":
    _child(json.loads(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # nothing to tidy up, and the alarm may no longer ring
