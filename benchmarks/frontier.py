"""Quality against novelty: every sampler over its own knob, on latents of real images.

    python benchmarks/frontier.py --data-dir DIR --eyes PATH --work build/frontier --out benchmarks/results/frontier.json

DIR holds mnist/ and the files of CelebA; PATH is any folder or zip of images. Models, latents, features and mixtures are
kept in ``--work``. What the JSON file holds already is skipped, so that an interrupted run goes on; ``--again NAME`` measures
a sampler anew. ``docs/frontier.py`` turns the file into docs/choosing-a-sampler.md.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import entries
import numpy as np
import pairs
import scoring
import vicinities
from entries import Entry
from pairs import FINAL_SEEDS, N_DECODED, N_FINAL, PAIRS, Data, Pair
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from scoring import LATENT, QUALITY, Scorer

from vicinal import report
from vicinal.samplers import PMFSampler
from vicinal.storage import write_atomic

Row = dict[str, Any]

FIRST_OF_FINALS = 1000  # seed of samples
ALL = 1 << 30  # seeds: there are no more to measure


def main() -> None:
    """Measure and write, entry after entry: the main lists of all pairs, the best of them again, then the ideas."""
    arguments = _arguments()
    arguments.work.mkdir(parents=True, exist_ok=True)
    table = Table(arguments.out, _settings(arguments), arguments.again)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(highlight=False, width=160)) as progress:
        run = Run(arguments, table, progress)
        for part in (run.main, run.finals, run.ideas):
            for name in arguments.pairs:
                pair = run.pair(name)
                if pair is not None:
                    part(pair)
                vicinities.forget_neighbors()


class Table:
    """The file of results."""

    def __init__(self, path: Path, settings: Row, again: Iterable[str]) -> None:
        self.path, self.result = path, {"settings": settings, "facts": report.machine(), "rows": []}
        if path.exists():
            known = json.loads(path.read_text(encoding="utf-8"))
            if known["settings"] != json.loads(json.dumps(settings)):
                raise SystemExit(f"{path} is of other settings, {known['settings']}: name another --out")
            self.result["rows"] = [row for row in known["rows"] if row["sampler"] not in again]

    @property
    def rows(self) -> list[Row]:
        """The entries so far."""
        return self.result["rows"]

    def seeds(self, pair: Pair, entry: Entry) -> int:
        """Return how many seeds of an entry are there already; one that failed has all."""
        row = self._row(pair, entry) or {"nn_ratio": []}
        return ALL if "failed" in row else len(row["nn_ratio"])

    def add(self, pair: Pair, entry: Entry, found: Row) -> None:
        """Add an entry, or further seeds of one that is there, and rewrite the file."""
        row = self._row(pair, entry)
        if row is None:
            row = {"pair": pair.name, "sampler": entry.sampler, "group": entry.group, "knob": entry.knob}
            self.rows.append(row)
        row |= {key: row[key] + value if key in row and key != "fitted" else value for key, value in found.items()}
        write_atomic(self.path, (json.dumps(self.result, indent=1) + "\n").encode())

    def _row(self, pair: Pair, entry: Entry) -> Row | None:
        wanted = (pair.name, entry.group, entry.sampler, entry.knob)
        same = (row for row in self.rows if (row["pair"], row["group"], row["sampler"], row["knob"]) == wanted)
        return next(same, None)


class Run:
    """One run over pairs."""

    def __init__(self, arguments: argparse.Namespace, table: Table, progress: Progress) -> None:
        self.arguments, self.table, self.progress = arguments, table, progress
        self._data: dict[str, Data] = {}
        self._known: dict[str, tuple[Pair, Scorer]] = {}

    def pair(self, name: str) -> Pair | None:
        """Return a pair, or None where its files are not given."""
        dataset = name.partition("-")[0]
        folders = {"mnist": self.arguments.data_dir / "mnist", "celeba": self.arguments.data_dir}
        path = folders.get(dataset, self.arguments.eyes)
        if path is None:
            self.progress.console.print(f"{name}: skipped, since --eyes is not given")
            return None
        if dataset not in self._data:
            self._data[dataset] = Data(dataset, path, self.arguments.work)
        if name not in self._known:
            pair = Pair(name, self._data[dataset], self.arguments.work)
            self._known[name] = pair, Scorer(pair)
            PMFSampler(8).fit(pair.latents[:500]).sample(10)  # compile
        return self._known[name][0]

    def main(self, pair: Pair) -> None:
        """Measure references and main samplers."""
        scorer = self._known[pair.name][1]
        references = (("real", _real), ("reconstructions", _reconstructions))
        made = [(Entry(name, "reference", {}, lambda _: None), score) for name, score in references]
        self._measure(pair, [(entry, partial(score, scorer)) for entry, score in made], "references")
        wanted = [entries.copies()]
        wanted += entries.main_entries(pair, scorer.fresh_distance, self.arguments.work, self.arguments.limit)
        self._sample(pair, wanted, "main")
        if pair.name in entries.FULL:
            widened = entries.widened_entries(pair, self.table.rows, self.arguments.work, self.arguments.limit)
            self._sample(pair, widened, "mixtures, scaled")

    def finals(self, pair: Pair) -> None:
        """Measure the best again, by other and by more samples: those that they were chosen by would flatter them."""
        finalists = entries.finalists(pair, self.table.rows, self.arguments.work, self.arguments.limit)
        self._sample(pair, finalists, "finals", N_FINAL[pair.data.name], first=FIRST_OF_FINALS)

    def ideas(self, pair: Pair) -> None:
        """Measure ideas, on the pairs that get all."""
        if pair.name in entries.FULL:
            rows = [row for row in self.table.rows if (row["pair"], row["sampler"]) == (pair.name, "KDE")]
            near = sorted(rows, key=lambda row: abs(np.mean(row["nn_ratio"]) - 1))[:1]
            restored = entries.kde_restored(row["knob"]["bandwidth"] for row in near)
            self._sample(pair, entries.idea_entries(pair) + restored, "ideas")

    def _sample(self, pair: Pair, wanted: list[Entry], title: str, n: int | None = None, first: int = 0) -> None:
        scorer, n = self._known[pair.name][1], n or N_DECODED[pair.data.name]
        self._measure(pair, [(entry, partial(measure, entry, scorer, n=n, first=first)) for entry in wanted], title)

    def _measure(self, pair: Pair, wanted: list[tuple[Entry, Callable[[range], Row]]], title: str) -> None:
        """Measure each entry for the seeds that it lacks."""
        missing = [
            (entry, score, range(self.table.seeds(pair, entry), self._seeds(pair, entry))) for entry, score in wanted
        ]
        missing = [(entry, score, seeds) for entry, score, seeds in missing if seeds]
        task = self.progress.add_task(f"{pair.name}, {title}", total=len(missing))
        for entry, score, seeds in missing:
            begin = time.perf_counter()
            try:
                found = score(seeds)
            except (TimeoutError, RuntimeError, ValueError) as error:
                found = {"failed": str(error)}
            self.table.add(pair, entry, found)
            keys = ("nn_ratio", "frechet_distance", "frechet_to_reconstructions", "fit_seconds")
            values = ", ".join(f"{key} {np.mean(found[key]):.4g}" for key in keys if key in found)
            took = time.perf_counter() - begin
            self.progress.console.print(
                f"{pair.name}, {entry.sampler} {entry.knob or ''}: {values or found.get('failed')} ({took:.0f} s)",
                soft_wrap=True,
            )
            self.progress.advance(task)

    def _seeds(self, pair: Pair, entry: Entry) -> int:
        return FINAL_SEEDS[pair.data.name] if entry.group == "final" else self.arguments.seeds


def measure(entry: Entry, scorer: Scorer, seeds: range, *, n: int, first: int) -> Row:
    """Return the metrics of an entry for each seed, of sampling, and of fits that are random and quick.

    Samples are drawn by ``first`` and the numbers after it.
    """
    runs, fits = [], 0
    sampler, seconds = None, 0.0
    for seed in seeds:
        if sampler is None or (entry.refit and seconds < entries.SECONDS_TO_REFIT):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a calibration that misses its target shows in the ratio
                sampler, seconds = entries.fitted(entry, scorer.pair.latents, seed)
            fits += 1
        begin = time.perf_counter()
        samples = sampler.sample(n, first + seed)
        took = time.perf_counter() - begin
        runs.append({**scorer.score(samples, first + seed), "fit_seconds": seconds, "sample_seconds": took})
    return {"n_fits": fits, **_by_metric(runs), **_chosen(sampler)}


def _chosen(sampler: Any) -> Row:
    """Return what a sampler of the library has chosen by itself."""
    names = ("n_bins_", "n_neighbors_", "scale_", "nn_ratio_", "n_iter_")
    ours = getattr(sampler, "sampler", None)
    values = {name: getattr(ours, name, None) for name in names}
    return {
        "fitted": {name: float(value) for name, value in values.items() if np.ndim(value) == 0 and value is not None}
    }


def _real(scorer: Scorer, seeds: range) -> Row:
    """Return the quality of training images, drawn for each seed, and the novelty of held-out latents."""
    pair, runs = scorer.pair, []
    features = pair.data.train_features
    for seed in seeds:
        rows = np.random.default_rng([seed, 5]).permutation(len(features))[: N_DECODED[pair.data.name]]
        novelty = scorer.novelty(pair.fresh)
        runs.append({**scorer.quality(features[rows]), **novelty, **scorer.fit(pair.latents[rows], seed)})
    return {"n_fits": 0, **_by_metric(runs)}


def _reconstructions(scorer: Scorer, seeds: range) -> Row:
    """Return the quality of decoded held-out latents."""
    pair = scorer.pair
    quality = scorer.quality(pair.reconstruction_features)
    runs = [{**quality, **scorer.novelty(pair.fresh), **scorer.fit(pair.fresh, seed)} for seed in seeds]
    return {"n_fits": 0, **_by_metric(runs)}


def _by_metric(runs: list[Row]) -> Row:
    return {name: [float(f"{run[name]:.6g}") for run in runs] for name in runs[0]}


def _settings(arguments: argparse.Namespace) -> Row:
    """Return what all entries of a file have in common."""
    return {
        "seeds": arguments.seeds,
        "training": pairs.TRAINING,
        "held_out": pairs.HELD_OUT,
        "n_decoded": N_DECODED,
        "n_final": N_FINAL,
        "final_seeds": FINAL_SEEDS,
        "features": {
            "mnist": f"hidden layer of a small classifier, {pairs.CLASSIFIER_EPOCHS} epochs",
            "celeba": f"EfficientNet-Lite0 at {pairs.IMAGE_SIZE} pixels",
            "eyes": f"EfficientNet-Lite0 at {pairs.IMAGE_SIZE} pixels",
        },
        "n_novelty": scoring.N_NOVELTY,
        "n_relations": scoring.N_RELATIONS,
        "n_feature_novelty": scoring.N_FEATURE_NOVELTY,
        "metrics": [*QUALITY, *LATENT],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--eyes", type=Path, help="folder or zip of images; without, the pairs of eyes are skipped")
    parser.add_argument("--work", type=Path, default=Path("build/frontier"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/frontier.json"))
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=list(PAIRS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=150.0, help="seconds that the fit of a mixture may take")
    parser.add_argument("--again", nargs="+", default=[], metavar="SAMPLER", help="measure these samplers anew")
    return parser.parse_args()


if __name__ == "__main__":
    main()
