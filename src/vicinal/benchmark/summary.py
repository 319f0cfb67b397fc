"""Means, standard errors, intervals, ranks and verdicts, from the lines of a study.

What is independent in a study is its trainings, or the samplings of its one training. A mean is taken over these, and
so are its standard error and its degrees of freedom; of several samplings of a training the mean counts. Differences
between samplers are taken training by training and seed by seed. Their 95 % confidence interval also has the chance of
which images were held out, where the lines have replicates: see `vicinal.evaluation.intervals`.

A sampler is new if it passes the novelty test (`vicinal.neighbors.novelty_p`) over all its samplings together. Only
samplers that are new are ranked, and none that fails is called better, or as good.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vicinal import neighbors
from vicinal._errors import FileFormatError
from vicinal.benchmark import results
from vicinal.benchmark.config import Config
from vicinal.benchmark.results import Row
from vicinal.evaluation import BOOTSTRAP, METRICS, REAL, RECONSTRUCTIONS, notes
from vicinal.evaluation.catalogue import mean
from vicinal.evaluation.intervals import Chance, Interval, interval
from vicinal.evaluation.replicates import N_GROUPS
from vicinal.evaluation.scores import TO_RECONSTRUCTIONS, Scores
from vicinal.evaluation.verdict import doubt

REFERENCES = (REAL, RECONSTRUCTIONS, BOOTSTRAP)
QUALITY, NOVELTY = "frechet_distance", "novelty_p"

Seeds = tuple[int, int]  # of training and sampling


class Estimate(NamedTuple):
    """A mean, its standard error (None from a single value), and how many values there were."""

    mean: float
    error: float | None
    n: int


class Verdict(NamedTuple):
    """How a sampler compares with another on one autoencoder; ``gain`` is positive where its distance is lower."""

    word: str
    gain: Interval
    ratio: float
    other_ratio: float


class Study:
    """The results of a study, complete or not.

    Parameters
    ----------
    config : Config
        What was asked for.
    facts, machine : dict
        What the data are, and where it ran.
    rows : list of dict
        The lines, with their timings.
    """

    def __init__(self, config: Config, facts: dict[str, Any], machine: dict[str, str], rows: Sequence[Row]) -> None:
        self.config, self.facts, self.machine, self.rows = config, facts, machine, list(rows)
        self._rows: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            self._rows.setdefault((row["autoencoder"], row["sampler"]), []).append(row)
        self.autoencoders = [name for name in config.autoencoders if self.estimate(name, BOOTSTRAP, QUALITY)]
        found = {row["sampler"] for row in rows}
        self.samplers = [name for name in (*config.samplers, *REFERENCES[::-1]) if name in found]

    @classmethod
    def read(cls, folder: Path) -> Study:
        """Return the study in a folder.

        Raises
        ------
        FileNotFoundError
            If there is none.
        FileFormatError
            If a file is damaged.
        """
        try:
            study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
            config, facts, machine = Config.from_dict(study["study"]), study["facts"], study["machine"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileFormatError(f"{folder / 'study.json'} is damaged ({error}); run the study again") from None
        timings = results.read(folder / results.TIMINGS)
        rows = [{**timings.get(datum, {}), **row} for datum, row in results.read(folder / results.RESULTS).items()]
        return cls(config, facts, machine, rows)

    def failure(self, autoencoder: str, sampler: str) -> str | None:
        """Return why a sampler could not be fitted, if it could not."""
        return next((row["failed"] for row in self._of(autoencoder, sampler) if "failed" in row), None)

    def estimate(self, autoencoder: str, sampler: str, metric: str) -> Estimate | None:
        """Return the mean of a metric; None where it was not measured."""
        values = self._values_of(autoencoder, sampler, metric)
        if values and metric in METRICS and METRICS[metric].over_runs is not mean:
            return Estimate(METRICS[metric].over_runs(list(values.values())), None, len(values))
        independent = _independent(values)
        error = next((float(np.sqrt(chance.variance)) for chance in _chances(independent)), None)
        return Estimate(mean(independent), error, len(values)) if values else None

    def difference(self, autoencoder: str, sampler: str, other: str, metric: str) -> Interval | None:
        """Return the mean of ``other`` minus ``sampler``, over the seeds that both have, with its interval.

        A single difference has no interval: it does not show the chance of sampling.
        """
        values, others = (self._values_of(autoencoder, name, metric) for name in (sampler, other))
        gains = {seeds: others[seeds] - value for seeds, value in values.items() if seeds in others}
        if not gains:
            return None
        independent = _independent(gains)
        chances = _chances(independent)
        replicates, of_other = (self._replicates_of(autoencoder, name, metric) for name in (sampler, other))
        if chances and gains.keys() <= replicates.keys() & of_other.keys():
            chances.append(Chance.of_replicates(np.subtract(_pooled(of_other, gains), _pooled(replicates, gains))))
        return interval(mean(independent), chances)

    def chosen(self, autoencoder: str, sampler: str, parameter: str) -> list[float]:
        """Return what a sampler found by itself, such as its number of bins, for each training."""
        rows = [row for row in self._of(autoencoder, sampler) if parameter in row.get("chosen", {})]
        return list({row["training_seed"]: float(row["chosen"][parameter]) for row in rows}.values())

    @property
    def is_tested(self) -> bool:
        """Whether the novelty test was run."""
        return any(row.get(NOVELTY) is not None for row in self.rows)

    @property
    def has_replicates(self) -> bool:
        """Whether intervals have the chance of which images were held out."""
        return any("replicates" in row for row in self.rows)

    def is_new(self, autoencoder: str, sampler: str) -> bool | None:
        """Tell whether a sampler passes the novelty test; None where it was not run."""
        p_value = self.estimate(autoencoder, sampler, NOVELTY)
        return None if p_value is None else p_value.mean >= neighbors.LEVEL

    def ranking(self, autoencoder: str) -> list[str]:
        """Return the samplers that are new, the one with the lowest distance first; none if there is a doubt."""
        if self.doubt(autoencoder) is not None:
            return []
        new = [name for name in self.config.samplers if self.is_new(autoencoder, name)]
        found = {name: self.estimate(autoencoder, name, QUALITY) for name in new}
        means = {name: estimate.mean for name, estimate in found.items() if estimate is not None}
        return sorted(means, key=means.__getitem__)

    def doubt(self, autoencoder: str) -> str | None:
        """Return why no sampler of this autoencoder can be called better: it has learned next to nothing."""
        if not self._of(autoencoder, RECONSTRUCTIONS):
            return None
        return doubt([self._score_row(autoencoder, RECONSTRUCTIONS)])

    def verdict(self, autoencoder: str, sampler: str, other: str) -> Verdict | None:
        """Return whether a sampler is better: "better", "worse", "no clear difference" or "not compared".

        A sampler that is not new is never called better or as good: where it is not clearly worse than one that is new,
        the two are not compared. Nor are two that are not new, that were not tested, or whose autoencoder is in
        doubt. None where either was not measured.
        """
        gain = self.difference(autoencoder, sampler, other, QUALITY)
        ratios = [self.estimate(autoencoder, name, "nn_ratio") for name in (sampler, other)]
        if gain is None or ratios[0] is None or ratios[1] is None:
            return None
        word = "no clear difference" if not gain.is_clear else "better" if gain.mean > 0 else "worse"
        is_new = (self.is_new(autoencoder, sampler), self.is_new(autoencoder, other))
        allowed = {
            (True, True): {"better", "worse", "no clear difference"},
            (True, False): {"better"},
            (False, True): {"worse"},
        }
        if word not in allowed.get(is_new, ()) or self.doubt(autoencoder) is not None:  # type: ignore[arg-type]
            word = "not compared"
        return Verdict(word, gain, ratios[0].mean, ratios[1].mean)

    @property
    def distance(self) -> str:
        """What the distances are taken between, as a sentence."""
        name, features = self.facts["distance"], self.facts["features"]
        if name == "FID":
            return f"{name} in features of {features}."
        return f"{name} in features of: {features}; it is not FID."

    def scores(self, autoencoder: str) -> Scores:
        """Return the table of one autoencoder."""
        names = [*reversed(REFERENCES), *self.config.samplers]
        rows = [self._score_row(autoencoder, name) for name in names if self.estimate(autoencoder, name, QUALITY)]
        heading = self.facts["distance"]
        baseline = self.config.baseline if any(row["name"] == self.config.baseline for row in rows) else None
        headings = {} if heading == "Frechet distance" else {QUALITY: f"{heading} ↓"}
        said = [self.distance, *notes.of_table(rows)]
        if baseline is not None:
            said += notes.of_intervals(rows)
        return Scores(rows, said, headings, baseline)

    def seconds(self, sampler: str, part: str) -> float | None:
        """Return the median over autoencoders of the seconds that a fit or a sample took."""
        values = [row[part] for row in self.rows if row["sampler"] == sampler and part in row]
        return float(np.median(values)) if values else None

    def _score_row(self, autoencoder: str, sampler: str) -> dict[str, Any]:
        found = self._of(autoencoder, sampler)
        row: dict[str, Any] = {"name": sampler, "reference": sampler in REFERENCES, "n": found[0]["n"]}
        metrics = [QUALITY, TO_RECONSTRUCTIONS, *self.config.metrics]
        for metric in dict.fromkeys([*metrics, "fit_seconds", "sample_seconds"]):
            estimate = self.estimate(autoencoder, sampler, metric)
            if estimate is not None:
                row[metric] = estimate.mean
                if estimate.error is not None and metric in metrics:
                    row[f"{metric}_se"] = estimate.error
        runs = {metric: _independent(self._values_of(autoencoder, sampler, metric)) for metric in metrics}
        row["runs"] = {metric: values for metric, values in runs.items() if len(values) > 1}
        replicates = self._replicates_of(autoencoder, sampler, QUALITY)
        if QUALITY in row["runs"] and len(replicates) == len(found):
            row["replicates"] = {QUALITY: _pooled(replicates, replicates)}
        errors = ("mean_squared_error", "held_out_mean_squared_error", "mean_image_squared_error")
        return row | {key: found[0][key] for key in ("chosen", *errors, "why") if key in found[0]}

    def _of(self, autoencoder: str, sampler: str) -> list[Row]:
        return self._rows.get((autoencoder, sampler), [])

    def _values_of(self, autoencoder: str, sampler: str, metric: str) -> dict[Seeds, float]:
        """Return the values of a metric by the seeds of training and sampling."""
        rows = [row for row in self._of(autoencoder, sampler) if row.get(metric) is not None]
        return {(row["training_seed"], row["sampling_seed"]): row[metric] for row in rows}

    def _replicates_of(self, autoencoder: str, sampler: str, metric: str) -> dict[Seeds, list[float]]:
        """Return the values of a metric without one group of held-out rows each, by seeds."""
        rows = [row for row in self._of(autoencoder, sampler) if metric in row.get("replicates", {})]
        return {(row["training_seed"], row["sampling_seed"]): row["replicates"][metric] for row in rows}


def _independent(values: dict[Seeds, float]) -> list[float]:
    """Return the mean of each training, or the samplings of a single one."""
    by_training: dict[int, list[float]] = {}
    for (training_seed, _), value in values.items():
        by_training.setdefault(training_seed, []).append(value)
    if len(by_training) == 1:
        return list(values.values())
    return [mean(each) for each in by_training.values()]


def _pooled(replicates: Mapping[Seeds, list[float]], seeds: Iterable[Seeds]) -> list[float]:
    """Return the replicates of the mean over these seeds."""
    chosen = {each: replicates[each] for each in seeds}
    return [mean(_independent({each: values[g] for each, values in chosen.items()})) for g in range(N_GROUPS)]


def _chances(independent: list[float]) -> list[Chance]:
    return [Chance.of_values(independent)] if len(independent) > 1 else []
