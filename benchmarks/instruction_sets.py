"""The instruction sets that a processor can be made to use: its own, and smaller ones that most users have.

Kernels are compiled for a processor that LLVM knows by name. NumPy chooses its loops when it is imported. The environment
of a process can tell both to do without instructions that are there. It cannot tell the copies of the C library and the
matrix products of OpenBLAS, which keep using everything.
"""

from __future__ import annotations

import importlib
from typing import Any

from llvmlite import binding

NATIVE, AVX2, BASELINE = "native", "AVX2", "x86-64"
TARGETS = {AVX2: "x86-64-v3", BASELINE: "x86-64"}  # LLVM's names
_WITHOUT = {AVX2: ("X86_V4", "AVX512"), BASELINE: ("X86_V3", "X86_V4", "AVX512")}  # levels of NumPy's loops
_KNOWN = ("sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl", "neon", "sve")


def available() -> dict[str, dict[str, str]]:
    """Return the environment that forces each set, the processor's own first."""
    features = binding.get_host_cpu_features()
    names = [AVX2] * bool(features.get("avx512f")) + [BASELINE] * bool(features.get("avx2"))
    return {NATIVE: {}} | {name: _environment(name) for name in names}


def allowed(name: str = NATIVE) -> str:
    """Return those instructions that a set has, as one text that is equal for equal sets."""
    features = binding.get_host_cpu_features()
    mine = [each for each in _KNOWN if features.get(each)]
    if name == BASELINE:
        mine = []
    if name == AVX2:
        mine = [each for each in mine if not each.startswith("avx512")]
    return ", ".join(mine) or "sse2"


def _environment(name: str) -> dict[str, str]:
    core: Any = importlib.import_module("numpy._core._multiarray_umath")  # its annotations leave out what is used
    without = [each for each in core.__cpu_dispatch__ if each.startswith(_WITHOUT[name])]
    present = [each for each in without if core.__cpu_features__.get(each)]
    # Without a list of features, LLVM would add all those of the host to the named processor.
    return {
        "NUMBA_CPU_NAME": TARGETS[name],
        "NUMBA_CPU_FEATURES": "",
        "NPY_DISABLE_CPU_FEATURES": " ".join(present),
    }
