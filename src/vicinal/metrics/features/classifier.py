"""Features of a small classifier of one's own labelled images: scikit-learn and nothing else."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from vicinal import storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.metrics.features.base import FeatureExtractor, PixelFeatures, sum_of

PIXELS = PixelFeatures()


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
        Seed: the same images, labels and seed give the same features, on one machine with one number of threads. Others
        end at another classifier as good: `save` one to compare by.

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
        pixels, labels = PIXELS(images), np.asarray(labels)
        if labels.shape != (len(pixels),):
            raise InvalidInputError(f"labels must have shape ({len(pixels)},), one for each image; got {labels.shape}")
        classifier = MLPClassifier(hidden_units, max_iter=n_epochs, random_state=random_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is given
            classifier.fit(pixels, labels)
        self._weights, self._biases, self._classes = classifier.coefs_, classifier.intercepts_, classifier.classes_

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ."""
        layers = zip(self._weights[:-1], self._biases[:-1], strict=True)
        return self._fingerprint(sha256=sum_of((f"{i}", part) for i, layer in enumerate(layers) for part in layer))

    def accuracy(self, images: Any, labels: Any) -> float:
        """Return the share of images whose class is told right, in [0, 1]."""
        last = self(images) @ self._weights[-1] + self._biases[-1]
        chosen = last.argmax(axis=1) if last.shape[1] > 1 else (last[:, 0] > 0).astype(np.intp)
        return float(np.mean(self._classes[chosen] == np.asarray(labels)))

    def save(self, path: storage.PathLike) -> None:
        """Write the classifier to a file that `read` reads; an existing one is replaced, in one step."""
        arrays = {f"weights/{i}": weights for i, weights in enumerate(self._weights)}
        arrays |= {f"biases/{i}": biases for i, biases in enumerate(self._biases)}
        storage.write(path, type(self).__name__, {}, arrays | {"classes": self._classes})

    @classmethod
    def read(cls, path: storage.PathLike) -> Self:
        """Return the classifier in a file that `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is another, or damaged.
        OSError
            If it cannot be read.
        """
        artifact = storage.read(path)
        if artifact.kind != cls.__name__:
            raise FileFormatError(f"{path} holds a {artifact.kind}; expected a classifier")
        arrays = artifact.arrays
        n_layers = sum(name.startswith("weights/") for name in arrays)
        features = cls.__new__(cls)
        features._weights = [arrays[f"weights/{i}"] for i in range(n_layers)]
        features._biases = [arrays[f"biases/{i}"] for i in range(n_layers)]
        features._classes = arrays["classes"]
        return features

    def _features(self, levels: Array) -> Array:
        layer = PIXELS._features(levels)
        for weights, biases in zip(self._weights[:-1], self._biases[:-1], strict=True):
            layer = np.maximum(layer @ weights + biases, 0.0)
        return layer
