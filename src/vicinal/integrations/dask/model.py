"""An autoencoder that travels to the workers once, and is one copy on each."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Sequence
from typing import Any

import cloudpickle

from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.autoencoders import modules
from vicinal.autoencoders.adapter import Method, part_of

_loading = threading.Lock()


class Model:
    """An autoencoder, pickled; a worker unpickles it when it first needs it, on its device, in evaluation mode.

    Threads of a worker share one copy, whose modes and device never change. The caller's own stays as it is.
    """

    def __init__(self, autoencoder: Any, method: Method, device: Any) -> None:
        part_of(autoencoder, method)  # raises without it
        self._method, self._device, self._loaded = method, device, None
        try:
            self._pickled = cloudpickle.dumps(autoencoder)
        except Exception as error:
            raise InvalidTypeError(
                f"autoencoder must be one that can be pickled, to travel to the workers; {type(autoencoder).__name__} "
                f"cannot ({error}): make it a class in a module that the workers have, which opens files or makes "
                "locks when they are needed"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_loaded": None}

    @property
    def loaded(self) -> Any:
        """The autoencoder of this worker."""
        with _loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> Any:
        try:
            autoencoder = pickle.loads(self._pickled)  # noqa: S301 - dask itself sends what its client pickled
        except Exception as error:
            raise InvalidInputError(
                f"autoencoder cannot be loaded by this worker ({error}): workers need the module of its class, see "
                "upload_file of the client, and its packages. To compute on another device than its own, pass one that "
                "is on the CPU, and device="
            ) from error
        found = part_of(autoencoder, self._method).modules
        device = _gpu_if_any(found) if self._device == "auto" else self._device
        target = None if device is None else modules.check_movable(found, device)
        for module in found:
            module.eval()
            if target is not None:
                module.to(target)
        return autoencoder


def _gpu_if_any(found: Sequence[Any]) -> str | None:
    """Return the GPU, or else the CPU; None without modules."""
    return ("cuda" if sys.modules["torch"].cuda.is_available() else "cpu") if found else None
