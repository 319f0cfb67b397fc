r"""Latents that are added to neighbourhoods: those that they touch grow, and are cut when they are large.

1. A new latent goes to the neighbourhood of its class whose mean is nearest; of equally near ones, to the first.
2. A neighbourhood that then has 2 K latents or more is cut anew, as in a fit of its latents alone.

Neighbourhoods that no latent goes to keep their bits. The latents of a new class are cut as in a fit. A new latent
costs O(d) for each mean, so adding m latents to n costs O(m n d / K).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from vicinal import neighbors
from vicinal._arrays import Array
from vicinal.samplers import labels
from vicinal.samplers.batches import Training
from vicinal.samplers.local.leaves import mapped
from vicinal.samplers.local.partition import Neighborhoods, means_of, neighborhoods


def add(old: Neighborhoods, new: Training, n_neighbors: int, max_iter: int) -> Neighborhoods:
    """Return the neighbourhoods of the old and the new latents; in memory maps if the old ones are in such."""
    both = (*old.training.classes, *new.classes)
    classes = labels.in_order(both) if both else (None,)
    pieces, ends = [], [0]
    for label in classes:
        within = list(_grown(old.of_class(label), new.part(*new.place_of(label)), n_neighbors, max_iter))
        pieces.extend(within)
        ends.append(ends[-1] + sum(len(piece.training.rows) for piece in within))
    return _joined(pieces, classes if both else (), np.array(ends), old.training)


def _grown(old: Neighborhoods, new: Training, n_neighbors: int, max_iter: int) -> Iterator[Neighborhoods]:
    """Yield the neighbourhoods of one class in order, those that are as they were together."""
    if len(old.training.rows) == 0:
        yield neighborhoods(new, n_neighbors, max_iter)
        return
    n_old, done = len(old.starts) - 1, 0
    if len(new.rows):
        means = means_of(old.training.rows, old.training.weights, old.starts)
        places = neighbors.nearest_rows(new.rows.astype(np.float64), means)[1]
        order = np.argsort(places, kind="stable")
        new, touched = new.take(order), np.unique(places)
        firsts = np.append(np.searchsorted(places[order], touched), len(order))
        for place, (first, last) in zip(touched.tolist(), pairwise(firsts.tolist()), strict=True):
            if place > done:
                yield old.part(done, place)
            grown = _together(old.part(place, place + 1).training, new.part(first, last))
            if len(grown.rows) >= 2 * n_neighbors:
                yield neighborhoods(grown, n_neighbors, max_iter)
            else:
                yield Neighborhoods(grown, grown.class_starts)
            done = place + 1
    if done < n_old:
        yield old.part(done, n_old)


def _together(old: Training, new: Training) -> Training:
    """Return the latents of both, as one class."""
    weights = None
    if old.weights is not None or new.weights is not None:
        weights = np.concatenate([_weights(old), _weights(new)])
    rows, numbers = np.concatenate([old.rows, new.rows]), np.concatenate([old.numbers, new.numbers])
    return Training(rows, weights, (), np.array([0, len(rows)]), numbers)


def _weights(training: Training) -> Array:
    return np.ones(len(training.rows), np.int64) if training.weights is None else training.weights


def _joined(
    pieces: Sequence[Neighborhoods], classes: tuple[Hashable, ...], class_starts: Array, like: Training
) -> Neighborhoods:
    """Return all pieces as one, with the latents in order."""
    new = mapped if isinstance(like.rows, np.memmap) else np.empty
    n = int(class_starts[-1])
    rows, numbers = new((n, like.rows.shape[1]), like.rows.dtype), new((n,), np.int64)
    weighted = any(piece.training.weights is not None for piece in pieces)
    weights = new((n,), np.int64) if weighted else None
    starts, first = [], 0
    for training, firsts in pieces:
        part = slice(first, first + len(training.rows))
        rows[part], numbers[part] = training.rows, training.numbers
        if weights is not None:
            weights[part] = _weights(training)
        starts.append(first + firsts[:-1])
        first = part.stop
    training = Training(rows, weights, classes, class_starts, numbers)
    return Neighborhoods(training, np.append(np.concatenate(starts), n))
