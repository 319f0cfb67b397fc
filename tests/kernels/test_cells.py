"""Sums over the rows of cells, and the cell in which a row is likeliest."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal.kernels import cpu, reference


def case(n, d, n_cells, n_near, seed):
    """Return arguments of `likeliest_cells`."""
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
    assert np.array_equal(cpu.likeliest_cells(*arguments), reference.likeliest_cells(*arguments))


def test_against_all_distances(kernel):
    points, rows, cells, means, precisions, offsets, near = case(200, 5, 30, 12, 0)
    found = kernel.likeliest_cells(points, rows, cells, means, precisions, offsets, near)
    for i, row in enumerate(rows):
        choices = near[cells[i]]
        scores = precisions[choices] * np.square(points[row].astype(float) - means[choices]).sum(axis=1)
        assert found[i] == choices[(scores + offsets[choices]).argmin()]


def test_ties_and_cells_given_up(kernel):
    points, means = np.zeros((1, 2), np.float32), np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    near, ones = np.array([[1, 0, 2], [2, 1, 0], [0, 2, 1]]), np.ones(3, np.float32)

    def found(cell, offsets):
        arguments = points, np.array([0]), np.array([cell]), means, ones, np.array(offsets, np.float32), near
        return kernel.likeliest_cells(*arguments).tolist()

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
    ours, theirs = cpu.cell_sums(points, rows, starts), reference.cell_sums(points, rows, starts)
    assert [one.tobytes() for one in ours] == [one.tobytes() for one in theirs]


def test_sums_by_hand(kernel):
    points = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    sums, squares = kernel.cell_sums(points, np.array([2, 0, 1]), np.array([0, 1, 3]))
    assert sums.tolist() == [[5, 6], [4, 6]]
    assert squares.tolist() == [61, 30]
