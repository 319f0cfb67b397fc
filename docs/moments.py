"""Write the table of docs/method.md on preserved variances from what benchmarks/moments.py measured.

python docs/moments.py
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from pages import DOCS, fill, measured_on, table

RESULT = DOCS.parent / "benchmarks/results/moments.json"


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=DOCS / "method.md", help="with the marks")
    arguments = parser.parse_args()
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    headings = ["latents", "n", "d", "bins", "nn ratio", "total variance", "W2", "training latents without density"]
    lines = [
        table(headings, [cells(row) for row in result["rows"]]),
        "",
        f"Without the option, then with it; means of {result['seeds']} seeds. W2 is the exact Wasserstein distance of 1,000 samples to",
        f"1,000 held-out latents, or as many as there are. {measured_on(result['facts'])} `benchmarks/moments.py` measures it anew.",
    ]
    fill(arguments.page, "results", "\n".join(lines))


def cells(row: dict[str, Any]) -> list[str]:
    """Return the cells of one set of latents."""
    if "not_run" in row:
        return [row["latents"], f"not run: {row['not_run']}", *["-"] * 6]
    pair = row["without"], row["with"]

    def both(key: str, form: str) -> str:
        return ", ".join(format(float(np.mean(side[key])), form) for side in pair)

    return [
        row["latents"],
        f"{row['n']:,}",
        str(row["d"]),
        ", ".join(str(side["n_bins"]) for side in pair),
        both("nn_ratio", ".2f"),
        both("variance_ratio", ".2f"),
        both("w2", ".3g"),
        both("dead", ".0%"),
    ]


if __name__ == "__main__":
    main()
