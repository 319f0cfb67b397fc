"""Features of a small classifier of one's own labelled images: scikit-learn and nothing else."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from vicinal._errors import InvalidInputError
from vicinal.metrics.features.base import FeatureExtractor, sum_of
from vicinal.metrics.features.pixels import PixelFeatures

Array = np.ndarray[Any, Any]


class ClassifierFeatures(FeatureExtractor):
    """The last hidden layer of a small classifier, trained on labelled real images.

    A perceptron of two hidden layers over `PixelFeatures`, with rectified linear units, trained by
    scikit-learn's `MLPClassifier`.

    Parameters
    ----------
    images : array_like of shape (n, *image_shape)
        Training images: floats in [0, 1] or integers in 0..255.
    labels : array_like of shape (n,)
        Their classes.
    hidden_units : tuple of two int
        Units of the hidden layers; the second is the number of features, which are at least 0.
    n_epochs : int
        Passes over the images.
    random_state : int
        Seed: the same images, labels and seed give the same features.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For images and labels that cannot be used.

    Examples
    --------
    >>> from vicinal.datasets import load
    >>> train, test = load("digits"), load("digits", split="test")
    >>> features = ClassifierFeatures(train.images, train.labels)
    >>> features(test.images).shape, features.accuracy(test.images, test.labels) > 0.95
    ((599, 64), True)
    """

    name = "classifier"

    def __init__(
        self,
        images: Any,
        labels: Any,
        *,
        hidden_units: tuple[int, int] = (256, 64),
        n_epochs: int = 30,
        random_state: int = 0,
    ) -> None:
        self._pixels = PixelFeatures()
        pixels, labels = self._pixels(images), np.asarray(labels)
        if labels.shape != (len(pixels),):
            raise InvalidInputError(f"labels must have shape ({len(pixels)},), one for each image; got {labels.shape}")
        self._classifier = MLPClassifier(hidden_units, max_iter=n_epochs, random_state=random_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is given
            self._classifier.fit(pixels, labels)

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ."""
        layers = zip(self._classifier.coefs_[:2], self._classifier.intercepts_[:2], strict=True)
        return self._fingerprint(sha256=sum_of((f"{i}", part) for i, layer in enumerate(layers) for part in layer))

    def _features(self, levels: Array) -> Array:
        layer = self._pixels._features(levels)
        for weights, bias in zip(self._classifier.coefs_[:2], self._classifier.intercepts_[:2], strict=True):
            layer = np.maximum(layer @ weights + bias, 0.0)
        return layer

    def accuracy(self, images: Any, labels: Any) -> float:
        """Return the share of images whose class is told right, in [0, 1]."""
        return float(self._classifier.score(self._pixels(images), np.asarray(labels)))
