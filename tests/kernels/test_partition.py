"""Cells of equally many rows."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal.kernels.partition import partition


def within(points, order, starts):
    """Return the sum of squares of points about the mean of their cell."""
    cells = np.split(points[order], starts[1:-1])
    return sum(np.square(cell - cell.mean(axis=0)).sum() for cell in cells)


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 200), d=st.integers(1, 5), share=st.floats(0, 1), distinct=st.integers(1, 200))
def test_every_row_is_in_one_cell_and_cells_are_alike(n, d, share, distinct):
    points = np.random.default_rng(n).normal(size=(distinct, d))[np.arange(n) % distinct]
    n_cells = max(1, round(share * n))
    order, starts = partition(points, n_cells)
    assert np.array_equal(np.sort(order), np.arange(n))
    assert starts[0] == 0
    assert starts[-1] == n
    sizes = np.diff(starts)
    assert len(sizes) == n_cells
    assert sizes.min() >= n // n_cells
    # a set of l cells is cut at a whole row, so that a cell differs by less than one row per cut from the mean
    assert sizes.max() - sizes.min() <= max(1, np.ceil(np.log2(n_cells))) if n_cells > 1 else True


def test_cells_are_cut_across_the_longest_axis():
    generator = np.random.default_rng(0)
    along = np.array([3.0, 4.0]) / 5
    points = generator.uniform(-1, 1, (999, 1)) * along * 9 + generator.normal(size=(999, 2)) * 0.1
    order, starts = partition(points, 9)
    position = points[order] @ along
    cells = sorted(np.split(position, starts[1:-1]), key=np.mean)
    assert all(one.max() < two.min() + 0.5 for one, two in itertools.pairwise(cells))


def test_cells_shrink_with_the_intrinsic_dimension():
    """A curve in 50 dimensions: 64 cells leave about 1 / 64**2 of the sum of squares, as they would on a line."""
    generator = np.random.default_rng(0)
    t = generator.uniform(0, 1, (4096, 1))
    points = np.sin(t * np.arange(1, 4)) @ generator.normal(size=(3, 50))
    assert within(points, *partition(points, 64)) < 4 / 64**2 * within(points, *partition(points, 1))


def test_better_than_random_cells_and_near_k_means():
    cluster = pytest.importorskip("sklearn.cluster")
    points = np.random.default_rng(0).normal(size=(2000, 4))
    ours = within(points, *partition(points, 50))
    means = cluster.KMeans(50, n_init=1, random_state=0).fit(points).inertia_
    assert means < ours < 1.35 * means
    shuffled = np.random.default_rng(1).permutation(2000)
    assert ours < 0.4 * within(points, shuffled, np.arange(0, 2001, 40))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("factor", "offset"), [(1.0, 0.0), (2.0**20, 0.0), (1.0, 4096.0)])
def test_place_and_size_do_not_matter(dtype, factor, offset):
    points = (np.round(np.random.default_rng(0).normal(size=(300, 3)) * 64) / 64).astype(dtype)  # few digits
    order, starts = partition(points, 20)
    moved, same_starts = partition((points * factor + offset).astype(dtype), 20)
    assert np.array_equal(starts, same_starts)
    assert within(points, moved, starts) == pytest.approx(within(points, order, starts), rel=0.05)


def test_points_that_are_all_alike():
    order, starts = partition(np.full((10, 3), 7.0, np.float32), 5)
    assert np.array_equal(np.sort(order), np.arange(10))
    assert np.array_equal(starts, [0, 2, 4, 6, 8, 10])


def test_nothing_beyond_float32_is_lost_or_overflows():
    points = np.random.default_rng(0).normal(size=(64, 2)) * 1e200
    order, starts = partition(points, 8)
    scaled, _ = partition(points * 1e-200, 8)
    assert np.array_equal(order, scaled)
    assert len(starts) == 9


def test_the_points_are_left_alone():
    points = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    before = points.copy()
    partition(points, 7)
    assert np.array_equal(points, before)
