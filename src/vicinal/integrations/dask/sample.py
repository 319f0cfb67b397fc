"""Samples as a dask array, drawn on the workers."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, pairwise
from typing import Any
from uuid import uuid4

import numpy as np
from dask import array, delayed
from dask._task_spec import Task, TaskRef
from dask.highlevelgraph import HighLevelGraph
from sklearn.utils.validation import check_is_fitted

from vicinal import _arrays, _validation, rng
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.integrations.dask.shard_draws import Division, sample_shards
from vicinal.integrations.dask.shards import Shards
from vicinal.samplers import Sampler, labels


def sample(
    sampler: Sampler | Shards,
    n_samples: int,
    chunks: Any = "auto",
    *,
    y: Any = None,
    random_state: Any = None,
    start: int = 0,
) -> array.Array:
    """Return new latents as a dask array, whose chunks are drawn on the workers.

    The rows are those of ``sampler.sample(n_samples)``, whatever the chunks and the workers. The sampler travels once
    to each worker.

    Parameters
    ----------
    sampler : Sampler or Shards
        Fitted. Each shard draws what is in its region, where it is.
    n_samples : int
        Number of rows, at least 0.
    chunks : "auto", int or tuple of int
        Rows of a chunk, or of each; ``"auto"`` takes the size that dask is configured for.
    y, random_state, start
        As in `Sampler.sample`. Without a seed, the seed is drawn now: the array is the same each time it is computed.

    Returns
    -------
    dask.array.Array of shape (n_samples, *event_shape_)
        Of the type that `fit` saw; NumPy arrays.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        Before `fit`.
    InvalidInputError, InvalidTypeError
        For arguments that cannot be used, and for ``y`` if `fit` had no labels.

    Examples
    --------
    >>> from vicinal.samplers import PMFSampler
    >>> sampler = PMFSampler(4, random_state=0).fit(np.eye(3))
    >>> latents = sample(sampler, 10, chunks=4)
    >>> latents.chunks
    ((4, 4, 2), (3,))
    >>> bool((latents.compute() == sampler.sample(10)).all())
    True
    """
    if isinstance(sampler, Shards):
        return _sample_of_shards(sampler, n_samples, chunks, y, random_state, start)
    check_is_fitted(sampler)
    n_samples, start = _validation.check_row_range(n_samples, start)
    key = rng.seed_key(sampler.random_state if random_state is None else random_state)
    several = y is not None and labels.are_several(y, getattr(sampler, "classes_", np.zeros(0)))
    y = labels.labels_of(y, n_samples) if several else y
    each = list(dict.fromkeys(y)) if several else y
    empty = _drawn(sampler, len(each) if several else 0, 0, key, each)[:0]  # the errors of y are raised here
    rows = rows_of_chunks(chunks, n_samples, empty)
    name, shared, layer = f"sample-{uuid4().hex}", delayed(sampler, traverse=False), {}
    for i, (first, last) in enumerate(pairwise(accumulate(rows, initial=0))):
        some = y[first:last] if several else y
        draw = partial(_drawn, n_samples=last - first, start=start + first, key=key, y=some)
        key_of_chunk = (name, i, *[0] * (empty.ndim - 1))
        layer[key_of_chunk] = Task(key_of_chunk, draw, TaskRef(shared.key))
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[shared])
    return array.Array(graph, name, (rows, *((side,) for side in empty.shape[1:])), meta=empty)


def _sample_of_shards(
    shards: Shards, n_samples: int, chunks: Any, y: Any, random_state: Any, start: int
) -> array.Array:
    n_samples, start = _validation.check_row_range(n_samples, start)
    about = shards.sampler
    key = rng.seed_key(about.random_state if random_state is None else random_state)
    if y is not None and not shards.classes:
        raise InvalidInputError("y needs shards that were fitted with labels: call fit_shards(sampler, X, y) first")
    places = None if y is None else labels.places_of(y, labels.as_array(shards.classes), n_samples)
    empty = np.empty((0, *about.event_shape_), about.dtype_)
    rows = rows_of_chunks(chunks, n_samples, empty)
    return sample_shards(shards.parts, Division(key, shards.classes, shards.masses), rows, places, start, empty)


def _drawn(sampler: Sampler, n_samples: int, start: int, key: int, y: Any) -> Array:
    """Return samples as a NumPy array."""
    return _arrays.to_numpy(sampler.sample(n_samples, y=y, random_state=key, start=start))


def rows_of_chunks(chunks: Any, n_samples: int, empty: Array) -> tuple[int, ...]:
    """Return the number of rows of each chunk."""
    whole = (-1,) * (empty.ndim - 1)
    try:
        rows, *_ = array.core.normalize_chunks((chunks, *whole), (n_samples, *empty.shape[1:]), dtype=empty.dtype)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            f'chunks must be "auto", a number of rows, or a tuple of them with the sum {n_samples}; got {chunks!r} '
            f"({error})"
        ) from None
    return tuple(rows)
