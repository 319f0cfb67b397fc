"""A study as tables, sentences and images: Markdown, HTML and JSON, from its results alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vicinal import report, storage
from vicinal.benchmark.results import explorer_file
from vicinal.benchmark.summary import NOVELTY, QUALITY, REFERENCES, Study
from vicinal.evaluation import METRICS, REAL, RECONSTRUCTIONS, notes
from vicinal.evaluation.scores import TO_RECONSTRUCTIONS
from vicinal.evaluation.texts import gain_text, gain_words, markdown_table, text_of
from vicinal.evaluation.verdict import doubt
from vicinal.neighbors import LEVEL
from vicinal.report import Explorer, Table, slug

OURS = ({"sampler": "PMFSampler"}, {"sampler": "LocalSampler"})  # with all parameters at their defaults
COPIES = "†"
OF_RECONSTRUCTIONS = ("held-out images", "their reconstructions")
OF_SAMPLES = ("samples", "the decoded nearest training latent", "its training image")
NOT_TESTED = "The novelty test was not run in this study. So no sampler is called new, ranked, better or worse."
CHOSEN = {"n_bins": "bins", "n_neighbors": "neighbours", "n_components": "components", "bandwidth": "bandwidth"}


def write(study: Study, folder: Path) -> None:
    """Write ``report.html``, ``report.md`` and ``scores.json`` of a study into its folder."""
    storage.write_atomic(folder / "scores.json", (json.dumps(scores(study), indent=1) + "\n").encode("utf-8"))
    storage.write_atomic(folder / "report.md", markdown(study).encode("utf-8"))
    sections = [
        report.Section(
            name,
            _training(study, name),
            study.scores(name),
            _strips(study, name, folder),
            _explorer(study, name, folder),
        )
        for name in study.autoencoders
    ]
    report.write(
        folder / "report.html",
        study.config.title,
        " ".join(filter(None, [study.config.lead, introduction(study)])),
        sections,
        study.machine,
        summary=summary(study),
        points=conclusions(study),
        tables=tables(study),
    )


def scores(study: Study) -> dict[str, Any]:
    """Return the tables of all autoencoders as plain Python objects, ready for JSON."""
    tables = {
        name: study.scores(name).to_dict() | {"autoencoder": study.config.training_of(name)}
        for name in study.autoencoders
    }
    return {"title": study.config.title, "facts": study.facts | study.machine, "autoencoders": tables}


def markdown(study: Study) -> str:
    """Return title, protocol, conclusions and tables in GitHub's Markdown."""
    lines = [f"## {study.config.title}", "", introduction(study), "", *(f"- {line}" for line in conclusions(study)), ""]
    for table in tables(study):
        lines += [f"### {table.title}", "", markdown_table(table.cells), ""]
        lines += [*(f"- {note}" for note in table.notes), ""] if table.notes else []
    return "\n".join(lines).rstrip() + "\n"


def introduction(study: Study) -> str:
    """Return what all numbers rest on."""
    facts, config = study.facts, study.config
    sizes = {"latent_dim": "latent dimensions", "width": "channels in the first stage", "n_epochs": "epochs"}
    training = ", ".join(f"{config.training[key]} {text}" for key, text in sizes.items() if key in config.training)
    trainings = _count(len({row["training_seed"] for row in study.rows}), "training")
    samplings = _count(len(config.sampling_seeds), "sampling")
    said = [] if study.is_tested else [NOT_TESTED]
    if "overlap" in facts:
        said.append(facts["overlap"])
    if config.max_searched is not None:
        said.append(f"At most {config.max_searched:,} rows of a set have their neighbours searched.")
    return (
        f"{facts['n_train']:,} training and {facts['n_held_out']:,} held-out images of "
        f"{' x '.join(map(str, facts['image_shape']))}; autoencoders: {training}; "
        f"{trainings} of each autoencoder, {samplings} of each sampler, "
        f"{config.n_samples or facts['n_held_out']:,} samples. "
        f"{' '.join([study.distance, *said])} "
        f"Measured on {study.machine['cores']} cores of an {study.machine['processor']}."
    )


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


def summary(study: Study) -> str:
    """Return one sentence over several autoencoders: which sampler is best most often, how clearly, and how new."""
    known = {name: study.ranking(name) for name in study.autoencoders if doubt(study.scores(name)) is None}
    first = [ranks[0] for ranks in known.values() if ranks]
    if len(study.autoencoders) < 2 or not study.is_tested or not first:
        return ""
    best = max(dict.fromkeys(first), key=first.count)
    won = [name for name, ranks in known.items() if ranks and ranks[0] == best]
    next_best = {name: known[name][1] for name in won if len(known[name]) > 1}
    clear = [name for name, other in next_best.items() if _is_better(study, name, best, other)]
    ratios = _range([found.mean for name in won if (found := study.estimate(name, best, "nn_ratio"))])
    return (
        f"{best} has the lowest {study.facts['distance']} of the samplers that are new on {len(won)} of "
        f"{len(study.autoencoders)} autoencoders, clearly lower than the next one on {len(clear) or 'none'} of them "
        f"(95 % intervals), with an nn ratio of {ratios}, where fresh data have 1."
    )


def _is_better(study: Study, autoencoder: str, sampler: str, other: str) -> bool:
    verdict = study.verdict(autoencoder, sampler, other)
    return verdict is not None and verdict.word == "better"


