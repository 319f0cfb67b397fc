"""Write docs/performance.md and its plots from what benchmarks/bench.py measured; run by it.

python benchmarks/pages/performance.py
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import evaluating_section
import peers_section
import scaling_section
import speed_section
from figures import Row, verdict
from pages import DOCS, RESULTS, fill, table

GOAL_TIMES = 20  # a calibrated fit of LocalSampler takes at most 1 / 20 of the time of the mixture's
GOAL_EXPONENT = 1.2

Section = Callable[[Row], tuple[list[str], dict[str, bytes]]]


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=DOCS / "performance.md", help="an existing file with the marks")
    arguments = parser.parse_args()
    images = arguments.page.parent / "images"
    images.mkdir(exist_ok=True)
    sections: dict[str, tuple[str, Section]] = {
        "peers": ("Against other samplers", peers_section.section),
        "scaling": ("How the cost grows", scaling_section.section),
        "speed": ("Against a copy of the array, by instruction set", speed_section.speed),
        "starts": ("Small jobs", speed_section.starts),
        "gpu": ("On a GPU", gpu),
        "local": ("LocalSampler", local),
        "metrics": ("Metrics", metrics),
        "evaluating": ("Beside other tools for the Frechet distance", evaluating_section.section),
    }
    lines: list[str] = []
    machine = ""
    for name, (title, section) in sections.items():
        lines += ["", f"## {title}", ""]
        result = load(arguments.results / f"{name}.json")
        if "not_run" in result:
            lines.append(f"Not run: {result['not_run']}.")
            continue
        text, plots = section(result)
        before, machine = machine, measured_on(result)
        where = "the same machine" if machine == before else machine
        busy = f"load average at the start {result['facts'].get('load average', 'unknown')}"
        lines += [f"Measured in {result['mode']} mode on {where}; {busy}.", "", *text]
        for plot, data in plots.items():
            (images / plot).write_bytes(data)
    fill(arguments.page, "results", "\n".join(lines))


def load(path: Path) -> Row:
    """Return a result."""
    result: Row = {"not_run": "`make bench` measures it"}
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else result


def measured_on(result: Row) -> str:
    """Return the machine, its instruction sets and the versions."""
    facts = result["facts"]
    where = f"{facts['cores']} cores of an {facts['processor']}"
    if "device" in result:
        where = f"{result['device']}, and {where}"
    if "instruction sets" in facts:
        where += f" ({facts['microarchitecture']}, with {facts['instruction sets']})"
    names = ("python", "vicinal", "numpy", "numba", "scikit-learn", "torch", "zuko")
    return f"{where}: {', '.join(f'{name} {facts[name]}' for name in names if name in facts)}"


def gpu(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text on benchmarks/gpu.py: a table of its rows."""
    rows = result["rows"]
    return [table(list(rows[0]), [[_any(value) for value in row.values()] for row in rows])], {}


