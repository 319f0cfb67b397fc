r"""Means, standard errors, ranks and verdicts, from the lines of a study.

With m_t the mean over the S samplings of training t of T, and w the variance of samplings within trainings,

.. math:: \mathrm{s.e.}^2 = \max(\mathrm{Var}_t\, m_t,\; w / S) / T

The second term keeps the error honest where two trainings happen to agree. Differences between samplers are taken
training by training and seed by seed.

A sampler counts as new if its nn ratio is at least `LEAST_RATIO`. Only such samplers are ranked, and none is called
better than another for being closer to a copy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vicinal._errors import FileFormatError
from vicinal.benchmark import results
from vicinal.benchmark.config import Config
from vicinal.benchmark.results import Row
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS
from vicinal.evaluation.scores import TO_RECONSTRUCTIONS, Scores

LEAST_RATIO = 0.9  # of samples as new as fresh data, to within what a calibration on training latents misses on others
CLEAR = 2.0  # standard errors
REFERENCES = (REAL, RECONSTRUCTIONS, BOOTSTRAP)
QUALITY = "frechet_distance"


class Estimate(NamedTuple):
    """A mean, its standard error (None from a single value), and how many values there were."""

    mean: float
    error: float | None
    n: int

    @property
    def is_clear(self) -> bool:
        """Whether it differs from zero by more than two standard errors."""
        return self.error is not None and abs(self.mean) > CLEAR * self.error


class Verdict(NamedTuple):
    """How a sampler compares with another on one autoencoder; ``gain`` is positive where its distance is lower."""

    word: str
    gain: Estimate
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
        return _estimate(self._values_of(autoencoder, sampler, metric))

    def difference(self, autoencoder: str, sampler: str, other: str, metric: str) -> Estimate | None:
        """Return the mean of ``other`` minus ``sampler``, over the seeds that both have."""
        values, others = (self._values_of(autoencoder, name, metric) for name in (sampler, other))
        return _estimate({seeds: others[seeds] - value for seeds, value in values.items() if seeds in others})

    def chosen(self, autoencoder: str, sampler: str, parameter: str) -> list[float]:
        """Return what a sampler found by itself, such as its number of bins, for each training."""
        rows = [row for row in self._of(autoencoder, sampler) if parameter in row.get("chosen", {})]
        return list({row["training_seed"]: float(row["chosen"][parameter]) for row in rows}.values())

    def is_new(self, autoencoder: str, sampler: str) -> bool:
        """Tell whether the samples of a sampler are as new as fresh data."""
        ratio = self.estimate(autoencoder, sampler, "nn_ratio")
        return ratio is not None and ratio.mean >= LEAST_RATIO

    def ranking(self, autoencoder: str) -> list[str]:
        """Return the samplers that are as new as fresh data, the one with the lowest distance first."""
        new = [name for name in self.config.samplers if self.is_new(autoencoder, name)]
        found = {name: self.estimate(autoencoder, name, QUALITY) for name in new}
        means = {name: estimate.mean for name, estimate in found.items() if estimate is not None}
        return sorted(means, key=means.__getitem__)

    def verdict(self, autoencoder: str, sampler: str, other: str) -> Verdict | None:
        """Return whether a sampler is better than another: "better", "worse", "tie" or "not compared".

        Of two samplers, the one that is less new, and not as new as fresh data, is never called better or as good:
        where it is not clearly worse, they are not compared. None where either was not measured.
        """
        gain = self.difference(autoencoder, sampler, other, QUALITY)
        ratios = [self.estimate(autoencoder, name, "nn_ratio") for name in (sampler, other)]
        if gain is None or ratios[0] is None or ratios[1] is None:
            return None
        ratio, other_ratio = ratios[0].mean, ratios[1].mean
        word = "tie" if not gain.is_clear else "better" if gain.mean > 0 else "worse"
        excused = {"worse"} if ratio < other_ratio else {"better"}
        if min(ratio, other_ratio) < LEAST_RATIO and ratio != other_ratio and word not in excused:
            word = "not compared"
        return Verdict(word, gain, ratio, other_ratio)

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
        return Scores(rows, [self.distance], headings, baseline)

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
        if len(found) > 1 and len(self.config.training_seeds) == 1:  # of several trainings, differences vary otherwise
            runs = {metric: [each.get(metric) for each in found] for metric in metrics}
            row["runs"] = {metric: values for metric, values in runs.items() if None not in values}
        return row | {key: found[0][key] for key in ("chosen", "mean_squared_error") if key in found[0]}

    def _of(self, autoencoder: str, sampler: str) -> list[Row]:
        return self._rows.get((autoencoder, sampler), [])

    def _values_of(self, autoencoder: str, sampler: str, metric: str) -> dict[tuple[int, int], float]:
        """Return the values of a metric by the seeds of training and sampling."""
        rows = [row for row in self._of(autoencoder, sampler) if row.get(metric) is not None]
        return {(row["training_seed"], row["sampling_seed"]): row[metric] for row in rows}


def _estimate(values_by_seeds: dict[tuple[int, int], float]) -> Estimate | None:
    by_training: dict[int, list[float]] = {}
    for (training_seed, _), value in values_by_seeds.items():
        by_training.setdefault(training_seed, []).append(value)
    if not by_training:
        return None
    means = [float(np.mean(values)) for values in by_training.values()]
    variances = [float(np.var(means, ddof=1))] if len(means) > 1 else []
    several = [values for values in by_training.values() if len(values) > 1]
    if several:
        variances.append(float(np.mean([np.var(values, ddof=1) / len(values) for values in several])))
    error = float(np.sqrt(max(variances) / len(means))) if variances else None
    return Estimate(float(np.mean(means)), error, len(values_by_seeds))
