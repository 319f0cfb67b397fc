"""What the columns of a table mean, in one sentence each; headings and directions come from the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from vicinal import neighbors
from vicinal.evaluation import by_class
from vicinal.evaluation.by_class import N_NEIGHBORS
from vicinal.evaluation.catalogue import COLUMNS

DIRECTIONS = {
    "lower": "lower is better",
    "higher": "higher is better",
    "reference": "good where it is as for real data",
}
_OF_FEATURES = "feature_"
_COPIED = f"{neighbors.NEAREST:.0%}"

MEANINGS = {
    "n": "How many samples the row has.",
    "frechet_distance": "Distance between two normal distributions: one with the mean and covariance of the held-out "
    "features, one with those of the samples.",
    "frechet_to_reconstructions": "The same distance, to decoded held-out latents: it leaves out what the autoencoder "
    "loses.",
    "frechet_distance_infinity": "The Frechet distance that endlessly many samples would have.",
    "kernel_distance": "Squared distance of kernel means of features; unbiased, so it may be below 0.",
    "precision": f"Share of samples that are nearer to a held-out image than its {N_NEIGHBORS}th neighbour is.",
    "recall": f"Share of held-out images that are nearer to a sample than its {N_NEIGHBORS}th neighbour is.",
    "density": "How many neighbourhoods of held-out images hold a sample, over what real data would have.",
    "coverage": "Share of held-out images with a sample in their neighbourhood.",
    "mifid": "Frechet distance, made larger where samples are copies of training images.",
    "vendi_score": "How many different samples there are, counted by their similarity.",
    "wasserstein_distance": "What it costs to move the samples onto the held-out rows: root of the mean squared way.",
    "wasserstein_1_distance": "What it costs to move the samples onto the held-out rows: the mean way.",
    "sliced_wasserstein_distance": "The same as W2, on lines in random directions.",
    "sinkhorn_divergence": "W2 squared, with smoothed assignments.",
    "mmd": "Squared distance of kernel means of rows.",
    "c2st_auc": "How well a small network tells samples from held-out rows: 0.5 is not at all.",
    "variance_ratio": "Total variance of the samples, over that of the held-out rows.",
    "nn_ratio": "Median distance to the nearest training row, over that of held-out rows: copies have 0, fresh data 1.",
    **{
        f"nn_ratio_q{100 * level:.0f}": f"The nn ratio at the {level:.0%} quantile of the distances."
        for level in neighbors.QUANTILES
        if level != 0.5
    },
    "copied": f"Share of samples as near to training rows as the nearest {_COPIED} of held-out rows are.",
    "novelty_p": f"Test that no more samples are near the training rows than fresh data would be: below "
    f"{neighbors.LEVEL} they are too near.",
    "membership_auc": "How well nearness to a sample tells training rows from others: 0.5 is not at all, 1 is always.",
    "membership_tpr": "Share of training rows that it tells where 1 % of the others are taken for training rows.",
    "authenticity": "Share of samples that are farther from their nearest training row than that row is from its own "
    "nearest neighbour.",
    "data_copying": "Mean rank of the distances of samples among those of held-out rows, as a z-score: below -3 says "
    "copies.",
    by_class.FRECHET: "The Frechet distance between the rows of one class, averaged over the classes.",
    by_class.COVERAGE: "The coverage between the rows of one class, averaged over the classes.",
    "fit_seconds": "How long the fit took.",
    "sample_seconds": "How long it took to draw the samples, without decoding.",
}


class Entry(NamedTuple):
    """A column in words: its heading, which values are good, and what it measures."""

    heading: str
    direction: str
    meaning: str


def entries(columns: Sequence[tuple[str, str]]) -> list[Entry]:
    """Return columns, given as (name, heading), in words."""
    return [Entry(heading, direction_of(name), meaning_of(name)) for name, heading in columns]


def direction_of(name: str) -> str:
    """Return which values of a column are good."""
    if name == "frechet_to_reconstructions":
        return DIRECTIONS["lower"]
    return DIRECTIONS[COLUMNS[name].better] if name in COLUMNS else ""


def meaning_of(name: str) -> str:
    """Return what a column measures.

    Examples
    --------
    >>> meaning_of("feature_nn_ratio_q5")
    'Between features. The nn ratio at the 5% quantile of the distances.'
    """
    if name.startswith(_OF_FEATURES):
        return f"Between features. {MEANINGS[name.removeprefix(_OF_FEATURES)]}"
    return MEANINGS[name]
