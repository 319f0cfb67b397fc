"""What `fit` is given of dask, as parts: each is the latents of some rows, or a batch of latents and labels.

===========================  ==================================================================================
dask array                   its chunks of rows; other axes are made one chunk
dask DataFrame, Series       its partitions
bag                          its partitions; an item is a batch, as in `vicinal.samplers.given`
delayed value, or a list     each is a batch: latents, or a pair (latents, labels), or a path of a ``.npy`` file
===========================  ==================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from dask import array as dask_array
from dask import delayed, is_dask_collection
from dask.bag import Bag
from dask.delayed import Delayed

from vicinal import _arrays, _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.samplers.batches import checked
from vicinal.samplers.given import is_dask, opened
from vicinal.samplers.on_dask.tree import computed

_ACCEPTED = "a dask array, DataFrame or bag, or a list of delayed batches"


class Kind(NamedTuple):
    """What all parts must be: the shape and type of a latent, where it came from, and whether it has a label."""

    event_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    tensor: _arrays.TensorKind | None
    labelled: bool


class Parts(NamedTuple):
    """Parts, each a delayed value; the rows in each, NaN where nobody knows; and the empty data frame of a frame."""

    values: list[Delayed]
    lengths: tuple[float, ...]
    kind: Kind
    frame: Any = None


def parts_of(X: Any) -> Parts:
    """Return the parts of latents."""
    values = delayed_parts(X, "latents")
    unknown = (math.nan,) * len(values)
    if isinstance(X, dask_array.Array):
        if any(math.isnan(side) for side in X.shape[1:]):
            raise InvalidInputError(
                f"latents must have a known shape except for the number of rows; got {X.shape}: call "
                "compute_chunk_sizes() of the array"
            )
        return Parts(values, tuple(X.chunks[0]), kind_of(np.empty((0, *X.shape[1:]), X.dtype)))
    if hasattr(X, "_meta"):
        return Parts(values, unknown, kind_of(X._meta), X._meta)
    for value in values:
        kind: Kind | None = computed(delayed(_kind_if_any)(value))
        if kind is not None:
            return Parts(values, unknown, kind)
    raise InvalidInputError("latents must hold at least one batch; got none")


def aligned(given: Any, name: str, parts: Parts) -> list[Delayed]:
    """Return labels or weights as delayed values, one for each part of the latents."""
    known = not any(map(math.isnan, parts.lengths))
    if not is_dask(given):
        if not known:
            raise InvalidInputError(
                f"{name} in memory goes with a dask array of known chunks: call compute_chunk_sizes() of the array, or "
                f"pass {name} as a dask collection with the partitions of the latents"
            )
        given = _as_array(given)
        _check_length(len(given), name, parts)
        given = dask_array.from_array(given, chunks=(parts.lengths,))
    elif known and isinstance(given, dask_array.Array) and not any(map(math.isnan, given.shape)):
        _check_length(given.shape[0], name, parts)
        given = given.rechunk({0: parts.lengths})
    values = delayed_parts(given, name)
    if len(values) != len(parts.values):
        raise InvalidInputError(
            f"{name} must have the {len(parts.values)} chunks or partitions of the latents; got {len(values)}"
        )
    return values


def delayed_parts(given: Any, name: str) -> list[Delayed]:
    """Return a collection as delayed values, one for each chunk of rows or partition."""
    if isinstance(given, dask_array.Array):
        if given.ndim == 0:
            raise InvalidInputError(f"{name} must have rows; got a dask array of shape ()")
        whole = given.rechunk(dict.fromkeys(range(1, given.ndim), -1))
        return list(whole.to_delayed().ravel())
    if isinstance(given, Bag):
        return list(given.map_partitions(_joined if name == "latents" else list).to_delayed())
    if hasattr(given, "_meta") and hasattr(given, "to_delayed"):
        return list(given.to_delayed())
    values = given if isinstance(given, list | tuple) else [given]
    if not all(isinstance(value, Delayed) or not is_dask_collection(value) for value in values):
        together = ": join them by dask.array.concatenate" if isinstance(given, list | tuple) else ""
        raise InvalidTypeError(f"{name} must be {_ACCEPTED}; got {_described(given)}{together}")
    return [value if isinstance(value, Delayed) else delayed(value) for value in values]  # a future is delayed, too


def kind_of(part: Any) -> Kind:
    """Return the kind of a part."""
    latents, labels = opened(part)
    rows, dtype = checked(latents, "latents", minimum=0)
    return Kind(tuple(rows.shape[1:]), dtype, _arrays.tensor_kind(latents), labels is not None)


def _kind_if_any(part: Any) -> Kind | None:
    """Return the kind of a part; None for a partition without items."""
    return None if part is None else kind_of(part)


def _joined(items: Iterable[Any]) -> Any:
    """Return the batches of a partition as one batch; None without any."""
    batches = [opened(item) for item in items]
    if not batches:
        return None
    rows = np.concatenate([_validation.check_array(latents, "an item of a bag of latents") for latents, _ in batches])
    if batches[0][1] is None:
        return rows
    return rows, [label for _, labels in batches for label in labels]


def _as_array(values: Any) -> Array:
    """Return labels or weights as an array (n,) that keeps each label as it is."""
    if hasattr(values, "__array__"):
        return _arrays.to_numpy(values)
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise InvalidTypeError(f"y and sample_weight must be sequences, or dask collections; got {values!r}")
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _check_length(length: int, name: str, parts: Parts) -> None:
    n_rows = int(sum(parts.lengths))
    if length != n_rows:
        raise InvalidInputError(f"{name} must hold one value for each of {n_rows} rows; got {length}")


def _described(given: Any) -> str:
    kinds = {type(each).__name__ for each in given} if isinstance(given, list | tuple) else {type(given).__name__}
    return " and ".join(sorted(kinds))
