"""The membership attack against brute force, and on samplers whose leak is known."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from vicinal import metrics
from vicinal.metrics._inputs import subsets


@pytest.mark.parametrize("d", [2, 20])
@pytest.mark.parametrize(("k", "n"), [(200, 80), (60, 90)])
def test_rates_by_brute_force(generator, d, k, n):
    train, real, generated = (generator.normal(size=(size, d)) * np.arange(1, d + 1) for size in (k, n, 150))
    generated[:40] = train[:40] + 0.1
    members, others = subsets(None, 5, train, real)
    assert len(members) == len(others) == min(k, n)
    scale = np.subtract(*np.quantile(train, [0.9, 0.1], axis=0)) / (2 * norm.ppf(0.9))
    near, far = (cdist(rows / scale, generated / scale).min(axis=1) for rows in (members, others))
    auc = metrics.membership_auc(real, generated, train=train, random_state=5)
    assert auc.value == pytest.approx(roc_auc_score(np.repeat([1, 0], len(near)), -np.concatenate([near, far])))
    tpr = metrics.membership_tpr(real, generated, train=train, random_state=5)
    assert tpr.value == np.mean(near <= far.min())  # one accused wrongly, 1 % of at most 100


def test_copies_are_found_and_fresh_rows_are_not(generator):
    train, real, fresh = generator.normal(size=(3, 2000, 16))
    assert metrics.membership_auc(real, train, train=train) == (1.0, 0.0)
    assert metrics.membership_tpr(real, train, train=train).value == 1.0
    auc = metrics.membership_auc(real, fresh, train=train)
    assert abs(auc.value - 0.5) < 3 * auc.error
    tpr = metrics.membership_tpr(real, fresh, train=train)
    assert abs(tpr.value - 0.01) < 3 * tpr.error


def test_copies_with_replacement_hold_63_percent(generator):
    train, real = generator.normal(size=(2, 4000, 8))
    copies = train[generator.integers(0, 4000, 4000)]
    held = 1 - np.exp(-1)
    auc, tpr = (function(real, copies, train=train) for function in (metrics.membership_auc, metrics.membership_tpr))
    assert auc.value == pytest.approx(held + 0.5 * (1 - held), abs=0.02)
    assert tpr.value == pytest.approx(held + 0.01 * (1 - held), abs=0.03)


def test_the_nn_ratio_does_not_see_what_the_attack_sees(generator):
    train, real = generator.normal(size=(2, 1500, 32))
    near = train + 0.72 * generator.normal(size=train.shape)  # as far from the training data as fresh data are
    assert metrics.nn_ratio(real, near, train=train) > 0.75
    assert metrics.membership_auc(real, near, train=train).value > 0.9


def test_units_do_not_matter(generator):
    train, real, generated = generator.normal(size=(3, 200, 3))
    scale = np.array([1.0, 1000.0, 1e-3])
    plain = metrics.membership_auc(real, generated, train=train)
    scaled = metrics.membership_auc(real * scale, generated * scale, train=train * scale)
    assert scaled == pytest.approx(plain)
