"""Write the results of docs/choosing-a-sampler.md and its plot from what benchmarks/frontier.py measured.

python docs/frontier.py
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from frontier_plot import LOCAL, QUALITY, auto, error, line_of, mean, plot
from pages import DOCS, fill, measured_on, table

Row = dict[str, Any]

RESULT = DOCS.parent / "benchmarks/results/frontier.json"
EMPTY = "# Choosing a sampler\n\n<!-- results -->\n<!-- /results -->\n"
FEATURES = "Frechet distances in features of a small classifier (MNIST) or EfficientNet-Lite0 at 64 pixels: not FID."
LEAST_RATIO = 0.97  # 1, to within the tolerance of a calibration
EQUALLY_NEW = "LocalSampler, as new as a mixture"
DISTANCES = (QUALITY, "frechet_distance")
OURS = ("as it comes", "calibrated", "tried")
RIVALS = ("GMM", "GMM, scaled", "KDE", "PMF cells", "spline flow")


def main() -> None:
    """Write the page and the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--result", type=Path, default=RESULT)
    parser.add_argument("--page", type=Path, default=DOCS / "choosing-a-sampler.md", help="with the marks")
    arguments = parser.parse_args()
    if not arguments.result.exists():
        return
    result = json.loads(arguments.result.read_text(encoding="utf-8"))
    if not arguments.page.exists():
        arguments.page.write_text(EMPTY, encoding="utf-8")
    images = arguments.page.parent / "images"
    images.mkdir(exist_ok=True)
    rows = [row for row in result["rows"] if "failed" not in row and row["group"] != "final"]
    (images / "frontier.png").write_bytes(plot(rows))
    fill(arguments.page, "results", "\n".join(page(result, rows)))


def page(result: Row, rows: list[Row]) -> list[str]:
    """Return all lines between the marks."""
    pairs = sorted({row["pair"] for row in rows})
    lines = ["![quality against novelty of every sampler](images/frontier.png)", "", *protocol(result), ""]
    finals = [row for row in result["rows"] if row["group"] == "final"]
    if finals:
        lines += ["## The best again, with more samples", "", *again(finals, result["settings"]), ""]
    lines += ["## Against the best of each rival", "", *differences(rows, pairs), ""]
    lines += ["## The best of each sampler that is as new as fresh data", ""]
    lines += [
        "Of each sampler the setting with the least Frechet distance to reconstructions among those whose nn ratio is at least "
        f"{LEAST_RATIO:g}; `auto` whatever its ratio. ± is one standard error over seeds.",
        "",
    ]
    for pair in pairs:
        lines += [f"### {pair}", "", *best_of_each([row for row in rows if row["pair"] == pair]), ""]
    lines += ["## What else was tried", "", *ideas(rows, pairs), ""]
    return lines + not_finished(result["rows"])


def protocol(result: Row) -> list[str]:
    """Return what all numbers rest on."""
    settings = result["settings"]
    decoded = ", ".join(f"{n:,} ({name})" for name, n in settings["n_decoded"].items())
    sizes = ", ".join(
        f"{name} {s['latent_dim']} dimensions, {s['n_epochs']} epochs" for name, s in settings["training"].items()
    )
    return [
        f"{FEATURES} To held-out images, and to the decoded latents of held-out images: the latter leaves out what the "
        "autoencoder loses, which is most of the former where images are blurred, and can then be made up for by noise: the two may disagree. Dashed: copies of training latents.",
        "",
        f"Autoencoders: {sizes}, width 16. Samples: {decoded}, {settings['seeds']} seeds; with so few a standard error is "
        "itself only known to within half its size. The nn ratio, AuthPct and C_T are of 1,000 samples, W2 of 1,000. Fits that are random and take less "
        "than 10 s are made anew for each seed. Mixtures of 100 components and more stop after 100 iterations. "
        + measured_on(result["facts"]),
    ]


