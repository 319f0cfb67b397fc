"""The section of docs/performance.md on benchmarks/peers.py."""

from __future__ import annotations

from typing import Any

from figures import LIGHT, Row, duration, over, plain, png, ratio, verdict
from matplotlib.figure import Figure
from pages import BLUE, GREEN, RED, table

PMF = "PMF, 32 bins"
SHOWN = (60_000, 16)  # n, d of the detailed tables and of the goals
GOALS = {"GMM-10": 1_000, "GMM-50": 5_000}
STYLES = {
    PMF: (GREEN, "o"),
    "PMF, auto": (LIGHT, "o"),
    "Local, auto": (LIGHT, "h"),
    "plain NumPy, 32 bins": (RED, "v"),
    "empirical copula": ("#b8860b", "P"),
    "KernelDensity": ("#7b4b94", "X"),
    "GMM-10": (BLUE, "s"),
    "GMM-50": (BLUE, "D"),
    "GMM-100": (BLUE, "p"),
    "Bayesian GMM-10": ("#8fa8c8", "s"),
    "spline flow": ("#777777", "*"),
}


def section(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text and the plot."""
    rows = result["rows"]
    groups = dict.fromkeys((row["data"], row["d"]) for row in rows if "fit_and_10k_s" in row)
    lines = [*_goals(rows), ""]
    for data, d in groups:
        at = [row for row in rows if (row["data"], row["n"], row["d"]) == (data, *SHOWN)]
        if d == SHOWN[1] and at:
            lines += [f"### {_called(data)}, n = {SHOWN[0]:,}, d = {d}", "", _one_size(at), ""]
    lines += [
        f"Times are in units of those of {PMF}, of the same run. Memory is the peak above what was resident before: of the fit in",
        "units of the latents; of a million samples in units of these samples, which it includes. Size is that of the saved",
        "sampler, in units of the latents. `>` means stopped at the limit.",
        "",
        "### All sizes",
        "",
        "![fit and 10,000 samples of all samplers](images/performance-peers.png)",
        "",
    ]
    for data, d in groups:
        at = [row for row in rows if (row["data"], row["d"]) == (data, d)]
        lines += [f"{_called(data)}, d = {d}, in units of {PMF}:", "", _all_sizes(at), ""]
    lines += ["### Not run", "", *_not_run(rows, result["limit_s"])]
    return lines, {"performance-peers.png": _plot(rows, list(groups))}


def _called(data: str) -> str:
    return {"clustered": "Clustered latents", "MNIST": "MNIST latents"}.get(data, data)


def _base(rows: list[Row], like: Row, key: str) -> float | None:
    """Return what PMF with 32 bins took on the latents of a row."""
    same = ("data", "n", "d")
    found = [row for row in rows if row["sampler"] == PMF and all(row[k] == like[k] for k in same)]
    return found[0].get(key) if found else None


def _goals(rows: list[Row]) -> list[str]:
    lines = [f"Fit and 10,000 samples, n = {SHOWN[0]:,}, d = {SHOWN[1]}, in units of {PMF}:", ""]
    for row in rows:
        if row["sampler"] not in GOALS or (row["n"], row["d"]) != SHOWN:
            continue
        base = _base(rows, row, "fit_and_10k_s")
        times = over(row.get("fit_and_10k_s", row.get("stopped_s")), base)
        more = "more than " if "stopped_s" in row else ""
        said = f"not run ({row['not_run']})" if times is None else f"{more}{ratio(times)} times"
        goal = verdict(times, GOALS[row["sampler"]], most=False)
        lines.append(f"- {row['sampler']}, {_called(row['data'])}: {said} (goal: {goal})")
    return lines


def _one_size(rows: list[Row]) -> str:
    n, d = rows[0]["n"], rows[0]["d"]
    lines = []
    for row in rows:
        times = [_times(rows, row, key) for key in ("fit_and_10k_s", "fit_s", "sample_10k_s", "sample_1m_s")]
        units = {"fit_peak_bytes": n, "sample_peak_bytes": 1_000_000, "artefact_bytes": n}
        sizes = [ratio(over(row.get(key), 4 * rows_of * d)) for key, rows_of in units.items()]
        lines.append([row["sampler"], *times, *sizes, duration(row.get("fit_and_10k_s"))])
    headings = ["", "fit + 10,000", "fit", "10,000 samples", "1,000,000 samples"]
    return table([*headings, "memory of fit", "memory of 1,000,000", "size", "fit + 10,000, time"], lines)


def _times(rows: list[Row], row: Row, key: str) -> str:
    base = _base(rows, row, key)
    if key in row:
        return ratio(over(row[key], base))
    if "stopped_s" in row and key.startswith("fit"):
        return f"> {ratio(over(row['stopped_s'], base))}"
    return "not run" if key == "fit_and_10k_s" else "-"


def _all_sizes(rows: list[Row]) -> str:
    sizes = sorted({row["n"] for row in rows})
    found = {(row["sampler"], row["n"]): row for row in rows}
    lines = []
    for sampler in dict.fromkeys(row["sampler"] for row in rows):
        cells = []
        for key in ("fit_and_10k_s", "sample_1m_s"):
            for n in sizes:
                row = found.get((sampler, n))
                text = "-" if row is None else _times(rows, row, key)
                cells.append(f"{text} ({duration(row[key])})" if row and sampler == PMF and key in row else text)
        lines.append([sampler, *cells])
    return table(["", *(f"{what}, n = {n:,}" for what in ("fit + 10,000", "1,000,000 samples") for n in sizes)], lines)


def _not_run(rows: list[Row], limit_s: float) -> list[str]:
    reasons = []
    for row in rows:
        where = [row["sampler"], row["data"], f"{row['n']:,}", str(row["d"])]
        for key, what in (("not_run", "all"), ("sample_1m_not_run", "1,000,000 samples")):
            if key in row:
                reasons.append([*where, what, str(row[key]).replace("|", "/")])
    if not reasons:
        return ["Everything was run."]
    limit = f"One sampler may take {limit_s:.0f} s for one set of latents. Predictions are linear in n."
    return [limit, "", table(["sampler", "data", "n", "d", "what", "reason"], reasons)]


def _plot(rows: list[Row], panels: list[tuple[str, int]]) -> bytes:
    """Return a PNG: fit and 10,000 samples over n, in units of PMF, a panel for each d."""
    figure = Figure(figsize=(2.6 * max(1, len(panels)) + 2.4, 3.8), dpi=110, layout="constrained")
    all_axes = figure.subplots(1, max(1, len(panels)), sharey=True, squeeze=False)[0]
    for axes, (data, d) in zip(all_axes, panels, strict=False):
        at = [row for row in rows if (row["data"], row["d"]) == (data, d)]
        for name in dict.fromkeys(row["sampler"] for row in rows):
            _line(axes, name, [row for row in at if row["sampler"] == name], at)
        axes.set_title(f"{_called(data)}, d = {d}", fontsize=9)
        axes.set_xlabel("n")
        axes.set_xscale("log")
        axes.set_yscale("log")
        plain(axes)
        ns = sorted({row["n"] for row in at})
        axes.set_xticks(ns, [f"{n / 1e6:g}M" if n >= 1e6 else f"{n / 1e3:g}k" for n in ns])
    all_axes[0].set_ylabel("fit + 10,000 samples, in units of PMF\n(triangle: stopped, at least)")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=8, frameon=False)
    return png(figure)


def _line(axes: Any, name: str, rows: list[Row], at: list[Row]) -> None:
    """Draw one sampler: a line through what was run, a triangle where it was stopped."""
    color, marker = STYLES.get(name, ("#777777", "."))
    bases = [_base(at, row, "fit_and_10k_s") for row in rows]
    points = [
        (row["n"], over(row.get("fit_and_10k_s"), base), over(row.get("stopped_s"), base))
        for row, base in zip(rows, bases, strict=True)
    ]
    run = sorted((n, times) for n, times, _ in points if times is not None)
    axes.plot([n for n, _ in run], [times for _, times in run], label=name, color=color, marker=marker, ms=4, lw=1)
    for n, _, least in points:
        if least is not None:
            axes.plot(n, least, marker="^", ms=7, mfc="none", ls="", color=color)
