"""The threads and the memory that all loops share, and a hint to the processor.

Kernels run in Python threads and release the interpreter lock. So, unlike the parallel
loops of Numba, they can be called from several threads at once, and after a fork.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import mmap
import os
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from vicinal._arrays import Array
from vicinal.kernels.cpu.compiling import COMPILED

_RUN = 512  # smallest length of a vectorised loop
_VALUES_A_PART = 1 << 20  # a thread does not pay off for fewer values
_PARTS_A_CORE = 4  # for large arrays, so that one slow core does not delay the others
LINE = 64  # bytes of a cache line
_LARGE = 1 << 22  # bytes; the memory of samples of at least this size is reused
_spare: deque[mmap.mmap] = deque(maxlen=1)  # a deque, since its methods are atomic


def rows_a_run(d: int) -> int:
    """Return the number of rows of d values in one vectorised loop."""
    return -(-_RUN // d)


def repeated(*columns: Array) -> Array:
    """Return arrays (d,), each repeated for all rows of a vectorised loop, shape (n_columns, rows * d)."""
    return np.repeat(np.array(columns)[:, None], rows_a_run(len(columns[0])), axis=1).reshape(len(columns), -1)


_item_pointer: Any = cgutils.get_item_pointer  # Numba has no type annotation for it


@intrinsic
def _prefetch(typing_context: Any, rows: Any, i: Any, j: Any) -> Any:
    """Prefetch the cache line of rows[i, j], for an array in C order."""
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        indices = [context.cast(builder, arguments[k], signature.args[k], numba.intp) for k in (1, 2)]
        item = _item_pointer(context, builder, signature.args[0], array, indices)
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        builder.call(function, [builder.bitcast(item, byte), word(0), word(3), word(1)])  # read, keep in cache, data
        return context.get_dummy_value()

    return numba.void(rows, i, j), generate


def _no_prefetch(rows: Any, i: Any, j: Any) -> None:
    """Do nothing, without the compiler."""


prefetch: Any = _prefetch if COMPILED else _no_prefetch


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the thread pool of a process; after a fork, the child makes its own."""
    del process
    return ThreadPoolExecutor(_cores())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parts(n_rows: int, n_columns: int) -> list[tuple[int, int]]:
    """Cut the rows into ranges (first, last), each large enough for a thread; one range for a small array."""
    n_parts = n_rows * n_columns // _VALUES_A_PART
    if n_parts < 2:
        return [(0, n_rows)]
    cores = _cores()
    n_parts = min(n_parts, cores if n_parts < 4 * _PARTS_A_CORE * cores else _PARTS_A_CORE * cores)
    edges = [n_rows * i // n_parts for i in range(n_parts + 1)]
    return list(itertools.pairwise(edges))


def over(ranges: list[tuple[int, int]], work: Callable[[int, int], Any]) -> list[Any]:
    """Call ``work(first, last)`` on each range, in several threads; return the results in order."""
    if len(ranges) == 1:
        return [work(*ranges[0])]
    results: list[Any] = [None] * len(ranges)
    left = deque(enumerate(ranges))

    def take() -> None:
        while left:
            try:
                i, (first, last) = left.popleft()
            except IndexError:  # another thread took the last range
                return
            results[i] = work(first, last)

    others = [_pool(os.getpid()).submit(take) for _ in range(min(len(ranges), _cores()) - 1)]
    take()
    for other in others:
        if not other.cancel():  # a thread that has not started is not needed
            other.result()
    return results


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an uninitialised array that starts on a cache line, so that each row covers few lines."""
    n_bytes = math.prod(shape) * dtype.itemsize
    block = np.empty(n_bytes + LINE, np.uint8)
    first = -block.ctypes.data % LINE
    return block[first : first + n_bytes].view(dtype).reshape(shape)


def new_samples(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an uninitialised array; the memory of a large one is reused after the array is deleted.

    The first write to new memory takes a fifth of the time of large samples. One block is kept and marked as free, so
    the operating system can take it back.
    """
    size = math.prod(shape)
    n_bytes = size * np.dtype(dtype).itemsize
    if n_bytes < _LARGE or not hasattr(mmap, "MADV_FREE"):
        return np.empty(shape, dtype)
    try:
        block = _take(n_bytes)
    except OSError:  # no memory or no mappings left
        return np.empty(shape, dtype)
    array = np.frombuffer(block, dtype, size)  # stays alive as long as any view of it
    weakref.finalize(array, _give_back, block).atexit = False
    return array.reshape(shape)


def _take(n_bytes: int) -> mmap.mmap:
    with contextlib.suppress(IndexError):  # no spare block
        block = _spare.pop()
        if n_bytes <= len(block) <= 2 * n_bytes:
            return block
    block = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(AttributeError, OSError):  # huge pages are optional
        block.madvise(mmap.MADV_HUGEPAGE)
    return block


def _give_back(block: mmap.mmap) -> None:
    with contextlib.suppress(OSError):
        block.madvise(mmap.MADV_FREE)
    _spare.append(block)
