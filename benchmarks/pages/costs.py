"""Write the figures of docs/scaling.md from benchmarks/results/dask_scaling*.json and out_of_core*.json."""

from __future__ import annotations

import json
from typing import Any

from pages import DOCS, RESULTS, fill, table

PAGE = DOCS / "scaling.md"
NAMES = {"pmf": "PMFSampler", "local": "LocalSampler"}


def main() -> None:
    """Fill the marked parts of the page."""
    measured, far = (json.loads((RESULTS / f"{name}.json").read_text()) for name in ("dask_scaling", "dask_scaling_64"))
    fill(PAGE, "measured", _measured(measured["runs"]) + "\n\n" + _machine(measured["machine"]))
    fill(PAGE, "predicted", _predicted(far["runs"]))
    fill(
        PAGE, "out of core", _out_of_core([json.loads(each.read_text()) for each in RESULTS.glob("out_of_core_*.json")])
    )


def _measured(runs: list[dict[str, Any]]) -> str:
    rows = []
    for run in runs:
        found, model = run["measured"], run["predicted"]
        rows.append(
            [
                f"{NAMES[run['sampler']]}, {run['rows']:,} x {run['dimensions']}",
                f"{found['seconds']:.1f}", f"{model['seconds']:.1f}", f"{found['seconds'] / model['seconds']:.2f}",
                f"{found['moved MiB']:,.0f}", f"{model['moved MiB']:,.0f}",
                f"{found['moved MiB'] / model['moved MiB']:.2f}",
                f"{found['wall seconds']:.0f}", f"{found['peak MiB above the latents']:,.0f}",
            ]
        )  # fmt: skip
    return table(
        ["fit on 2 workers", "CPU s", "model", "ratio", "MiB moved", "model", "ratio", "wall s", "peak MiB above"], rows
    )


def _predicted(runs: list[dict[str, Any]]) -> str:
    rows = []
    for run in runs:
        model = run["predicted of 10^9 on 100 workers"]
        largest = model.get("largest value MiB")
        rows.append(
            [
                NAMES[run["sampler"]], f"{model['seconds'] / 3600:,.1f}", f"{model['seconds'] / 6000:,.1f}",
                f"{model['moved MiB'] / 1024:,.0f}", "-" if largest is None else f"{largest / 1024:,.1f}",
            ]
        )  # fmt: skip
    return table(
        ["10^9 x 64 on 100 workers", "CPU hours", "minutes of each", "GiB moved", "GiB of the last table"], rows
    )


def _out_of_core(runs: list[dict[str, Any]]) -> str:
    rows = [
        [
            f"{NAMES[run['sampler']]}, {run['rows']:,} x {run['dimensions']} ({run['latents GB']:.1f} GB)",
            run["limit"], f"{run['peak memory that is no file MiB']:,}", f"{run['seconds of fit']:,.0f}",
            str(run["passes"]),
        ]
        for run in sorted(runs, key=lambda run: run["sampler"])
    ]  # fmt: skip
    return table(["fit in one process", "limit", "peak MiB", "seconds", "passes"], rows)


def _machine(facts: dict[str, str]) -> str:
    return f"Measured on {facts['cores']} cores of an {facts['processor']} ({facts['microarchitecture']})."


if __name__ == "__main__":
    main()
