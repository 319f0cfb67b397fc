"""The report: what goes into it, and how it is put together."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from vicinal import storage
from vicinal._arrays import Array
from vicinal._errors import import_extra
from vicinal.evaluation import frontier
from vicinal.evaluation.scores import Scores
from vicinal.evaluation.verdict import verdict
from vicinal.report.explorer import Explorer
from vicinal.report.pictures import data_uri, png, side_by_side
from vicinal.report.tables import Download, Table, csv_of, glossary_of, of_differences, of_scores, slug

_BESIDE = 8  # images in a row, so that a row fits the screen of a phone
_PIXELS = 300  # width of such a row, if its images are smaller
_PARTS = ("style.css", "tables.js", "explorer.js")


@dataclass(frozen=True)
class Strip:
    """Images with a caption: rows of equally many, (n, C, H, W) in [0, 1], one below the other, by their names."""

    caption: str
    rows: Mapping[str, Array]


@dataclass(frozen=True)
class Section:
    """What the report says of one autoencoder."""

    title: str
    text: str
    scores: Scores
    strips: Sequence[Strip] = ()
    explorer: Explorer | None = None


def write(
    path: storage.PathLike,
    title: str,
    lead: str,
    sections: Sequence[Section],
    facts: Mapping[str, str],
    *,
    summary: str = "",
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
        One for each autoencoder. What the scores of each say stands on top, as a sentence.
    facts : mapping of str to str
        How the numbers were measured, such as `machine()`; shown last.
    summary : str
        A sentence over all sections, above those of each.
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
    files = resources.files("vicinal.report")
    source = (files / "template.html").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)
    html = template.render(
        title=title,
        lead=lead,
        summary=summary,
        points=points,
        tables=tables,
        downloads={table.title: [csv_of(table)] for table in tables},
        sections=[_shown(section) for section in sections],
        glossary=glossary_of([section.scores for section in sections]),
        facts=dict(facts),
        parts={name: (files / name).read_text(encoding="utf-8") for name in _PARTS},
    )
    storage.write_atomic(path, html.encode("utf-8"))


def _shown(section: Section) -> dict[str, Any]:
    """Return a section as the template takes it."""
    scores, found = section.scores, verdict(section.scores)
    differences = scores.difference_cells()
    return {
        "title": section.title,
        "id": slug(section.title),
        "text": section.text,
        "verdict": found,
        "table": of_scores(scores, f"Quality and novelty: {section.title}"),
        "differences": of_differences(scores, section.title) if differences else None,
        "downloads": [
            Download.of_text("CSV", f"{slug(section.title)}-scores.csv", scores.csv(), "text/csv"),
            Download.of_text(
                "JSON", f"{slug(section.title)}-scores.json", json.dumps(scores.to_dict(), indent=1), "application/json"
            ),
        ],
        "notes": scores.notes,
        "plot": data_uri(frontier_plot(scores)) if _can_be_plotted(scores) else None,
        "plotted": _in_words(scores),
        "strips": [_chunks(strip) for strip in section.strips],
        "explorer": None if section.explorer is None else section.explorer.to_json(),
    }


def frontier_plot(scores: Scores) -> bytes:
    """Return a PNG of quality against novelty: see `vicinal.evaluation.frontier`."""
    figure = import_extra("matplotlib.figure", "report").Figure(figsize=(6.8, 5.8), dpi=120, layout="constrained")
    frontier.draw(scores.rows, figure.add_subplot(), scores.heading("frechet_distance").rstrip(" ↓"))
    figure.legend(loc="outside lower left", ncols=2, fontsize=9, frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _can_be_plotted(scores: Scores) -> bool:
    return {"frechet_distance", "nn_ratio"} <= set(scores.columns)


def _in_words(scores: Scores) -> str:
    """Return what the plot shows, for those who cannot see it."""
    points = [row for row in scores.rows if row.get("nn_ratio") is not None and "frechet_distance" in row]
    return "; ".join(f"{row['name']}: {row['frechet_distance']:.3g} at {row['nn_ratio']:.2f}" for row in points)


def _chunks(strip: Strip) -> dict[str, Any]:
    """Return a strip as pictures of a few images each, which stand beside each other where there is room."""
    rows = list(strip.rows.values())
    pictures = []
    for first in range(0, len(rows[0]), _BESIDE):
        some = slice(first, first + _BESIDE)
        image = np.concatenate([side_by_side(images[some]) for images in rows])
        width = image.shape[1] * max(1, round(_PIXELS / (rows[0].shape[3] * _BESIDE)))
        last = min(first + _BESIDE, len(rows[0]))
        pictures.append({"uri": data_uri(png(image)), "width": width, "of": f"{first + 1} to {last}"})
    below = list(strip.rows)[1:]
    order = f" Above: {next(iter(strip.rows))}. Below each: {', then '.join(below)}." if below else ""
    return {"caption": strip.caption + order, "id": slug(strip.caption), "pictures": pictures}
