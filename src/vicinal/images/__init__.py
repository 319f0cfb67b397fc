"""Arrays of images.

==========  =========================================================================
`levels`    images as a file would keep them: 256 levels, and those as floats
`memory`    images that need not be in memory
`ranges`    which values stand for black and for white
`alike`     sets of images that are compared, in one range and one layout
`resizing`  images in another size, as clean-fid resizes them
`memory`    large arrays are mapped from files, and read in blocks
==========  =========================================================================
"""

from vicinal.images.alike import alike
from vicinal.images.levels import channels_first, in_units, to_levels, to_rgb
from vicinal.images.memory import blocks_of, empty, in_order, n_cores, release, taken
from vicinal.images.ranges import LEVELS_8, LEVELS_16, UNITS, Range, range_of
from vicinal.images.resizing import check_size, resize, resized_planes, said_of

__all__ = [
    "LEVELS_8",
    "LEVELS_16",
    "UNITS",
    "Range",
    "alike",
    "blocks_of",
    "channels_first",
    "check_size",
    "empty",
    "in_order",
    "in_units",
    "n_cores",
    "range_of",
    "release",
    "resize",
    "resized_planes",
    "said_of",
    "taken",
    "to_levels",
    "to_rgb",
]
