"""Distances to nearest points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from vicinal.kernels import cpu, reference


@settings(deadline=None, max_examples=60)
@given(
    m=st.integers(1, 40),
    n=st.integers(0, 600),
    d=st.integers(1, 20),
    dtype=st.sampled_from([np.float32, np.float64]),
    other=st.booleans(),
    seed=st.integers(0, 99),
)
def test_compiled_as_defined(m, n, d, dtype, other, seed):
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(n, d)).astype(dtype)
    queries = np.concatenate([generator.normal(size=(m, d)).astype(dtype), points[:3]])
    ours, theirs = (kernel.nearest_distances(queries, points, other=other) for kernel in (cpu, reference))
    assert ours.dtype == theirs.dtype == dtype
    assert ours.tobytes() == theirs.tobytes()


def test_against_all_distances(kernel):
    generator = np.random.default_rng(0)
    points = generator.normal(size=(700, 6))
    queries = np.concatenate([generator.normal(size=(50, 6)), points[:50]])
    distances = cdist(queries, points)
    np.testing.assert_allclose(kernel.nearest_distances(queries, points, other=False), distances.min(axis=1))
    distances[distances == 0] = np.inf
    np.testing.assert_allclose(kernel.nearest_distances(queries, points, other=True), distances.min(axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_by_hand(kernel, dtype):
    points = np.array([[0, 0], [0, 0], [3, 4]], dtype)
    queries = np.array([[0, 0], [3, 4], [0, 1]], dtype)
    assert kernel.nearest_distances(queries, points, other=False).tolist() == [0, 0, 1]
    assert kernel.nearest_distances(queries, points, other=True).tolist() == [5, 5, 1]
    assert kernel.nearest_distances(queries, points[:2], other=True).tolist() == [np.inf, 5, 1]
    assert kernel.nearest_distances(queries, points[:0], other=False).tolist() == [np.inf] * 3


def test_far_from_zero(kernel):
    points = np.array([[1e6], [1e6 + 0.5], [1e6 + 4]], np.float32)
    assert kernel.nearest_distances(points, points, other=True).tolist() == [0.5, 0.5, 3.5]


def test_what_is_beyond_the_range_is_not_near(kernel):
    points = np.array([[np.inf, 0], [1e30, 0], [2, 0]], np.float32)
    queries = np.array([[np.inf, 0], [1e30, 1], [0, 0]], np.float32)
    assert kernel.nearest_distances(queries, points, other=False).tolist() == [np.inf, 1, 2]
