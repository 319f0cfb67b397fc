"""One tidy table of quality and novelty, with the rows that keep it honest.

`evaluate` scores arrays; `compare` scores samplers through an autoencoder. Beside the samples both show

real versus real
    What the quality metrics give to other real data, and the novelty metrics to held-out data: nobody
    can ask for better.
bootstrap copies
    What they give to copies of the training data: quality near the best, novelty zero.
reconstructions
    What they give to held-out images sent through the autoencoder: its samples cannot be expected to
    look better.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone

from vicinal import _validation, metrics, pipeline
from vicinal._errors import InvalidInputError
from vicinal.metrics import neighbors
from vicinal.metrics.distances import check_pair
from vicinal.samplers import BootstrapSampler, Sampler

Array = np.ndarray[Any, Any]
Features = Callable[[Any], Any]

COLUMNS = {
    "n": "n",
    "frechet_distance": "Frechet distance ↓",
    "wasserstein_distance": "W2 ↓",
    "nn_ratio": "nn ratio (1 = fresh)",
    "authenticity": "AuthPct % ↑",
    "fit_seconds": "fit s",
}
W2_ROWS = 1000
REAL, BOOTSTRAP, RECONSTRUCTIONS = "real versus real", "bootstrap copies", "reconstructions"


@dataclass(frozen=True)
class Scores:
    """A table: one row for each set of samples, one column for each metric.

    Attributes
    ----------
    rows : list of dict
        ``name``, ``reference`` (whether the row is there for comparison), and the metrics of `COLUMNS`;
        a metric that was not measured is absent. ``<metric>_se`` is a standard error over seeds.
    notes : list of str
        What a reader of the numbers has to know.
    """

    rows: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> dict[str, Any]:
        """Return the row of that name."""
        for row in self.rows:
            if row["name"] == name:
                return row
        raise KeyError(f"no row {name!r}; there are {', '.join(repr(row['name']) for row in self.rows)}")

    @property
    def columns(self) -> list[str]:
        """The metrics that at least one row has, in the order of `COLUMNS`."""
        return [column for column in COLUMNS if any(column in row for row in self.rows)]

    def cells(self) -> list[list[str]]:
        """Return the table as text: a row of headings, then a row for each set of samples."""
        headings = ["", *(COLUMNS[column] for column in self.columns)]
        return [headings, *([row["name"], *(_text(row, column) for column in self.columns)] for row in self.rows)]

    def to_dict(self) -> dict[str, Any]:
        """Return rows and notes as plain Python objects, ready for JSON: None stands for NaN."""
        rows = [{key: None if value != value else value for key, value in row.items()} for row in self.rows]
        return {"rows": rows, "notes": list(self.notes)}

    def to_markdown(self) -> str:
        """Return the table in GitHub's Markdown, with the notes below it."""
        headings, *rows = self.cells()
        rule = ["---", *["---:"] * (len(headings) - 1)]
        lines = ["| " + " | ".join(cells) + " |" for cells in (headings, rule, *rows)]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)]).rstrip() + "\n"

    def __str__(self) -> str:
        table = self.cells()
        widths = [max(len(cells[i]) for cells in table) for i in range(len(table[0]))]
        lines = [
            "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(row))
            for row in (list(zip(cells, widths, strict=True)) for cells in table)
        ]
        return "\n".join([*lines, *self.notes])


