"""The parameters of a fit of `LocalSampler`, and the calibration of those that were left open."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np

from vicinal import _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.rng import Draws
from vicinal.samplers import calibration
from vicinal.samplers.batches import Batches, Training
from vicinal.samplers.local.mixing import sample_around
from vicinal.samplers.local.partition import Made, variance_ratio
from vicinal.samplers.novelty import NothingToCompareError, Novelty, warn
from vicinal.samplers.probes import KEY, N_PROBES
from vicinal.samplers.survey import Survey


class Settings(NamedTuple):
    """Checked parameters; ``n_neighbors`` and ``scale`` are None if they are calibrated, ``max_memory`` if open."""

    n_neighbors: int | None
    scale: float | None
    novelty: float
    shrinkage: float
    max_iter: int
    max_memory: int | None

    @classmethod
    def of(cls, sampler: Any) -> Self:
        """Return the parameters of a sampler.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            For one that cannot be used.
        """
        return cls(
            _auto_or(sampler.n_neighbors, "n_neighbors", partial(_validation.check_integer, minimum=1)),
            _auto_or(sampler.scale, "scale", _validation.check_width),
            _validation.check_positive(sampler.novelty, "novelty"),
            checked_shrinkage(sampler.shrinkage),
            _validation.check_integer(sampler.max_iter, "max_iter", minimum=0),
            None if sampler.max_memory is None else _validation.check_bytes(sampler.max_memory, "max_memory"),
        )

    def check_at_most(self, n_samples: int) -> None:
        """Raise InvalidInputError if a neighbourhood would need more latents than there are."""
        if self.n_neighbors is not None and self.n_neighbors > n_samples:
            raise InvalidInputError(
                f"n_neighbors must be at most the number of latents; got {self.n_neighbors} for n_samples={n_samples}"
            )

    def calibrated(self, training: Training, held_out: Array | None, made: Made) -> tuple[int, float, dict[str, float]]:
        """Return neighbours, scale and the attributes of the calibration; ``made`` cuts ``training`` up."""
        if self.n_neighbors is not None and self.scale is not None:
            return self.n_neighbors, self.scale, {}
        n = len(training.rows)
        try:
            train = Batches(training.rows)
            novelty = Novelty(train, Survey.of(train), held_out, self.novelty)
        except NothingToCompareError as error:
            fallback = min(self.n_neighbors or calibration.FALLBACK_NEIGHBORS, n), self.scale or 1.0
            warn("LocalSampler", [str(error)], f"n_neighbors={fallback[0]} and scale={fallback[1]:g}")
            return *fallback, {"nn_ratio_": math.nan, "nn_ratio_se_": math.nan}
        draws = Draws(KEY, 0, N_PROBES, stratified=True)
        own = draws.choices(n)

        def draw(n_neighbors: int, scale: float) -> Array:
            (rows, weights, *_), starts = made(n_neighbors)
            return sample_around(draws, rows, weights, starts, own, self.shrinkage, scale)

        def variance(n_neighbors: int, scale: float) -> float:
            return variance_ratio(made(n_neighbors), self.shrinkage, scale)

        return calibration.calibrate_neighbors(novelty, draw, variance, self.n_neighbors, self.scale, n)


def _auto_or(value: Any, name: str, check: Any) -> Any:
    """Return None for "auto", or the checked number."""
    if isinstance(value, str):
        _validation.check_choice(value, name, ("auto",))
        return None
    return check(value, name)


def checked_shrinkage(shrinkage: Any) -> float:
    """Return the shrinkage of a sampler."""
    if isinstance(shrinkage, bool) or not isinstance(shrinkage, int | float | np.number):
        raise InvalidTypeError(f"shrinkage must be a number from 0 to 1; got {shrinkage!r}")
    if not 0 <= shrinkage <= 1:
        raise InvalidInputError(f"shrinkage must be from 0 to 1; got {shrinkage}")
    return float(shrinkage)
