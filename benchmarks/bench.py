"""Run the benchmarks, keep what they measure in benchmarks/results, and write docs/performance.md from it.

    python benchmarks/bench.py                           # quick: about a quarter of an hour on two cores
    python benchmarks/bench.py --full                    # larger sizes, in hours
    python benchmarks/bench.py --only peers --data-dir DIR/mnist --models build/study/mnist/models

The benchmarks are the modules in `NAMES` beside this file. Each has one function, ``run(mode, options) -> dict``, with
mode "quick" or "full". Of ``options``, `peers` and `local` use ``data_dir`` and ``models``: the folders with the MNIST
files and with ``ae-0.safetensors``, or None. `evaluating` uses ``data_dir``, ``faces`` and ``rivals``. The dict is JSON-able. With ``facts`` and ``mode`` it is written to
``benchmarks/results/<name>.json``. A benchmark that cannot run returns ``{"not_run": "reason"}``; one that fails counts
as such. An earlier result is then kept.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

from harness import Row, machine
from rich.console import Console

from vicinal.storage import write_atomic

NAMES = ("speed", "starts", "scaling", "peers", "gpu", "local", "metrics", "evaluating", "quick")
HERE = Path(__file__).parent


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="larger sizes")
    parser.add_argument("--only", choices=NAMES, action="append", help="run only this one; may be given again")
    parser.add_argument("--data-dir", type=Path, help="folder with the MNIST files")
    parser.add_argument("--faces", type=Path, help="folder or archive of faces")
    parser.add_argument("--rivals", type=Path, help="Python with pytorch-fid, torch-fidelity and torchvision")
    parser.add_argument("--models", type=Path, help="folder with ae-0.safetensors of MNIST")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--no-page", action="store_true", help="only measure")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False)
    for name in options.only or NAMES:
        began = time.monotonic()
        said = measure(name, "full" if options.full else "quick", options)
        console.print(f"[bold]{name}[/]: {said}, {time.monotonic() - began:.0f} s")
    if not options.no_page:
        page = HERE / "pages/performance.py"
        subprocess.run([sys.executable, page, "--results", options.out], check=True)  # noqa: S603 - ours


def measure(name: str, mode: str, options: argparse.Namespace) -> str:
    """Run one benchmark, write its result, and return what became of it."""
    path = options.out / f"{name}.json"
    known: Row = {"facts": machine(), "mode": mode}
    try:
        result = importlib.import_module(name).run(mode, options)
    except Exception as error:  # noqa: BLE001 - listed as not run, and the others go on
        result = {"not_run": f"failed: {type(error).__name__}: {error}"}
    reason = result.get("not_run")
    if reason is None or not path.exists() or "not_run" in json.loads(path.read_text(encoding="utf-8")):
        write_atomic(path, (json.dumps(known | result, indent=1) + "\n").encode())
        return "done" if reason is None else f"not run ({reason})"
    return f"not run ({reason}); an earlier result is kept"


if __name__ == "__main__":
    main()
