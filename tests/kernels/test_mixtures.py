"""Points in the vicinity of rows: the reference by hand, the compiled kernel by the reference."""

import numpy as np
import pytest

from vicinal import rng
from vicinal.kernels import reference


@pytest.fixture
def cells():
    """Return 60 points in 3 dimensions, masses, where 7 cells start, and 40 rows with the cell of each."""
    generator = np.random.default_rng(0)
    starts = np.array([0, 1, 5, 20, 21, 30, 58, 60])
    own = generator.integers(60, size=40)
    cell = np.searchsorted(starts, own, side="right") - 1
    return generator.normal(size=(60, 3)) * 3, generator.integers(1, 9, 60), starts[cell], starts[cell + 1], own


def numbered(n, first=0):
    """Return n successive rows of the stream of rows."""
    return np.arange(first, first + n, dtype=np.uint64)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [None, np.arange(40) % 3], ids=["all", "classes"])
@pytest.mark.parametrize(("s", "a"), [(1.0, 1.0), (0.25, 1.7), (0.0, 0.0)])
def test_the_definition(kernel, cells, weighted, classes, s, a):
    points, masses, first, last, own = cells
    masses = masses if weighted else None
    drawn = kernel.mix_rows(points, masses, first, last, own, s, a, key=9, rows=numbered(40, 3), classes=classes)
    for r in range(len(own)):
        rows = points[first[r] : last[r]]
        share = np.ones(len(rows)) if masses is None else masses[first[r] : last[r]]
        share = share / share.sum()
        e = rng.Draws(9, 3 + r, 1, None if classes is None else classes[r : r + 1]).normals(len(rows))[0]
        mean = share @ rows
        expected = points[own[r]] + s * (mean - points[own[r]]) + a * (np.sqrt(share) * e) @ (rows - mean)
        assert drawn[r] == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_in_any_cut(kernel, cells, dtype):
    points, masses, first, last, own = cells
    points, rows = points.astype(dtype), numbered(40, 2**40)
    whole = kernel.mix_rows(points, masses, first, last, own, 0.5, 1.0, key=1, rows=rows)
    alone = [
        kernel.mix_rows(
            points, masses, first[i:j], last[i:j], own[i:j], 0.5, 1.0, key=1, rows=numbered(j - i, 2**40 + i)
        )
        for i, j in ((0, 1), (1, 17), (17, 40))
    ]
    assert whole.dtype == dtype
    assert np.concatenate(alone).tobytes() == whole.tobytes()


def test_any_rows_of_the_stream(kernel, cells):
    points, masses, first, last, own = cells
    rows = numbered(40, 7)
    whole = kernel.mix_rows(points, masses, first, last, own, 0.5, 1.0, key=1, rows=rows)
    some = np.array([39, 2, 17, 3])
    alone = kernel.mix_rows(points, masses, first[some], last[some], own[some], 0.5, 1.0, key=1, rows=rows[some])
    assert alone.tobytes() == whole[some].tobytes()


def test_kernels_agree(kernel, cells):
    """Logarithm and cosine may differ in their last digit from library to library."""
    points, masses, *rows = cells
    for dtype, tolerance in ((np.float32, 1e-6), (np.float64, 1e-14)):
        mine = kernel.mix_rows(points.astype(dtype), masses, *rows, 0.7, 1.3, key=2**63, rows=numbered(40, 2**33))
        theirs = reference.mix_rows(points.astype(dtype), masses, *rows, 0.7, 1.3, key=2**63, rows=numbered(40, 2**33))
        assert np.abs(mine - theirs).max() <= tolerance * np.abs(theirs).max()


def test_far_from_zero_nothing_is_lost(kernel, cells):
    points, _, first, last, own = cells
    points = np.round(points * 8) / 8
    near = kernel.mix_rows(points, None, first, last, own, 1.0, 1.0, key=0, rows=numbered(40))
    far = kernel.mix_rows(points + 2.0**40, None, first, last, own, 1.0, 1.0, key=0, rows=numbered(40))
    assert np.abs((far - 2.0**40) - near).max() < 2.0**-10


def test_no_rows(kernel, cells):
    points = cells[0]
    none = np.zeros(0, np.int64)
    assert kernel.mix_rows(points, None, none, none, none, 1.0, 1.0, key=0, rows=numbered(0)).shape == (0, 3)
