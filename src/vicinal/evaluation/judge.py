"""Features in, numbers out: sets of samples against one set of real data, metric by metric, seed by seed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from vicinal import _validation, images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.evaluation.catalogue import METRICS, Reference, Samples
from vicinal.evaluation.scores import summary
from vicinal.metrics._inputs import check_sets
from vicinal.metrics.features import FeatureExtractor, ModuleFeatures


class Judge:
    """Held-out and training data, as rows and as features, and the metrics taken against them.

    Every array is checked once, when it is given. Inside, all are float64 (n, d). Arrays of uint8 are 8-bit levels and
    count as values in [0, 1].

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
    ) -> None:
        self.metrics, self.random_state = list(metrics), random_state
        real, train = _checked(rows[0], "real", minimum=2), rows[1]
        train = None if train is None else _checked(train, "train", real)
        self._rows = self._features = Reference(real, train, random_state, max_searched)
        self._train_features: Any = train  # an array, or a function of indices
        if features is not None:
            real, train = _checked(features[0], "features of real", minimum=2), features[1]
            if train is not None and not callable(train):
                train = _checked(train, "features of train", real)
            self._train_features = train
            self._features = Reference(real, None if callable(train) else train, random_state, max_searched)

    @property
    def quality(self) -> list[str]:
        """The metrics that need no training data."""
        return [name for name in self.metrics if not METRICS[name].needs_train]

    def score(
        self,
        rows: Any,
        features: Any = None,
        *,
        run: int = 0,
        metrics: Sequence[str] | None = None,
        name: str = "generated",
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

        Returns
        -------
        dict
            ``n``, the number of samples, and each metric by name.
        """
        names = [each for each in self.metrics if metrics is None or each in metrics]

        def of_features() -> Array:
            found = features() if callable(features) else features
            return _checked(found, f"features of {name}", self._features.real, minimum=2)

        return self._measure(_checked(rows, name, self._rows.real, minimum=2), of_features, run, names)

    def real_runs(self, n_runs: int) -> list[dict[str, Any]]:
        """Return `real_run` of the first runs."""
        return [self.real_run(i) for i in range(n_runs)]

    def real_run(self, run: int) -> dict[str, Any]:
        """Return the quality of training data, drawn anew in each run, and the novelty of held-out data."""
        generator = np.random.default_rng([self.random_state + run, 2])
        n_train, n_real = len(self._rows.train), len(self._rows.real)
        drawn = generator.choice(n_train, min(n_train, n_real), replace=False)

        def of_features() -> Array:
            given = self._train_features
            return _checked(given(drawn), "features of train", self._features.real) if callable(given) else given[drawn]

        found = self._measure(self._rows.train[drawn], of_features, run, self.quality)
        return {**found, **self._novelty_of_real, "n": n_real}

    def _measure(self, rows: Array, of_features: Callable[[], Array], run: int, names: Sequence[str]) -> dict[str, Any]:
        """Return metrics of samples as float64 (m, d), and of their features, which are taken only if needed."""
        seed = self.random_state + run
        samples = {"rows": Samples(self._rows, rows, seed)}
        samples["features"] = samples["rows"]
        if self._features is not self._rows and any(METRICS[name].space == "features" for name in names):
            samples["features"] = Samples(self._features, of_features(), seed)
        return {"n": len(rows)} | {name: METRICS[name].compute(samples[METRICS[name].space]) for name in names}

    @cached_property
    def _novelty_of_real(self) -> dict[str, Any]:
        samples = {
            "rows": Samples(self._rows, self._rows.searched, self.random_state),
            "features": Samples(self._features, self._features.searched, self.random_state),
        }
        names = [name for name in self.metrics if METRICS[name].needs_train]
        return {name: METRICS[name].compute(samples[METRICS[name].space]) for name in names}


def _checked(array: Any, name: str, like: Array | None = None, minimum: int = 1) -> Array:
    """Return an array as float64 (n, d), with as many columns as ``like`` has."""
    if isinstance(array, np.ndarray) and array.dtype == np.uint8 and array.ndim > 1 and len(array) >= minimum:
        rows = images.in_units(array).reshape(len(array), -1).astype(np.float64)  # levels are always finite
    else:
        (rows,) = check_sets(minimum=minimum, **{name: array})
    if like is not None and rows.shape[1] != like.shape[1]:
        raise InvalidInputError(
            f"{name} must have {like.shape[1]} values a row, like the held-out data; got {rows.shape[1]}"
        )
    return rows


class Table:
    """The rows so far."""

    def __init__(self, on_row: Callable[[str], None] | None) -> None:
        self.rows: list[dict[str, Any]] = []
        self._done = on_row or (lambda _name: None)

    def add(self, name: str, runs: list[dict[str, Any]], reference: bool = False, **more: Any) -> None:
        """Add a row: what `Judge` found in each run, and more columns."""
        sizes = [run.pop("n") for run in runs]
        self.rows.append({"name": name, "reference": reference, "n": sizes[0], **summary(runs), **more})
        self._done(name)


def extractor_of(features: Any) -> Any:
    """Return a function from images to features that sees them in 8 bits, or None."""
    if features is None or isinstance(features, FeatureExtractor):
        return features
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(features, torch.nn.Module):
        return ModuleFeatures(features)
    if not callable(features):
        raise InvalidTypeError(
            f"features must be a FeatureExtractor, a torch.nn.Module or a callable; got {type(features).__name__}"
        )

    def of_levels(rows: Any) -> Any:
        rows = _validation.check_array(rows, "images")
        if rows.ndim >= 3:
            rows = images.in_units(images.to_levels(rows))
        return features(rows)

    return of_levels
