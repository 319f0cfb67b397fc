"""What `evaluate` is given, brought to what the judge takes: sets by name, in one range, layout and type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vicinal import _validation, images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.evaluation.notes import BOOTSTRAP, REAL, RECONSTRUCTIONS
from vicinal.metrics import Moments

_CHANNELS = (1, 3, 4)


def by_name(generated: Any, real: Any) -> dict[str, list[Any]]:
    """Return the sets of samples by source and seed; a list of single rows of the shape of ``real`` is refused."""
    several = generated if isinstance(generated, Mapping) else {"generated": generated}
    if not several:
        raise InvalidInputError("generated must hold at least one set of samples; got an empty mapping")
    taken = {REAL, BOOTSTRAP, RECONSTRUCTIONS} & set(several)
    if taken:
        raise InvalidInputError(f"generated must not use the names of reference rows; got {', '.join(taken)}")
    sets = {}
    for name, value in several.items():
        label = _label(str(name))
        if value is None:
            raise InvalidTypeError(f"{label} must be a set of samples, or a list of one for each seed; got None")
        is_list = isinstance(value, list | tuple) and (not value or any(map(_is_set, value)))
        sets[str(name)] = list(value) if is_list else [value]
        if is_list:
            _check_list(value, label, _shape_of(real)[1:])
    return sets


def _check_list(several: Sequence[Any], label: str, row: tuple[int, ...]) -> None:
    """Raise InvalidInputError for a list that holds something else than sets of rows of about a shape."""
    if not several:
        raise InvalidInputError(f"{label} must hold at least one set of samples; got an empty list")
    if len({isinstance(each, Moments) for each in several}) > 1:
        raise InvalidInputError(
            f"{label} must hold rows for each seed, or statistics for each; got both: make it two sources by name"
        )
    for i, each in enumerate(several):
        shape = _shape_of(each)
        if not _is_set(each) or _is_one_row(shape, row):
            raise InvalidInputError(
                f"{label} is a list, so it must hold one whole set of samples for each seed; got shape {shape} at "
                f"[{i}], which is one row: make one array of the rows of a set, such as numpy.stack({label})"
            )


def _is_set(each: Any) -> bool:
    return isinstance(each, Moments) or getattr(each, "ndim", 0) >= 2


def _is_one_row(shape: tuple[int, ...], row: tuple[int, ...]) -> bool:
    """Tell a single image from a set of grey images (n, H, W), where the real rows have shape ``row``."""
    size = row if len(row) != 3 else row[1:] if row[0] in _CHANNELS else row[:2]
    if not shape or len(shape) != len(row):
        return bool(shape) and shape == size
    return len(row) != 3 or shape[0] in _CHANNELS or shape[1:] != size


def _shape_of(array: Any) -> tuple[int, ...]:
    if isinstance(array, list | tuple) and array:
        return (len(array), *_shape_of(array[0]))
    return tuple(getattr(array, "shape", ()))


def labelled(named: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return every set of samples by what it is called in messages."""
    return {
        _label(name) + (f"[{i}]" if len(several) > 1 else ""): rows
        for name, several in named.items()
        for i, rows in enumerate(several)
    }


def _label(name: str) -> str:
    return "generated" if name == "generated" else f"generated[{name!r}]"


def prepared(given: Mapping[str, Any], *, of_features: bool) -> tuple[dict[str, Array], list[str]]:
    """Return all sets that are given in one range and layout, images whose features are taken as levels; and notes."""
    if given["real"] is None:
        raise InvalidTypeError("real must be an array of held-out data; got None")
    present = {name: rows for name, rows in given.items() if rows is not None and not isinstance(rows, Moments)}
    if not present:
        return {}, []
    found, are_images, said = images.alike(present, for_features=of_features)
    ready: dict[str, Array] = {}
    for name, rows in found.items():
        minimum = 1 if name == "train" else 2
        if of_features and rows.ndim > 2:
            rows = images.to_levels(rows, name)
        if rows.dtype != np.uint8 or not (are_images or of_features):
            rows = _validation.check_rows(rows, name, minimum=minimum, finite=False)  # the judge looks for NaN
        elif len(rows) < minimum:
            raise InvalidInputError(f"{name} must have at least {minimum} rows; got {len(rows)}")
        ready[name] = rows
        model = next(iter(ready))
        shape = ready[model].shape
        if rows.shape[1:] != shape[1:]:
            raise InvalidInputError(f"{name} must have rows of shape {shape[1:]}, like {model}; got {rows.shape[1:]}")
    if are_images and not of_features:
        said.append(
            "Images are compared pixel by pixel, which sees little of what they show: pass features= for a distance "
            "such as FID."
        )
    return ready, said
