"""Sets of samples against one set of real data: as rows and as features, metric by metric, seed by seed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from vicinal import _validation, images
from vicinal._errors import InvalidTypeError
from vicinal.evaluation import catalogue
from vicinal.evaluation.catalogue import METRICS
from vicinal.evaluation.scores import summary
from vicinal.metrics._inputs import check_sets
from vicinal.metrics.features import FeatureExtractor, ModuleFeatures

Array = np.ndarray[Any, Any]


class Judge:
    """Held-out and training data, as rows and as features, and the metrics taken against them.

    Parameters
    ----------
    rows : pair of arrays, (n, *shape) and (k, *shape)
        Held-out and training rows, between which latent fit and novelty are measured; the latter may be None.
    images : pair of arrays
        The same as images, whose features quality is measured between; the rows themselves if there is no decoder.
    features : callable, optional
        From images to features; None measures everything between rows.
    wanted : list of str
        Names in `METRICS`.
    seed : int
        Of the subsets of the first run; the next run has the next seed.
    max_searched : int, optional
        Rows of a set whose neighbours are looked for, at most; None takes all.
    """

    def __init__(
        self,
        rows: tuple[Any, Any],
        images: tuple[Any, Any],
        features: Any,
        wanted: Sequence[str],
        seed: int,
        max_searched: int | None = None,
    ) -> None:
        self.wanted, self.seed = wanted, seed
        (self._real, self._train), self._train_images, self._features = rows, images[1], features
        self._row_space = self._feature_space = _reference(*rows, seed, max_searched)
        if features is not None:
            needed = any(METRICS[name].space == "features" and METRICS[name].needs_train for name in wanted)
            train = features(images[1]) if needed else None
            self._feature_space = _reference(features(images[0]), train, seed, max_searched)

    def score(
        self, rows: Any, sources: Any, run: int, wanted: Sequence[str] | None = None, *, novelty: bool = True
    ) -> dict[str, Any]:
        """Return the metrics of one set of samples: rows (m, *shape), and the images whose features to take."""
        names = [name for name in self.wanted if wanted is None or name in wanted]
        names = [name for name in names if novelty or not METRICS[name].needs_train]
        spaces = {METRICS[name].space for name in names}
        samples = {}
        if "rows" in spaces or self._features is None:
            (flat,) = check_sets(generated=images.in_units(rows))
            samples["rows"] = catalogue.Samples(self._row_space, flat, self.seed + run)
        if self._features is None:
            samples["features"] = samples["rows"]
        elif "features" in spaces:
            (found,) = check_sets(features=self._features(sources))
            samples["features"] = catalogue.Samples(self._feature_space, found, self.seed + run)
        return {"n": len(rows)} | {name: METRICS[name].compute(samples[METRICS[name].space]) for name in names}

    def real_runs(self, n_seeds: int) -> list[dict[str, Any]]:
        """Return `real_run` of the first seeds."""
        return [self.real_run(i) for i in range(n_seeds)]

    def real_run(self, run: int) -> dict[str, Any]:
        """Return the quality of training rows, drawn anew for each run, and the novelty of held-out ones."""
        quality = [name for name in self.wanted if not METRICS[name].needs_train]
        generator = np.random.default_rng([self.seed + run, 2])
        n_train, n_real = len(self._train), len(self._real)
        others = generator.choice(n_train, min(n_train, n_real), replace=False)
        found = self.score(self._train[others], self._train_images[others], run, quality) if quality else {}
        return {**found, **self._novelty_of_real, "n": n_real}

    @cached_property
    def _novelty_of_real(self) -> dict[str, Any]:
        names = [name for name in self.wanted if METRICS[name].needs_train]
        samples = {
            "rows": catalogue.Samples(self._row_space, self._row_space.searched, self.seed),
            "features": catalogue.Samples(self._feature_space, self._feature_space.searched, self.seed),
        }
        return {name: METRICS[name].compute(samples[METRICS[name].space]) for name in names}


def _reference(real: Any, train: Any, seed: int, max_searched: int | None) -> catalogue.Reference:
    if train is None:
        return catalogue.Reference(check_sets(real=images.in_units(real))[0], None, seed, max_searched)
    real, train = check_sets(real=images.in_units(real), train=images.in_units(train))
    return catalogue.Reference(real, train, seed, max_searched)


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
