"""Quality and novelty of samples in dask arrays: what can be summed takes all rows, the rest takes evenly spaced ones.

=============================  ===================================================================================
all rows                       ``frechet_distance`` and ``variance_ratio``, from moments that are merged in a tree
some samples, all training     ``nn_ratio`` and its quantiles, ``copied``, ``novelty_p``: the nearest training rows are
rows                           looked for on the workers, chunk by chunk
some rows of every set         every other metric, by `vicinal.evaluate`
=============================  ===================================================================================
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from dask import array, delayed
from dask.delayed import Delayed

import vicinal
from vicinal import _arrays, _validation, neighbors
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.evaluation import METRICS, Scores
from vicinal.evaluation.notes import BOOTSTRAP, REAL
from vicinal.evaluation.scores import check_baseline
from vicinal.metrics import Moments, distances, ranks
from vicinal.metrics.moments import moments_of
from vicinal.samplers.on_dask.tree import computed, persisted, reduced

_EXACT = ("frechet_distance", "variance_ratio", "copied", "novelty_p")  # and all whose name begins with nn_ratio


def evaluate(
    real: Any,
    generated: Any,
    *,
    train: Any = None,
    features: Callable[[Array], Any] | None = None,
    metrics: Sequence[str] | None = None,
    max_samples: int = 20_000,
    random_state: int = 0,
) -> Scores:
    """Score samples in dask arrays against held-out real data, on the workers.

    Parameters
    ----------
    real : dask array or array_like of shape (n, *shape)
        Held-out data: latents, features, or images. Not the data that the generator was trained on.
    generated : dask array or array_like of shape (m, *shape), or mapping of str to such
        Samples, of one source or of several by name.
    train : dask array or array_like of shape (k, *shape), optional
        The data that the generator was trained on. Without them there is no novelty column.
    features : callable, optional
        Maps images (n, *shape) to features (n, f). It travels once to each worker. Everything, novelty too, is then
        measured between features.
    metrics : sequence of str, optional
        Names in `vicinal.evaluation.METRICS`, as for `vicinal.evaluate`.
    max_samples : int
        The most rows of each set that metrics take which cannot be summed: rows that are evenly spaced.
    random_state : int
        Seed of subsets and of bootstrap copies.

    Returns
    -------
    Scores
        As of `vicinal.evaluate`. ``n`` of a row is the number of all rows. The notes say which metrics took how many.
        Up to ``max_samples`` rows, the metrics of samples are those of `vicinal.evaluate`. In the reference rows, the
        Frechet distance and the variance ratio take all training rows, and copies of each chunk.

    Raises
    ------
    InvalidInputError, InvalidTypeError, ClusterError
        As `vicinal.evaluate` and `vicinal.integrations.dask.fit`. For values that are not finite, with the chunk.

    Examples
    --------
    >>> rows = [array.from_array(each, chunks=200) for each in np.random.default_rng(0).normal(size=(3, 500, 4))]
    >>> scores = evaluate(rows[0], {"good": rows[1], "copies": rows[2]}, train=rows[2])
    >>> scores["good"]["frechet_distance"] < 0.1, scores["copies"]["nn_ratio"]
    (True, 0.0)
    """
    most = _validation.check_integer(max_samples, "max_samples", minimum=100)
    named = dict(generated) if isinstance(generated, Mapping) else {"generated": generated}
    check_baseline(None, list(named))
    given = {"real": real} | ({} if train is None else {"train": train})
    given |= {f"generated {name!r}": each for name, each in named.items()}
    sets = {name: _Set.of(each, name, features, most) for name, each in given.items()}
    held_out, trained = sets["real"], sets.get("train")
    some = {name: sets[f"generated {name!r}"].some for name in named}
    scores = vicinal.evaluate(
        held_out.some,
        some,
        train=None if trained is None else trained.some,
        metrics=metrics,
        random_state=random_state,
    )
    rows = {name: sets[f"generated {name!r}"] for name in named}
    if trained is not None:
        rows |= {REAL: trained, BOOTSTRAP: trained.copies(random_state)}
    scaling = None if trained is None else neighbors.Scaling.of(trained.some)
    fresh = None if trained is None or scaling is None else trained.distances_of(held_out.some, scaling)
    for row in scores.rows:
        of = rows[row["name"]]
        all_rows = _OfAll(held_out.moments, of.moments, _distances(row["name"], of, trained, scaling, fresh))
        row["n"] = of.n_rows
        for name in _exact(row):
            metric = METRICS[name]
            row[name] = metric.compute(all_rows)  # type: ignore[arg-type]
            if metric.error is not None:
                row[f"{name}_se"] = metric.error(all_rows)  # type: ignore[arg-type]
    scores.notes.extend(_notes(sets, most))
    return scores


class _OfAll(NamedTuple):
    """What `vicinal.evaluation.samples.Samples` is for some rows, for all rows."""

    real: Moments
    rows: Moments
    found: tuple[Array, Array] | None

    @property
    def frechet_distance(self) -> float:
        return distances.distance_of(self.real, self.rows, None)

    @property
    def variance_ratio(self) -> float:
        of_rows, of_real = (float(np.trace(each.covariance)) * (1 - 1 / _size(each)) for each in (self.rows, self.real))
        return distances.ratio_of(of_rows, of_real)

    @property
    def distances(self) -> tuple[Array, Array]:
        if self.found is None:
            raise InvalidInputError("novelty needs the training data: pass train=, or leave novelty out of metrics")
        return self.found

    @property
    def copied(self) -> ranks.Estimate:
        return ranks.Estimate(*neighbors.copied(*self.distances))


class _Set(NamedTuple):
    """Rows in chunks (n_i, d) on the workers, their moments, and some rows, evenly spaced."""

    chunks: list[Delayed]
    moments: Moments
    some: Array

    @classmethod
    def of(cls, given: Any, name: str, features: Callable[[Array], Any] | None, most: int) -> _Set:
        """Return a set of what is given."""
        if not isinstance(given, array.Array):
            if not hasattr(given, "shape") and not isinstance(given, list | tuple):
                raise InvalidTypeError(f"{name} must be a dask array or an array; got {type(given).__name__}")
            given = array.from_array(_validation.check_array(given, name), chunks="auto")
        if given.ndim < 2:
            raise InvalidInputError(f"{name} must have rows, in two or more dimensions; got shape {given.shape}")
        whole = given.rechunk(dict.fromkeys(range(1, given.ndim), -1)).to_delayed().ravel()
        flat = delayed(partial(_flat, name, features), pure=False)
        chunks = persisted([flat(i, chunk) for i, chunk in enumerate(whole)])
        moments: Moments | None = reduced(_moments, _merged, chunks)
        if moments is None or _size(moments) < 2:
            raise InvalidInputError(f"{name} must have at least 2 rows; got {0 if moments is None else 1}")
        lengths: list[int] = computed(delayed(list)([delayed(len)(chunk) for chunk in chunks]))
        n, ends = sum(lengths), np.cumsum([0, *lengths])
        chosen = np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))
        parts = [
            delayed(_take)(chunk, chosen[(chosen >= first) & (chosen < last)] - first)
            for chunk, first, last in zip(chunks, ends[:-1], ends[1:], strict=True)
        ]
        return cls(chunks, moments, np.concatenate(computed(delayed(list)(parts))))

    @property
    def n_rows(self) -> int:
        return _size(self.moments)

    def copies(self, seed: int) -> _Set:
        """Return copies: each chunk of as many rows, drawn from it with replacement."""
        drawn = reduced(partial(_moments_of_copies, seed), _merged, self.chunks)
        return self._replace(moments=drawn)

    def distances_of(self, queries: Array, scaling: neighbors.Scaling) -> Array:
        """Return the scaled distance of each query (m, d) from the nearest of all rows, (m,)."""
        found: Array = reduced(partial(_nearest, queries, scaling), np.minimum, self.chunks)
        return found


def _flat(name: str, features: Callable[[Array], Any] | None, i: int, chunk: Any) -> Array:
    """Return a chunk as rows (n, d) of floats, or their features."""
    rows = _arrays.to_numpy(chunk)
    if features is not None and len(rows):
        rows = _arrays.to_numpy(features(rows))
    rows = rows.reshape(len(rows), math.prod(rows.shape[1:]))
    rows = rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float32)
    _validation.check_finite(rows, f"chunk {i} of {name}")
    return rows


def _size(moments: Moments) -> int:
    return moments.n_samples or 0


def _moments(_i: int, rows: Array) -> Moments | None:
    return moments_of(rows) if len(rows) else None


def _merged(a: Moments, b: Moments) -> Moments:
    """Return the moments of both; what workers hold stays as it is."""
    return copy.deepcopy(a).merge(b)


def _moments_of_copies(seed: int, i: int, rows: Array) -> Moments | None:
    if len(rows) == 0:
        return None
    return moments_of(rows[np.random.default_rng([seed, 3, i]).integers(len(rows), size=len(rows))])


def _nearest(queries: Array, scaling: neighbors.Scaling, _i: int, rows: Array) -> Array | None:
    return neighbors.nearest_rows(queries, rows, scaling)[0] if len(rows) else None


def _take(rows: Array, index: Array) -> Array:
    return rows[index]


def _distances(
    name: str, of: _Set, trained: _Set | None, scaling: neighbors.Scaling | None, fresh: Array | None
) -> tuple[Array, Array] | None:
    """Return distances from the training data, of the rows of the table and of held-out rows."""
    if trained is None or scaling is None or fresh is None:
        return None
    if name == REAL:
        return fresh, fresh
    if name == BOOTSTRAP:
        return np.zeros(len(of.some)), fresh
    return trained.distances_of(of.some, scaling), fresh


def _exact(row: Mapping[str, Any]) -> list[str]:
    """Return the metrics of a row that take more rows here."""
    return [name for name in row if name in METRICS and (name in _EXACT or name.startswith("nn_ratio"))]


def _notes(sets: Mapping[str, _Set], most: int) -> list[str]:
    """Return what the metrics took."""
    n_rows = {name: each.n_rows for name, each in sets.items()}
    if max(n_rows.values()) <= most:
        return []
    sizes = ", ".join(f"{n:,} of {name}" for name, n in n_rows.items())
    return [
        f"The Frechet distance and the variance ratio take all rows: {sizes}. The nn ratio, copied and novelty p take "
        f"at most {most:,} samples and held-out rows, and all training rows. Every other metric takes at most {most:,} "
        "evenly spaced rows of each set, of the training data too."
    ]
