"""Every metric by the name it has in a table: its heading, which values are good, and how it is computed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from vicinal import neighbors
from vicinal.evaluation import by_class
from vicinal.evaluation.samples import Samples, between
from vicinal.metrics import discrepancy, distances, ranks, transport


def mean(values: Sequence[float]) -> float:
    """Return the mean of the values of several runs."""
    return float(np.mean(values))


class Metric(NamedTuple):
    """A column of a table.

    ``better`` says which values are good: "lower", "higher", or "reference" for those close to the value of real data.
    ``space`` says what the metric is taken between: "features", or "rows" as they are given. ``over_runs`` makes one
    value of those of several seeds. ``error`` gives the standard error of one value, where that is known.
    """

    heading: str
    better: Literal["lower", "higher", "reference"]
    space: Literal["features", "rows"]
    compute: Callable[[Samples], float]
    decimals: int | None = None
    needs_train: bool = False
    over_runs: Callable[[Sequence[float]], float] = mean
    error: Callable[[Samples], float] | None = None


def _between_all(metric: Callable[..., float]) -> Callable[[Samples], float]:
    """Return a metric that takes all rows."""
    unchecked = inspect.unwrap(metric)
    return lambda s: unchecked(s.reference.real.in_float64(), s.rows.in_float64(), random_state=s.seed)


def _estimated(
    heading: str,
    better: Literal["lower", "higher", "reference"],
    space: Literal["features", "rows"],
    estimate: Callable[[Samples], ranks.Estimate],
    needs_train: bool = False,
) -> Metric:
    """Return a metric that is estimated with its standard error."""
    return Metric(
        heading, better, space, lambda s: estimate(s).value, 3, needs_train, error=lambda s: estimate(s).error
    )


def _novelty(prefix: str, space: Literal["features", "rows"]) -> dict[str, Metric]:
    of = "features " if prefix else ""

    def quantile(level: float) -> Callable[[Samples], float]:
        return lambda samples: float(neighbors.quantile_ratios(*samples.distances, [level])[0])

    def smallest(p_values: Sequence[float]) -> float:
        """Combine p-values by Bonferroni's rule."""
        return min(1.0, len(p_values) * min(p_values))

    return {
        f"{prefix}nn_ratio": Metric(f"{of}nn ratio (1 = fresh)", "reference", space, quantile(0.5), 2, True),
        **{
            f"{prefix}nn_ratio_q{100 * level:.0f}": Metric(
                f"{of}nn ratio at {100 * level:.0f} %", "reference", space, quantile(level), 2, True
            )
            for level in neighbors.QUANTILES
            if level != 0.5
        },
        f"{prefix}copied": _estimated(f"{of}copied (0.01 = fresh)", "reference", space, lambda s: s.copied, True),
        f"{prefix}novelty_p": Metric(
            f"{of}novelty p (< {neighbors.LEVEL} too near)",
            "reference",
            space,
            lambda s: neighbors.novelty_p(*s.distances),
            3,
            True,
            smallest,
        ),
        f"{prefix}membership_auc": _estimated(
            f"{of}membership AUC (0.5 = fresh)", "reference", space, lambda s: s.membership[0], True
        ),
        f"{prefix}membership_tpr": _estimated(
            f"{of}membership TPR (0.01 = fresh)", "reference", space, lambda s: s.membership[1], True
        ),
        f"{prefix}authenticity": Metric(f"{of}AuthPct %", "reference", space, lambda s: s.authenticity, 1, True),
        f"{prefix}data_copying": Metric(
            f"{of}C_T (< -3 copies)", "reference", space, lambda s: s.data_copying, 1, True
        ),
    }


def _mean_over(samples: Samples, name: str) -> float:
    return mean(list(samples.within_classes[name].values()))


METRICS: dict[str, Metric] = {
    "frechet_distance": Metric("Frechet distance ↓", "lower", "features", lambda s: s.frechet_distance),
    "frechet_distance_infinity": Metric(
        "Frechet distance, n → ∞ ↓", "lower", "features", between(distances.frechet_distance_infinity)
    ),
    "kernel_distance": Metric("kernel distance ↓", "lower", "features", between(discrepancy.kernel_distance)),
    "precision": Metric("precision ↑", "higher", "features", lambda s: s.relations[0].precision, 3),
    "recall": Metric("recall ↑", "higher", "features", lambda s: s.relations[0].recall, 3),
    "density": Metric("density ↑", "higher", "features", lambda s: s.relations[1].density, 3),
    "coverage": Metric("coverage ↑", "higher", "features", lambda s: s.relations[1].coverage, 3),
    "mifid": Metric("Frechet / memorization ↓", "lower", "features", lambda s: s.mifid, needs_train=True),
    "vendi_score": Metric("Vendi score (as real)", "reference", "features", lambda s: s.vendi_score, 1),
    "wasserstein_distance": Metric("W2 ↓", "lower", "rows", lambda s: s.wasserstein_distance(2)),
    "wasserstein_1_distance": Metric("W1 ↓", "lower", "rows", lambda s: s.wasserstein_distance(1)),
    "sliced_wasserstein_distance": Metric(
        "sliced W2 ↓", "lower", "rows", _between_all(transport.sliced_wasserstein_distance)
    ),
    "sinkhorn_divergence": Metric("Sinkhorn ↓", "lower", "rows", between(transport.sinkhorn_divergence)),
    "mmd": Metric("MMD² ↓", "lower", "rows", between(discrepancy.mmd)),
    "c2st_auc": _estimated("C2ST AUC ↓", "lower", "rows", lambda s: s.c2st),
    "variance_ratio": Metric("variance (1 = real)", "reference", "rows", lambda s: s.variance_ratio, 2),
    **_novelty("", "rows"),
    **_novelty("feature_", "features"),
}
OF_CLASSES: dict[str, Metric] = {  # in a table if labels are given
    by_class.FRECHET: Metric(
        "Frechet distance within classes ↓", "lower", "features", lambda s: _mean_over(s, by_class.FRECHET)
    ),
    by_class.COVERAGE: Metric(
        "coverage within classes ↑", "higher", "features", lambda s: _mean_over(s, by_class.COVERAGE), 3
    ),
}
COLUMNS = METRICS | OF_CLASSES
DEFAULT_METRICS = (
    "frechet_distance",
    "precision",
    "recall",
    "wasserstein_distance",
    "variance_ratio",
    "nn_ratio",
    "copied",
    "novelty_p",
    "membership_auc",
    "authenticity",
    "data_copying",
)
