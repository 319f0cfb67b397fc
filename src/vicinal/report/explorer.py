"""The explorer of a report: a map of training latents with samples on it; ``explorer.js`` shows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from vicinal import storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError
from vicinal.images import in_units
from vicinal.plot import tiled
from vicinal.report.pictures import data_uri, jpeg, png

_OF_TRAINING = ("nearest", "originals", "decoded")
_KIND, _COLUMNS, _STEPS = "Explorer", 40, 1000  # images in a row of a sheet; steps along a side of a map


@dataclass(frozen=True)
class Explorer:
    """Samples of one autoencoder, drawn by several samplers, with the training data nearest to each.

    Attributes
    ----------
    sets : list of dict
        A sampler at one novelty: ``sampler``, ``novelty`` (None where it has no such parameter), and ``numbers``:
        metrics by name, for each class by its name, and for all rows by the name "".
    classes : list of str
        Names of the classes; empty where there are none.
    arrays : dict of ndarray
        ``set``, ``class`` (-1 without), ``ratio`` (m,): of each sample, the last being its distance from the nearest
        training latent over the median of held-out latents. ``images`` (m, C, H, W): the samples, uint8.
        ``nearest`` (m,): places in ``originals`` and ``decoded`` (k, C, H, W), the nearest training images and their
        reconstructions; absent where no training image may be shown. ``train-class`` (n,), and for each map
        ``<map>-train`` (n, 2) and ``<map>-samples`` (m, 2).
    """

    sets: list[dict[str, Any]]
    classes: list[str]
    arrays: dict[str, Array]

    def write(self, path: storage.PathLike, key: str) -> None:
        """Write a file; ``key`` stands for all that it depends on."""
        storage.write(path, _KIND, {"key": key, "sets": self.sets, "classes": self.classes}, self.arrays)

    @classmethod
    def read(cls, path: storage.PathLike, key: str | None = None) -> Explorer | None:
        """Return what a file holds; None if there is no whole one, or one with another key."""
        try:
            found = storage.read(path)
        except (FileNotFoundError, FileFormatError):
            return None
        if found.kind != _KIND or key not in (None, found.header["key"]):
            return None
        return cls(found.header["sets"], found.header["classes"], found.arrays)

    def without_training_images(self) -> Explorer:
        """Return the same without any training image."""
        kept = {name: array for name, array in self.arrays.items() if name not in _OF_TRAINING}
        return Explorer(self.sets, self.classes, kept)

    @property
    def maps(self) -> list[str]:
        """Names of the maps."""
        return [name.removesuffix("-train") for name in sorted(self.arrays) if name.endswith("-train")]

    def to_json(self) -> str:
        """Return all that the page needs, as JSON that may stand inside HTML."""
        of, shown = self.arrays, ("images", "decoded", "originals")
        found = {
            "sets": self.sets,
            "classes": self.classes,
            "set": of["set"].tolist(),
            "class": of["class"].tolist(),
            "ratio": [round(float(ratio), 2) for ratio in of["ratio"]],
            "nearest": of["nearest"].tolist() if "nearest" in of else None,
            "trainClass": of["train-class"].tolist(),
            "maps": {name: _on_one_scale(of[f"{name}-train"], of[f"{name}-samples"]) for name in self.maps},
            "size": [of["images"].shape[3], of["images"].shape[2]],
            "columns": _COLUMNS,
            "sheets": {name: _sheet(of[name]) for name in shown if name in of},
        }
        return json.dumps(found, separators=(",", ":")).replace("<", "\\u003c")


def _on_one_scale(train: Array, samples: Array) -> dict[str, list[list[int]]]:
    """Return points as whole steps from 0 at the lower left; the map shows all samples."""
    low, high = (quantile([*train, *samples], axis=0) for quantile in (np.min, np.max))
    scale = _STEPS / max(float((high - low).max()), 1e-12)
    return {
        name: np.rint((points - low) * scale).astype(int).tolist()
        for name, points in (("train", train), ("samples", samples))
    }


def _sheet(images: Array) -> str:
    """Return images as one data URI: grey ones as a PNG, others as a JPEG, which is a fifth of the size."""
    sheet = tiled(in_units(images), _COLUMNS)
    if images.shape[1] == 1:
        return data_uri(png(sheet))
    return data_uri(jpeg(sheet), "jpeg")
