"""Run the attacks of tests/attacks in full and write benchmarks/results/attack.json: under an hour on two cores.

python benchmarks/attack.py              # all
python benchmarks/attack.py files fuzz   # some; the figures of the others stay

Each attack is a process of its own, two at a time. One that dies or does not end counts as crashed or hung.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness import machine

FOLDER = Path(__file__).parents[1] / "tests" / "attacks"
RESULTS = Path(__file__).parent / "results" / "attack.json"
ATTACKS = (
    "files",
    "fuzz",
    "opening",
    "killed",
    "stopped",
    "command_line",
    "processes",
    "determinism",
    "surroundings",
    "soak",
)
SECONDS = 3600
FAULTS = ("silent", "foreign", "crashed", "hung")


def run(name: str) -> dict[str, Any]:
    """Return the counts of one attack."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), "full"]
    variables = os.environ | {"OMP_NUM_THREADS": "1"}
    dead = {"tried": 1, **dict.fromkeys(FAULTS, 0), "seconds": 0.0}
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=variables, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return dead | {"hung": 1, "seconds": SECONDS, "faults": [f"no end within {SECONDS} s"]}
    if child.returncode:
        return dead | {"crashed": 1, "faults": [child.stderr[-600:]]}
    counts: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return counts


def main() -> None:
    """Run attacks, keep their counts, and write the page; exit code 1 if any promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *ATTACKS], metavar="NAME", help=", ".join(ATTACKS))
    names = parser.parse_args().names or list(ATTACKS)
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["attacks"] if RESULTS.exists() else {}
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for name, counts in zip(names, pool.map(run, names), strict=True):
            kept[name] = counts
            print(name, {key: value for key, value in counts.items() if key != "faults"})
            print(*counts["faults"], sep="\n")
    ordered = {name: kept[name] for name in ATTACKS if name in kept}
    RESULTS.write_text(json.dumps({"machine": machine(), "attacks": ordered}, indent=1) + "\n", encoding="utf-8")
    sys.exit(any(counts[fault] for counts in ordered.values() for fault in FAULTS))


if __name__ == "__main__":
    main()
