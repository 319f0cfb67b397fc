"""The search in many dimensions against brute force: same neighbours, also where float32 cannot tell them apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from vicinal import search
from vicinal.neighbors import Scaling, nearest_others, nearest_rows, nth_distances

D = 300  # above the number of dimensions from which on rows are searched so


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.fixture(params=["whole", "in blocks"])
def blocks(request, monkeypatch):
    """Search everything at once, or in blocks of a few rows."""
    if request.param == "in blocks":
        for name, value in (("_VALUES", 7 * D), ("_FEW_VALUES", 2 * D), ("_PAIRS", 500)):
            monkeypatch.setattr(search, name, value)


def to_others(points):
    distances = cdist(points, points)
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :-1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nearest_rows_by_brute_force(generator, blocks, dtype):
    rows, queries = (generator.normal(size=(n, D)).astype(dtype) for n in (150, 60))
    distances, index = nearest_rows(queries, rows)
    between = cdist(queries.astype(np.float64), rows.astype(np.float64))
    np.testing.assert_array_equal(index, between.argmin(axis=1))
    np.testing.assert_allclose(distances, between.min(axis=1), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 40, 149])
def test_nth_distances_by_brute_force(generator, blocks, n):
    rows = generator.normal(size=(150, D)).astype(np.float32)
    np.testing.assert_allclose(nth_distances(rows, n), to_others(rows.astype(np.float64))[:, n - 1], rtol=1e-12)


def test_nearest_others_by_brute_force(generator, blocks):
    rows, chosen = generator.normal(size=(150, D)), np.array([149, 3, 3, 0])
    np.testing.assert_allclose(nearest_others(rows, chosen), to_others(rows)[chosen, 0], rtol=1e-12)


def test_copies_are_found_at_distance_zero(generator, blocks):
    rows = generator.normal(size=(100, D)).astype(np.float32) + 5.0
    distances, index = nearest_rows(rows[40:60].copy(), rows)
    assert (distances == 0).all()
    np.testing.assert_array_equal(index, np.arange(40, 60))


@pytest.mark.parametrize("copies", [2, 3, 60])
def test_twins_are_others(generator, blocks, copies):
    rows = np.repeat(generator.normal(size=(3, D)), copies, axis=0)
    for n in (1, copies - 1, copies, 2 * copies - 1):
        np.testing.assert_allclose(nth_distances(rows, n), to_others(rows)[:, n - 1], rtol=1e-12)


def test_what_float32_cannot_tell_apart_is_searched_in_float64(generator, blocks):
    # Two clusters 1e4 neighbour distances apart, each of more rows than are measured one by one.
    rows = 1e-2 * generator.normal(size=(120, D))
    rows[60:] += 1e2 * generator.normal(size=D)
    for n in (1, 5, 59, 60):
        np.testing.assert_allclose(nth_distances(rows, n), to_others(rows)[:, n - 1], rtol=1e-9)
    queries = rows + 1e-3 * generator.normal(size=rows.shape)
    np.testing.assert_array_equal(nearest_rows(queries, rows)[1], np.arange(120))


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e15, 1e30])
def test_any_size(generator, size):
    rows, queries = size * generator.normal(size=(2, 80, D))
    distances, index = nearest_rows(queries, rows)
    between = cdist(queries, rows)
    np.testing.assert_array_equal(index, between.argmin(axis=1))
    np.testing.assert_allclose(distances, between.min(axis=1), rtol=1e-12)


def test_rows_that_are_very_far_away_hide_no_neighbour(generator):
    rows, queries = generator.normal(size=(2, 80, D))
    rows[7], queries[9] = 1e30, -1e30
    distances, index = nearest_rows(queries, rows)
    between = cdist(queries, rows)
    assert 7 not in np.delete(index, 9)
    np.testing.assert_allclose(distances, between.min(axis=1), rtol=1e-12)


def test_an_offset_loses_no_digits(generator):
    offset, rows = 1e8, generator.normal(size=(100, D))
    exact = (rows + offset) - offset
    np.testing.assert_allclose(nth_distances(rows + offset, 5), to_others(exact)[:, 4], rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaled_distances_are_those_of_the_scaled_rows(generator, blocks, dtype):
    spread = 10.0 ** generator.uniform(-4, 4, size=D)
    rows, queries = ((generator.normal(size=(100, D)) * spread + 3 * spread).astype(dtype) for _ in range(2))
    scaling = Scaling.of(rows)
    between = cdist(*((each.astype(np.float64) - scaling.centre) / scaling.scale for each in (queries, rows)))
    distances, index = nearest_rows(queries, rows, scaling)
    np.testing.assert_array_equal(index, between.argmin(axis=1))
    np.testing.assert_allclose(distances, between.min(axis=1), rtol=1e-9)


@settings(deadline=None, max_examples=30)
@given(
    values=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=4, max_size=12),
    most=st.sampled_from([1, 32]),
    n=st.integers(1, 3),
)
def test_grids_full_of_ties(values, most, n):
    points = np.pad(np.array(values, dtype=np.float64), ((0, 0), (0, D)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_MOST", most)
        np.testing.assert_allclose(nth_distances(points, n), to_others(points)[:, n - 1], rtol=1e-12)
        np.testing.assert_allclose(nearest_rows(points + 0.25, points)[0], cdist(points + 0.25, points).min(axis=1))


def test_scaling_takes_the_quantiles_of_numpy(generator):
    for n in (1, 2, 7, 100):
        rows = generator.normal(size=(n, 9)).astype(np.float32)
        rows[:, 3] = 0.1
        rows[:, 4] = np.arange(n) == 0  # rare
        scaling = Scaling.of(rows)
        lower, centre, upper = np.quantile(rows.astype(np.float64), (0.1, 0.5, 0.9), axis=0)
        np.testing.assert_allclose(scaling.centre, centre, rtol=1e-12)
        if n == 100:
            np.testing.assert_allclose(np.delete(scaling.scale, [3, 4]), np.delete(upper - lower, [3, 4]) / 2.5631031)
            assert scaling.scale[4] == pytest.approx(np.sqrt(0.01 * 0.99))
        assert scaling.scale[3] == 1.0
