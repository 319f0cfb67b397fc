"""Which values stand for black and for white, as far as the values of many images tell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from vicinal._arrays import Array

OUTSIDE = 0.25  # a decoder may exceed [0, 1] by this much; more looks like another range
MOST_OUTSIDE = 0.05
_FEW = 0.001  # of the values: outliers of a decoder
BRIGHT = 64.0  # the brightest of floats in 0..255 is beyond


class Range(NamedTuple):
    """The values that stand for black and for white."""

    name: str
    black: float
    white: float

    def units(self, values: Array) -> Array:
        """Return values as float32, black being 0 and white 1."""
        units: Array = (values.astype(np.float32) - np.float32(self.black)) / np.float32(self.white - self.black)
        return units

    def levels(self, values: Array) -> Array:
        """Return values as the nearest of 256 levels, uint8."""
        levels: Array = np.rint(np.clip(self.units(values), 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
        return levels


UNITS = Range("floats in [0, 1]", 0.0, 1.0)
SIGNED = Range("floats in [-1, 1]", -1.0, 1.0)
BITS = Range("integers 0 and 1", 0.0, 1.0)
FLOAT_LEVELS = Range("floats in 0..255", 0.0, 255.0)
LEVELS_8, LEVELS_10, LEVELS_12, LEVELS_14, LEVELS_16 = (
    Range(f"levels of {bits} bits", 0.0, float((1 << bits) - 1)) for bits in (8, 10, 12, 14, 16)
)


def range_of(blocks: Iterable[Array], *, integers: bool) -> Range | None:
    """Return the range that the values of images, given in blocks, are in; None if they are in no range of images.

    Integers are levels of 1, 8, 10, 12, 14 or 16 bits: the fewest that hold all. At most 5 % of floats may be beyond
    their range by more than a quarter of its white, as what a decoder makes is. For [-1, 1] it is 0.1 %, for latents
    may be near it. Floats are in 0..255 only if some are above 64.

    Examples
    --------
    >>> range_of([np.array([[0, 4000]])], integers=True)
    Range(name='levels of 12 bits', black=0.0, white=4095.0)
    >>> range_of([np.array([[-1.0, 0.3]])], integers=False).name, range_of([np.array([[-9.0, 3.0]])], integers=False)
    ('floats in [-1, 1]', None)
    """
    low, high, size = np.inf, -np.inf, 0
    beyond = dict.fromkeys((UNITS, SIGNED, FLOAT_LEVELS), 0)
    dark = 0  # values far below 0
    for block in blocks:
        low, high, size = min(low, float(block.min())), max(high, float(block.max())), size + block.size
        if not integers:
            for each in beyond:
                slack = OUTSIDE * each.white
                beyond[each] += int(np.count_nonzero((block < each.black - slack) | (block > each.white + slack)))
            dark += int(np.count_nonzero(block < -OUTSIDE))
    if integers:
        levels = (BITS, LEVELS_8, LEVELS_10, LEVELS_12, LEVELS_14, LEVELS_16)
        first = 0 if high == 1 else 1  # all black is no image of bits
        return next((each for each in levels[first:] if high <= each.white), None) if low >= 0 else None
    fits = [each for each in beyond if beyond[each] <= (_FEW if each is SIGNED else MOST_OUTSIDE) * size]
    if SIGNED in fits and low >= -1.0 and high <= 1.0 and dark > _FEW * size:
        return SIGNED
    if FLOAT_LEVELS in fits and high <= BRIGHT:
        fits.remove(FLOAT_LEVELS)
    return fits[0] if fits else None
