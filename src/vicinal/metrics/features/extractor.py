"""What a feature extractor is, the simplest one, and what several share."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vicinal import _progress
from vicinal import images as _images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal._validation import check_array, check_device, check_finite, check_integer

_AT_ONCE = 1 << 24  # values that are resized in one go


class FeatureExtractor(ABC):
    """Base of every extractor: images in, 8-bit levels to the hook, float32 features out.

    A new one sets ``name`` and writes two methods: `fingerprint`, and ``_features`` from levels
    (n, *image_shape), n at least 1, to features (n, n_features). Levels are uint8; those of resized images
    are not rounded: float32 in [0, 255].

    Attributes
    ----------
    name : str
        Short label for headings of tables.
    frechet_name : str
        What the Frechet distance between these features is called: ``"FID"`` is only that of the 2015
        Inception network.
    image_size : int or None
        Height and width that the extractor itself resizes images to; None takes them in their own size.

    Examples
    --------
    >>> class Brightness(FeatureExtractor):
    ...     name = "brightness"
    ...     fingerprint = "Brightness 1"
    ...     def _features(self, levels):
    ...         return levels.reshape(len(levels), -1).mean(axis=1, keepdims=True) / 255
    >>> Brightness()([[0.0, 1.0], [1.0, 1.0]]).tolist()
    [[0.5], [1.0]]
    """

    name: str
    frechet_name: str = "Frechet distance"
    image_size: int | None = None
    _version: ClassVar[int] = 1  # raise it whenever a change of the code may change the features

    def __call__(self, images: Any) -> Array:
        """Return the features of images.

        Parameters
        ----------
        images : array_like of shape (n, *image_shape)
            NumPy or torch; floats in [0, 1] or integers in 0..255.

        Returns
        -------
        ndarray of float32, shape (n, n_features)

        Raises
        ------
        InvalidInputError, InvalidTypeError
            For images that cannot be used, and where there are none.
        """
        images = self._read(images)
        if images.size == 0:
            raise InvalidInputError(f"images must hold at least one image of at least one pixel; got {images.shape}")
        return np.ascontiguousarray(self._features(images), np.float32)

    def resized(self, image_size: int) -> FeatureExtractor:
        """Return this extractor for images that are resized first, as clean-fid does: see `ResizedFeatures`."""
        return ResizedFeatures(self, image_size)

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ: class, version, parameters, weights."""

    @abstractmethod
    def _features(self, levels: Array) -> Array: ...

    def _read(self, images: Any) -> Array:
        """Return images as ``_features`` takes them."""
        return _images.to_levels(images)

    def _fingerprint(self, **parameters: Any) -> str:
        settings = [f"{name}={value!r}" for name, value in parameters.items()]
        return " ".join([type(self).__name__, str(self._version), *settings])


