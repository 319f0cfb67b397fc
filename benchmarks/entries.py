"""What benchmarks/frontier.py measures: every sampler over its own knob, ideas, and references."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import contestants
import grids
import mixtures
import numpy as np
import refined
import vicinities
from pairs import Pair

from vicinal.samplers import BootstrapSampler, KDESampler, LocalSampler, PMFSampler

Array = np.ndarray[Any, Any]

FULL = ("eyes-ae", "mnist-ae", "celeba-ae")  # the pairs that get ideas, and mixtures of scaled covariances
SECONDS_TO_REFIT = 10.0
AMOUNTS = {"eyes-ae": "all", "mnist-ae": "all", "celeba-ae": "some"}  # of the settings; "few" of other pairs
N_NEIGHBORS = {
    "all": (8, 16, 24, 32, 48, 64, 96, 128, 256),
    "some": (8, 16, 24, 32, 48, 64, 96, 128),
    "few": (16, 24, 32, 48, 64, 96, 128),
}
WITHOUT_STEPS = {"all": (8, 16, 24, 32, 64, 128), "some": (16, 32, 64), "few": (16, 32)}
SHRUNK = {"all": (32, 64), "some": (32,), "few": ()}
SCALED = {"all": (32, 48, 64, 96, 128, 256), "some": (48, 64, 96, 128), "few": (48, 64, 96, 128, 256)}
SCALES = (0.9, 0.95)
N_BINS = {"all": (4, 6, 7, 8, 9, 10, 16, 32, "auto"), "some": (8, 16, "auto"), "few": (8, "auto")}
KDE_RATIOS = {"all": (0.7, 0.9, 1.0, 1.1, 1.3), "some": (0.9, 1.0, 1.1), "few": (0.9, 1.0, 1.1)}
BOX_RATIOS = {"all": (0.7, 0.9, 1.1, 1.3), "some": (0.9, 1.1), "few": (0.9, 1.1)}
INTERPOLATED = {"all": (5, 20), "some": (5,), "few": (5,)}
N_COMPONENTS = {"all": (1, 3, 10, 30, 100), "some": (10, 30, 100), "few": (10, 30, 100)}
MORE_COMPONENTS = {
    "eyes-ae": (200,),
    "eyes-rae-l2": (200,),
    "celeba-ae": (200, 300),
    "celeba-rae-l2": (200, 300),
    "mnist-ae": (200, 500),
    "mnist-vae": (200,),
    "mnist-rae-l2": (200,),
}
FINAL_IDEAS = (("cells, refined by EM", {"K": 64, "iterations": 12}), ("cells, 8 trees", {"K": 16}))
EQUALLY_NEW = "LocalSampler, as new as a mixture"
METRICS = ("frechet_to_reconstructions", "frechet_distance")
LEAST_RATIO = 0.97  # of the finalists: 1, to within the tolerance of a calibration
FLOW_EPOCHS = {"mnist": 6, "celeba": 12, "eyes": 40}
NARROWER = (0.7, 0.85)  # by which covariances are multiplied, of the two k whose ratios are next above 1
WIDER = (1.15,)  # of the k whose ratio is next below 1
N_JACOBIAN = 200


class Entry(NamedTuple):
    """A sampler at one setting; ``make(seed)`` returns an object with ``fit(latents)`` and ``sample(n, seed)``."""

    sampler: str
    group: str
    knob: dict[str, Any]
    make: Callable[[int], Any]
    refit: bool = False  # whether a fit is random


class Ours:
    """A sampler of the library, which draws by seed; calibrated by held-out latents, if there are any."""

    def __init__(self, sampler: Any, held_out: Array | None = None) -> None:
        self.sampler, self.held_out = sampler, held_out

    def fit(self, latents: Array) -> None:
        """Fit."""
        self.sampler.fit(latents, **({} if self.held_out is None else {"calibration_latents": self.held_out}))

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        return self.sampler.sample(n, random_state=random_state)


class Mixture:
    """A Gaussian mixture from its file, or fitted now; ``seconds`` is what the fit took whenever it was."""

    def __init__(self, work: Path, pair: str, n_components: int, seed: int, limit: float, factor: float = 1.0) -> None:
        self.latents, self.path = work / f"{pair}-latents.npz", work / f"{pair}-gmm{n_components}-{seed}.safetensors"
        self.arguments, self.factor = (n_components, seed, limit), factor

    def fit(self, latents: Array) -> None:
        """Take the mixture from its file, or fit it."""
        sampler, self.seconds = mixtures.fitted(self.latents, self.path, *self.arguments)
        self.sampler = sampler if self.factor == 1 else mixtures.widened(sampler, self.factor)

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        return self.sampler.sample(n, random_state=random_state)


class Rival:
    """One of benchmarks/contestants.py, all of which carry their own generator."""

    def __init__(self, contestant: Any) -> None:
        self.contestant = contestant

    def fit(self, latents: Array) -> None:
        """Fit."""
        self.contestant.fit(latents)

    def sample(self, n: int, random_state: int) -> Array:
        """Draw n latents."""
        import torch

        torch.manual_seed(random_state)
        self.contestant.generator = np.random.default_rng(random_state)
        return np.asarray(self.contestant.sample(n), dtype=np.float32)


class LimitedFlow(contestants.Flow):
    """The spline flow in small batches, for at most a number of epochs that keeps its training within a minute."""

    batch_size, learning_rate, patience = 512, 2e-3, 3

    def __init__(self, n_epochs: int) -> None:
        super().__init__(trial=False)
        self.n_epochs = n_epochs


def main_entries(pair: Pair, fresh_distance: float, work: Path, limit: float) -> list[Entry]:
    """Return every sampler over its knob; widths of noise are such that nn ratios come out about as listed above."""
    d, amount = pair.latents.shape[1], AMOUNTS.get(pair.name, "few")
    bandwidths = [_rounded(ratio * fresh_distance / d**0.5) for ratio in KDE_RATIOS[amount]]
    widths = [_rounded(ratio * fresh_distance * (3 / d) ** 0.5) for ratio in BOX_RATIOS[amount]]
    components = (*N_COMPONENTS[amount], *MORE_COMPONENTS.get(pair.name, ()))
    epochs = FLOW_EPOCHS[pair.data.name]
    return [
        *local_entries(amount),
        *(_ours("PMF cells", {"n_bins": b}, PMFSampler(b)) for b in N_BINS[amount]),
        *(Entry("GMM", "main", {"n_components": k}, _mixture(pair, work, k, limit), True) for k in components),
        *(_ours("KDE", {"bandwidth": h}, KDESampler(h)) for h in bandwidths),
        *(Entry("box", "main", {"half_width": h}, lambda _, h=h: grids.Box(h)) for h in widths),
        *(
            Entry("SMOTE", "main", {"n_neighbors": k}, lambda _, k=k: grids.Interpolation(k))
            for k in INTERPOLATED[amount]
        ),
        Entry("copula", "main", {}, lambda _: Rival(contestants.Copula(False))),
        Entry("spline flow", "main", {"n_epochs": epochs}, lambda _: Rival(LimitedFlow(epochs)), True),
    ]


def local_entries(amount: str) -> list[Entry]:
    """Return the settings of `vicinal.samplers.LocalSampler`."""
    settings: list[dict[str, Any]] = [
        {},
        *({"n_neighbors": k, "scale": 1.0} for k in N_NEIGHBORS[amount]),
        *({"n_neighbors": k, "scale": 1.0, "shrinkage": 0.5} for k in SHRUNK[amount]),
        *({"n_neighbors": k, "scale": a} for k in SCALED[amount] for a in SCALES),
        *({"n_neighbors": k, "scale": 1.0, "max_iter": 0} for k in WITHOUT_STEPS[amount]),
    ]
    return [_local(knob or {"n_neighbors": "auto"}) for knob in settings]


def widened_entries(pair: Pair, rows: Iterable[dict[str, Any]], work: Path, limit: float) -> list[Entry]:
    """Return mixtures of scaled covariances, of the two k whose ratios are next above 1, and of the one next below."""
    ratios = {
        row["knob"]["n_components"]: float(np.mean(row["nn_ratio"]))
        for row in _main_rows(pair, rows)
        if row["sampler"] == "GMM"
    }
    above = sorted((k for k in ratios if ratios[k] >= 1), key=ratios.__getitem__)[:2]
    below = sorted((k for k in ratios if ratios[k] < 1), key=ratios.__getitem__)[-1:]
    return [
        Entry("GMM, scaled", "main", {"n_components": k, "factor": f}, _mixture(pair, work, k, limit, f), True)
        for some, factors in ((above, NARROWER), (below, WIDER))
        for k in some
        for f in factors
    ]


def idea_entries(pair: Pair) -> list[Entry]:
    """Return the ideas."""
    neighbors, tree = vicinities.Neighbors, vicinities.Cells
    made: list[tuple[str, dict[str, Any], Callable[..., Any]]] = []
    made += [("nearest neighbours", {"K": k}, lambda K: neighbors(K)) for k in (50, 200, 1000)]
    made += [
        ("nearest neighbours, calibrated", {"K": k, "s": s}, lambda K, s: neighbors(K, s, pair.fresh))
        for k, s in ((20, 1.0), (50, 1.0), (50, 0.5))
    ]
    made += [("adaptive neighbours", {"factor": 4}, lambda factor: vicinities.AdaptiveNeighbors(factor))]
    made += [("tangents with a floor", {"K": 50}, lambda K: vicinities.Tangents(K))]
    made += [("neighbours, covariance restored", {"K": k}, lambda K: grids.Restored(neighbors(K))) for k in (20, 50)]
    made += [("cells, whitened", {"K": 16}, lambda K: tree(K, view=vicinities.whitened))]
    made += [("cells, parallel to axes", {"K": 16}, lambda K: tree(K, parallel=True))]
    made += [("cells, heavier tails", {"K": k}, lambda K: tree(K, heavy=True)) for k in (16, 32)]
    made += [("cells, 8 trees", {"K": k}, lambda K: tree(K, n_trees=8)) for k in (16, 32)]
    made += [
        ("cells, residuals shared", {"K": k, "l": share}, lambda K, l: tree(K, shrinkage=l))  # noqa: E741
        for k, share in ((8, 0.3), (16, 0.1), (16, 0.3), (32, 0.1))
    ]
    made += [
        ("cells, refined by EM", {"K": k, "iterations": i}, lambda K, iterations: refined.RefinedCells(K, iterations))
        for k, i in ((64, 12), (120, 12), (120, 48))
    ]
    made += [("PMF on quantiles", {"n_bins": b}, lambda n_bins: grids.QuantileCells(n_bins)) for b in (4, 8)]
    made += [("PMF on principal axes", {"n_bins": "auto"}, lambda n_bins: grids.RotatedCells(n_bins))]
    made += [("two-level cells", {"n_bins": b}, lambda n_bins: grids.TwoLevelCells(n_bins)) for b in (3, 4)]
    if pair.name == "mnist-ae":
        view = _decoder_view(pair)
        made += [("cells, decoder-aware", {"K": k}, lambda K: tree(K, view=view)) for k in (16, 32)]
    return [Entry(name, "idea", knob, lambda _, m=make, o=knob: m(**o)) for name, knob, make in made]


def kde_restored(bandwidths: Iterable[float]) -> list[Entry]:
    """Return kernel density estimates whose samples are mapped to the moments of the latents."""
    return [
        Entry("KDE, covariance restored", "idea", {"bandwidth": h}, lambda _, h=h: grids.Restored(Ours(KDESampler(h))))
        for h in bandwidths
    ]


def finalists(pair: Pair, rows: Iterable[dict[str, Any]], work: Path, limit: float) -> list[Entry]:
    """Return what is measured again with many samples.

    These are `LocalSampler` as it comes; of it and of mixtures, each as they are and with narrower or wider noise, the
    settings of nn ratio at least 1, and at least 0.97, that came out best by the distance to reconstructions, and by that
    to held-out images; `LocalSampler` calibrated to the ratios of the best mixtures, by the latents that the ratio is measured with;
    `LocalSampler` whose latents are drawn independently; and two ideas.
    """
    entries = [_local({"n_neighbors": "auto"})]
    for least in (1.0, LEAST_RATIO):
        found = _new(pair, rows, least)
        local = [row for row in found if row["sampler"] == "LocalSampler" and "auto" not in row["knob"].values()]
        for scaled in (False, True):
            some = [row for row in local if (row["knob"]["scale"] != 1) == scaled]
            entries += [_local(row["knob"]) for row in _best(some)]
        for name in ("GMM", "GMM, scaled"):
            for row in _best([row for row in found if row["sampler"] == name]):
                knob = row["knob"]
                make = _mixture(pair, work, knob["n_components"], limit, knob.get("factor", 1.0))
                entries.append(Entry(name, "main", knob, make, True))
    for row in _best([row for row in _new(pair, rows, LEAST_RATIO) if row["sampler"].startswith("GMM")]):
        knob = {"novelty": round(float(np.mean(row["nn_ratio"])), 2)}
        entries.append(_ours(EQUALLY_NEW, knob, LocalSampler(**knob), held_out=pair.fresh))
    entries.append(Entry("LocalSampler, drawn independently", "final", {}, lambda _: vicinities.IndependentDraws()))
    if pair.name in FULL:
        entries += [entry for entry in idea_entries(pair) if (entry.sampler, entry.knob) in FINAL_IDEAS]
    unique = {(entry.sampler, str(entry.knob)): entry for entry in [*entries, copies()]}
    return [entry._replace(group="final") for entry in unique.values()]


def _main_rows(pair: Pair, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what was measured of the main list, without what failed."""
    return [row for row in rows if (row["pair"], row["group"]) == (pair.name, "main") and "failed" not in row]


