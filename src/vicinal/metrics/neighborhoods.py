"""Fidelity and diversity: whether either set lies within the balls that the other one spans.

Around each row lies a ball that just reaches its k-th nearest neighbour in the same set, the row itself not counted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vicinal import _progress, kernels
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError
from vicinal._validation import check_integer
from vicinal.kernels.tiles import tiled
from vicinal.metrics._inputs import checked
from vicinal.neighbors import FEW_DIMENSIONS, nth_distances

_ROWS, _VALUES = 2048, 1 << 22  # of a block: at most so many rows, and so many values
_EPSILON = float(np.finfo(np.float64).eps)


class PrecisionRecall(NamedTuple):
    """Share of generated rows within the real balls, and of real rows within the generated ones."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """Real balls around a generated row over k, on average, and share of real balls with a generated row."""

    density: float
    coverage: float


@checked()
def precision_recall(real: Any, generated: Any, *, n_neighbors: int = 5) -> PrecisionRecall:
    """Return precision (fidelity) and recall (diversity) by balls around nearest neighbours.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Features of real and of generated data; rows are flattened.
    n_neighbors : int
        k, less than n and m.

    Returns
    -------
    PrecisionRecall
        ``precision`` and ``recall``, in [0, 1]. Exchanging the sets exchanges the two.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For features that cannot be used, and for too few rows.

    Notes
    -----
    Both depend on n and m, since balls shrink as sets grow: compare values at equal n and m only. A single outlier
    among the real rows can spoil precision, among the generated ones recall; `density_coverage` mends that.
    Copies of the training data score as well as anything: read both beside a novelty.

    Rows whose distance agrees with a radius to within rounding count as outside; where clusters are a hundred thousand
    radii apart that is more than ties.

    Time O((n + m)^2 d), threaded; memory, beside the features in float64, about 0.5 GB, whatever n and m.

    References
    ----------
    T. Kynkaanniemi et al., "Improved precision and recall metric for assessing generative models", 2019,
    arXiv:1904.06991.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(2, 500, 2))
    >>> precision_recall(x, x + 100)
    PrecisionRecall(precision=0.0, recall=0.0)
    >>> precision, recall = precision_recall(x, 0.1 * y)  # all in the middle
    >>> precision > 0.99, recall < 0.2
    (True, True)
    """
    return relations(real, generated, n_neighbors, radii(real, n_neighbors, "real"))[0]


@checked()
def density_coverage(real: Any, generated: Any, *, n_neighbors: int = 5) -> DensityCoverage:
    """Return density (fidelity) and coverage (diversity), which outliers cannot spoil.

    Parameters
    ----------
    real, generated : array_like of shape (n, *shape) and (m, *shape)
        Features of real and of generated data; rows are flattened.
    n_neighbors : int
        k, less than n and m.

    Returns
    -------
    DensityCoverage
        ``density``, at least 0 and 1 in expectation for rows of the same distribution; ``coverage``, in [0, 1], in
        expectation ``1 - (n - 1) ... (n - k) / ((n + m - 1) ... (n + m - k))`` for rows of the same distribution.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For features that cannot be used, and for too few rows.

    Notes
    -----
    Density does not depend on m in expectation; coverage grows with m. Time and memory are those of `precision_recall`.

    References
    ----------
    M. F. Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020, arXiv:2002.09797.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(500, 2))
    >>> density_coverage(x, x)
    DensityCoverage(density=1.0, coverage=1.0)
    """
    return relations(real, generated, n_neighbors, radii(real, n_neighbors, "real"))[1]


class Inside(NamedTuple):
    """Real balls around each generated row, (m,), and which real rows are in a generated ball, or have a row in theirs.

    ``recalled`` and ``covered`` are booleans (n,).
    """

    around: Array
    recalled: Array
    covered: Array


def relations(
    real: Any, generated: Any, n_neighbors: int, real_radii: Array
) -> tuple[PrecisionRecall, DensityCoverage]:
    """Return both pairs, from one pass over the distances; ``real_radii`` is `radii` of real."""
    check_differ(real, real_radii)
    return shares(inside(real, generated, real_radii, radii(generated, n_neighbors, "generated")), n_neighbors)


def check_differ(real: Any, real_radii: Array) -> None:
    """Raise InvalidInputError if all rows are equal."""
    if not real_radii.any() and _are_equal(real):
        raise InvalidInputError("real must have rows that differ: all are equal, so their balls are empty")


def inside(real: Any, generated: Any, real_radii: Array, generated_radii: Array, centre: Array | None = None) -> Inside:
    """Return which rows are in the balls of the others; ``centre`` (d,) is near the rows, that of real without it."""
    count = _by_distances if real.shape[1] < FEW_DIMENSIONS else _by_products
    return count(real, generated, real_radii, generated_radii, centre_of(real) if centre is None else centre)


def centre_of(real: Any) -> Array:
    """Return the mean of the first rows, float64 (d,)."""
    centre: Array = real[: max(1, min(_ROWS, _VALUES // real.shape[1]))].mean(axis=0, dtype=np.float64)
    return centre


def shares(found: Inside, n_neighbors: int) -> tuple[PrecisionRecall, DensityCoverage]:
    """Return both pairs."""
    around, recalled, covered = found
    return (
        PrecisionRecall(float(np.mean(around > 0)), float(np.mean(recalled))),
        DensityCoverage(float(around.mean() / n_neighbors), float(np.mean(covered))),
    )


def _are_equal(rows: Any) -> bool:
    first = rows[:1]
    return all(bool((rows[i : i + _ROWS] == first).all()) for i in range(0, len(rows), _ROWS))


def radii(rows: Any, n_neighbors: int, name: str) -> Array:
    """Return, for rows (n, d), the distance from each to the k-th nearest other, (n,)."""
    check_enough(rows, n_neighbors, name)
    return nth_distances(rows, n_neighbors)


def check_enough(rows: Any, n_neighbors: int, name: str) -> None:
    """Raise InvalidInputError unless rows have so many neighbours."""
    n_neighbors = check_integer(n_neighbors, "n_neighbors", minimum=1)
    if len(rows) <= n_neighbors:
        raise InvalidInputError(
            f"{name} must have more than n_neighbors={n_neighbors} rows; got {len(rows)}: pass a smaller n_neighbors"
        )


def _by_distances(real: Any, generated: Any, real_radii: Array, generated_radii: Array, centre: Array) -> Inside:
    """Compare radii with distances."""
    real, generated = real[:] - centre, generated[:] - centre
    roundings, generated_roundings = _roundings(real), _roundings(generated)
    covered, around = kernels.select().inside(
        real, np.square(real_radii) - roundings, tiled(generated), generated_roundings
    )
    _, recalled = kernels.select().inside(
        generated, np.square(generated_radii) - generated_roundings, tiled(real), roundings
    )
    return Inside(around, recalled > 0, covered > 0)


def _by_products(real: Any, generated: Any, real_radii: Array, generated_radii: Array, centre: Array) -> Inside:
    """Compare radii with products of matrices, block by block."""
    n, m, d = len(real), len(generated), real.shape[1]
    size = max(1, min(_ROWS, _VALUES // d))
    found = Inside(np.zeros(m, np.int64), np.zeros(n, bool), np.zeros(n, bool))
    with _progress.bar("Comparing neighbourhoods", n) as progress:
        for first in range(0, n, size):
            a = slice(first, first + size)
            block = real[a] - centre
            for start in range(0, m, size):
                b = slice(start, start + size)
                within, reached = _within(block, generated[b] - centre, real_radii[a], generated_radii[b])
                found.around[b] += within.sum(axis=0)
                found.covered[a] |= within.any(axis=1)
                found.recalled[a] |= reached.any(axis=1)
            progress.advance(len(block))
    return found


def _within(real: Array, generated: Array, real_radii: Array, generated_radii: Array) -> tuple[Array, Array]:
    """Tell which generated rows are in which real balls, and which real rows in which generated balls, (n, m) each."""
    squares, generated_squares = np.einsum("ij,ij->i", real, real)[:, None], np.einsum("ij,ij->i", generated, generated)
    roundings, generated_roundings = _roundings(real)[:, None], _roundings(generated)
    distances = real @ generated.T
    distances *= -2.0
    distances += generated_squares
    distances += squares
    np.maximum(distances, 0.0, out=distances)
    return (
        distances + generated_roundings < np.square(real_radii)[:, None] - roundings,
        distances + roundings < np.square(generated_radii) - generated_roundings,
    )


def _roundings(rows: Array) -> Array:
    """Return the share of rows (n, d) in the rounding of |a|^2 - 2 a b + |b|^2, (n,)."""
    shares: Array = 2.0 * (rows.shape[1] + 8) * _EPSILON * np.einsum("ij,ij->i", rows, rows)
    return shares
