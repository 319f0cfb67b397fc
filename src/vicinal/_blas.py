"""Small products of matrices on one thread: more gain little, and lose tenfold on cores that others use too."""

from __future__ import annotations

import functools
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> Any:
    """Return a context in which NumPy's BLAS takes one thread."""
    return _libraries().limit(limits=1, user_api="blas")


@functools.cache
def _libraries() -> ThreadpoolController:
    """Return the BLAS libraries of the process; beside torch it takes milliseconds to find them, so it is done once."""
    return ThreadpoolController()
