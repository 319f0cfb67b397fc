"""Write the figures of docs/reliability.md from benchmarks/results/attack.json."""

from __future__ import annotations

import json

from pages import DOCS, RESULTS, fill, table

ATTACKS = {
    "files": "files: flipped bits, truncations, hostile headers, forged contents",
    "fuzz": "arguments drawn at random: samplers, metrics, readers",
    "opening": "files made to harm: archives, bombs, pickles, names in reports",
    "killed": "writers killed or refused; two writers of one file",
    "stopped": "commands killed and interrupted; those that go on",
    "command_line": "the command line: wrong files, bare environments, closed pipes",
    "processes": "fork, spawn, forkserver, threads, joblib, compilers at once",
    "determinism": "threads, chunks, orders of batches, instruction sets",
    "surroundings": "damaged caches of kernels, nothing can be written, memory limits, absent packages",
    "soak": "memory over fit, sample, save, load",
}
COLUMNS = ("tried", "silent", "foreign", "crashed", "hung")


def main() -> None:
    """Fill the marked part of the page."""
    found = json.loads((RESULTS / "attack.json").read_text(encoding="utf-8"))
    rows = [
        [
            words,
            *(f"{found['attacks'][name][each]:,}" for each in COLUMNS),
            f"{found['attacks'][name]['seconds'] / 60:.1f}",
        ]
        for name, words in ATTACKS.items()
        if name in found["attacks"]
    ]
    facts = found["machine"]
    text = table(["attack", *COLUMNS, "minutes"], rows)
    lacking = [f"`{name}`" for name in ATTACKS if name not in found["attacks"]]
    note = f" Not measured yet in full: {', '.join(lacking)}." if lacking else ""
    words = f"Measured on {facts['cores']} cores of an {facts['processor']}, with other work beside it.{note}"
    fill(DOCS / "reliability.md", "counts", f"{text}\n\n{words}")


if __name__ == "__main__":
    main()
