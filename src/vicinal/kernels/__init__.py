"""The loops over latents: arrays and integers in, arrays out, nothing checked and nothing kept.

`reference` is the definition, in NumPy. `cpu` is the fast version, in Numba. `gpu` has the kernels that run on an
accelerator, in Triton or plain torch. All give the same bits:

=========================  ====================================================================
`bounds`                   smallest and largest value of each dimension
`quantize`                 the code of each value, from 0 to n_bins - 1
`unique_cells`             occupied cells in lexicographic order, and their counts
`find_cells`               the index of each row of codes among the cells, or -1
`index_cells`              how to find the cell of a draw, from the counts
`draw_cells`               a cell for each sample
`fill_cells`               a value drawn uniformly from each of these cells
`sample_cells`             both at once
`mix_rows`                 a sample of a neighbourhood: a random mixture of its rows
`neighborhood_sums`        sums of the rows of neighbourhoods, and of their squares
`neighborhood_scatters`    sums of the outer products of the differences from a mean
`likeliest_spheres`        the candidate neighbourhood in whose spherical Gaussian a row is likeliest
`likeliest_ellipsoids`     the candidate neighbourhood in whose Gaussian a row is likeliest
`nearest`                  the nearest rows, which are in `tiles`, and the distances to them
`inside`                   how many rows are within a distance
=========================  ====================================================================
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


def on_device(cells: Any, index: CellIndex, device: str | None) -> tuple[Any, CellIndex]:
    """Return cells (n_cells, d) and their index on an accelerator, or as they are for None."""
    if device is None:
        return cells, index
    from vicinal.kernels import gpu

    return gpu.to_device(cells, index, device)
