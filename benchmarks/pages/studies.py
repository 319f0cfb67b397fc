"""Reading studies, and their numbers as text."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from pages import RESULTS

from vicinal.benchmark import Study
from vicinal.benchmark.summary import Estimate
from vicinal.evaluation import METRICS
from vicinal.evaluation.catalogue import Metric

STUDIES = RESULTS / "study"
FILES = ("study.json", "results.jsonl", "timings.jsonl")


def read(names: Iterable[str]) -> list[Study]:
    """Return those of the studies that the repository has."""
    return [Study.read(STUDIES / name) for name in names if (STUDIES / name).exists()]


def take_over(names: Iterable[str], runs: Path | None) -> list[str]:
    """Copy the results of runs of `vicinal benchmark` into the repository, and return the names of those that are there."""
    found = [] if runs is None else [name for name in names if (runs / name / FILES[0]).exists()]
    for name in found:
        (STUDIES / name).mkdir(parents=True, exist_ok=True)
        for file in FILES:
            shutil.copy(runs / name / file, STUDIES / name)  # type: ignore[operator]
    return found


def estimates(study: Study, autoencoder: str, sampler: str, metrics: Iterable[str]) -> list[str]:
    """Return means of metrics with their standard errors."""
    found = {metric: study.estimate(autoencoder, sampler, metric) for metric in metrics}
    return ["-" if each is None else amount(each, METRICS.get(metric)) for metric, each in found.items()]


def mean_of(study: Study, autoencoder: str, sampler: str, metric: str) -> float:
    """Return the mean of a metric that was measured."""
    found = study.estimate(autoencoder, sampler, metric)
    if found is None:
        raise ValueError(f"{sampler} of {autoencoder} has no {metric}; run the study {study.config.title!r} again")
    return found.mean


def amount(estimate: Estimate, metric: Metric | None = None) -> str:
    """Return a mean and its standard error, to the decimals of the metric, or to three or four digits of the mean."""
    size = abs(estimate.mean)
    decimals = 0 if size >= 1000 else 1 if size >= 100 else 2
    if metric is not None and metric.decimals is not None:
        decimals = metric.decimals
    error = "" if estimate.error is None else f" ± {estimate.error:.{decimals}f}"
    return f"{estimate.mean:.{decimals}f}{error}"
