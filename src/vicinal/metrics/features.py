"""Features of images: functions from images (n, C, H, W) in [0, 1] to arrays (n, n_features).

They never depend on the autoencoder under test.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from vicinal import _validation
from vicinal._errors import InvalidInputError

Array = np.ndarray[Any, Any]


def pixel_features(images: Any) -> Array:
    """Return the pixels as a file would keep them: clipped to [0, 1], rounded to 256 levels, flattened.

    Parameters
    ----------
    images : array_like of shape (n, *image_shape)
        In [0, 1].

    Returns
    -------
    ndarray of float32, shape (n, n_pixels)

    Examples
    --------
    >>> import numpy as np
    >>> pixel_features(np.full((1, 1, 1, 2), 1.3)).tolist()
    [[1.0, 1.0]]
    """
    images = _validation.check_rows(images, "images")
    levels = np.rint(np.clip(images, 0.0, 1.0) * 255.0).astype(np.float32)
    return levels.reshape(len(images), -1) / np.float32(255.0)


class ClassifierFeatures:
    """The last hidden layer of a small classifier, trained on labelled real images.

    A perceptron of two hidden layers over `pixel_features`, with rectified linear units, trained by
    scikit-learn's `MLPClassifier`.

    Parameters
    ----------
    images : array_like of shape (n, *image_shape)
        Training images, in [0, 1].
    labels : array_like of shape (n,)
        Their classes.
    hidden_units : tuple of two int
        Units of the hidden layers; the second is the number of features.
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

    def __init__(
        self,
        images: Any,
        labels: Any,
        *,
        hidden_units: tuple[int, int] = (256, 64),
        n_epochs: int = 30,
        random_state: int = 0,
    ) -> None:
        pixels, labels = pixel_features(images), np.asarray(labels)
        if labels.shape != (len(pixels),):
            raise InvalidInputError(f"labels must have shape ({len(pixels)},), one for each image; got {labels.shape}")
        self._classifier = MLPClassifier(hidden_units, max_iter=n_epochs, random_state=random_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is given
            self._classifier.fit(pixels, labels)

    def __call__(self, images: Any) -> Array:
        """Return features (n, n_features), at least 0, of images (n, *image_shape) in [0, 1]."""
        layer = pixel_features(images)
        for weights, bias in zip(self._classifier.coefs_[:2], self._classifier.intercepts_[:2], strict=True):
            layer = np.maximum(layer @ weights + bias, 0.0)
        return layer

    def accuracy(self, images: Any, labels: Any) -> float:
        """Return the share of images whose class is told right, in [0, 1]."""
        return float(self._classifier.score(pixel_features(images), np.asarray(labels)))
