"""The machine that numbers were measured on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from importlib.util import find_spec

from vicinal._version import __version__


def machine() -> dict[str, str]:
    """Return processor, number of cores, system, and versions of the packages that the numbers depend on."""
    packages = ("numpy", "numba", "scikit-learn", *(["torch"] if find_spec("torch") else []))
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "vicinal": __version__,
        **{name: metadata.version(name) for name in packages},
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - not a path of ours
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"
