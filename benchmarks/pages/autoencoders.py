"""Write the table of docs/autoencoders.md from what benchmarks/objectives.py measured.

python benchmarks/pages/autoencoders.py
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pages import DOCS, RESULTS, fill, measured_on, table

Row = dict[str, Any]

FAMILIES = (  # by what shapes the latents: nothing, each posterior, all latents together, a smooth decoder
    ("ae", "dae"),
    ("vae", "beta-vae", "sigma-vae", "vamp"),
    ("info-vae", "wae-mmd", "aae"),
    ("rae-l2", "rae-gp", "rae-sn"),
)

GHOSH = "[Ghosh et al. 2020](https://arxiv.org/abs/1903.12436)"
OBJECTIVES = {  # the equation and the reference; x' is the reconstruction, means are over the batch
    "ae": ("‖x - x'‖²", "[Hinton & Salakhutdinov 2006](https://doi.org/10.1126/science.1127647)"),
    "dae": (
        "‖x - decode(encode(m x))‖², m masks a share of the pixels",
        "[Vincent et al. 2008](https://doi.org/10.1145/1390156.1390294)",
    ),
    "vae": ("‖x - x'‖² / 2s² + KL(q(z given x), N(0, I))", "[Kingma & Welling 2014](https://arxiv.org/abs/1312.6114)"),
    "beta-vae": ("‖x - x'‖² / 2s² + β KL", "[Higgins et al. 2017](https://openreview.net/forum?id=Sy2fzU9gl)"),
    "sigma-vae": (
        "D log s + ‖x - x'‖² / 2s² + KL, s² = mean square error of the batch",
        "[Rybkin et al. 2021](https://arxiv.org/abs/2006.13202)",
    ),
    "vamp": (
        "‖x - x'‖² / 2s² + log q(z given x) - log mean over k of q(z given u_k)",
        "[Tomczak & Welling 2018](https://arxiv.org/abs/1705.07120)",
    ),
    "info-vae": (
        "‖x - x'‖² / 2s² + (1 - a) KL + (a + λ - 1) MMD², Gaussian kernel",
        "[Zhao et al. 2019](https://arxiv.org/abs/1706.02262)",
    ),
    "wae-mmd": (
        "‖x - x'‖² + λ MMD², inverse multiquadratic kernel",
        "[Tolstikhin et al. 2018](https://arxiv.org/abs/1711.01558)",
    ),
    "aae": (
        "‖x - x'‖² - λ log sigmoid D(z); D learns to tell z from N(0, I)",
        "[Makhzani et al. 2015](https://arxiv.org/abs/1511.05644)",
    ),
    "rae-l2": ("‖x - x'‖² + β/2 ‖z‖² + λ ‖decoder weights‖²", GHOSH),
    "rae-gp": ("‖x - x'‖² + β/2 ‖z‖² + λ ‖d decode / dz‖²", GHOSH),
    "rae-sn": (
        "‖x - x'‖² + β/2 ‖z‖², spectral norm c in every layer of the decoder",
        f"{GHOSH}, [Miyato et al. 2018](https://arxiv.org/abs/1802.05957)",
    ),
}


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=DOCS / "autoencoders.md", help="an existing file with the marks")
    arguments = parser.parse_args()
    text = results(json.loads((arguments.results / "autoencoders.json").read_text(encoding="utf-8")))
    faces_path = arguments.results / "autoencoders-celeba.json"
    if faces_path.exists():
        text += " " + faces(json.loads(faces_path.read_text(encoding="utf-8")))
    fill(arguments.page, "results", text)


def results(result: Row) -> str:
    """Return the table, all objectives in it, and a sentence on how the numbers came about."""
    measured = {row["objective"]: row for row in result["rows"]}
    rows = [
        [f"`{name}`", equation, reference, *cells(measured, name)] for name, (equation, reference) in OBJECTIVES.items()
    ]
    headings = ["objective", "minimises", "reference", "test reconstruction, squared error of a pixel"]
    headings += ["above the best of its family", "s an epoch"]
    text = table(headings, rows).replace("---: | ---: | ---:", "--- | --- | ---:", 1)  # words to the left
    return f"{text}\n\n{sentence(result)}"


def faces(result: Row) -> str:
    """Return what an epoch of faces costs."""
    settings, row = result["settings"], result["rows"][0]
    return (
        f"An epoch of {settings['n_images']:,} faces of CelebA, 64 x 64 RGB, takes `{row['objective']}` "
        f"{min(row['seconds_of_epochs']):.0f} s there, width {settings['width']}."
    )


def cells(measured: dict[str, Row], name: str) -> list[str]:
    """Return error, excess over the least error of the family, and seconds of one objective."""
    if name not in measured:
        return ["-", "-", "-"]
    row = measured[name]
    family = next(family for family in FAMILIES if name in family)
    least = min(measured[other]["test_error"] for other in family if other in measured)
    excess = f"{row['test_error'] / least - 1:.1%}" if row["test_error"] > least else "-"
    return [f"{row['test_error']:.5f}", excess, f"{min(row['seconds_of_epochs']):.1f}"]


def sentence(result: Row) -> str:
    """Return what was trained, on what."""
    settings, rows = result["settings"], result["rows"]
    threads = " or ".join(sorted({str(row["threads"]) for row in rows}))
    machine = measured_on(rows[0]["facts"]) if settings["device"] == "cpu" else f"Measured on {rows[0]['device']}."
    loads = [row["load_average"] for row in rows if row["load_average"] is not None]
    slowest = max(max(row["seconds_of_epochs"]) / min(row["seconds_of_epochs"]) for row in rows)
    busy = f"; load average when each began, at most {max(loads):.1f}" if loads else ""
    return (
        f"{settings['dataset']}, {settings['n_images']:,} training images, {settings['latent_dim']} latent dimensions, "
        f"width {settings['width']}, epochs: {settings['epochs']}, batches of {settings['batch_size']}, one seed, "
        f"default options. Families: "
        + "; ".join(", ".join(family) for family in FAMILIES)
        + f". The mean training image has an error of {result['mean_image_error']:.5f}. "
        f"{machine} Seconds: the least of the epochs, of a machine that is shared; the slowest took up to "
        f"{slowest:.1f} times as long. Threads of torch: {threads}{busy}."
    )


if __name__ == "__main__":
    main()
