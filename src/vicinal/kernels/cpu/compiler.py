"""The compiler, and the settings that all kernels share. The only file that imports Numba."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

Array = np.ndarray[Any, Any]

COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

# No fast-math: the compiler may neither reorder nor fuse, so every value is rounded as NumPy rounds it.
# error_model: a division that may raise ZeroDivisionError cannot be vectorised.
jit: Any = numba.njit(nogil=True, cache=True, error_model="numpy")

_RUN = 512  # values that a vectorised loop runs over at least


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
