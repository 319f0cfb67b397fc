r"""A fit of `LocalSampler` to more latents than memory holds: leaf by leaf, through files.

1. One pass surveys the latents. The probes that it finds make the upper levels of the tree (`router`).
2. One pass moves each latent to the file of its leaf (`leaves`).
3. A few leaves, evenly spaced in the order of the tree, stand for all in the calibration.
4. Leaf after leaf is read, cut into neighbourhoods, and written, neighbourhood by neighbourhood, to one mapped file.

The law is that of a fit in memory, but for two things: neighbourhoods do not cross the borders of leaves, and the upper
cuts are at medians of probes, not of all latents. The result depends on the latents, their order and the number of
leaves alone. To the bit, it does not depend on the batches that they come in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from vicinal.samplers import labels
from vicinal.samplers.batches import Batches, Training
from vicinal.samplers.local.leaves import Leaves, mapped
from vicinal.samplers.local.partition import Spread, maker, neighborhoods
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
    def of(cls, n_rows: int, row_bytes: int, max_memory: int) -> Plan | None:
        """Return the plan for ``n_rows`` latents; None if a fit in memory stays within ``max_memory`` bytes."""
        most_rows = max(1, max_memory // (_COPIES * row_bytes))
        if n_rows <= most_rows:
            return None
        n_leaves = 2
        while n_leaves < MOST_LEAVES and n_rows / n_leaves > min(_LEAF_ROWS, most_rows / 2):
            n_leaves *= 2
        return cls(n_leaves, max(1, min(n_leaves, int(min(_CALIBRATION_ROWS, most_rows) * n_leaves / n_rows))))


def fit(batches: Batches, survey: Survey, plan: Plan, settings: Settings) -> dict[str, Any]:
    """Return the fitted attributes of a `LocalSampler`."""
    max_iter, shrinkage = settings.max_iter, settings.shrinkage
    router = Router.of(survey.probes, plan.n_leaves)
    leaves = Leaves(batches, router)
    filled = np.flatnonzero(leaves.counts.sum(axis=0))
    chosen = filled[np.linspace(0, len(filled) - 1, min(len(filled), plan.n_calibrating) + 2).astype(int)[1:-1]]
    held_out = batches.held_out
    if held_out is not None:
        held_out = held_out[np.isin(router.leaf_of(held_out), chosen)]
    some = _together(leaves, batches, chosen)
    n_neighbors, scale, calibration = settings.calibrated(some, held_out, maker(some, max_iter))
    del some

    n, order = int(leaves.counts.sum()), leaves.class_order()
    ends = np.cumsum(leaves.counts[order].ravel()).reshape(len(order), -1)  # class by class, leaf by leaf
    begins = ends - leaves.counts[order]
    rows, numbers = mapped((n, len(survey.lower)), survey.lower.dtype), mapped((n,), np.int64)
    weights = mapped((n,), np.int64) if batches.weighted else None
    starts, spread = [], Spread.around(survey.probes.rows)
    for leaf in filled.tolist():
        for place, training in _classes(leaves, batches, leaf):
            found, first = neighborhoods(training, n_neighbors, max_iter), begins[place, leaf]
            part = slice(first, first + len(training.rows))
            rows[part], numbers[part] = found.training.rows, found.training.numbers
            if weights is not None:
                weights[part] = found.training.weights
            starts.append(first + found.starts[:-1])
            spread = spread.add(found)
        leaves.close(leaf)
    state: dict[str, Any] = {**calibration, "n_neighbors_": n_neighbors, "scale_": scale}
    state |= {"latents_": rows, "rows_": numbers, "variance_ratio_": spread.ratio(shrinkage, scale)}
    state["neighborhood_starts_"] = np.append(np.sort(np.concatenate(starts)), n)
    if weights is not None:
        state["weights_"] = weights
    if leaves.classes:
        state["classes_"] = labels.as_array(labels.in_order(leaves.classes))
        state["class_starts_"] = np.append(begins[:, 0], n)
    return state


def _classes(leaves: Leaves, batches: Batches, leaf: int) -> Iterator[tuple[int, Training]]:
    """Yield the latents of each class in a leaf, with the place of the class."""
    found = leaves.read(leaf)
    for place, label in enumerate(leaves.class_order()):
        some = np.flatnonzero(found.labels == label)
        if len(some):
            weights = found.weights[some] if batches.weighted else None
            yield place, Training(found.rows[some], weights, (), np.array([0, len(some)]), found.numbers[some])


def _together(leaves: Leaves, batches: Batches, chosen: Any) -> Training:
    """Return the latents of some leaves, class by class, each class in each leaf for itself."""
    parts = [(place, part) for leaf in chosen for place, part in _classes(leaves, batches, leaf)]
    parts.sort(key=lambda each: each[0])
    rows, weights, _, _, numbers = zip(*(part for _, part in parts), strict=True)
    ends = np.cumsum([0, *(len(each) for each in rows)])
    return Training(
        np.concatenate(rows),
        np.concatenate(weights) if batches.weighted else None,
        (),
        ends,
        np.concatenate(numbers),
    )
