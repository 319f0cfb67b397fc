"""What a reader of a table has to know: sentences that follow from the metrics and from the numbers.

The row *real versus real* is no bound. Its rows are drawn by chance, and chance adds to every distance. Samples can
have less of it: by even draws instead of independent ones, or by more rows. Reconstructions are made from the very
images that they are compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vicinal import neighbors
from vicinal.evaluation.catalogue import COLUMNS
from vicinal.evaluation.judge import Judge
from vicinal.evaluation.replicates import OF_SUBSETS
from vicinal.metrics import transport

REAL, BOOTSTRAP, RECONSTRUCTIONS = "real versus real", "bootstrap copies", "reconstructions"
INTERVALS = (
    "In brackets: the 95 % confidence interval of the difference, with the chance of which rows were held out and of "
    "the samples."
)

SEEDS_ALONE = (
    "In brackets: the 95 % confidence interval of the difference, from its seeds alone. It leaves out the chance of "
    "which rows were held out."
)


def of_metrics(wanted: Sequence[str], extractor: Any, *, has_train: bool) -> list[str]:
    """Return what is to be said of metrics whatever their values."""
    notes = [f"Features: {extractor.name}."] if hasattr(extractor, "name") else []
    subsets = [heading_of(name) for name in wanted if name in OF_SUBSETS]
    if subsets:
        notes.append(f"{', '.join(subsets)}: between at most {transport.MAX_SAMPLES} rows of each set.")
    if not has_train:
        notes.append("No training data given, so novelty is not measured: copies of it would score best here.")
    return notes


def of_novelty(judge: Judge, *, are_images: bool) -> list[str]:
    """Return what novelty is measured between, where that is not plain."""
    if judge.novelty == "features":
        return ["Novelty is measured between features."]
    if judge.blur is None:
        if not are_images:
            return []
        return [
            "Novelty is measured between pixels, where blur reads as copying: held-out images sent through an "
            "autoencoder may look like copies here. Pass reconstructions=, or features=."
        ]
    ratio, p = judge.blur
    notes = ["Novelty is measured relative to the reconstructions: 1 is as far from the training data as they are."]
    if p < neighbors.LEVEL:
        notes.append(
            f"The reconstructions themselves read as copies beside held-out data (nn ratio {ratio:.2f}): the "
            "autoencoder blurs. Decoded copies may then look as new as they do: look at novelty between latents too."
        )
    return notes


def of_intervals(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what the confidence intervals of differences between the rows have in them."""
    compared = [(name, row) for row in rows if not row["reference"] for name in row if _has_direction(name)]
    lacking = [heading_of(name) for name, row in compared if name not in row.get("replicates", {})]
    if len(lacking) == len(compared):
        return [SEEDS_ALONE]
    if not lacking:
        return [INTERVALS]
    return [f"{INTERVALS} Of these metrics only the chance of the seeds: {', '.join(dict.fromkeys(lacking))}."]


def of_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what follows from the numbers: what could not be taken, unequal sizes, and what is below real data."""
    notes = [
        f"{heading_of(name)} of {row['name']} could not be taken: {reason.rstrip('.')}."
        for row in rows
        for name, reason in row.get("why", {}).items()
    ]
    if any("runs" in row for row in rows):
        notes.append("Mean ± standard error over the sets of each source.")
    return notes + _of_sizes(rows) + _of_floor(rows)


def _of_sizes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    by_size: dict[int, list[str]] = {}
    for row in rows:
        for size in sorted({row["n"], *row.get("runs", {}).get("n", [])} - {None}):
            by_size.setdefault(size, []).append(row["name"])
    if len(by_size) < 2:
        return []
    listed = "; ".join(f"{size:,}: {', '.join(names)}" for size, names in sorted(by_size.items()))
    return [
        f"The rows differ in their number of samples n ({listed}). Distances such as Frechet's are lower for more "
        "samples of the same source: compare rows of equal n, or take frechet_distance_infinity."
    ]


def _of_floor(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a note on rows whose distance is below that of real data."""
    floor = next((row for row in rows if row["name"] == REAL), {})
    below: dict[str, list[str]] = {}
    for name in floor:
        if _has_direction(name) and COLUMNS[name].better == "lower":
            found = [row["name"] for row in rows if row.get(name) is not None and row[name] < floor[name]]
            if found:
                below[name] = found
    if not below:
        return []
    listed = "; ".join(f"{heading_of(name)}: {', '.join(names)}" for name, names in below.items())
    return [
        f"Lower than {REAL} ({listed}). That row is no bound: its rows are drawn by chance, as samples are. Even draws "
        "have less chance than independent ones, and so have more rows. Reconstructions are made from the held-out "
        "images themselves."
    ]


def _has_direction(name: str) -> bool:
    return name in COLUMNS and COLUMNS[name].better != "reference"


def heading_of(name: str) -> str:
    """Return the heading of a metric without its direction."""
    return COLUMNS[name].heading.rstrip(" ↓↑")
