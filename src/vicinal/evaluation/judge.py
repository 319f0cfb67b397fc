"""Features in, numbers out: sets of samples against one set of real data, metric by metric, seed by seed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np

from vicinal import _progress, neighbors
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, MissingExtraError, VicinalError
from vicinal.evaluation.by_class import Labels
from vicinal.evaluation.catalogue import COLUMNS, OF_CLASSES
from vicinal.evaluation.replicates import Replicates
from vicinal.evaluation.rows import Rows
from vicinal.evaluation.samples import Reference, Samples
from vicinal.metrics._inputs import check_sets
from vicinal.metrics.moments import Moments


class Judge:
    """Held-out and training data, as rows and as features, and the metrics taken against them.

    Every array is checked once, when it is given, and stays where it is: what a metric takes of it becomes float64.
    Arrays of uint8 are 8-bit levels and count as values in [0, 1].

    Parameters
    ----------
    rows : pair of ndarray, (n, *shape) and (k, *shape)
        Held-out and training data: latents, or images. The metrics of space "rows" are taken between them. The second
        may be None: then no metric that needs training data can be taken.
    features : pair of ndarray, (n, n_features) and (k, n_features), optional
        Features of the same data. The metrics of space "features" are taken between them. In place of the second, a
        function may give the features of the training data at some indices. None takes the rows as features.
    metrics : sequence of str
        Names in `vicinal.evaluation.METRICS`.
    random_state : int
        Seed of the subsets in run 0. Run i has the seed ``random_state + i``.
    max_searched : int, optional
        At most so many rows of a set are searched for their nearest neighbours. None searches for all.
    fresh : ndarray of shape (l, *shape), optional
        What stands for fresh data where novelty is measured between rows, such as reconstructions of held-out images.
        None takes the held-out data.
    novelty : {"rows", "features"}
        What ``nn_ratio`` and its like are measured between.
    labels : Labels, optional
        The classes of the held-out and the training data, for the metrics within classes.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For NaN, infinity or values above 1e45, and for sets whose rows differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> train, real, good = np.random.default_rng(0).normal(size=(3, 500, 4))
    >>> judge = Judge((real, train), metrics=["frechet_distance", "nn_ratio"])
    >>> judge.score(train)["nn_ratio"], judge.score(good)["n"]
    (0.0, 500)
    """

    def __init__(
        self,
        rows: tuple[Any, Any],
        features: tuple[Any, Any] | None = None,
        *,
        metrics: Sequence[str],
        random_state: int = 0,
        max_searched: int | None = None,
        fresh: Any = None,
        novelty: Literal["rows", "features"] = "rows",
        labels: Labels | None = None,
    ) -> None:
        self.metrics, self.random_state, self._novelty = list(metrics), random_state, novelty

        def reference(real: Any, train: Any, of: str = "", fresh: Any = None) -> Reference:
            real = _checked(real, f"{of}real", minimum=2)
            others = {f"{of}train": train, "fresh": fresh}
            train, fresh = (None if each is None else _checked(each, name, real) for name, each in others.items())
            return Reference(real, train, random_state, max_searched, fresh, labels)

        self._places_of_train = None if labels is None else labels.train

        self._rows = self._features = reference(*rows, fresh=fresh)
        self._features_of_train = None  # a function of indices
        if features is not None:
            real, train = features
            self._features_of_train = train if callable(train) else None
            self._features = reference(real, None if callable(train) else train, "features of ")

    @property
    def quality(self) -> list[str]:
        """The metrics that need no training data."""
        return [name for name in self.metrics if not COLUMNS[name].needs_train]

    @property
    def moments(self) -> Moments:
        """Mean and covariance of the features of the held-out data."""
        return self._features.moments

    @property
    def n_features(self) -> int:
        """Features of a row."""
        return int(self._features.real.shape[1])

    @property
    def novelty(self) -> str:
        """What novelty is measured between: "rows", or "features"."""
        return self._novelty

    @property
    def blur(self) -> tuple[float, float] | None:
        """The nn ratio of what stands for fresh data against held-out data, and its novelty test; None without it."""
        if not self._rows.has_fresh:
            return None
        of_real = neighbors.nearest_rows(self._rows.searched, self._rows.train, self._rows.scaling)[0]
        distances = self._rows.fresh_distances, of_real
        return neighbors.nn_ratio(*distances), neighbors.novelty_p(*distances)

    def score(
        self,
        rows: Any,
        features: Any = None,
        *,
        run: int = 0,
        metrics: Sequence[str] | None = None,
        name: str = "generated",
        places: Array | None = None,
    ) -> dict[str, Any]:
        """Return the metrics of one set of samples.

        Parameters
        ----------
        rows : ndarray of shape (m, *shape)
            The samples.
        features : ndarray of shape (m, n_features), or callable, optional
            Features of the same samples, or a function without arguments that gives them. It is called only if a
            metric is taken between features. Needed if the judge was given features.
        run : int
            Which run this is: it sets the seed of the subsets.
        metrics : sequence of str, optional
            The metrics to take; None takes all of the judge.
        name : str
            What to call the samples in messages.
        places : ndarray of shape (m,), optional
            Place of each sample's class among those of the labels. Without it there are no metrics within classes.

        Returns
        -------
        dict
            ``n``, the number of samples, and each metric by name, with ``<metric>_se`` where its standard error is
            known. A metric that cannot be taken is NaN, and ``why`` has the reason by its name. ``by_class`` has the
            metrics within each class.
        """
        names = [each for each in self.metrics if metrics is None or each in metrics]
        return self._measure(rows, features, run, names, name, places, minimum=2)

    def replicates(
        self, rows: Any, features: Any = None, *, metrics: Sequence[str], run: int = 0, both: bool = False
    ) -> dict[str, list[float]]:
        """Return metrics without one group of held-out rows each: see `vicinal.evaluation.replicates`.

        Parameters
        ----------
        rows, features, run
            As for `score`.
        metrics : sequence of str
            The metrics to take; none that compares distances from the training data.
        both : bool
            Whether the groups are left out of the samples too.
        """
        spaces = {space: samples.rows for space, samples in self._samples(rows, features, run, metrics).items()}
        return self._replicates.of(spaces, metrics, self.random_state + run, both=both)

    def real_run(self, run: int, n_samples: int | None = None) -> dict[str, Any]:
        """Return the quality of ``n_samples`` training data, drawn anew in each run, and the novelty of held-out data.

        ``n``, the number of training data, is less where there are not so many. None takes the number of held-out data.
        """
        generator = np.random.default_rng([self.random_state + run, 2])
        train = self._rows.train
        size = min(len(train), len(self._rows.real) if n_samples is None else n_samples)
        drawn = generator.choice(len(train), size, replace=False)
        features = lambda: self._drawn_features(drawn)  # noqa: E731
        found = self._measure(train.take(drawn), features, run, self.quality, "train", self._drawn_places(drawn))
        novelty = self._novelty_of_real
        why = found.get("why", {}) | novelty.get("why", {})
        return found | novelty | ({"why": why} if why else {})

    def copies_run(self, drawn: Array, run: int) -> dict[str, Any]:
        """Return all metrics of copies of the training data at some indices."""
        copies, places = self._rows.train.take(drawn), self._drawn_places(drawn)
        features = lambda: self._drawn_features(drawn)  # noqa: E731
        return self._measure(copies, features, run, self.metrics, "train", places, copied=drawn)

    def _drawn_places(self, drawn: Array) -> Array | None:
        return None if self._places_of_train is None else self._places_of_train[drawn]

    def _drawn_features(self, drawn: Array) -> Rows | Array:
        given = self._features_of_train
        found: Rows | Array = self._features.train.take(drawn) if given is None else given(drawn)
        return found

    def _measure(
        self,
        rows: Any,
        features: Any,
        run: int,
        names: Sequence[str],
        name: str,
        places: Array | None = None,
        minimum: int = 1,
        copied: Array | None = None,
    ) -> dict[str, Any]:
        """Return the metrics ``names`` of samples, as `score` does."""
        if places is None:
            names = [each for each in names if each not in OF_CLASSES]
        samples = self._samples(rows, features, run, names, name, minimum, places, copied)
        found = {"n": len(samples["rows"].rows)} | self._values(names, samples)
        if any(each in found and each not in found.get("why", {}) for each in OF_CLASSES):
            found["by_class"] = samples["features"].within_classes
        return found

    def _samples(
        self,
        rows: Any,
        features: Any,
        run: int,
        names: Sequence[str],
        name: str = "generated",
        minimum: int = 1,
        places: Array | None = None,
        copied: Array | None = None,
    ) -> dict[str, Samples]:
        """Return samples in the spaces that the metrics ``names`` are taken in."""
        rows, seed = _checked(rows, name, self._rows.real, minimum), self.random_state + run
        samples = dict.fromkeys(("rows", "features"), Samples(self._rows, rows, seed, places, copied))
        if self._features is not self._rows and any(self._space(each) == "features" for each in names):
            found = features() if callable(features) else features
            found = _checked(found, f"features of {name}", self._features.real, minimum)
            samples["features"] = Samples(self._features, found, seed, places, copied)
        return samples

    def _values(self, names: Sequence[str], samples: dict[str, Samples]) -> dict[str, Any]:
        """Return metrics, their standard errors where they are known, and why those that are NaN are."""
        found: dict[str, Any] = {}
        why: dict[str, str] = {}
        if any(COLUMNS[name].needs_train for name in names):
            _ = self._rows.train  # raises without them
        with _progress.bar("Measuring", len(names)) as progress:
            for name in names:
                progress.set(note=name)
                found |= self._value(name, samples[self._space(name)], why)
                progress.advance()
        return found | ({"why": why} if why else {})

    def _value(self, name: str, of: Samples, why: dict[str, str]) -> dict[str, float]:
        """Return a metric, and its standard error where it is known; put down why it is NaN if it is."""
        found: dict[str, float] = {}
        try:
            found[name] = COLUMNS[name].compute(of)
            if (error := COLUMNS[name].error) is not None:
                found[f"{name}_se"] = error(of)
        except MissingExtraError:
            raise
        except (VicinalError, np.linalg.LinAlgError, ValueError, ArithmeticError, MemoryError) as failure:
            found[name], why[name] = float("nan"), str(failure) or type(failure).__name__
        if found[name] != found[name]:
            why.setdefault(name, _undefined(name))
        return found

    def _space(self, name: str) -> str:
        """Return what a metric is taken between."""
        return self._novelty if COLUMNS[name].needs_train and COLUMNS[name].space == "rows" else COLUMNS[name].space

    @cached_property
    def _replicates(self) -> Replicates:
        return Replicates({"rows": self._rows, "features": self._features}, self.random_state)

    @cached_property
    def _novelty_of_real(self) -> dict[str, Any]:
        spaces = {"rows": self._rows, "features": self._features}
        samples = {space: Samples(each, each.searched, self.random_state) for space, each in spaces.items()}
        return self._values([name for name in self.metrics if COLUMNS[name].needs_train], samples)


def _undefined(name: str) -> str:
    """Return why a metric is NaN where nothing failed."""
    if "nn_ratio" in name:
        return "so many held-out rows are training rows that their own distance is 0"
    if "data_copying" in name:
        return "no cell that holds held-out rows has enough samples"
    if name == "variance_ratio":
        return "the held-out rows are all alike"
    return "it is not defined for these rows"


def _checked(given: Any, name: str, like: Rows | None = None, minimum: int = 1) -> Rows:
    """Return an array as rows of levels or floats, with as many columns as ``like`` has."""
    if isinstance(given, Rows):
        return given  # of what was checked before
    if isinstance(given, np.ndarray) and given.dtype == np.uint8 and given.ndim > 1 and len(given) >= minimum:
        rows = Rows(given.reshape(len(given), -1))  # levels are always finite
    else:
        rows = Rows(*check_sets(minimum=minimum, as_given=True, **{name: given}))
    if like is not None and rows.shape[1] != like.shape[1]:
        raise InvalidInputError(
            f"{name} must have {like.shape[1]} values a row, like the held-out data; got {rows.shape[1]}"
        )
    return rows
