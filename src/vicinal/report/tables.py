"""Tables of a report: cells with marks, what can be downloaded, and what the columns mean."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vicinal.evaluation import glossary
from vicinal.evaluation.scores import Scores
from vicinal.evaluation.verdict import mark


@dataclass(frozen=True)
class Table:
    """A table: rows of text, first the headings.

    ``references`` names rows that are there for comparison, ``marks`` says what is wrong with the novelty of a row, and
    ``meanings`` says what a column measures, by its heading.
    """

    title: str
    cells: Sequence[Sequence[str]]
    references: Sequence[str] = ()
    notes: Sequence[str] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)


class Download(NamedTuple):
    """A file inside the page: what to call the link and the file, and an address that holds it."""

    label: str
    name: str
    uri: str

    @classmethod
    def of_text(cls, label: str, name: str, text: str, kind: str) -> Download:
        """Return a file that holds a text."""
        content = base64.b64encode(text.encode("utf-8")).decode("ascii")
        return cls(label, name, f"data:{kind};charset=utf-8;base64,{content}")


def of_scores(scores: Scores, title: str) -> Table:
    """Return scores as a table; rows that are too near to the training data are marked."""
    references = [row["name"] for row in scores.rows if row["reference"]]
    meanings = {entry.heading: f"{entry.meaning} {entry.direction}".strip() for entry in glossary_of([scores])}
    return Table(title, scores.cells(), references, scores.notes, _marks(scores), meanings)


def of_differences(scores: Scores, title: str) -> Table:
    """Return the comparison of scores with their baseline as a table."""
    return Table(f"Differences from {scores.baseline}: {title}", scores.difference_cells(), marks=_marks(scores))


def csv_of(table: Table) -> Download:
    """Return the cells of a table as a file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table.cells)
    return Download.of_text("CSV", f"{slug(table.title)}.csv", text.getvalue(), "text/csv")


def glossary_of(several: Sequence[Scores]) -> list[glossary.Entry]:
    """Return all columns of some scores in words."""
    columns = [(name, scores.heading(name)) for scores in several for name in scores.columns]
    return glossary.entries(list(dict.fromkeys(columns)))


def slug(text: str) -> str:
    """Return a name as part of a file's name.

    Examples
    --------
    >>> slug("GMM, 10 components")
    'gmm-10-components'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _marks(scores: Scores) -> dict[str, str]:
    return {row["name"]: mark(row) for row in scores.rows if mark(row)}
