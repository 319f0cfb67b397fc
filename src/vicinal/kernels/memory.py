"""Memory for work and for results, handed out again when the last array in it is gone.

To touch memory fresh from the operating system takes a good part of the time that kernels take. A few
blocks are therefore kept: some that the C library would give back to the system, and one large one, that of
samples, which is marked as free: the system takes it back when it runs short.
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

SMALLEST = 1 << 17  # bytes; what is smaller the C library recycles itself
LARGE = 1 << 22  # from here on NumPy asks for huge pages, which are soon touched

LINE = 64  # bytes of memory that come together

# Their methods are atomic: arrays may be given up at any moment.
spare: deque[mmap.mmap] = deque(maxlen=8)
large_spare: deque[mmap.mmap] = deque(maxlen=1)


def new(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array of uninitialized values, as `numpy.empty` does; all but small and large ones are recycled."""
    return _recycled(shape, dtype, below=LARGE)


def new_samples(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array of uninitialized values, as `numpy.empty` does; all but small ones are recycled."""
    return _recycled(shape, dtype)


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an array of uninitialized values that begins where a line does, so that its rows lie on few lines."""
    n_bytes = math.prod(shape) * dtype.itemsize
    block = new((n_bytes + LINE,), np.uint8)
    first = -block.ctypes.data % LINE
    return block[first : first + n_bytes].view(dtype).reshape(shape)


def _recycled(shape: tuple[int, ...], dtype: Any, below: float = math.inf) -> Array:
    size = math.prod(shape)
    n_bytes = size * np.dtype(dtype).itemsize
    if not SMALLEST <= n_bytes < below or not hasattr(mmap, "MADV_FREE"):
        return np.empty(shape, dtype)
    try:
        block = _take(n_bytes)
    except OSError:  # no more memory, or no more mappings
        return np.empty(shape, dtype)
    array = np.frombuffer(block, dtype, size)  # every view of it keeps it alive
    weakref.finalize(array, _give_back, block).atexit = False
    return array.reshape(shape)


def _take(n_bytes: int) -> mmap.mmap:
    shelf = _shelf(n_bytes)
    for _ in range(len(shelf)):
        with contextlib.suppress(IndexError):  # another thread was quicker
            block = shelf.pop()
            if n_bytes <= len(block) <= 2 * n_bytes:
                return block
            shelf.appendleft(block)
    block = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if n_bytes >= LARGE:
        with contextlib.suppress(AttributeError, OSError):  # a wish, not a need
            block.madvise(mmap.MADV_HUGEPAGE)
    return block


def _give_back(block: mmap.mmap) -> None:
    if len(block) >= LARGE:
        with contextlib.suppress(OSError):
            block.madvise(mmap.MADV_FREE)
    _shelf(len(block)).append(block)


def _shelf(n_bytes: int) -> deque[mmap.mmap]:
    return large_spare if n_bytes >= LARGE else spare
