"""The two array libraries: NumPy inside, NumPy or torch at the edges.

A torch tensor is recognised through ``sys.modules``: whoever passes one has imported torch, so
vicinal never has to.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

ACCELERATORS = ("cuda",)  # devices that have kernels of their own; from others, latents come to the CPU


class TensorKind(NamedTuple):
    """Where a torch tensor came from, in words, so that it can be pickled and compared."""

    dtype: str
    device: str

    @property
    def on_accelerator(self) -> bool:
        """Whether such tensors are worked on where they are."""
        return self.device.split(":")[0] in ACCELERATORS and "float" in self.dtype


def is_tensor(array: Any) -> bool:
    """Tell whether ``array`` is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def tensor_kind(array: Any) -> TensorKind | None:
    """Return dtype and device of a torch tensor, or None for anything else."""
    if not is_tensor(array):
        return None
    return TensorKind(str(array.dtype).removeprefix("torch."), str(array.device))


def to_numpy(array: Any) -> Array:
    """Return a NumPy view or copy; bfloat16, which NumPy lacks, becomes float32."""
    if not is_tensor(array):
        return np.asarray(array)
    array = array.detach().cpu()
    if str(array.dtype) == "torch.bfloat16":
        array = array.float()
    return np.asarray(array.numpy())


def float_dtype(array: Any) -> np.dtype[Any]:
    """Return the NumPy type of an array or tensor of floats; that of bfloat16 is float32."""
    kind = tensor_kind(array)
    name = array.dtype if kind is None else kind.dtype
    return np.dtype("float32" if name == "bfloat16" else name)


def on_accelerator(array: Any) -> bool:
    """Tell whether ``array`` is a torch tensor of floats that is worked on where it is."""
    kind = tensor_kind(array)
    return kind is not None and kind.on_accelerator


def from_numpy(array: Any, kind: TensorKind | None) -> Any:
    """Return ``array`` itself, or a tensor on ``kind``'s device, in its dtype if that is a float."""
    if kind is None:
        return array
    torch: Any = importlib.import_module("torch")  # of a pickled sampler, perhaps for the first time here
    dtype = getattr(torch, kind.dtype)
    tensor = array if is_tensor(array) else torch.from_numpy(np.ascontiguousarray(array))
    return tensor.to(device=kind.device, dtype=dtype if dtype.is_floating_point else tensor.dtype)


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Put a torch module, or nothing for None, in evaluation mode without gradients; each part gets its mode back."""
    if module is None:
        yield
        return
    trained = [part for part in module.modules() if part.training]
    module.eval()
    try:
        with sys.modules["torch"].no_grad():  # not inference mode: its tensors cannot be trained on afterwards
            yield
    finally:
        for part in trained:
            part.training = True
