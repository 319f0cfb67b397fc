"""How numbers and plots of docs/performance.md look."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure

Row = dict[str, Any]

LIGHT = "#7fb79c"


def ratio(value: float | None) -> str:
    """Return a ratio to two digits, or three when large."""
    if value is None:
        return "-"
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    if value >= 10:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def duration(value: float | None) -> str:
    """Return a time with its unit."""
    if value is None:
        return "-"
    number, unit = (value * 1000, "ms") if value < 0.1 else (value, "s")
    return f"{number:.0f} {unit}" if number >= 10 else f"{float(f'{number:.2g}'):g} {unit}"


def over(value: float | None, base: float | None) -> float | None:
    """Return value / base, or None when one is missing."""
    return value / base if value is not None and base else None


def verdict(value: float | None, goal: float | None, *, most: bool) -> str:
    """Return a goal, at most or at least, and whether it is met."""
    if value is None or goal is None:
        return "-"
    met = value <= goal if most else value >= goal
    return f"{'at most' if most else 'at least'} {goal:,g}: {'met' if met else 'missed'}"


def plain(axes: Any) -> None:
    """Write the numbers of logarithmic axes in full, without minor labels and frame."""
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_minor_formatter("")
    axes.spines[["top", "right"]].set_visible(False)


def png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
