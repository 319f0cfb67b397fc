"""What a study starts from: images, the features they are compared in, and autoencoders."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vicinal import datasets, metrics, pipeline, storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.autoencoders.data import check_images, fingerprint
from vicinal.benchmark.config import FEATURES, Config
from vicinal.benchmark.results import key_of
from vicinal.evaluation.overlap import overlap
from vicinal.hub.repository import located
from vicinal.images import blocks_of
from vicinal.metrics.features import FeatureExtractor
from vicinal.report import slug

OnEpoch = Callable[[int, float], None]
NETWORKS = ("inception", "dinov2", "clip")  # features whose weights are named by the user


class Inputs:
    """Images, features and autoencoders of a study.

    Parameters
    ----------
    config : Config
        The study. With ``tuning``, half of the held-out images, drawn at random, are ``tuning`` and the others
        ``held_out``.
    out : Path
        Folder of the study. It keeps the autoencoders, the features of real images, and the classifier.
    data_dir : Path, optional
        Folder of the files of the data set.
    device : str
        Where networks train and run.
    weights : path_like or str, optional
        Weights of the network that gives the features: see `vicinal.metrics.features`.
    """

    def __init__(
        self, config: Config, out: Path, data_dir: Path | None, device: str, weights: storage.PathLike | None
    ) -> None:
        kind = config.features["name"]
        if kind == "inception" and weights is None:
            raise InvalidInputError("features of the Inception network need its weights: pass --weights FILE")
        if kind not in NETWORKS and weights is not None:
            raise InvalidInputError(
                f"weights go with features of {', '.join(NETWORKS)}; got {weights} for {kind} features: leave them out"
            )
        self.config, self.out, self.device = config, out, device
        self._data_dir, self._weights = data_dir, weights
        self.train = self._load("train")
        parts = [self._load(split) for split in config.data.get("held_out", ["test"])]
        images, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.random.default_rng(0).permutation(len(images)) if config.tuning else np.arange(len(images))
        n_tuning = len(images) // 2 if config.tuning else 0
        self.tuning, self.held_out = images[order[:n_tuning]], images[order[n_tuning:]]
        self.held_out_labels = labels[order[n_tuning:]]

    def _load(self, split: str) -> datasets.Dataset:
        options = dict(self.config.data)
        name, file = options.pop("name"), options.pop("file", "")
        options.pop("held_out", None)
        path = None if self._data_dir is None else self._data_dir / file
        return datasets.load(name, data_dir=path, split=split, **options)

    @cached_property
    def mean_image(self) -> Array:
        """The mean of the training images in [0, 1], (C, H, W)."""
        blocks = blocks_of(self.train.images)
        total = sum(self.train.floats(rows).sum(axis=0, dtype=np.float64) for rows in blocks)
        return np.asarray(total / len(self.train.images))

    @cached_property
    def fingerprints(self) -> tuple[str, str]:
        """The sha256 of the training and of the held-out images."""
        train, held_out = check_images(self.train.images, "images"), check_images(self.held_out, "images")
        return fingerprint(train), fingerprint(held_out)

    @property
    def feature_settings(self) -> dict[str, Any]:
        """What the features depend on, beside the data."""
        weights = {"weights": self.extractor.fingerprint} if self.config.features["name"] in NETWORKS else {}
        return {**self.config.features, **weights}

    @cached_property
    def extractor(self) -> FeatureExtractor:
        """Maps images to features."""
        options = dict(self.config.features)
        kind = options.pop("name")
        if kind == "classifier":
            return self._classifier(options)
        if kind == "efficientnet":
            return metrics.EfficientNetFeatures(device=self.device, **options)
        if kind in NETWORKS:
            given = {} if self._weights is None else {"weights": self._weights}
            return FEATURES[kind](**given, device=self.device, **options)
        return metrics.PixelFeatures()

    def _classifier(self, options: dict[str, Any]) -> Any:
        path = self.out / "kept" / f"classifier-{key_of(options, self.fingerprints)}.safetensors"
        try:
            return metrics.ClassifierFeatures.read(path)
        except (FileNotFoundError, FileFormatError):
            classifier = metrics.ClassifierFeatures(*self.train, **options)
            classifier.save(path)
            return classifier

    @cached_property
    def features(self) -> tuple[Array, Array]:
        """Features of the held-out and of the training images."""
        return self.kept_features(self.held_out), self.kept_features(self.train.images)

    def kept_features(self, images: Array) -> Array:
        """Return the features of images that the next run needs again; the folder keeps them."""
        return metrics.CachedFeatures(self.extractor, self.out / "kept" / "features")(images)

    @property
    def facts(self) -> dict[str, Any]:
        """What the data and the features are, for a report."""
        size = self.config.features.get("image_size")
        text = self.extractor.name + ("" if size is None else f" at {size} pixels")
        if isinstance(self.extractor, metrics.ClassifierFeatures):
            right = self.extractor.accuracy(self.held_out, self.held_out_labels)
            text = f"last hidden layer of a classifier of the training images ({right:.1%} right on held-out ones)"
        shared = overlap(self.held_out, self.train.images)
        return {
            "n_train": len(self.train.images),
            "n_held_out": len(self.held_out),
            "image_shape": list(self.held_out.shape[1:]),
            "features": text,
            "distance": self.extractor.frechet_name,
            **({} if shared is None else {"overlap": str(shared)}),
        }

    def model_file(self, name: str, seed: int) -> Path:
        """Return the file of an autoencoder: the user's own, here or on the hub, or that of the study."""
        own = self.config.training_of(name).get("path")
        return located(own, self.config.folder) if own else self.out / "models" / f"{slug(name)}-{seed}.safetensors"

    def model(self, name: str, seed: int, on_epoch: OnEpoch | None = None) -> Any:
        """Return an autoencoder, read or trained; an interrupted training goes on.

        Parameters
        ----------
        name, seed : str, int
            Which autoencoder, and the seed of its training.
        on_epoch : callable, optional
            Called with the number and the mean loss of each epoch of the training.

        Raises
        ------
        InvalidInputError
            If the file is of another training.
        """
        path, settings = self.model_file(name, seed), self.config.training_of(name)
        if "path" in settings:
            return pipeline.load(path).to(self.device)
        if not path.exists():
            self._train(settings, seed, path, on_epoch)
        model = pipeline.load(path)
        path.with_suffix(".checkpoint").unlink(missing_ok=True)  # a run may have stopped just after its model
        self._check_card(model.card, settings, seed, path)
        return model.to(self.device)

    def _train(self, settings: dict[str, Any], seed: int, path: Path, on_epoch: OnEpoch | None) -> None:
        from vicinal.autoencoders.training import train

        model = train(
            images=self.train.images,
            **settings,
            random_state=seed,
            device=self.device,
            checkpoint=path.with_suffix(".checkpoint"),
            resume=True,
            on_epoch=on_epoch,
        )
        model.save(path)

    def _check_card(self, card: dict[str, Any], settings: dict[str, Any], seed: int, path: Path) -> None:
        known = {**card, **card["options"]}
        wanted = {**settings, "random_state": seed, "sha256": self.fingerprints[0]}
        if "batch_size" in settings:
            wanted["batch_size"] = min(settings["batch_size"], len(self.train.images))  # as training takes it
        differing = [name for name, value in wanted.items() if known.get(name) != value]
        if differing:
            changes = ", ".join(f"{name} was {known.get(name)}, is {wanted[name]}" for name in differing)
            raise InvalidInputError(f"{path} is of another training: {changes}; move it away, or name another --out")
