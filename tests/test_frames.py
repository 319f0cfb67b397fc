"""Columns of data frames are matched by name wherever sets are compared."""

import numpy as np
import pytest

import vicinal
from vicinal import metrics
from vicinal._frames import aligned

pandas = pytest.importorskip("pandas")


@pytest.fixture
def frames():
    real, generated = np.random.default_rng(0).normal([0, 5, 50], size=(2, 200, 3))
    return (pandas.DataFrame(rows, columns=list("abc")) for rows in (real, generated))


def test_evaluate_and_metrics(frames):
    real, generated = frames
    shuffled = generated[["c", "a", "b"]]
    expected = vicinal.evaluate(real, generated)["generated"]
    assert vicinal.evaluate(real, shuffled)["generated"] == expected
    assert {**vicinal.evaluate(real, {"one": shuffled})["one"], "name": "generated"} == expected
    assert metrics.frechet_distance(real, shuffled) == metrics.frechet_distance(real, generated)
    assert metrics.frechet_distance(real, shuffled) < metrics.frechet_distance(real, shuffled.to_numpy()) / 100
    train = real + 0.3
    expected = metrics.nn_ratio(real, generated, train=train)
    assert metrics.nn_ratio(real, generated, train=train[["b", "a", "c"]]) == pytest.approx(expected)


def test_other_columns_are_refused(frames):
    real, generated = frames
    other = generated.rename(columns={"c": "d"})
    with pytest.raises(ValueError, match=r"same names, each once; generated lacks \['c'\] and has \['d'\] more"):
        vicinal.evaluate(real, other)
    with pytest.raises(ValueError, match=r"same names, each once; real lacks \[\] and has \['c'\]"):
        metrics.nn_ratio(real, generated, train=generated[["a", "b"]])
    with pytest.raises(ValueError, match="each once"):
        metrics.frechet_distance(real, generated[["a", "b", "c", "c"]])


def test_what_has_no_names_is_left_alone(frames):
    real, generated = frames
    unnamed = pandas.DataFrame(generated.to_numpy())
    for given in (generated.to_numpy(), unnamed, generated.to_numpy().tolist()):
        assert aligned({"real": real, "generated": given})["generated"] is given
    assert metrics.frechet_distance(real, unnamed) == metrics.frechet_distance(real, generated)
