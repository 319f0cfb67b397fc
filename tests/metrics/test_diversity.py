"""The Vendi score against its definition, and on sets whose score is known."""

import numpy as np
import pytest

from vicinal import metrics


@pytest.mark.parametrize(("m", "d"), [(30, 5), (5, 30), (12, 12)])
def test_entropy_of_the_eigenvalues_of_cosines(generator, m, d):
    rows = generator.normal(size=(m, d)) + 0.5
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    eigenvalues = np.linalg.eigvalsh(unit @ unit.T / m).clip(1e-300)
    expected = np.exp(-np.sum(eigenvalues * np.log(eigenvalues)))
    assert metrics.vendi_score(rows) == pytest.approx(expected, rel=1e-9)


def test_groups_that_share_nothing_count_once_each():
    assert metrics.vendi_score(np.repeat(np.eye(7), 4, axis=0)) == pytest.approx(7.0)
    assert metrics.vendi_score(np.outer([1.0, 2.0, 3.0], [1.0, 1.0])) == pytest.approx(1.0)
    uneven = np.repeat(np.eye(2), [9, 1], axis=0)
    assert metrics.vendi_score(uneven) == pytest.approx(np.exp(-0.9 * np.log(0.9) - 0.1 * np.log(0.1)))


def test_lengths_and_rows_of_zeros_do_not_count(generator):
    rows = generator.normal(size=(20, 4))
    plain = metrics.vendi_score(rows)
    assert metrics.vendi_score(rows * generator.uniform(0.1, 9, size=(20, 1))) == pytest.approx(plain)
    assert metrics.vendi_score(np.vstack([rows, np.zeros((3, 4))])) == pytest.approx(plain)
    with pytest.raises(ValueError, match="generated must have a row that is not zero"):
        metrics.vendi_score(np.zeros((3, 4)))
