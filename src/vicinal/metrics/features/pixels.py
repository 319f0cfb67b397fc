"""The pixels themselves as features: nothing learned, nothing to install."""

from __future__ import annotations

from vicinal._arrays import Array
from vicinal.images import in_units
from vicinal.metrics.features.base import FeatureExtractor


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
        return in_units(levels.reshape(len(levels), -1))