class PixelFeatures(FeatureExtractor):
    """The pixels as a file would keep them: clipped to [0, 1], rounded to 256 levels, flattened.

    Examples
    --------
    >>> import numpy as np
    >>> PixelFeatures()(np.full((1, 1, 1, 2), 1.02)).tolist()
    [[1.0, 1.0]]
    """

    name = "pixels"

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ."""
        return self._fingerprint()

    def _features(self, levels: Array) -> Array:
        return levels.reshape(len(levels), -1) / np.float32(255.0)


class ResizedFeatures(FeatureExtractor):
    """Another extractor's features of images that are resized first, as clean-fid does.

    Images are read as 8-bit levels, as a file keeps them, and resized by `vicinal.images.resize`: bicubic, antialiased,
    in float. The other extractor gets what comes out, which is not rounded. So `InceptionFeatures` resized to 299 see
    what they see in clean-fid. Images are resized a few at a time.

    Parameters
    ----------
    features : FeatureExtractor
        Whose names this takes on.
    image_size : int
        Height and width, 1 to 4096. Floats in [0, 1] that have this size are not rounded: they may have been resized.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For an impossible size; on a call, for images that have neither 1 nor 3 channels.

    References
    ----------
    G. Parmar, R. Zhang, J.-Y. Zhu, "On aliased resizing and surprising subtleties in GAN evaluation", CVPR 2022,
    arXiv:2104.11222.

    Examples
    --------
    >>> features = PixelFeatures().resized(1)
    >>> features([[[0.0, 1.0], [1.0, 1.0]]]).tolist(), features.fingerprint
    ([[0.75]], 'PixelFeatures 1 resized to 1')
    """

    image_size: int

    def __init__(self, features: FeatureExtractor, image_size: int) -> None:
        self.image_size = _images.check_size(image_size)
        self.name, self.frechet_name = features.name, features.frechet_name
        self._wrapped = features

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ."""
        return f"{self._wrapped.fingerprint} resized to {self.image_size}"

    def resized(self, image_size: int) -> FeatureExtractor:
        """Return the other extractor for another size."""
        return self._wrapped.resized(image_size)

    def _read(self, images: Any) -> Array:
        images = check_array(images, "images")
        sides = (self.image_size, self.image_size)
        if images.dtype.kind == "f" and images.ndim > 2 and _images.channels_first(images).shape[2:] == sides:
            check_finite(images, "images")
            if _images.range_of((images[rows] for rows in _images.blocks_of(images)), integers=False) == _images.UNITS:
                return images
        return _images.to_levels(images)

    def _features(self, levels: Array) -> Array:
        rows = max(1, _AT_ONCE // (3 * self.image_size**2))
        return in_batches(self._batch, levels, rows, f"Features: {self.name}")

    def _batch(self, images: Array) -> Array:
        units = _images.in_units(_images.resize(images, self.image_size))
        levels = np.clip(units, 0.0, 1.0).astype(np.float32, copy=False) * np.float32(255.0)
        return self._wrapped._features(levels)


class RgbFeatures(FeatureExtractor):
    """Base of networks that take RGB images: levels in batches to the hook ``_forward``."""

    def __init__(self, batch_size: int, device: Any) -> None:
        self._batch_size = check_integer(batch_size, "batch_size", minimum=1)
        self._device = check_device("cpu" if device is None else device)

    @abstractmethod
    def _forward(self, images: Any) -> Any:
        """Return the features (n, n_features) of a tensor of levels (n, 3, H, W), float32 in [0, 255]."""

    def _features(self, levels: Array) -> Array:
        return in_batches(self._batch, _images.to_rgb(levels), self._batch_size, f"Features: {self.name}")

    def _batch(self, levels: Array) -> Array:
        import torch

        with torch.inference_mode():
            images = torch.from_numpy(levels.astype(np.float32)).to(self._device)
            features: Array = self._forward(images).float().cpu().numpy()
        return features


def in_batches(function: Callable[[Array], Array], levels: Array, batch_size: int, doing: str) -> Array:
    """Return the rows ``function`` gives for batches of ``levels``, as one float32 array (n, n_features).

    ``doing`` is the label of its progress bar.
    """
    features = np.empty(0, np.float32)
    with _progress.bar(doing, len(levels)) as progress:
        for first in range(0, len(levels), batch_size):
            batch = function(levels[first : first + batch_size])
            if first == 0:
                features = np.empty((len(levels), *batch.shape[1:]), np.float32)
            features[first : first + len(batch)] = batch
            _images.release(levels)
            progress.advance(len(batch))
    return features


def sum_of(parts: Iterable[tuple[str, Array]], *labels: str) -> str:
    """Return the sha256, in hexadecimal, of labels and of names, types, shapes and bytes of arrays."""
    digest = hashlib.sha256("\0".join(labels).encode())
    for name, array in parts:
        digest.update(f"\0{name}:{array.dtype.str}:{array.shape};".encode())
        for rows in _images.blocks_of(array) if array.ndim else [()]:
            digest.update(np.ascontiguousarray(array[rows]).data)
    return digest.hexdigest()


def sum_of_file(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
