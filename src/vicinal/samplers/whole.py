"""Latents of an integer type or of bool: samples are whole, too.

Such latents are worked on in float64. A sample is rounded to the nearest whole number, half to even, within the
smallest and largest training latent of each dimension. It gets the type of the training latents. Densities are those
before rounding.

Whole numbers are taken to be ordered: 4 is nearer to 5 than to 9. That holds for counts, levels and bits. It does not
hold for the numbers of vectors in a codebook: fit the vectors instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal.samplers.fitted import Fitted
from vicinal.samplers.survey import Reducible, bounds_of


def range_of(train: Reducible) -> Array:
    """Return the smallest and largest latent of each dimension, (2, d) float64."""
    return np.array(bounds_of(train), dtype=np.float64)


def expected(dtype: np.dtype[Any], state: Mapping[str, Any]) -> dict[str, Fitted]:
    """Return what latents of a type add to the fitted attributes of a file; the grid of a table has their range."""
    if dtype.kind == "f" or "_table" in state:
        return {}
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return {"whole_range_": Fitted("two d", low, high)}


def rounded(latents: Array, dtype: np.dtype[Any], limits: Array) -> Array:
    """Return latents (n, d) as whole numbers within limits (2, d), of a type that holds these."""
    if dtype.kind in "iu":
        lowest, most = np.iinfo(dtype).min, np.iinfo(dtype).max
        highest = np.nextafter(float(most), 0) if float(most) > most else most  # floats round up what 64 bits can hold
        limits = np.clip(limits, lowest, highest)
    return np.clip(np.rint(latents), *limits).astype(dtype)
