"""`novelty_scorer`: the nn ratio in the model selection of scikit-learn."""

import pickle

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from vicinal.metrics import nn_ratio, novelty_scorer, scorers
from vicinal.samplers import BootstrapSampler, GaussianSampler, PMFSampler


@pytest.fixture
def latents():
    return np.random.default_rng(0).normal(size=(1200, 3))


def test_the_score(latents):
    train, held_out = latents[:800], latents[800:]
    sampler = PMFSampler(5, random_state=3).fit(train)
    expected = nn_ratio(held_out, sampler.sample(500, random_state=7), train=train)
    for given in (latents, latents[::-1], latents.tolist()):
        scorer = novelty_scorer(given, n_samples=500, random_state=7)
        assert scorer(sampler, held_out) == pytest.approx(-abs(expected - 1))
    bold = novelty_scorer(latents, target=1.5, n_samples=500, random_state=7)
    assert pickle.loads(pickle.dumps(bold))(sampler, held_out, None) == pytest.approx(-abs(expected - 1.5))  # noqa: S301


def test_copies_have_the_worst_score(latents):
    copies = cross_val_score(BootstrapSampler(), latents, cv=3, scoring=novelty_scorer(latents))
    assert copies.tolist() == [-1.0] * 3
    fresh = cross_val_score(GaussianSampler(), latents, cv=3, scoring=novelty_scorer(latents))
    assert (fresh > -0.15).all()


def test_a_search_finds_what_calibration_finds(latents):
    folds = KFold(3, shuffle=True, random_state=0)
    auto = PMFSampler().fit(latents).n_bins_
    options = {"n_bins": [1, 2, auto, 4 * auto, 100]}
    search = GridSearchCV(PMFSampler(), options, scoring=novelty_scorer(latents), cv=folds)
    assert search.fit(latents).best_params_["n_bins"] == auto
    assert search.best_score_ > -0.2


def test_a_pipeline_is_measured_in_latents(latents):
    rows = latents @ np.random.default_rng(1).normal(size=(3, 20))
    pipeline = make_pipeline(PCA(3), PMFSampler(5))
    scores = cross_val_score(pipeline, rows, cv=3, scoring=novelty_scorer(rows))
    assert (scores > -0.5).all()


def test_rows_that_are_held_out_are_left_out_as_often_as_they_are_held_out():
    every = np.array([[0.0], [1.0], [0.0], [2.0], [-0.0], [1.0]])
    assert scorers._without(every, every[[2, 1]]).ravel().tolist() == [0.0, 2.0, 0.0, 1.0]
    assert scorers._without(every, np.array([[0.0]] * 3)).ravel().tolist() == [1.0, 2.0, 1.0]
    with pytest.raises(ValueError, match=r"must be among the latents of novelty_scorer\(latents\)"):
        scorers._without(every, np.array([[0.0]] * 4))
    with pytest.raises(ValueError, match=r"must be among the latents of novelty_scorer\(latents\)"):
        scorers._without(every, np.array([[7.0]]))


@pytest.mark.parametrize("bad", [{"target": 0}, {"n_samples": 0}, {"random_state": -1}])
def test_bad_parameters(latents, bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        novelty_scorer(latents, **bad)
