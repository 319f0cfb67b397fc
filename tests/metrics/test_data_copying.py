"""The test for data copying against SciPy's Mann-Whitney test and brute force over the cells."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu, norm

from vicinal import metrics
from vicinal.metrics import data_copying


def scipy_z(new, fresh):
    """Return z from the p-value: by how many deviations distances of generated rows rank above those of real ones."""
    result = mannwhitneyu(new, fresh, alternative="two-sided", method="asymptotic", use_continuity=False)
    return np.copysign(norm.isf(result.pvalue / 2), result.statistic - len(new) * len(fresh) / 2)


@pytest.mark.parametrize("d", [2, 20])
@pytest.mark.parametrize("scale", [0.8, 1.0, 1.2])
@pytest.mark.parametrize(("n", "m"), [(80, 120), (150, 20)])
def test_z_is_that_of_scipy(generator, d, scale, n, m):
    train, real, generated = (generator.normal(size=(k, d)) for k in (200, n, m))
    generated *= scale
    fresh, new = (cdist(x, train).min(axis=1) for x in (real, generated))
    found = metrics.data_copying_test(real, generated, train=train, n_cells=1)
    assert found == pytest.approx(scipy_z(new, fresh), rel=1e-6)


def test_z_with_ties_is_that_of_scipy(generator):
    train, real, generated = (generator.integers(0, 5, size=(k, 3)).astype(float) for k in (40, 90, 70))
    fresh, new = (cdist(x, train).min(axis=1) for x in (real, generated))
    assert len(np.unique(new)) < 10
    found = metrics.data_copying_test(real, generated, train=train, n_cells=1)
    assert found == pytest.approx(scipy_z(new, fresh), rel=1e-6)


def test_weighted_sum_over_cells_by_brute_force(generator):
    from sklearn.cluster import KMeans

    train, real, generated = (generator.normal(size=(k, 2)) for k in (300, 200, 150))
    centres = KMeans(6, n_init=1, random_state=3).fit(train).cluster_centers_
    weighted = squares = n_counted = 0.0
    for cell in range(6):
        fresh, new = (cdist(x[cdist(x, centres).argmin(axis=1) == cell], train).min(axis=1) for x in (real, generated))
        if len(new) >= 20:
            weighted += len(fresh) / 200 * scipy_z(new, fresh)
            squares += (len(fresh) / 200) ** 2
            n_counted += 1
    assert 0 < n_counted < 6, "some cells count and some do not"
    found = metrics.data_copying_test(real, generated, train=train, n_cells=6, random_state=3)
    assert found == pytest.approx(weighted / np.sqrt(squares), rel=1e-6)


@pytest.mark.parametrize("d", [2, 20])
@pytest.mark.parametrize("seed", range(2))
def test_copies_fresh_rows_and_noise(d, seed):
    generator = np.random.default_rng(seed)
    train, real, fresh = generator.normal(size=(3, 400, d))
    values = [
        metrics.data_copying_test(real, rows, train=train)
        for rows in (train, train + 0.01 * generator.normal(size=train.shape), fresh, 2 * fresh)
    ]
    assert values[0] < -10
    assert values[1] < -10
    assert -3 < values[2] < 3
    assert values[3] > 3


def test_a_standard_normal_in_one_cell_and_in_more(generator):
    distances, cells = generator.gamma(3.0, size=(400, 2, 120)), generator.integers(0, 3, size=(2, 120))
    one, three = (
        [data_copying.statistic(fresh, new, *where) for fresh, new in distances]
        for where in (np.zeros_like(cells), cells)
    )
    for values in (one, three):
        assert abs(np.mean(values)) < 3 / np.sqrt(400)
        assert np.std(values) == pytest.approx(1.0, abs=0.1)


def test_exchanging_the_sets_turns_the_sign_in_one_cell(generator):
    train, real, generated = generator.normal(size=(3, 90, 2))
    one_way = metrics.data_copying_test(real, generated, train=train, n_cells=1)
    assert metrics.data_copying_test(generated, real, train=train, n_cells=1) == pytest.approx(-one_way)


@pytest.mark.parametrize("extra", [19, 20])
def test_a_cell_counts_from_twenty_generated_rows_on(generator, extra):
    here, there = np.zeros(2), np.full(2, 100.0)
    train = np.concatenate([generator.normal(size=(100, 2)) + place for place in (here, there)])
    real = np.concatenate([generator.normal(size=(50, 2)) + place for place in (here, there)])
    generated = np.concatenate([generator.normal(size=(60, 2)), train[100 : 100 + extra]])  # copies there
    fresh, new = (cdist(x, train).min(axis=1) for x in (real, generated))
    z = scipy_z(new[:60], fresh[:50]), scipy_z(new[60:], fresh[50:])
    expected = z[0] if extra == 19 else (z[0] + z[1]) / np.sqrt(2)
    found = metrics.data_copying_test(real, generated, train=train, n_cells=2)
    assert found == pytest.approx(expected, rel=1e-6)


def test_cells_without_held_out_rows_do_not_count(generator):
    train = np.concatenate([generator.normal(size=(100, 2)), generator.normal(size=(100, 2)) + 100])
    real = generator.normal(size=(50, 2))
    generated = np.concatenate([generator.normal(size=(60, 2)), train[100:150]])
    expected = metrics.data_copying_test(real, generated[:60], train=train[:100], n_cells=1)
    assert metrics.data_copying_test(real, generated, train=train, n_cells=2) == pytest.approx(expected)


def test_nan_if_no_cell_counts(generator):
    train, real, generated = generator.normal(size=(3, 100, 2))
    assert np.isnan(metrics.data_copying_test(real, generated[:19], train=train))
    assert not np.isnan(metrics.data_copying_test(real, generated[:20], train=train))


def test_zero_if_all_distances_are_equal():
    corners = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0]])
    train = np.array([[0.0, 0.0], [50.0, 0.0]])
    assert metrics.data_copying_test(corners, np.tile(corners, (6, 1)), train=train, n_cells=1) == 0.0


def test_one_seed_one_value(generator):
    train, real, generated = generator.normal(size=(3, 400, 2))
    values = [metrics.data_copying_test(real, generated, train=train, random_state=s) for s in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize(
    ("n_real", "n_train", "expected"), [(1, 200, 1), (199, 200, 1), (200, 200, 2), (10_000, 200, 50), (10_000, 9, 9)]
)
def test_one_cell_for_a_hundred_held_out_rows(generator, n_real, n_train, expected):
    partition = data_copying.partitioned(generator.normal(size=(n_train, 2)), n_real, None, 0)
    assert len(partition.cluster_centers_) == expected


def test_messages(generator):
    train, real, generated = generator.normal(size=(3, 30, 2))
    with pytest.raises(ValueError, match="n_cells must be at most the number of training rows, 30; got 31"):
        metrics.data_copying_test(real, generated, train=train, n_cells=31)
    with pytest.raises(ValueError, match="n_cells must be an integer at least 1; got 0"):
        metrics.data_copying_test(real, generated, train=train, n_cells=0)
    with pytest.raises(ValueError, match="random_state must be an integer from 0 to 4294967295; got -1"):
        metrics.data_copying_test(real, generated, train=train, random_state=-1)
    with pytest.raises(TypeError, match="train"):
        metrics.data_copying_test(real, generated)


def test_training_rows_with_few_values():
    train, rows = np.repeat(np.eye(2), 50, axis=0), np.tile(np.eye(2), (150, 1))
    assert metrics.data_copying_test(rows, rows + 0.1, train=train) > 3
