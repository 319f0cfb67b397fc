"""What is said of outputs that are open to doubt: they have gradients, or differ from call to call."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np

from vicinal import _arrays
from vicinal.autoencoders.adapter import Part

_COMPARED = 4  # rows of the first batch that are computed twice
_ACCURACY = {"float16": 2e-2, "bfloat16": 1e-1, "int64": 0.0}  # of the largest value; else 1e-4: sums on a GPU differ


def detached(part: Part, output: Any) -> Any:
    """Return outputs without gradients, and say so if there were any although none were computed for them."""
    if getattr(output, "requires_grad", False):
        part.say(
            f"{part.method} returned tensors with gradients, although vicinal computes without: it turns them on "
            "itself. They are dropped; remove torch.enable_grad() or return output.detach() to save their memory"
        )
        return output.detach()
    return output


def check_repeats(part: Part, batch: Any, output: Any) -> None:
    """Say so if the first rows of a batch give other outputs a second time."""
    few = batch[:_COMPARED]
    torch = sys.modules.get("torch")
    try:
        with contextlib.nullcontext() if torch is None else torch.random.fork_rng(devices=_gpus(torch)):
            first = output if len(few) == len(batch) else part(few)
            again = part(few)
    except Exception:  # noqa: BLE001 - a model may take batches of one size only
        return
    first, again = _arrays.to_numpy(first), _arrays.to_numpy(again)
    accuracy = _ACCURACY.get(str(output.dtype).removeprefix("torch."), 1e-4)
    scale = float(np.max(np.abs(first, dtype=np.float64), initial=0.0, where=np.isfinite(first)))
    if first.shape != again.shape or not np.allclose(first, again, rtol=0.0, atol=accuracy * scale, equal_nan=True):
        part.say(
            f"{part.method} returns something else each time: two calls with the same rows differ. Return a mean "
            "instead of a draw, switch dropout off, or name the torch module that vicinal did not find, as in "
            "vicinal.Autoencoder(encoder, decoder, module=model)"
        )


def _gpus(torch: Any) -> list[int]:
    """Return the GPU in use, if there is one, to keep the state of its generator."""
    return [torch.cuda.current_device()] if torch.cuda.is_available() and torch.cuda.is_initialized() else []
