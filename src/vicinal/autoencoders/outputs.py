"""What a model returns, to the one array that is meant.

The rules, in this order:

1.  An array: NumPy, torch, or anything with ``__array__`` or ``__dlpack__``, as JAX and CuPy have.
2.  A distribution with a method ``mode``: what it returns.
3.  An object or a mapping with names: the first of `FIELDS` that it has, under these rules again.
4.  A tuple or list: of one, that one; of two or three arrays of one shape, the first, as in ``(mu, logvar)``, which is
    said once; else the only array that has a row for each input.

Anything else is refused.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vicinal import _arrays
from vicinal._errors import InvalidInputError, InvalidTypeError

FIELDS = {
    "encode": ("latent_dist", "latents", "latent", "embedding", "mu", "mean", "loc", "z", "sample"),
    "decode": ("sample", "reconstruction", "recon_x", "mu", "mean", "loc"),
}
"""Names of the array in what ``encode`` and ``decode`` return; means come before draws."""

_REMEDY = {
    "encode": "vicinal.Autoencoder(lambda images: model.encode(images)[0], model.decode)",
    "decode": "vicinal.Autoencoder(model.encode, lambda latents: model.decode(latents)[0])",
}

Say = Callable[[str], None]


def unwrap(output: Any, method: str, n_rows: int, say: Say) -> Any:
    """Return the array (n_rows, ...) in what a model returned: a NumPy array or a torch tensor.

    Parameters
    ----------
    output : object
        What ``method`` returned for ``n_rows`` rows.
    method : {"encode", "decode"}
        Which names are looked for.
    n_rows : int
        Rows that the array must have.
    say : callable
        Called with a sentence where a choice was made.

    Raises
    ------
    InvalidTypeError
        If there is no such array.
    InvalidInputError
        If it has another number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> unwrap(SimpleNamespace(embedding=np.zeros((2, 3)), log_covariance=None), "encode", 2, print).shape
    (2, 3)
    >>> unwrap((np.zeros((2, 3)), np.ones((2, 3))), "encode", 2, print).sum()
    encode returned 2 arrays of one shape; the first is taken, as in (mu, logvar). Pass the one that you mean, as in
    vicinal.Autoencoder(lambda images: model.encode(images)[0], model.decode)
    np.float64(0.0)
    """
    found = _unwrapped(output, method, n_rows, say, 0)
    if found is None:
        raise InvalidTypeError(
            f"{method} must return one array; got {_described(output)}. Wrap the model, as in {_REMEDY[method]}"
        )
    if found.ndim < 1 or len(found) != n_rows:
        raise InvalidInputError(
            f"{method} must return one row for each of {n_rows}; got shape {tuple(found.shape)}. A batch has shape "
            "(n_samples, ...): stack single images with numpy.stack or torch.stack"
        )
    return found


def as_array(value: Any) -> Any:
    """Return an array of any library as a NumPy array or a torch tensor; None if it is no array of numbers."""
    if _arrays.is_tensor(value):
        return value
    if isinstance(value, np.ndarray):
        return _numbers(value)
    if isinstance(value, np.generic | Mapping) or callable(getattr(value, "tocsr", None)):
        return None
    if callable(getattr(value, "__array__", None)):
        try:
            return _numbers(np.asarray(value))
        except (TypeError, RuntimeError):  # CuPy refuses to copy to the host unasked
            pass
    return _from_dlpack(value) if callable(getattr(value, "__dlpack__", None)) else None


def _numbers(array: Any) -> Any:
    if array.dtype.name == "bfloat16":  # of ml_dtypes, which JAX uses
        array = array.astype(np.float32)
    return array if array.dtype.kind in "fiub" else None


def _from_dlpack(value: Any) -> Any:
    device_type = value.__dlpack_device__()[0]
    if device_type == 1:  # the host
        return _numbers(np.from_dlpack(value))
    torch = sys.modules.get("torch")
    if torch is not None:
        return torch.from_dlpack(value)
    return _numbers(np.from_dlpack(value, device="cpu"))


def _unwrapped(output: Any, method: str, n_rows: int, say: Say, depth: int) -> Any:
    """Return the array in an output; None if there is none."""
    if output is None or inspect.isroutine(output) or depth > 3:
        return None
    array = as_array(output)
    if array is not None:
        return array
    if isinstance(output, list | tuple) and not hasattr(output, "_fields"):
        return _of_several(output, method, n_rows, say, depth)
    if callable(getattr(type(output), "mode", None)):  # not so in torch.distributions, whose mode is a property
        return as_array(output.mode())
    for name in FIELDS[method]:
        value = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
        found = _unwrapped(value, method, n_rows, say, depth + 1)
        if found is not None:
            return found
    return _of_several(output, method, n_rows, say, depth) if isinstance(output, tuple) else None


def _of_several(several: Any, method: str, n_rows: int, say: Say, depth: int) -> Any:
    if len(several) == 1:
        return _unwrapped(several[0], method, n_rows, say, depth + 1)
    arrays = [as_array(each) for each in several]
    if len(arrays) <= 3 and all(each is not None and each.ndim > 0 for each in arrays):
        shapes = {tuple(each.shape) for each in arrays}
        if len(shapes) == 1:
            say(
                f"{method} returned {len(arrays)} arrays of one shape; the first is taken, as in (mu, logvar). Pass "
                f"the one that you mean, as in {_REMEDY[method]}"
            )
            return arrays[0]
    with_rows = [each for each in arrays if each is not None and each.ndim > 1 and len(each) == n_rows]
    return with_rows[0] if len(with_rows) == 1 else None


def _described(output: Any) -> str:
    name = type(output).__name__
    if isinstance(output, Mapping):
        return f"{name} with {', '.join(map(str, output))}"
    if isinstance(output, list | tuple):
        return f"{name} of {', '.join(_shape_of(each) for each in output)}" if output else f"an empty {name}"
    return name


def _shape_of(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"shape {tuple(shape)}"