def conclusions(study: Study) -> list[str]:
    """Return sentences that the numbers bear out."""
    samplers = study.config.samplers
    mixtures = [name for name, settings in samplers.items() if settings["sampler"] == "GMMSampler"]
    ours = [name for name, settings in samplers.items() if settings in OURS]
    lines = [line for name in ours for mixture in mixtures for line in [_compare(study, name, mixture)] if line]
    first = [ranks[0] for ranks in map(study.ranking, study.autoencoders) if ranks]
    if first:
        wins = sorted(((first.count(name), name) for name in set(first)), reverse=True)
        listed = ", ".join(f"{name} on {count}" for count, name in wins)
        lines.append(f"Lowest distance of the samplers that pass the novelty test: {listed} of {len(first)}.")
    return lines


def _compare(study: Study, sampler: str, other: str) -> str | None:
    """Return how a sampler does against another over all autoencoders."""
    verdicts = {name: study.verdict(name, sampler, other) for name in study.autoencoders}
    known = {name: verdict for name, verdict in verdicts.items() if verdict is not None}
    gains = {name: verdict.gain for name, verdict in known.items() if verdict.word != "not compared"}
    if not known:
        return None
    if not study.is_tested:
        return None
    if not gains:
        return f"{sampler} against {other}: not compared, since not both pass the novelty test."
    words = [verdict.word for verdict in known.values()]
    best, worst = (choose(gains, key=lambda name: gains[name].mean) for choose in (max, min))
    ratios = _range([verdict.ratio for verdict in known.values()])
    others = _range([verdict.other_ratio for verdict in known.values()])
    text = (
        f"{sampler} against {other}: lower distance on {sum(gain.mean > 0 for gain in gains.values())} of {len(known)} "
        f"autoencoders, clearly on {words.count('better')}, clearly higher on "
        f"{words.count('worse')}; nn ratios {ratios} against {others}. Its distance is "
        f"{gain_words(gains[best], 'lower', 'higher')} ({best}) at best, "
        f"{gain_words(gains[worst], 'lower', 'higher')} ({worst}) at worst"
    )
    refused = len(known) - len(gains)
    return text + (f"; {refused} not compared, since not both pass the novelty test." if refused else ".")


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
        "A sampler that fails the novelty test is never called better, or as good: not compared."
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
        for parameter, name in _left_to(study, sampler).items()
    }

    def cell(autoencoder: str, row: str) -> str:
        return ", ".join(f"{value:.3g}" for value in study.chosen(autoencoder, *rows[row])) or "-"

    said = ["One value for each training of the autoencoder."]
    return Table("What the samplers chose", _cells(study, rows, cell), (), said)


def _left_to(study: Study, sampler: str) -> dict[str, str]:
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


def _training(study: Study, autoencoder: str) -> str:
    parts = [", ".join(f"{key} {value}" for key, value in study.config.training_of(autoencoder).items())]
    for name, words in {
        "mean_squared_error": "mean squared error of a training pixel {:.4f}",
        "held_out_mean_squared_error": "of a held-out pixel {:.4f}",
        "seconds_per_epoch": "{:.1f} s an epoch",
    }.items():
        found = study.estimate(autoencoder, RECONSTRUCTIONS, name)
        if found is not None:
            parts.append(words.format(found.mean))
    return "; ".join(parts) + "."


def _strips(study: Study, autoencoder: str, folder: Path) -> list[report.Strip]:
    """Return the images that the study shows; below samples, the nearest training latents, decoded, and their images.

    An earlier version kept no decoded ones. An earlier run may have kept training images that are not to be shown now.
    """
    strips = []
    for sampler in study.config.shown:
        path = folder / "images" / f"{slug(autoencoder)}-{slug(sampler)}.npy"
        if not path.exists():
            continue
        kept = list(storage.read_array(path) / np.float32(255.0))
        is_rebuilt = sampler == RECONSTRUCTIONS
        names = OF_RECONSTRUCTIONS if is_rebuilt else OF_SAMPLES if len(kept) == 3 else OF_SAMPLES[::2]
        rows = dict(zip(names[-len(kept) :] if is_rebuilt else names, kept, strict=False))
        if not study.config.show_training_images:
            rows = {name: rows[name] for name in (names[-1:] if is_rebuilt else names[:1])}
        caption = "Reconstructions" if is_rebuilt else f"{sampler}{_in_brackets(study, autoencoder, sampler)}"
        strips.append(report.Strip(f"{caption}.", rows))
    return strips


def _explorer(study: Study, autoencoder: str, folder: Path) -> Explorer | None:
    """Return what a reader can explore, if the study says so and a run has drawn it."""
    found = Explorer.read(explorer_file(folder, autoencoder)) if study.config.explored else None
    if found is None or study.config.show_training_images:
        return found
    return found.without_training_images()  # an earlier run may have kept them


def _in_brackets(study: Study, autoencoder: str, sampler: str) -> str:
    """Return the novelty of a sampler and what it chose itself, for a caption."""
    ratio = study.estimate(autoencoder, sampler, "nn_ratio")
    parts = [] if ratio is None else [f"nn ratio {ratio.mean:.2f}"]
    for parameter, name in _left_to(study, sampler).items():
        values = study.chosen(autoencoder, sampler, parameter)
        if values:
            parts.append(f"{name} {values[0]:.3g}")
    return f" ({', '.join(parts)})" if parts else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"


def _digits(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 10 else f"{float(f'{seconds:.2g}'):g}"
