"""Samples of shards: a task divides the samples of a chunk among shards, and each shard draws its own."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from operator import getitem
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from dask import array
from dask._task_spec import DataNode, Task, TaskRef
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph

from vicinal._arrays import Array
from vicinal.rng import Draws
from vicinal.samplers import LocalSampler
from vicinal.samplers.by_class import starts_of
from vicinal.samplers.local.mixing import mix


def sample_shards(
    shards: Sequence[Delayed], work: Division, rows: Sequence[int], places: Array | None, start: int, empty: Array
) -> array.Array:
    """Return samples as a dask array of chunks of so many ``rows``, within the classes at ``places`` if given."""
    run = uuid4().hex
    name, shared = f"sample-{run}", DataNode(f"shards-{run}", work)
    tasks: list[Any] = [shared]
    for i, n in enumerate(rows):
        some = None if places is None else places[:n]
        places = None if places is None else places[n:]
        plan = Task((f"plan-{run}", i), _pieces, TaskRef(shared.key), start, n, some)
        cut = [Task((f"piece-{run}", i, k), getitem, TaskRef(plan.key), k) for k in range(len(shards) + 1)]
        drawn = [
            Task((f"drawn-{run}", i, k), _drawn, TaskRef(shared.key), TaskRef(shard.key), TaskRef(piece.key))
            for k, (shard, piece) in enumerate(zip(shards, cut[1:], strict=True))
        ]
        references = [TaskRef(task.key) for task in (cut[0], *drawn)]
        chunk = Task((name, i, *[0] * (empty.ndim - 1)), _joined, empty[:0], *references)
        tasks += [plan, *cut, *drawn, chunk]
        start += n
    graph = HighLevelGraph.from_collections(name, {task.key: task for task in tasks}, dependencies=shards)
    return array.Array(graph, name, (tuple(rows), *((side,) for side in empty.shape[1:])), meta=empty)


class Division(NamedTuple):
    """What divides samples among shards: the seed, the classes, and their masses (max(n_classes, 1), n_shards)."""

    key: int
    classes: tuple[Hashable, ...]
    masses: Array


class _Piece(NamedTuple):
    """Samples that a shard draws: rows of the stream, the places of classes or None, and which mass of which class."""

    rows: Array
    places: Array | None
    labels: Array
    masses: Array


def _pieces(work: Division, start: int, n_samples: int, places: Array | None) -> list[Any]:
    """Return where in the chunk the samples of each shard are, and then the piece of each shard."""
    draws, n_shards = Draws(work.key, start, n_samples, places), work.masses.shape[1]
    ends = np.append(0, np.cumsum(work.masses.ravel()))  # class by class, shard by shard
    first, last = (0, ends[-1]) if places is None else (ends[places * n_shards], ends[(places + 1) * n_shards])
    chosen = first + draws.choices(last - first)
    at = np.searchsorted(ends, chosen, side="right") - 1
    label, shard = np.divmod(at, n_shards)
    where = [np.flatnonzero(shard == k) for k in range(n_shards)]
    rows, masses = draws.rows, chosen - ends[at]
    pieces = [_Piece(rows[some], None if places is None else places[some], label[some], masses[some]) for some in where]
    return [where, *pieces]


def _drawn(work: Division, shard: LocalSampler, piece: _Piece) -> Array:
    """Return the samples of a piece."""
    weights, starts = getattr(shard, "weights_", None), starts_of(shard, len(shard.latents_))
    first = starts[:1]  # the first latent of each class
    if work.classes:
        place = {label: k for k, label in enumerate(shard.classes_.tolist())}
        first = np.array([starts[place.get(label, 0)] for label in work.classes])
    own = first[piece.labels] + piece.masses
    if weights is not None:
        ends = np.append(0, np.cumsum(weights))
        own = np.searchsorted(ends, ends[first[piece.labels]] + piece.masses, side="right") - 1
    samples: Array = shard._finished(
        mix(
            work.key, piece.rows, piece.places, shard.latents_, weights, shard.neighborhood_starts_, own,
            shard.shrinkage, shard.scale_,
        )
    )  # fmt: skip
    return samples


def _joined(empty: Array, where: Sequence[Array], *drawn: Array) -> Array:
    """Return the samples of a chunk, of the shape and type of ``empty``."""
    samples = np.empty((sum(map(len, where)), *empty.shape[1:]), empty.dtype)
    for some, rows in zip(where, drawn, strict=True):
        samples[some] = rows
    return samples
