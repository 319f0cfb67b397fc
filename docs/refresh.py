"""Write the tables and pictures of the documentation from result files; run by ``make results``.

    python docs/refresh.py build

takes ``build/<data set>/scores.json`` and the models beside it where they are, keeps the scores in docs/results/, and
fills the marked parts of README.md, docs/results.md and docs/choosing-bins.md.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import vicinal
from vicinal import datasets, demo, report
from vicinal.scores import Scores

DOCS = Path(__file__).parent
CHOOSING = DOCS.parent / "benchmarks/results/choosing_bins.json"
GREEN, BLUE, RED = "#0b6e4f", "#3d5a80", "#b23a48"


def main() -> None:
    """Refresh everything for which there are results."""
    build = Path(sys.argv[1])
    parts = []
    for dataset in demo.SETTINGS:
        folder, kept = build / dataset, DOCS / f"results/{dataset}.json"
        if (folder / "scores.json").exists():
            kept.write_text((folder / "scores.json").read_text(encoding="utf-8"), encoding="utf-8")
            pictures(dataset, folder)
        if kept.exists():
            parts.append(section(dataset, json.loads(kept.read_text(encoding="utf-8"))))
    fill(DOCS / "results.md", "results", "\n".join(parts))
    fill(DOCS.parent / "README.md", "results", summary())
    if CHOOSING.exists():
        fill(DOCS / "choosing-bins.md", "results", choosing(json.loads(CHOOSING.read_text(encoding="utf-8"))))


def fill(path: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->``."""
    whole = path.read_text(encoding="utf-8")
    head, _, rest = whole.partition(f"<!-- {name} -->")
    _, _, tail = rest.partition(f"<!-- /{name} -->")
    path.write_text(f"{head}<!-- {name} -->\n{text.strip()}\n<!-- /{name} -->{tail}", encoding="utf-8")


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table, all columns but the first aligned to the right."""
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (headings, rule, *rows))


def measured_on(facts: dict[str, str]) -> str:
    """Return one sentence on the machine."""
    return f"Measured on {facts['cores']} cores of an {facts['processor']}, torch {facts['torch']}, without a GPU."


def section(dataset: str, result: dict[str, Any]) -> str:
    """Return the tables of one data set."""
    facts = result["facts"]
    lines = [f"## {dataset}", "", f"{facts['data']}. Features: {facts['features']}. {measured_on(facts)}", ""]
    for model, scores in result["models"].items():
        lines += [f"### {demo.MODELS[model]}", "", table_of(scores).to_markdown()]
        lines += [f"![quality against novelty](images/{dataset}-{model}-frontier.png)", ""]
    return "\n".join(lines)


def table_of(scores: dict[str, Any]) -> Scores:
    """Return the table that was saved."""
    return Scores(scores["rows"], scores["notes"], scores.get("headings", {}), scores.get("baseline"))


def summary() -> str:
    """Return the README's table and what follows from it."""
    name = "mnist" if (DOCS / "results/mnist.json").exists() else "digits"
    result = json.loads((DOCS / f"results/{name}.json").read_text(encoding="utf-8"))
    rows = result["models"]["ae"]["rows"]
    return "\n".join(
        [
            f"Plain autoencoder, {result['facts']['data']}. {measured_on(result['facts'])}",
            "All tables and plots are in [docs/results.md](docs/results.md).",
            "",
            Scores(rows).to_markdown(),
            "The Frechet distance is taken in the features of a small classifier: it is not FID. An nn ratio of 1 means as new",
            "as fresh data, 0 a copy. Compare samplers at equal novelty: small cells score best because they nearly copy.",
            "`LocalSampler` is as good as copies are, and as new as fresh data, after a fit of about a second; the mixture of 50",
            "Gaussians comes near it. Plain cells do better than the mixture of 10 Gaussians, which never comes to novelty 1.",
            "",
            "![samples](docs/images/digits-samples.png)",
            "",
            "scikit-learn's 8 x 8 digits: held-out ones; samples of `LocalSampler` from a variational autoencoder; "
            "below",
            "each the training digit whose latent is nearest.",
        ]
    )


def pictures(dataset: str, folder: Path) -> None:
    """Draw the frontiers and a strip of samples of one run."""
    result = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    (DOCS / "images").mkdir(exist_ok=True)
    for model, scores in result["models"].items():
        (DOCS / f"images/{dataset}-{model}-frontier.png").write_bytes(report.frontier_plot(Scores(scores["rows"])))
    if dataset == "digits":  # the one that needs no files
        write_samples(dataset, folder)


