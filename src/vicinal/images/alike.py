"""Sets of images that are compared: brought to one range, one layout and one number of channels, or refused.

Latents are left as they are. What is an image, its values and its shape tell: see `ranges`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vicinal import _progress, _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.images.memory import blocks_of, converted, in_order
from vicinal.images.ranges import BITS, BRIGHT, LEVELS_8, SIGNED, UNITS, Range, range_of

_CHANNELS = (1, 3)


class Alike(NamedTuple):
    """Sets by name, whether they are images, and notes on what was converted."""

    sets: dict[str, Array]
    are_images: bool
    notes: list[str]


def alike(sets: Mapping[str, Any], *, for_features: bool = False) -> Alike:
    """Return sets of images in the layout of the first, with values in one range.

    Parameters
    ----------
    sets : mapping of str to array_like of shape (n, *shape)
        Images (n, H, W), (n, C, H, W) or (n, H, W, C), C being 1 or 3, or anything else, such as latents. The names are
        for messages.
    for_features : bool
        Whether features are taken of the images. Then images in other ranges become 8-bit levels, as in a file, and
        grey images beside RGB become RGB. Otherwise they become float32 in [0, 1], and RGB that is grey in all images
        becomes grey.

    Returns
    -------
    Alike
        Floats in [0, 1] are not copied, nor are 8-bit levels among each other, unless their layout changes; nor arrays
        that are no images. Copies of more than 64 MB are in a temporary file.

    Raises
    ------
    InvalidInputError
        For images beside what is in no range of images, and for integers of more than 8 bits whose number of bits
        differs from set to set.
    InvalidTypeError
        For what is no array of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> real, generated = np.random.default_rng(0).random((2, 9, 3, 8, 8))
    >>> found = alike({"real": real, "generated": 2 * generated.transpose(0, 2, 3, 1) - 1})
    >>> np.allclose(found.sets["generated"], generated, atol=1e-6), found.notes
    (True, ['generated: floats in [-1, 1] are read as [0, 1].', 'generated: channels are moved first, as in real.'])
    """
    arrays = {name: _validation.check_array(array, name) for name, array in sets.items()}
    ranges = _ranges(arrays) if _may_be_images(list(arrays.values())) else {}
    if not ranges:
        return Alike(arrays, False, _note_on_rows(arrays))
    _check_bits(arrays, ranges)
    notes: dict[str, list[str]] = {}
    as_levels = for_features or set(ranges.values()) == {LEVELS_8}
    for name, found in ranges.items():
        if found != UNITS and not (as_levels and arrays[name].dtype == np.uint8 and found == LEVELS_8):
            arrays[name] = _converted(arrays[name], found, as_levels=as_levels)
        if found not in (UNITS, LEVELS_8):
            notes.setdefault(f"{found.name} are read as [0, 1].", []).append(name)
    for name, array in arrays.items():
        if _alpha_axis(array) is not None:
            arrays[name] = _on_white(array)
            notes.setdefault("what is transparent is laid on white.", []).append(name)
    model = next(iter(arrays))
    if arrays[model].ndim > 2:
        arrays = _laid_out(arrays, model, notes, for_features)
    return Alike(arrays, True, [f"{', '.join(names)}: {what}" for what, names in notes.items()])


def _may_be_images(arrays: Sequence[Array]) -> bool:
    """Tell whether arrays have shapes of images; flattened ones have a type that latents have not."""
    small = any(array.dtype in (np.uint8, np.uint16) for array in arrays)
    n_axes = {array.ndim for array in arrays}
    if not all(array.size for array in arrays) or not n_axes <= {3, 4}:
        return small and n_axes == {2} and all(array.size for array in arrays)
    may_be = [array.ndim == 3 or array.dtype == np.uint8 or _has_channels(array) for array in arrays]
    return any(may_be) and all(each or array.shape[3] == 4 for each, array in zip(may_be, arrays, strict=True))


def _has_channels(array: Array) -> bool:
    return not {array.shape[1], array.shape[3]}.isdisjoint(_CHANNELS)


def _ranges(arrays: Mapping[str, Array]) -> dict[str, Range]:
    """Return the range of each set; nothing for latents."""
    found: dict[str, Range | None] = {}
    for name, array in arrays.items():
        integers = array.dtype.kind in "iub"
        found[name] = range_of(_read(array, name, finite=integers), integers=integers)
    known = {name: each for name, each in found.items() if each is not None}
    model = next(iter(arrays))
    if not known or (arrays[model].ndim == 2 and len(known) < len(found)):
        return {}
    if len(known) < len(found) and set(known.values()) <= {SIGNED} and float(np.abs(arrays[model]).max()) > 1.0:
        return {}  # real images in [-1, 1] are never beyond, as latents are
    for name in arrays:
        if name not in known:
            other, low, high = next(iter(known)), float(arrays[name].min()), float(arrays[name].max())
            raise InvalidInputError(
                f"{name} must be in a range of images, as {other} is, which has {known[other].name}: floats in [0, 1], "
                f"[-1, 1] or 0..255, or integers in 0..65535; got {arrays[name].dtype} from {low:.4g} to {high:.4g}: "
                "map black to 0 and white to 1"
            )
    return known


def _read(array: Array, name: str, *, finite: bool) -> Iterator[Array]:
    """Yield blocks of images; those that are not known to be finite are checked."""
    with _progress.bar(f"Looking at {name}", len(array)) as progress:
        for rows in blocks_of(array):
            if not finite:
                _validation.check_finite(array[rows], name, rows.start)
            yield array[rows]
            progress.advance(len(array[rows]))


def _note_on_rows(arrays: Mapping[str, Array]) -> list[str]:
    """Return a note on rows that are left as they are, but may be flattened images in unlike ranges."""
    found = {name: _range_of_rows(array) for name, array in arrays.items()}
    if len(set(found.values())) < 2 or not all(found.values()):
        return []
    listed = ", ".join(f"{name} in {values}" for name, values in found.items())
    return [f"Rows are compared as they are: {listed}. If they are flattened images, bring them to one range."]


def _range_of_rows(array: Array) -> str:
    """Return the range of flattened images that rows (n, d) may be; nothing if they are no such rows."""
    if not array.size or array.ndim != 2:
        return ""
    low, high = float(array.min()), float(array.max())
    if -1.0 <= low < -0.5 and 0.5 < high <= 1.0:
        return "[-1, 1]"
    if low < 0.0 or 1.0 < high <= BRIGHT:
        return ""
    return "[0, 1]" if high <= 1.0 else "0..255" if high <= 255.0 else ""


def _check_bits(arrays: Mapping[str, Array], ranges: Mapping[str, Range]) -> None:
    """Raise InvalidInputError for integers that may be dark images of more bits, or images of fewer."""
    deep = {name: each for name, each in ranges.items() if arrays[name].dtype.kind in "iu" and each not in (BITS,)}
    deep = {name: each for name, each in deep.items() if arrays[name].dtype.itemsize > 1}
    if len(set(deep.values())) > 1:
        listed = ", ".join(f"{each.name} in {name}" for name, each in deep.items())
        raise InvalidInputError(
            f"images of more than 8 bits must have equally many in each set; got {listed}, as far as their largest "
            "values tell: divide each set by its white level"
        )


def _alpha_axis(array: Array) -> int | None:
    """Return where red, green, blue and alpha are in images; None if there is no alpha."""
    if array.ndim != 4 or _has_channels(array):
        return None
    return 3 if array.shape[3] == 4 else 1 if array.shape[1] == 4 else None


def _on_white(array: Array) -> Array:
    """Return images with alpha as RGB on white, in the same layout and type."""
    axis: Any = _alpha_axis(array)
    white = np.float32(255 if array.dtype == np.uint8 else 1)
    found = np.empty([3 if i == axis else side for i, side in enumerate(array.shape)], array.dtype)
    for rows in blocks_of(array):
        colour, alpha = np.split(array[rows].astype(np.float32), [3], axis)
        laid = white + (colour - white) * (alpha / white)
        found[rows] = np.rint(laid) if array.dtype == np.uint8 else laid
    return found


def _converted(array: Array, found: Range, *, as_levels: bool) -> Array:
    convert, dtype = (found.levels, np.uint8) if as_levels else (found.units, np.float32)
    return converted(array, dtype, convert, "Converting images")


class _Layout(NamedTuple):
    """Where the channels of a set are: an axis, or nowhere."""

    axis: int | None
    n_channels: int
    size: tuple[int, int]


def _layouts(shape: tuple[int, ...]) -> list[_Layout]:
    """Return how images of a shape (n, ...) may be laid out, the usual one first."""
    if len(shape) == 3:
        return [_Layout(None, 1, (shape[1], shape[2]))]
    found = []
    if shape[1] in _CHANNELS:
        found.append(_Layout(1, shape[1], (shape[2], shape[3])))
    if shape[3] in _CHANNELS:
        found.append(_Layout(3, shape[3], (shape[1], shape[2])))
    return found


def _laid_out(
    arrays: dict[str, Array], model: str, notes: dict[str, list[str]], for_features: bool
) -> dict[str, Array]:
    """Return all sets in the layout of the first; as they are, if that cannot be."""
    if len({array.shape[1:] for array in arrays.values()}) == 1:
        return arrays
    chosen: dict[str, _Layout] = {}
    for of_model in _layouts(arrays[model].shape):
        for name, array in arrays.items():
            fitting = [each for each in _layouts(array.shape) if each.size == of_model.size]
            chosen |= {name: min(fitting, key=lambda each: each.axis != of_model.axis)} if fitting else {}
        if len(chosen) == len(arrays):
            break
        chosen = {}
    if not chosen:
        return arrays
    place = chosen[model].axis
    first = {name: _channels_first(array, chosen[name].axis) for name, array in arrays.items()}
    for name, layout in chosen.items():
        if None not in (layout.axis, place) and layout.axis != place:
            notes.setdefault(f"channels are moved {'first' if place == 1 else 'last'}, as in {model}.", []).append(name)
    first = _equal_channels(first, notes, for_features)
    n_channels = first[model].shape[1]
    if place is None and n_channels == 1:
        return {name: array[:, 0] for name, array in first.items()}
    return {name: in_order(array.transpose(0, 2, 3, 1) if place == 3 else array) for name, array in first.items()}


def _channels_first(array: Array, axis: int | None) -> Array:
    return array[:, None] if axis is None else np.moveaxis(array, axis, 1)


def _equal_channels(first: dict[str, Array], notes: dict[str, list[str]], for_features: bool) -> dict[str, Array]:
    """Return sets (n, C, H, W) with one number of channels."""
    colour = [name for name, array in first.items() if array.shape[1] == 3]
    if len(colour) in (0, len(first)):
        return first
    if not for_features and all(_is_grey(first[name]) for name in colour):
        notes.setdefault("grey images stored as RGB are read as grey.", []).extend(colour)
        return {name: array[:, :1] for name, array in first.items()}
    grey = [name for name in first if name not in colour]
    notes.setdefault("grey images are read as RGB, as the others are.", []).extend(grey)
    return {name: np.broadcast_to(array, (len(array), 3, *array.shape[2:])) for name, array in first.items()}


def _is_grey(array: Array) -> bool:
    return all(bool((array[rows] == array[rows, :1]).all()) for rows in blocks_of(array))
