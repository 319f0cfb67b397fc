"""The loops over latents: arrays and integers in, arrays out, nothing checked and nothing kept.

`reference` is the definition, in NumPy. `cpu` is the fast version, in Numba. `gpu` has the kernels that run on an
accelerator, in Triton or plain torch. All give the same bits:

=========================  =============================================================
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