def evaluate(
    real: Any,
    generated: Any,
    *,
    train: Any = None,
    features: Features | None = None,
    random_state: int = 0,
) -> Scores:
    """Score generated data against held-out real data.

    Parameters
    ----------
    real : array_like of shape (n, *shape)
        Held-out data: images or latents. Not the data that the generator was trained on.
    generated : array_like of shape (m, *shape), or mapping of str to such arrays
        Samples, of one source or of several by name.
    train : array_like of shape (k, *shape), optional
        The data that the generator was trained on. Without them there is no novelty column, and a
        warning in the notes: quality alone rewards copies.
    features : callable, optional
        Maps rows to feature vectors, for the Frechet distance; None takes the rows as they are.
    random_state : int
        Seed of the subsets.

    Returns
    -------
    Scores
        The table.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For data that cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> train, real, good = np.random.default_rng(0).normal(size=(3, 500, 4))
    >>> scores = evaluate(real, {"good": good, "noisy": 2 * good}, train=train)
    >>> scores["good"]["frechet_distance"] < scores["noisy"]["frechet_distance"]
    True
    >>> scores["bootstrap copies"]["authenticity"]
    0.0
    """
    random_state = _validation.check_integer(random_state, "random_state", minimum=0)
    real = _validation.check_rows(real, "real", minimum=2)
    several = generated if isinstance(generated, Mapping) else {"generated": generated}
    if not several:
        raise InvalidInputError("generated must hold at least one set of samples; got an empty mapping")
    shape = real.shape[1:]
    taken = {REAL, BOOTSTRAP, RECONSTRUCTIONS} & set(several)
    if taken:
        raise InvalidInputError(f"generated must not use the names of reference rows; got {', '.join(taken)}")
    sets = {str(name): _check_like(rows, f"generated[{name!r}]", shape) for name, rows in several.items()}
    features = features or (lambda rows: rows)
    judge = _Judge(real, features(real), None if train is None else _check_like(train, "train", shape), random_state)

    rows = []
    if judge.train is not None:
        generator = np.random.default_rng([random_state, 2])
        others = judge.train[_some(generator, len(judge.train), len(real))]
        copies = judge.train[generator.integers(len(judge.train), size=len(real))]
        rows.append(_row(REAL, judge.quality(others, features(others)) | judge.novelty(real), reference=True))
        rows.append(_row(BOOTSTRAP, judge.quality(copies, features(copies)) | judge.novelty(copies), reference=True))
    rows += [_row(name, judge.quality(x, features(x)) | judge.novelty(x)) for name, x in sets.items()]
    notes = [f"W2 is exact between at most {W2_ROWS} rows of each set."]
    if judge.train is None:
        notes.append("No training data given, so novelty is not measured: copies of it would score best here.")
    return Scores(rows, notes)


@dataclass(frozen=True)
class Comparison:
    """What `compare` found: the table, and the fitted samplers by name."""

    scores: Scores
    samplers: dict[str, Sampler]
    train_latents: Array
    real_latents: Array


def compare(
    autoencoder: Any,
    samplers: Mapping[str, Sampler],
    *,
    train: Array,
    real: Array,
    features: Features,
    n_seeds: int = 3,
    random_state: int = 0,
    on_row: Callable[[str], None] | None = None,
) -> Comparison:
    """Fit samplers to an autoencoder's latents and score what it decodes from their samples.

    The Frechet distance is between features of images; the other metrics are between latents.

    Parameters
    ----------
    autoencoder : object
        As in `vicinal.encode`.
    samplers : mapping of str to Sampler
        Not fitted; they are cloned. A bootstrap sampler is added.
    train, real : ndarray of shape (n, *image_shape)
        Images that the autoencoder was trained on, and held-out ones. As many samples are drawn as
        there are held-out images.
    features : callable
        Maps images to feature vectors.
    n_seeds : int
        Sets of samples from each sampler; more than one give a standard error.
    random_state : int
        Seed of fits, samples (``random_state`` to ``random_state + n_seeds - 1``) and subsets.
    on_row : callable, optional
        Called with the name of each row when it is done.

    Returns
    -------
    Comparison
        Table, fitted samplers and latents.
    """
    done = on_row or (lambda _name: None)
    train_latents, real_latents = pipeline.encode(autoencoder, train), pipeline.encode(autoencoder, real)
    judge = _Judge(real_latents, features(real), train_latents, random_state)
    others = _some(np.random.default_rng([random_state, 2]), len(train), len(real))

    decoded = features(pipeline.decode(autoencoder, real_latents))
    reconstructed = {"frechet_distance": metrics.frechet_distance(judge.real_features, decoded), "n": len(real)}
    rows = [
        _row(REAL, judge.quality(train_latents[others], features(train[others])) | judge.novelty(real_latents), True),
        _row(RECONSTRUCTIONS, reconstructed, True),
    ]
    done(REAL)
    fitted: dict[str, Sampler] = {}
    for name, template in {BOOTSTRAP: BootstrapSampler(), **samplers}.items():
        fitted[name], seconds = _timed_fit(clone(template).set_params(random_state=random_state), train_latents)
        runs = []
        for seed in range(random_state, random_state + n_seeds):
            latents = fitted[name].sample(len(real), random_state=seed)
            images = features(pipeline.decode(autoencoder, latents))
            runs.append(judge.quality(latents, images) | judge.novelty(latents))
        rows.append(_row(name, _summary(runs) | {"fit_seconds": seconds}, name == BOOTSTRAP))
        done(name)
    notes = [
        f"Quality against {len(real)} held-out images, by as many samples; the Frechet distance is not FID: "
        "it uses other features.",
        "W2, nn ratio and AuthPct are taken between latents. An nn ratio of 1 is as new as fresh data, 0 a copy; "
        "compare the quality of samplers at equal novelty.",
        f"W2 is exact between at most {W2_ROWS} rows of each set.",
    ]
    if n_seeds > 1:
        notes.append(f"Mean ± standard error over {n_seeds} seeds of sampling, one training of the autoencoder.")
    return Comparison(Scores(rows, notes), fitted, train_latents, real_latents)