def text(value: float) -> str:
    """Return a number to three or four digits."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"


def digits(value: float) -> str:
    """Return a time or a ratio of times to two digits."""
    return f"{value:,.0f}" if value >= 10 else f"{float(f'{value:.2g}'):g}"


def both(row: Row, key: str) -> str:
    """Return mean ± standard error."""
    return f"{text(mean(row, key))} ± {text(error(row, key))}"


def knob(row: Row) -> str:
    """Return the setting in words."""
    found = ", ".join(f"{name} {value}" for name, value in row["knob"].items() if (name, value) != ("scale", 1.0))
    chosen = [f"{row['fitted'][name]:g}" for name in ("n_neighbors_", "n_bins_") if name in row.get("fitted", {})]
    return f"{found} ({chosen[0]})" if "auto" in row["knob"].values() and chosen else found or "-"


def best(rows: list[Row], sampler: str, key: str = QUALITY) -> Row | None:
    """Return the setting of a sampler with the least distance among those that are new enough."""
    new = [row for row in rows if row["sampler"] == sampler and mean(row, "nn_ratio") >= LEAST_RATIO]
    return min(new, key=lambda row: mean(row, key), default=None)


def best_of_each(rows: list[Row]) -> list[str]:
    """Return the table of one pair."""
    names = list(dict.fromkeys(row["sampler"] for row in rows if row["group"] == "main"))
    chosen = [auto(rows), auto(rows, "PMF cells"), *(best(rows, name) for name in names)]
    found = list({id(row): row for row in chosen if row is not None}.values())
    found.sort(key=lambda row: mean(row, QUALITY))
    references = [row for row in rows if row["group"] == "reference"]
    keys = ("precision", "recall", "nn_ratio", "authenticity", "data_copying", "wasserstein_distance", "variance_ratio")
    lines = []
    for row in found + references:
        cells = [both(row, "frechet_distance"), both(row, QUALITY), *(text(mean(row, key)) for key in keys)]
        seconds = digits(mean(row, "fit_seconds")) if "fit_seconds" in row else "-"
        lines.append([row["sampler"], knob(row), *cells, seconds])
    headings = ["", "setting", "to held-out images", "to reconstructions", "precision", "recall", "nn ratio", "AuthPct"]
    headings += ["C_T", "W2", "variance ratio", "fit, s"]
    missing = [name for name in names if best(rows, name) is None]
    note = f" Never as new: {', '.join(missing)}." if missing else ""
    real = "`real` are training images, `reconstructions` decoded held-out latents; their novelty is that of held-out latents."
    return [table(headings, lines), "", f"{FEATURES} {real}{note}"]


def again(rows: list[Row], settings: Row) -> list[str]:
    """Return what was measured again, each against `LocalSampler()`, and on how many pairs it wins."""
    lines: list[list[str]] = []
    pairs = sorted({row["pair"] for row in rows})
    for pair in pairs:
        here = [row for row in rows if row["pair"] == pair]
        ours = auto(here)
        for row in sorted(here, key=lambda row: mean(row, QUALITY)):
            cells = [
                cell
                for key in DISTANCES
                for cell in (both(row, key), _difference(ours, row, key) if row is not ours else "-")
            ]
            lines.append([pair, row["sampler"], knob(row), text(mean(row, "nn_ratio")), *cells])
    headings = ["", "", "setting", "nn ratio", "to reconstructions", "`LocalSampler()` minus it"]
    headings += ["to held-out images", "`LocalSampler()` minus it"]
    seeds = settings["final_seeds"]
    sizes = ", ".join(
        f"{n:,} samples a seed and {seeds[name]} seeds ({name})" for name, n in settings["n_final"].items()
    )
    return [
        "The settings that came out best below, of mixtures and of `LocalSampler`, `LocalSampler` with its latents drawn "
        f"independently, and two ideas, drawn anew with {sizes}: a choice among many flatters whatever it is chosen by, "
        "and few samples blur all.",
        "",
        *_scores([[row for row in rows if row["pair"] == pair] for pair in pairs]),
        "",
        "In brackets: standard errors.",
        "",
        table(headings, lines).replace("| --- | ---: | ---: |", "| --- | --- | --- |", 1),
    ]


def _scores(pairs: list[list[Row]]) -> list[str]:
    """Return the table of how many pairs `LocalSampler` wins and loses against the best mixtures."""
    lines = []
    for ours in OURS:
        for mixtures in ("GMM", "GMM, scaled"):
            for least in (LEAST_RATIO, 1.0):
                found = [[_against_best(rows, ours, mixtures, least, key) for rows in pairs] for key in DISTANCES]
                if all(gap is not None for gaps in found for gap in gaps):
                    which = "as they are" if mixtures == "GMM" else "as they are, narrower, and wider"
                    lines.append([ours, which, f"{least:g}", *map(_score, found)])
    return [
        table(
            ["`LocalSampler`", "mixtures", "nn ratio at least", "to reconstructions", "to held-out images"], lines
        ).replace("| --- | ---: |", "| --- | --- |", 1),
        "",
        f"Against the best mixture of each of {len(pairs)} pairs: of those as new as named, to two digits, the one that is "
        "best by the distance itself. How many pairs are won : lost, and in brackets by more than two standard errors. "
        "Calibrated: to the nn ratio of that mixture, with nothing else tried. Tried: the best of numbers of neighbours "
        "and scales, and of it as it comes, as new as named, as the mixture is the best of numbers of components.",
    ]


def _against_best(rows: list[Row], ours: str, mixtures: str, least: float, key: str) -> float | None:
    """Return the difference from the best mixture that is new enough, in standard errors; None if ours never is."""
    new = [row for row in rows if mean(row, "nn_ratio") >= least - 0.005]
    names = ("GMM",) if mixtures == "GMM" else ("GMM", "GMM, scaled")
    mixture = min((row for row in new if row["sampler"] in names), key=lambda row: mean(row, key))
    if ours == "as it comes":
        found = [row for row in new if row is auto(rows)]
    elif ours == "calibrated":
        ratio = mean(mixture, "nn_ratio")
        equal = [row for row in rows if row["sampler"] == EQUALLY_NEW]
        found = [min(equal, key=lambda row: abs(mean(row, "nn_ratio") - ratio))]
    else:
        found = [row for row in new if row["sampler"] == LOCAL]
    return _in_errors(min(found, key=lambda row: mean(row, key)), mixture, key) if found else None


def _score(gaps: Sequence[float]) -> str:
    """Return how many differences, in standard errors, are below and above 0, and by how many by more than two."""
    won, clear, lost, clearly = (sum(test) for test in zip(*((g < 0, g < -2, g > 0, g > 2) for g in gaps), strict=True))
    return f"{won} ({clear}) : {lost} ({clearly})"


def _gap(ours: Row, other: Row, key: str) -> tuple[float, float]:
    """Return the difference of two settings, and its standard error."""
    return mean(ours, key) - mean(other, key), float(np.hypot(error(ours, key), error(other, key)))


def _in_errors(ours: Row, other: Row, key: str) -> float:
    """Return the difference of two settings in standard errors."""
    gap, spread = _gap(ours, other, key)
    return gap / spread


def _difference(ours: Row, other: Row, key: str) -> str:
    """Return the difference of two settings, and the same in standard errors."""
    gap, spread = _gap(ours, other, key)
    return f"{'+' if gap > 0 else ''}{text(gap)} ({gap / spread:+.1f})"


def differences(rows: list[Row], pairs: list[str]) -> list[str]:
    """Return the table of `LocalSampler()` minus the best of each rival."""
    lines = []
    for pair in pairs:
        here = [row for row in rows if row["pair"] == pair]
        ours = auto(here)
        for name in RIVALS if ours else ():
            if not any(row["sampler"] == name for row in here):
                continue
            cells = [cell for key in DISTANCES for cell in _minus(ours, best(here, name, key), key)]
            lines.append([f"{pair}, {text(mean(ours, 'nn_ratio'))}", name, *cells])
    headings = ["", "rival", "setting, nn ratio", "to reconstructions", "s.e.", "fit, times ours"]
    headings += ["setting, nn ratio", "to held-out images", "s.e.", "fit, times ours"]
    return [
        table(["pair, nn ratio of `LocalSampler()`", *headings[1:]], lines),
        "",
        f"`LocalSampler()` as it comes minus the rival's best setting of nn ratio at least {LEAST_RATIO:g}, chosen for each of the "
        f"two distances by that distance itself: below 0 `LocalSampler()` is better. s.e.: the difference in standard errors. "
        f"{FEATURES}",
    ]


def _minus(ours: Row, other: Row | None, key: str) -> list[str]:
    """Return the cells on one rival and one distance."""
    if other is None:
        return ["never as new", "-", "-", "-"]
    gap, spread = _gap(ours, other, key)
    sign = "+" if gap > 0 else ""
    times = f"{gap / spread:+.1f}" if spread else "-"
    fit = digits(mean(other, "fit_seconds") / mean(ours, "fit_seconds"))
    return [f"{knob(other)}, {text(mean(other, 'nn_ratio'))}", f"{sign}{text(gap)} ± {text(spread)}", times, fit]


def ideas(rows: list[Row], pairs: list[str]) -> list[str]:
    """Return the table of ideas, each at the setting that is nearest to ratio 1, against `LocalSampler` there."""
    lines = []
    for pair in pairs:
        here = [row for row in rows if row["pair"] == pair]
        for name in dict.fromkeys(row["sampler"] for row in here if row["group"] == "idea"):
            row = min((row for row in here if row["sampler"] == name), key=lambda row: abs(mean(row, "nn_ratio") - 1))
            value, spread, inside = local_at(here, mean(row, "nn_ratio"))
            gap, total = mean(row, QUALITY) - value, float(np.hypot(error(row, QUALITY), spread))
            times = f"{gap / total:+.1f}" if total and inside else "-"
            lines.append(
                [
                    *(pair, name, knob(row), text(mean(row, "nn_ratio")), text(mean(row, "variance_ratio"))),
                    *(both(row, QUALITY), text(value) if inside else f"({text(value)})", text(gap), times),
                ]
            )
    if not lines:
        return ["Not measured."]
    headings = [
        "",
        "idea",
        "setting",
        "nn ratio",
        "variance ratio",
        "to reconstructions",
        "`LocalSampler` at that ratio",
    ]
    return [
        table([*headings, "difference", "in standard errors"], lines),
        "",
        "Each idea at its setting with the nn ratio nearest to 1. `LocalSampler` at scale 1 and shrinkage 1, interpolated between "
        f"numbers of neighbours; in brackets: its end, where it has no such ratio. Below 0 the idea is better. {FEATURES}",
    ]


def local_at(rows: list[Row], ratio: float) -> tuple[float, float, bool]:
    """Return the distance of `LocalSampler` at a ratio, its standard error, and whether it comes there."""
    found = sorted(line_of(rows, LOCAL), key=lambda row: mean(row, "nn_ratio"))
    if not found:
        return float("nan"), 0.0, False
    ratios = [mean(row, "nn_ratio") for row in found]
    value, spread = (float(np.interp(ratio, ratios, [of(row, QUALITY) for row in found])) for of in (mean, error))
    return value, spread, ratios[0] <= ratio <= ratios[-1]


def not_finished(rows: list[Row]) -> list[str]:
    """Return what failed."""
    failed = [
        [row["pair"], row["sampler"], knob(row), row["failed"].replace("|", "/")] for row in rows if "failed" in row
    ]
    return ["## Not finished", "", table(["", "sampler", "setting", "why"], failed)] if failed else []


if __name__ == "__main__":
    main()
