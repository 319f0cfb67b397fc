"""Run the sanity checks of arXiv 2505.22450 on the metrics and write docs/sanity-checks.md.

python benchmarks/pages/sanity.py          # from benchmarks/results/sanity.json
python benchmarks/pages/sanity.py --run    # after running the checks: three minutes on two cores
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from pages import DOCS, RESULTS, fill, table
from sanity_checks import CHECKS, Check
from threadpoolctl import threadpool_limits

FIDELITY, DIVERSITY = ("precision", "density"), ("recall", "coverage", "vendi_score")
DISTANCES = ("frechet_distance", "mifid", "wasserstein_distance", "mmd", "c2st_auc")
ACCUSES: dict[str, Callable[[float, int], bool]] = {  # at a value, with so many held-out rows
    "nn_ratio": lambda value, _: value < 0.9,
    "nn_ratio_q5": lambda value, _: value < 0.9,
    "copied": lambda value, _: value > 0.03,
    "novelty_p": lambda value, _: value < 0.01,
    "membership_auc": lambda value, n: value > 0.5 + 3 * 0.41 / n**0.5,
    "authenticity": lambda value, _: value < 0.9,
    "data_copying": lambda value, _: value < -3,
}
RELATIVE = ("vendi_score", "authenticity")  # given over those of held-out data
FAMILIES = {"Fidelity and diversity": FIDELITY + DIVERSITY, "Distances": DISTANCES, "Novelty": tuple(ACCUSES)}
N_IDENTICAL = 5


def measured(name: str, setting: float, seed: int, identical: bool) -> dict[str, float]:
    """Return the metrics of one draw; with ``identical``, the distances of samples of the real distribution."""
    from vicinal.evaluation.catalogue import METRICS
    from vicinal.evaluation.samples import Reference, Samples

    check, r = CHECKS[name], np.random.default_rng([list(CHECKS).index(name), seed, identical])
    n, m = check.sizes(setting)
    real, train = check.real(r, n, setting), check.real(r, n, setting)
    rows = (check.real if identical else check.samples)(r, m, setting)
    if "copies" in name:
        rows[: int(setting * m)] = train[: int(setting * m)]
    samples = Samples(Reference(real, train, 0), rows, 0)
    names = DISTANCES if identical else (*FIDELITY, *DIVERSITY, *DISTANCES, *ACCUSES)
    with threadpool_limits(1):  # a process a core
        found = {metric: METRICS[metric].compute(samples) for metric in names}
        if not identical:
            fresh = Samples(samples.reference, samples.reference.searched, 0)
            found |= {each: found[each] / (METRICS[each].compute(fresh) or np.nan) for each in RELATIVE}
    return found


def run() -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return the values of each metric in each check over its settings, and those of equal distributions."""
    jobs = [(name, x, i, False) for name, check in CHECKS.items() for i, x in enumerate(check.settings)]
    jobs += [
        (name, check.settings[check.identical], i, True)
        for name, check in CHECKS.items()
        for i in range(N_IDENTICAL)
        if check.identical is not None and check.distance
    ]
    found: dict[str, dict[str, dict[str, list[float]]]] = {name: {"swept": {}, "identical": {}} for name in CHECKS}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for (name, _, _, identical), values in zip(jobs, pool.map(measured, *zip(*jobs, strict=True)), strict=True):
            for metric, value in values.items():
                found[name]["identical" if identical else "swept"].setdefault(metric, []).append(float(f"{value:.4g}"))
    return found


