"""What every metric says to sets of rows that it cannot use, and which rows it draws."""

import numpy as np
import pytest

from vicinal import metrics
from vicinal.metrics._inputs import check_sets, subsets

PAIRS = {
    "frechet_distance": metrics.frechet_distance,
    "kernel_distance": metrics.kernel_distance,
    "mmd": metrics.mmd,
    "precision_recall": metrics.precision_recall,
    "density_coverage": metrics.density_coverage,
    "wasserstein_distance": metrics.wasserstein_distance,
    "sliced_wasserstein_distance": metrics.sliced_wasserstein_distance,
    "sinkhorn_divergence": metrics.sinkhorn_divergence,
    "nn_ratio": lambda real, generated: metrics.nn_ratio(real, generated, train=real),
    "nn_quantile_ratios": lambda real, generated: metrics.nn_quantile_ratios(real, generated, train=real).tolist(),
    "copied": lambda real, generated: metrics.copied(real, generated, train=real),
    "novelty_test": lambda real, generated: metrics.novelty_test(real, generated, train=real),
    "membership_auc": lambda real, generated: metrics.membership_auc(real, generated, train=real),
    "membership_tpr": lambda real, generated: metrics.membership_tpr(real, generated, train=real),
    "mifid": lambda real, generated: metrics.mifid(real, generated, train=real),
    "data_copying_test": lambda real, generated: metrics.data_copying_test(real, generated, train=real),
}


@pytest.fixture(params=PAIRS)
def metric(request):
    return PAIRS[request.param]


def test_messages_name_the_bad_array(metric, generator):
    good, bad = generator.normal(size=(2, 9, 2))
    bad[3] = np.nan
    with pytest.raises(ValueError, match="generated must be finite; got NaN or inf, first in row 3"):
        metric(good, bad)
    with pytest.raises(ValueError, match=r"generated must be at most 1e[+]45 in magnitude"):
        metric(good, good * -1e200)
    with pytest.raises(ValueError, match="generated must have shape"):
        metric(good, good[:, 0])
    with pytest.raises(ValueError, match=r"generated must have at least [12] rows; got n_samples=0"):
        metric(good, good[:0])
    with pytest.raises(TypeError, match="generated must be"):
        metric(good, np.array([["a", "b"]] * 9))


def test_rows_must_have_one_shape(metric, generator):
    images = generator.random((20, 1, 4, 4))
    with pytest.raises(ValueError, match=r"rows of one shape; got \(1, 4, 4\) and \(15,\)"):
        metric(images, np.zeros((20, 15)))


def test_rows_are_flattened(metric, generator):
    real, generated = generator.random((2, 20, 1, 4, 4))
    assert metric(real, generated) == pytest.approx(
        metric(real.reshape(20, 16), generated.reshape(20, 16)), nan_ok=True
    )


def test_the_data_are_left_alone(metric, generator):
    real, generated = generator.random((2, 30, 3))
    before = real.copy(), generated.copy()
    metric(real, generated)
    np.testing.assert_array_equal(real, before[0])
    np.testing.assert_array_equal(generated, before[1])


def test_tensors_data_frames_and_lists_give_what_arrays_give(metric, generator):
    torch, pandas = pytest.importorskip("torch"), pytest.importorskip("pandas")
    real, generated = generator.random((2, 30, 3))
    expected = metric(real, generated)
    for convert in (torch.from_numpy, pandas.DataFrame, np.ndarray.tolist):
        assert metric(convert(real), convert(generated)) == pytest.approx(expected, nan_ok=True)


def test_messages_name_the_training_data(generator):
    good, bad = generator.normal(size=(2, 9, 2))
    bad[3] = np.nan
    for call in (
        lambda: metrics.nn_ratio(good, good, train=bad),
        lambda: metrics.authenticity(bad, good),
        lambda: metrics.copied(good, good, train=bad),
        lambda: metrics.membership_auc(good, good, train=bad),
        lambda: metrics.mifid(good, good, train=bad),
        lambda: metrics.data_copying_test(good, good, train=bad),
    ):
        with pytest.raises(ValueError, match="train must be finite"):
            call()


def test_float64_is_not_copied(generator):
    x = generator.normal(size=(5, 2))
    assert np.shares_memory(x, check_sets(x=x)[0])
    assert check_sets(x=x.astype(np.float16))[0].dtype == np.float64


def test_subsets_are_seeded_rows_without_repeats(generator):
    real, generated = generator.normal(size=(40, 2)), generator.normal(size=(30, 2))
    small = subsets(20, 7, real, generated)
    for rows, drawn in zip((real, generated), small, strict=True):
        assert len(drawn) == len(np.unique(drawn, axis=0)) == 20
        assert {tuple(row) for row in drawn} <= {tuple(row) for row in rows}
    for a, b in zip(small, subsets(20, 7, real, generated), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(small[0], subsets(20, 8, real, generated)[0])
    assert [len(rows) for rows in subsets(None, 0, real, generated)] == [30, 30]


def test_subsets_of_real_rows_are_the_same_for_all_samplers(generator):
    real = generator.normal(size=(40, 2))
    first = subsets(20, 7, real, generator.normal(size=(30, 2)))[0]
    np.testing.assert_array_equal(first, subsets(20, 7, real, generator.normal(size=(500, 2)))[0])
    np.testing.assert_array_equal(first[:10], subsets(20, 7, real, generator.normal(size=(10, 2)))[0])
