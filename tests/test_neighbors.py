"""The search for nearest rows against brute force, and the nn ratio of metrics and of calibration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from vicinal import metrics
from vicinal.neighbors import nearest_others, nearest_rows, nth_distances
from vicinal.samplers.novelty import Novelty


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
    novelty = Novelty(lambda: np.array_split(train, 3), real)
    assert novelty.reached(generated).nn_ratio == pytest.approx(
        metrics.nn_ratio(real, generated, train=train), rel=1e-9
    )
    assert novelty.reached(train[:99]).nn_ratio == 0.0
