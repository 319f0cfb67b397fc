"""The rows of a table, and its columns: which metrics are taken of which rows, over all seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from vicinal import _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.evaluation import by_class, given, published
from vicinal.evaluation.catalogue import COLUMNS, DEFAULT_METRICS, METRICS, OF_CLASSES, mean
from vicinal.evaluation.notes import BOOTSTRAP, REAL, RECONSTRUCTIONS
from vicinal.metrics import Moments


def rows_of(
    judge: Any,
    sets: Mapping[str, Sequence[Any]],
    train: Any,
    reconstructions: Array | None,
    extractor: Any,
    labels: by_class.Labels | None,
    seed: int,
    most: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table, reference rows first: of training data, which have at most ``most`` rows."""

    def score(rows: Any, run: int, name: str, **options: Any) -> dict[str, Any]:
        if isinstance(rows, Moments):
            return published.row_of(judge.moments, rows)
        return judge.score(rows, extractor and (lambda: extractor(rows)), run=run, name=name, **options)

    n_seeds = max(map(len, sets.values()))
    if train is not None:
        size = published.size_of(sets, len(train))  # of reference rows: that of the samples
        size = size if most is None else min(size, most)
        yield _row(REAL, [judge.real_run(i, size) for i in range(n_seeds)], reference=True)
        generators = (np.random.default_rng([seed + i, 3]) for i in range(n_seeds))
        copies = [generator.integers(len(train), size=size) for generator in generators]
        yield _row(BOOTSTRAP, [judge.copies_run(drawn, i) for i, drawn in enumerate(copies)], reference=True)
    if reconstructions is not None:
        of = None if train is not None else judge.quality
        yield _row(RECONSTRUCTIONS, [score(reconstructions, 0, "reconstructions", metrics=of)], reference=True)
    for name, several in sets.items():
        places = [None] * len(several) if labels is None else labels.sets[name]
        called = given.labelled({name: several})
        yield _row(name, [score(rows, i, label, places=places[i]) for i, (label, rows) in enumerate(called.items())])


def _row(name: str, runs: Sequence[Mapping[str, Any]], *, reference: bool = False) -> dict[str, Any]:
    return {"name": name, "reference": reference, **_summary(runs)}


def headings_of(extractor: Any, statistics: Mapping[str, Moments]) -> dict[str, str]:
    """Return headings of columns where the distance has a name of its own."""
    frechet = getattr(extractor, "frechet_name", "Frechet distance")
    if statistics and extractor is None:
        frechet = published.frechet_name(statistics)
    if frechet == "Frechet distance":
        return {}
    within = "intra-FID" if frechet == "FID" else f"{frechet} within classes"
    return {"frechet_distance": f"{frechet} ↓", by_class.FRECHET: f"{within} ↓"}


def metrics_of(metrics: Sequence[str] | None, has_train: bool, has_labels: bool) -> list[str]:
    """Return the names of the metrics to compute, in the order of the catalogue."""
    of_classes = list(OF_CLASSES) if has_labels else []
    if metrics is None:
        return [*(name for name in DEFAULT_METRICS if has_train or not METRICS[name].needs_train), *of_classes]
    if isinstance(metrics, str) or not metrics:
        raise InvalidInputError(f"metrics must be a sequence of one or more names; got {metrics!r}")
    for name in metrics:
        if name in OF_CLASSES and not has_labels:
            raise InvalidInputError(
                f"metrics must not name {name!r} without labels: pass real_labels= and generated_labels="
            )
        _validation.check_choice(name, "metrics", tuple(METRICS | OF_CLASSES if has_labels else METRICS))
        if COLUMNS[name].needs_train and not has_train:
            raise InvalidInputError(f"metrics must not name {name!r} without the training data: pass train=")
    return [*(name for name in METRICS if name in metrics), *of_classes]


def _summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return mean and standard error of each metric over runs with different seeds, and the runs."""
    if len(runs) == 1:
        return dict(runs[0])
    found: dict[str, Any] = {"n": runs[0]["n"], "runs": {}, **by_class.mean_of(runs)}
    for name in runs[0]:
        if name not in COLUMNS:
            continue
        values = [float(run[name]) for run in runs]
        found[name] = COLUMNS[name].over_runs(values)
        if COLUMNS[name].over_runs is mean:
            found[f"{name}_se"] = float(np.std(values, ddof=1) / np.sqrt(len(values)))
        found["runs"][name] = values
    sizes = {run["n"] for run in runs}
    if len(sizes) > 1:
        found["runs"]["n"] = [run["n"] for run in runs]
    why = {name: reason for run in reversed(runs) for name, reason in run.get("why", {}).items()}
    return found | ({"why": why} if why else {})
