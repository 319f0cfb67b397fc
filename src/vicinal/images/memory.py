"""Images that need not be in memory: taken block by block, given back, and kept in temporary files if they are many."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vicinal import _progress
from vicinal._arrays import Array

_BLOCK = 1 << 22  # values per step, so that the images are never copied as floats as a whole
_IN_MEMORY = 1 << 26  # bytes; larger arrays are mapped from a temporary file


def blocks_of(images: Array) -> Iterator[slice]:
    """Yield slices of rows, so that images are never copied as floats as a whole.

    The memory of mapped images is given back behind each slice.
    """
    rows = max(1, _BLOCK // max(1, images[:1].size))
    for first in range(0, len(images), rows):
        yield slice(first, first + rows)
        release(images)


def release(array: Array) -> None:
    """Give back the memory of an array that is mapped from a file, which keeps the values."""
    base: Any = array
    is_kept = False
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            is_kept = base.mode != "c"  # whose changes are in memory alone
        base = base.base
    if is_kept and isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return a new array; a large one is mapped from a temporary file, which goes when the array goes."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if n_bytes <= _IN_MEMORY:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        if hasattr(os, "posix_fallocate"):  # a full disk is an error now, not the end of the process later
            try:
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            except OSError as error:
                raise OSError(
                    f"{n_bytes:,} bytes for images of shape {shape} do not fit into {tempfile.gettempdir()} "
                    f"({error.strerror}): name a larger folder with the environment variable TMPDIR"
                ) from error
        return np.memmap(file, dtype, "r+" if hasattr(os, "posix_fallocate") else "w+", shape=shape)


def converted(images: Array, dtype: Any, convert: Callable[[Array], Array], doing: str) -> Array:
    """Return what ``convert`` makes of images, block by block, in a new array of the same shape; see `empty`.

    ``doing`` is the label of its progress bar.
    """
    found = empty(images.shape, dtype)
    with _progress.bar(doing, len(images)) as progress:
        for rows in blocks_of(images):
            found[rows] = convert(images[rows])
            release(found)
            progress.advance(len(found[rows]))
    return found


def taken(images: Array, index: Array) -> Array:
    """Return images at some indices, (n,), in a new array; see `empty`."""
    found = empty((len(index), *images.shape[1:]), images.dtype)
    for rows in blocks_of(found):
        found[rows] = images[index[rows]]
        release(images)
    return found


def in_order(images: Array) -> Array:
    """Return images whose values lie in memory as their indices say; what does not is copied: see `empty`."""
    if images.flags.c_contiguous:
        return images
    return converted(images, images.dtype, lambda block: block, "Ordering images")


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