def shape(criterion: str, v: np.ndarray, identical: int | None) -> bool:
    """Return whether values of fidelity or diversity meet one criterion of the authors, with their tolerances."""
    place, _, target = criterion.partition("=")
    if target:
        value = v[{"first": 0, "last": -1, "identical": identical}[place]]
        return any(abs(value - float(each)) <= 0.05 for each in (target if target == "01" else [target]))
    if criterion.startswith("early"):
        return bool(v[0] - v[int(criterion[5:])] >= 0.1)
    if criterion == "bell":
        ends, middle = v[[0, -1]], v[identical]
        return bool((middle - ends >= 0.2).all() and v.max() - middle <= 0.1 and ends.min() - v.min() <= 0.1)
    if criterion in ("falls", "rises"):
        v = v if criterion == "falls" else v[::-1]
        return bool(v[0] - v[-1] >= 0.2 and v.max() - v[0] <= 0.1 and v[-1] - v.min() <= 0.1)
    return bool(np.ptp(v if criterion == "flat" else v[len(v) // 2 :]) <= 0.05)


def ordered(criterion: str, v: np.ndarray, null: np.ndarray) -> bool:
    """Return whether distances meet our criterion; ``null`` are those of equal distributions."""
    if criterion in ("flat", "converges"):
        return bool(np.ptp(v if criterion == "flat" else v[len(v) // 2 :]) <= 0.05 * abs(v).max())
    spread = 3 * np.ptp(null)
    ends = v[[0, -1]] if criterion == "valley" else v[[-1]]
    steady = criterion == "valley" or (np.diff(v) >= -max(spread, 0.05 * np.ptp(v))).all()
    return bool((ends > null.max() + spread).all() and v.min() >= null.min() - spread and steady)


def verdict(name: str, check: Check, metric: str, found: dict[str, dict[str, list[float]]]) -> str:
    """Return what a metric made of a check: passed, criteria met of all, or not asked."""
    v = np.array(found["swept"][metric])
    if metric in ACCUSES:
        guilty = [x > 0 and "copies" in name for x in check.settings]
        n = [check.sizes(x)[0] for x in check.settings]
        met = [ACCUSES[metric](*at) == accused for *at, accused in zip(v, n, guilty, strict=True)]
    elif metric in DISTANCES:
        met = [ordered(each, v, np.array(found["identical"].get(metric, [0.0]))) for each in check.distance.split()]
    else:
        criteria = (check.fidelity if metric in FIDELITY else check.diversity).split()
        met = [any(shape(one, v, check.identical) for one in each.split("|")) for each in criteria]
    return "" if not met else "✓" if all(met) else f"{sum(met)}/{len(met)}"


def page(results: dict[str, dict[str, dict[str, list[float]]]]) -> str:
    """Return the tables: verdicts of each family, then the figures of each check."""
    parts = []
    for family, metrics in FAMILIES.items():
        rows = [
            [name, *(verdict(name, check, each, results[name]) for each in metrics)] for name, check in CHECKS.items()
        ]
        passed = [
            f"{sum(row[i] == '✓' for row in rows)}/{sum(row[i] != '' for row in rows)}" for i in range(1, len(rows[0]))
        ]
        parts += [
            f"### {family}",
            "",
            table(["", *(f"`{each}`" for each in metrics)], [*rows, ["**passed**", *passed]]),
            "",
        ]
    parts += [
        "## The figures",
        "",
        "One draw at each setting; `vendi_score` and `authenticity` over those of held-out data.",
        "",
    ]
    for name, check in CHECKS.items():
        rows = [[f"`{each}`", *(f"{value:.3g}" for value in values)] for each, values in results[name]["swept"].items()]
        asked = {"fidelity": check.fidelity, "diversity": check.diversity, "distances": check.distance}
        said = "; ".join(f"{family}: {what}" for family, what in asked.items() if what)
        parts += [
            f"### {name}",
            "",
            *([said, ""] if said else []),
            table(["", *(f"{x:.3g}" for x in check.settings)], rows),
            "",
        ]
    return "\n".join(parts)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=DOCS / "sanity-checks.md", help="with the marks")
    parser.add_argument("--run", action="store_true", help="run the checks first")
    arguments = parser.parse_args()
    path = RESULTS / "sanity.json"
    if arguments.run:
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(found)}" for name, found in run().items())
        path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    fill(arguments.page, "results", page(json.loads(path.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
