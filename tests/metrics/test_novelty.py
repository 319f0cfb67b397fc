"""Novelty by nearest neighbours, against brute force and on copies, noise, twins and large numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import norm

from vicinal import metrics


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("d", [2, 20])
def test_nn_ratio_by_brute_force(generator, d, dtype):
    train, real, generated = (
        (generator.normal(size=(n, d)) * np.arange(1, d + 1)).astype(dtype) for n in (200, 80, 90)
    )
    scale = np.subtract(*np.quantile(train.astype(np.float64), [0.9, 0.1], axis=0)) / (2 * norm.ppf(0.9))
    fresh, new = (np.median(cdist(x / scale, train / scale).min(axis=1)) for x in (real, generated))
    assert metrics.nn_ratio(real, generated, train=train) == pytest.approx(new / fresh)


def brute(train, *sets):
    """Return the scaled distances of each set from the training data."""
    scale = np.subtract(*np.quantile(train.astype(np.float64), [0.9, 0.1], axis=0)) / (2 * norm.ppf(0.9))
    return [cdist(rows / scale, train / scale).min(axis=1) for rows in sets]


@pytest.mark.parametrize("d", [2, 20])
def test_quantile_ratios_and_copied_by_brute_force(generator, d):
    train, real, generated = (generator.normal(size=(n, d)) * np.arange(1, d + 1) for n in (200, 150, 90))
    generated[:20] = train[:20]
    fresh, new = brute(train, real, generated)
    levels = [0.1, 0.5, 0.9]
    ratios = metrics.nn_quantile_ratios(real, generated, train=train, levels=levels)
    np.testing.assert_allclose(ratios, np.quantile(new, levels) / np.quantile(fresh, levels), rtol=1e-6)
    assert ratios[1] == pytest.approx(metrics.nn_ratio(real, generated, train=train))
    assert metrics.copied(real, generated, train=train).value == np.mean(new <= np.sort(fresh)[1])  # 1 % of 150 rows


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_copied_is_the_share_of_copies(generator, share):
    train, real, generated = generator.normal(size=(3, 2000, 8))
    n_copies = int(share * 2000)
    generated[:n_copies] = train[:n_copies]
    generated[n_copies:] *= 1.3  # bold enough to hide the copies in the median
    found = metrics.copied(real, generated, train=train)
    assert found.value == pytest.approx(share + 0.01 * (1 - share), abs=0.01)


def test_copied_where_held_out_rows_repeat_training_rows(generator):
    train, real, fresh = generator.integers(0, 4, size=(3, 500, 3)).astype(float)
    found = metrics.copied(real, fresh, train=train)
    new, held_out = brute(train, fresh, real)
    assert found.value == np.mean(new == 0) == pytest.approx(np.mean(held_out == 0), abs=3 * found.error)


def test_the_novelty_test_says_where_the_excess_is(generator):
    train, real, generated = generator.normal(size=(3, 1000, 8))
    assert metrics.novelty_test(real, generated, train=train).p_value > 0.01
    generated[:40] = train[:40]
    found = metrics.novelty_test(real, generated, train=train)
    assert found.p_value < 1e-8
    assert found.n_nearest == pytest.approx(found.n_generated, abs=3)
    assert found.n_expected == found.n_nearest / 2
    assert metrics.novelty_test(real, 2 * generated[40:], train=train).p_value == 1.0  # too bold is not too near


def test_levels_are_checked(generator):
    train, real, generated = generator.normal(size=(3, 20, 2))
    with pytest.raises(ValueError, match=r"levels must be a sequence of numbers in \[0, 1\]; got \[0.5, 5\]"):
        metrics.nn_quantile_ratios(real, generated, train=train, levels=[0.5, 5])


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
    assert metrics.nn_ratio(real + 1e6, generated + 1e6, train=train + 1e6) == pytest.approx(plain, rel=1e-6)
    for constant in (3.0, 0.1):
        wide = [np.pad(x, ((0, 0), (0, 1)), constant_values=constant) for x in (train, real, generated)]
        assert metrics.nn_ratio(wide[1], wide[2], train=wide[0]) == pytest.approx(plain)


@pytest.mark.parametrize(
    "constant",
    [
        3.0,
        0.1,  # whose mean rounds
    ],
)
def test_nn_ratio_leaves_a_constant_dimension_as_it_is(generator, constant):
    train, real, generated = generator.normal(size=(3, 1000, 3))
    plain = metrics.nn_ratio(real, generated, train=train)
    wide = [np.pad(x, ((0, 0), (0, 1)), constant_values=constant) for x in (train, real, generated)]
    wide[2][:, -1] *= 1 + 1e-6  # a decoder hardly ever hits a constant exactly
    assert metrics.nn_ratio(wide[1], wide[2], train=wide[0]) == pytest.approx(plain, rel=1e-3)


def test_a_few_outliers_do_not_change_the_nn_ratio(generator):
    train, real, generated = generator.normal(size=(3, 1000, 3))
    plain = metrics.nn_ratio(real, generated, train=train)
    train[:20, 0] = 1e6
    assert metrics.nn_ratio(real, generated, train=train) == pytest.approx(plain, rel=0.05)


def test_a_rare_event_is_scaled_by_its_standard_deviation(generator):
    train, real, generated = generator.normal(size=(3, 1000, 2))
    for rows in (train, real, generated):
        rows[:, 1] = rows[:, 1] > 1.6  # about 5 %
    wide = [rows * [1, 1000] for rows in (train, real, generated)]
    plain = metrics.nn_ratio(real, generated, train=train)
    assert metrics.nn_ratio(wide[1], wide[2], train=wide[0]) == pytest.approx(plain)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6), near=st.floats(0.05, 0.9))
def test_nn_ratio_grows_with_the_distance_from_the_training_data(seed, near):
    generator = np.random.default_rng(seed)
    train, real = generator.normal(size=(2, 40, 2))
    step = generator.normal(size=(40, 2)) * 1e-4
    ratios = [metrics.nn_ratio(real, train + size * step, train=train) for size in (0.0, near, 1.0)]
    assert ratios[0] == 0.0 < ratios[1] < ratios[2]
    assert ratios[1] == pytest.approx(near * ratios[2], rel=0.2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("d", [2, 20])
def test_authenticity_by_brute_force(generator, d, dtype):
    train = generator.normal(size=(150, d)).astype(dtype)
    generated = (generator.normal(size=(90, d)) * 0.9).astype(dtype)
    between, within = cdist(generated, train), cdist(train, train)
    np.fill_diagonal(within, np.inf)
    nearest = between.argmin(axis=1)
    expected = 100 * np.mean(between.min(axis=1) > within.min(axis=1)[nearest])
    assert 0 < expected < 100
    assert metrics.authenticity(train, generated) == pytest.approx(expected)


def test_authenticity_with_twins_in_the_training_data():
    train = np.array([[0.0], [0.0], [1.0]])
    assert metrics.authenticity(train, [[0.0], [0.1]]) == 50.0  # the twin is at distance 0, so 0.1 is farther


@pytest.mark.parametrize("d", [2, 20])
def test_authenticity_of_copies_fresh_rows_and_noise(generator, d):
    train, real = generator.normal(size=(2, 300, d))
    assert metrics.authenticity(train, train[::-1]) == 0.0
    assert metrics.authenticity(np.repeat(train, 3, axis=0), train) == 0.0
    assert 20 < metrics.authenticity(train, real) < 80
    assert metrics.authenticity(train, real + 100) == 100.0


def test_authenticity_needs_two_training_rows():
    with pytest.raises(ValueError, match="train must have at least 2 rows, or no row has a neighbour; got 1"):
        metrics.authenticity([[0.0]], [[1.0]])


@pytest.mark.parametrize("d", [2, 20])
def test_copies_show_however_large_the_numbers(generator, d):
    train = generator.normal(size=(100, d)) + 1e8
    assert metrics.authenticity(train, train[:30]) == 0.0
    assert metrics.nn_ratio(train[:50] + 0.1, train[50:], train=train) == 0.0


@pytest.mark.parametrize(
    "d",
    [
        2,
        20,
    ],
)
def test_copies_show_however_far_apart_the_clusters(generator, d):
    train = generator.normal(size=(300, d))
    train[::2] += 1e5
    assert metrics.authenticity(train, train[:100]) == 0.0
