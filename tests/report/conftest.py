"""A small page with everything on it, whose images tell which ones they are."""

import itertools

import numpy as np
import pytest

from vicinal.evaluation import BOOTSTRAP, REAL, Scores
from vicinal.report import Explorer

N_OF_SET, CLASSES = 10, ["cat", "dog"]


def make_scores(**changes):
    rows = [
        {"name": BOOTSTRAP, "reference": True, "frechet_distance": 0.5, "nn_ratio": 0.0, "novelty_p": 0.0},
        {"name": REAL, "reference": True, "frechet_distance": 0.8, "nn_ratio": 1.0, "novelty_p": 1.0},
        {"name": "good", "reference": False, "frechet_distance": 1.5, "nn_ratio": 1.02, "novelty_p": 0.4},
        {"name": "near", "reference": False, "frechet_distance": 0.7, "nn_ratio": 0.6, "novelty_p": 0.001},
        {"name": "bad", "reference": False, "frechet_distance": 99.5, "nn_ratio": 2.0, "novelty_p": 1.0},
        {"name": "lost", "reference": False},
    ]
    return Scores([{"n": 100, **row} for row in rows], ["A note."], **changes)


@pytest.fixture(scope="session")
def scores():
    return make_scores(baseline="good")


@pytest.fixture(scope="session")
def explorer():
    """Return three sets of ten samples; sample i has the grey level 2 i, its neighbour and that one's image others."""
    generator, n = np.random.default_rng(0), 3 * N_OF_SET
    sets = [
        {"sampler": name, "novelty": novelty, "numbers": {of: numbers(place, of) for of in ("", *classes)}}
        for place, (name, novelty, classes) in enumerate([("A", 0.5, CLASSES), ("A", 1.0, CLASSES), ("B", None, [])])
    ]
    nearest = np.arange(n)[::-1] // 2
    arrays = {
        "set": np.repeat(np.arange(3), N_OF_SET),
        "class": np.where(np.arange(n) < 2 * N_OF_SET, np.arange(n) % 2, -1),
        "ratio": np.arange(n) / 10,
        "images": level(2 * np.arange(n)),
        "nearest": nearest,
        "decoded": level(100 + np.arange(n // 2)),
        "originals": level(200 + np.arange(n // 2)),
        "train-class": np.arange(40) % 2,
        "pca-train": generator.normal(size=(40, 2)),
        "pca-samples": np.array(list(itertools.product(range(6), range(5)))) + generator.random((n, 2)) / 4,
    }
    return Explorer(sets, CLASSES, arrays)


def numbers(place, of):
    value = place + len(of) / 10
    return {"frechet_distance": 1 + value, "nn_ratio": 2 + value, "membership_auc": 3 + value}


def level(levels):
    return np.broadcast_to(levels.astype(np.uint8)[:, None, None, None], (len(levels), 1, 6, 6)).copy()
