"""Precision, recall, density and coverage against prdc, formulas and limits."""

import math

import numpy as np
import pytest

from vicinal import metrics


def both(real, generated, **options):
    return {
        **metrics.precision_recall(real, generated, **options)._asdict(),
        **metrics.density_coverage(real, generated, **options)._asdict(),
    }


def assert_as_prdc(real, generated, k):
    prdc = pytest.importorskip("prdc")
    theirs = prdc.compute_prdc(real, generated, k)
    ours = both(real, generated, n_neighbors=k)
    theirs["density"] = pytest.approx(theirs["density"], rel=1e-14)  # one divides where the other multiplies
    assert ours == theirs


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("d", [2, 20, 64])
@pytest.mark.parametrize(("n", "m", "k"), [(200, 300, 5), (100, 61, 10)])
def test_equal_to_prdc(generator, n, m, k, d, dtype):
    real = generator.normal(size=(n, d)) * np.linspace(0.5, 2, d) + 3
    generated = generator.normal(size=(m, d)) * np.linspace(0.6, 1.5, d) + 3.1
    assert_as_prdc(real.astype(dtype), generated.astype(dtype), k)


@pytest.mark.parametrize("d", [2, 20])
def test_equal_to_prdc_with_duplicates_and_rims(generator, d):
    # Integers: distances are exact in prdc too, rows lie exactly on the rims of balls, and some balls have no extent.
    real, generated = generator.integers(0, 3, size=(2, 150, d)).astype(np.float64)
    real[20:27], generated[50:60] = real[0], real[0]
    assert_as_prdc(real, generated, 5)
    assert_as_prdc(real, real, 5)
    assert_as_prdc(real, real[::-1], 3)


@pytest.mark.parametrize("d", [2, 40])
def test_exchange_swaps_precision_and_recall(generator, d):
    x, y = generator.normal(size=(150, d)), 1.2 * generator.normal(size=(100, d))
    assert metrics.precision_recall(x, y) == metrics.precision_recall(y, x)[::-1]


@pytest.mark.parametrize("d", [2, 20, 64])
@pytest.mark.parametrize("k", [1, 5])
def test_equal_sets(generator, d, k):
    x = generator.normal(size=(200, d)) + 100
    assert both(x, x, n_neighbors=k) == {"precision": 1.0, "recall": 1.0, "density": 1.0, "coverage": 1.0}
    assert both(x, x[::-1], n_neighbors=k) == {"precision": 1.0, "recall": 1.0, "density": 1.0, "coverage": 1.0}
    twins = np.repeat(x[:80], 2, axis=0)  # a twin is a neighbour at distance 0, and lies in every ball its row lies in
    if k > 1:
        assert both(twins, twins, n_neighbors=k)["precision"] == 1.0


@pytest.mark.parametrize("gap", [1e3, 1e4, 1e5])
def test_equal_sets_of_clusters_far_apart(generator, gap):
    x = generator.normal(size=(300, 20))
    x[::2] += gap
    assert metrics.density_coverage(x, x) == (1.0, 1.0)


def test_copies_of_one_row_have_balls_without_extent(generator):
    x, equal = generator.normal(size=(20, 3)), np.ones((20, 3))
    assert both(x, equal)["recall"] == 0.0
    assert both(x, np.repeat(x[:1], 20, axis=0))["precision"] == 1.0
    for samples in (x, equal):
        with pytest.raises(ValueError, match="real must have rows that differ: all are equal"):
            both(equal, samples)


def test_sets_far_apart(generator):
    x, y = generator.normal(size=(2, 100, 3))
    assert both(x, y + 1e3) == {"precision": 0.0, "recall": 0.0, "density": 0.0, "coverage": 0.0}


def test_balls_on_a_line_by_hand():
    real, generated = [[0.0], [1.0], [3.0]], [[0.5], [3.5], [9.0]]
    # radii with k=1: real 1, 1, 2; generated 3, 3, 5.5
    assert metrics.precision_recall(real, generated, n_neighbors=1) == (2 / 3, 1.0)
    # 0.5 lies in the balls of 0 and 1 only (its distance from 3 is 2.5), 3.5 in that of 3, 9 in none
    assert metrics.density_coverage(real, generated, n_neighbors=1) == (1.0, 1.0)
    assert metrics.density_coverage(real, [[0.5], [0.6]], n_neighbors=1) == (2.0, 2 / 3)


def test_outliers_spoil_precision_but_not_density(generator):
    real, generated = generator.normal(size=(300, 2)), generator.uniform(-30, 30, size=(300, 2))
    real[:5] *= 30  # five outliers with wide balls
    far = both(real, generated)
    assert far["precision"] > 0.8
    assert far["density"] < 0.8
    assert far["coverage"] < 0.2


@pytest.mark.parametrize(("n", "m", "k"), [(60, 40, 5), (30, 90, 1)])
def test_expectations_for_equal_distributions(n, m, k):
    generator = np.random.default_rng(1)
    found = [metrics.density_coverage(*np.split(generator.normal(size=(n + m, 2)), [n]), n_neighbors=k)
             for _ in range(30)]  # fmt: skip
    expected = (1.0, 1 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1)))
    # The docstring's product runs over (n + m - 1) ... (n + m - k), as this one does.
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert (abs(np.mean(found, axis=0) - expected) < 3 * error).all(), (np.mean(found, axis=0), expected, error)


def test_exchanging_the_sets_exchanges_precision_and_recall(generator):
    real, generated = generator.normal(size=(9000, 2)), generator.normal(size=(1000, 2)) * 1.1  # two blocks, one
    forth, back = metrics.precision_recall(real, generated), metrics.precision_recall(generated, real)
    assert forth == back[::-1]


@pytest.mark.parametrize("d", [2, 20])
def test_order_units_and_offset_do_not_matter(generator, d):
    real, generated = generator.normal(size=(2, 100, d))
    whole = pytest.approx(both(real, generated), rel=1e-12)
    assert both(generator.permutation(real), generator.permutation(generated)) == whole
    assert both(1e-5 * real, 1e-5 * generated) == whole
    assert both(real + 1e6, generated + 1e6) == whole


def test_too_few_rows(generator):
    x = generator.normal(size=(20, 2))
    for metric in (metrics.precision_recall, metrics.density_coverage):
        with pytest.raises(ValueError, match=r"real must have more than n_neighbors=5 rows; got 5: pass a smaller"):
            metric(x[:5], x)
        with pytest.raises(ValueError, match=r"generated must have more than n_neighbors=5 rows; got 5"):
            metric(x, x[:5])
        with pytest.raises(ValueError, match="n_neighbors must be an integer at least 1; got 0"):
            metric(x, x, n_neighbors=0)
        assert metric(x[:6], x[:6])[0] == 1.0
