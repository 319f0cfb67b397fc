"""The plots of docs/results.md: quality against novelty, a panel for each autoencoder of a study."""

from __future__ import annotations

import io
import math
from typing import Any

from matplotlib.figure import Figure

from vicinal.benchmark import Study
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS

MOST_TIMES = 6  # the least distance that is shown: the rest is in the tables
MOST_RATIO = 2.0
LEAST_SHARE = 0.3  # of the least distance of a sampler: lines further down are not drawn
N_COLUMNS = 5  # the last panel has the legend
KEPT = "PMF, variance kept"
LOOKS = {  # by kind of sampler; of Okabe and Ito, told apart by the colour-blind as well
    "LocalSampler": ("#D55E00", "o"),
    "PMFSampler": ("#000000", "v"),
    KEPT: ("#666666", "1"),
    "GMMSampler": ("#0072B2", "s"),
    "KDESampler": ("#009E73", "^"),
    "CopulaSampler": ("#E69F00", "X"),
    "FlowSampler": ("#B8A800", "*"),
    "TwoStageSampler": ("#CC79A7", "D"),
    "VampSampler": ("#7a5195", "P"),
    "GaussianSampler": ("#999999", "x"),
    "HypersphereSampler": ("#999999", "+"),
}
LABELS = {"PMFSampler": "PMF (32, 16, 8 bins, auto)", "GMMSampler": "GMM (10, BIC)", "KDESampler": "KDE (Scott, auto)"}


def plot(study: Study) -> bytes:
    """Return a PNG."""
    n_rows = math.ceil((len(study.autoencoders) + 1) / N_COLUMNS)
    figure = Figure(figsize=(3.1 * N_COLUMNS, 3.3 * n_rows), dpi=100, layout="constrained")
    panels = figure.subplots(n_rows, N_COLUMNS, squeeze=False).ravel()
    for axes, autoencoder in zip(panels, study.autoencoders, strict=False):
        _panel(axes, study, autoencoder)
    for axes in panels[len(study.autoencoders) :]:
        axes.axis("off")
    handles = {label: h for axes in panels for h, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    panels[-1].legend(handles.values(), handles.keys(), frameon=False, loc="center left", fontsize=9)
    figure.supxlabel("nn ratio (0: copies, 1: as new as fresh data)", fontsize=10)
    figure.supylabel(f"{study.facts['distance']} to held-out images", fontsize=10)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _panel(axes: Any, study: Study, autoencoder: str) -> None:
    points: dict[str, list[tuple[float, float, float]]] = {}
    for sampler, settings in study.config.samplers.items():
        if settings.get("covariance_type") == "standard":
            continue  # far off
        kind = KEPT if settings.get("preserve_variance") else settings["sampler"]
        distance = study.estimate(autoencoder, sampler, "frechet_distance")
        ratio = study.estimate(autoencoder, sampler, "nn_ratio")
        if distance is not None and ratio is not None:
            point = ratio.mean, distance.mean, distance.error or 0.0
            points.setdefault(kind, []).append(point)
    least = min(distance for found in points.values() for _, distance, _ in found)
    for kind, found in points.items():
        shown = sorted(p for p in found if p[1] <= MOST_TIMES * least and p[0] <= MOST_RATIO)
        if not shown:
            continue
        ratios, distances, errors = zip(*shown, strict=True)
        color, marker = LOOKS[kind]
        label, size = LABELS.get(kind, kind.removesuffix("Sampler")), 8 if marker in "*1" else 5
        line = {"lw": 1} if kind in LABELS else {"ls": "none"}
        axes.errorbar(ratios, distances, errors, color=color, marker=marker, ms=size, elinewidth=1, label=label, **line)
    for name, style in ((BOOTSTRAP, ":"), (RECONSTRUCTIONS, "--"), (REAL, "-")):
        reference = study.estimate(autoencoder, name, "frechet_distance")
        if reference is not None and reference.mean > LEAST_SHARE * least:
            axes.axhline(reference.mean, color="#777777", ls=style, lw=1, label=name)
    axes.axvline(1.0, color="#bbbbbb", lw=1, zorder=0)
    axes.set(xlim=(-0.03, MOST_RATIO), yscale="log", title=autoencoder)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="y", which="both", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
