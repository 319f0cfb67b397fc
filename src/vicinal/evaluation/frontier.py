"""The picture of a table: quality against novelty, a point for each set of samples."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vicinal._errors import InvalidInputError
from vicinal.evaluation.notes import BOOTSTRAP, REAL, RECONSTRUCTIONS

_GREEN, _RED, _BLUE, _PURPLE, _BROWN = "#0b6e4f", "#b23a48", "#3d5a80", "#7a5195", "#8a6d3b"
_QUALITY, _NOVELTY = "frechet_distance", "nn_ratio"
_FAR = 10  # times the median: a distance above that would squeeze the others together

Rows = Sequence[Mapping[str, Any]]


def draw(rows: Rows, axes: Any, name: str = "Frechet distance") -> None:
    """Draw the distance over the nn ratio. Rows far above the others are named in a corner instead.

    A line joins rows that differ in one number alone, such as ``PMF, n_bins=8`` and ``PMF, n_bins=16``.
    """
    rows = [{**row, "name": row["name"].replace("$", r"\$")} for row in rows]  # a dollar in a name begins no formula
    points = [row for row in rows if _is_measured(row, _QUALITY, _NOVELTY) and row["name"] != REAL]
    if not points:
        raise InvalidInputError(
            "the plot needs frechet_distance and nn_ratio of one row or more: evaluate with train= and both metrics"
        )
    limit = _FAR * float(np.median([row[_QUALITY] for row in points]))
    drawn = [row for row in points if row[_QUALITY] <= limit]
    curve = sorted((row for row in drawn if row["name"].startswith("PMF, n_bins=")), key=lambda row: row[_NOVELTY])
    if curve:
        _draw_curve(curve, axes)
    looks = zip(itertools.cycle((_BLUE, _PURPLE, _BROWN)), itertools.cycle("sDv^P*<>hd"), strict=False)
    for row in drawn:
        if row not in curve:
            color, marker = (_RED, "X") if row["name"] == BOOTSTRAP else next(looks)
            _draw_point(row, axes, color, marker, row["name"])
    for row in rows:
        if row["name"] in (REAL, RECONSTRUCTIONS) and _is_measured(row, _QUALITY):
            style = "-" if row["name"] == REAL else "--"
            axes.axhline(row[_QUALITY], color="#888888", linestyle=style, linewidth=1, label=row["name"])
    axes.axvline(1.0, color="#cccccc", linewidth=1, label="as far as fresh data")
    beyond = [f"{row['name']}: {row[_QUALITY]:.3g} at {row[_NOVELTY]:.2f}" for row in points if row not in drawn]
    if beyond:
        note = "off the plot: " + "; ".join(beyond)
        axes.text(0.01, 0.99, note, transform=axes.transAxes, ha="left", va="top", fontsize=8)
    _finish(axes, name)


def _is_measured(row: Mapping[str, Any], *metrics: str) -> bool:
    return all(row.get(metric) is not None and np.isfinite(row[metric]) for metric in metrics)


def _draw_curve(curve: Rows, axes: Any) -> None:
    axes.plot([row[_NOVELTY] for row in curve], [row[_QUALITY] for row in curve], color=_GREEN, zorder=2)
    for row in curve:
        _draw_point(row, axes, _GREEN, "o", "PMF, by n_bins" if row is curve[0] else None)
        place = (row[_NOVELTY], row[_QUALITY])
        label = row["name"].removeprefix("PMF, n_bins=")
        axes.annotate(label, place, xytext=(0, -16), textcoords="offset points", ha="center", fontsize=8, color=_GREEN)


def _draw_point(row: Mapping[str, Any], axes: Any, color: str, marker: str, label: str | None) -> None:
    errors = {"xerr": row.get(f"{_NOVELTY}_se"), "yerr": row.get(f"{_QUALITY}_se")}
    axes.errorbar(row[_NOVELTY], row[_QUALITY], **errors, fmt=marker, color=color, label=label, zorder=3)


def _finish(axes: Any, name: str) -> None:
    """Set scales, labels and frame."""
    if axes.dataLim.intervaly[0] > 0:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.tick_params(axis="y", which="minor", labelsize=7)
    axes.set_xlim(left=-0.05)
    axes.set_xlabel("nn ratio, a median: 0 = copies, 1 = as far from the training data as fresh data")
    axes.set_ylabel(f"{name} to held-out data\n(lower is better)")
    axes.spines[["top", "right"]].set_visible(False)
