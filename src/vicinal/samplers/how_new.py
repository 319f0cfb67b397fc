"""How new the samples of any fitted sampler are, measured as a calibration measures it, and what that means."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from vicinal import _arrays, neighbors
from vicinal._errors import InvalidInputError
from vicinal.samplers.base import Sampler
from vicinal.samplers.batches import batches_of
from vicinal.samplers.novelty import REPEATS, NothingToCompareError, Novelty
from vicinal.samplers.probes import KEY, N_PROBES
from vicinal.samplers.survey import Survey

_NEAR, _FAR = 0.5, 1.1  # nn ratios: below, samples are near copies; above, they are bold


class HowNew(NamedTuple):
    """Novelty of samples: figures, and a sentence.

    Attributes
    ----------
    nn_ratio : float
        Median distance of samples to the nearest training latent, over that of fresh latents: 0 for copies, 1 for
        samples as far away as fresh data. See `vicinal.neighbors`.
    copied : float
        Share of samples as near as the nearest 1 % of fresh latents, in [0, 1].
    means : str
        What the figures mean.
    """

    nn_ratio: float
    copied: float
    means: str

    @classmethod
    def of(cls, sampler: Sampler, latents: Any) -> Self | str:
        """Return how new the samples of a fitted sampler are, or the reason why nobody can say.

        Parameters
        ----------
        sampler : Sampler
            Fitted.
        latents : array_like of shape (n_samples, *event_shape), or re-iterable of such arrays
            What it was fitted to. Each of them, compared with the others, stands for a fresh latent.

        Raises
        ------
        InvalidInputError
            For latents of another shape than in `fit`, or that cannot be used.

        Examples
        --------
        >>> import numpy as np
        >>> from vicinal.samplers import BootstrapSampler
        >>> latents = np.random.default_rng(0).normal(size=(200, 3))
        >>> found = HowNew.of(BootstrapSampler().fit(latents), latents)
        >>> found.nn_ratio, found.copied, found.means
        (0.0, 1.0, 'near copies of training latents')
        """
        batches = batches_of(latents)
        if batches.event_shape != sampler.event_shape_:
            wanted, got = (", ".join(map(str, shape)) for shape in (sampler.event_shape_, batches.event_shape))
            raise InvalidInputError(f"latents must have shape (n_samples, {wanted}), as in fit; got (..., {got})")
        try:
            novelty = Novelty(batches, Survey.of(batches))
        except NothingToCompareError as error:
            return str(error)
        samples = _arrays.to_numpy(sampler.sample(N_PROBES, random_state=KEY))
        rows = samples.reshape(len(samples), -1).astype(novelty.sources.dtype, copy=False)
        (reached,) = novelty.reached(rows)
        copied, _ = neighbors.copied(reached.distances, novelty.fresh)
        return cls(reached.nn_ratio, copied, _meaning(novelty, reached.nn_ratio, novelty.p_value(reached)))


def _meaning(novelty: Novelty, nn_ratio: float, p_value: float) -> str:
    if novelty.repeats > REPEATS:
        return f"{novelty.repeats:.0%} of the latents repeat others, so these figures say little"
    if nn_ratio < _NEAR:
        return "near copies of training latents"
    if p_value < neighbors.LEVEL:
        return "too many samples are near to training latents"
    if nn_ratio > _FAR:
        return "farther from training latents than fresh data, which costs quality"
    return "as new as fresh data"