def _any(value: Any) -> str:
    if isinstance(value, bool | str):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def local(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text on benchmarks/local.py."""
    headings = [
        "latents",
        "n",
        "d",
        "fit, calibrated",
        "mixture over it",
        "goal",
        "fit, 16 neighbours",
        "mixture over it",
    ]
    headings += ["mixture", "10,000 samples", "1,000,000 samples", "bytes a latent"]
    lines = [
        "A fit of `LocalSampler`, and of a Gaussian mixture of 50 full components in the same process, both on one core. Files hold the",
        "latents and where neighbourhoods start.",
        "",
        table(headings, [_local_fit(row) for row in result["fit"]]),
        "",
    ]
    for row in result["growth"]:
        kind = "calibrated" if row["auto"] else "16 neighbours"
        lines.append(
            f"- Fit, {kind}, n from {row['sizes'][0]:,} to {row['sizes'][-1]:,}, d = {row['d']}: time grows as n to the power of "
            f"{row['exponent']:.2f} ({row['low']:.2f} to {row['high']:.2f}; goal: {verdict(row['exponent'], GOAL_EXPONENT, most=True)})."
        )
    large = result["large"]
    found = f"not run ({large['not_run']})." if "not_run" in large else (
        f"calibrated fit {large['fit_s']:.1f} s ({large['n_neighbors']} neighbours, nn ratio {large['nn_ratio']:.2f}), as many samples "
        f"{large['sample_s']:.1f} s, on all cores. Peak memory beside the latents: {large['peak_bytes'] / large['latents_bytes']:.1f} "
        "times theirs, samples included."
    )  # fmt: skip
    return [*lines, f"- n = {large['n']:,}, d = {large['d']}: {found}"], {}


def _local_fit(row: Row) -> list[str]:
    if "not_run" in row:
        return [row["data"], f"not run: {row['not_run']}", *["-"] * 10]
    times = row["mixture_s"] / row["auto_s"]
    return [
        row["data"], f"{row['n']:,}", str(row["d"]), f"{row['auto_s']:.2f} s", f"{times:.0f}",
        verdict(times, GOAL_TIMES, most=False), f"{row['fixed_s']:.2f} s", f"{row['mixture_s'] / row['fixed_s']:.0f}",
        f"{row['mixture_s']:.0f} s", f"{row['sample_10k_s']:.3f} s", f"{row['sample_1m_s']:.1f} s", f"{row['bytes_a_row']:.1f}",
    ]  # fmt: skip


def metrics(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text on benchmarks/metrics.py."""
    rows = []
    for row in result["rows"]:
        goals = []
        if "most_seconds" in row:
            goals.append(f"{verdict(row['seconds'], row['most_seconds'], most=True)} (s)")
        if "most_bytes" in row:
            goals.append(f"{verdict(row['peak_bytes'] / 1e6, row['most_bytes'] / 1e6, most=True)} (MB)")
        n_train = f"{row['n_train']:,}" if "n_train" in row else "-"
        took = f"{row['seconds']:.1f} s" if row["seconds"] >= 1 else f"{row['seconds']:.2f} s"
        memory = f"{row['peak_bytes'] / 1e6:,.0f} MB"
        rows.append([row["metric"], f"{row['n']:,}", n_train, f"{row['d']:,}", took, memory, ", ".join(goals) or "-"])
    lines = [
        table(["", "rows of each set", "training rows", "d", "time", "memory", "goal"], rows),
        "",
        "Memory is the peak above the float32 data themselves.",
    ]
    return lines + searches(result.get("searches", [])) + calibrations(result.get("calibrations", [])), {}


def searches(found: list[Row]) -> list[str]:
    """Return the text on searches for nearest rows."""
    rows = []
    for row in found:
        products = row["seconds"] / row["product_s"]
        goal = verdict(products, row["most_products"], most=True) if "most_products" in row else "-"
        ratio = f"{row['sklearn_s'] / row['seconds']:.1f}"
        rows.append(
            [
                str(row["d"]),
                f"{row['n']:,}",
                f"{row['n_train']:,}",
                f"{row['seconds']:.2f} s",
                ratio,
                f"{products:.1f}",
                goal,
            ]
        )
    heads = ["d", "queries", "rows", "search", "scikit-learn's time over ours", "ours over a float32 product", "goal"]
    return ["", "A search for the nearest row, in turns with those of others:", "", table(heads, rows)] if rows else []


def calibrations(found: list[Row]) -> list[str]:
    """Return the text on what calibrations cost."""
    rows = [
        [
            row["sampler"],
            f"{row['n']:,}",
            str(row["d"]),
            f"{row['seconds']:.2f} s",
            f"{row['seconds'] / row['search_s']:.2f}",
        ]
        for row in found
    ]
    text = "A fit with its calibration, beside one search of scikit-learn for the 2,000 rows of one trial:"
    return ["", text, "", table(["", "latents", "d", "fit", "fit over search"], rows)] if rows else []


if __name__ == "__main__":
    main()
