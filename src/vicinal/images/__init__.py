"""Arrays of images.

==========  =========================================================================
`levels`    images as a file would keep them: 256 levels, and those as floats
`memory`    images that need not be in memory
`ranges`    which values stand for black and for white
`alike`     sets of images that are compared, in one range and one layout
==========  =========================================================================
"""

from vicinal.images.alike import alike
from vicinal.images.levels import channels_first, in_units, to_levels, to_rgb
from vicinal.images.memory import blocks_of, empty, in_order, release, taken
from vicinal.images.ranges import LEVELS_16, UNITS, Range, range_of

__all__ = [
    "LEVELS_16",
    "UNITS",
    "Range",
    "alike",
    "blocks_of",
    "channels_first",
    "empty",
    "in_order",
    "in_units",
    "range_of",
    "release",
    "taken",
    "to_levels",
    "to_rgb",
]
