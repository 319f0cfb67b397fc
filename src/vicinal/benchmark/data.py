"""The images of a study and the features that they are compared in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vicinal import datasets, metrics
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.autoencoders.data import check_images, fingerprint
from vicinal.benchmark.results import key_of
from vicinal.metrics.features import FeatureExtractor

Array = np.ndarray[Any, Any]


class Data:
    """Training and held-out images of a study.

    Parameters
    ----------
    settings : mapping
        Table ``[data]`` of a study: name, ``held_out``, ``file`` within ``data_dir``, and options of
        `vicinal.datasets.load`.
    data_dir : Path, optional
        Folder of the files.
    """

    def __init__(self, settings: Mapping[str, Any], data_dir: Path | None) -> None:
        self._settings, self._data_dir = settings, data_dir
        self.train = self._load("train")
        parts = [self._load(split) for split in settings.get("held_out", ["test"])]
        self.held_out = np.concatenate([part.images for part in parts])
        self.held_out_labels = np.concatenate([part.labels for part in parts])

    def _load(self, split: str) -> datasets.Dataset:
        own = ("name", "held_out", "file")
        options = {key: value for key, value in self._settings.items() if key not in own}
        path = self._data_dir
        if path is not None and "file" in self._settings:
            path = path / self._settings["file"]
        return datasets.load(self._settings["name"], data_dir=path, split=split, **options)

    @cached_property
    def fingerprints(self) -> tuple[str, str]:
        """The sha256 of the training and of the held-out images."""
        train, held_out = check_images(self.train.images, "images"), check_images(self.held_out, "images")
        return fingerprint(train), fingerprint(held_out)


class Features:
    """Features of images of a study; those of real images, and a classifier, are kept in a folder.

    Parameters
    ----------
    settings : mapping
        Table ``[features]`` of a study: name, and options.
    data : Data
        Images, and their labels for a classifier.
    folder : Path
        Where to keep them.
    device : str
        Where networks run.
    inception_weights : Path, optional
        File of the weights of the 2015 Inception network.
    """

    def __init__(
        self, settings: Mapping[str, Any], data: Data, folder: Path, device: str, inception_weights: Path | None
    ) -> None:
        self._settings, self._data, self._folder = settings, data, folder
        self._device, self._inception_weights = device, inception_weights
        if settings["name"] == "inception" and inception_weights is None:
            raise InvalidInputError("features of the Inception network need its weights: pass --inception-weights FILE")

    @property
    def settings(self) -> dict[str, Any]:
        """What the features depend on beside the data."""
        weights = self._inception_weights
        return {**self._settings, **({} if weights is None else {"weights": weights.name})}

    @cached_property
    def extractor(self) -> FeatureExtractor:
        """Maps images to features."""
        options = {key: value for key, value in self._settings.items() if key != "name"}
        kind = self._settings["name"]
        if kind == "classifier":
            return self._classifier(options)
        if kind == "efficientnet":
            return metrics.EfficientNetFeatures(device=self._device, **options)
        if kind == "inception" and self._inception_weights is not None:
            return metrics.InceptionFeatures(self._inception_weights, device=self._device, **options)
        return metrics.PixelFeatures()

    @cached_property
    def of_train(self) -> Array:
        """Features of the training images."""
        return self._kept(self._data.train.images)

    @cached_property
    def of_held_out(self) -> Array:
        """Features of the held-out images."""
        return self._kept(self._data.held_out)

    @property
    def text(self) -> str:
        """What the features are, in words."""
        if not isinstance(self.extractor, metrics.ClassifierFeatures):
            size = self._settings.get("image_size")
            return self.extractor.name + ("" if size is None else f" at {size} pixels")
        accuracy = self.extractor.accuracy(self._data.held_out, self._data.held_out_labels)
        return f"last hidden layer of a classifier of the training images ({accuracy:.1%} right on held-out ones)"

    def _kept(self, images: Array) -> Array:
        return metrics.CachedFeatures(self.extractor, self._folder / "features")(images)

    def _classifier(self, options: Mapping[str, Any]) -> Any:
        path = self._folder / f"classifier-{key_of(options, self._data.fingerprints)}.safetensors"
        try:
            return metrics.ClassifierFeatures.read(path)
        except (FileNotFoundError, FileFormatError):
            classifier = metrics.ClassifierFeatures(*self._data.train, **options)
            classifier.save(path)
            return classifier
