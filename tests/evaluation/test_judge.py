"""The judge: each array is checked when it is given, features are taken only when they are needed."""

import numpy as np
import pytest

from vicinal import metrics
from vicinal.evaluation import Judge


@pytest.fixture
def sets():
    """Return training rows, held-out rows and samples of one distribution."""
    return np.random.default_rng(0).normal(size=(3, 120, 4))


def test_numbers_are_those_of_the_public_metrics(sets):
    train, real, good = sets
    judge = Judge(
        (real, train), (real[:, :2], train[:, :2]), metrics=["frechet_distance", "feature_nn_ratio", "nn_ratio"]
    )
    assert judge.quality == ["frechet_distance"]
    found = judge.score(good, good[:, :2])
    assert found == {
        "n": 120,
        "frechet_distance": metrics.frechet_distance(real[:, :2], good[:, :2]),
        "nn_ratio": metrics.nn_ratio(real, good, train=train),
        "feature_nn_ratio": metrics.nn_ratio(real[:, :2], good[:, :2], train=train[:, :2]),
    }


def test_features_are_taken_only_if_a_metric_needs_them(sets):
    train, real, good = sets
    asked = []

    def of_train(index):
        asked.append(len(index))
        return train[index, :2]

    judge = Judge((real, train[:70]), (real[:, :2], of_train), metrics=["frechet_distance", "mmd"])
    rows_only = judge.score(good, lambda: pytest.fail("not needed"), metrics=["mmd"])
    assert set(rows_only) == {"n", "mmd"}
    assert asked == []
    assert set(judge.real_run(0)) == {"n", "frechet_distance", "mmd"}
    assert asked == [70]


def test_levels_count_as_values_from_0_to_1():
    real, fake = np.random.default_rng(0).integers(0, 256, size=(2, 40, 1, 3, 3), dtype=np.uint8)
    names = ["variance_ratio", "sliced_wasserstein_distance", "frechet_distance"]
    of_levels = Judge((real, None), metrics=names).score(fake)
    of_floats = Judge((real / np.float32(255), None), metrics=names).score(fake / np.float32(255))
    assert of_levels == of_floats


def test_what_is_wrong_is_named(sets):
    train, real, good = sets
    judge = Judge((real, train), (real[:, :2], train[:, :2]), metrics=["frechet_distance", "nn_ratio"])
    with pytest.raises(ValueError, match="mine must be finite; got NaN or inf, first in row 7"):
        judge.score(np.where(np.arange(120)[:, None] == 7, np.nan, good), good[:, :2], name="mine")
    with pytest.raises(
        ValueError, match="features of generated must have 2 values a row, like the held-out data; got 3"
    ):
        judge.score(good, good[:, :3])
    with pytest.raises(ValueError, match="train must have 4 values a row"):
        Judge((real, train[:, :3]), metrics=["nn_ratio"])
    with pytest.raises(ValueError, match="real must be at most 1e\\+45 in magnitude"):
        Judge((real * 1e46, train), metrics=["nn_ratio"])
    with pytest.raises(ValueError, match="novelty needs the training data"):
        Judge((real, None), metrics=["nn_ratio"]).score(good)
