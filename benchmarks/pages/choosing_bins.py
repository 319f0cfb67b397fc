"""Write the results of docs/choosing-bins.md and its plot from the study choosing-bins.

python benchmarks/pages/choosing_bins.py                      # from benchmarks/results/study
python benchmarks/pages/choosing_bins.py --runs build/study   # after taking over what `vicinal benchmark` wrote there
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pages import DOCS, fill, measured_on, table
from plots import over_bins
from studies import estimates, read, take_over

from vicinal.benchmark import Study
from vicinal.benchmark.summary import REFERENCES

NAME = "choosing-bins"
METRICS = {
    "nn_ratio": "nn ratio",
    "frechet_distance": "Frechet distance",
    "wasserstein_distance": "W2",
    "copied": "copied",
    "membership_auc": "membership AUC",
}


def main() -> None:
    """Write the page and the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=DOCS / "choosing-bins.md", help="with the marks")
    parser.add_argument("--runs", type=Path, help="folder of the folders that vicinal benchmark wrote")
    arguments = parser.parse_args()
    take_over([NAME], arguments.runs)
    for study in read([NAME]):
        images = arguments.page.parent / "images"
        images.mkdir(exist_ok=True)
        (images / "choosing-bins.png").write_bytes(plot(study))
        fill(arguments.page, "results", "\n".join(lines(study)))


def of_class(study: Study, kind: str, parameter: str) -> dict[str, float]:
    """Return the samplers of a class by name, with the value of a parameter that each sets."""
    samplers = study.config.samplers.items()
    return {name: each[parameter] for name, each in samplers if each["sampler"] == kind and parameter in each}


def lines(study: Study) -> list[str]:
    """Return all lines between the marks."""
    calibrated, fixed, likely = [], [], []
    for autoencoder in study.autoencoders:
        for name, novelty in of_class(study, "PMFSampler", "novelty").items():
            chosen = [f"{study.chosen(autoencoder, name, each)[0]:.3g}" for each in ("n_bins", "nn_ratio")]
            measured = estimates(study, autoencoder, name, METRICS)
            calibrated.append(
                [autoencoder, f"{novelty:g}", *chosen, *measured, f"{study.seconds(name, 'fit_seconds'):.2f}"]
            )
        for name, n_bins in of_class(study, "PMFSampler", "n_bins").items():
            fixed.append([autoencoder, str(n_bins), *estimates(study, autoencoder, name, METRICS)])
        fixed += [[autoencoder, name, *estimates(study, autoencoder, name, METRICS)] for name in REFERENCES]
        kernels = of_class(study, "KDESampler", "bandwidth")
        likelihoods = {name: study.estimate(autoencoder, name, "log_likelihood") for name in kernels}
        best = max(kernels, key=lambda name: value.mean if (value := likelihoods[name]) else float("-inf"))
        found = estimates(study, autoencoder, best, ["log_likelihood", "nn_ratio"])
        likely.append([autoencoder, f"{kernels[best]:g}", found[0].partition(" ")[0], found[1]])
    return [
        "![quality and novelty over the number of bins](images/choosing-bins.png)",
        "",
        "## Calibrated",
        "",
        table(["", "target", "bins", "reported", *METRICS.values(), "fit, s"], calibrated),
        "",
        "`reported` is `nn_ratio_`, which compares training latents with each other. The nn ratio beside it compares samples with",
        "test images, which neither the autoencoder nor the sampler has seen. ± is one standard error over samplings.",
        "",
        "## Fixed numbers of bins",
        "",
        table(["", "bins", *METRICS.values()], fixed),
        "",
        "The membership attack sees as many samples as there are test images, a sixth of the training latents. So even copies give",
        "away no more than the row of bootstrap copies says: compare with that row, not with 1.",
        "",
        "## Novelty and likelihood agree",
        "",
        "The bandwidth of a Gaussian kernel density estimate with the highest likelihood of held-out latents, and how new its",
        "samples are:",
        "",
        table(["", "bandwidth", "log likelihood, nats", "nn ratio"], likely),
        "",
        f"{study.distance} {measured_on(study.machine)}",
    ]


def plot(study: Study) -> bytes:
    """Return a PNG of the metrics over the number of bins."""
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for metric, label in METRICS.items():
        for autoencoder in study.autoencoders:
            for name, n_bins in of_class(study, "PMFSampler", "n_bins").items():
                found = study.estimate(autoencoder, name, metric)
                if found is not None:
                    curves.setdefault(label, {}).setdefault(autoencoder, []).append((n_bins, found.mean))
    calibrated = next(name for name, novelty in of_class(study, "PMFSampler", "novelty").items() if novelty == 1.0)
    return over_bins(curves, {name: study.chosen(name, calibrated, "n_bins")[0] for name in study.autoencoders})


if __name__ == "__main__":
    main()
