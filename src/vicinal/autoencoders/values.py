"""The numbers that a model is given: levels of images, integers that are no images, and the range of a model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from vicinal import _arrays, images
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.images.ranges import MOST_OUTSIDE, OUTSIDE

ValueRange = tuple[float, float]

_BRIGHT = 127  # rows of levels reach above it; codes, counts and letters seldom do


def check_range(value_range: Any) -> ValueRange | None:
    """Return a pair of finite numbers, the lower first, or None; else raise InvalidTypeError or InvalidInputError."""
    if value_range is None:
        return None
    wanted = "value_range must be the values of black and white that the model works in, such as (-1, 1)"
    try:
        low, high = (float(each) for each in value_range)
    except (TypeError, ValueError):
        raise InvalidTypeError(f"{wanted}; got {value_range!r}") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidInputError(f"{wanted}; got {value_range!r}: pass the lower one first")
    return low, high


class Inputs:
    """Images, or rows of a table, as one model takes them; the first batch decides for all of a call.

    Parameters
    ----------
    value_range : (float, float) or None
        The values of black and white that the model works in. Images are then levels, or floats in [0, 1]. None leaves
        floats as they are, and makes levels floats in [0, 1].
    keeps_integers : bool
        Whether integers are passed on as they are, without a range.
    takes_tokens : bool
        Whether rows of integers are, without a range.
    say : callable
        Called with a sentence where a choice was made.
    """

    def __init__(
        self, value_range: ValueRange | None, say: Callable[[str], None], *, keeps_integers: bool, takes_tokens: bool
    ) -> None:
        self._range, self._say = value_range, say
        self._keeps_integers, self._takes_tokens = keeps_integers, takes_tokens
        self._are_levels: bool | None = None  # rows of uint8

    def __call__(self, batch: Any) -> Any:
        """Return a batch (n, ...) of the same library."""
        kind = _kind_of(batch)
        if kind == "float" or (kind == "bool" and self._range is not None):
            return batch if self._range is None else into(self._range, batch)
        if self._range is not None and kind == "uint8":
            return into(self._range, images.in_units(batch))
        if kind == "bool" or self._keeps_integers or (self._takes_tokens and batch.ndim == 2):
            return batch
        if kind == "uint8" and (batch.ndim != 2 or self._rows_are_levels(batch)):
            return images.in_units(batch)
        if self._range is not None or (batch.ndim == 4 and {1, 3} & {batch.shape[1], batch.shape[3]}):
            raise InvalidInputError(
                f"images must be levels uint8, or floats in the range of the model; got {batch.dtype} of shape "
                f"{tuple(batch.shape)}: pass images.astype('uint8') for levels in 0..255, or images / largest level"
            )
        return batch

    def _rows_are_levels(self, rows: Any) -> bool:
        """Tell flattened images from a table: images reach the upper half of 0..255."""
        if not len(rows):
            return False
        is_bright = bool((rows > _BRIGHT).any())
        if self._are_levels is None:
            self._are_levels = is_bright
            if not is_bright:
                self._say(
                    f"images are rows of uint8 up to {int(rows.max())}. They are taken as a table or tokens and are "
                    "not divided by 255. Pass images / 255 if they are images, or images.astype('int64') if not"
                )
        elif is_bright and not self._are_levels:
            raise InvalidInputError(
                "images must be flattened images or a table, throughout; got rows of uint8 up to 127, then above: "
                "pass images / 255 if they are images, or images.astype('int64') if not"
            )
        return self._are_levels


def into(value_range: ValueRange, units: Any) -> Any:
    """Return images in [0, 1] in the range of a model.

    A decoder may exceed [0, 1] a little; images that are in another range raise InvalidInputError.

    Examples
    --------
    >>> into((-1.0, 1.0), np.array([[0.0, 0.75]])).tolist()
    [[-1.0, 0.5]]
    """
    if _kind_of(units) == "bool":
        units = units.float() if _arrays.is_tensor(units) else units.astype(np.float32)
    n_values = math.prod(units.shape)
    outside = int(((units < -OUTSIDE) | (units > 1.0 + OUTSIDE)).sum())
    if outside > MOST_OUTSIDE * n_values:
        low, high = float(units.min()), float(units.max())
        remedy = "pass (images + 1) / 2" if low < 0.0 and high <= 1.0 + OUTSIDE else "pass images / 255"
        raise InvalidInputError(
            f"images must be levels uint8 or floats in [0, 1], which become the {value_range} of the model; got floats "
            f"from {low:.4g} to {high:.4g}: {remedy}, or leave value_range out if they are in the range of the model"
        )
    low, high = value_range
    return units * (high - low) + low


def out_of(value_range: ValueRange, values: Any) -> Any:
    """Return images in the range of a model in [0, 1], unclipped; integers are levels already.

    Examples
    --------
    >>> out_of((-1.0, 1.0), np.array([[-1.0, 0.5]])).tolist()
    [[0.0, 0.75]]
    """
    low, high = value_range
    return values if _kind_of(values) != "float" else (values - low) / (high - low)


def _kind_of(batch: Any) -> str:
    """Return "uint8", "int", "bool" or "float"."""
    name = str(batch.dtype).removeprefix("torch.")
    if name in ("uint8", "bool"):
        return name
    return "int" if "int" in name else "float"
