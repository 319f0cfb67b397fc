"""The loops over latents: arrays and integers in, arrays out, nothing checked and nothing kept.

`reference` is the definition, in NumPy; `cpu` is the fast twin, in Numba. Both have the same six
functions and give the same bits:

========================  ======================================================
`bounds`                  smallest and largest value of each dimension
`quantize`                the code of each value, from 0 to n_bins - 1
`unique_cells`            occupied cells in lexicographic order, and their counts
`find_cells`              the index of each row of codes among the cells, or -1
`draw_cells`              a cell for each sample, by cumulative counts
`fill_cells`              a point drawn uniformly from each of these cells
========================  ======================================================

`neighbors` finds nearest rows.
"""

from __future__ import annotations

from types import ModuleType


def select() -> ModuleType:
    """Return the kernels to use: `cpu`, or `reference` when Numba's compiler is switched off."""
    from vicinal.kernels import cpu, reference

    return cpu if cpu.COMPILED else reference
