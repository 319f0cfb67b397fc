"""A study as tables, sentences and images: Markdown, HTML and JSON, from its results alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vicinal import report, storage
from vicinal.benchmark.config import slug
from vicinal.benchmark.summary import LEAST_RATIO, QUALITY, REFERENCES, Estimate, Study, Verdict
from vicinal.evaluation import METRICS, REAL, RECONSTRUCTIONS
from vicinal.evaluation.scores import TO_RECONSTRUCTIONS, markdown_table, text_of
from vicinal.report import Table

OURS = ({"sampler": "PMFSampler"}, {"sampler": "LocalSampler"})  # with all parameters at their defaults
COPIES = "†"
CHOSEN = {"n_bins": "bins", "n_neighbors": "neighbours", "n_components": "components", "bandwidth": "bandwidth"}


def write(study: Study, folder: Path) -> None:
    """Write ``report.html``, ``report.md`` and ``scores.json`` of a study into its folder."""
    storage.write_atomic(folder / "scores.json", (json.dumps(scores(study), indent=1) + "\n").encode("utf-8"))
    storage.write_atomic(folder / "report.md", markdown(study).encode("utf-8"))
    sections = [
        report.Section(name, _training(study, name), study.scores(name), _grids(study, name, folder))
        for name in study.autoencoders
    ]
    report.write(
        folder / "report.html",
        study.config.title,
        " ".join(filter(None, [study.config.lead, introduction(study)])),
        sections,
        study.machine,
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
    n_samples = config.n_samples or facts["n_held_out"]
    sizes = {"latent_dim": "latent dimensions", "width": "channels in the first stage", "n_epochs": "epochs"}
    training = ", ".join(f"{config.training[key]} {text}" for key, text in sizes.items() if key in config.training)
    trainings, samplings = _count(_n_trainings(study), "training"), _count(len(config.sampling_seeds), "sampling")
    seeds = f"{trainings} of each autoencoder, {samplings} of each"
    searched = ""
    if config.max_searched is not None:
        searched = f" At most {config.max_searched:,} rows of a set have their neighbours searched."
    return (
        f"{facts['n_train']:,} training and {facts['n_held_out']:,} held-out images of "
        f"{' x '.join(map(str, facts['image_shape']))}; autoencoders: {training}; "
        f"{seeds} sampler, {n_samples:,} samples. "
        f"{study.distance}{searched} Measured on {study.machine['cores']} cores of an {study.machine['processor']}."
    )


def tables(study: Study) -> list[Table]:
    """Return the tables over all autoencoders."""
    marked = (
        f"{COPIES} nn ratio below {LEAST_RATIO}: closer to the training latents than fresh data are; "
        "a lower distance is then no merit."
    )
    several = "Mean ± standard error over samplings, and over trainings where there are several."
    found = [
        _matrix(study, QUALITY, f"{study.facts['distance']} to held-out images", [study.distance, several, marked]),
        _ranks(study),
        _against_baseline(study),
        _matrix(study, "nn_ratio", "Novelty: nn ratio", ["1 is as new as fresh data, 0 a copy of a training latent."]),
        _matrix(study, "wasserstein_distance", "W2 between samples and held-out latents", [several, marked]),
        _matrix(
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
    ]
    failed = [
        [sampler, name, str(study.failure(name, sampler))]
        for sampler in study.config.samplers
        for name in study.autoencoders
        if study.failure(name, sampler)
    ]
    if failed:
        found.append(Table("Not fitted", [["sampler", "autoencoder", "why"], *failed]))
    return [table for table in found if len(table.cells) > 1]


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
        lines.append(f"Lowest distance of the samplers that are as new as fresh data: {listed} of {len(first)}.")
    return lines


def _compare(study: Study, sampler: str, other: str) -> str | None:
    """Return how a sampler does against another over all autoencoders."""
    verdicts = {name: study.verdict(name, sampler, other) for name in study.autoencoders}
    known = {name: verdict for name, verdict in verdicts.items() if verdict is not None}
    if not known:
        return None
    words = [verdict.word for verdict in known.values()]
    lower = [name for name, verdict in known.items() if verdict.gain.mean > 0 and verdict.word != "not compared"]
    compared = [name for name, verdict in known.items() if verdict.word != "not compared"]
    if not compared:
        return f"{sampler} against {other}: not compared, since one of the two is closer to copies."
    best = max(compared, key=lambda name: known[name].gain.mean)
    worst = min(compared, key=lambda name: known[name].gain.mean)
    ratios = _range([verdict.ratio for verdict in known.values()])
    others = _range([verdict.other_ratio for verdict in known.values()])
    text = (
        f"{sampler} against {other}: lower distance on {len(lower)} of {len(known)} autoencoders, by more than two "
        f"standard errors on {words.count('better')}, higher by as much on {words.count('worse')}; nn ratios {ratios} "
        f"against {others}. Its distance is lower by {_signed(known[best].gain)} ({best}) at best, "
        f"{_signed(known[worst].gain)} ({worst}) at worst"
    )
    refused = words.count("not compared")
    return text + (f"; {refused} not compared, since one of the two is closer to copies." if refused else ".")


def _matrix(study: Study, metric: str, title: str, notes: Sequence[str]) -> Table:
    """Return samplers by autoencoders."""
    cells = [["", *study.autoencoders]]
    for sampler in study.samplers:
        row = [_cell(study, name, sampler, metric) for name in study.autoencoders]
        if any(cell != "-" for cell in row):
            cells.append([sampler, *row])
    return Table(title, cells, REFERENCES, notes)


def _cell(study: Study, autoencoder: str, sampler: str, metric: str) -> str:
    found = study.estimate(autoencoder, sampler, metric)
    if found is None:
        return "-"
    text = text_of({metric: found.mean, f"{metric}_se": found.error}, metric)
    has_mark = (
        metric != "nn_ratio" and sampler not in (REAL, RECONSTRUCTIONS) and not study.is_new(autoencoder, sampler)
    )
    return f"{text} {COPIES}" if has_mark else text


def _ranks(study: Study) -> Table:
    """Return the place of each sampler among those that are as new as fresh data."""
    rankings = {name: study.ranking(name) for name in study.autoencoders}
    rows = []
    for sampler in study.config.samplers:
        places = [ranks.index(sampler) + 1 if sampler in ranks else None for ranks in rankings.values()]
        known = [place for place in places if place is not None]
        if known:
            mean = float(np.mean(known))
            rows.append((-len(known), mean, [sampler, *(str(p or "-") for p in places), f"{mean:.1f}"]))
    note = (
        f"By the distance to held-out images, among the samplers whose nn ratio is at least {LEAST_RATIO} on that "
        "autoencoder; the others (-) are closer to copies, or were not measured. Places next to each other need not "
        "differ clearly."
    )
    ordered = [cells for _, _, cells in sorted(rows, key=lambda row: row[:2])]
    return Table("Ranks at the novelty of fresh data", [["", *study.autoencoders, "mean"], *ordered], (), [note])


def _against_baseline(study: Study) -> Table:
    baseline = study.config.baseline
    if baseline is None:
        return Table("", [[]])
    cells = [["", *study.autoencoders]]
    for sampler in study.config.samplers:
        verdicts = [study.verdict(name, sampler, baseline) for name in study.autoencoders]
        if sampler != baseline and any(verdicts):
            cells.append([sampler, *(_verdict(verdict) for verdict in verdicts)])
    notes = [
        f"How much lower the distance to held-out images is than that of {baseline}, ± standard error of the "
        "difference seed by seed, with both nn ratios; better or worse: by more than two standard errors.",
        f"Samples that are less new than the others', and than {LEAST_RATIO}, are never called better, or as good: "
        "not compared.",
        study.distance,
    ]
    return Table(f"Against {baseline}", cells, (), notes)


def _verdict(verdict: Verdict | None) -> str:
    if verdict is None:
        return "-"
    ratios = f"{verdict.ratio:.2f} / {verdict.other_ratio:.2f}"
    gain = "" if verdict.word == "not compared" else f" {_signed(verdict.gain)}"
    return f"{verdict.word}{gain} ({ratios})"


def _means(study: Study) -> Table:
    """Return the other metrics, averaged over autoencoders."""
    shown = (QUALITY, "wasserstein_distance")
    metrics = [name for name in study.config.metrics if name not in shown]
    cells = [["", *(METRICS[name].heading for name in metrics)]]
    for sampler in study.samplers:
        row = []
        for metric in metrics:
            found = [study.estimate(name, sampler, metric) for name in study.autoencoders]
            values = [estimate.mean for estimate in found if estimate is not None]
            row.append(text_of({metric: float(np.mean(values))}, metric) if values else "-")
        cells.append([sampler, *row])
    return Table("Other metrics, means over the autoencoders", cells, REFERENCES)


def _chosen(study: Study) -> Table:
    """Return what samplers chose themselves: bins, neighbours, components, bandwidths."""
    cells = [["", *study.autoencoders]]
    for sampler, settings in study.config.samplers.items():
        for parameter, name in CHOSEN.items():
            row = [study.chosen(autoencoder, sampler, parameter) for autoencoder in study.autoencoders]
            if any(row) and _is_chosen(settings, parameter):
                cells.append([f"{sampler}: {name}", *(", ".join(f"{v:.3g}" for v in values) or "-" for values in row)])
    return Table("What the samplers chose", cells, (), ["One value for each training of the autoencoder."])


def _is_chosen(settings: Mapping[str, Any], parameter: str) -> bool:
    """Tell whether a parameter was left to the sampler: to its default, or to a rule such as "auto"."""
    return isinstance(settings.get(parameter, ""), str) and not {"covariance_type", "kind"} & settings.keys()


def _times(study: Study) -> Table:
    fits = {name: study.seconds(name, "fit_seconds") for name in study.config.samplers}
    known = {name: value for name, value in fits.items() if value is not None}
    base = known.get(study.config.baseline or "")
    cells = [["", "fit, s", "sample, s", *([f"fit, share of {study.config.baseline}"] if base else [])]]
    for name, seconds in known.items():
        sample = study.seconds(name, "sample_seconds") or 0.0
        cells.append([name, _digits(seconds), _digits(sample), *([_digits(seconds / base)] if base else [])])
    notes = ["Medians over autoencoders and seeds. The seconds depend on the machine, and on what else it did."]
    return Table("Times", cells, (), notes)


def _training(study: Study, autoencoder: str) -> str:
    settings = study.config.training_of(autoencoder)
    of_train, of_held_out, seconds = (
        study.estimate(autoencoder, RECONSTRUCTIONS, name)
        for name in ("mean_squared_error", "held_out_mean_squared_error", "seconds_per_epoch")
    )
    listed = ", ".join(f"{key} {value}" for key, value in settings.items())
    parts = [listed]
    if of_train is not None:
        parts.append(f"mean squared error of a training pixel {of_train.mean:.4f}")
    if of_held_out is not None:
        parts.append(f"of a held-out pixel {of_held_out.mean:.4f}")
    if seconds is not None:
        parts.append(f"{seconds.mean:.1f} s an epoch")
    return "; ".join(parts) + "."


def _grids(study: Study, autoencoder: str, folder: Path) -> list[report.Grid]:
    """Return the images that the study shows; below samples, the training images with the nearest latents."""
    grids = []
    for sampler in study.config.shown:
        path = folder / "images" / f"{slug(autoencoder)}-{slug(sampler)}.npy"
        if not path.exists():
            continue
        rows = storage.read_array(path) / np.float32(255.0)
        if not study.config.show_training_images:
            rows = rows[-1:] if sampler == RECONSTRUCTIONS else rows[:1]  # an earlier run may have kept both
        below = rows[1] if len(rows) > 1 else None
        if sampler == RECONSTRUCTIONS:
            caption = "Reconstructions" if below is None else "Held-out images, and below each its reconstruction"
        else:
            more = "" if below is None else ", and below each the training image with the nearest latent"
            caption = f"{sampler}{_in_brackets(study, autoencoder, sampler)}: samples{more}"
        grids.append(report.Grid(caption, rows[0], below))
    return grids


def _in_brackets(study: Study, autoencoder: str, sampler: str) -> str:
    """Return the novelty of a sampler and what it chose itself, for a caption."""
    ratio = study.estimate(autoencoder, sampler, "nn_ratio")
    parts = [] if ratio is None else [f"nn ratio {ratio.mean:.2f}"]
    for parameter, name in CHOSEN.items():
        values = study.chosen(autoencoder, sampler, parameter)
        if values and _is_chosen(study.config.samplers.get(sampler, {}), parameter):
            parts.append(f"{name} {values[0]:.3g}")
    return f" ({', '.join(parts)})" if parts else ""


def _n_trainings(study: Study) -> int:
    return len({row["training_seed"] for row in study.rows})


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"


def _signed(gain: Estimate) -> str:
    row: dict[str, Any] = {QUALITY: gain.mean, f"{QUALITY}_se": gain.error}
    return text_of(row, QUALITY, "+")


def _digits(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 10 else f"{float(f'{seconds:.2g}'):g}"
