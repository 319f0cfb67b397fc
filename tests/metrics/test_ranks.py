"""Areas under ROC curves and their standard errors, against scikit-learn and simulation."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from vicinal.metrics.ranks import auc


@pytest.mark.parametrize("decimals", [0, 1, 12])  # with many ties, some, none
def test_the_area_is_that_of_scikit_learn(generator, decimals):
    low, high = np.round(generator.normal(size=70), decimals), np.round(0.7 + generator.normal(size=50), decimals)
    truth = np.repeat([0, 1], [70, 50])
    assert auc(low, high).value == pytest.approx(roc_auc_score(truth, np.concatenate([low, high])))


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_area_of_gaussians_and_its_error(generator, shift):
    found = [auc(generator.normal(size=80), shift + generator.normal(size=120)) for _ in range(500)]
    values, errors = np.transpose(found)
    assert values.mean() == pytest.approx(norm.cdf(shift / np.sqrt(2)), abs=0.006)
    assert errors.mean() == pytest.approx(values.std(), rel=0.1)


def test_sets_that_are_apart_and_single_numbers():
    assert auc(np.arange(5.0), np.arange(5.0, 9.0)) == (1.0, 0.0)
    assert auc(np.array([1.0]), np.array([1.0])) == (0.5, 0.0)
