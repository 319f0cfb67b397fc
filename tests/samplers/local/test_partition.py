"""Neighbourhoods of equally many latents, and neighbourhoods that fit."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal.samplers.local.partition import partition


def within(points, order, starts):
    """Return the sum of squares of points about the mean of their part."""
    parts = np.split(points[order], starts[1:-1])
    return sum(np.square(part - part.mean(axis=0)).sum() for part in parts)


def check_every_row_is_in_one_neighborhood(order, starts, n):
    assert np.array_equal(np.sort(order), np.arange(n))
    assert starts[0] == 0
    assert starts[-1] == n


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 200), d=st.integers(1, 5), share=st.floats(0, 1), distinct=st.integers(1, 200))
def test_every_row_is_in_one_neighborhood_and_neighborhoods_are_alike(n, d, share, distinct):
    points = np.random.default_rng(n).normal(size=(distinct, d))[np.arange(n) % distinct]
    n_parts = max(1, round(share * n))
    order, starts = partition(points, n_parts)
    check_every_row_is_in_one_neighborhood(order, starts, n)
    sizes = np.diff(starts)
    assert len(sizes) == n_parts
    assert sizes.min() >= n // n_parts
    # a set of l parts is cut at a whole row, so that a part differs by less than one row per cut from the mean
    assert sizes.max() - sizes.min() <= max(1, np.ceil(np.log2(n_parts))) if n_parts > 1 else True


def test_neighborhoods_are_cut_across_the_longest_axis():
    generator = np.random.default_rng(0)
    along = np.array([3.0, 4.0]) / 5
    points = generator.uniform(-1, 1, (999, 1)) * along * 9 + generator.normal(size=(999, 2)) * 0.1
    order, starts = partition(points, 9)
    position = points[order] @ along
    parts = sorted(np.split(position, starts[1:-1]), key=np.mean)
    assert all(one.max() < two.min() + 0.5 for one, two in itertools.pairwise(parts))


def test_neighborhoods_shrink_with_the_intrinsic_dimension():
    """A curve in 50 dimensions: 64 parts leave about 1 / 64**2 of the sum of squares, as they would on a line."""
    generator = np.random.default_rng(0)
    t = generator.uniform(0, 1, (4096, 1))
    points = np.sin(t * np.arange(1, 4)) @ generator.normal(size=(3, 50))
    assert within(points, *partition(points, 64)) < 4 / 64**2 * within(points, *partition(points, 1))


def test_better_than_random_neighborhoods_and_near_k_means():
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


def unlikelihood(points, order, starts):
    """Return what moving rows makes small: minus twice the log-likelihood of spherical Gaussians, without constants."""
    parts = np.split(points[order].astype(np.float64), starts[1:-1])
    return sum(len(part) * points.shape[1] * np.log(part.var(axis=0).mean()) for part in parts)


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 200),
    d=st.integers(1, 5),
    share=st.floats(0, 1),
    distinct=st.integers(1, 200),
    max_iter=st.integers(0, 5),
)
def test_refined_neighborhoods_hold_every_row_and_none_is_alone(n, d, share, distinct, max_iter):
    points = np.random.default_rng(n).normal(size=(distinct, d))[np.arange(n) % distinct]
    n_parts = max(1, round(share * n))
    order, starts = partition(points, n_parts, max_iter)
    check_every_row_is_in_one_neighborhood(order, starts, n)
    sizes = np.diff(starts)
    assert len(sizes) <= n_parts
    if n >= 2 * n_parts and n_parts <= 32:  # among more, all parts near to a row may be given up
        assert sizes.min() >= max(2, n // n_parts // 4) or len(sizes) == 1
    elif n < 2 * n_parts:
        assert sizes.min() >= 1


@pytest.mark.parametrize(("n", "d", "n_parts"), [(2000, 2, 20), (2000, 8, 40), (4000, 3, 1200)])
def test_refined_neighborhoods_are_likelier(n, d, n_parts):
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(7, d)) * 3
    points = (centres[generator.integers(7, size=n)] + generator.normal(size=(n, d))).astype(np.float32)
    parts = partition(points, n_parts)
    once, often = partition(points, n_parts, 1), partition(points, n_parts, 20)
    assert unlikelihood(points, *parts) > unlikelihood(points, *once) > unlikelihood(points, *often)
    assert within(points, *often) < within(points, *parts)


def scores(rows, parts, of_ellipsoids):
    """Return minus twice the log-likelihood of each row in each part, without constants, (n, n_parts)."""
    d, columns = rows.shape[1], []
    for part in parts:
        share = (d + 1) / (len(part) + d + 1) if of_ellipsoids else 1.0  # of the sphere
        covariance = (1 - share) * np.cov(part.T, bias=True) + share * part.var(axis=0).mean() * np.eye(d)
        gaps = rows - part.mean(axis=0)
        columns.append((gaps @ np.linalg.inv(covariance) * gaps).sum(axis=1) + np.linalg.slogdet(covariance)[1])
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(("n_parts", "of_ellipsoids"), [(12, True), (40, True), (41, False), (250, False)])
def test_every_row_ends_where_it_is_likeliest(n_parts, of_ellipsoids):
    """Ellipsoids where a part has 5 d = 15 rows on average, else spheres."""
    points = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)
    order, starts = partition(points, n_parts, 500)
    rows = points[order].astype(np.float64)
    parts = np.split(rows, starts[1:-1])
    found = scores(rows, parts, of_ellipsoids)
    own = np.repeat(np.arange(len(parts)), np.diff(starts))
    least = max(2, 600 // n_parts // 4)  # rows of a part that was not given up: others may not join those that were
    settled = np.isclose(found[np.arange(600), own], found.min(axis=1), atol=1e-3)
    assert least <= np.diff(starts).min()
    assert settled.mean() > 0.97


def test_ellipsoids_lie_along_clusters():
    """Spheres give the end of a long cluster to one that stands across it; ellipsoids give it back."""
    generator = np.random.default_rng(0)
    lying = [-1.5, 0] + generator.normal(size=(500, 2)) * [1, 0.05]
    upright = [0.3, 0] + generator.normal(size=(500, 2)) * [0.05, 1]
    points = np.concatenate([lying, upright])

    def strangers(max_iter):
        order, starts = partition(points, 2, max_iter)
        share = [np.mean(part >= 500) for part in np.split(order, starts[1:-1])]
        return max(min(one, 1 - one) for one in share)

    assert strangers(1) > 0.1  # a single step is of spheres
    assert strangers(20) < 0.04


def test_clusters_of_unlike_sizes_are_found():
    generator = np.random.default_rng(0)
    points = np.concatenate([generator.normal(size=(50, 2)), 20 + generator.normal(size=(150, 2))])
    order, starts = partition(points, 2, 10)
    assert sorted(np.diff(starts)) == [50, 150]
    assert {tuple(np.sort(part) < 50) for part in np.split(order, starts[1:-1])} == {(True,) * 50, (False,) * 150}


def test_a_wide_cell_does_not_lose_its_rows_to_a_dense_one():
    """With nearest means alone, as in k-means, the inner rows of the wide cluster would go to the dense one."""
    generator = np.random.default_rng(0)
    dense, wide = 0.1 * generator.normal(size=(500, 2)), [6.0, 0.0] + 2 * generator.normal(size=(500, 2))
    points = np.concatenate([dense, wide])
    order, starts = partition(points, 2, 20)
    of_dense = max(np.split(order, starts[1:-1]), key=lambda part: (part < 500).sum())
    assert (of_dense < 500).sum() == 500
    assert len(of_dense) <= 502


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("factor", "offset"), [(2.0**-20, 0.0), (2.0**20, 0.0), (1.0, 4096.0)])
def test_place_and_size_do_not_matter_to_refined_neighborhoods(dtype, factor, offset):
    points = (np.round(np.random.default_rng(0).normal(size=(300, 3)) * 64) / 64).astype(dtype)
    order, starts = partition(points, 20, 5)
    moved = (points * factor + offset).astype(dtype)
    found = partition(moved, 20, 5)
    assert within(points, *found) == pytest.approx(within(points, order, starts), rel=0.05)


def test_refined_neighborhoods_of_points_that_are_all_alike():
    points = np.full((40, 3), 7.0, np.float32)
    order, starts = partition(points, 10, 5)
    assert np.array_equal(np.sort(order), np.arange(40))
    assert np.array_equal(starts, np.arange(0, 41, 4))


def test_refined_neighborhoods_leave_the_points_alone():
    points = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    before = points.copy()
    partition(points, 7, 5)
    assert np.array_equal(points, before)
