"""Sums over the rows of neighbourhoods, and the neighbourhood in which a row is likeliest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal.kernels import cpu, reference


def case(n, d, n_cells, n_near, seed):
    """Return arguments of `likeliest_spheres`."""
    generator = np.random.default_rng(seed)
    near = np.stack([generator.permutation(n_cells)[:n_near] for _ in range(n_cells)])
    return (
        generator.normal(size=(n, d)).astype(np.float32),
        generator.permutation(n)[: max(1, n - 3)],
        np.sort(generator.integers(n_cells, size=max(1, n - 3))),
        generator.normal(size=(n_cells, d)).astype(np.float32),
        generator.uniform(0.5, 2, n_cells).astype(np.float32),
        generator.normal(size=n_cells).astype(np.float32),
        near,
    )


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(1, 300),
    d=st.integers(1, 20),
    n_cells=st.integers(1, 40),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_compiled_as_defined(n, d, n_cells, share, seed):
    arguments = case(n, d, n_cells, max(1, round(share * n_cells)), seed)
    assert np.array_equal(cpu.likeliest_spheres(*arguments), reference.likeliest_spheres(*arguments))


def test_against_all_distances(kernel):
    points, rows, cells, means, precisions, offsets, near = case(200, 5, 30, 12, 0)
    found = kernel.likeliest_spheres(points, rows, cells, means, precisions, offsets, near)
    for i, row in enumerate(rows):
        choices = near[cells[i]]
        scores = precisions[choices] * np.square(points[row].astype(float) - means[choices]).sum(axis=1)
        assert found[i] == choices[(scores + offsets[choices]).argmin()]


def test_ties_and_cells_given_up(kernel):
    points, means = np.zeros((1, 2), np.float32), np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    near, ones = np.array([[1, 0, 2], [2, 1, 0], [0, 2, 1]]), np.ones(3, np.float32)

    def found(cell, offsets):
        arguments = points, np.array([0]), np.array([cell]), means, ones, np.array(offsets, np.float32), near
        return kernel.likeliest_spheres(*arguments).tolist()

    assert [found(cell, [0, 0, 0]) for cell in range(3)] == [[1], [2], [0]]
    assert found(0, [0, np.inf, 0]) == [0]
    assert found(0, [np.inf, np.inf, 5]) == [2]
    assert found(0, [np.inf, np.inf, np.inf]) == [1]


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 300), d=st.integers(1, 20), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_sums_compiled_as_defined(n, d, share, seed):
    generator = np.random.default_rng(seed)
    points, rows = generator.normal(size=(n, d)).astype(np.float32), generator.permutation(n)
    starts = np.concatenate([[0], np.sort(generator.permutation(np.arange(1, n))[: round(share * (n - 1))]), [n]])
    ours, theirs = cpu.neighborhood_sums(points, rows, starts), reference.neighborhood_sums(points, rows, starts)
    assert [one.tobytes() for one in ours] == [one.tobytes() for one in theirs]


def test_sums_by_hand(kernel):
    points = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    sums, squares = kernel.neighborhood_sums(points, np.array([2, 0, 1]), np.array([0, 1, 3]))
    assert sums.tolist() == [[5, 6], [4, 6]]
    assert squares.tolist() == [61, 30]


def ellipsoids(n, d, n_cells, n_near, seed):
    """Return arguments of `likeliest_ellipsoids`, and the covariances behind the factors."""
    points, rows, cells, means, _, _, near = case(n, d, n_cells, n_near, seed)
    shapes = np.random.default_rng(seed).normal(size=(n_cells, d, 2 * d))
    covariances = shapes @ shapes.transpose(0, 2, 1) / d
    roots = np.linalg.cholesky(covariances)
    offsets = np.linalg.slogdet(covariances)[1].astype(np.float32)
    roots[:, np.arange(d), np.arange(d)] = 1 / roots[:, np.arange(d), np.arange(d)]
    factors = roots[:, *np.tril_indices(d)].astype(np.float32)
    return (points, rows, cells, means, factors, offsets, near), covariances


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(1, 300),
    d=st.integers(1, 20),
    n_cells=st.integers(1, 12),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_ellipsoids_compiled_as_defined(n, d, n_cells, share, seed):
    arguments, _ = ellipsoids(n, d, n_cells, max(1, round(share * n_cells)), seed)
    assert np.array_equal(cpu.likeliest_ellipsoids(*arguments), reference.likeliest_ellipsoids(*arguments))


def test_ellipsoids_against_densities(kernel):
    stats = pytest.importorskip("scipy.stats")
    (points, rows, cells, means, factors, offsets, near), covariances = ellipsoids(300, 5, 9, 6, 0)
    found = kernel.likeliest_ellipsoids(points, rows, cells, means, factors, offsets, near)
    logs = [stats.multivariate_normal(m, c).logpdf(points[rows]) for m, c in zip(means, covariances, strict=True)]
    logs = np.take_along_axis(np.stack(logs, axis=1), near[cells], axis=1)
    gaps = np.diff(np.sort(logs, axis=1)[:, -2:])[:, 0]
    clear = gaps > 1e-4  # else rounding decides
    assert clear.mean() > 0.9
    best = np.take_along_axis(near[cells], logs.argmax(axis=1)[:, None], axis=1)[:, 0]
    assert np.array_equal(found[clear], best[clear])


def test_ellipsoids_of_unit_factors_are_spheres(kernel):
    (points, rows, cells, means, factors, _, near), _ = ellipsoids(200, 4, 10, 7, 1)
    factors = np.tile(np.eye(4, dtype=np.float32)[np.tril_indices(4)], (10, 1))
    offsets = np.random.default_rng(0).normal(size=10).astype(np.float32)
    spheres = kernel.likeliest_spheres(points, rows, cells, means, np.ones(10, np.float32), offsets, near)
    assert np.array_equal(kernel.likeliest_ellipsoids(points, rows, cells, means, factors, offsets, near), spheres)


def test_ellipsoids_given_up_and_ties(kernel):
    points, means = np.zeros((1, 1), np.float32), np.array([[1], [-1], [1]], np.float32)
    near, factors = np.array([[0, 1, 2]] * 3), np.ones((3, 1), np.float32)

    def found(offsets):
        offsets = np.array(offsets, np.float32)
        arguments = points, np.array([0]), np.array([1]), means, factors, offsets, near
        return kernel.likeliest_ellipsoids(*arguments).tolist()

    assert found([0, 0, 0]) == [0]
    assert found([np.inf, 0, 0]) == [1]
    assert found([np.inf, np.inf, np.inf]) == [0]


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 300), d=st.integers(1, 12), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_scatters_compiled_as_defined(n, d, share, seed):
    generator = np.random.default_rng(seed)
    points, rows = generator.normal(size=(n, d)).astype(np.float32), generator.permutation(n)
    starts = np.concatenate([[0], np.sort(generator.permutation(np.arange(1, n))[: round(share * (n - 1))]), [n]])
    starts = starts[len(starts) // 3 :] if len(starts) > 3 else starts  # some cells of many
    means = generator.normal(size=(len(starts) - 1, d)).astype(np.float32)
    ours, theirs = (kernel.neighborhood_scatters(points, rows, starts, means) for kernel in (cpu, reference))
    assert ours.tobytes() == theirs.tobytes()


def test_scatters_are_covariances(kernel):
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    rows, starts = np.random.default_rng(1).permutation(50), np.array([10, 30, 50])
    cells = [points[rows[10:30]].astype(float), points[rows[30:]].astype(float)]
    scatters = kernel.neighborhood_scatters(points, rows, starts, np.array([c.mean(axis=0) for c in cells], np.float32))
    for cell, scatter in zip(cells, scatters, strict=True):
        np.testing.assert_allclose(scatter, np.cov(cell.T) * 19, rtol=1e-5, atol=1e-9)
