"""The table of scores in a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from vicinal.evaluation.glossary import direction_of, meaning_of
from vicinal.evaluation.verdict import mark, verdict

if TYPE_CHECKING:
    from vicinal.evaluation.scores import Scores

_GREY = ' style="opacity: 0.6"'


def of_scores(scores: Scores) -> str:
    """Return verdict, table, differences and notes as HTML."""
    by_name = {row["name"]: row for row in scores.rows}
    titles = ["", *(f"{meaning_of(name)} {direction_of(name)}".strip() for name in scores.columns)]
    parts = [
        f"<p><b>{escape(verdict(scores).text)}</b></p>",
        _table(scores.cells(), by_name, titles),
        _table(scores.difference_cells(), by_name) if scores.baseline is not None else "",
        f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in scores.notes)}</ul>" if scores.notes else "",
    ]
    return f'<div class="vicinal-scores">{"".join(parts)}</div>'


def _table(cells: Sequence[Sequence[str]], rows: Mapping[str, Mapping[str, Any]], titles: Sequence[str] = ()) -> str:
    """Return a table whose first cells are headings; rows that are no samples, or too near, are grey."""
    explained = [*titles, *[""] * (len(cells[0]) - len(titles))]
    head = "".join(
        f'<th scope="col" title="{escape(title)}">{escape(heading)}</th>'
        for heading, title in zip(cells[0], explained, strict=True)
    )
    body = ""
    for name, *others in cells[1:]:
        row = rows[name]
        marked = f" ({mark(row)})" if mark(row) else ""
        grey = _GREY if marked or row["reference"] else ""
        body += f'<tr{grey}><th scope="row" style="text-align: left">{escape(name)}{marked}</th>'
        body += "".join(f"<td>{escape(cell)}</td>" for cell in others) + "</tr>"
    return f'<div style="overflow-x: auto"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
