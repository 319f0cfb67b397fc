"""Each metric once more without one group of rows: what the jackknife needs to know the chance of the rows.

Rows are cut into `N_GROUPS` groups by a random order that depends on the seed and their number alone. So two samplers
that are compared with one set of held-out rows miss the same rows in replicate g, and the chance that they share
cancels in the difference of their replicates.

The Frechet distance is taken of all rows, since its moments add. The other metrics are taken of equally many held-out
rows and samples, at most `MOST_ROWS`. Their deviations are shrunk to those of as many rows as the smaller set has,
`MOST_TAKEN` at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import VicinalError
from vicinal.evaluation.catalogue import METRICS
from vicinal.evaluation.rows import Rows
from vicinal.evaluation.samples import Reference, Samples
from vicinal.metrics import Moments, frechet_distance, transport
from vicinal.metrics.moments import moments_of

N_GROUPS = 10
MOST_ROWS = transport.MAX_SAMPLES
MOST_TAKEN = 10_000  # by a metric that takes more than a subset
OF_SUBSETS = ("wasserstein_distance", "wasserstein_1_distance", "sinkhorn_divergence")  # of MAX_SAMPLES rows
_FRECHET = "frechet_distance"


class Replicates:
    """Values of metrics without one group of held-out rows each, for many sets of samples.

    Parameters
    ----------
    references : mapping of str to Reference
        The held-out rows, and training data if a metric needs them, in each space of the catalogue.
    random_state : int
        Seed of the groups.
    """

    def __init__(self, references: Mapping[str, Reference], random_state: int) -> None:
        self._references, self._seed = references, random_state
        self._parts: list[Moments] | None = None

    def of(self, rows: Mapping[str, Rows], metrics: Sequence[str], seed: int, *, both: bool) -> dict[str, list[float]]:
        """Return the replicates of one set of samples.

        Parameters
        ----------
        rows : mapping of str to Rows, (m, d)
            The samples in each space that a metric is taken in.
        metrics : sequence of str
            Metrics of the catalogue.
        seed : int
            Seed of the subsets that metrics take.
        both : bool
            Whether replicate g misses group g of the samples too. The jackknife then knows the chance of the held-out
            rows and of the samples together.

        Returns
        -------
        dict
            A list of `N_GROUPS` values by metric. A metric that cannot be taken of so few rows is left out.
        """
        n, m = len(self._references["rows"].real), len(rows["rows"])
        if min(n, m) < 2 * N_GROUPS:
            return {}
        found = {}
        if _FRECHET in metrics:
            found[_FRECHET] = self._frechet(rows["features"], both)
        others = [name for name in metrics if name != _FRECHET]
        values: dict[str, list[float]] = {name: [] for name in others}
        for kept, kept_rows in self._kept(n, m, both) if others else ():
            drawn = {space: each.take(kept_rows) for space, each in rows.items()}
            samples = {space: self._samples(space, kept, each, others, seed) for space, each in drawn.items()}
            for name in others:
                values[name].append(_value(name, samples[METRICS[name].space]))
        share = min(1.0, MOST_ROWS / min(n, m, MOST_TAKEN))
        for name, each in values.items():
            if np.all(np.isfinite(each)):
                found[name] = _shrunk(each, 1.0 if name in OF_SUBSETS else share)
        return found

    def _samples(self, space: str, kept: Array, rows: Rows, metrics: Sequence[str], seed: int) -> Samples:
        reference = self._references[space]
        needs_train = any(METRICS[name].needs_train and METRICS[name].space == space for name in metrics)
        train = reference.train if needs_train else None
        return Samples(Reference(reference.real.take(kept), train, self._seed), rows, seed)

    def _frechet(self, rows: Rows, both: bool) -> list[float]:
        if self._parts is None:
            self._parts = _moments_by_group(self._references["features"].real, self._seed)
        without = [_merged(self._parts, group) for group in range(N_GROUPS)]
        if both:
            parts = _moments_by_group(rows, self._seed)
            moments = [_merged(parts, group) for group in range(N_GROUPS)]
        else:
            moments = [moments_of(rows)] * N_GROUPS
        return [frechet_distance(*pair) for pair in zip(without, moments, strict=True)]

    def _kept(self, n: int, m: int, both: bool) -> Iterator[tuple[Array, Array]]:
        """Yield which held-out rows and which samples each replicate is taken of, equally many."""
        groups, groups_of_samples = (_groups(min(n, m, MOST_ROWS), size, self._seed) for size in (n, m))
        for group in range(N_GROUPS):
            kept = np.delete(groups, group, axis=0).ravel()
            kept_rows = np.delete(groups_of_samples, group, axis=0) if both else groups_of_samples
            yield kept, kept_rows.ravel()[: len(kept)]


def _groups(size: int, n: int, seed: int) -> Array:
    """Return indices of ``size`` of n rows, but for a remainder, in groups of equal size: (N_GROUPS, n_rows)."""
    order = np.random.default_rng([seed, 5]).permutation(n)
    return order[: size // N_GROUPS * N_GROUPS].reshape(N_GROUPS, -1)


def _moments_by_group(rows: Rows, seed: int) -> list[Moments]:
    order = np.random.default_rng([seed, 5]).permutation(len(rows))
    return [moments_of(rows.take(group)) for group in np.array_split(order, N_GROUPS)]


def _merged(parts: Sequence[Moments], without: int) -> Moments:
    return reduce(Moments.merge, (part for group, part in enumerate(parts) if group != without), Moments())


def _value(name: str, samples: Samples) -> float:
    try:
        return METRICS[name].compute(samples)
    except (VicinalError, np.linalg.LinAlgError):
        return float("nan")


def _shrunk(values: Sequence[float], share: float) -> list[float]:
    """Return the values with deviations from their mean as if ``share`` of the variance were left."""
    mean = np.mean(values)
    return [float(each) for each in mean + np.sqrt(share) * (np.asarray(values) - mean)]
