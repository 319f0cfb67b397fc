"""What `evaluate` is given, brought to what the judge takes: sets by name, in one range, layout and type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vicinal import _validation, images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError, UnequalSizesError
from vicinal._frames import aligned
from vicinal.autoencoders.values import check_range
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


class Prepared(NamedTuple):
    """Sets that may be compared, notes, and the size that images are still to be resized to before their features."""

    sets: dict[str, Array]
    notes: list[str]
    image_size: int | None


def in_units(every: Mapping[str, Any], value_range: Any) -> dict[str, Any]:
    """Return sets of images in a range, black first, as floats in [0, 1]; what is no float stays as it is."""
    black, white = check_range(value_range) or (0.0, 1.0)
    found = dict(every)
    for name, rows in every.items():
        array = None if rows is None or isinstance(rows, Moments) else _validation.check_array(rows, name)
        if array is None or array.dtype.kind != "f" or (black, white) == (0.0, 1.0):
            continue
        _validation.check_finite(array, name)
        if array.size and array.min() >= 0.0 and array.max() <= 1.0:
            raise InvalidInputError(
                f"{name} must be images in the value_range ({black:g}, {white:g}); got floats in [0, 1], as generate "
                "returns them: leave value_range out, and ranges are told apart by the values"
            )
        found[name] = images.Range(f"floats in [{black:g}, {white:g}]", black, white).units(array)
    return found


def prepared(
    given: Mapping[str, Any], *, of_features: bool, image_size: int | None = None, own_size: int | None = None
) -> Prepared:
    """Return all sets that are given in one range and layout, and images whose features are taken as levels.

    They are resized to ``image_size``; if they differ in size, to ``own_size``, which the features resize to anyway.
    Sets of one size whose features are taken keep it: the features resize them, batch by batch.
    """
    if given["real"] is None:
        raise InvalidTypeError("real must be an array of held-out data; got None")
    present = {name: rows for name, rows in given.items() if rows is not None and not isinstance(rows, Moments)}
    present = aligned(present)
    if not present:
        return Prepared({}, [], image_size)
    found, are_images, said = images.alike(present, for_features=of_features)
    if image_size is not None and not are_images:
        shapes = ", ".join(f"{name} of {rows.dtype} {rows.shape}" for name, rows in found.items())
        raise InvalidInputError(
            "image_size must be None unless all sets are images, (n, H, W), (n, C, H, W) or (n, H, W, C), with values "
            f"in [0, 1] or 0..255; got {shapes}: leave it out for latents"
        )
    if of_features:
        found = {name: _levels(rows, name, image_size) for name, rows in found.items()}
    sizes = _sizes(found) if are_images else {}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{width} x {height} in {name}" for name, (height, width) in sizes.items())
        if image_size is None and own_size is None:
            raise UnequalSizesError(
                f"images of all sets must be of one size; got {listed} (width x height): pass "
                f"image_size={min(map(max, sizes.values()))}, or any other, to resize them"
            )
        said += [f"Images differ in size: {listed} (width x height)."] if image_size is None else []
        image_size = image_size or own_size
    if image_size is not None:
        later = of_features and len(set(sizes.values())) == 1 and (image_size, image_size) not in sizes.values()
        if not later:
            found = {name: images.resize(rows, image_size, name) for name, rows in found.items()}
            found, _, more = images.alike(found, for_features=of_features)
            said += [note for note in more if note not in said]
        said.append(images.said_of(image_size, for_features=later))
    if are_images and not of_features:
        said.append(
            "Images are compared pixel by pixel, which sees little of what they show: pass features= for a distance "
            "such as FID."
        )
    return Prepared(_checked(found, are_images or of_features), said, image_size)


def _levels(rows: Array, name: str, image_size: int | None) -> Array:
    """Return images as levels, but floats that have the size already as they are: they may have been resized."""
    if rows.ndim < 3 or (image_size is not None and rows.dtype.kind == "f" and _has_size(rows, image_size)):
        return rows
    return images.to_levels(rows, name)


def _has_size(rows: Array, image_size: int) -> bool:
    return images.channels_first(rows).shape[2:] == (image_size, image_size)


def _sizes(sets: Mapping[str, Array]) -> dict[str, tuple[int, int]]:
    """Return height and width of the images of each set; nothing if any set is flattened, or of other channels."""
    try:
        shapes = {name: images.channels_first(rows, name).shape for name, rows in sets.items()}
    except InvalidInputError:
        return {}
    return {name: (shape[2], shape[3]) for name, shape in shapes.items()}


def _checked(found: Mapping[str, Array], may_be_levels: bool) -> dict[str, Array]:
    """Return sets as floats or levels, which have rows of one shape."""
    ready: dict[str, Array] = {}
    for name, rows in found.items():
        minimum = 1 if name == "train" else 2
        if rows.dtype != np.uint8 or not may_be_levels:
            rows = _validation.check_rows(rows, name, minimum=minimum, finite=False)  # the judge looks for NaN
        elif len(rows) < minimum:
            raise InvalidInputError(f"{name} must have at least {minimum} rows; got {len(rows)}")
        ready[name] = rows = images.in_order(rows)  # or the judge would copy it
        model = next(iter(ready))
        shape = ready[model].shape
        if rows.shape[1:] != shape[1:]:
            raise InvalidInputError(f"{name} must have rows of shape {shape[1:]}, like {model}; got {rows.shape[1:]}")
    return ready
