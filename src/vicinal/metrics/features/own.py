"""Features of your own: of a small classifier of labelled images, any torch module, or any function."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from vicinal import _arrays, storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError, InvalidTypeError, import_extra
from vicinal._validation import check_device, check_integer
from vicinal.images import channels_first
from vicinal.metrics.features.extractor import FeatureExtractor, PixelFeatures, in_batches, sum_of, sum_of_file

PIXELS = PixelFeatures()
_BATCH = 1024  # images in one go of the classifier


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
        from sklearn.exceptions import ConvergenceWarning  # late: it takes long to load
        from sklearn.neural_network import MLPClassifier

        pixels, labels = PIXELS(images), np.asarray(labels)
        if labels.shape != (len(pixels),):
            raise InvalidInputError(f"labels must have shape ({len(pixels)},), one for each image; got {labels.shape}")
        classifier = MLPClassifier(hidden_units, max_iter=n_epochs, random_state=random_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is given
            classifier.fit(pixels, labels)
        self._layers = list(zip(classifier.coefs_, classifier.intercepts_, strict=True))
        self._classes = classifier.classes_

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ."""
        parts = ((f"{i}", part) for i, layer in enumerate(self._layers[:-1]) for part in layer)
        return self._fingerprint(sha256=sum_of(parts))

    def accuracy(self, images: Any, labels: Any) -> float:
        """Return the share of images whose class is told right, in [0, 1]."""
        weights, biases = self._layers[-1]
        last = self(images) @ weights + biases
        chosen = last.argmax(axis=1) if last.shape[1] > 1 else (last[:, 0] > 0).astype(np.intp)
        return float(np.mean(self._classes[chosen] == np.asarray(labels)))

    def save(self, path: storage.PathLike) -> None:
        """Write the classifier to a file that `read` reads; an existing one is replaced, in one step."""
        arrays = {"classes": self._classes}
        for i, (weights, biases) in enumerate(self._layers):
            arrays |= {f"weights/{i}": weights, f"biases/{i}": biases}
        storage.write(path, type(self).__name__, {}, arrays)

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
        kind, _, arrays, *_ = storage.read(path)
        if kind != cls.__name__:
            raise FileFormatError(f"{path} holds a {kind}; expected a classifier")
        n_layers = sum(name.startswith("weights/") for name in arrays)
        features = cls.__new__(cls)
        features._layers = [(arrays[f"weights/{i}"], arrays[f"biases/{i}"]) for i in range(n_layers)]
        features._classes = arrays["classes"]
        return features

    def _features(self, levels: Array) -> Array:
        return in_batches(self._batch, levels, _BATCH, f"Features: {self.name}")

    def _batch(self, levels: Array) -> Array:
        layer = PIXELS._features(levels)
        for weights, biases in self._layers[:-1]:
            layer = np.maximum(layer @ weights + biases, 0.0)
        return layer


class ModuleFeatures(FeatureExtractor):
    """The output of a torch module, such as a network trained on your kind of images.

    The module gets tensors (n, C, H, W) in [0, 1], float32 or its own float type; images (n, H, W) get a channel axis,
    and channels that come last are moved. It runs in evaluation mode and without gradients, and is left in the mode it
    was in.

    Parameters
    ----------
    module : torch.nn.Module
        Returns one tensor: features (n, n_features), or maps (n, n_features, h, w), whose mean over h and w is taken.
    name : str, optional
        Label for headings, and part of the fingerprint; the module's class if None.
    batch_size : int
        Images in one call of the module.
    device : str or torch.device, optional
        Where to run: each call moves the module there, and leaves it there. None runs where it is.
    preprocess : callable, optional
        From the tensor (n, C, H, W) in [0, 1] to what the module takes: resizing, normalisation.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For arguments that cannot be used; for a ``preprocess`` without ``name``; on a call, for a
        module that returns something else.
    MissingExtraError
        If torch is not installed.

    Notes
    -----
    The fingerprint sums the module's class, its printed form and its state: names, types, shapes and
    bytes. It cannot see the code of ``forward`` or ``preprocess``: change ``name`` with those.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> features = ModuleFeatures(nn.Conv2d(1, 5, 3))
    >>> features.name, features(np.zeros((7, 28, 28), np.uint8)).shape
    ('Conv2d', (7, 5))
    """

    def __init__(
        self,
        module: Any,
        *,
        name: str | None = None,
        batch_size: int = 64,
        device: Any = None,
        preprocess: Callable[[Any], Any] | None = None,
    ) -> None:
        torch = import_extra("torch", "torch")
        if not isinstance(module, torch.nn.Module):
            raise InvalidTypeError(
                f"module must be a torch.nn.Module; got {type(module).__name__}: "
                "for another function derive from vicinal.metrics.features.FeatureExtractor"
            )
        if preprocess is not None and not callable(preprocess):
            raise InvalidTypeError(f"preprocess must be callable; got {type(preprocess).__name__}")
        if preprocess is not None and not name:
            raise InvalidInputError(
                "name must be given with preprocess, whose code a fingerprint cannot see; "
                "got None: pass a name that you change whenever preprocess changes"
            )
        self.name = type(module).__name__ if name is None else str(name)
        self._module = module
        self._batch_size = check_integer(batch_size, "batch_size", minimum=1)
        self._device = None if device is None else check_device(device)
        self._preprocess = preprocess

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ; the module's state is read each time."""
        kind = type(self._module)
        labels = f"{kind.__module__}.{kind.__qualname__}", repr(self._module)
        state = self._module.state_dict().items()
        return self._fingerprint(
            name=self.name,
            preprocess=self._preprocess is not None,
            sha256=sum_of((_bytes_of(name, value) for name, value in state), *labels),
        )

    def _features(self, levels: Array) -> Array:
        if self._device is not None:
            self._module.to(self._device)
        levels = _with_channels(levels)
        with _arrays.evaluating(self._module):
            return in_batches(self._batch, levels, self._batch_size, f"Features: {self.name}")

    def _batch(self, levels: Array) -> Array:
        import torch

        like = next((p for p in self._module.parameters() if p.is_floating_point()), torch.empty(0))
        device = like.device if self._device is None else self._device
        images = torch.from_numpy(levels / np.float32(255.0)).to(device, like.dtype)
        output = self._module(images if self._preprocess is None else self._preprocess(images))
        if not isinstance(output, torch.Tensor):
            raise InvalidTypeError(
                f"module must return one tensor (n, n_features); got {type(output).__name__}: "
                "wrap it in a torch.nn.Module whose forward picks the one you want"
            )
        if output.ndim not in (2, 4) or len(output) != len(levels):
            raise InvalidInputError(
                f"module must return shape ({len(levels)}, n_features) or ({len(levels)}, n_features, h, w) "
                f"for {len(levels)} images; got {tuple(output.shape)}: wrap it in one that pools"
            )
        output = output.float()
        features: Array = (output.mean(dim=(2, 3)) if output.ndim == 4 else output).detach().cpu().numpy()
        return features


