"""Memory for results; that of large samples is handed out again when the last array in it is gone.

Memory fresh from the operating system costs more to touch for the first time than samples cost to
compute. One block is therefore kept, and marked as free: the system takes it back when it runs short.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import threading
import weakref
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SMALLEST = 1 << 22  # bytes; what is smaller the C library recycles itself

new = np.empty  # tests fill it with nonsense first

_lock = threading.Lock()
_spare: mmap.mmap | None = None


def new_samples(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an array of uninitialized values, as `numpy.empty` does."""
    size = math.prod(shape)
    n_bytes = size * dtype.itemsize
    if n_bytes < SMALLEST or not hasattr(mmap, "MADV_FREE"):
        return np.empty(shape, dtype)
    block = _take(n_bytes)
    array = np.frombuffer(block, dtype, size)  # every view of it keeps it alive
    weakref.finalize(array, _give_back, block).atexit = False
    return array.reshape(shape)


def _take(n_bytes: int) -> mmap.mmap:
    global _spare
    with _lock:
        if _spare is not None and n_bytes <= len(_spare) <= 2 * n_bytes:
            block, _spare = _spare, None
            return block
    block = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(AttributeError, OSError):  # a wish, not a need
        block.madvise(mmap.MADV_HUGEPAGE)
    return block


def _give_back(block: mmap.mmap) -> None:
    global _spare
    with contextlib.suppress(OSError):
        block.madvise(mmap.MADV_FREE)
    with _lock:
        _spare = block
