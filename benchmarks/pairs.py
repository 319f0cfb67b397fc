"""Pairs of a data set and an autoencoder that samplers are compared on: images, models, latents, features.

Everything that does not depend on a sampler is computed once and kept in the work folder.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import vicinal
from vicinal import datasets, metrics
from vicinal.autoencoders.training import train

Array = np.ndarray[Any, Any]

_COMMON = {"width": 16, "random_state": 0}
_LARGE = {**_COMMON, "learning_rate": 2e-3}  # at 5e-3, the library's own, some models of 64 x 64 pixels collapse
TRAINING: dict[str, dict[str, Any]] = {
    "mnist": {"latent_dim": 16, "n_epochs": 3, "batch_size": 128, **_COMMON},
    "celeba": {"latent_dim": 64, "n_epochs": 20, "batch_size": 128, **_LARGE},
    "eyes": {"latent_dim": 32, "n_epochs": 60, "batch_size": 64, **_LARGE},
}
N_DECODED = {"mnist": 10_000, "celeba": 1_000, "eyes": 1_000}
N_FINAL = {"mnist": 60_000, "celeba": 5_000, "eyes": 10_000}  # of the few that come out best
FINAL_SEEDS = {"mnist": 10, "celeba": 5, "eyes": 5}
HELD_OUT = {"mnist": ("test",), "celeba": ("validation", "test"), "eyes": ("validation", "test")}
PAIRS = ("eyes-ae", "mnist-ae", "celeba-ae", "eyes-rae-l2", "mnist-vae", "mnist-rae-l2", "celeba-rae-l2")
N_TRAINING_FEATURES = 10_000
CLASSIFIER_EPOCHS = 8
IMAGE_SIZE = 64


class Data:
    """Images of one data set, and the features that they are compared in.

    Parameters
    ----------
    name : {"mnist", "celeba", "eyes"}
        The last is any folder or zip of images.
    path : Path
        Where the files are.
    work : Path
        Folder of what is kept.
    """

    def __init__(self, name: str, path: Path, work: Path) -> None:
        self.name, self._path, self._work = name, path, work

    def _load(self, split: str) -> datasets.Dataset:
        if self.name == "eyes":
            return datasets.load("folder", data_dir=self._path, split=split, image_size=IMAGE_SIZE)
        return datasets.load(self.name, data_dir=self._path, split=split)

    @cached_property
    def train(self) -> datasets.Dataset:
        """Training images and labels."""
        return self._load("train")

    @cached_property
    def held_out(self) -> Array:
        """Images that neither the autoencoder nor a sampler sees."""
        return np.concatenate([self._load(split).images for split in HELD_OUT[self.name]])

    @cached_property
    def features(self) -> Any:
        """Features of images: a small classifier of the digits, or an ImageNet network.

        The classifier is kept: with another number of threads another one is trained, whose distances differ.
        """
        if self.name != "mnist":
            return metrics.EfficientNetFeatures(image_size=IMAGE_SIZE)
        path = self._work / "mnist-classifier.safetensors"
        if not path.exists():
            metrics.ClassifierFeatures(*self.train, n_epochs=CLASSIFIER_EPOCHS).save(path)
        return metrics.ClassifierFeatures.read(path)

    @cached_property
    def kept_features(self) -> Any:
        """The same, kept in a folder: for images that come again."""
        return metrics.CachedFeatures(self.features, self._work / "features")

    @cached_property
    def train_features(self) -> Array:
        """Features of the first 10,000 training images."""
        return self.kept_features(self.train.images[:N_TRAINING_FEATURES])

    @cached_property
    def held_out_features(self) -> Array:
        """Features of the held-out images."""
        return self.kept_features(self.held_out)


class Pair:
    """A data set, an autoencoder trained on it, and the latents.

    Attributes
    ----------
    latents, fresh : ndarray of float32, shapes (n, d) and (m, d)
        Of the training and of the held-out images.
    """

    def __init__(self, name: str, data: Data, work: Path) -> None:
        self.name, self.data, self._work = name, data, work
        path = work / f"{name}-latents.npz"
        if not path.exists():
            latents = vicinal.encode(self.autoencoder, data.train.images)
            fresh = vicinal.encode(self.autoencoder, data.held_out)
            np.savez(path, latents=latents, fresh=fresh)
        with np.load(path) as kept:
            self.latents, self.fresh = kept["latents"], kept["fresh"]

    @cached_property
    def autoencoder(self) -> Any:
        """The model, trained where there is none yet."""
        path = self._work / f"{self.name}.safetensors"
        if not path.exists():
            objective = self.name.partition("-")[2]
            train(objective, self.data.train.images, **TRAINING[self.data.name]).save(path)
        return vicinal.load(path)

    def decode(self, latents: Array) -> Array:
        """Return images of latents."""
        return vicinal.decode(self.autoencoder, latents)

    @cached_property
    def reconstruction_features(self) -> Array:
        """Features of the decoded held-out latents."""
        return self.data.kept_features(self.decode(self.fresh))