def write_samples(dataset: str, folder: Path) -> None:
    """Draw held-out images, samples, and the training images nearest to the samples."""
    from vicinal.kernels.neighbors import nearest_rows

    train, held_out = datasets.load(dataset).images, datasets.load(dataset, split="test").images
    autoencoder = vicinal.load(folder / "vae-autoencoder.safetensors")
    latents = vicinal.load(folder / "vae-local.safetensors").sample(20, random_state=0)
    _, nearest = nearest_rows(latents, vicinal.encode(autoencoder, train))
    rows = [held_out[:20], vicinal.decode(autoencoder, latents), train[nearest]]
    strips = [np.kron(report.side_by_side(images), np.ones((4, 4, 1), np.uint8)) for images in rows]
    (DOCS / f"images/{dataset}-samples.png").write_bytes(report.png(np.concatenate(strips)))


def choosing(result: dict[str, Any]) -> str:
    """Return the tables and the plot on the number of bins."""
    (DOCS / "images/choosing-bins.png").write_bytes(choosing_plot(result["models"]))
    lines = ["![quality and novelty over the number of bins](images/choosing-bins.png)", "", "## Calibrated", ""]
    rows, sweep_rows, kde_rows = [], [], []
    for name, model in result["models"].items():
        for row in model["calibrated"]:
            fresh = ", ".join(f"{ratio:.3f}" for ratio in row["fresh"])
            cost = f"{row['seconds'] - row['seconds_fixed']:.1f}"
            quality = [
                f"{row['frechet_distance']:.2f}",
                f"{row['wasserstein_distance']:.2f}",
                f"{row['authenticity']:.1f}",
            ]
            bins, reported = str(row["n_bins"]), f"{row['reported']:.3f}"
            rows.append([name, f"{row['novelty']:g}", bins, reported, fresh, *quality, cost])
        for row in model["sweep"]:
            cells = [f"{row[key]:.2f}" for key in ("nn_ratio", "frechet_distance", "wasserstein_distance")]
            sweep_rows.append([name, str(row["n_bins"]), *cells, f"{row['authenticity']:.1f}"])
        best = max(model["kde"], key=lambda row: row["log_likelihood"])
        kde_rows.append([name, f"{best['bandwidth']:.2f}", f"{best['log_likelihood']:.2f}", f"{best['nn_ratio']:.2f}"])
    quality = ["Frechet distance", "W2", "AuthPct %"]
    lines += [
        table(["", "target", "bins", "reported", "on 10,000 fresh probes, 3 seeds", *quality, "extra s"], rows),
        "",
        "`reported` is `nn_ratio_`, from latents held out of the training set; the fresh probes are test images, which neither",
        'the autoencoder nor the sampler has seen. `extra s` is what `n_bins="auto"` adds to the fit.',
        "",
        "## Fixed numbers of bins",
        "",
        table(["", "bins", "nn ratio", *quality], sweep_rows),
        "",
        "## Novelty and likelihood agree",
        "",
        "The bandwidth of a Gaussian kernel density estimate with the highest likelihood of held-out latents, and how new its "
        "samples are:",
        "",
        table(["", "bandwidth", "log likelihood, nats", "nn ratio"], kde_rows),
        "",
        "## Cells with a single latent",
        "",
        f"Share of occupied cells with one latent, {result['single']['n']:,} latents in 20 Gaussian clusters:",
        "",
        table(
            ["d", *(f"{n} bins" for n in result["single"]["n_bins"])],
            [[str(row["d"]), *(f"{share:.2f}" for share in row["share"])] for row in result["single"]["rows"]],
        ),
        "",
        measured_on(result["facts"]),
    ]
    return "\n".join(lines)


def choosing_plot(models: dict[str, Any]) -> bytes:
    """Return a PNG: Frechet distance, AuthPct and nn ratio over bins, for each autoencoder."""
    figure = Figure(figsize=(11, 3.4), dpi=110, layout="constrained")
    panels = {"nn_ratio": "nn ratio", "frechet_distance": "Frechet distance", "authenticity": "AuthPct, %"}
    for axes, (metric, label) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        for (name, model), color in zip(models.items(), (GREEN, BLUE, RED), strict=True):
            bins = [row["n_bins"] for row in model["sweep"]]
            axes.plot(bins, [row[metric] for row in model["sweep"]], "o-", ms=3, lw=1, color=color, label=name)
            chosen = next(row for row in model["calibrated"] if row["novelty"] == 1.0)
            value = float(np.mean(chosen["fresh"])) if metric == "nn_ratio" else chosen[metric]
            axes.plot(chosen["n_bins"], value, "*", ms=13, color=color)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        if metric != "authenticity":
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("{x:g}")
            axes.tick_params(axis="y", which="minor", labelsize=7)
        axes.set_xlabel("bins in each dimension (star: calibrated)")
        axes.set_ylabel(label)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].axhline(1.0, color="#cccccc", lw=1)
    figure.axes[0].legend(frameon=False, fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
