"""The section of docs/performance.md on benchmarks/scaling.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from figures import Row, duration, plain, png, ratio
from matplotlib.figure import Figure
from pages import BLUE, GREEN, RED, table

GOAL = 0.1  # exponents of PMF: within this of 1


def section(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text and the plot."""
    headings = ["", "in", "range", "at", "exponent", "95 % interval", "theory", "1 ± 0.1", "times longer", "time"]
    lines = [
        "![time over n, d, k and iterations](images/performance-scaling.png)",
        "",
        table(headings, [_row(series) for series in result["series"]]),
        "",
        f"Slopes of log time over log size through {result['n_points']} sizes, PMF with {result['n_bins']} bins, on one core. Mixtures do a fixed",
        "number of iterations from a random start. Theory holds for large sizes: at small d a mixture is not yet quadratic, and",
        "at small sizes fixed costs flatten every slope.",
    ]
    return lines, {"performance-scaling.png": _plot(result["series"])}


def _row(series: Row) -> list[str]:
    first, last = series["sizes"][0], series["sizes"][-1]
    begin, end = series["seconds"][0], series["seconds"][-1]
    within = "yes" if abs(series["exponent"] - 1) <= GOAL else "no"
    return [
        f"{series['sampler']}, {series['what']}",
        series["axis"],
        f"{first:,} to {last:,}",
        ", ".join(f"{name} = {value:,}" for name, value in series["fixed"].items()),
        f"{series['exponent']:.2f}",
        f"{series['low']:.2f} to {series['high']:.2f}",
        "2" if (series["sampler"], series["axis"]) == ("GMM", "d") else "1",
        within if series["sampler"] == "PMF" else "-",
        f"{ratio(end / begin)} for {ratio(last / first)}",
        f"{duration(begin)} to {duration(end)}",
    ]


def _plot(found: list[Row]) -> bytes:
    """Return a PNG: time over each size and the fitted powers, in units of the least time of the panel."""
    panels = list(dict.fromkeys(series["axis"] for series in found))
    figure = Figure(figsize=(3.3 * max(1, len(panels)), 4.6), dpi=110, layout="constrained")
    for axes, axis in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        inside = [series for series in found if series["axis"] == axis]
        unit = min(min(series["seconds"]) for series in inside)
        for series in inside:
            _line(axes, series, unit)
        ends = np.array([min(series["sizes"][0] for series in inside), max(series["sizes"][-1] for series in inside)])
        axes.plot(ends, 0.6 * ends / ends[0], color="#cccccc", lw=1, label="slope 1", zorder=0)
        axes.set_xscale("log", base=10 if axis == "n" else 2)
        axes.set_yscale("log")
        axes.set_xlabel({"n": "latents, n", "d": "dimensions, d", "k": "components, k"}.get(axis, axis))
        plain(axes)
        axes.legend(frameon=False, fontsize=7, loc="lower left", bbox_to_anchor=(0, 1.02), borderaxespad=0)
    figure.axes[0].set_ylabel("time, in units of the panel's least")
    return png(figure)


def _line(axes: Any, series: Row, unit: float) -> None:
    """Draw the times of a series, and the power fitted to them."""
    mixture, fixed = series["sampler"] == "GMM", series["fixed"]
    color = BLUE if mixture else GREEN if series["what"].startswith("fit") else RED
    marker = "s" if mixture else "D" if fixed.get("d", 0) > 16 else "o"
    dims = f", d={fixed['d']}" if "d" in fixed else ""
    label = f"{series['sampler']}, {series['what']}{dims}: {series['exponent']:.2f}"
    sizes, times = np.array(series["sizes"]), np.array(series["seconds"]) / unit
    logs = np.log(times) - series["exponent"] * np.log(sizes)
    power = np.exp(logs.mean()) * sizes ** series["exponent"]
    axes.plot(sizes, power, lw=1, color=color, ls=":" if series["what"] == "n samples" else "-")
    axes.plot(sizes, times, ms=4, ls="none", marker=marker, color=color, label=label)
