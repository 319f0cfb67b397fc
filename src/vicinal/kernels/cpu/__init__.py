"""The kernels in Numba, tiled and multi-threaded. They give the same bits as `reference`, but faster.

Four techniques make them fast:

- Each inner loop runs over hundreds of contiguous values, so the compiler can vectorise it for any number of
  dimensions. Bounds and widths are repeated to this length.
- The ten rounds of Philox are written out, over counters in flat arrays, two of which take turns.
- Rows at random places in memory are prefetched.
- Samples are checked for leaving their cells only if rounding could move one of them out.
"""

from vicinal.kernels.cpu.compiling import COMPILED
from vicinal.kernels.cpu.mixtures import (
    likeliest_ellipsoids,
    likeliest_spheres,
    mix_rows,
    neighborhood_scatters,
    neighborhood_sums,
)
from vicinal.kernels.cpu.nearest import inside, nearest
from vicinal.kernels.cpu.philox import draw_cells, index_cells
from vicinal.kernels.cpu.quantization import bounds, find_cells, quantize, unique_cells
from vicinal.kernels.cpu.samples import fill_cells, sample_cells

__all__ = [
    "COMPILED",
    "bounds",
    "draw_cells",
    "fill_cells",
    "find_cells",
    "index_cells",
    "inside",
    "likeliest_ellipsoids",
    "likeliest_spheres",
    "mix_rows",
    "nearest",
    "neighborhood_scatters",
    "neighborhood_sums",
    "quantize",
    "sample_cells",
    "unique_cells",
]
