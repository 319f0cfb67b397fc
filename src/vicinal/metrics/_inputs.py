"""What every metric asks of the sets of rows it is given."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal._frames import aligned
from vicinal._validation import check_integer, check_rows
from vicinal.images import blocks_of

_LARGEST = 1e45  # sums of millions of sixth powers are within float64
_SETS = ("train", "real", "generated")
_P = ParamSpec("_P")
_R = TypeVar("_R")


def checked(*, minimum: int = 1) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Decorate a metric of float64 rows (n, d), so that it takes what `check_sets` takes.

    `inspect.unwrap` gives the metric without the checks, for arrays that were checked before.
    """

    def decorate(metric: Callable[_P, _R]) -> Callable[_P, _R]:
        signature = inspect.signature(metric)

        @functools.wraps(metric)
        def with_checks(*args: _P.args, **options: _P.kwargs) -> _R:
            call = signature.bind(*args, **options)
            sets = {name: call.arguments[name] for name in _SETS if name in call.arguments}
            call.arguments.update(zip(sets, check_sets(minimum=minimum, **sets), strict=True))
            return metric(*call.args, **call.kwargs)

        return with_checks

    return decorate


def check_sets(*, minimum: int = 1, as_given: bool = False, **sets: Any) -> list[Array]:
    """Return sets of rows, given by name, as float64 arrays (n, d) of equal d, whose sixth powers are within float64.

    Columns of data frames are matched by name. What is float64 already is not copied. ``as_given`` keeps the type of
    other floats.
    """
    arrays: dict[str, Array] = {}
    for name, given in aligned(sets).items():
        rows = arrays[name] = check_rows(given, name, minimum=minimum)
        first_name, first = next(iter(arrays.items()))
        if rows.shape[1:] != first.shape[1:]:
            raise InvalidInputError(
                f"{first_name} and {name} must have rows of one shape; got {first.shape[1:]} and {rows.shape[1:]}"
            )
        if max(max(-float(rows[some].min()), float(rows[some].max())) for some in blocks_of(rows)) > _LARGEST:
            raise InvalidInputError(
                f"{name} must be at most {_LARGEST:g} in magnitude, or its powers overflow; rescale it"
            )
    flat = [rows.reshape(len(rows), -1) for rows in arrays.values()]
    return flat if as_given else [rows.astype(np.float64, copy=False) for rows in flat]


def subsets(max_samples: int | None, random_state: int, *sets: Any) -> list[Array]:
    """Return equally many rows of each set in float64, at most ``max_samples``, `drawn` without replacement."""
    chosen = drawn(max_samples, random_state, *map(len, sets))
    return [rows[index].astype(np.float64, copy=False) for rows, index in zip(sets, chosen, strict=True)]


def drawn(max_samples: int | None, random_state: int, *lengths: int) -> list[Array]:
    """Return the indices of equally many rows of sets of some lengths, at most ``max_samples``.

    The draw from a set depends on its place, its length and the seed alone, before it is cut: samplers that are
    compared with one real set are compared with the same rows of it, or with the first of these if they have fewer.
    """
    size = min(lengths)
    if max_samples is not None:
        size = min(size, check_integer(max_samples, "max_samples", minimum=1))
    seed = check_integer(random_state, "random_state", minimum=0)
    return [np.random.default_rng([seed, i]).permutation(length)[:size] for i, length in enumerate(lengths)]
