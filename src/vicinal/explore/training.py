"""The latents that a sampler was fitted to, and the images that they are of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays, pipeline
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError

_N_CHECKED = 64  # latents that are compared with those that a sampler keeps
_TOLERANCE = 0.01  # of their spread: another batch size or device moves latents by far less


class Training(NamedTuple):
    """Training latents (n, *event_shape), their images (n, *image_shape) and classes (n,), where these are known."""

    latents: Array
    images: Array | None = None
    labels: Array | None = None

    @classmethod
    def of_images(
        cls, autoencoder: Any, images: Any, labels: Any = None, device: Any = None, progress: bool = False
    ) -> Training:
        """Return images with their latents."""
        latents = _arrays.to_numpy(pipeline.encode(autoencoder, images, device=device, progress=progress))
        classes = None if labels is None else np.asarray(labels)
        if classes is not None and classes.shape != (len(latents),):
            raise InvalidInputError(
                f"labels must have shape ({len(latents)},), one for each image; got {classes.shape}"
            )
        return cls(latents, _arrays.to_numpy(images), classes)

    @classmethod
    def kept_by(cls, sampler: Any) -> Training | None:
        """Return the latents that a sampler keeps, in the order in which it was given them; None if it keeps none."""
        rows = getattr(sampler, "rows_", None)
        if rows is None:
            return None
        order = np.argsort(rows)
        of_classes = np.diff(sampler.class_starts_) if hasattr(sampler, "classes_") else None
        labels = None if of_classes is None else np.repeat(sampler.classes_, of_classes)[order]
        return cls(np.asarray(sampler.latents_)[order].reshape(-1, *sampler.event_shape_), None, labels)

    def for_sampler(self, sampler: Any, name: str) -> Training:
        """Return the same with classes of the sampler's own, or raise InvalidInputError if it saw other images."""
        if self.latents.shape[1:] != sampler.event_shape_:
            raise InvalidInputError(
                f"{name} must be fitted to latents of this autoencoder, of shape {self.latents.shape[1:]}; it was to "
                f"{sampler.event_shape_}"
            )
        kept = Training.kept_by(sampler)
        if kept is None:
            return self
        some = np.linspace(0, len(self.latents) - 1, min(len(self.latents), _N_CHECKED)).astype(int)
        spread = max(float(kept.latents.std()), 1e-12)
        if len(kept.latents) != len(self.latents) or (
            np.abs(kept.latents[some] - self.latents[some]).max() > _TOLERANCE * spread
        ):
            raise InvalidInputError(
                f"images must be the {len(kept.latents):,} that {name} was fitted to, in the same order; got "
                f"{len(self.latents):,}, whose latents differ: pass those, or no images"
            )
        return self._replace(labels=kept.labels)
