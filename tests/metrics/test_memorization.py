"""The memorization-informed Frechet distance against its definition and torchmetrics."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from vicinal import metrics
from vicinal.metrics import memorization


def test_memorization_distance_by_brute_force(generator):
    generated, train = generator.normal(size=(40, 6)), generator.normal(size=(70, 6))
    cosines = 1 - cdist(generated, train, "cosine")
    expected = np.mean(1 - np.abs(cosines).max(axis=1))
    assert memorization.memorization_distance(generated, train) == pytest.approx(expected)


def test_memorization_distance_is_that_of_torchmetrics(generator):
    torch, mifid = pytest.importorskip("torch"), pytest.importorskip("torchmetrics.image.mifid")
    generated, train = generator.normal(size=(40, 6)), generator.normal(size=(70, 6))
    # The first set is the one averaged over: the samples, in the definition.
    expected = mifid._compute_cosine_distance(torch.from_numpy(generated), torch.from_numpy(train), 1.0)
    assert memorization.memorization_distance(generated, train) == pytest.approx(float(expected))


def test_parts_of_the_cosines_give_what_all_give(generator, monkeypatch):
    generated, train = generator.normal(size=(40, 6)), generator.normal(size=(70, 6))
    whole = memorization.memorization_distance(generated, train)
    monkeypatch.setattr(memorization, "_BLOCK", 200)
    assert memorization.memorization_distance(generated, train) == pytest.approx(whole)


def test_the_penalty_is_for_samples_below_the_threshold(generator):
    train, real, fresh = generator.normal(size=(3, 300, 64))
    distance = metrics.frechet_distance(real, fresh)
    assert metrics.mifid(real, fresh, train=train) == pytest.approx(distance)
    nearness = memorization.memorization_distance(fresh, train)
    assert 0.1 < nearness < 1
    assert metrics.mifid(real, fresh, train=train, threshold=nearness + 0.01) == pytest.approx(distance / nearness)
    near = train + 0.1 * fresh
    assert metrics.mifid(real, near, train=train) > 10 * metrics.frechet_distance(real, near)


def test_rows_of_zeros_do_not_count(generator):
    train, real, fresh = generator.normal(size=(3, 50, 4))
    plain = memorization.memorization_distance(fresh, train)
    assert memorization.memorization_distance(np.vstack([fresh, np.zeros((5, 4))]), train) == pytest.approx(plain)
    assert np.isfinite(metrics.mifid(real, fresh, train=np.vstack([train, np.zeros((5, 4))])))


def test_messages(generator):
    train, real, fresh = generator.normal(size=(3, 50, 4))
    with pytest.raises(ValueError, match="threshold must be"):
        metrics.mifid(real, fresh, train=train, threshold=0.0)
    with pytest.raises(ValueError, match="train must have a row that is not zero"):
        metrics.mifid(real, fresh, train=np.zeros((5, 4)))
