"""Ranges of rows, worked on in threads.

The threads are Python's own, and kernels release the interpreter lock: unlike Numba's parallel loops
they may be entered from several threads at once and survive a fork.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_VALUES_A_PART = 1 << 20  # below this a thread costs more than it gives
_PARTS_A_CORE = 4  # when there is much to do, so that a core which is slowed down does not hold up the others


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
