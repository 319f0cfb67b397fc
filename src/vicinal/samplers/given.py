"""What `fit` is given: one array or batches, and what a batch may be.

One array, or anything that NumPy reads as one array, is one set of latents. So is a path, or a list of paths: the
files are what `vicinal.array_files.read_dataset` makes of them. Batches are

- a list of pairs (latents, labels), where latents may be a path;
- any other iterable of arrays, paths or pairs, such as a torch DataLoader. One that can be read again is read as often
  as needed. An iterator or generator is read once, and kept in memory;
- a torch Dataset of latents, or of pairs (latent, label);
- a dask collection: see `vicinal.samplers.on_dask`.

A list or tuple of arrays is refused, here and everywhere: see `vicinal._validation.check_no_list_of_arrays`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Set
from typing import Any

from vicinal import _validation, array_files
from vicinal._errors import InvalidInputError

_OF_AN_ENCODER = (
    "; for what an encoder returned, the means alone, or fit(mu, std=np.exp(logvar / 2)) for the aggregate posterior"
)


def of_files(X: Any) -> Any:
    """Return the latents in the files of a path or a list of paths: an array, or batches; anything else as it is."""
    paths = X if isinstance(X, list | tuple) else [X]
    are_paths = bool(paths) and all(isinstance(each, str | os.PathLike) for each in paths)
    return array_files.read_dataset(paths)[0] if are_paths else X


def of_dataset(X: Any, batch_size: int = 1024) -> Any:
    """Return the batches of a torch Dataset of latents or pairs (latent, label); anything else as it is."""
    torch: Any = sys.modules.get("torch")
    data = getattr(getattr(torch, "utils", None), "data", None)
    if data is None or not isinstance(X, data.Dataset):
        return X
    return data.DataLoader(X, batch_size, generator=torch.Generator())  # of its own: that of torch is not advanced


def is_stream(X: Any) -> bool:
    """Tell whether X holds batches, not one array; raise InvalidInputError for a list or tuple of arrays."""
    if hasattr(X, "shape") or hasattr(X, "__array__") or isinstance(X, str | bytes | Mapping | Set):
        return False
    if not hasattr(X, "__iter__"):
        return False
    if isinstance(X, list | tuple):
        first = X[0] if X else None
        if len(X) == 2 and _is_array(first) and getattr(X[1], "ndim", 0) < 2:
            raise InvalidInputError(
                f"latents must be one array; got a {type(X).__name__} of arrays: pass labels as fit(latents, y)"
            )
        _validation.check_no_list_of_arrays(X, "latents", streams=True, remedy=_OF_AN_ENCODER)
        if isinstance(first, list | tuple) and 1 <= len(first) <= 2:  # a batch (latents,) or (latents, labels)
            first = first[0]
        return isinstance(first, str | os.PathLike) or _is_array(first)
    return True


def is_dask(X: Any) -> bool:
    """Tell whether X is a dask collection or future, or a list of them; dask is not imported."""
    if isinstance(X, list | tuple):
        return len(X) > 0 and all(map(_is_of_dask, X))
    return _is_of_dask(X)


def opened(item: Any) -> tuple[Any, Any]:
    """Return latents and labels of one batch."""
    if isinstance(item, list | tuple) and 1 <= len(item) <= 2:
        labels = item[1] if len(item) == 2 else None
        if labels is not None and _is_array(labels):
            raise InvalidInputError(
                f"a batch must be latents or a pair (latents, labels); got labels of shape {tuple(labels.shape)}: if "
                "these are means and log variances, let the batches hold the means alone"
            )
        return opened(item[0])[0], labels
    if isinstance(item, str | os.PathLike):
        return array_files.open_array(item), None
    return item, None


def _is_of_dask(value: Any) -> bool:
    dask, distributed = (sys.modules.get(name) for name in ("dask", "distributed"))
    if dask is not None and dask.is_dask_collection(value):
        return True
    return distributed is not None and isinstance(value, distributed.Future)


def _is_array(value: Any) -> bool:
    return getattr(value, "ndim", 0) >= 2
