"""The part of docs/performance.md on benchmarks/evaluating.py: our Frechet distance beside the usual tools."""

from __future__ import annotations

from figures import Row, duration, ratio, verdict
from pages import table

OURS, GOAL = "vicinal", 0.7


def section(result: Row) -> tuple[list[str], dict[str, bytes]]:
    """Return the text; there is no plot."""
    headings = ["", "images", "time", "processor time", "an image", "memory", "distance", "processor time for all"]
    rows, goals = [], []
    for data in dict.fromkeys(row["data"] for row in result["rows"]):
        tools = [row for row in result["rows"] if row["data"] == data]
        rows += [_cells(row) for row in tools]
        goals += [_goal(data, tools)]
    operators = (
        " torchvision's compiled operators do not load beside the torch used here. No tool calls them: their names are defined "
        "before the import."
        if result["lacks_operators"]
        else ""
    )
    lines = [
        "`vicinal evaluate --features inception`, pytorch-fid and torch-fidelity on the same folders of PNGs, with the same random weights:",
        "the published ones are not at hand, so the distances mean nothing. Each is a process of its own, with its own defaults and all",
        f"cores. They take turns; rounds: {result['rounds']}. The others: {result['rivals']}.",
        f"torch-fidelity resizes in another way, so its distance differs.{operators}",
        "",
        *goals,
        *([] if "note" not in result else ["", result["note"]]),
        "",
        table(headings, rows),
        "",
        "Processor time is that of all threads and processes. It depends less on what else runs than time does. That of one image",
        "is from the difference of two sizes, so that neither the start nor the distance itself counts. The last column is what all",
        "images of the goal would take by it: it is a prediction where fewer were measured. Memory is that of the largest process: the",
        "workers of pytorch-fid are not counted.",
    ]
    return lines, {}


def _cells(row: Row) -> list[str]:
    return [
        f"{row['tool']}, {row['data']}",
        f"2 x {row['n']:,}",
        duration(row["seconds"]),
        duration(row["cpu_seconds"]),
        duration(row["cpu_seconds_an_image"]),
        f"{row['peak_bytes'] / 1e6:,.0f} MB",
        f"{row['distance']:.5g}",
        f"{row['target_cpu_seconds']:,.0f} s for 2 x {row['target_n']:,}",
    ]


def _goal(data: str, tools: list[Row]) -> str:
    ours = next(row for row in tools if row["tool"] == OURS)
    others = [row for row in tools if row is not ours]

    def over(key: str) -> float:
        found: float = ours[key] / min(row[key] for row in others)
        return found

    total = over("target_cpu_seconds")
    predicted = "" if ours["n"] >= ours["target_n"] else ", predicted,"
    return (
        f"- {data}: {ratio(over('seconds'))} of the time of the fastest other tool as measured, {ratio(over('cpu_seconds_an_image'))} of the "
        f"processor time of an image, {ratio(total)} of it{predicted} for 2 x {ours['target_n']:,} images (goal: {verdict(total, GOAL, most=True)})."
    )
