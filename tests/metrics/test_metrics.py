"""Metrics against closed forms, brute force and each other."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from vicinal import metrics


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_frechet_distance_of_diagonal_gaussians_in_closed_form(generator):
    x = generator.normal(size=(400, 3))
    x = np.linalg.solve(np.linalg.cholesky(np.cov(x, rowvar=False)), (x - x.mean(axis=0)).T).T  # exactly white
    a, b = x * [1.0, 2.0, 3.0], x * [2.0, 2.0, 0.5] + [1.0, 0.0, -2.0]
    assert metrics.frechet_distance(a, b) == pytest.approx(5.0 + 1.0 + 0.0 + 2.5**2, rel=1e-9)


def test_frechet_distance_of_full_gaussians_by_the_matrix_root(generator):
    from scipy.linalg import sqrtm

    a = generator.normal(size=(300, 4)) @ generator.normal(size=(4, 4))
    b = generator.normal(size=(200, 4)) @ generator.normal(size=(4, 4)) + 1
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    gap = a.mean(axis=0) - b.mean(axis=0)
    expected = gap @ gap + np.trace(ca + cb - 2 * sqrtm(ca @ cb).real)
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert metrics.frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)
    assert metrics.frechet_distance(a[::-1], b) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_is_zero_on_equal_and_degenerate_sets(generator):
    x = generator.normal(size=(5, 30)).astype(np.float32)  # fewer rows than features
    assert metrics.frechet_distance(x, x) == pytest.approx(0.0, abs=1e-6)
    assert metrics.frechet_distance(np.zeros((3, 1)), np.zeros((3, 1))) == 0.0


def test_wasserstein_distance_is_that_of_pot(generator):
    ot = pytest.importorskip("ot")
    a, b = generator.normal(size=(2, 60, 3))
    expected = np.sqrt(ot.emd2(np.full(60, 1 / 60), np.full(60, 1 / 60), cdist(a, b, "sqeuclidean")))
    assert metrics.wasserstein_distance(a, b) == pytest.approx(expected)
    assert metrics.wasserstein_distance(b[::-1], a) == pytest.approx(expected)


def test_wasserstein_distance_in_closed_form(generator):
    a = generator.normal(size=(80, 3))
    assert metrics.wasserstein_distance(a + 5.0, a) == pytest.approx(5.0 * np.sqrt(3))
    assert metrics.wasserstein_distance(a, a) == pytest.approx(0.0, abs=1e-6)
    line = np.sort(generator.normal(size=(2, 80)))  # on a line the best plan keeps the order
    expected = np.sqrt(np.square(line[0] - line[1]).mean())
    assert metrics.wasserstein_distance(line[0][:, None], line[1][:, None]) == pytest.approx(expected)


def test_wasserstein_distance_takes_seeded_subsets(generator):
    a, b = generator.normal(size=(2, 300, 2))
    small = [metrics.wasserstein_distance(a, b, max_samples=50, random_state=s) for s in (0, 0, 1)]
    assert small[0] == small[1] != small[2]


@pytest.mark.parametrize("d", [2, 20])
def test_nn_ratio_by_brute_force(generator, d):
    train, real, generated = (generator.normal(size=(n, d)) * np.arange(1, d + 1) for n in (200, 80, 90))
    scale = train.std(axis=0)
    fresh, new = (np.median(cdist(x / scale, train / scale).min(axis=1)) for x in (real, generated))
    assert metrics.nn_ratio(real, generated, train=train) == pytest.approx(new / fresh)


def test_nn_ratio_of_copies_noise_and_duplicates(generator):
    train, real = generator.normal(size=(2, 400, 3))
    assert metrics.nn_ratio(real, train[:50], train=train) == 0.0
    assert metrics.nn_ratio(real, real, train=train) == 1.0
    assert metrics.nn_ratio(real, 10 * real, train=train) > 3
    assert np.isnan(metrics.nn_ratio(train[:9], real, train=train))


def test_nn_ratio_ignores_units_and_constants(generator):
    train, real, generated = generator.normal(size=(3, 100, 3))
    scale = np.array([1.0, 1000.0, 1e-3])
    plain = metrics.nn_ratio(real, generated, train=train)
    assert metrics.nn_ratio(real * scale, generated * scale, train=train * scale) == pytest.approx(plain)
    wide = [np.pad(x, ((0, 0), (0, 1)), constant_values=3.0) for x in (train, real, generated)]
    assert metrics.nn_ratio(wide[1], wide[2], train=wide[0]) == pytest.approx(plain)


@pytest.mark.parametrize("d", [2, 20])
def test_authenticity_by_brute_force(generator, d):
    train, generated = generator.normal(size=(150, d)), generator.normal(size=(90, d)) * 0.9
    between, within = cdist(generated, train), cdist(train, train)
    np.fill_diagonal(within, np.inf)
    nearest = between.argmin(axis=1)
    expected = 100 * np.mean(between.min(axis=1) > within.min(axis=1)[nearest])
    assert metrics.authenticity(train, generated) == pytest.approx(expected)


def test_authenticity_with_twins_in_the_training_data():
    train = np.array([[0.0], [0.0], [1.0]])
    assert metrics.authenticity(train, [[0.0], [0.1]]) == 50.0  # the twin is at distance 0, so 0.1 is farther


def test_copies_show_however_large_the_numbers(generator):
    train = generator.normal(size=(100, 20)) + 1e8
    assert metrics.authenticity(train, train[:30]) == 0.0
    assert metrics.nn_ratio(train[:50] + 0.1, train[50:], train=train) == 0.0


def test_messages_name_the_right_array(generator):
    good, bad = generator.normal(size=(2, 9, 2))
    bad[3] = np.nan
    with pytest.raises(ValueError, match="train must be finite"):
        metrics.nn_ratio(good, good, train=bad)
    with pytest.raises(ValueError, match="train must be finite"):
        metrics.authenticity(bad, good)
    with pytest.raises(ValueError, match=r"generated must be at most 1e[+]140 in magnitude"):
        metrics.frechet_distance(good, good * 1e200)


def test_shapes_are_flattened_and_compared(generator):
    images = generator.random((20, 1, 4, 4))
    assert metrics.frechet_distance(images, images.reshape(20, 16)[:, :].reshape(20, 1, 4, 4)) < 1e-9
    with pytest.raises(ValueError, match=r"rows of one shape; got \(1, 4, 4\) and \(15,\)"):
        metrics.frechet_distance(images, np.zeros((20, 15)))
    with pytest.raises(ValueError, match="generated must be finite"):
        metrics.frechet_distance(images, np.full((20, 1, 4, 4), np.nan))


def test_pixel_features_clip_and_round():
    features = metrics.pixel_features(np.array([[[[1.02, -0.5], [0.5, 0.2501]]]]))
    assert features.tolist() == [[1.0, 0.0, np.float32(128 / 255), np.float32(64 / 255)]]


def test_classifier_features_are_the_hidden_layer(generator):
    images, labels = generator.random((60, 1, 4, 4)), np.arange(60) % 3
    images[np.arange(60), 0, labels, labels] += 5.0
    features = metrics.ClassifierFeatures(images, labels, hidden_units=(20, 8), n_epochs=100)
    hidden = features(images)
    assert hidden.shape == (60, 8)
    logits = hidden @ features._classifier.coefs_[2] + features._classifier.intercepts_[2]
    assert np.mean(logits.argmax(axis=1) == labels) == features.accuracy(images, labels)
    again = metrics.ClassifierFeatures(images, labels, hidden_units=(20, 8), n_epochs=100)
    assert np.array_equal(again(images), hidden)
    with pytest.raises(ValueError, match=r"labels must have shape \(60,\)"):
        metrics.ClassifierFeatures(images, labels[:5])
