"""A study as files: HTML, Markdown and JSON, from its results alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from vicinal import report, storage
from vicinal.benchmark.results import explorer_file
from vicinal.benchmark.sentences import conclusions, introduction, summary
from vicinal.benchmark.summary import Study
from vicinal.benchmark.tables import left_to, tables
from vicinal.evaluation import RECONSTRUCTIONS
from vicinal.evaluation.texts import markdown_table
from vicinal.report import Explorer, slug

OF_RECONSTRUCTIONS = ("held-out images", "their reconstructions")
OF_SAMPLES = ("samples", "the decoded nearest training latent", "its training image")


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
    for parameter, name in left_to(study, sampler).items():
        values = study.chosen(autoencoder, sampler, parameter)
        if values:
            parts.append(f"{name} {values[0]:.3g}")
    return f" ({', '.join(parts)})" if parts else ""
