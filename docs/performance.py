"""Write docs/performance.md and its plots from what benchmarks/bench.py measured; run by it.

    python docs/performance.py full

takes ``benchmarks/results/<name>.json``, and where there is none ``<name>-quick.json``; with ``quick`` the other way
round.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import vicinity
from matplotlib.figure import Figure
from pages import BLUE, DOCS, GREEN, RED, fill, table

Row = dict[str, Any]

RESULTS = DOCS.parent / "benchmarks/results"
PMF = "PMF, 32 bins"
GOAL_SIZE = (60_000, 16)
GOALS = {"GMM-10": 1_000, "GMM-50": 5_000}
GOAL_EXPONENT = 0.1  # PMF: within this of 1
LIGHT = "#7fb79c"
STYLES = {
    PMF: (GREEN, "o"),
    "PMF, auto": (LIGHT, "o"),
    "plain NumPy, 32 bins": (RED, "v"),
    "plain torch, 32 bins": (RED, "<"),
    "empirical copula": ("#b8860b", "P"),
    "KernelDensity": ("#7b4b94", "X"),
    "GMM-10": (BLUE, "s"),
    "GMM-50": (BLUE, "D"),
    "GMM-100": (BLUE, "p"),
    "Bayesian GMM-10": ("#8fa8c8", "s"),
    "spline flow": ("#777777", "*"),
}


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", nargs="?", choices=("quick", "full"), default="full", help="which results to prefer")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=DOCS / "performance.md", help="an existing file with the marks")
    arguments = parser.parse_args()
    images = arguments.page.parent / "images"
    images.mkdir(exist_ok=True)
    writers: dict[str, tuple[str, Callable[[Row], tuple[list[str], dict[str, bytes]]]]] = {
        "peers": ("Against other samplers", peers_section),
        "scaling": ("How the cost grows", scaling_section),
        "speed": ("Against a copy of the array", speed_section),
        "gpu": ("On a GPU", gpu_section),
        "vicinity": ("Vicinities", vicinity.section),
        "metrics": ("Metrics", metrics_section),
    }
    lines, machine = [], None
    for name, (title, section) in writers.items():
        result = load(arguments.results, name, arguments.mode)
        lines += ["", f"## {title}", ""]
        if "not_run" in result:
            lines.append(f"Not run: {result['not_run']}.")
            continue
        text, plots = section(result)
        before, machine = machine, on(result)
        lines += [measured(result, same=machine == before), "", *text]
        for plot, data in plots.items():
            (images / plot).write_bytes(data)
    fill(arguments.page, "results", "\n".join(lines))


def load(folder: Path, name: str, mode: str) -> Row:
    """Return a result of this mode, else of the other, preferring one that was run."""
    paths = [folder / f"{name}.json", folder / f"{name}-quick.json"]
    if mode == "quick":
        paths.reverse()
    results = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    run = [result for result in results if "not_run" not in result]
    return next(iter(run or results), {"not_run": "no result; `make bench` measures it"})


def on(result: Row) -> str:
    """Return the machine and the versions."""
    facts = result.get("facts", {})
    where = f"{facts.get('cores', '?')} cores of an {facts.get('processor', 'unknown processor')}"
    if "device" in facts:
        where = f"{facts['device']}, and {where}"
    names = ("python", "vicinal", "numpy", "numba", "scikit-learn", "torch", "zuko")
    return f"{where}: {', '.join(f'{name} {facts[name]}' for name in names if name in facts)}"


def measured(result: Row, *, same: bool) -> str:
    """Return one sentence on the mode, the machine and how busy it was."""
    facts = result.get("facts", {})
    load = f"; load average at the start {facts['load average']}" if "load average" in facts else ""
    return f"Measured in {result.get('mode', '?')} mode on {'the same machine' if same else on(result)}{load}."


# Numbers.


def ratio(value: float | None) -> str:
    """Return a ratio to two digits, or three when large."""
    if value is None:
        return "-"
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    if value >= 10:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def seconds(value: float | None) -> str:
    """Return a time with its unit."""
    if value is None:
        return "-"
    number, unit = (value * 1000, "ms") if value < 0.1 else (value, "s")
    return f"{number:.0f} {unit}" if number >= 10 else f"{float(f'{number:.2g}'):g} {unit}"


def over(value: float | None, base: float | None) -> float | None:
    """Return value / base, or None when one is missing."""
    return value / base if value is not None and base else None


# Against other samplers.


def peers_section(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text and plots on `benchmarks/peers.py`."""
    rows = result["rows"]
    run = [row for row in rows if "fit_and_10k_s" in row]
    sizes = {(row["n"], row["d"]) for row in run}
    shown = GOAL_SIZE if GOAL_SIZE in sizes else max(sizes, default=GOAL_SIZE)
    lines = [*_goals(rows), ""]
    for data in dict.fromkeys(row["data"] for row in run):
        at = [row for row in rows if row["data"] == data and (row["n"], row["d"]) == shown]
        if at:
            lines += [f"### {_called(data)}, n = {shown[0]:,}, d = {shown[1]}", "", _one_size(at), ""]
    lines += [
        "Times are those of PMF with 32 bins, and of the same run. Memory is the most that was resident above what was before:",
        "of the fit in units of the latents, of a million samples in units of these samples, which it includes. Size is that",
        "of the saved sampler, in units of the latents. `>` means stopped at the limit.",
        "",
    ]
    lines += ["### All sizes", "", "![fit and 10,000 samples of all samplers](images/performance-peers.png)", ""]
    for data, d in dict.fromkeys((row["data"], row["d"]) for row in run):
        at = [row for row in rows if (row["data"], row["d"]) == (data, d)]
        lines += [f"{_called(data)}, d = {d}, in times of PMF with 32 bins:", "", _all_sizes(at), ""]
    lines += ["### Not run", "", *_not_run(rows, result)]
    return lines, {"performance-peers.png": peers_plot(rows)}


