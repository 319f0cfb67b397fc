"""The tables over all autoencoders of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from vicinal.benchmark.sentences import NOT_TESTED
from vicinal.benchmark.summary import NOVELTY, QUALITY, REFERENCES, Study
from vicinal.evaluation import METRICS, REAL, RECONSTRUCTIONS, notes
from vicinal.evaluation.scores import TO_RECONSTRUCTIONS
from vicinal.evaluation.texts import gain_text, gain_words, text_of
from vicinal.neighbors import LEVEL
from vicinal.report import Table

COPIES = "†"
CHOSEN = {"n_bins": "bins", "n_neighbors": "neighbours", "n_components": "components", "bandwidth": "bandwidth"}


def tables(study: Study) -> list[Table]:
    """Return the tables over all autoencoders."""
    marked = NOT_TESTED
    if study.is_tested:
        marked = (
            f"{COPIES} fails the novelty test: too many samples near training latents. A lower distance is no merit."
        )
    several = "Mean ± standard error over samplings, and over trainings where there are several."
    found = [
        _metric(study, QUALITY, f"{study.facts['distance']} to held-out images", [study.distance, several, marked]),
        _ranks(study),
        _against_baseline(study),
        _metric(
            study,
            NOVELTY,
            "Novelty: test",
            [f"The p-value over all samplings together: below {LEVEL} the samples are too near to training latents."],
        ),
        _metric(
            study,
            "nn_ratio",
            "Novelty: nn ratio",
            ["The median distance to the nearest training latent: that of fresh data is 1, that of copies 0."],
        ),
        _metric(study, "wasserstein_distance", "W2 between samples and held-out latents", [several, marked]),
        _metric(
            study,
            TO_RECONSTRUCTIONS,
            f"{study.facts['distance']} to decoded held-out latents",
            [
                "Leaves out what the autoencoder loses, which noise can make up for where images are blurred. "
                + study.distance,
                marked,
            ],
        ),
        _means(study),
        _chosen(study),
        _times(study),
        _failures(study),
    ]
    return [table for table in found if len(table.cells) > 1]


def _cells(study: Study, rows: Iterable[str], cell: Callable[[str, str], str]) -> list[list[str]]:
    """Return rows of one cell for each autoencoder, below the headings; a row without any value is left out."""
    found = [[row, *(cell(name, row) for name in study.autoencoders)] for row in rows]
    return [["", *study.autoencoders], *(cells for cells in found if set(cells[1:]) != {"-"})]


def _metric(study: Study, metric: str, title: str, said: Sequence[str]) -> Table:
    """Return one metric of all samplers and autoencoders."""

    def cell(autoencoder: str, sampler: str) -> str:
        found = study.estimate(autoencoder, sampler, metric)
        if found is None:
            return "-"
        needs_mark = metric not in ("nn_ratio", NOVELTY) and sampler not in (REAL, RECONSTRUCTIONS)
        mark = f" {COPIES}" if needs_mark and study.is_new(autoencoder, sampler) is False else ""
        return text_of({metric: found.mean, f"{metric}_se": found.error}, metric) + mark

    return Table(title, _cells(study, study.samplers, cell), REFERENCES, said)


def _ranks(study: Study) -> Table:
    """Return the place of each sampler among those that pass the novelty test."""
    rankings = {name: study.ranking(name) for name in study.autoencoders}

    def cell(autoencoder: str, sampler: str) -> str:
        ranks = rankings[autoencoder]
        return str(ranks.index(sampler) + 1) if sampler in ranks else "-"

    headings, *rows = _cells(study, study.config.samplers, cell)
    places = {row[0]: [int(place) for place in row[1:] if place != "-"] for row in rows}
    means = {name: float(np.mean(found)) for name, found in places.items()}
    rows.sort(key=lambda row: (-len(places[row[0]]), means[row[0]]))
    note = (
        "By the distance to held-out images, among the samplers that pass the novelty test on that autoencoder; the "
        "others (-) fail it, or were not measured. Places next to each other need not differ clearly."
    )
    cells = [[*headings, "mean"], *([*row, f"{means[row[0]]:.1f}"] for row in rows)]
    return Table("Ranks at the novelty of fresh data", cells, (), [note])


def _against_baseline(study: Study) -> Table:
    baseline = study.config.baseline

    def cell(autoencoder: str, sampler: str) -> str:
        verdict = study.verdict(autoencoder, sampler, str(baseline))
        if verdict is None:
            return "-"
        ratios = f"({verdict.ratio:.2f} / {verdict.other_ratio:.2f})"
        if verdict.word == "not compared" and study.is_tested:
            return f"{verdict.word} {ratios}"
        if verdict.word in ("better", "worse"):
            return f"{gain_words(verdict.gain)} {ratios}"
        return f"{verdict.word if study.is_tested else ''} {gain_text(verdict.gain)} {ratios}".strip()

    said = [
        f"How much lower the distance to held-out images is than that of {baseline}, with both nn ratios; better or "
        "worse: the interval excludes 0.",
        notes.INTERVALS if study.has_replicates else notes.SEEDS_ALONE,
        "A sampler that fails the novelty test is never called better, or as good: not compared. Nor is any sampler of "
        "an autoencoder that has learned next to nothing."
        if study.is_tested
        else NOT_TESTED,
        study.distance,
    ]
    others = [name for name in study.config.samplers if name != baseline]
    return Table(f"Against {baseline}", _cells(study, others if baseline else [], cell), (), said)


def _means(study: Study) -> Table:
    """Return the other metrics, averaged over autoencoders."""
    shown = (QUALITY, "wasserstein_distance", NOVELTY)
    metrics = [name for name in study.config.metrics if name not in shown]
    cells = [["", *(METRICS[name].heading for name in metrics)]]
    for sampler in study.samplers:
        row = []
        for metric in metrics:
            found = [study.estimate(name, sampler, metric) for name in study.autoencoders]
            values = [estimate.mean for estimate in found if estimate is not None]
            row.append(text_of({metric: METRICS[metric].over_runs(values)}, metric) if values else "-")
        cells.append([sampler, *row])
    return Table("Other metrics, means over the autoencoders", cells, REFERENCES)


def _chosen(study: Study) -> Table:
    """Return what samplers chose themselves: bins, neighbours, components, bandwidths."""
    rows = {
        f"{sampler}: {name}": (sampler, parameter)
        for sampler in study.config.samplers
        for parameter, name in left_to(study, sampler).items()
    }

    def cell(autoencoder: str, row: str) -> str:
        return ", ".join(f"{value:.3g}" for value in study.chosen(autoencoder, *rows[row])) or "-"

    said = ["One value for each training of the autoencoder."]
    return Table("What the samplers chose", _cells(study, rows, cell), (), said)


def left_to(study: Study, sampler: str) -> dict[str, str]:
    """Return the parameters that a sampler chooses itself, by default or by a rule such as "auto", in words."""
    settings = study.config.samplers.get(sampler, {})
    if {"covariance_type", "kind"} & settings.keys():
        return {}
    return {name: words for name, words in CHOSEN.items() if isinstance(settings.get(name, ""), str)}


def _times(study: Study) -> Table:
    fits = {name: study.seconds(name, "fit_seconds") for name in study.config.samplers}
    known = {name: value for name, value in fits.items() if value is not None}
    base = known.get(study.config.baseline or "")
    cells = [["", "fit, s", "sample, s", *([f"fit, share of {study.config.baseline}"] if base else [])]]
    for name, seconds in known.items():
        sample = study.seconds(name, "sample_seconds") or 0.0
        cells.append([name, _digits(seconds), _digits(sample), *([_digits(seconds / base)] if base else [])])
    said = ["Medians over autoencoders and seeds. The seconds depend on the machine, and on what else it did."]
    return Table("Times", cells, (), said)


def _failures(study: Study) -> Table:
    pairs = [(sampler, name) for sampler in study.config.samplers for name in study.autoencoders]
    cells = [[*pair, why] for pair in pairs if (why := study.failure(pair[1], pair[0]))]
    return Table("Not fitted", [["sampler", "autoencoder", "why"], *cells])


def _digits(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 10 else f"{float(f'{seconds:.2g}'):g}"
