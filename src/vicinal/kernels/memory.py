"""Memory for results; that of large samples is handed out again when the last array in it is gone.

To touch memory fresh from the operating system takes a good part of the time that samples take. One
block is therefore kept, and marked as free: the system takes it back when it runs short.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import weakref
from collections import deque
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SMALLEST = 1 << 22  # bytes; what is smaller the C library recycles itself

LINE = 64  # bytes of memory that come together

new = np.empty  # tests fill it with nonsense first

spare: deque[mmap.mmap] = deque(maxlen=1)  # whose methods are atomic: arrays may be given up at any moment


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an array of uninitialized values that begins where a line does, so that its rows lie on few lines."""
    n_bytes = math.prod(shape) * dtype.itemsize
    block = new((n_bytes + LINE,), np.uint8)
    first = -block.ctypes.data % LINE
    return block[first : first + n_bytes].view(dtype).reshape(shape)


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
    with contextlib.suppress(IndexError):
        block = spare.pop()
        if n_bytes <= len(block) <= 2 * n_bytes:
            return block
        spare.append(block)
    block = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(AttributeError, OSError):  # a wish, not a need
        block.madvise(mmap.MADV_HUGEPAGE)
    return block


def _give_back(block: mmap.mmap) -> None:
    with contextlib.suppress(OSError):
        block.madvise(mmap.MADV_FREE)
    spare.append(block)
