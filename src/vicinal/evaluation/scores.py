"""The table of scores: rows are sets of samples, columns are metrics; as text, Markdown, CSV, JSON or a data frame."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vicinal import storage
from vicinal._errors import InvalidInputError, MissingExtraError, import_extra
from vicinal.evaluation import frontier, html
from vicinal.evaluation.catalogue import COLUMNS
from vicinal.evaluation.intervals import Chance, Interval, interval
from vicinal.evaluation.texts import aligned, gain_of, gain_words, markdown_table, text_of

TO_RECONSTRUCTIONS = "frechet_to_reconstructions"
HEADINGS = {
    "n": "n",
    "frechet_distance": COLUMNS["frechet_distance"].heading,
    TO_RECONSTRUCTIONS: "to reconstructions ↓",
    **{name: metric.heading for name, metric in COLUMNS.items()},
    "fit_seconds": "fit s",
    "sample_seconds": "sample s",
}


@dataclass(frozen=True)
class Scores:
    """A table: one row for each set of samples, one column for each metric.

    Attributes
    ----------
    rows : list of dict
        ``name``, ``reference`` (whether the row is there for comparison), ``n`` (its number of samples) and metrics;
        one that was not measured is absent. Where there are several seeds a metric is their mean, ``<metric>_se`` its
        standard error, and ``runs[<metric>]`` holds the value of each seed. ``why[<metric>]`` says why a metric is
        NaN. ``replicates[<metric>]`` is what intervals need: see `vicinal.evaluation.replicates`.
    notes : list of str
        What a reader of the numbers has to know.
    headings : dict of str to str
        Headings of columns where they are not the usual ones, such as "FID ↓".
    baseline : str, optional
        Row that the others are compared with, below the table.
    """

    rows: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)
    headings: Mapping[str, str] = field(default_factory=dict)
    baseline: str | None = None

    def __getitem__(self, name: str) -> dict[str, Any]:
        """Return the row of that name."""
        for row in self.rows:
            if row["name"] == name:
                return row
        raise KeyError(f"no row {name!r}; there are {', '.join(repr(row['name']) for row in self.rows)}")

    @property
    def columns(self) -> list[str]:
        """The metrics that at least one row has, in the order of the catalogue."""
        return [column for column in HEADINGS if any(column in row for row in self.rows)]

    def versus(self, baseline: str) -> list[dict[str, Any]]:
        """Return by how much each set of samples is better than one of them, with confidence intervals.

        Parameters
        ----------
        baseline : str
            Name of the row to compare with.

        Returns
        -------
        list of dict
            For each other row that is no reference: ``name``, and for each metric that has a direction the mean
            difference, positive where the row is better, with ``<metric>_se`` and the 95 % confidence interval from
            ``<metric>_low`` to ``<metric>_high``. The interval has the chance of the seeds and, where the rows have
            replicates, as after ``evaluate(..., baseline=...)``, the chance of which rows were held out. Where both
            have equally many seeds the differences are paired. Without several seeds or replicates there is none.

        Raises
        ------
        KeyError
            If there is no such row.

        Notes
        -----
        Of several trainings, give one set of samples for each: the interval then has the chance of the training.
        `vicinal.evaluation.intervals` says how the chances are put together.

        Examples
        --------
        >>> rows = [
        ...     {"name": "a", "reference": False, "n": 9, "mmd": 0.3, "runs": {"mmd": [0.2, 0.4]}},
        ...     {"name": "b", "reference": False, "n": 9, "mmd": 0.6, "runs": {"mmd": [0.5, 0.8]}},
        ... ]
        >>> difference, = Scores(rows).versus("b")
        >>> round(difference["mmd"], 3), round(difference["mmd_low"], 3), round(difference["mmd_high"], 3)
        (0.3, -0.335, 0.935)
        """
        base = self[baseline]
        return [
            {"name": row["name"], **_differences(row, base, self.columns)}
            for row in self.rows
            if row is not base and not row["reference"]
        ]

    def cells(self) -> list[list[str]]:
        """Return the table as text: a row of headings, then a row for each set of samples."""
        headings = ["", *(self.heading(column) for column in self.columns)]
        return [headings, *([row["name"], *(text_of(row, column) for column in self.columns)] for row in self.rows)]

    def difference_cells(self) -> list[list[str]]:
        """Return the comparison with the baseline as text; empty if there is none.

        The novelty test of both stands last: a sampler that is better but fails it may only be closer to copies.
        """
        if self.baseline is None:
            return []
        differences = self.versus(self.baseline)
        columns = [column for column in self.columns if any(column in row for row in differences)]
        test = next((name for name in ("novelty_p", "nn_ratio") if name in self.columns), None)
        novelty = [] if test is None else [f"{self.heading(test).partition(' (')[0]}, of both"]
        cells = [[f"against {self.baseline}", *(self.heading(c).rstrip(" ↓↑") for c in columns), *novelty]]
        for row in differences:
            of_both = [] if test is None else [", ".join(text_of(self[r], test) for r in (row["name"], self.baseline))]
            cells.append([row["name"], *(_gain_cell(row, column) for column in columns), *of_both])
        return cells

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects, ready for JSON: None stands for NaN."""
        found: dict[str, Any] = {"rows": self.rows, "notes": self.notes}
        if self.headings:
            found["headings"] = self.headings
        if self.baseline is not None:
            found["baseline"] = self.baseline
            found["versus_baseline"] = self.versus(self.baseline)
        plain: dict[str, Any] = _without_nan(found)
        return plain

    def to_markdown(self) -> str:
        """Return the table in GitHub's Markdown, with the notes below it."""
        parts = [markdown_table(cells) for cells in (self.cells(), self.difference_cells()) if cells]
        return "\n\n".join([*parts, "\n".join(f"- {note}" for note in self.notes)]).rstrip() + "\n"

    def to_csv(self, path: storage.PathLike) -> None:
        """Write the rows as CSV, with all digits, a column for each metric and each standard error.

        Parameters
        ----------
        path : path_like
            The file; an existing one is replaced, in one step.
        """
        storage.write_atomic(path, self.csv().encode("utf-8"))

    def csv(self) -> str:
        """Return the text of the file that `to_csv` writes."""
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self._flat()[0]) if self.rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._flat())
        return text.getvalue()

    def to_pandas(self) -> Any:
        """Return the rows as a pandas data frame, with the names as index.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        try:
            import pandas as pd  # type: ignore[import-untyped, unused-ignore]
        except ModuleNotFoundError:
            raise MissingExtraError("pandas is not installed; run: pip install pandas", name="pandas") from None
        return pd.DataFrame(self._flat()).set_index("name")

    def plot(self, *, ax: Any = None) -> Any:
        r"""Draw quality against novelty: the Frechet distance over the nn ratio, a point for each row.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; None makes a new figure.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        InvalidInputError
            If no row has both metrics.
        MissingExtraError
            If matplotlib is not installed.

        Examples
        --------
        >>> row = {"name": "a", "reference": False, "n": 9, "frechet_distance": 0.3, "nn_ratio": 0.9}
        >>> Scores([row]).plot().get_ylabel()
        'Frechet distance to held-out data\n(lower is better)'
        """
        if ax is None:
            ax = import_extra("matplotlib.pyplot", "report").subplots(figsize=(7.5, 4.5), layout="constrained")[1]
        frontier.draw(self.rows, ax, self.heading("frechet_distance").rstrip(" ↓"))
        ax.legend(fontsize=8, frameon=False)
        return ax

    def _repr_html_(self) -> str:
        """Return the table for a notebook: the verdict on top, rows that are too near to the training data in grey."""
        return html.of_scores(self)

    def __str__(self) -> str:
        differences = aligned(self.difference_cells())
        return "\n".join([*aligned(self.cells()), *(["", *differences, ""] if differences else []), *self.notes])

    def heading(self, column: str) -> str:
        """Return the heading of a column, with its direction."""
        return self.headings.get(column, HEADINGS[column])

    def _flat(self) -> list[dict[str, Any]]:
        """Return the rows with one set of keys, without the single runs; None where a value is missing."""
        keys = ["name", "reference"]
        for column in self.columns:
            keys += [key for key in (column, f"{column}_se") if any(key in row for row in self.rows)]
        return [{key: row.get(key) for key in keys} for row in self.rows]


def check_baseline(baseline: str | None, names: Sequence[str]) -> None:
    """Raise InvalidInputError unless the baseline is None or one of the names."""
    if baseline is not None and baseline not in names:
        raise InvalidInputError(f"baseline must name one of {', '.join(map(repr, names))}; got {baseline!r}")


def _differences(row: Mapping[str, Any], base: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """Return gains of a row over another by metric, with standard errors and intervals where they are known."""
    found: dict[str, Any] = {}
    for column in columns:
        metric = COLUMNS.get(column)
        if metric is None or metric.better == "reference" or row.get(column) is None or base.get(column) is None:
            continue
        gain = _gain(row, base, column, -1.0 if metric.better == "lower" else 1.0)
        found[column] = gain.mean
        if gain.error is not None:
            found |= {f"{column}_se": gain.error, f"{column}_low": gain.low, f"{column}_high": gain.high}
    return found


def _gain(row: Mapping[str, Any], base: Mapping[str, Any], column: str, sign: float) -> Interval:
    runs, base_runs = (each.get("runs", {}).get(column, []) for each in (row, base))
    replicates, base_replicates = (each.get("replicates", {}).get(column, []) for each in (row, base))
    chances = []
    if len(replicates) == len(base_replicates) > 1:
        chances.append(Chance.of_replicates(np.subtract(replicates, base_replicates)))
    if len(runs) == len(base_runs) > 1:
        chances.append(Chance.of_values(np.subtract(runs, base_runs)))
    elif chances or min(len(runs), len(base_runs)) > 1:  # the replicates of one set have its own chance
        chances += [Chance.of_values(values) for values in (runs, base_runs) if len(values) > 1]
    return interval(sign * (row[column] - base[column]), chances)


def _without_nan(value: Any) -> Any:
    """Return plain Python objects with None for NaN."""
    if isinstance(value, Mapping):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    return None if value != value else value


def _gain_cell(row: Mapping[str, Any], column: str) -> str:
    return gain_words(gain_of(row, column)) if column in row else "-"
