"""Samples through a pipeline of scikit-learn, and the names of its columns."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

import vicinal
from vicinal.samplers import GaussianSampler, LocalSampler, PMFSampler


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal([0, 50, -5, 2], [1, 20, 0.1, 3], size=(500, 4))


def test_samples_are_in_the_space_of_the_input(rows):
    pipeline = make_pipeline(StandardScaler(), PCA(3, whiten=True), GaussianSampler(random_state=0)).fit(rows)
    drawn = vicinal.sample_through(pipeline, 4000)
    assert drawn.shape == (4000, 4)
    assert np.allclose(drawn.mean(axis=0), rows.mean(axis=0), atol=4 * rows.std(axis=0) / np.sqrt(1000))
    latents = pipeline[-1].sample(4000)
    assert np.allclose(pipeline[:-1].transform(drawn), latents)
    assert np.allclose(vicinal.sample_through(pipeline, 10, start=30), drawn[30:40])
    assert not np.allclose(vicinal.sample_through(pipeline, 10, random_state=1), drawn[:10])
    assert vicinal.sample_through(pipeline, 0).shape == (0, 4)


def test_classes_go_through(rows):
    y = np.where(rows[:, 0] > 0, "up", "down")
    pipeline = make_pipeline(StandardScaler(), LocalSampler(8, scale=1.0, random_state=0)).fit(rows, y)
    assert (vicinal.sample_through(pipeline, 200, y="up")[:, 0] > -0.3).all()


def test_one_step_and_steps_that_pass(rows):
    sampler = PMFSampler(4, random_state=0)
    alone = vicinal.sample_through(make_pipeline(sampler).fit(rows), 9)
    assert np.array_equal(alone, vicinal.sample_through(make_pipeline("passthrough", sampler).fit(rows), 9))


def test_names_of_columns(rows):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows, columns=list("abcd"))
    pipeline = make_pipeline(StandardScaler(), PCA(2), PMFSampler(4)).set_output(transform="pandas").fit(frame)
    assert pipeline[-1].feature_names_in_.tolist() == ["pca0", "pca1"]
    drawn = vicinal.sample_through(pipeline, 5)
    assert isinstance(drawn, np.ndarray)
    assert pandas.DataFrame(drawn, columns=pipeline.feature_names_in_).columns.tolist() == list("abcd")
    assert np.isfinite(pipeline.score(frame))


def test_what_cannot_be_undone(rows):
    with pytest.raises(ValueError, match="'normalizer', a Normalizer, has none: leave it out"):
        vicinal.sample_through(make_pipeline(Normalizer(), PMFSampler(4)).fit(rows))
    with pytest.raises(
        TypeError, match="pipeline must be a scikit-learn Pipeline that ends in a sampler; got Pipeline"
    ):
        vicinal.sample_through(make_pipeline(StandardScaler(), PCA(2)).fit(rows))
    with pytest.raises(TypeError, match="ends in a sampler; got PMFSampler"):
        vicinal.sample_through(PMFSampler(4).fit(rows))
    with pytest.raises(NotFittedError):
        vicinal.sample_through(make_pipeline(PCA(2), PMFSampler(4)))
