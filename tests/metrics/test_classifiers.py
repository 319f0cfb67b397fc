"""The classifier two-sample test against what the best classifier reaches, and training on samples."""

import numpy as np
import pytest
from scipy.stats import norm

from vicinal import metrics


@pytest.mark.parametrize("d", [1, 8])
@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0])
def test_shifted_gaussians_come_close_to_the_best_classifier(generator, d, shift):
    real, generated = generator.normal(size=(2, 2000, d))
    generated[:, 0] += shift
    found = metrics.c2st_auc(real, generated)
    best = norm.cdf(shift / np.sqrt(2))
    assert best - 0.04 - 3 * found.error < found.value < best + 3 * found.error


def test_equal_distributions_cannot_be_told_apart(generator):
    found = [metrics.c2st_auc(*generator.normal(size=(2, 200, 4)), random_state=i) for i in range(20)]
    values, errors = np.transpose(found)
    assert abs(values.mean() - 0.5) < 3 * errors.mean() / np.sqrt(20)
    assert values.std() == pytest.approx(errors.mean(), rel=0.5)


def test_a_difference_that_no_line_shows(generator):
    real, generated = generator.normal(size=(2, 2000, 2))
    generated[:, 1] = np.sign(generated[:, 0]) * np.abs(generated[:, 1])  # means and variances stay
    assert metrics.c2st_auc(real, generated).value > 0.65


def test_unequal_sizes_take_equal_subsets(generator):
    real, generated = generator.normal(size=(900, 3)), generator.normal(size=(100, 3))
    found = metrics.c2st_auc(real, generated)
    assert 0.3 < found.value < 0.7
    assert found == metrics.c2st_auc(real, generated, max_samples=100)
    assert found != metrics.c2st_auc(real, generated, random_state=1)


@pytest.mark.parametrize("n", [2, 3, 19, 49])
def test_few_rows_give_a_value(generator, n):
    found = metrics.c2st_auc(generator.normal(size=(30, 2)), generator.normal(size=(n, 2)))
    assert 0 <= found.value <= 1
    assert metrics.c2st_auc(generator.normal(size=(40, 2)), 9 + generator.normal(size=(40, 2))).value > 0.95


def labelled(generator, n, d=4, distance=3.0):
    labels = generator.integers(0, 3, n)
    return generator.normal(size=(n, d)) + distance * np.eye(3, d)[labels], np.array(["a", "b", "c"])[labels]


def test_training_on_samples_of_the_same_classes(generator):
    real, samples = labelled(generator, 1000), labelled(generator, 1000)
    found = metrics.train_on_synthetic_accuracy(*real, *samples)
    best = (np.argmax(real[0][:, :3], axis=1) == np.searchsorted(["a", "b", "c"], real[1])).mean()
    assert best - 0.05 < found.value <= best + 0.01
    assert found.error == pytest.approx(np.sqrt(found.value * (1 - found.value) / 1000))


def test_wrong_labels_and_lost_classes_teach_less(generator):
    (real, labels), (samples, theirs) = labelled(generator, 600), labelled(generator, 600)
    shuffled = metrics.train_on_synthetic_accuracy(real, labels, samples, generator.permutation(theirs))
    assert shuffled.value < 0.5
    known = theirs != "c"
    without = metrics.train_on_synthetic_accuracy(real, labels, samples[known], theirs[known])
    assert without.value < np.mean(labels != "c")
    only = metrics.train_on_synthetic_accuracy(real, labels, samples, np.full(600, "a"))
    assert only.value == np.mean(labels == "a")


def test_labels_are_checked(generator):
    real, labels = labelled(generator, 50)
    with pytest.raises(ValueError, match=r"generated_labels must have shape \(50,\), one for each row; got \(49,\)"):
        metrics.train_on_synthetic_accuracy(real, labels, real, labels[1:])
