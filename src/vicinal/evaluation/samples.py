"""Sets of samples and the real data that they are compared with: what several metrics need is computed once.

What depends on the real and the training data alone is in `Reference`, what depends on one set of samples in `Samples`.
Rows stay where they are: `vicinal.evaluation.rows`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from vicinal import neighbors
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.evaluation import by_class
from vicinal.evaluation.rows import Rows
from vicinal.metrics import (
    classifiers,
    data_copying,
    distances,
    diversity,
    membership,
    memorization,
    neighborhoods,
    novelty,
    ranks,
    transport,
)
from vicinal.metrics._inputs import drawn
from vicinal.metrics.moments import Moments


class Reference:
    """Held-out and training data in one space, (n, d) and (k, d): left where they are until a metric takes some.

    ``max_searched`` is the most rows, drawn from the held-out ones and the first of each set of samples, whose
    neighbours are looked for. ``fresh`` stands for held-out rows where distances from the training data are compared.
    """

    def __init__(
        self,
        real: Array | Rows,
        train: Array | Rows | None,
        random_state: int,
        max_searched: int | None = None,
        fresh: Array | Rows | None = None,
        labels: by_class.Labels | None = None,
    ) -> None:
        self._labels = labels
        self.real, self.random_state, self.max_searched = Rows.of(real), random_state, max_searched
        self._train, self._fresh = (None if each is None else Rows.of(each) for each in (train, fresh))

    @cached_property
    def searched(self) -> Rows:
        """The held-out rows whose neighbours are looked for."""
        if self.max_searched is None or self.max_searched >= len(self.real):
            return self.real
        chosen = np.random.default_rng([self.random_state, 4]).permutation(len(self.real))[: self.max_searched]
        return self.real.take(np.sort(chosen))

    @property
    def has_fresh(self) -> bool:
        """Whether other rows than the held-out ones stand for fresh data."""
        return self._fresh is not None

    @property
    def fresh(self) -> Rows:
        """The rows whose distance from the training data is that of fresh data."""
        return self.searched if self._fresh is None else self._fresh.at_most(self.max_searched)

    @property
    def train(self) -> Rows:
        """The training data; without them, InvalidInputError."""
        if self._train is None:
            raise InvalidInputError("novelty needs the training data: pass train=, or leave novelty out of metrics")
        return self._train

    @cached_property
    def variance(self) -> float:
        """Total variance of the held-out data."""
        return self.real.total_variance()

    @cached_property
    def moments(self) -> Moments:
        """Mean and covariance of the held-out data."""
        return self.real.moments()

    @cached_property
    def moments_of_train(self) -> Moments:
        """Mean and covariance of the training data."""
        return self.train.moments()

    @cached_property
    def classes(self) -> by_class.Classes:
        """The held-out data of each class."""
        if self._labels is None:
            raise InvalidInputError("metrics within classes need labels: pass real_labels= and generated_labels=")
        return by_class.Classes(self.real, self._labels.real, self._labels.classes)

    @cached_property
    def attacked(self) -> tuple[Rows, Rows]:
        """Equally many training and held-out rows, which the samples may give away."""
        members, others = drawn(None, self.random_state, len(self.train), len(self.searched))
        return self.train.take(members), self.searched.take(others)

    @cached_property
    def radii(self) -> Array:
        """Balls around the held-out rows, (n,)."""
        return _radii(self.searched, "real")

    @cached_property
    def scaling(self) -> neighbors.Scaling:
        """The spread of each dimension over the training data."""
        return neighbors.Scaling.of(self.train)

    @cached_property
    def fresh_distances(self) -> Array:
        """Distance of each fresh row from the training data, scaled, (n,)."""
        return self.fresh.nearest_in(self.train, self.scaling)[0]

    @cached_property
    def fresh_nearest(self) -> tuple[Array, Array]:
        """Distance and index of the nearest training row of each fresh row."""
        return self.fresh.nearest_in(self.train)

    @cached_property
    def _spacing(self) -> Array:
        return np.full(len(self.train), np.nan)  # where nobody asked yet

    def spacing(self, index: Array) -> Array:
        """Return the distance of training rows, given by their indices, from the nearest other one."""
        unknown = np.unique(index[np.isnan(self._spacing[index])])
        if len(unknown):
            self._spacing[unknown] = self.train.nearest_others(unknown)
        return self._spacing[index]

    @cached_property
    def partition(self) -> tuple[Any, Array]:
        """K-means of the training data, and the cell of each fresh row."""
        partition = data_copying.partitioned(self.train, len(self.fresh), None, self.random_state)
        return partition, self.fresh.cells(partition)


class Samples:
    """One set of samples, (m, d), and the seed of the subsets that metrics take.

    If ``rows`` are the held-out rows that the reference searches, the novelty is that of fresh data: no row is compared
    with itself. ``copied`` are the indices of the training rows that the samples are copies of: then their nearest
    training rows are known. ``places`` says which class each row is of: see `vicinal.evaluation.by_class`.
    """

    def __init__(
        self,
        reference: Reference,
        rows: Array | Rows,
        seed: int,
        places: Array | None = None,
        copied: Array | None = None,
    ) -> None:
        self.reference, self.rows, self.seed, self._places = reference, Rows.of(rows), seed, places
        self._copied, self._are_held_out = copied, self.rows is reference.searched

    @property
    def searched(self) -> Rows:
        """The samples whose neighbours are looked for."""
        return self.rows.at_most(self.reference.max_searched)

    @cached_property
    def frechet_distance(self) -> float:
        """See `vicinal.metrics.frechet_distance`."""
        return distances.distance_of(self.reference.moments, self.rows.moments(), self._squares)

    @cached_property
    def _squares(self) -> Array | None:
        """Squared distances between held-out rows and samples that are fewer than the dimensions; or None."""
        sets = self.reference.real, self.rows
        if max(map(len, sets)) > min(transport.MAX_SAMPLES, self.rows.shape[1]):
            return None
        return transport.squared_distances(*(each.in_float64() for each in sets))

    def wasserstein_distance(self, p: int) -> float:
        """See `vicinal.metrics.wasserstein_distance`."""
        if self._squares is None:
            found: float = between(transport.wasserstein_distance, p=p)(self)
            return found
        real, generated = drawn(None, self.seed, len(self.reference.real), len(self.rows))
        return transport.assigned(self._squares[np.ix_(real, generated)], p)

    @property
    def mifid(self) -> float:
        """See `vicinal.metrics.mifid`; of held-out rows, with their Frechet distance to the training data."""
        distance = self.frechet_distance
        if self._are_held_out:
            distance = distances.frechet_distance(self.reference.moments_of_train, self.reference.moments)
        rows = (each.in_float64() for each in (self.searched, self.reference.train))
        return memorization.penalised(distance, memorization.memorization_distance(*rows))

    @property
    def vendi_score(self) -> float:
        """See `vicinal.metrics.vendi_score`."""
        return inspect.unwrap(diversity.vendi_score)(self.rows.in_float64())

    @cached_property
    def c2st(self) -> ranks.Estimate:
        """See `vicinal.metrics.c2st_auc`."""
        estimate: ranks.Estimate = between(classifiers.c2st_auc)(self)
        return estimate

    @property
    def variance_ratio(self) -> float:
        """See `vicinal.metrics.variance_ratio`."""
        return distances.ratio_of(self.rows.total_variance(), self.reference.variance)

    @cached_property
    def relations(self) -> tuple[neighborhoods.PrecisionRecall, neighborhoods.DensityCoverage]:
        """Precision, recall, density and coverage."""
        real, radii = self.reference.searched, self.reference.radii
        neighborhoods.check_differ(real, radii)
        found = real.inside(self.searched, radii, _radii(self.searched, "generated"))
        return neighborhoods.shares(found, by_class.N_NEIGHBORS)

    @cached_property
    def within_classes(self) -> dict[str, dict[str, float]]:
        """Metrics within each class, by their names and those of the classes."""
        if self._places is None:
            raise InvalidInputError("metrics within classes need the labels of these rows")
        return self.reference.classes.compare(self.rows, self._places)

    @cached_property
    def nearest(self) -> tuple[Array, Array]:
        """Distance and index of the nearest training row of each sample."""
        if self._copied is not None:
            index = self._copied[: len(self.searched)]
            return np.zeros(len(index)), index
        if self.searched is self.reference.fresh:
            return self.reference.fresh_nearest
        return self.searched.nearest_in(self.reference.train)

    @cached_property
    def distances(self) -> tuple[Array, Array]:
        """Scaled distances from the training data: of the samples, (m,), and of the held-out rows, (n,)."""
        reference = self.reference
        fresh = reference.fresh_distances
        if self._copied is not None:
            return np.zeros(len(self.searched)), fresh
        if self.searched is reference.fresh:
            return fresh, fresh
        return self.searched.nearest_in(reference.train, reference.scaling)[0], fresh

    @cached_property
    def copied(self) -> ranks.Estimate:
        """See `vicinal.metrics.copied`."""
        return ranks.Estimate(*neighbors.copied(*self.distances))

    @cached_property
    def membership(self) -> tuple[ranks.Estimate, ranks.Estimate]:
        """See `vicinal.metrics.membership_auc` and `vicinal.metrics.membership_tpr`."""
        scaling, (members, others) = self.reference.scaling, self.reference.attacked
        of_members = members.nearest_in(self.rows, scaling)[0]
        if self._are_held_out:
            return membership.rates(of_members, self.rows.nth_distances(1, scaling))
        return membership.rates(of_members, others.nearest_in(self.rows, scaling)[0])

    @property
    def authenticity(self) -> float:
        """See `vicinal.metrics.authenticity`."""
        return novelty.authentic_percentage(len(self.reference.train), *self.nearest, self.reference.spacing)

    @property
    def data_copying(self) -> float:
        """See `vicinal.metrics.data_copying_test`."""
        partition, real_cells = self.reference.partition
        cells = self.searched.cells(partition)
        return data_copying.statistic(self.reference.fresh_nearest[0], self.nearest[0], real_cells, cells)


def between(metric: Callable[..., Any], **options: Any) -> Callable[[Samples], Any]:
    """Return a metric that takes some of the rows, which become float64 then."""
    unchecked = inspect.unwrap(metric)
    return lambda samples: unchecked(samples.reference.real, samples.rows, random_state=samples.seed, **options)


def _radii(rows: Rows, name: str) -> Array:
    neighborhoods.check_enough(rows, by_class.N_NEIGHBORS, name)
    return rows.nth_distances(by_class.N_NEIGHBORS)
