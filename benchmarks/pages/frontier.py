"""Write the results of docs/choosing-a-sampler.md and its plot from the studies frontier-mnist, -celeba and -ocular.

python benchmarks/pages/frontier.py                      # from benchmarks/results/study
python benchmarks/pages/frontier.py --runs build/study   # after taking over what `vicinal benchmark` wrote there
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from pages import DOCS, fill, table
from plots import png_of, scatter
from studies import estimates, read, take_over

from vicinal.benchmark import Study
from vicinal.benchmark.bench import TUNING_DISTANCE
from vicinal.evaluation.texts import gain_text

NAMES = ("frontier-mnist", "frontier-celeba", "frontier-ocular")
LOCAL, QUALITY, TO_RECONSTRUCTIONS = "Local, auto", "frechet_distance", "frechet_to_reconstructions"
CHOICE = (
    "Of each class the setting with the least distance to reconstructions, of the images for tuning where there are some, among "
    "those that pass the novelty test; where the test was not run, the setting whose nn ratio is nearest to 1."
)
COLUMNS = {
    TO_RECONSTRUCTIONS: "to reconstructions",
    QUALITY: "to held-out images",
    "precision": "precision",
    "recall": "recall",
    "nn_ratio": "nn ratio",
    "authenticity": "AuthPct",
    "data_copying": "C_T",
    "wasserstein_distance": "W2",
    "variance_ratio": "variance ratio",
}


def main() -> None:
    """Write the page and the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=DOCS / "choosing-a-sampler.md", help="with the marks")
    parser.add_argument("--runs", type=Path, help="folder of the folders that vicinal benchmark wrote")
    arguments = parser.parse_args()
    take_over(NAMES, arguments.runs)
    studies = read(NAMES)
    images = arguments.page.parent / "images"
    images.mkdir(exist_ok=True)
    (images / "frontier.png").write_bytes(plot(studies))
    fill(arguments.page, "results", "\n".join(lines(studies)))


def lines(studies: list[Study]) -> list[str]:
    """Return all lines between the marks."""
    found = [
        "![quality against novelty of every sampler](images/frontier.png)",
        "",
        "Frechet distances to held-out images, and to the decoded latents of held-out images. The second leaves out what "
        "the autoencoder loses, which is most of the first where images are blurred. Noise can make up for blur, so the two "
        "may disagree. Dotted: copies of training latents.",
        "",
        "## Against the best setting of each other sampler",
        "",
        *against_others(studies),
    ]
    for study in studies:
        found += ["", f"## {study.config.title}", "", *every_setting(study)]
    return found


def against_others(studies: list[Study]) -> list[str]:
    """Return how `LocalSampler()` compares with the best setting of each other class."""
    rows = []
    for study in studies:
        for autoencoder in study.autoencoders:
            for name in best_of_each(study, autoencoder):
                if name == LOCAL or study.config.samplers[name]["sampler"] == "LocalSampler":
                    continue
                gains = [study.difference(autoencoder, LOCAL, name, metric) for metric in (TO_RECONSTRUCTIONS, QUALITY)]
                rows.append(
                    [
                        study.config.title.partition(", ")[2],
                        name,
                        *estimates(study, autoencoder, name, ["nn_ratio", TO_RECONSTRUCTIONS]),
                        *("-" if gain is None else gain_text(gain) for gain in gains),
                        *(seconds(study, each) for each in (name, LOCAL)),
                    ]
                )
    headings = [
        "",
        "setting",
        "nn ratio",
        "to reconstructions",
        "`LocalSampler()` lower by",
        "to held-out images lower by",
    ]
    return [
        table([*headings, "fit, s", "`LocalSampler()`, s"], rows),
        "",
        f"{CHOICE} Positive differences: `LocalSampler()` is closer. In brackets: the 95 % confidence interval of the difference; "
        "two seeds make it wide.",
    ]


def best_of_each(study: Study, autoencoder: str) -> list[str]:
    """Return one setting of each class of samplers: see `CHOICE`."""
    best: dict[str, tuple[float, str]] = {}
    for name, settings in study.config.samplers.items():
        ratio = study.estimate(autoencoder, name, "nn_ratio")
        distance = study.estimate(autoencoder, name, TO_RECONSTRUCTIONS)
        if ratio is None or distance is None or study.is_new(autoencoder, name) is False:
            continue
        tuned = study.estimate(autoencoder, name, TUNING_DISTANCE)
        distance = distance if tuned is None else tuned
        rank = distance.mean if study.is_tested else abs(np.log(ratio.mean))
        kind = settings["sampler"]
        best[kind] = min(best.get(kind, (rank, name)), (rank, name))
    return [name for _, name in best.values()]


def every_setting(study: Study) -> list[str]:
    """Return protocol and table of one study."""
    facts, training = study.facts, study.config.training
    found = [
        f"{facts['n_train']:,} training and {facts['n_held_out']:,} held-out images of "
        f"{' x '.join(map(str, facts['image_shape']))}. Autoencoder: {training['latent_dim']} latent dimensions, "
        f"{training['n_epochs']} epochs. {study.config.n_samples:,} samples, {len(study.config.sampling_seeds)} seeds. "
        f"{study.distance} Measured on {study.machine['cores']} cores of an {study.machine['processor']}.",
        "",
    ]
    for autoencoder in study.autoencoders:
        best = best_of_each(study, autoencoder)
        rows = [
            [
                f"**{name}**" if name in best else name,
                *estimates(study, autoencoder, name, COLUMNS),
                seconds(study, name),
            ]
            for name in study.samplers
        ]
        found += [table([autoencoder, *COLUMNS.values(), "fit, s"], rows), ""]
    return [*found, f"Bold: {CHOICE[0].lower()}{CHOICE[1:]}"]


def seconds(study: Study, sampler: str) -> str:
    """Return the seconds of a fit, to two digits."""
    value = study.seconds(sampler, "fit_seconds")
    return "-" if value is None else f"{value:,.0f}" if value >= 10 else f"{float(f'{value:.2g}'):g}"


def plot(studies: list[Study]) -> bytes:
    """Return a PNG: a column for each autoencoder, a row for each distance."""
    columns = [(study, name) for study in studies for name in study.autoencoders]
    labels = {TO_RECONSTRUCTIONS: "distance to reconstructions", QUALITY: "distance to held-out images"}

    def draw(panels: Any) -> None:
        for (metric, label), row in zip(labels.items(), panels, strict=True):
            for (study, name), axes in zip(columns, row, strict=True):
                scatter(axes, study, name, metric)
                axes.set_title(f"{study.config.title.partition(', ')[2]}, {name}")
            row[0].set_ylabel(label)

    return png_of(len(labels), len(columns), draw)


if __name__ == "__main__":
    main()
