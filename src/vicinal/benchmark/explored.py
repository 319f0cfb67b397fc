"""What the explorer of a report shows of one trained autoencoder: drawn and measured ahead, since a page cannot."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from vicinal import images, neighbors, pipeline, plot
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.benchmark.bench import FAILURES, Bench
from vicinal.benchmark.config import sampler_of
from vicinal.benchmark.results import explorer_file, key_of
from vicinal.evaluation import Judge
from vicinal.report import Explorer

NOVELTIES = (0.5, 0.75, 1.0, 1.25, 1.5)  # of samplers that are calibrated to one
METRICS = ("frechet_distance", "nn_ratio", "membership_auc")
N_SAMPLES, N_POINTS = 40, 1500  # samples of a set that are shown; training latents on the map
_LEAST, _MOST_CLASSES = 20, 20  # held-out images of a class that is measured; classes to choose from
_LARGEST = 64  # side of a picture


class _Drawn(NamedTuple):
    """The samples of a set that are shown, and the numbers of all of them."""

    facts: dict[str, Any]
    latents: Array
    images: Array
    classes: Array


def explore(bench: Bench, of_study: str) -> None:
    """Draw and measure what the report lets a reader explore, unless its file is there.

    ``of_study`` stands for all that the rows of the first training of the autoencoder depend on.
    """
    config, path = bench.config, explorer_file(bench.out, bench.name)
    offered = config.samplers_of(bench.name)
    explored = {name: offered[name] for name in config.explored if name in offered}
    key = key_of(of_study, explored, NOVELTIES, METRICS, N_SAMPLES, N_POINTS, config.show_training_images)
    if explored and Explorer.read(path, key) is not None:
        return
    path.unlink(missing_ok=True)  # of other settings
    if not explored:
        return
    views = _Views(bench)
    drawn = [each for name, settings in explored.items() for each in views.draw(name, settings)]
    if drawn:
        _gathered(views, drawn).write(path, key)


class _Views:
    """The data of one autoencoder, whole and class by class."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.train, self.held_out = (rows.reshape(len(rows), -1) for rows in bench.latents)
        inputs = bench.inputs
        labels, counts = np.unique(inputs.held_out_labels, return_counts=True)
        has_classes = 1 < len(labels) <= _MOST_CLASSES and set(labels) <= set(inputs.train.labels)
        self.classes = labels if has_classes else labels[:0]
        self._judges = {"": self._judge(slice(None), slice(None))}
        for label in self.classes[counts >= _LEAST] if has_classes else ():
            of_class = inputs.held_out_labels == label, inputs.train.labels == label
            self._judges[str(label)] = self._judge(*of_class)

    def draw(self, name: str, settings: Mapping[str, Any]) -> Iterator[_Drawn]:
        """Yield the samples of one sampler, at each novelty if it is calibrated to one."""
        for novelty in NOVELTIES if _is_calibrated(settings) else (None,):
            self.bench.progress.set(doing=f"{self.bench.label}: explore {name}")
            chosen = settings if novelty is None else {**settings, "novelty": novelty}
            sampler = sampler_of(chosen, self.bench.model, self.bench.seed)
            with contextlib.suppress(*FAILURES):  # the results say so
                yield self._drawn(self._fitted(sampler), name, novelty)

    def _fitted(self, sampler: Any) -> Any:
        """Return the sampler, fitted to the classes where it can draw within one."""
        train = self.bench.latents[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a novelty that is missed shows in the nn ratio
            if len(self.classes):
                with contextlib.suppress(InvalidInputError):  # it refuses labels
                    return sampler.fit(train, self.bench.inputs.train.labels)
            return sampler.fit(train)

    def _drawn(self, sampler: Any, name: str, novelty: float | None) -> _Drawn:
        n = self.bench.n_samples
        places = self._places(n) if hasattr(sampler, "classes_") else np.full(n, -1)
        labels = None if places[0] < 0 else self.classes[places]
        latents = sampler.sample(n, y=labels, random_state=self.bench.config.sampling_seeds[0])
        decoded = pipeline.decode(self.bench.model, latents)
        features = self.bench.inputs.extractor(decoded)
        numbers = {"": self._numbers("", latents, features)}
        for place, label in enumerate(map(str, self.classes)):
            mine = places == place
            if label in self._judges and mine.sum() >= 2:
                numbers[label] = self._numbers(label, latents[mine], features[mine])
        shown = _first_of_each(places, N_SAMPLES)
        facts = {"sampler": name, "novelty": novelty, "numbers": numbers}
        return _Drawn(facts, latents[shown].reshape(len(shown), -1), decoded[shown], places[shown])

    def _places(self, n: int) -> Array:
        """Return classes at random, by their shares of the training data, as a sampler draws them that is not told."""
        train = self.bench.inputs.train.labels
        of_classes = train[np.isin(train, self.classes)]
        return np.searchsorted(self.classes, np.random.default_rng(0).choice(of_classes, n))

    def _judge(self, held_out: Any, train: Any) -> Judge:
        features = self.bench.inputs.features[0][held_out]
        return Judge(
            (self.held_out[held_out], self.train[train]),
            (features, None),
            metrics=METRICS,
            max_searched=self.bench.config.max_searched,
        )

    def _numbers(self, label: str, latents: Array, features: Array) -> dict[str, float | None]:
        found = self._judges[label].score(latents.reshape(len(latents), -1), features)
        return {name: round(found[name], 4) if np.isfinite(found[name]) else None for name in METRICS}


def _gathered(views: _Views, drawn: list[_Drawn]) -> Explorer:
    """Return the sets together, on maps of the training latents, with the nearest training images."""
    bench, train = views.bench, views.train
    latents = np.concatenate([each.latents for each in drawn])
    scaling = neighbors.Scaling.of(train)
    distances, index = neighbors.nearest_rows(latents, train, scaling)
    fresh = neighbors.nearest_rows(views.held_out[: bench.config.max_searched], train, scaling)[0]
    points = np.sort(np.random.default_rng(0).permutation(len(train))[:N_POINTS])
    labels = bench.inputs.train.labels[points]
    arrays = {
        "set": np.repeat(np.arange(len(drawn)), [len(each.latents) for each in drawn]),
        "class": np.concatenate([each.classes for each in drawn]),
        "ratio": distances / max(float(np.median(fresh)), 1e-12),
        "images": _pictures(np.concatenate([each.images for each in drawn])),
        "train-class": np.searchsorted(views.classes, labels) if len(views.classes) else np.full(len(points), -1),
    }
    for method in ("pca", *(["umap"] if find_spec("umap") else [])):
        place = plot.projection(train, method)
        arrays |= {f"{method}-train": place(train[points]), f"{method}-samples": place(latents)}
    if bench.config.show_training_images:
        kept, arrays["nearest"] = np.unique(index, return_inverse=True)
        arrays["originals"] = _pictures(bench.inputs.train.images[kept])
        arrays["decoded"] = _pictures(pipeline.decode(bench.model, bench.latents[0][kept]))
    return Explorer([each.facts for each in drawn], [str(label) for label in views.classes], arrays)


def _is_calibrated(settings: Mapping[str, Any]) -> bool:
    """Tell whether a sampler meets a novelty: it has one, and a parameter that follows from it."""
    parameters = sampler_of(settings, None, 0).get_params()
    return "novelty" in parameters and "auto" in parameters.values()


def _first_of_each(places: Array, n: int) -> Array:
    """Return indices of n rows, equally many of each class, the first of each."""
    present = np.unique(places)
    each = max(1, n // len(present))
    return np.concatenate([np.flatnonzero(places == place)[:each] for place in present])


def _pictures(some: Array) -> Array:
    """Return images as 8-bit levels, none larger than a picture of the explorer."""
    size = max(some.shape[2:])
    return images.to_levels(some if size <= _LARGEST else images.resize(some, _LARGEST))
