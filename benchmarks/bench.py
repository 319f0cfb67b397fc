"""Run the benchmarks, keep what they measure in benchmarks/results, and write docs/performance.md from it.

    python benchmarks/bench.py                  # quick: under 5 minutes
    python benchmarks/bench.py --full           # hours; goes on where it was stopped
    python benchmarks/bench.py --only peers --full --data-dir DIR/mnist --models build/study/mnist/models --force PMF

The benchmarks are the modules speed, scaling, peers, gpu, metrics and vicinity beside this file. Each has one function::

    run(mode: "quick" | "full", options) -> dict

``options`` has

=================  ============================================================================================
data_dir, models   folders with the MNIST files, and with ``ae-0.safetensors``; or None
limit_s            seconds that one measurement may take, or None for the benchmark's own limit
force              measure anew what has a name that begins so ("" is everything), or None; only ``peers`` keeps rows
previous           the dict that an earlier run of this mode saved, or None
save(result)       keeps a result that is not complete yet: for benchmarks that take long
=================  ============================================================================================

The dict is JSON-able. ``facts`` and ``mode`` are added to it, what is in it already wins, and it is written to
``benchmarks/results/<name>.json``, in quick mode to ``<name>-quick.json``. A benchmark that cannot run returns
``{"not_run": "reason"}``; one that is missing or fails counts as such. An earlier result is not replaced by that.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from vicinal import report
from vicinal.storage import write_atomic

NAMES = ("speed", "scaling", "peers", "gpu", "metrics", "vicinity")
HERE = Path(__file__).parent
PAGE = HERE.parent / "docs/performance.py"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", choices=NAMES, action="append", help="run only this one; may be given again")
    parser.add_argument("--data-dir", type=Path, help="folder with the MNIST files")
    parser.add_argument("--models", type=Path, help="folder with ae-0.safetensors of MNIST")
    parser.add_argument("--force", nargs="?", const="", metavar="NAME", help="measure anew, or only what begins so")
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="for one measurement")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--no-page", action="store_true", help="only measure")
    arguments = parser.parse_args()
    mode = "full" if arguments.full else "quick"
    arguments.out.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False)
    for name in arguments.only or NAMES:
        began = time.monotonic()
        said = measure(name, mode, arguments)
        console.print(f"[bold]{name}[/]: {said}, {time.monotonic() - began:.0f} s")
    if not arguments.no_page:
        subprocess.run([sys.executable, PAGE, mode, "--results", arguments.out], check=True)  # noqa: S603 - ours


def measure(name: str, mode: str, arguments: argparse.Namespace) -> str:
    """Run one benchmark, write its result, and return what became of it."""
    path = arguments.out / (f"{name}.json" if mode == "full" else f"{name}-quick.json")
    previous = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    save = saver(path, {"facts": machine(), "mode": mode})
    options = SimpleNamespace(
        data_dir=arguments.data_dir,
        models=arguments.models,
        limit_s=arguments.limit,
        force=arguments.force,
        previous=previous,
        save=save,
    )
    try:
        result = importlib.import_module(name).run(mode, options)
    except ModuleNotFoundError as error:
        result = {"not_run": "there is no such benchmark" if error.name == name else f"{error.name} is not installed"}
    except Exception as error:  # noqa: BLE001 - listed as not run, and the others go on
        result = {"not_run": f"failed: {type(error).__name__}: {error}"}
    if "not_run" not in result:
        save(result)
        return "done"
    if previous is None or "not_run" in previous:
        save(result)
        return f"not run ({result['not_run']})"
    return f"not run ({result['not_run']}); an earlier result stays"


def saver(path: Path, known: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Return a function that writes a result, with what is known of all results, in one step."""

    def save(result: dict[str, Any]) -> None:
        write_atomic(path, (json.dumps({**known, **result}, indent=1) + "\n").encode())

    return save


def machine() -> dict[str, str]:
    """Return the machine, the versions of what is measured, and how busy the machine is."""
    facts = report.machine()
    for name in ("scipy", "zuko", "triton"):
        try:
            facts[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    if hasattr(os, "getloadavg"):
        facts["load average"] = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return facts


if __name__ == "__main__":
    main()
