"""A folder that keeps features: whole or not at all, verified when read, and never larger than a limit.

Any number of processes share the folder. Their files are those of `vicinal.storage`, and are called
``vicinal-features-<sha256>.safetensors``. No other file is ever touched.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vicinal import storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidTypeError
from vicinal._validation import check_integer
from vicinal.metrics.features.extractor import FeatureExtractor, sum_of

MAX_BYTES = 10_000_000_000  # of a folder
_KIND = "Features"
_NAME = re.compile(r"vicinal-features-[0-9a-f]{64}\.safetensors")
_UNFINISHED = re.compile(rf"\.{_NAME.pattern}\..*\.tmp")  # what a process leaves that ends while it writes
_SECONDS_TO_WRITE = 86_400.0  # after which an unfinished file is taken for abandoned


class CachedFeatures(FeatureExtractor):
    """Another extractor's features, computed once for each set of images and kept in a folder.

    A set of images has one file, named after the extractor's fingerprint and the images' shape and 8-bit levels. A file
    is written whole or not at all, so that several processes may share a folder. Its checksum is verified when it is
    read: a file that was altered or damaged is computed again, with a warning.

    Parameters
    ----------
    features : FeatureExtractor
        Whose name and fingerprint this takes on.
    folder : path_like
        Where to keep the files; made on the first call.
    max_bytes : int
        Most bytes that the files take: 10 GB. Before one is written, those that were not used for longest are deleted.
        What another process is reading meanwhile is read to its end.

    Raises
    ------
    InvalidTypeError
        For a function without a fingerprint.
    OSError
        On a call, if the folder cannot be made or written to.

    Warns
    -----
    UserWarning
        If a file was altered or damaged, and if features alone are larger than the limit and are not kept.

    Examples
    --------
    >>> import tempfile
    >>> from vicinal.metrics import PixelFeatures
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     features = CachedFeatures(PixelFeatures(), folder)
    ...     features([[0.0, 1.0]]).tolist(), features([[0.0, 1.0]]).tolist(), len(list(Path(folder).iterdir()))
    ([[0.0, 1.0]], [[0.0, 1.0]], 1)
    """

    def __init__(
        self, features: FeatureExtractor, folder: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES
    ) -> None:
        if not isinstance(features, FeatureExtractor):
            raise InvalidTypeError(
                f"features must be an extractor with a fingerprint; got {type(features).__name__}: pass one of "
                "vicinal.metrics.features, or derive yours from its FeatureExtractor"
            )
        self.name = features.name
        self.frechet_name = features.frechet_name
        self.image_size = features.image_size
        self._wrapped = features
        self._folder = Path(folder)
        self._max_bytes = check_integer(max_bytes, "max_bytes", minimum=0)

    @property
    def fingerprint(self) -> str:
        """That of the extractor whose features are kept."""
        return self._wrapped.fingerprint

    def resized(self, image_size: int) -> FeatureExtractor:
        """Return a cache, in the same folder, of the extractor for resized images."""
        return CachedFeatures(self._wrapped.resized(image_size), self._folder, max_bytes=self._max_bytes)

    def _read(self, images: Any) -> Array:
        return self._wrapped._read(images)

    def _features(self, levels: Array) -> Array:
        key = sum_of([("levels", levels)], self.fingerprint)
        path = self._folder / f"vicinal-features-{key}.safetensors"
        try:
            return _read(path, key)
        except FileNotFoundError:
            pass
        except FileFormatError as error:
            warnings.warn(f"features are computed again: {error}", UserWarning, stacklevel=3)
        self._folder.mkdir(parents=True, exist_ok=True)  # before the long work, so that it is not done in vain
        features = np.ascontiguousarray(self._wrapped._features(levels), np.float32)
        self._keep(path, key, features)
        return features

    def _keep(self, path: Path, key: str, features: Array) -> None:
        data = storage.packed(_KIND, {"key": key}, {"features": features})
        if len(data) > self._max_bytes:
            warnings.warn(
                f"{len(data):,} bytes of features are not kept in {self._folder}, whose limit is {self._max_bytes:,}: "
                "pass a larger max_bytes",
                UserWarning,
                stacklevel=4,
            )
            return
        make_room(self._folder, self._max_bytes - len(data), but_for=path)
        storage.write_atomic(path, data)


class Kept(NamedTuple):
    """A file of a cache: its path, its size in bytes, and the time of its last use in seconds since 1970."""

    path: Path
    n_bytes: int
    last_use: float


def kept(folder: str | os.PathLike[str]) -> list[Kept]:
    """Return the files of features in a folder, and what was left unfinished there; foreign files are left out."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
                is_file = entry.is_file(follow_symlinks=False)
            except FileNotFoundError:  # another process has just deleted it
                continue
            abandoned = _UNFINISHED.fullmatch(entry.name) and time.time() - status.st_mtime > _SECONDS_TO_WRITE
            if is_file and (abandoned or _NAME.fullmatch(entry.name)):
                last_use = 0.0 if abandoned else max(status.st_atime, status.st_mtime)
                found.append(Kept(Path(entry.path), status.st_size, last_use))
    return found


def make_room(folder: str | os.PathLike[str], max_bytes: int, *, but_for: Path | None = None) -> tuple[int, int]:
    """Delete files of features, the longest unused first, until the others take at most ``max_bytes``.

    Parameters
    ----------
    folder : path_like
        The cache. Files that are not of features stay.
    max_bytes : int
        0 deletes all of them.
    but_for : Path, optional
        A file that does not count, as it is about to be replaced.

    Returns
    -------
    n_files, n_bytes : int
        How many files were deleted, and their size.
    """
    files = sorted((each for each in kept(folder) if each.path != but_for), key=lambda each: each.last_use)
    left, n_files, n_bytes = sum(each.n_bytes for each in files), 0, 0
    for each in files:
        if left <= max_bytes:
            break
        try:
            each.path.unlink(missing_ok=True)  # another process may have been faster
        except PermissionError:
            if os.name != "nt":
                raise
            continue  # Windows deletes no file that another process reads
        left, n_files, n_bytes = left - each.n_bytes, n_files + 1, n_bytes + each.n_bytes
    return n_files, n_bytes


def _read(path: Path, key: str) -> Array:
    """Return verified features, and note the time of this use."""
    kind, header, arrays, *_ = storage.read(path)
    if kind != _KIND or header.get("key") != key or arrays.keys() != {"features"}:
        raise FileFormatError(f"{path} holds other features than its name says")
    with contextlib.suppress(OSError):  # deleted meanwhile, or a folder that cannot be written to
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    return arrays["features"]
