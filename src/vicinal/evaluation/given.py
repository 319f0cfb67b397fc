"""What `evaluate` is given, brought to what the judge takes: sets by name, in one range, layout and type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vicinal import _validation, images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.evaluation.notes import BOOTSTRAP, REAL, RECONSTRUCTIONS
from vicinal.metrics import Moments


def by_name(generated: Any) -> dict[str, list[Any]]:
    """Return the sets of samples by source and seed."""
    several = generated if isinstance(generated, Mapping) else {"generated": generated}
    if not several:
        raise InvalidInputError("generated must hold at least one set of samples; got an empty mapping")
    taken = {REAL, BOOTSTRAP, RECONSTRUCTIONS} & set(several)
    if taken:
        raise InvalidInputError(f"generated must not use the names of reference rows; got {', '.join(taken)}")
    sets = {}
    for name, value in several.items():
        is_list = isinstance(value, list | tuple) and all(
            isinstance(each, Moments) or getattr(each, "ndim", 0) >= 2 for each in value
        )
        sets[str(name)] = list(value) if is_list else [value]
        if not sets[str(name)]:
            raise InvalidInputError(f"generated[{str(name)!r}] must hold at least one set of samples; got none")
    return sets


def labelled(named: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return every set of samples by what it is called in messages."""
    return {
        ("generated" if name == "generated" else f"generated[{name!r}]") + (f"[{i}]" if len(several) > 1 else ""): rows
        for name, several in named.items()
        for i, rows in enumerate(several)
    }


def prepared(given: Mapping[str, Any], *, of_features: bool) -> tuple[dict[str, Array], list[str]]:
    """Return all sets that are given in one range and layout, images whose features are taken as levels; and notes."""
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
