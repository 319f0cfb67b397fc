"""The loops over latents: arrays and integers in, arrays out, nothing checked and nothing kept.

`reference` is the definition, in NumPy; `cpu` is the fast twin, in Numba; `gpu` has what runs on an
accelerator, in Triton or plain torch. All give the same bits:

========================  ======================================================
`bounds`                  smallest and largest value of each dimension
`quantize`                the code of each value, from 0 to n_bins - 1
`unique_cells`            occupied cells in lexicographic order, and their counts
`find_cells`              the index of each row of codes among the cells, or -1
`index_cells`             how to find the cell of a draw, from the counts
`draw_cells`              a cell for each sample
`fill_cells`              a point drawn uniformly from each of these cells
`sample_cells`            both at once
`mix_rows`                a point in the vicinity of a row, shaped by rows around it
`cell_sums`               sums of the rows of cells, and of their squares
`cell_scatters`           sums of the products of their gaps to a mean
`likeliest_spheres`       the cell near to a row in whose spherical Gaussian it is likeliest
`likeliest_ellipsoids`    the cell near to a row in whose Gaussian it is likeliest
`nearest_distances`       how far it is to the nearest point
========================  ======================================================

`memory` recycles the memory of work and results; `partition` cuts rows into
cells, by `tree`, and lets them move to where they fit best, by `moves`.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from vicinal import _arrays

if TYPE_CHECKING:
    from vicinal.kernels.reference import CellIndex


def select(rows: Any = None) -> ModuleType:
    """Return the kernels for rows: `gpu` for tensors; `cpu` for arrays, or `reference` if Numba's compiler is off."""
    if _arrays.is_tensor(rows):
        from vicinal.kernels import gpu

        return gpu
    from vicinal.kernels import cpu, reference

    return cpu if cpu.COMPILED else reference


def on_device(cells: Any, index: CellIndex, device: str | None) -> tuple[ModuleType, Any, Any]:
    """Return kernels, cells (n_cells, d) and index where samples are to be drawn: an accelerator, or for None here."""
    if device is None:
        return select(), cells, index
    from vicinal.kernels import gpu

    return gpu, *gpu.to_device(cells, index, device)
