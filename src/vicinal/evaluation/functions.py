"""What is given as features, as an extractor: a module of torch, or a function of images."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from vicinal import _arrays, _progress, images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.metrics.features import FeatureExtractor, ModuleFeatures


def extractor_of(features: Any) -> Any:
    """Return the extractor of features, or None."""
    if features is None or isinstance(features, FeatureExtractor):
        return features
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(features, torch.nn.Module):
        return ModuleFeatures(features)
    if not callable(features):
        raise InvalidTypeError(
            f"features must be a FeatureExtractor, a torch.nn.Module or a callable; got {type(features).__name__}"
        )
    return _OfFunction(features)


class _OfFunction:
    """Features that a function gives, block by block: of images in [0, 1], resized if they are to be."""

    def __init__(self, function: Callable[[Any], Any], image_size: int | None = None) -> None:
        self._function, self._image_size = function, image_size

    def resized(self, image_size: int) -> _OfFunction:
        return _OfFunction(self._function, image_size)

    def __call__(self, rows: Array) -> Array:
        found = np.empty(0)
        with _progress.bar("Features", len(rows)) as progress:
            for block in images.blocks_of(rows):
                some = rows[block] if self._image_size is None else images.resize(rows[block], self._image_size)
                part = _arrays.to_numpy(self._function(images.in_units(some)))
                _check_one_row_each(part, len(some))
                found = np.empty((len(rows), *part.shape[1:]), part.dtype) if block.start == 0 else found
                found[block] = part
                progress.advance(len(part))
        return found


def _check_one_row_each(found: Array, n_images: int) -> None:
    """Raise InvalidInputError unless a function made one row of features of each image."""
    if found.ndim < 2 or len(found) != n_images:
        raise InvalidInputError(
            f"features must return one row of numbers for each image, ({n_images}, n_features); got {found.shape}"
            + (": add [:, None] for one number each" if found.shape == (n_images,) else "")
        )
