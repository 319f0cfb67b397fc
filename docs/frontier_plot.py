"""The plot of docs/choosing-a-sampler.md, and the rows of benchmarks/frontier.py that it and the tables are made of."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.figure import Figure

Row = dict[str, Any]

QUALITY = "frechet_to_reconstructions"
LOCAL = "LocalSampler"
MOST_TIMES = 8  # the least distance that is shown: the rest lies above the panel
STYLES = {  # of Okabe and Ito, told apart by the colour-blind as well
    LOCAL: ("#D55E00", "o"),
    "GMM": ("#0072B2", "s"),
    "GMM, scaled": ("#56B4E9", "D"),
    "KDE": ("#009E73", "^"),
    "PMF cells": ("#000000", "v"),
    "box": ("#999999", "x"),
    "SMOTE": ("#CC79A7", "P"),
    "copula": ("#E69F00", "X"),
    "spline flow": ("#B8A800", "*"),
}


def mean(row: Row, key: str) -> float:
    """Return the mean over seeds."""
    return float(np.mean(row[key]))


def error(row: Row, key: str) -> float:
    """Return the standard error over seeds; 0 of a single one."""
    values = row[key]
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def auto(rows: list[Row], sampler: str = LOCAL) -> Row | None:
    """Return the calibrated setting."""
    return next((row for row in rows if row["sampler"] == sampler and "auto" in row["knob"].values()), None)


def line_of(rows: list[Row], sampler: str) -> list[Row]:
    """Return the settings of a sampler that make its line, in the order of the knob."""
    found = [row for row in rows if row["sampler"] == sampler]
    if sampler == LOCAL:
        found = [row for row in found if row["knob"].keys() == {"n_neighbors", "scale"} and row["knob"]["scale"] == 1]

    def order(row: Row) -> list[float]:
        return [row["fitted"]["n_bins_"] if value == "auto" else value for value in row["knob"].values()]

    return sorted(found, key=order)


def plot(rows: list[Row]) -> bytes:
    """Return a PNG: quality over novelty, a panel for each pair, a line for each sampler."""
    pairs = sorted({row["pair"] for row in rows if row["group"] == "main"})
    figure = Figure(figsize=(13.5, 6.6), dpi=110, layout="constrained")
    panels = figure.subplots(2, 4, squeeze=False).ravel()
    for axes, pair in zip(panels, pairs, strict=False):
        _panel(axes, pair, [row for row in rows if row["pair"] == pair])
    for axes in panels[len(pairs) :]:
        axes.axis("off")
    handles = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    panels[-1].legend(handles.values(), handles.keys(), frameon=False, loc="center left", fontsize=10)
    figure.supxlabel("nn ratio (0: copies, 1: as new as fresh data)", fontsize=11)
    figure.supylabel("Frechet distance to reconstructions, not FID", fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _panel(axes: Any, pair: str, rows: list[Row]) -> None:
    shown = [row for row in rows if row["group"] == "main" and mean(row, "nn_ratio") <= 1.6]
    for name, (color, marker) in STYLES.items():
        line = [row for row in line_of(shown, name) if row["sampler"] == name]
        xs, ys, es = (
            [of(row, key) for row in line] for of, key in ((mean, "nn_ratio"), (mean, QUALITY), (error, QUALITY))
        )
        style = {"ls": "none"} if name == "GMM, scaled" else {"lw": 1.3}
        size = 8 if marker == "*" else 5
        front = 3 if name == LOCAL else 2
        axes.errorbar(xs, ys, es, color=color, marker=marker, ms=size, elinewidth=1, label=name, zorder=front, **style)
    chosen = auto(shown)
    if chosen:
        at = mean(chosen, "nn_ratio"), mean(chosen, QUALITY)
        axes.plot(
            *at, "*", ms=15, mfc="white", mec=STYLES[LOCAL][0], mew=1.5, zorder=4, label="LocalSampler()", ls="none"
        )
    for row in rows:
        if row["sampler"] == "copies":
            axes.axhline(mean(row, QUALITY), color="#666666", ls="--", lw=1, label="copies")
    axes.axvline(1.0, color="#bbbbbb", lw=1, zorder=0)
    axes.set(xlim=(0, 1.6), xticks=(0, 0.5, 1, 1.5), yscale="log", title=pair)
    low, high = axes.get_ylim()
    axes.set_ylim(low, min(high, MOST_TIMES * low))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="y", which="both", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