def _called(data: str) -> str:
    return {"clustered": "Clustered latents", "MNIST": "MNIST latents"}.get(data, data)


def _pmf(rows: list[Row], like: Row, key: str) -> float | None:
    """Return what PMF with 32 bins took on the latents of a row."""
    same = ("data", "n", "d")
    found = [row for row in rows if row["sampler"] == PMF and all(row[k] == like[k] for k in same)]
    return found[0].get(key) if found else None


def _goals(rows: list[Row]) -> list[str]:
    lines = []
    for row in rows:
        goal = GOALS.get(row["sampler"])
        if goal is None or (row["n"], row["d"]) != GOAL_SIZE:
            continue
        where = f"{row['sampler']} on {_called(row['data']).lower().replace('mnist', 'MNIST')}"
        base = _pmf(rows, row, "fit_and_10k_s")
        times = over(row.get("fit_and_10k_s"), base)
        least = over(row.get("stopped_s"), base)
        if times is not None:
            lines.append(f"- {where}: {ratio(times)} times (goal {goal:,}: {'met' if times >= goal else 'missed'})")
        elif least is not None:
            met = "met" if least >= goal else "open"
            lines.append(f"- {where}: more than {ratio(least)} times (goal {goal:,}: {met})")
        else:
            lines.append(f"- {where}: not run ({row.get('not_run') or row.get('failed')}; goal {goal:,})")
    if not lines:
        return ["The size of the goals was not run."]
    lead = "Fit and 10,000 samples, n = {:,}, d = {}, in times of PMF with 32 bins:".format(*GOAL_SIZE)
    return [lead, "", *lines]


def _one_size(rows: list[Row]) -> str:
    pmf = next((row for row in rows if row["sampler"] == PMF), {})
    n, d = rows[0]["n"], rows[0]["d"]
    lines = []
    for row in rows:
        if row["sampler"] == "all":
            continue
        cells = [_times(row, key, pmf.get(key)) for key in ("fit_and_10k_s", "fit_s", "sample_10k_s", "sample_1m_s")]
        cells += [
            ratio(over(row.get("fit_peak_bytes"), 4 * n * d)),
            ratio(over(row.get("sample_peak_bytes"), 4 * 1_000_000 * d)),
            ratio(over(row.get("artefact_bytes"), 4 * n * d)),
            seconds(row.get("fit_and_10k_s")),
        ]
        lines.append([row["sampler"], *cells])
    headings = ["", "fit + 10,000", "fit", "10,000 samples", "1,000,000 samples"]
    headings += ["memory of fit", "memory of 1,000,000", "size", "fit + 10,000, time"]
    return table(headings, lines)


