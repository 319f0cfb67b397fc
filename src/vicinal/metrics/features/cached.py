"""Features kept in a folder: the real images of a comparison are put through a network once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from vicinal import storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidTypeError
from vicinal.metrics.features.base import FeatureExtractor, sum_of


class CachedFeatures(FeatureExtractor):
    """Another extractor's features, computed once for each set of images and kept in a folder.

    A set of images has one file, ``<sha256>.npy``, named after the extractor's fingerprint and the
    images' shape and 8-bit levels. Files are written whole or not at all, so that several processes
    may share a folder; what cannot be read is computed again and replaced. Nothing is ever deleted.

    Parameters
    ----------
    features : FeatureExtractor
        Whose name and fingerprint this takes on.
    folder : path_like
        Where to keep the files; made on the first call.

    Raises
    ------
    InvalidTypeError
        For a function without a fingerprint.
    OSError
        On a call, if the folder cannot be made or written to.

    Examples
    --------
    >>> import tempfile
    >>> from vicinal.metrics.features import PixelFeatures
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     features = CachedFeatures(PixelFeatures(), folder)
    ...     features([[0.0, 1.0]]).tolist(), features([[0.0, 1.0]]).tolist(), len(list(Path(folder).iterdir()))
    ([[0.0, 1.0]], [[0.0, 1.0]], 1)
    """

    def __init__(self, features: FeatureExtractor, folder: str | os.PathLike[str]) -> None:
        if not isinstance(features, FeatureExtractor):
            raise InvalidTypeError(
                f"features must be an extractor with a fingerprint; got {type(features).__name__}: pass one of "
                "vicinal.metrics.features, or derive yours from its FeatureExtractor"
            )
        self.name = features.name
        self.frechet_name = features.frechet_name
        self._wrapped = features
        self._folder = Path(folder)

    @property
    def fingerprint(self) -> str:
        """That of the extractor whose features are kept."""
        return self._wrapped.fingerprint

    def _features(self, levels: Array) -> Array:
        path = self._folder / f"{sum_of([('levels', levels)], self.fingerprint)}.npy"
        kept = _read(path, len(levels))
        if kept is not None:
            return kept
        self._folder.mkdir(parents=True, exist_ok=True)  # before the long work, so that it is not done in vain
        features = np.ascontiguousarray(self._wrapped._features(levels), np.float32)
        storage.write_array(path, features)
        return features


def _read(path: Path, n_rows: int) -> Array | None:
    """Return the features in a file, or None if there is none that can be used."""
    try:
        features = storage.read_array(path)
    except (FileNotFoundError, FileFormatError):
        return None
    return features if features.dtype == np.float32 and features.ndim == 2 and len(features) == n_rows else None
