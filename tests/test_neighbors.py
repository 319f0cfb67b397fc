"""The search for nearest rows against brute force, and the nn ratio of metrics and of calibration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import binom, hypergeom

from vicinal import metrics
from vicinal.neighbors import LEVEL, copied, nearest_others, nearest_rows, novelty_p, novelty_test, nth_distances
from vicinal.samplers.batches import Batches
from vicinal.samplers.novelty import Novelty
from vicinal.samplers.survey import Survey


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def to_others(points):
    """Return distances to the other points in rising order, (m, m - 1)."""
    distances = cdist(points, points)
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :-1]


@pytest.fixture(params=[2, 20])  # a tree up to 15 dimensions, all pairs above
def points(request, generator):
    return generator.normal(size=(150, request.param))


def test_nearest_rows_by_brute_force(points, generator):
    queries = generator.normal(size=(60, points.shape[1]))
    distances, index = nearest_rows(queries, points)
    between = cdist(queries, points)
    np.testing.assert_array_equal(index, between.argmin(axis=1))
    np.testing.assert_allclose(distances, between.min(axis=1), rtol=1e-12)


def test_nearest_rows_of_the_points_are_themselves(points):
    distances, index = nearest_rows(points + 0.0, points)
    np.testing.assert_array_equal(index, np.arange(len(points)))
    assert (distances == 0).all()


def test_nearest_others_by_brute_force(points):
    rows = np.array([149, 3, 3, 0])
    np.testing.assert_allclose(nearest_others(points, rows), to_others(points)[rows, 0], rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 149])
def test_nth_distances_by_brute_force(points, n):
    np.testing.assert_allclose(nth_distances(points, n), to_others(points)[:, n - 1], rtol=1e-12)


@pytest.mark.parametrize("copies", [2, 3, 7])
def test_duplicates_are_others(points, copies):
    many = np.repeat(points[:30], copies, axis=0)
    assert (nearest_others(many, np.arange(len(many))) == 0).all()
    for n in (copies - 1, copies, copies + 1, 5):
        found = nth_distances(many, n)
        np.testing.assert_allclose(found, to_others(many)[:, n - 1], rtol=1e-12, atol=0)
        assert (found == 0).all() if n < copies else (found > 0).all()


@settings(deadline=None, max_examples=25)
@given(
    values=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=4, max_size=12),
    wide=st.booleans(),
    n=st.integers(1, 3),
)
def test_grids_full_of_ties(values, wide, n):
    points = np.pad(np.array(values, dtype=np.float64), ((0, 0), (0, 18 if wide else 0)))
    expected = to_others(points)
    np.testing.assert_allclose(nth_distances(points, n), expected[:, n - 1], rtol=1e-12)
    np.testing.assert_allclose(nearest_others(points, np.arange(len(points))), expected[:, 0], rtol=1e-12)
    np.testing.assert_allclose(nearest_rows(points + 0.25, points)[0], cdist(points + 0.25, points).min(axis=1))


def test_an_offset_loses_no_digits(points):
    offset = 1e8
    exact = (points + offset) - offset
    np.testing.assert_allclose(nth_distances(points + offset, 5), to_others(exact)[:, 4], rtol=1e-12)
    distances, index = nearest_rows(points[:9] + offset + 1e-3, points + offset)
    np.testing.assert_array_equal(index, np.arange(9))
    np.testing.assert_allclose(distances, 1e-3 * np.sqrt(points.shape[1]), rtol=1e-4)


@pytest.mark.parametrize("constant", [0.1, 1e6])
def test_metrics_and_calibration_take_the_same_nn_ratio(generator, constant):
    train, real, generated = generator.normal(size=(3, 500, 4)) * [1.0, 1e-3, 50.0, 0.0] + [0.0, 5.0, 0.0, constant]
    batches = Batches(iter(np.array_split(train, 3)))
    novelty = Novelty(batches, Survey.of(batches), real)
    measured, of_copies = novelty.reached(generated, train[:99])
    assert measured.nn_ratio == pytest.approx(metrics.nn_ratio(real, generated, train=train), rel=1e-9)
    assert of_copies.nn_ratio == 0.0


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_the_error_of_copied_is_its_deviation(generator, share):
    found = []
    for _ in range(1000):
        distances, fresh = generator.exponential(size=(2, 500))
        distances[generator.random(500) < share] = 0.0
        found.append(copied(distances, fresh))
    values, errors = np.transpose(found)
    assert values.mean() == pytest.approx(share + 0.01 * (1 - share), abs=0.002)
    assert errors.mean() == pytest.approx(values.std(), rel=0.2)


@pytest.mark.parametrize(("m", "n"), [(1000, 1000), (1000, 200), (100, 500)])
@pytest.mark.parametrize("decimals", [1, 12])  # with ties, and without
def test_novelty_test_accuses_fresh_data_in_one_of_a_hundred_at_most(generator, m, n, decimals):
    draw = np.random.default_rng(m + n + decimals).exponential  # any distribution: the test goes by ranks
    found = [novelty_p(np.round(draw(size=m), decimals), np.round(draw(size=n), decimals)) for _ in range(600)]
    assert np.sum(np.array(found) < LEVEL) <= binom.ppf(0.999, 600, LEVEL)  # 14


@pytest.mark.parametrize("n", [500, 2000])
def test_novelty_test_finds_twenty_copies_among_a_thousand_samples(generator, n):
    for _ in range(300):
        distances, fresh = generator.exponential(size=1000), generator.exponential(size=n)
        distances[generator.choice(1000, 20, replace=False)] = 0.0
        assert novelty_p(distances, fresh) < LEVEL


def test_novelty_test_finds_a_slight_excess_over_all(generator):
    p_values = [novelty_p(0.8 * generator.exponential(size=1000), generator.exponential(size=1000)) for _ in range(100)]
    assert np.mean(np.array(p_values) < LEVEL) > 0.5


def test_novelty_test_by_its_definition(generator):
    distances, fresh = generator.exponential(size=30), generator.exponential(size=20)
    pooled = np.sort(np.concatenate([distances, fresh]))
    p_values = []
    for j in range(1, int(2 * np.log2(50)) + 1):
        k = int(np.ceil(50 / 2 ** (j / 2)))
        p_values.append(hypergeom.sf(np.sum(distances <= pooled[k - 1]) - 1, 50, 30, k))
    assert novelty_p(distances, fresh) == pytest.approx(min(1.0, len(p_values) * min(p_values)))


def test_novelty_test_takes_a_thousand_samples_from_all_of_them(generator):
    distances, fresh = generator.exponential(size=20_000), generator.exponential(size=1000)
    distances[-1000:] = 0.0  # one in twenty, all at the end
    found = novelty_test(distances, fresh)
    assert found.p_value < LEVEL
    assert found.n_generated == pytest.approx(50, abs=5)
