"""Plots of studies: quality against novelty, a panel for each autoencoder."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from vicinal.benchmark import Study
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS

MOST_TIMES = 6  # the least distance that is shown; the tables have the rest
MOST_RATIO = 2.0
LEAST_SHARE = 0.3  # of the least distance of a sampler: reference lines further down are not drawn
N_COLUMNS = 5
LOOKS = {  # by class of sampler; colours of Okabe and Ito, which colour-blind readers can tell apart
    "LocalSampler": ("#D55E00", "o"),
    "PMFSampler": ("#000000", "v"),
    "GMMSampler": ("#0072B2", "s"),
    "KDESampler": ("#009E73", "^"),
    "CopulaSampler": ("#E69F00", "X"),
    "FlowSampler": ("#B8A800", "*"),
    "TwoStageSampler": ("#CC79A7", "D"),
    "VampSampler": ("#7a5195", "P"),
    "GaussianSampler": ("#999999", "x"),
    "HypersphereSampler": ("#999999", "+"),
}
JOINED = ("LocalSampler", "PMFSampler", "GMMSampler", "KDESampler")  # settings of one class, joined by a line


def png_of(n_rows: int, n_columns: int, draw: Callable[[Any], None]) -> bytes:
    """Return a PNG of panels that ``draw`` fills, with one legend and the axis of novelty below."""
    figure = Figure(figsize=(3.1 * n_columns + 1.6, 3.3 * n_rows + 0.4), dpi=100, layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False)
    draw(panels)
    figure.supxlabel("nn ratio (0: copies, 1: as far as fresh data)", fontsize=10)
    handles = {label: h for axes in panels.flat for h, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), frameon=False, loc="outside right center", fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def plot(study: Study) -> bytes:
    """Return a PNG of one study, a panel for each autoencoder."""
    n_columns = min(N_COLUMNS, len(study.autoencoders))

    def draw(panels: Any) -> None:
        for axes, autoencoder in zip(panels.flat, study.autoencoders, strict=False):
            scatter(axes, study, autoencoder, "frechet_distance")
            axes.set_title(autoencoder)
        for axes in panels.flat[len(study.autoencoders) :]:
            axes.axis("off")
        for row in panels:
            row[0].set_ylabel(f"{study.facts['distance']} to held-out images", fontsize=8)

    return png_of(math.ceil(len(study.autoencoders) / n_columns), n_columns, draw)


def scatter(axes: Any, study: Study, autoencoder: str, metric: str) -> None:
    """Draw a distance of every sampler over its nn ratio."""
    points: dict[str, list[tuple[float, float, float]]] = {}
    for sampler, settings in study.config.samplers.items():
        distance = study.estimate(autoencoder, sampler, metric)
        ratio = study.estimate(autoencoder, sampler, "nn_ratio")
        if distance is not None and ratio is not None and settings.get("covariance_type") != "standard":  # far off
            points.setdefault(settings["sampler"], []).append((ratio.mean, distance.mean, distance.error or 0.0))
    least = min(distance for found in points.values() for _, distance, _ in found)
    for kind, found in points.items():
        shown = sorted(point for point in found if point[1] <= MOST_TIMES * least and point[0] <= MOST_RATIO)
        if shown:
            ratios, distances, errors = zip(*shown, strict=True)
            color, marker = LOOKS[kind]
            size, line = 8 if marker == "*" else 5, {"lw": 1} if kind in JOINED else {"ls": "none"}
            label = kind.removesuffix("Sampler")
            axes.errorbar(ratios, distances, errors, color=color, marker=marker, ms=size, label=label, **line)
    for name, style in ((BOOTSTRAP, ":"), (RECONSTRUCTIONS, "--"), (REAL, "-")):
        reference = study.estimate(autoencoder, name, metric)
        if reference is not None and reference.mean > LEAST_SHARE * least:
            axes.axhline(reference.mean, color="#777777", ls=style, lw=1, label=name)
    axes.axvline(1.0, color="#bbbbbb", lw=1, zorder=0)
    axes.set(xlim=(-0.03, MOST_RATIO), yscale="log")
    _plain(axes)


def over_bins(curves: dict[str, dict[str, list[tuple[float, float]]]], chosen: dict[str, float]) -> bytes:
    """Return a PNG: a panel for each metric, a curve over the number of bins for each autoencoder.

    Parameters
    ----------
    curves : dict of str to dict of str to list of pairs
        For each metric, for each autoencoder, numbers of bins and values.
    chosen : dict of str to float
        For each autoencoder the number of bins that calibration chose, drawn as a line.
    """
    figure = Figure(figsize=(11, 3.4), dpi=110, layout="constrained")
    for axes, (metric, by_model) in zip(figure.subplots(1, len(curves)), curves.items(), strict=True):
        for (name, points), (color, _) in zip(by_model.items(), LOOKS.values(), strict=False):
            axes.plot(*zip(*points, strict=True), "o-", ms=3, lw=1, color=color, label=name)
            axes.axvline(chosen[name], color=color, ls=":", lw=1)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set(xlabel="bins in each dimension (dotted: calibrated)", ylabel=metric)
        if not metric.endswith("%"):
            axes.set_yscale("log")
            _plain(axes)
    figure.axes[0].legend(frameon=False, fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _plain(axes: Any) -> None:
    """Write plain numbers on a logarithmic axis."""
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="y", which="both", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
