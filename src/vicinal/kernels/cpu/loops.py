"""What the loops share: the compiler, threads, and memory for results.

Only this file imports Numba. The threads are Python's own, and kernels release the interpreter lock: unlike Numba's
parallel loops they may be entered from several threads at once and survive a fork.
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

COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

# No fast-math: the compiler may neither reorder nor fuse, so every value is rounded as NumPy rounds it.
# error_model: a division that may raise ZeroDivisionError cannot be vectorised.
jit: Any = numba.njit(nogil=True, cache=True, error_model="numpy")

_RUN = 512  # values that a vectorised loop runs over at least
_VALUES_A_PART = 1 << 20  # below this a thread costs more than it gives
_PARTS_A_CORE = 4  # when there is much to do, so that a core which is slowed down does not hold up the others
LINE = 64  # bytes of memory that the processor fetches together
_LARGE = 1 << 22  # bytes from which on the memory of samples is used again
_spare: deque[mmap.mmap] = deque(maxlen=1)  # its methods are atomic: arrays may be given up at any moment


def rows_a_run(d: int) -> int:
    """Return the rows of d values that a vectorised loop takes together."""
    return -(-_RUN // d)


def repeated(*columns: Array) -> Array:
    """Return what each dimension has, (d,) each, for all the rows that are taken together, (n_columns, rows * d)."""
    d = len(columns[0])
    out = np.empty((len(columns), rows_a_run(d), d), columns[0].dtype)
    for i, column in enumerate(columns):
        out[i] = column
    return out.reshape(len(columns), -1)


_item_pointer: Any = cgutils.get_item_pointer  # numba has no type for it


@intrinsic
def _prefetch(typing_context: Any, rows: Any, i: Any, j: Any) -> Any:
    """Ask for the line of memory with rows[i, j], of an array in C order, and go on without it."""
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        indices = [context.cast(builder, arguments[k], signature.args[k], numba.intp) for k in (1, 2)]
        item = _item_pointer(context, builder, signature.args[0], array, indices)
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        builder.call(function, [builder.bitcast(item, byte), word(0), word(3), word(1)])  # to read, to keep, data
        return context.get_dummy_value()

    return numba.void(rows, i, j), generate


def _no_prefetch(rows: Any, i: Any, j: Any) -> None:
    """Do nothing: the interpreter has no use for it."""


prefetch: Any = _prefetch if COMPILED else _no_prefetch


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the threads of a process; after a fork there are new ones."""
    del process
    return ThreadPoolExecutor(_cores())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parts(n_rows: int, n_columns: int) -> list[tuple[int, int]]:
    """Cut the rows into ranges (first, last) that are worth a thread each; one if there is little to do."""
    n_parts = n_rows * n_columns // _VALUES_A_PART
    if n_parts < 2:
        return [(0, n_rows)]
    cores = _cores()
    n_parts = min(n_parts, cores if n_parts < 4 * _PARTS_A_CORE * cores else _PARTS_A_CORE * cores)
    edges = [n_rows * i // n_parts for i in range(n_parts + 1)]
    return list(itertools.pairwise(edges))


def over(ranges: list[tuple[int, int]], work: Callable[[int, int], Any]) -> list[Any]:
    """Call ``work(first, last)`` on every range, in this thread and others; return the results in order."""
    if len(ranges) == 1:
        return [work(*ranges[0])]
    results: list[Any] = [None] * len(ranges)
    left = deque(enumerate(ranges))

    def take() -> None:
        while left:
            try:
                i, (first, last) = left.popleft()
            except IndexError:  # another thread was quicker
                return
            results[i] = work(first, last)

    others = [_pool(os.getpid()).submit(take) for _ in range(min(len(ranges), _cores()) - 1)]
    take()
    for other in others:
        if not other.cancel():  # a thread that wakes up too late has nothing to do
            other.result()
    return results


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an array of uninitialized values that begins on a line of memory, so that its rows lie on few lines."""
    n_bytes = math.prod(shape) * dtype.itemsize
    block = np.empty(n_bytes + LINE, np.uint8)
    first = -block.ctypes.data % LINE
    return block[first : first + n_bytes].view(dtype).reshape(shape)


def new_samples(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array of uninitialized values; the memory of a large one is used again once the array is gone.

    The first write to fresh memory takes a fifth of the time of large samples. One block is kept, and marked as free:
    the operating system takes it back when it runs short.
    """
    size = math.prod(shape)
    n_bytes = size * np.dtype(dtype).itemsize
    if n_bytes < _LARGE or not hasattr(mmap, "MADV_FREE"):
        return np.empty(shape, dtype)
    try:
        block = _take(n_bytes)
    except OSError:  # no more memory, or no more mappings
        return np.empty(shape, dtype)
    array = np.frombuffer(block, dtype, size)  # every view of it keeps it alive
    weakref.finalize(array, _give_back, block).atexit = False
    return array.reshape(shape)


def _take(n_bytes: int) -> mmap.mmap:
    with contextlib.suppress(IndexError):  # there is none, or another thread was quicker
        block = _spare.pop()
        if n_bytes <= len(block) <= 2 * n_bytes:
            return block
    block = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(AttributeError, OSError):  # a wish, not a need
        block.madvise(mmap.MADV_HUGEPAGE)
    return block


def _give_back(block: mmap.mmap) -> None:
    with contextlib.suppress(OSError):
        block.madvise(mmap.MADV_FREE)
    _spare.append(block)
