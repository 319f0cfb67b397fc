"""The loops over latents: arrays and integers in, arrays out, nothing checked and nothing kept.

`reference` is the definition, in NumPy; `cpu` is the fast twin, in Numba. Both have the same five
functions and give the same bits:

========================  ======================================================
`bounds`                  smallest and largest value of each dimension
`quantize`                the code of each value, from 0 to n_bins - 1
`unique_cells`            occupied cells in lexicographic order, and their counts
`find_cells`              the index of each row of codes among the cells, or -1
`sample_cells`            uniform draws within cells drawn by their counts
========================  ======================================================
"""

from __future__ import annotations

from types import ModuleType


def select() -> ModuleType:
    """Return the kernels to use: `cpu`, or `reference` when Numba's compiler is switched off."""
    from vicinal.kernels import cpu, reference

    return cpu if cpu.COMPILED else reference
