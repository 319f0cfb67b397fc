r"""A fit of `LocalSampler` to more latents than memory holds: leaf by leaf.

1. One pass surveys the latents. The probes that it finds make the upper levels of the tree (`router`).
2. One pass moves each latent to its leaf: to a file (`leaves`), or on dask to a worker (`vicinal.samplers.on_dask`).
3. A few leaves, evenly spaced in the order of the tree, stand for all in the calibration.
4. Leaf after leaf is cut into neighbourhoods.

The law is that of a fit in memory, but for two things: neighbourhoods do not cross the borders of leaves, and the upper
cuts are at medians of probes, not of all latents. With one leaf, the fit is the one in memory. The result depends on
the latents, their order and the number of leaves alone. To the bit, it does not depend on the batches that they come
in, nor on the workers.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple, Self

import numpy as np

from vicinal._arrays import Array
from vicinal.samplers import labels
from vicinal.samplers.batches import Batches
from vicinal.samplers.counts import smallest
from vicinal.samplers.local.leaves import LeafFit, Leaves, mapped
from vicinal.samplers.local.router import MOST_LEAVES, Router
from vicinal.samplers.local.settings import Settings
from vicinal.samplers.survey import Survey

_COPIES = 16  # of the latents of a leaf, at most, that a fit of it takes
_LEAF_ROWS = 1 << 17  # latents in a leaf, if memory allows as many
_CALIBRATION_ROWS = 1 << 19  # latents in the leaves that stand for all, if memory allows as many


class Plan(NamedTuple):
    """How many leaves there are, and how many of them a calibration takes."""

    n_leaves: int
    n_calibrating: int

    @classmethod
    def of(cls, n_rows: int, row_bytes: int, max_memory: int | None) -> Plan:
        """Return the plan for ``n_rows`` latents; one leaf if a fit of it stays within ``max_memory`` bytes."""
        most_rows = sys.maxsize if max_memory is None else max(1, max_memory // (_COPIES * row_bytes))
        n_leaves = 1
        if max_memory is None or n_rows > most_rows:
            while n_leaves < MOST_LEAVES and n_rows / n_leaves > min(_LEAF_ROWS, most_rows / 2):
                n_leaves *= 2
        return cls(n_leaves, max(1, min(n_leaves, int(min(_CALIBRATION_ROWS, most_rows) * n_leaves / n_rows))))


class Begun(NamedTuple):
    """A fit whose leaves are to be cut into neighbourhoods: where they are, the attributes so far, and moments."""

    leaves: Any
    n_neighbors: int
    scale: float
    calibration: dict[str, float]
    place: Array

    @classmethod
    def of(cls, batches: Batches, survey: Survey, plan: Plan, settings: Settings) -> Self:
        """Move the latents to their leaves, and calibrate."""
        router = Router.of(survey.probes, plan.n_leaves)
        leaves = _leaves_of(batches, router)
        filled = np.flatnonzero(leaves.counts.sum(axis=0))
        chosen = filled[np.linspace(0, len(filled) - 1, min(len(filled), plan.n_calibrating) + 2).astype(int)[1:-1]]
        held_out = batches.held_out
        if held_out is not None:
            held_out = held_out[np.isin(router.leaf_of(held_out), chosen)]
        n_neighbors, scale, calibration = leaves.calibrated(settings, chosen.tolist(), held_out)
        return cls(leaves, n_neighbors, scale, calibration, survey.probes.rows.mean(axis=0, dtype=np.float64))


def fit(batches: Batches, survey: Survey, plan: Plan, settings: Settings) -> dict[str, Any]:
    """Return the fitted attributes of a `LocalSampler`."""
    begun = Begun.of(batches, survey, plan, settings)
    leaves = begun.leaves
    fits = leaves.fitted(begun.n_neighbors, settings.max_iter, begun.place)
    state: dict[str, Any] = {**begun.calibration, "n_neighbors_": begun.n_neighbors, "scale_": begun.scale}
    joined = join(fits, leaves.counts, leaves.classes, in_files=plan.n_leaves > 1)
    spread = joined.pop("spread")
    return state | joined | {"variance_ratio_": spread.ratio(settings.shrinkage, begun.scale)}


def join(fits: Iterable[LeafFit], counts: Array, classes: tuple[Hashable, ...], *, in_files: bool) -> dict[str, Any]:
    """Return the neighbourhoods of all leaves as fitted attributes, class by class, and their moments as ``spread``.

    ``counts`` are those of `Leaves`. ``fits`` are those of the leaves that have latents, in order.
    """
    new, n = mapped if in_files else np.empty, int(counts.sum())
    begins = np.cumsum(counts.ravel()).reshape(counts.shape) - counts
    state: dict[str, Any] = {}
    starts, spread = [], None
    for leaf, (found, moments) in zip(np.flatnonzero(counts.sum(axis=0)).tolist(), fits, strict=True):
        training = found.training
        if not state:
            state = {"latents_": new((n, training.rows.shape[1]), training.rows.dtype), "rows_": new((n,), np.int64)}
            state |= {} if training.weights is None else {"weights_": new((n,), np.int64)}
        for k in np.flatnonzero(counts[:, leaf]).tolist():
            (rows, weights, _, _, numbers), firsts = found.of_class(classes[k] if classes else None)
            part = slice(begins[k, leaf], begins[k, leaf] + len(rows))
            state["latents_"][part], state["rows_"][part] = rows, numbers
            if weights is not None:
                state["weights_"][part] = weights
            starts.append(part.start + firsts[:-1])
        spread = moments if spread is None else spread.merge(moments)
    if not in_files:
        state["rows_"] = smallest(state["rows_"])
    state |= {"neighborhood_starts_": np.append(np.sort(np.concatenate(starts)), n), "spread": spread}
    if classes:
        state |= {"classes_": labels.as_array(classes), "class_starts_": np.append(begins[:, 0], n)}
    return state


def _leaves_of(batches: Any, router: Router) -> Any:
    """Return the latents leaf by leaf: in files, or on the workers of dask if they are there."""
    if not batches.on_dask:
        return Leaves(batches, router)
    from vicinal.samplers.on_dask.leaves import DaskLeaves

    return DaskLeaves(batches, router)
