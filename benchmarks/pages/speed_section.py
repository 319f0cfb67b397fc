"""The sections of docs/performance.md on benchmarks/speed.py and benchmarks/starts.py."""

from __future__ import annotations

from typing import Any

from figures import Row, duration, over, verdict
from pages import table

STEPS = {
    "copy": "`numpy.copyto`, one thread",
    "read": "reading: bounds, all threads",
    "words": "the random numbers alone, all threads",
    "write": "writing to memory at hand, all threads",
    "fresh": "writing to fresh memory, all threads",
}


def speed(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text on benchmarks/speed.py."""
    sets: dict[str, str] = result["sets"]
    rows = [
        [first["name"], f"{first['n']:,}", str(first["d"]), *_each(sets, found, "ratio_to_copy"), _goal(sets, found)]
        for found in _by_size(result["rows"])
        for first in [next(iter(found.values()))]
    ]
    against = [
        [f"{first['n']:,}", str(first["d"]), *_each(sets, found, "ratio_to_numpy"), _goal(sets, found, numpy=True)]
        for found in _by_size(result["rows"])
        for first in [next(iter(found.values()))]
        if first["ratio_to_numpy"] is not None
    ]
    lines = [
        *(f"- {name}: {allowed}" for name, allowed in sets.items()),
        "",
        "`native` is what this machine has. For the others, the kernels and NumPy were made to do without the rest. 64-bit Arm: not",
        "run. Times, in those of a copy of as many float32 values into memory at hand:",
        "",
        table(["", "n", "d", *sets, "goal"], rows),
        "",
        "Plain NumPy, in times of ours. It draws `lower + (codes[rows] + rng.random((n, d), dtype=float32)) * width`:",
        "",
        table(["n", "d", *sets, "goal"], against),
        "",
        "Single steps over 1,000,000 x 64 values, in times the copy. [The method](method.md#what-limits-the-speed) says what follows:",
        "",
        table(["", *sets], _steps(sets, result["limits"])),
    ]
    return lines, {}


def _by_size(rows: list[Row]) -> list[dict[str, Row]]:
    """Return the rows of one size and name together, by instruction set."""
    found: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        found.setdefault((row["d"], row["n"], row["name"]), {})[row["instructions"]] = row
    return list(found.values())


def _each(sets: dict[str, str], found: dict[str, Row], key: str) -> list[str]:
    return [f"{found[name][key]:.2f}" for name in sets]


def _goal(sets: dict[str, str], found: dict[str, Row], *, numpy: bool = False) -> str:
    """Return the goal, and for each instruction set whether it is met."""
    key, goal = ("ratio_to_numpy", "numpy_target") if numpy else ("ratio_to_copy", "target")
    verdicts = [verdict(found[name][key], found[name][goal], most=not numpy) for name in sets]
    if "-" in verdicts:
        return "-"
    said = verdicts[0].partition(":")[0]
    return f"{said}: {', '.join(each.partition(': ')[2] for each in verdicts)}"


def _steps(sets: dict[str, str], limits: list[Row]) -> list[list[str]]:
    seconds = {row["instructions"]: row["seconds"] for row in limits}
    return [
        [name, *(f"{over(seconds[each][step], seconds[each]['copy']) or 0:.2f}" for each in sets)]
        for step, name in STEPS.items()
    ]


def starts(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text on benchmarks/starts.py."""
    rows = [
        [
            row["name"],
            duration(row["seconds"]),
            duration(row["processor_s"]),
            f"{verdict(row['seconds'], row['goal_s'], most=True)}",
        ]
        for row in result["rows"]
    ]
    return [
        "Whole processes, the start of Python included. Processor time is that of all threads; it depends less on what else runs.",
        "",
        table(["", "time", "processor time", "goal, s"], rows),
    ], {}