def _new(pair: Pair, rows: Iterable[dict[str, Any]], least: float) -> list[dict[str, Any]]:
    """Return what of the main list has at least that nn ratio."""
    return [row for row in _main_rows(pair, rows) if np.mean(row["nn_ratio"]) >= least]


def _best(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the best row by each distance."""
    return [min(rows, key=lambda row: float(np.mean(row[metric]))) for metric in METRICS if rows]


def copies() -> Entry:
    """Return the row of copies."""
    return _ours("copies", {}, BootstrapSampler(), "reference")


def fitted(entry: Entry, latents: Array, seed: int) -> tuple[Any, float]:
    """Return the sampler, fitted, and the seconds that took."""
    sampler = entry.make(seed)
    begin = time.perf_counter()
    sampler.fit(latents)
    return sampler, getattr(sampler, "seconds", time.perf_counter() - begin)


def _ours(name: str, knob: dict[str, Any], sampler: Any, group: str = "main", held_out: Array | None = None) -> Entry:
    return Entry(name, group, knob, lambda _: Ours(sampler, held_out))


def _local(knob: dict[str, Any]) -> Entry:
    return _ours("LocalSampler", knob, LocalSampler(**knob))


def _mixture(pair: Pair, work: Path, k: int, limit: float, factor: float = 1.0) -> Callable[[int], Mixture]:
    return lambda seed: Mixture(work, pair.name, k, seed, limit, factor)


def _decoder_view(pair: Pair) -> Callable[[Array], Array]:
    """Return a map that scales each dimension by the root mean square of its column of the decoder's Jacobian."""
    rows = pair.latents[:: len(pair.latents) // N_JACOBIAN][:N_JACOBIAN]
    steps = 0.05 * pair.latents.std(axis=0)
    before = pair.decode(rows).reshape(len(rows), -1)
    columns = []
    for j, step in enumerate(steps):
        moved = rows.copy()
        moved[:, j] += step
        change = (pair.decode(moved).reshape(len(rows), -1) - before) / step
        columns.append(np.sqrt(np.square(change).sum(axis=1).mean()))
    scales = np.array(columns, dtype=np.float32)
    return lambda latents: latents * scales


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