def _times(row: Row, key: str, base: float | None) -> str:
    if key in row:
        return ratio(over(row[key], base))
    if "stopped_s" in row and key.startswith("fit"):
        return f"> {ratio(over(row['stopped_s'], base))}"
    return "failed" if "failed" in row else "not run" if key == "fit_and_10k_s" else "-"


def _all_sizes(rows: list[Row]) -> str:
    sizes = sorted({row["n"] for row in rows})
    lines = []
    for sampler in dict.fromkeys(row["sampler"] for row in rows if row["sampler"] != "all"):
        cells = []
        for key in ("fit_and_10k_s", "sample_1m_s"):
            for n in sizes:
                row = next((row for row in rows if (row["sampler"], row["n"]) == (sampler, n)), None)
                text = "-" if row is None else _times(row, key, _pmf(rows, row, key))
                cells.append(f"{text} ({seconds(row.get(key))})" if row and sampler == PMF and key in row else text)
        lines.append([sampler, *cells])
    headings = [f"{what}, n = {n:,}" for what in ("fit + 10,000", "1,000,000 samples") for n in sizes]
    return table(["", *headings], lines)


def _not_run(rows: list[Row], result: Row) -> list[str]:
    reasons = []
    for row in rows:
        where = [row["sampler"], row["data"], f"{row['n']:,}", "-" if row["d"] is None else str(row["d"])]
        for key, what in (("not_run", "all"), ("failed", "failed"), ("sample_1m_not_run", "1,000,000 samples")):
            if key in row:
                reasons.append([*where, what, str(row[key]).replace("|", "/")])
    if not reasons:
        return ["Everything was run."]
    limit = f"One sampler on one set of latents may take {result['limit_s']:.0f} s. Predictions are linear in n and k."
    return [limit, "", table(["sampler", "data", "n", "d", "what", "reason"], reasons)]


def peers_plot(rows: list[Row]) -> bytes:
    """Return a PNG: fit and 10,000 samples over n, in times of PMF, a panel for each d."""
    panels = list(dict.fromkeys((row["data"], row["d"]) for row in rows if "fit_and_10k_s" in row))
    names = list(dict.fromkeys(row["sampler"] for row in rows if row["sampler"] != "all"))
    width = 2.6 * max(1, len(panels)) + 2.4
    figure = Figure(figsize=(width, 3.8), dpi=110, layout="constrained")
    all_axes = figure.subplots(1, max(1, len(panels)), sharey=True, squeeze=False)[0]
    for axes, (data, d) in zip(all_axes, panels, strict=False):
        at = [row for row in rows if (row["data"], row["d"]) == (data, d)]
        for name in names:
            color, marker = STYLES.get(name, ("#777777", "."))
            points, stopped = [], []
            for row in (row for row in at if row["sampler"] == name):
                base = _pmf(at, row, "fit_and_10k_s")
                if base and "fit_and_10k_s" in row:
                    points.append((row["n"], row["fit_and_10k_s"] / base))
                elif base and "stopped_s" in row:
                    stopped.append((row["n"], row["stopped_s"] / base))
            ns, times = zip(*sorted(points), strict=True) if points else ((), ())
            axes.plot(ns, times, label=name, color=color, marker=marker, ms=4, lw=1)
            for n, least in stopped:
                axes.plot(n, least, marker="^", ms=7, mfc="none", ls="", color=color)
        axes.set_title(f"{_called(data)}, d = {d}", fontsize=9)
        axes.set_xlabel("n")
        axes.set_xscale("log")
        axes.set_yscale("log")
        _plain(axes)
        ns = sorted({row["n"] for row in at})
        axes.set_xticks(ns, [f"{n / 1e6:g}M" if n >= 1e6 else f"{n / 1e3:g}k" for n in ns])
    all_axes[0].set_ylabel("fit + 10,000 samples, times PMF\n(triangle: stopped, at least)")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=8, frameon=False)
    return _png(figure)


