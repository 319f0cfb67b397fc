r"""How new the samples of a calibrated sampler are, and what a user must be warned of.

With training latents T, fresh latents H and samples S, let D be the distance to the nearest row of T that differs,
each dimension scaled by its robust spread (`vicinal.neighbors`). The ratio at level q is

.. math:: r_q = \frac{q\text{-quantile of } D \text{ over } S}{q\text{-quantile of } D \text{ over } H}

The nn ratio is r at the median. A calibration brings it to its target. For the target 1, that of fresh data, it takes
the smallest of r at the three quartiles instead, for otherwise sparse regions may be copied while the median is right.
The outer quartiles may fall short by one standard error, since the smallest of three noisy numbers is too small.
Without fresh latents, training latents take their place, each compared with all others. Fresh data may repeat training
latents too, so this share is kept beside D.

A calibrated sampler must pass four checks (`Novelty.reasons`):

- for a target of 1 or more, the test `vicinal.neighbors.novelty_p` finds no excess of samples near training latents;
- no r is more than a factor `MOST_APART` from the target, beyond chance, from the 5 % to the 95 % quantile;
- the total variance of samples is within `VARIANCE_CHANGE` of that of the latents;
- samples repeat training latents as often as fresh data do, to within `REPEATS`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from vicinal import _arrays, neighbors
from vicinal._arrays import Array
from vicinal._errors import CalibrationWarning, InvalidInputError
from vicinal.samplers.batches import Batch, Reduction
from vicinal.samplers.probes import N_PROBES, Probes
from vicinal.samplers.survey import Reducible, Survey

FEWEST, FEWEST_DISTINCT = 50, 10  # latents, and distinct latents, that a calibration needs
QUARTILES = (0.25, 0.5, 0.75)
MOST_NOISE = 0.1
MOST_APART = 2.0  # factor between the ratio at a quantile and the target
SURELY = 3.0  # standard deviations of the rank of a quantile
VARIANCE_CHANGE = 0.1
REPEATS = 0.05
FAR_SPAN = 100.0  # spreads; a dimension that spans more has outliers: a million normal values span 10


class NothingToCompareError(Exception):
    """The latents do not allow a calibration; the message says why."""


class Reached(NamedTuple):
    """Distances of samples from the training latents, (m,), the nn ratio, and the ratio to bring to the target."""

    distances: Array
    nn_ratio: float
    ratio: float


class Novelty:
    """How far samples are from the training latents, measured as fresh latents are.

    Parameters
    ----------
    train : Reducible
        The training latents; a call of `reached` is one pass over them.
    survey : Survey
        What a first pass found in them.
    held_out : ndarray of shape (m, d), optional
        Held-out latents. With None, training latents take their place.
    target : float
        Target of the nn ratio, above 0.
    ahead : callable, optional
        Gives, from ``sources``, arrays of samples that are measured in the pass of the fresh latents.

    Raises
    ------
    NothingToCompareError
        If there are too few latents, or too few different ones.

    Attributes
    ----------
    sources : ndarray of shape (N_PROBES, d)
        Training latents to make samples from. Where there are fewer, each comes several times.
    fresh : ndarray of shape (m,)
        Scaled distances of fresh latents to the nearest training latent that differs.
    target : float
        The target.
    repeats : float
        Share of fresh latents that repeat a training latent, in [0, 1].
    resolution : float
        Standard error of the nn ratio of as many fresh samples, at most `MOST_NOISE`.
    ahead : list of Reached
        How new the samples that ``ahead`` gave are.
    """

    def __init__(
        self,
        train: Reducible,
        survey: Survey,
        held_out: Array | None = None,
        target: float = 1.0,
        ahead: Callable[[Array], Sequence[Array]] | None = None,
    ) -> None:
        self._train, self._survey, self.target, probes = train, survey, target, survey.probes
        if probes.n_rows < FEWEST:
            raise NothingToCompareError(f"at least {FEWEST} latents are needed, and there are {probes.n_rows}")
        if len(probes.rows) < FEWEST_DISTINCT:
            raise NothingToCompareError(f"among {probes.n_rows} latents only {len(probes.rows)} are distinct")
        self.sources = probes.rows[probes.spread(N_PROBES)]
        try:
            self._scaling = neighbors.Scaling.of(self.sources)
        except InvalidInputError as error:
            raise NothingToCompareError(str(error)) from None
        rows = train.at_hand  # put in order once, if they are few
        at_hand = rows is not None and math.prod(rows.shape) <= neighbors.CHUNK
        self._tiles = neighbors.tiled(_arrays.to_numpy(rows), self._scaling) if at_hand else None
        made = () if ahead is None else ahead(self.sources)
        if held_out is None:
            chosen = probes.spread(min(probes.n_rows, N_PROBES))
            distances, *others = self._distances(*made, probes=probes.rows)
            self.repeats, self.fresh = float(np.mean(probes.counts[chosen] > 1)), distances[chosen]
        else:
            distances, *others = self._distances(_some(held_out), *made)
            self.repeats, self.fresh = float(np.mean(distances == 0)), distances[distances > 0]
            if self.repeats >= 0.5:
                raise NothingToCompareError("half of the held-out latents are copies of training latents")
        self.resolution = min(MOST_NOISE, neighbors.nn_ratio_se(self.fresh, self.fresh))
        self.ahead = [self._of(each) for each in others]

    def _distances(self, *several: Array, probes: Array | None = None) -> list[Array]:
        """Return, in one pass, the scaled distances of arrays of rows (m, d) to the nearest training latent, (m,) each.

        Those of ``probes``, which come first, are to the nearest training latent that differs.
        """
        asked = ([] if probes is None else [(probes, True)]) + [(each, False) for each in several]
        if self._tiles is not None:
            return [neighbors.distances_to(self._tiles, rows, self._scaling, other=other) for rows, other in asked]
        return self._train.reduce(
            *(Reduction(partial(_nearest, rows, self._scaling, other), np.minimum) for rows, other in asked)
        )

    def reached(self, *several: Array) -> list[Reached]:
        """Return how new each of several arrays of samples (m, d) is, in one pass."""
        return [self._of(distances) for distances in self._distances(*several)]

    def _of(self, distances: Array) -> Reached:
        lower, median, upper = neighbors.quantile_ratios(distances, self.fresh, QUARTILES).tolist()
        least = min(median, (1 + self.resolution) * min(lower, upper))
        return Reached(distances, median, least if self.target == 1 else median)

    def state(self, reached: Reached) -> dict[str, float]:
        """Return the fitted attributes."""
        return {"nn_ratio_": reached.nn_ratio, "nn_ratio_se_": neighbors.nn_ratio_se(reached.distances, self.fresh)}

    def p_value(self, reached: Reached) -> float:
        """Return the p-value of the test that samples are no nearer to the training latents than fresh ones."""
        return neighbors.novelty_p(reached.distances, self.fresh)

    def on_lattice(self, reached: Reached) -> bool:
        """Return whether latents repeat others and lie too far apart for samples that do not: whole numbers do."""
        return self.repeats > REPEATS and self.p_value(reached) < neighbors.LEVEL

    def too_near(self, reached: Reached, level: float = neighbors.LEVEL) -> bool:
        """Return whether too many samples are near to the training latents, if the target is not to be nearer."""
        return self.target >= 1 and self.p_value(reached) < level

    def reasons(self, reached: Reached, missed: str | None, variance_ratio: float) -> list[str]:
        """Return what is wrong with samples that were made to reach the target, one clause each.

        ``missed`` says why the target was not reached.
        """
        found, distances = [], reached.distances
        repeats = float(np.mean(distances == 0))
        if self.repeats >= 0.5 or (self.repeats > REPEATS and abs(repeats - self.repeats) > REPEATS):
            found.append(
                f"{self.repeats:.0%} of the latents repeat others, and {repeats:.0%} of the samples do: fit "
                "numpy.unique(latents, axis=0) if the repeats are a mistake, round samples if latents are whole numbers"
            )
        if not self.on_lattice(reached):  # there, distances of samples and latents do not compare
            found += [f"the nn ratio cannot be brought to {self.target:g}: {missed}"] if missed else []
            found += self._novelty_reasons(reached)
        if not abs(variance_ratio - 1) <= VARIANCE_CHANGE:
            found.append(f"samples have {variance_ratio:.3g} times the total variance of the latents")
        if found and (outliers := self._outliers()):
            found.append(outliers)
        return found

    def _novelty_reasons(self, reached: Reached) -> list[str]:
        found = []
        if self.too_near(reached):
            found.append(f"too many samples are near to training latents (p = {self.p_value(reached):.1g})")
        if any(_apart(reached.distances, self.fresh, level, self.target) for level in neighbors.QUANTILES):
            ratios = ", ".join(f"{r:.3g}" for r in neighbors.quantile_ratios(reached.distances, self.fresh))
            levels = ", ".join(f"{100 * level:.0f}" for level in neighbors.QUANTILES)
            found.append(f"distances to training latents are {ratios} times those of fresh data at {levels} %")
        return found

    def _outliers(self) -> str | None:
        """Return a clause on the widest dimension if it has outliers."""
        spans = (self._survey.upper.astype(np.float64) - self._survey.lower) / self._scaling.scale
        widest = int(spans.argmax())
        if spans[widest] <= FAR_SPAN:
            return None
        return f"dimension {widest} spans {spans[widest]:.3g} times its spread: are there outliers to remove or clip?"


def warn(parameter: str, reasons: Sequence[str], used: str, remedy: str = "") -> None:
    """Warn once, with all reasons, the value that is used, and what to do."""
    message = f"{parameter}: {'; '.join(reasons)}; using {used}" + (f". {remedy}" if remedy else "")
    warnings.warn(message, CalibrationWarning, stacklevel=7)


def _some(rows: Array) -> Array:
    """Return at most `N_PROBES` of ``rows`` (n, d)."""
    probes = Probes.of(rows)
    return probes.rows[probes.spread(min(probes.n_rows, N_PROBES))]


def _nearest(queries: Array, scaling: neighbors.Scaling, other: bool, batch: Batch) -> Array:
    """Return the scaled distance of each of ``queries`` (m, d) to the nearest latent of a batch, (m,)."""
    return neighbors.nearest_distances(queries, _arrays.to_numpy(batch.rows), scaling, other=other)


def _apart(distances: Array, fresh: Array, level: float, target: float) -> bool:
    """Return whether the ratio at a level is surely more than a factor `MOST_APART` from the target."""

    def limits(values: Array) -> Array:
        step = SURELY * math.sqrt(level * (1 - level) / len(values))
        return np.quantile(values, np.clip([level - step, level + step], 0, 1))

    (low, high), (fresh_low, fresh_high) = limits(distances), limits(fresh)
    return bool(low > MOST_APART * target * fresh_high or MOST_APART * high < target * fresh_low)
