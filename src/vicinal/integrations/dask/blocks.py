"""Neighbours among rows on the workers: each part of the queries against each part of the rows.

A task takes two parts. What it finds of a query is as small as the answer: the nearest row, the k nearest distances, a
count. A tree of tasks reduces the answers of all parts of the rows. Neighbours of a pair of parts are those of
`vicinal.neighbors`, and their distances are measured exactly there. So the answers are those for all rows at once, but
where rounding decides between neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from dask import delayed
from dask.delayed import Delayed

from vicinal import neighbors
from vicinal._arrays import Array
from vicinal.evaluation.rows import Rows
from vicinal.metrics import neighborhoods
from vicinal.metrics.neighborhoods import Inside
from vicinal.neighbors import Scaling
from vicinal.samplers.on_dask.tree import computed


def nearest(queries: Sequence[Delayed], rows: Sequence[tuple[Delayed, int]], scaling: Scaling | None) -> Any:
    """Return distance to, and index of, the nearest row of each query; ``rows`` are parts with their first indices."""
    work, shared = delayed(_nearest, pure=False), delayed(scaling, traverse=False)
    found = [_tree([work(query, part, start, shared) for part, start in rows], _nearer) for query in queries]
    distances, index = zip(*computed(delayed(list)(found)), strict=True)
    return np.concatenate(distances), np.concatenate(index)


def nth_others(
    queries: Sequence[tuple[Delayed, Array]], rows: Sequence[tuple[Delayed, int]], n: int, scaling: Scaling | None
) -> Array:
    """Return the distance of each query from its n-th nearest other row; queries come with their own indices."""
    work, shared = delayed(_k_others, pure=False), delayed(scaling, traverse=False)
    found = [
        delayed(_last, pure=False)(_tree([work(query, own, part, start, n, shared) for part, start in rows], _least))
        for query, own in _held(queries)
    ]
    return np.concatenate(computed(delayed(list)(found)))


def inside(real: Sequence[tuple[Delayed, Array]], generated: Sequence[tuple[Delayed, Array]], centre: Array) -> Inside:
    """Return which rows are in the balls of the others; parts come with the radii of their rows."""
    work, about = delayed(_inside, pure=False), delayed(centre, traverse=False)
    a_side, b_side = _held(real), _held(generated)
    pairs = [[work(a, b, ra, rb, about) for b, rb in b_side] for a, ra in a_side]
    of_real = [_tree([_part(pair, "recalled", "covered") for pair in row], _either) for row in pairs]
    of_generated = [_tree([_part(pair, "around") for pair in column], _sum) for column in zip(*pairs, strict=True)]
    found_real, found_generated = computed(delayed(list)([delayed(list)(of_real), delayed(list)(of_generated)]))
    recalled, covered = (np.concatenate(each) for each in zip(*found_real, strict=True))
    return Inside(np.concatenate([around for (around,) in found_generated]), recalled, covered)


def _tree(values: Sequence[Delayed], merge: Callable[[Any, Any], Any]) -> Delayed:
    """Return what a function of two makes of all values."""
    merged, values = delayed(merge, pure=False), list(values)
    while len(values) > 1:
        pairs = [merged(a, b) for a, b in zip(values[::2], values[1::2], strict=False)]
        values = pairs + values[len(values) // 2 * 2 :]
    return values[0]


def _held(parts: Sequence[tuple[Delayed, Array]]) -> list[tuple[Delayed, Delayed]]:
    """Return parts with arrays that travel once, not with every task."""
    return [(part, delayed(values, traverse=False)) for part, values in parts]


def _nearest(queries: Array, rows: Array, start: int, scaling: Scaling | None) -> tuple[Array, Array]:
    distances, index = Rows(queries).nearest_in(Rows(rows), scaling)
    return distances, index + start


def _nearer(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
    nearer = (b[0] < a[0]) | ((b[0] == a[0]) & (b[1] < a[1]))
    return np.where(nearer, b[0], a[0]), np.where(nearer, b[1], a[1])


def _k_others(queries: Array, own: Array, rows: Array, start: int, n: int, scaling: Scaling | None) -> Array:
    """Return the n smallest distances of each query from other rows, (m, n); infinity if there are less."""
    given = [Rows(each)[:] if scaling is None else scaling(Rows(each)[:]) for each in (rows, queries)]
    distances, index = neighbors.k_nearest(given[0], min(n + 1, len(rows)), given[1])
    distances = np.where(index + start == own[:, None], np.inf, distances)
    distances = np.sort(distances, axis=1)[:, :n]
    return np.pad(distances, ((0, 0), (0, n - distances.shape[1])), constant_values=np.inf)


def _least(a: Array, b: Array) -> Array:
    return np.sort(np.concatenate([a, b], axis=1), axis=1)[:, : a.shape[1]]


def _last(distances: Array) -> Array:
    return distances[:, -1]


def _inside(real: Array, generated: Array, radii: Array, generated_radii: Array, centre: Array) -> Inside:
    return neighborhoods.inside(Rows(real), Rows(generated), radii, generated_radii, centre)


def _part(found: Delayed, *names: str) -> Delayed:
    return delayed(_fields, pure=False)(found, names)


def _fields(found: Inside, names: Sequence[str]) -> tuple[Array, ...]:
    return tuple(getattr(found, name) for name in names)


def _either(a: tuple[Array, ...], b: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(x | y for x, y in zip(a, b, strict=True))


def _sum(a: tuple[Array, ...], b: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))