# How the cost grows.


def scaling_section(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text and plots on `benchmarks/scaling.py`."""
    rows = []
    for series in result["series"]:
        first, last = series["sizes"][0], series["sizes"][-1]
        growth = series["seconds"][-1] / series["seconds"][0]
        fixed = ", ".join(f"{name} = {value:,}" for name, value in series["fixed"].items())
        theory = 2 if (series["sampler"], series["axis"]) == ("GMM", "d") else 1
        within = abs(series["exponent"] - 1) <= GOAL_EXPONENT
        goal = ("yes" if within else "no") if series["sampler"] == "PMF" else "-"
        rows.append(
            [
                f"{series['sampler']}, {series['what']}",
                series["axis"],
                f"{first:,} to {last:,}",
                fixed,
                f"{series['exponent']:.2f}",
                f"{series['low']:.2f} to {series['high']:.2f}",
                str(theory),
                goal,
                f"{ratio(growth)} for {ratio(last / first)}",
                f"{seconds(series['seconds'][0])} to {seconds(series['seconds'][-1])}",
            ]
        )
    headings = ["", "in", "range", "at", "exponent", "95 % interval", "theory", "1 ± 0.1", "times longer", "time"]
    lines = [
        "![time over n, d, k and iterations](images/performance-scaling.png)",
        "",
        table(headings, rows),
        "",
        f"Slopes of log time over log size through {result['n_points']} sizes, PMF with {result['n_bins']} bins. The first sample is one",
        "sample: what the sampler leaves for it to prepare counts. Mixtures do a fixed number of iterations from a random start.",
        "Theory is what holds for large sizes: at small d a mixture is not yet quadratic, and at small sizes fixed costs flatten",
        "every slope.",
    ]
    return lines, {"performance-scaling.png": scaling_plot(result["series"])}


def scaling_plot(found: list[Row]) -> bytes:
    """Return a PNG: time over each size and the fitted powers, in times of the quickest point of the panel."""
    panels = list(dict.fromkeys(series["axis"] for series in found))
    figure = Figure(figsize=(3.3 * max(1, len(panels)), 4.6), dpi=110, layout="constrained")
    for axes, axis in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        inside = [series for series in found if series["axis"] == axis]
        unit = min(min(series["seconds"]) for series in inside)
        for series in inside:
            _with_line(axes, np.array(series["sizes"]), np.array(series["seconds"]) / unit, series)
        ends = np.array([min(series["sizes"][0] for series in inside), max(series["sizes"][-1] for series in inside)])
        axes.plot(ends, 0.6 * ends / ends[0], color="#cccccc", lw=1, label="slope 1", zorder=0)
        axes.set_xscale("log", base=10 if axis == "n" else 2)
        axes.set_yscale("log")
        axes.set_xlabel({"n": "latents, n", "d": "dimensions, d", "k": "components, k"}.get(axis, axis))
        _plain(axes)
        axes.legend(frameon=False, fontsize=7, loc="lower left", bbox_to_anchor=(0, 1.02), borderaxespad=0)
    figure.axes[0].set_ylabel("time, in times of the panel's least")
    return _png(figure)


def _with_line(axes: Any, sizes: Any, times: Any, series: Row) -> None:
    style = _line(series)
    logs = np.log(times) - series["exponent"] * np.log(sizes)
    power = np.exp(logs.mean()) * sizes ** series["exponent"]
    axes.plot(sizes, power, lw=1, color=style["color"], ls=style["linestyle"])
    axes.plot(sizes, times, ms=4, label=_named(series), **{**style, "linestyle": "none"})


def _plain(axes: Any) -> None:
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_minor_formatter("")
    axes.spines[["top", "right"]].set_visible(False)


def _line(series: Row) -> dict[str, Any]:
    if series["sampler"] == "GMM":
        return {"color": BLUE, "linestyle": "-", "marker": "s"}
    color, style = {"fit": (LIGHT, "-"), "fit and first sample": (GREEN, "-")}.get(series["what"], (RED, ":"))
    return {"color": color, "linestyle": style, "marker": "D" if series["fixed"].get("d", 0) > 16 else "o"}


def _named(series: Row) -> str:
    dims = f", d={series['fixed']['d']}" if "d" in series["fixed"] else ""
    return f"{series['sampler']}, {series['what']}{dims}: {series['exponent']:.2f}"


# Against a copy; on a GPU.


def speed_section(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text on `benchmarks/speed.py`."""
    rows = []
    for row in result["rows"]:
        if "not_run" in row:
            rows.append([row["name"], _size(row, "n"), _size(row, "d"), f"not run: {row['not_run']}", "", "", "", ""])
            continue
        copy, numpy = row.get("ratio_to_copy"), row.get("ratio_to_numpy")
        goals = [_goal(copy, row.get("target"), most=True), _goal(numpy, row.get("numpy_target"), most=False)]
        quartiles = " to ".join(map(_two, row.get("quartiles", ())))
        rows.append(
            [row["name"], _size(row, "n"), _size(row, "d"), _two(copy), quartiles, goals[0], _two(numpy), goals[1]]
        )
    lines = [
        table(["", "n", "d", "times a copy", "quartiles", "goal", "times as fast as NumPy", "goal"], rows),
        "",
        "A copy is `numpy.copyto` of as many float32 values as come in or go out, into memory at hand, taken in turn with what it",
        "is compared to. NumPy draws `lower + (codes[rows] + rng.random((n, d), dtype=float32)) * width`. Samples are drawn in a",
        "loop that uses them up, so that their memory is at hand as well, but for the rows that say otherwise. The random numbers",
        "are the floor under the time of samples: on cores that others use too they slow down more than copies do.",
    ]
    if result.get("cold_start"):
        lines += ["", "Cold start:", "", *_facts(result["cold_start"])]
    return lines, {}


def gpu_section(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text on `benchmarks/gpu.py`: a table of whatever its rows hold."""
    rows = result.get("rows", [])
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = [table([key.replace("_", " ") for key in keys], [[_any(row.get(key)) for key in keys] for row in rows])]
    return lines if rows else ["No rows."], {}


def metrics_section(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text on `benchmarks/metrics.py`."""
    rows = []
    for row in result["rows"]:
        goals = []
        if "most_seconds" in row:
            goals.append(f"{row['most_seconds']:g} s: {'met' if row['seconds'] <= row['most_seconds'] else 'missed'}")
        if "most_bytes" in row:
            met = "met" if row["peak_bytes"] <= row["most_bytes"] else "missed"
            goals.append(f"{row['most_bytes'] / 1e6:,.0f} MB: {met}")
        took = f"{row['seconds']:.1f} s" if row["seconds"] >= 1 else f"{row['seconds']:.2f} s"
        data = [_size(row, key) for key in ("n", "n_train", "d")]
        memory = f"{row['peak_bytes'] / 1e6:,.0f} MB"
        rows.append([row["metric"], *data, took, memory, ", ".join(goals) or "-"])
    lines = [
        table(["", "rows of each set", "training rows", "d", "time", "memory", "goal: at most"], rows),
        "",
        "Memory is the most that was resident above the float32 data themselves. Linear algebra on threads is several times slower",
        "than on one where the cores are shared with other work; times vary accordingly.",
    ]
    return lines, {}


def _size(row: Row, key: str) -> str:
    return f"{row[key]:,}" if isinstance(row.get(key), int) else "-"


def _two(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _goal(value: float | None, goal: float | None, *, most: bool) -> str:
    if value is None or goal is None:
        return "-"
    met = value <= goal if most else value >= goal
    return f"{'at most' if most else 'at least'} {goal:g}: {'met' if met else 'missed'}"


def _facts(facts: Row) -> list[str]:
    return [f"- {key.replace('_', ' ')}: {_any(value)}" for key, value in facts.items()]


def _any(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).replace("|", "/")
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
