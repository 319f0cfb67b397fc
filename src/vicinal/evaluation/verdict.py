"""What a table says, as one sentence: which samples are best among those that are new, or why none is called so.

Samples that fail the novelty test are never called good: copies of the training data would have the best quality. Nor
is there a verdict where the autoencoder has learned next to nothing: the distances then compare its failures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vicinal import neighbors
from vicinal.evaluation.notes import RECONSTRUCTIONS
from vicinal.evaluation.texts import gain_of, gain_words, text_of

if TYPE_CHECKING:
    from vicinal.evaluation.scores import Scores

COPIES, TOO_NEAR = "copies", "too near"
HARDLY_BETTER = 0.9  # share of the mean image's error: above it an autoencoder has learned next to nothing
_NO_RECALL = 0.005  # rounds to 0.00
_MOST_OF_COPIES = 0.05  # nn ratio: half of the samples are all but training data
_GIVES_AWAY = 0.55  # membership AUC: above it the samples tell who was in the training data
_QUALITY, _TEST = "frechet_distance", "novelty_p"


class Verdict(NamedTuple):
    """A sentence, and the best row; None where there is no verdict, which the sentence then explains."""

    text: str
    best: str | None = None


def verdict(scores: Scores) -> Verdict:
    """Return which samples of a table are best among those that are new.

    Examples
    --------
    >>> from vicinal.evaluation import Scores
    >>> row = {"reference": False, "n": 100, "nn_ratio": 1.0, "novelty_p": 0.6}
    >>> copies = {**row, "name": "b", "frechet_distance": 1.0, "novelty_p": 0.0}
    >>> verdict(Scores([{**row, "name": "a", "frechet_distance": 2.0}, copies])).best
    'a'
    """
    rows = [row for row in scores.rows if not row["reference"] and _finite(row, _QUALITY) is not None]
    reason = doubt(scores.rows)
    if reason is None and not rows:
        reason = "no Frechet distance was measured"
    if reason is None and not any(_finite(row, _TEST) is not None for row in rows):
        reason = "the novelty of the samples was not tested, and copies of the training data would look best"
    new = sorted((row for row in rows if mark(row) == "" and _TEST in row), key=lambda row: row[_QUALITY])
    if reason is None and not new:
        reason = "every set of samples is too near to the training data, so a low distance is no merit"
    if reason is not None:
        return Verdict(f"No verdict: {reason}.")
    best = new[0]["name"]
    return Verdict(f"{_quality(scores, new)}; it is {_novelty(new[0])}.", best)


def doubt(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return why the autoencoder makes a verdict worthless, if it does; the row of its reconstructions shows it."""
    row = next((row for row in rows if row["name"] == RECONSTRUCTIONS), {})
    error, of_mean = (row.get(f"{name}_squared_error") for name in ("held_out_mean", "mean_image"))
    if error is not None and of_mean is not None and error > HARDLY_BETTER * of_mean > 0:
        return (
            f"the autoencoder reconstructs {'hardly' if error < of_mean else 'no'} better than the mean image (squared "
            f"error of a held-out pixel {error:.4f}, of the mean image {of_mean:.4f}): train it longer, or with a "
            "lower learning rate"
        )
    recall = _finite(row, "recall")
    if recall is not None and recall < _NO_RECALL:
        return (
            "the reconstructions have no recall: held-out images do not look like decoded ones, so distances show what "
            "the autoencoder loses rather than what a sampler does"
        )
    return None


def mark(row: Mapping[str, Any]) -> str:
    """Return what is to be said of the novelty of a row: "copies", "too near", or nothing."""
    ratio, p = _finite(row, "nn_ratio"), _finite(row, _TEST)
    if ratio is not None and ratio < _MOST_OF_COPIES:
        return COPIES
    return TOO_NEAR if p is not None and p < neighbors.LEVEL else ""


def _quality(scores: Scores, new: list[dict[str, Any]]) -> str:
    """Return how the best row compares with the next one."""
    name = scores.heading(_QUALITY).rstrip(" ↓")
    best, value = new[0]["name"], text_of(new[0], _QUALITY)
    if len(new) == 1:
        return f"{best} is the only set of samples that is new: its {name} is {value}"
    other = new[1]["name"]
    gain = gain_of(next(row for row in scores.versus(other) if row["name"] == best), _QUALITY)
    found = f"{best} has the lowest {name} of the {len(new)} sets of samples that are new, {value}"
    if gain.low is None:
        return f"{found}, next to {text_of(new[1], _QUALITY)} of {other}, maybe by chance: one run has no interval"
    by = f"{gain_words(gain, 'lower', 'higher')} (95 % interval)"
    return f"{found}, {'clearly' if gain.is_clear else 'but not clearly'}: {by} than {other}"


def _novelty(row: Mapping[str, Any]) -> str:
    """Return how new a row is that passes the novelty test."""
    ratio, auc = _finite(row, "nn_ratio"), _finite(row, "membership_auc")
    numbers = [] if ratio is None else [f"nn ratio {ratio:.2f}"]
    words = "as new as fresh data"
    if ratio is not None and not 0.9 <= ratio <= 1.1:
        words = "not too near to the training data" if ratio < 1 else "farther from the training data than fresh data"
    if auc is not None:
        numbers.append(f"membership AUC {auc:.2f}")
        if auc - 2 * (row.get("membership_auc_se") or 0.0) > _GIVES_AWAY:
            words += ", yet gives away who was in the training data"
    return f"{words} ({', '.join(numbers)})" if numbers else words


def _finite(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None or not np.isfinite(value) else float(value)
