"""Count what a newcomer has to read: lines and files, what a fit walks through, and the path to it.

    python benchmarks/house.py

Run it at the root of a checkout. It runs on older layouts too: what does not exist is skipped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path.cwd()
SRC = ROOT / "src/vicinal"
sys.path.insert(0, str(SRC.parent))  # this checkout, whatever is installed
os.environ["NUMBA_NUM_THREADS"] = "1"

PARTS = {
    "src": ("src/**/*.py",),
    "tests": ("tests/**/*.py",),
    "scripts": ("benchmarks/**/*.py", "docs/**/*.py"),
}
PATH = ("README.md", "pipeline.py", "samplers/base.py", "samplers/pmf.py", "kernels/reference.py")
CELLS = ("samplers/cells.py",)
BEFORE_CELLS = tuple(
    f"samplers/{name}.py" for name in ("tally", "cell_table", "fitted", "batch_fit", "labels", "moments")
)


def lines(paths: Iterable[Path]) -> tuple[int, int]:
    """Return the lines and the number of the files that exist."""
    texts = [path.read_text(encoding="utf-8") for path in paths if path.is_file()]
    return sum(len(text.splitlines()) for text in texts), len(texts)


def located(name: str) -> Path:
    """Return where a file of the path is."""
    return ROOT / name if name == "README.md" else SRC / name


class Trace:
    """The files of src/vicinal that a call walks through: into a file with a call, back to the caller's with its return."""

    def __init__(self) -> None:
        self.visits: list[str] = []
        self._stack: list[str] = []

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        """Note a call or a return."""
        path = frame.f_code.co_filename
        if event not in {"call", "return"} or not path.startswith(f"{SRC}{os.sep}"):
            return
        if event == "call":
            self._stack.append(Path(path).relative_to(SRC).as_posix())
        elif self._stack:
            self._stack.pop()
        if self._stack:
            self.visits.append(self._stack[-1])

    def switches(self) -> int:
        """Return how often the file changes."""
        return sum(before != after for before, after in pairwise(self.visits))


def traced(fit: Callable[[], Any]) -> Trace:
    """Return what a fit walks through, once everything is imported and compiled."""
    fit()
    trace = Trace()
    sys.setprofile(trace)
    try:
        fit()
    finally:
        sys.setprofile(None)
    return trace


def main() -> None:
    """Print the table."""
    import numpy as np

    from vicinal import LocalSampler, PMFSampler

    for part, patterns in PARTS.items():
        n_lines, n_files = lines(path for pattern in patterns for path in ROOT.glob(pattern))
        print(f"{part:36} {n_lines:7,} lines {n_files:4} files")
    latents = np.random.default_rng(0).standard_normal((1000, 8), dtype=np.float32)
    fits: dict[str, Callable[[], Any]] = {
        "PMFSampler(8).fit": lambda: PMFSampler(8, random_state=0).fit(latents),
        "PMFSampler(8).fit, then cells_": lambda: PMFSampler(8, random_state=0).fit(latents).cells_,  # once put off
        "LocalSampler(8, scale=1.0).fit": lambda: LocalSampler(8, scale=1.0, random_state=0).fit(latents),
    }
    for name, fit in fits.items():
        trace = traced(fit)
        files = sorted(set(trace.visits))
        kernels = sum(file.startswith("kernels") for file in files)
        print(f"{name:36} {len(files):4} files: {kernels} in kernels/, {len(files) - kernels} outside; ", end="")
        print(f"{trace.switches()} switches\n    {' '.join(files)}")
    known, _ = lines(map(located, PATH))
    print(f"{'the newcomer: ' + 'README to reference.py':36} {known:7,} lines")
    heart = CELLS if located(CELLS[0]).exists() else BEFORE_CELLS
    more, _ = lines(map(located, heart))
    print(f"{'    with ' + ', '.join(Path(name).name for name in heart):36} {known + more:7,} lines")


if __name__ == "__main__":
    main()
