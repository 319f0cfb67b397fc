"""Searches among latents in tiles, against all distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import same_bits
from scipy.spatial.distance import cdist

from vicinal.kernels import cpu, reference
from vicinal.kernels.tiles import tiled


def nearest_distances(kernel, queries, points, *, other):
    return kernel.nearest(queries, tiled(points), 1, other=other)[0][:, 0]


def drawn(m, n, d, dtype, seed, whole):
    """Return queries and points: normal values, or whole numbers full of ties; some queries are points."""
    generator = np.random.default_rng(seed)
    points, queries = generator.normal(size=(n, d)), generator.normal(size=(m, d))
    if whole:
        points, queries = np.round(points), np.round(queries)
    return np.concatenate([queries, points[:3]]).astype(dtype), points.astype(dtype)


SIZES = {
    "m": st.integers(1, 80),
    "n": st.integers(0, 900),
    "d": st.integers(1, 20),
    "dtype": st.sampled_from([np.float32, np.float64]),
    "whole": st.booleans(),
    "seed": st.integers(0, 99),
}


@settings(deadline=None, max_examples=40)
@given(**SIZES, k=st.integers(1, 6), other=st.booleans(), alone=st.booleans())
def test_nearest_as_defined(m, n, d, dtype, whole, seed, k, other, alone):
    queries, points = drawn(m, n, d, dtype, seed, whole)
    own = None if alone or n == 0 else np.random.default_rng(seed).integers(0, n, size=len(queries))
    tiles = tiled(points)
    for ours, theirs in zip(*(kernel.nearest(queries, tiles, k, own=own, other=other) for kernel in (cpu, reference)),
                            strict=True):  # fmt: skip
        assert same_bits(ours, theirs)


@settings(deadline=None, max_examples=40)
@given(**SIZES, scale=st.floats(0, 3))
def test_inside_as_defined(m, n, d, dtype, whole, seed, scale):
    queries, points = drawn(m, n, d, dtype, seed, whole)
    generator = np.random.default_rng(seed)
    limits = (scale * generator.normal(size=len(queries)) ** 2).astype(dtype)
    margins = (0.1 * generator.random(n)).astype(dtype)
    tiles = tiled(points)
    for ours, theirs in zip(*(kernel.inside(queries, limits, tiles, margins) for kernel in (cpu, reference)),
                            strict=True):  # fmt: skip
        np.testing.assert_array_equal(ours, theirs)


def test_every_latent_is_in_one_tile_and_in_its_box():
    points = np.random.default_rng(0).normal(size=(1000, 3))
    tiles = tiled(points)
    there = tiles.numbers < len(points)
    np.testing.assert_array_equal(np.sort(tiles.numbers[there]), np.arange(len(points)))
    rows = tiles.columns.transpose(0, 2, 1)
    np.testing.assert_array_equal(rows[there], points[tiles.numbers[there]])
    assert np.isnan(rows[~there]).all()
    for tile, here, lower, upper in zip(rows, there, tiles.lower.T, tiles.upper.T, strict=True):
        np.testing.assert_array_equal(tile[here].min(axis=0), lower)
        np.testing.assert_array_equal(tile[here].max(axis=0), upper)


def test_all_neighbours_by_all_distances(kernel):
    generator = np.random.default_rng(0)
    points = generator.normal(size=(600, 6))
    own = np.array([599, 3, 3, 0])
    distances = cdist(points[own], points)
    distances[np.arange(4), own] = np.inf
    found, index = kernel.nearest(points[own], tiled(points), 8, own=own)
    np.testing.assert_array_equal(index, np.argsort(distances, axis=1)[:, :8])
    np.testing.assert_allclose(found, np.sort(distances, axis=1)[:, :8], rtol=1e-12)


def test_of_equally_near_latents_the_first_is_named(kernel):
    points = np.zeros((600, 2))
    found, index = kernel.nearest(points[:2], tiled(points), 3, own=np.array([0, 1]))
    assert index.tolist() == [[1, 2, 3], [0, 2, 3]]
    assert (found == 0).all()


def test_fewer_latents_than_asked_for(kernel):
    found, index = kernel.nearest(np.zeros((1, 1)), tiled(np.array([[3.0], [1.0]])), 3)
    assert found.tolist() == [[1, 3, np.inf]]
    assert index.tolist() == [[1, 0, 2]]


def test_inside_by_all_distances(kernel):
    generator = np.random.default_rng(0)
    points, queries = generator.normal(size=(700, 4)), generator.normal(size=(90, 4))
    limits, margins = generator.random(90), 0.2 * generator.random(700)
    within = cdist(queries, points, "sqeuclidean") + margins < limits[:, None]
    of_queries, of_points = kernel.inside(queries, limits, tiled(points), margins)
    assert within.any()
    np.testing.assert_array_equal(of_queries, within.sum(axis=1))
    np.testing.assert_array_equal(of_points, within.sum(axis=0))


def test_against_all_distances(kernel):
    generator = np.random.default_rng(0)
    points = generator.normal(size=(700, 6))
    queries = np.concatenate([generator.normal(size=(50, 6)), points[:50]])
    distances = cdist(queries, points)
    np.testing.assert_allclose(nearest_distances(kernel, queries, points, other=False), distances.min(axis=1))
    distances[distances == 0] = np.inf
    np.testing.assert_allclose(nearest_distances(kernel, queries, points, other=True), distances.min(axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_by_hand(kernel, dtype):
    points = np.array([[0, 0], [0, 0], [3, 4]], dtype)
    queries = np.array([[0, 0], [3, 4], [0, 1]], dtype)
    assert nearest_distances(kernel, queries, points, other=False).tolist() == [0, 0, 1]
    assert nearest_distances(kernel, queries, points, other=True).tolist() == [5, 5, 1]
    assert nearest_distances(kernel, queries, points[:2], other=True).tolist() == [np.inf, 5, 1]
    assert nearest_distances(kernel, queries, points[:0], other=False).tolist() == [np.inf] * 3


def test_far_from_zero(kernel):
    points = np.array([[1e6], [1e6 + 0.5], [1e6 + 4]], np.float32)
    assert nearest_distances(kernel, points, points, other=True).tolist() == [0.5, 0.5, 3.5]


def test_what_is_beyond_the_range_is_not_near(kernel):
    points = np.array([[np.inf, 0], [1e30, 0], [2, 0]], np.float32)
    queries = np.array([[np.inf, 0], [1e30, 1], [0, 0]], np.float32)
    assert nearest_distances(kernel, queries, points, other=False).tolist() == [np.inf, 1, 2]
