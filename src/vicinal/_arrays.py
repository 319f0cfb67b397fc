"""NumPy arrays and torch tensors.

vicinal computes with NumPy, and accepts and returns both. It finds torch in ``sys.modules``, so it never imports
torch itself: a caller who passes a tensor has already imported it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

ACCELERATORS = ("cuda",)  # devices with their own kernels; latents on other devices are copied to the CPU


class TensorKind(NamedTuple):
    """Dtype and device of a torch tensor, as strings that can be pickled and compared."""

    dtype: str
    device: str

    @property
    def on_accelerator(self) -> bool:
        """Whether such tensors stay on their device."""
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
    """Return a NumPy view or copy; bfloat16 becomes float32, as NumPy has no bfloat16."""
    if not is_tensor(array):
        return np.asarray(array)
    array = array.detach().cpu()
    if str(array.dtype) == "torch.bfloat16":
        array = array.float()
    return np.asarray(array.numpy())


def float_dtype(array: Any) -> np.dtype[Any]:
    """Return the NumPy dtype of an array or tensor of floats; float32 for bfloat16."""
    kind = tensor_kind(array)
    name = array.dtype if kind is None else kind.dtype
    return np.dtype("float32" if name == "bfloat16" else name)


def from_numpy(array: Any, kind: TensorKind | None) -> Any:
    """Return ``array`` for None, or else a tensor on the device of ``kind``, in its dtype if that is a float type."""
    if kind is None:
        return array
    torch: Any = importlib.import_module("torch")  # a pickled sampler may need it before anything else imports it
    dtype = getattr(torch, kind.dtype)
    tensor = array if is_tensor(array) else torch.from_numpy(np.ascontiguousarray(array))
    return tensor.to(device=kind.device, dtype=dtype if dtype.is_floating_point else tensor.dtype)


@contextmanager
def evaluating(*modules: Any) -> Iterator[None]:
    """Keep torch modules in evaluation mode, then restore the mode of each part; no gradients if torch is loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    modes = {part: part.training for module in modules for part in module.modules()}
    try:
        for module in modules:
            with suppress(NotImplementedError):  # a module that torch exported has one mode
                module.eval()
        with torch.no_grad():  # tensors made in inference mode could not be trained on later
            yield
    finally:
        for part, mode in modes.items():
            part.training = mode
