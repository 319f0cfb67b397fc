"""Write the results of docs/choosing-bins.md and its plot from what benchmarks/choosing_bins.py measured.

python docs/choosing_bins.py
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from pages import BLUE, DOCS, GREEN, RED, fill, measured_on, table

RESULT = DOCS.parent / "benchmarks/results/choosing_bins.json"


def main() -> None:
    """Write the page and the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=DOCS / "choosing-bins.md", help="with the marks")
    page = parser.parse_args().page
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    (page.parent / "images").mkdir(exist_ok=True)
    (page.parent / "images/choosing-bins.png").write_bytes(choosing_plot(result["models"]))
    fill(page, "results", choosing(result))


def choosing(result: dict[str, Any]) -> str:
    """Return the tables and the plot on the number of bins."""
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
        "`reported` is `nn_ratio_`, from training latents, each against all others; the fresh probes are test images, which neither",
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
