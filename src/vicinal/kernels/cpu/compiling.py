"""The compiler, and the folder that keeps compiled kernels for the next process.

Only `compiling` and `loops` import Numba. A kernel is kept in the first of these folders that can be written:

1. ``VICINAL_CACHE_DIR``, if this variable is set;
2. where Numba keeps its own: ``NUMBA_CACHE_DIR``, ``__pycache__`` beside the source, or the user's cache;
3. a private folder in the folder of temporary files.

Without any, kernels are compiled anew in each process, and a warning says so. A file there that is cut, altered or
foreign is thrown away and made anew. A line on standard error says when kernels are compiled, and where they are kept.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import stat
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

from vicinal import _progress

COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]

_said: list[str] = []  # the folder that was named; one line a process is enough
_DIGEST = hashlib.sha256().digest_size
_NumbaFiles: Any = caching.IndexDataCacheFile  # Numba has no type annotations
_NumbaCache: Any = caching.FunctionCache


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel, on its first call with arguments of some types."""
    # Without fast-math the compiler neither reorders nor fuses operations, so all values are rounded as in NumPy.
    # With error_model="python" a division could raise ZeroDivisionError, which prevents vectorisation.
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(function)
    if COMPILED and (cache := _cache_of(function)) is not None:
        dispatcher._cache = cache
    return dispatcher


class _CheckedFiles(_NumbaFiles):
    """Numba's files of one kernel; compiled code begins with its checksum, for altered code would end the process."""

    def _save_data(self, name: str, data: Any) -> None:
        code = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(hashlib.sha256(code).digest() + code)

    def _load_data(self, name: str) -> Any:
        content = Path(self._data_path(name)).read_bytes()
        code = content[_DIGEST:]
        if hashlib.sha256(code).digest() != content[:_DIGEST]:
            raise ValueError(f"{name} is damaged")
        return pickle.loads(code)  # noqa: S301 - in a folder of the user's own, as everything of Numba


class _KernelCache(_NumbaCache):
    """Numba's cache of one kernel, which never fails: what cannot be read or written is compiled."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _CheckedFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=self._impl.locator.get_source_stamp(),
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = None
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001 - a damaged file raises anything
            self._throw_away()
        if found is None and not _said:
            _said.append(self._cache_path)
            _progress.say(f"vicinal compiles its kernels, once on this machine, into {self._cache_path}")
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):  # a full disk
            try:
                super().save_overload(sig, data)
            except OSError:
                raise
            except Exception:  # noqa: BLE001 - of the index that is there
                self._throw_away()
                super().save_overload(sig, data)

    def _throw_away(self) -> None:
        with contextlib.suppress(OSError):
            self.flush()


def _cache_of(function: Callable[..., Any]) -> _KernelCache | None:
    """Return the cache of a kernel in the first folder that can be written; None without any."""
    config: Any = numba.config
    of_numba = config.CACHE_DIR
    for folder in _folders():
        config.CACHE_DIR = folder or of_numba
        try:
            return _KernelCache(function)
        except (RuntimeError, OSError):  # it cannot be written
            continue
        finally:
            config.CACHE_DIR = of_numba
    _warn_of_no_folder()
    return None


@functools.cache
def _folders() -> tuple[str, ...]:
    """Return the folders to try in turn; "" stands for those of Numba."""
    chosen, private = os.environ.get("VICINAL_CACHE_DIR", ""), _private_folder()
    return (*((chosen,) if chosen else ()), "", *((private,) if private else ()))


def _private_folder() -> str:
    """Return a folder for temporary files that nobody else can write to, for its files are run; "" without one."""
    if not hasattr(os, "getuid"):
        return ""
    try:
        folder = Path(tempfile.gettempdir()) / f"vicinal-kernels-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:  # FileNotFoundError if no folder for temporary files can be used
        return ""
    is_private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return str(folder) if is_private else ""


@functools.cache
def _warn_of_no_folder() -> None:
    warnings.warn(
        "no folder can be written for compiled kernels, so each process compiles them anew, which takes seconds: set "
        "VICINAL_CACHE_DIR to a folder of yours",
        UserWarning,
        stacklevel=2,
    )
