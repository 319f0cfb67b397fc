"""Numbers of a table as text, to the digits that mean something; and rows of text as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vicinal.evaluation.catalogue import COLUMNS
from vicinal.evaluation.intervals import Interval


def text_of(row: Mapping[str, Any], column: str) -> str:
    """Return a metric of a row with its standard error, to the digits that mean something."""
    value = row.get(column)
    if value is None:
        return "-"
    if column == "n":
        return str(value)
    if column in ("fit_seconds", "sample_seconds"):
        return f"{value:.3f}" if value < 1 else f"{value:.1f}"
    error = row.get(f"{column}_se")
    decimals = COLUMNS[column].decimals if column in COLUMNS else None
    if decimals is None:
        decimals = _decimals(value)
    return f"{value:.{decimals}f}" + ("" if error is None else f" ± {error:.{decimals}f}")


def gain_text(gain: Interval) -> str:
    """Return a difference with its confidence interval in brackets, to the digits that mean something.

    Examples
    --------
    >>> gain_text(Interval(1.234, 0.1, 1.0, 1.468)), gain_text(Interval(-0.5))
    ('+1.23 [+1.00, +1.47]', '-0.500')
    """
    if gain.error is None:
        return f"{gain.mean:+.{_decimals(gain.mean)}f}"
    decimals = _decimals(gain.error, significant=2)
    return f"{gain.mean:+.{decimals}f} [{gain.low:+.{decimals}f}, {gain.high:+.{decimals}f}]"


def gain_words(gain: Interval, better: str = "better", worse: str = "worse") -> str:
    """Return a difference in words, so that no reader has to know what a sign means; the interval goes with the word.

    Examples
    --------
    >>> gain_words(Interval(1.234, 0.1, 1.0, 1.468)), gain_words(Interval(-97.99, 0.5, -98.97, -97.01))
    ('better by 1.23 [1.00, 1.47]', 'worse by 97.99 [97.01, 98.97]')
    """
    word, turned = (better, gain) if gain.mean >= 0 else (worse, gain.turned)
    return f"{word} by {gain_text(turned).replace('+', '')}"


def _decimals(value: float, significant: int = 3) -> int:
    """Decimals that show so many significant digits, at most 5, at most 3 from 0.01 on."""
    size = abs(value)
    if not np.isfinite(size) or size == 0:
        return 3
    return int(np.clip(significant - 1 - np.floor(np.log10(size)), 0, 3 if size >= 0.01 else 5))


def gain_of(row: Mapping[str, Any], column: str) -> Interval:
    """Return a gain of a row of `Scores.versus`, with its interval."""
    return Interval(row[column], *(row.get(f"{column}_{part}") for part in ("se", "low", "high")))


def markdown_table(cells: Sequence[Sequence[str]]) -> str:
    """Return rows of text, the first of headings, as a table in GitHub's Markdown."""
    rule = ["---", *["---:"] * (len(cells[0]) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (cells[0], rule, *cells[1:]))


def aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of text as lines whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    ]