class _Judge:
    """The real data, and the metrics taken against them."""

    def __init__(self, real: Array, real_features: Any, train: Array | None, random_state: int) -> None:
        self.real, self.real_features, self.train = real, real_features, train
        self.random_state = random_state
        self._fresh = float("nan") if train is None else self._distance(real)

    def _distance(self, rows: Array) -> float:
        train, rows = check_pair(self.train, rows)
        return neighbors.typical_distance(train, rows)

    def quality(self, rows: Array, features: Any) -> dict[str, float]:
        return {
            "n": len(rows),
            "frechet_distance": metrics.frechet_distance(self.real_features, features),
            "wasserstein_distance": metrics.wasserstein_distance(
                self.real, rows, max_samples=W2_ROWS, random_state=self.random_state
            ),
        }

    def novelty(self, rows: Array) -> dict[str, float]:
        if self.train is None:
            return {}
        return {
            "nn_ratio": neighbors.ratio(self._distance(rows), self._fresh),
            "authenticity": metrics.authenticity(self.train, rows),
        }


def _check_like(rows: Any, name: str, shape: tuple[int, ...]) -> Array:
    rows = _validation.check_rows(rows, name, minimum=2)
    if rows.shape[1:] != shape:
        raise InvalidInputError(f"{name} must have rows of shape {shape}, like real; got {rows.shape[1:]}")
    return rows


def _some(generator: np.random.Generator, n_rows: int, size: int) -> Array:
    return generator.choice(n_rows, min(n_rows, size), replace=False)


def _timed_fit(sampler: Sampler, latents: Any) -> tuple[Sampler, float]:
    with warnings.catch_warnings(), contextlib.suppress(InvalidInputError):
        warnings.simplefilter("ignore")
        clone(sampler).fit(latents[:256])  # so that compilation is not counted; too few rows do not matter
    begin = time.perf_counter()
    sampler.fit(latents)
    return sampler, time.perf_counter() - begin


def _summary(runs: list[dict[str, float]]) -> dict[str, float]:
    summary: dict[str, float] = {}
    for metric in runs[0]:
        values = np.array([run[metric] for run in runs])
        summary[metric] = runs[0][metric] if metric == "n" else float(values.mean())
        if len(runs) > 1 and metric != "n":
            summary[f"{metric}_se"] = float(values.std(ddof=1) / np.sqrt(len(runs)))
    return summary


def _row(name: str, scores: Mapping[str, Any], reference: bool = False) -> dict[str, Any]:
    return {"name": name, "reference": reference, **scores}


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    if value is None:
        return "-"
    if column == "n":
        return str(value)
    if column == "fit_seconds":
        return f"{value:.3f}" if value < 1 else f"{value:.1f}"
    digits = 1 if column == "authenticity" else 2 if column == "nn_ratio" else _digits(value)
    error = row.get(f"{column}_se")
    return f"{value:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


def _digits(value: float) -> int:
    """Decimals that show three significant digits, at most 3."""
    return int(np.clip(2 - np.floor(np.log10(abs(value) or 1.0)), 0, 3))
