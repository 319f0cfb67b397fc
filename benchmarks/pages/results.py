"""Write docs/results.md, a page for each study, their images and the README's table from the results of `vicinal benchmark`.

python benchmarks/pages/results.py                       # from the results in the repository
python benchmarks/pages/results.py --runs build/study    # after taking over results and images from build/study/<data set>/
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from pages import DOCS, fill, table
from plots import plot
from studies import STUDIES, mean_of, read, take_over

from vicinal import report, storage
from vicinal.benchmark import Study, page
from vicinal.benchmark.sentences import introduction
from vicinal.evaluation import Scores
from vicinal.report import slug

NAMES = ("mnist", "celeba", "ocular", "digits")
SHOWN = {"mnist": "AE", "celeba": "AE", "ocular": "AE", "digits": "VAE"}  # autoencoders of which samples are shown
README_STUDY, README_MODEL = "mnist", "AE"
README_ROWS = (
    "bootstrap copies",
    "reconstructions",
    "real versus real",
    "GMM, 10 components",
    "flow",
    "PMF, auto",
    "Local",
)
KEPT = ("frechet_distance", "precision", "recall", "wasserstein_distance", "nn_ratio", "authenticity", "fit_seconds")
PLOT = (
    "Every sampler on every autoencoder; those beyond the panels are in the tables. The line of real images is left out where it is "
    "far below everything decoded."
)
N_SHOWN, LEAST_PIXELS = 16, 56
OURS, MIXTURES = ("PMF, auto", "Local"), ("GMM, 10 components", "GMM, k by BIC")


def main() -> None:
    """Take over results, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, help="folder of the folders that vicinal benchmark wrote")
    parser.add_argument("--page", type=Path, default=DOCS / "results.md", help="with the marks")
    parser.add_argument("--readme", type=Path, default=DOCS.parent / "README.md", help="likewise")
    arguments = parser.parse_args()
    images = arguments.page.parent / "images"
    images.mkdir(exist_ok=True)
    for name in take_over(NAMES, arguments.runs):
        study = Study.read(STUDIES / name)
        (images / f"samples-{name}.png").write_bytes(samples(study, SHOWN[name], arguments.runs / name))
    studies = dict(zip(NAMES, read(NAMES), strict=True))
    for name, study in studies.items():
        (images / f"results-{name}.png").write_bytes(plot(study))
    fill(arguments.page, "results", "\n".join(["## The claim", "", *claim(studies)]))
    for name, study in studies.items():
        arguments.page.with_name(f"results-{name}.md").write_text("\n".join(lines(name, study)), encoding="utf-8")
    fill(arguments.readme, "results", "\n".join(summary(studies[README_STUDY])))


