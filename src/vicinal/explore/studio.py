"""What the live explorer shows: samples, the training latents nearest to them, refits and paths.

Nothing is kept between calls but fits and what was measured: a sample is a function of the seed and of its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from vicinal import _arrays, neighbors, pipeline, plot
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.explore.training import Training
from vicinal.image_files import writing
from vicinal.samplers.how_new import HowNew
from vicinal.samplers.vicinities import VicinitySampler

_N_KEPT = 8  # fits that are remembered
_N_FRESH = 1000  # training latents whose distances stand for those of fresh data
_N_NEAR = 6  # samples near a chosen latent


class Choice(NamedTuple):
    """What is to be drawn; None stands for all classes, and for the novelty and temperature of the sampler as it is."""

    sampler: str
    seed: int = 0
    n_samples: int = 24
    label: str | None = None
    novelty: float | None = None
    temperature: float | None = None


class Card(NamedTuple):
    """Pictures (H, W, C), uint8, by what they show, and a line below them."""

    pictures: dict[str, Array]
    caption: str


class _Space(NamedTuple):
    """Training latents as rows, how far fresh data are from them, and their places on the map."""

    training: Training
    rows: Array
    scaling: neighbors.Scaling
    fresh: float
    place: Any
    points: Array

    @classmethod
    def of(cls, training: Training) -> _Space:
        rows = training.latents.reshape(len(training.latents), -1)
        scaling = neighbors.Scaling.of(rows)
        few = rows[np.linspace(0, len(rows) - 1, min(len(rows), _N_FRESH)).astype(int)]
        fresh = np.median(neighbors.nearest_distances(few, rows, scaling, other=True))
        place = plot.projection(rows)
        return cls(training, rows, scaling, float(fresh), place, place(rows))


class Studio:
    """A model with its samplers, and what can be seen of them.

    Parameters
    ----------
    autoencoder
        As in `vicinal.decode`.
    samplers : mapping of str to Sampler
        Fitted to its latents, by their names.
    images : array_like of shape (n_images, *image_shape), optional
        The training images, in the order of the fit. Without them only a sampler that keeps its latents, such as
        `LocalSampler`, can be refitted and compared with its training data.
    labels : array_like of shape (n_images,), optional
        Their classes, for refits of a sampler that was fitted with classes.
    device, progress
        As in `vicinal.encode`.

    Raises
    ------
    InvalidInputError
        For images or samplers that do not go with the autoencoder or with each other.

    Examples
    --------
    >>> import numpy as np
    >>> from vicinal import Autoencoder, LocalSampler
    >>> halves = Autoencoder(lambda images: images.reshape(-1, 4) / 2, lambda latents: latents.reshape(-1, 1, 2, 2) * 2)
    >>> images = np.random.default_rng(0).random((100, 1, 2, 2)).astype(np.float32)
    >>> sampler = LocalSampler(10, scale=1.0).fit(halves.encode(images))
    >>> studio = Studio(halves, {"local": sampler}, images)
    >>> list(studio.cards(Choice("local"))[0].pictures)
    ['sample', 'nearest training latent, decoded', 'its image']
    """

    def __init__(
        self,
        autoencoder: Any,
        samplers: Mapping[str, Any],
        images: Any = None,
        *,
        labels: Any = None,
        device: Any = None,
        progress: bool = False,
    ) -> None:
        self.autoencoder, self.samplers, self.device = autoencoder, dict(samplers), device
        for name, sampler in self.samplers.items():
            pipeline.check_latents(autoencoder, sampler.event_shape_, name)
        given = None if images is None else Training.of_images(autoencoder, images, labels, device, progress)
        spaces = {} if given is None else {None: _Space.of(given)}
        self._spaces: dict[str, _Space] = {}
        for name, sampler in self.samplers.items():
            found = Training.kept_by(sampler) if given is None else given.for_sampler(sampler, name)
            if found is not None:
                shared = spaces.get(None)
                self._spaces[name] = _Space.of(found) if shared is None else shared._replace(training=found)
        self.fitted = lru_cache(_N_KEPT)(self._fitted)
        self.how_new = lru_cache(_N_KEPT)(self._how_new)

    def classes(self, name: str) -> list[str]:
        """Return the classes that a sampler can draw within, as text."""
        return [str(label) for label in getattr(self.samplers[name], "classes_", ())]

    def has_temperature(self, name: str) -> bool:
        """Tell whether the draws of a sampler have a temperature."""
        return "temperature" in self.samplers[name].get_params()

    def has_paths(self, name: str) -> bool:
        """Tell whether a sampler has vicinities, which paths can go along."""
        return isinstance(self.samplers[name], VicinitySampler)

    def has_training(self, name: str) -> bool:
        """Tell whether the training latents of a sampler are known."""
        return name in self._spaces

    def why_no_refit(self, name: str) -> str | None:
        """Return why a sampler cannot be refitted to a novelty; None if it can."""
        if not self.samplers[name]._calibrates:
            return f"{type(self.samplers[name]).__name__} has no novelty to choose."
        if not self.has_training(name):
            return "A refit needs the training images: pass --images."
        if self.classes(name) and self._spaces[name].training.labels is None:
            return "A refit needs the classes of the images: sort them into a folder for each class."
        return None

    def sample(self, choice: Choice) -> Array:
        """Return the latents of a choice."""
        sampler = self.fitted(choice.sampler, choice.novelty, choice.temperature)
        classes = {} if choice.label is None else {str(each): each for each in sampler.classes_}
        label = None if choice.label is None else classes[choice.label]
        return _arrays.to_numpy(sampler.sample(choice.n_samples, y=label, random_state=choice.seed))

    def cards(self, choice: Choice) -> list[Card]:
        """Return the samples, each beside the training data nearest to it."""
        return self._cards(choice.sampler, self.sample(choice))

    def path(self, choice: Choice, first: int, last: int, n_points: int = 8) -> list[Card]:
        """Return points on the path between two samples, which are counted from 1."""
        latents, sampler = self.sample(choice), self.fitted(choice.sampler, choice.novelty, choice.temperature)
        if not (1 <= first <= len(latents) and 1 <= last <= len(latents)):
            raise InvalidInputError(f"samples must be from 1 to {len(latents)}; got {first} and {last}")
        points = sampler.path(latents[first - 1], latents[last - 1], n_points)
        return self._cards(choice.sampler, _arrays.to_numpy(points))

    def nearest_on_map(self, name: str, point: Array) -> int:
        """Return which training latent is nearest to a point of the map, in its units."""
        return int(np.square(self._spaces[name].points - point).sum(axis=1).argmin())

    def around(self, choice: Choice, row: int) -> list[Card]:
        """Return a training latent, and samples of its vicinity."""
        training = self._spaces[choice.sampler].training
        latent = training.latents[row]
        pictures = {"training latent, decoded": self.decoded(latent[None])[0]}
        if training.images is not None:
            pictures["its image"] = _levels(training.images[row][None])[0]
        cards = [Card(pictures, f"training row {row}")]
        if self.has_paths(choice.sampler):
            sampler = self.fitted(choice.sampler, choice.novelty, choice.temperature)
            near = sampler.vicinity(latent, _N_NEAR, random_state=choice.seed)
            cards += self._cards(choice.sampler, _arrays.to_numpy(near))
        return cards

    def points(self, name: str, latents: Array | None = None) -> Array:
        """Return the places on the map, (n, 2), of latents; without them, of the training latents."""
        space = self._spaces[name]
        found: Array = space.points if latents is None else space.place(latents.reshape(len(latents), -1))
        return found

    def labels(self, name: str) -> Array | None:
        """Return the classes of the training latents, where they are known."""
        return self._spaces[name].training.labels

    def decoded(self, latents: Array) -> Array:
        """Return latents as pictures (n, H, W, C), uint8."""
        levels = writing.levels_of(pipeline.decode(self.autoencoder, latents, device=self.device))
        return levels.transpose(0, 2, 3, 1)

    def _cards(self, name: str, latents: Array) -> list[Card]:
        decoded = self.decoded(latents)
        numbers = range(1, len(latents) + 1)
        if not self.has_training(name):
            return [Card({"sample": image}, f"{i}") for i, image in zip(numbers, decoded, strict=True)]
        space = self._spaces[name]
        flat = latents.reshape(len(latents), -1).astype(space.rows.dtype, copy=False)
        distances, nearest = neighbors.nearest_rows(flat, space.rows, space.scaling)
        parts = {"sample": decoded, "nearest training latent, decoded": self.decoded(space.training.latents[nearest])}
        if space.training.images is not None:
            parts["its image"] = _levels(space.training.images[nearest])
        ratios = distances / max(space.fresh, 1e-12)
        return [
            Card({part: images[i - 1] for part, images in parts.items()}, f"{i}: {ratio:.2f}")
            for i, ratio in zip(numbers, ratios, strict=True)
        ]

    def _fitted(self, name: str, novelty: float | None, temperature: float | None) -> Any:
        """Return a sampler as it is, or refitted to a novelty, or with another temperature."""
        saved = self.samplers[name]
        other = {} if temperature is None else {"temperature": temperature}
        if novelty is not None:
            reason = self.why_no_refit(name)
            if reason is not None:
                raise InvalidInputError(reason)
            training = self._spaces[name].training
            left = dict.fromkeys(saved._calibrates, "auto")
            labels = training.labels if self.classes(name) else None
            return clone(saved).set_params(novelty=novelty, **left, **other).fit(training.latents, labels)
        return copy(saved).set_params(**other) if other else saved

    def _how_new(self, name: str, novelty: float | None, temperature: float | None) -> str:
        """Return how new the samples of a sampler are, in a sentence."""
        if not self.has_training(name):
            return "How new the samples are cannot be said without the training images: pass `--images`."
        found = HowNew.of(self.fitted(name, novelty, temperature), self._spaces[name].training.latents)
        if isinstance(found, str):
            return f"How new the samples are cannot be said: {found}."
        return f"nn ratio {found.nn_ratio:.2f}, copied {100 * found.copied:.1f} %: {found.means}."


def _levels(images: Array) -> Array:
    """Return images of any layout and range as pictures (n, H, W, C), uint8."""
    return np.rint(np.clip(plot.as_units(images), 0.0, 1.0) * 255.0).astype(np.uint8).transpose(0, 2, 3, 1)
