"""Features in, numbers out: sets of samples against one set of real data, metric by metric, seed by seed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from vicinal import images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal.evaluation.catalogue import METRICS, Reference, Samples
from vicinal.metrics._inputs import check_sets


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

        def reference(real: Any, train: Any, of: str = "") -> Reference:
            real = _checked(real, f"{of}real", minimum=2)
            train = None if train is None else _checked(train, f"{of}train", real)
            return Reference(real, train, random_state, max_searched)

        self._rows = self._features = reference(*rows)
        self._features_of_train = None  # a function of indices
        if features is not None:
            real, train = features
            self._features_of_train = train if callable(train) else None
            self._features = reference(real, None if callable(train) else train, "features of ")

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
        return self._measure(rows, features, run, names, name, minimum=2)

    def real_run(self, run: int) -> dict[str, Any]:
        """Return the quality of training data, drawn anew in each run, and the novelty of held-out data."""
        generator = np.random.default_rng([self.random_state + run, 2])
        n_train, n_real = len(self._rows.train), len(self._rows.real)
        drawn = generator.choice(n_train, min(n_train, n_real), replace=False)
        given = self._features_of_train

        def of_features() -> Array:
            return self._features.train[drawn] if given is None else given(drawn)

        found = self._measure(self._rows.train[drawn], of_features, run, self.quality, "train")
        return found | self._novelty_of_real | {"n": n_real}

    def _measure(
        self, rows: Any, features: Any, run: int, names: Sequence[str], name: str, minimum: int = 1
    ) -> dict[str, Any]:
        """Return the metrics ``names`` of samples, as `score` does."""
        rows, seed = _checked(rows, name, self._rows.real, minimum), self.random_state + run
        samples = dict.fromkeys(("rows", "features"), Samples(self._rows, rows, seed))
        if self._features is not self._rows and any(METRICS[each].space == "features" for each in names):
            found = features() if callable(features) else features
            found = _checked(found, f"features of {name}", self._features.real, minimum)
            samples["features"] = Samples(self._features, found, seed)
        return {"n": len(rows)} | {each: METRICS[each].compute(samples[METRICS[each].space]) for each in names}

    @cached_property
    def _novelty_of_real(self) -> dict[str, Any]:
        spaces = {"rows": self._rows, "features": self._features}
        samples = {space: Samples(each, each.searched, self.random_state) for space, each in spaces.items()}
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
