"""What the scripts that fill the marked parts of the documentation share."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
RESULTS = DOCS.parent / "benchmarks/results"
GREEN, BLUE, RED = "#0b6e4f", "#3d5a80", "#b23a48"


def fill(path: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->``."""
    whole = path.read_text(encoding="utf-8")
    head, _, rest = whole.partition(f"<!-- {name} -->")
    _, _, tail = rest.partition(f"<!-- /{name} -->")
    path.write_text(f"{head}<!-- {name} -->\n{text.strip()}\n<!-- /{name} -->{tail}", encoding="utf-8")


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table, all columns but the first aligned to the right."""
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (headings, rule, *rows))


def measured_on(facts: dict[str, str]) -> str:
    """Return one sentence on the machine."""
    return f"Measured on {facts['cores']} cores of an {facts['processor']}, torch {facts['torch']}, without a GPU."
