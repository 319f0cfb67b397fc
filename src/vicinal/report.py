"""Tables, plots and image grids as one self-contained HTML file."""

from __future__ import annotations

import base64
import io
import itertools
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from importlib.util import find_spec
from typing import Any

import numpy as np

from vicinal import storage
from vicinal._arrays import Array
from vicinal._errors import import_extra
from vicinal._version import __version__
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS
from vicinal.evaluation.scores import Scores

_GREEN, _RED, _BLUE, _PURPLE, _BROWN = "#0b6e4f", "#b23a48", "#3d5a80", "#7a5195", "#8a6d3b"


@dataclass(frozen=True)
class Grid:
    """A strip of images (n, C, H, W) in [0, 1] with a caption; ``below`` has as many, one to show below each."""

    caption: str
    images: Array
    below: Array | None = None


@dataclass(frozen=True)
class Section:
    """What the report says of one autoencoder."""

    title: str
    text: str
    scores: Scores
    grids: Sequence[Grid]


@dataclass(frozen=True)
class Table:
    """A table over several autoencoders: rows of text, first the headings; ``references`` names reference rows."""

    title: str
    cells: Sequence[Sequence[str]]
    references: Sequence[str] = ()
    notes: Sequence[str] = ()


def machine() -> dict[str, str]:
    """Return processor, number of cores, system, and versions of the packages that the numbers depend on."""
    packages = ("numpy", "numba", "scikit-learn", *(["torch"] if find_spec("torch") else []))
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "vicinal": __version__,
        **{name: metadata.version(name) for name in packages},
    }


def write(
    path: storage.PathLike,
    title: str,
    lead: str,
    sections: Sequence[Section],
    facts: Mapping[str, str],
    *,
    points: Sequence[str] = (),
    tables: Sequence[Table] = (),
) -> None:
    """Write the report.

    Parameters
    ----------
    path : path_like
        The HTML file; an existing one is replaced, in one step.
    title, lead : str
        Heading and first paragraph.
    sections : sequence of Section
        One for each autoencoder.
    facts : mapping of str to str
        How the numbers were measured, such as `machine()`; shown last.
    points : sequence of str
        Conclusions, shown as a list below the lead.
    tables : sequence of Table
        Tables over all autoencoders, shown before the sections.

    Raises
    ------
    MissingExtraError
        If jinja2 or matplotlib is not installed.
    """
    jinja2 = import_extra("jinja2", "report")
    source = resources.files("vicinal").joinpath("templates/report.html").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)
    pages = [
        {
            "title": section.title,
            "text": section.text,
            "table": section.scores.cells(),
            "differences": section.scores.difference_cells(),
            "references": [row["name"] for row in section.scores.rows if row["reference"]],
            "notes": section.scores.notes,
            "plot": _data_uri(frontier_plot(section.scores)),
            "grids": [_strip(grid) for grid in section.grids],
        }
        for section in sections
    ]
    html = template.render(title=title, lead=lead, points=points, tables=tables, sections=pages, facts=dict(facts))
    storage.write_atomic(path, html.encode("utf-8"))


def frontier_plot(scores: Scores) -> bytes:
    """Return a PNG of quality against novelty: Frechet distance over nn ratio, a point for each sampler.

    A line joins the rows named ``PMF, ...``. Samplers with a distance above ten times the median are not drawn, but
    named in a corner.
    """
    figure_module = import_extra("matplotlib.figure", "report")
    figure = figure_module.Figure(figsize=(9.0, 4.6), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    points = [row for row in scores.rows if "nn_ratio" in row and row["name"] != REAL]
    limit = 10 * float(np.median([row["frechet_distance"] for row in points]))
    drawn = [row for row in points if row["frechet_distance"] <= limit]
    curve = sorted((row for row in drawn if row["name"].startswith("PMF")), key=lambda row: row["nn_ratio"])
    axes.plot([row["nn_ratio"] for row in curve], [row["frechet_distance"] for row in curve], color=_GREEN, zorder=2)
    looks = itertools.cycle(itertools.product((_BLUE, _PURPLE, _BROWN), "sDv^P*<>hd"))
    for row in drawn:
        color, marker = (_GREEN, "o") if row in curve else (_RED, "X") if row["name"] == BOOTSTRAP else next(looks)
        axes.errorbar(
            row["nn_ratio"],
            row["frechet_distance"],
            xerr=row.get("nn_ratio_se"),
            yerr=row.get("frechet_distance_se"),
            fmt=marker,
            color=color,
            label=row["name"] if row not in curve else "PMF" if row is curve[0] else None,
            zorder=3,
        )
    for row in curve:
        place = (row["nn_ratio"], row["frechet_distance"])
        label = row["name"].removeprefix("PMF, ")
        axes.annotate(label, place, xytext=(0, -16), textcoords="offset points", ha="center", fontsize=8, color=_GREEN)
    for name, style in ((REAL, "-"), (RECONSTRUCTIONS, "--")):
        axes.axhline(scores[name]["frechet_distance"], color="#888888", linestyle=style, linewidth=1, label=name)
    axes.axvline(1.0, color="#cccccc", linewidth=1, label="as far as fresh data")
    beyond = [f"{r['name']}: {r['frechet_distance']:.3g} at {r['nn_ratio']:.2f}" for r in points if r not in drawn]
    if beyond:
        note = "off the plot: " + "; ".join(beyond)
        axes.text(0.01, 0.99, note, transform=axes.transAxes, ha="left", va="top", fontsize=8)
    axes.set_yscale("log")
    axes.set_xlim(left=-0.05)
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.tick_params(axis="y", which="minor", labelsize=7)
    axes.set_xlabel("nn ratio, a median: 0 = copies, 1 = as far from training latents as fresh data")
    axes.set_ylabel("Frechet distance to held-out images\n(lower is better)")
    figure.legend(loc="outside right center", fontsize=8, frameon=False)
    for text in figure.findobj(import_extra("matplotlib.text", "report").Text):
        text.set_parse_math(False)  # a dollar in a name is a dollar
    axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _strip(grid: Grid) -> dict[str, Any]:
    rows = [grid.images] if grid.below is None else [grid.images, grid.below]
    strip = np.concatenate([side_by_side(images) for images in rows])
    width = strip.shape[1] * max(1, round(960 / strip.shape[1]))
    return {"caption": grid.caption, "image": _data_uri(png(strip)), "width": width}


def side_by_side(images: Array) -> Array:
    """Return images (n, C, H, W) as one image (H + 1, n * (W + 1), 3), uint8, with white lines between."""
    levels = np.rint(np.clip(images, 0.0, 1.0) * 255.0).astype(np.uint8).transpose(0, 2, 3, 1)
    levels = np.broadcast_to(levels, (*levels.shape[:3], 3))
    framed = np.pad(levels, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=255)
    return np.concatenate(list(framed), axis=1)


def png(image: Array) -> bytes:
    """Return an image (height, width, 3), uint8, as the bytes of a PNG."""
    buffer = io.BytesIO()
    import_extra("matplotlib.image", "report").imsave(buffer, image, format="png")
    return buffer.getvalue()


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - not a path of ours
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"
