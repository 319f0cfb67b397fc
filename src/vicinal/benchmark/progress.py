"""What a study shows while it runs: what it is doing, how far it is, and the time left."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np
from rich.console import Console

from vicinal import _progress
from vicinal.benchmark.results import Results
from vicinal.evaluation import REAL, RECONSTRUCTIONS

_PARTS = ("score_seconds", "sample_seconds", "fit_seconds", "training_seconds")


class Watch:
    """A bar over the data of a study.

    Parameters
    ----------
    title : str
        Of the study.
    results : Results
        What is known, and what is missing; their timings tell how long the rest will take.
    console : Console, optional
        Where to show it; None shows nothing.
    """

    def __init__(self, title: str, results: Results, console: Console | None) -> None:
        self._results = results
        n_known = len(results.planned) - len(results.missing)
        self._context = _progress.bar(title, len(results.planned), done=n_known, show=console is not None)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar = self._context.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it away."""
        self._context.__exit__(kind, error, trace)

    def doing(self, what: str) -> None:
        """Say what goes on."""
        self._bar.set(doing=what)

    def say(self, line: str) -> None:
        """Leave a line above the bar."""
        self._bar.say(line)

    def advance(self) -> None:
        """Count one datum more."""
        left = time_left(self._results)
        self._bar.advance()
        self._bar.set(note="" if left is None else f"about {in_words(left)} left")


def time_left(results: Results) -> float | None:
    """Return the seconds that the missing data will take if they take as long as those of the same name did.

    None as long as no sampler is known. What a fit takes is spread over the data that follow from it.
    """
    rows = results.rows
    per_sampler: dict[str, list[float]] = {}
    n_of_fit = max(len({row["sampling_seed"] for row in rows}), 1)
    for row in rows:
        shares = [row.get(part, 0.0) / (n_of_fit if part == "fit_seconds" else 1) for part in _PARTS]
        per_sampler.setdefault(row["sampler"], []).append(sum(shares))
    means = {name: float(np.mean(values)) for name, values in per_sampler.items()}
    of_samplers = [mean for name, mean in means.items() if name not in (REAL, RECONSTRUCTIONS)]
    if not of_samplers:
        return None
    typical = float(np.mean(of_samplers))
    return float(sum(means.get(datum.sampler, typical) for datum in results.missing))


def in_words(seconds: float) -> str:
    """Return a duration to about two digits.

    Examples
    --------
    >>> in_words(42.3), in_words(610), in_words(9000)
    ('42 s', '10 min', '2.5 h')
    """
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
