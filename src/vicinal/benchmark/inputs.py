"""What a study starts from: images, the features they are compared in, and autoencoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vicinal import datasets, metrics, pipeline
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.autoencoders.data import check_images, fingerprint
from vicinal.benchmark.config import Config, slug
from vicinal.benchmark.results import key_of
from vicinal.metrics.features import FeatureExtractor


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
    """Features of the images of a study; a folder keeps those of real images, and the classifier.

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
        """What the features depend on, beside the data."""
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
        return self.kept(self._data.train.images)

    @cached_property
    def of_held_out(self) -> Array:
        """Features of the held-out images."""
        return self.kept(self._data.held_out)

    def kept(self, images: Array) -> Array:
        """Return the features of images that come again in the next run; the folder keeps them."""
        return metrics.CachedFeatures(self.extractor, self._folder / "features")(images)

    @property
    def text(self) -> str:
        """What the features are, in words."""
        if not isinstance(self.extractor, metrics.ClassifierFeatures):
            size = self._settings.get("image_size")
            return self.extractor.name + ("" if size is None else f" at {size} pixels")
        accuracy = self.extractor.accuracy(self._data.held_out, self._data.held_out_labels)
        return f"last hidden layer of a classifier of the training images ({accuracy:.1%} right on held-out ones)"

    def _classifier(self, options: Mapping[str, Any]) -> Any:
        path = self._folder / f"classifier-{key_of(options, self._data.fingerprints)}.safetensors"
        try:
            return metrics.ClassifierFeatures.read(path)
        except (FileNotFoundError, FileFormatError):
            classifier = metrics.ClassifierFeatures(*self._data.train, **options)
            classifier.save(path)
            return classifier


def model_file(config: Config, name: str, seed: int, folder: Path) -> Path:
    """Return the file of an autoencoder: the user's own, or that of the study."""
    settings = config.training_of(name)
    return config.folder / settings["path"] if "path" in settings else folder / f"{slug(name)}-{seed}.safetensors"


OnEpoch = Callable[[int, float], None]


def model_of(
    config: Config, name: str, seed: int, data: Data, folder: Path, device: str, on_epoch: OnEpoch | None = None
) -> Any:
    """Return an autoencoder on a device, read or trained; an interrupted training goes on.

    Parameters
    ----------
    config, data
        The study.
    name, seed : str, int
        Which autoencoder, and the seed of its training.
    folder : Path
        Where trained autoencoders are.
    device : str
        Where it trains and runs.
    on_epoch : callable, optional
        Called with the number and the mean loss of each epoch of the training.

    Raises
    ------
    InvalidInputError
        If the file is of another training.
    """
    path, settings = model_file(config, name, seed, folder), config.training_of(name)
    if not ("path" in settings or path.exists()):
        _train(settings, seed, data, path, device, on_epoch)
    model = pipeline.load(path)
    if "path" not in settings:
        path.with_suffix(".checkpoint").unlink(missing_ok=True)  # a run may have stopped just after its model
        _check(model.card, settings, seed, data, path)
    return model.to(device)


def _train(settings: dict[str, Any], seed: int, data: Data, path: Path, device: str, on_epoch: OnEpoch | None) -> None:
    from vicinal.autoencoders.training import train

    options = {key: value for key, value in settings.items() if key != "objective"}
    model = train(
        settings["objective"],
        data.train.images,
        **options,
        random_state=seed,
        device=device,
        checkpoint=path.with_suffix(".checkpoint"),
        resume=True,
        on_epoch=on_epoch,
    )
    model.save(path)


def _check(card: dict[str, Any], settings: dict[str, Any], seed: int, data: Data, path: Path) -> None:
    """Raise InvalidInputError if a card tells of another training than the study's."""
    known = {**card, **card["options"]}
    wanted = {**settings, "random_state": seed, "sha256": data.fingerprints[0]}
    if "batch_size" in settings:
        wanted["batch_size"] = min(settings["batch_size"], len(data.train.images))  # as training takes it
    differing = [name for name, value in wanted.items() if known.get(name) != value]
    if differing:
        changes = ", ".join(f"{name} was {known.get(name)}, is {wanted[name]}" for name in differing)
        raise InvalidInputError(f"{path} is of another training: {changes}; move it away, or name another --out")