def samples(study: Study, autoencoder: str, run: Path) -> bytes:
    """Return a PNG: a strip of samples for each sampler, and where they are kept the nearest training images below."""
    strips = []
    for sampler in study.config.shown:
        kept = storage.read_array(run / "images" / f"{slug(autoencoder)}-{slug(sampler)}.npy")[:, :N_SHOWN]
        kept = kept[:: max(1, len(kept) - 1)]  # the first and the last row: without the decoded training latents
        strips.append(np.concatenate([report.side_by_side(images / np.float32(255.0)) for images in kept]))
    gap = np.full((6, strips[0].shape[1], 3), 255, np.uint8)
    image = np.concatenate([part for strip in strips for part in (strip, gap)][:-1])
    factor = max(1, LEAST_PIXELS // kept.shape[-1])
    return report.png(np.kron(image, np.ones((factor, factor, 1), np.uint8)))


def lines(name: str, study: Study) -> list[str]:
    """Return the page of one study."""
    text = page.markdown(study).replace("\n### ", "\n## ")
    head, _, rest = text.removeprefix("## ").partition("\n## ")
    return [
        f"# {head.rstrip()}",
        "",
        "[Results](results.md) says how to read this page, what no longer holds, and what follows.",
        "",
        f"![quality against novelty](images/results-{name}.png)",
        "",
        PLOT,
        "",
        *shown(name, study),
        "",
        f"## {rest}",
    ]


def shown(name: str, study: Study) -> list[str]:
    """Return the image of samples and what it shows."""
    rows = ", ".join(
        f"{sampler} (nn ratio {mean_of(study, SHOWN[name], sampler, 'nn_ratio'):.2f})" for sampler in study.config.shown
    )
    below = (
        "; below each sample the training image with the nearest latent" if study.config.show_training_images else ""
    )
    return [f"![samples](images/samples-{name}.png)", "", f"Samples of {SHOWN[name]}, from above: {rows}{below}."]


def claim(studies: dict[str, Study]) -> list[str]:
    """Return the table of our samplers against mixtures, over all autoencoders of each data set."""
    rows = []
    for study in studies.values():
        for ours in OURS:
            for mixture in MIXTURES:
                cells = counted(study, ours, mixture)
                if cells:
                    rows.append([study.config.title, ours, mixture, *cells])
    headings = [
        "",
        "",
        "against",
        "lower on",
        "clearly lower",
        "clearly higher",
        "lower by",
        "in %",
        "nn ratio",
        "of the mixture",
        "both new on",
    ]
    return [
        table(headings, rows),
        "",
        "Distance to held-out images of our sampler and of the mixture, over autoencoders: on how many ours is lower; on how many "
        "clearly lower or higher, which is when the 95 % confidence interval of the difference excludes 0; by how much (mean over "
        "autoencoders, least and most), and in per cent of the mixture's distance; mean nn ratios; on how many both pass the novelty "
        "test (-: it was not run). Where a study has no replicates, the intervals are from its seeds alone: they leave out the chance "
        "of which images were held out. Frechet distances in features of a small classifier (MNIST, digits) or of EfficientNet-Lite0 "
        "(faces, eyes): none is FID.",
    ]


def counted(study: Study, ours: str, other: str) -> list[str]:
    """Return the cells of one pair of samplers; none where they were not measured."""
    verdicts = {name: study.verdict(name, ours, other) for name in study.autoencoders}
    known = {name: verdict for name, verdict in verdicts.items() if verdict is not None}
    if not known:
        return []
    gains = np.array([verdict.gain.mean for verdict in known.values()])
    distances = np.array([mean_of(study, name, other, "frechet_distance") for name in known])
    clear = [verdict.gain.mean > 0 for verdict in known.values() if verdict.gain.is_clear]
    both_new = sum(bool(study.is_new(name, ours) and study.is_new(name, other)) for name in known)
    ratios = (np.mean([verdict[i] for verdict in known.values()]) for i in (2, 3))
    return [
        f"{np.sum(gains > 0)} of {len(gains)}",
        *(str(clear.count(is_lower)) for is_lower in (True, False)),
        f"{gains.mean():+.2f} ({gains.min():+.2f} to {gains.max():+.2f})",
        f"{100 * np.mean(gains / distances):+.0f}",
        *(f"{ratio:.2f}" for ratio in ratios),
        str(both_new) if study.is_tested else "-",
    ]


def summary(study: Study) -> list[str]:
    """Return the README's table and what follows from it."""
    kept = [name for name in (*KEPT, *(f"{name}_se" for name in KEPT)) if name != "fit_seconds_se"]
    rows = [
        {key: row[key] for key in ("name", "reference", *kept) if key in row}
        for row in study.scores(README_MODEL).rows
        if row["name"] in README_ROWS
    ]
    return [
        "![samples](docs/images/samples-mnist.png)",
        "",
        shown("mnist", study)[-1],
        "",
        Scores(rows).to_markdown().strip(),
        "",
        "An nn ratio of 1 means as far from training latents as fresh data, 0 a copy. Copies have a low distance, too: compare samplers",
        "at equal novelty. This study is older than independent draws and the novelty test, so no sampler is called new or better:",
        "[what no longer holds](docs/results.md). The distance is in features of a small classifier; it is not FID. Plain autoencoder,",
        f"{introduction(study).partition(';')[0]}. All samplers are in [the results](docs/results-mnist.md).",
    ]


if __name__ == "__main__":
    main()