class FunctionFeatures(FeatureExtractor):
    """What a function of yours returns for images.

    The function gets float32 arrays (n, C, H, W) in [0, 1], a block of images at a time. Images (n, H, W) get a channel
    axis, and channels that come last are moved.

    Parameters
    ----------
    function : callable
        Returns real numbers (n, n_features), as an array of NumPy or torch.
    name : str, optional
        Label for headings, and part of the fingerprint; the function's name if None.
    batch_size : int
        Images in one call of the function.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For arguments that cannot be used; on a call, for a function that returns something else.

    Notes
    -----
    The fingerprint sums the name and the file of Python code that holds the function. It cannot see what this code
    imports or reads: change ``name`` with those.

    Examples
    --------
    >>> import numpy as np
    >>> features = FunctionFeatures(lambda images: images.mean(axis=(2, 3)), name="mean colour")
    >>> features(np.full((2, 8, 8, 3), 255, np.uint8)).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    def __init__(self, function: Any, *, name: str | None = None, batch_size: int = 64) -> None:
        if not callable(function):
            label = "function" if name is None else str(name)
            raise InvalidTypeError(f"{label} must be callable; got {type(function).__name__}")
        self.name = str(getattr(function, "__name__", type(function).__name__)) if name is None else str(name)
        self._function = function
        self._batch_size = check_integer(batch_size, "batch_size", minimum=1)

    @property
    def fingerprint(self) -> str:
        """A text that differs wherever the features may differ, as far as one file of code tells."""
        module = sys.modules.get(getattr(self._function, "__module__", None) or type(self._function).__module__)
        file = getattr(module, "__file__", None)
        return self._fingerprint(name=self.name, sha256=None if file is None else sum_of_file(Path(file)))

    def _features(self, levels: Array) -> Array:
        return in_batches(self._batch, _with_channels(levels), self._batch_size, f"Features: {self.name}")

    def _batch(self, levels: Array) -> Array:
        output = self._function(np.ascontiguousarray(levels) / np.float32(255.0))
        features = _arrays.to_numpy(output) if hasattr(output, "dtype") else np.asarray(output, object)
        if features.dtype.kind not in "fiub":
            raise InvalidTypeError(
                f"{self.name} must return an array of real numbers (n, n_features); got {type(output).__name__}"
            )
        if features.ndim != 2 or len(features) != len(levels) or features.size == 0:
            raise InvalidInputError(
                f"{self.name} must return shape ({len(levels)}, n_features) for {len(levels)} images; "
                f"got {features.shape}"
            )
        return features.astype(np.float32, copy=False)


def _with_channels(levels: Array) -> Array:
    """Return images of any number of channels with these second; anything else as it is."""
    if levels.ndim == 3 or (levels.ndim == 4 and levels.shape[3] in (1, 3) and levels.shape[1] not in (1, 3)):
        return channels_first(levels)
    return levels


def _bytes_of(name: str, value: Any) -> tuple[str, Array]:
    import torch

    if not isinstance(value, torch.Tensor):  # what a module adds by get_extra_state
        return name, np.frombuffer(repr(value).encode(), np.uint8)
    flat = value.detach().cpu().contiguous().reshape(-1)
    return f"{name}:{value.dtype}:{tuple(value.shape)}", flat.view(torch.uint8).numpy()  # NumPy lacks bfloat16
