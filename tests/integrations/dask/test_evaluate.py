"""Scores of dask arrays: those of `vicinal.evaluate` where all rows are taken, and said where they are not."""

import warnings

import numpy as np
import pytest

pytest.importorskip("dask.array", reason="dask is not installed")

from dask import array

import vicinal
from vicinal._errors import InvalidInputError
from vicinal.integrations import dask as on_dask

QUALITY = ["frechet_distance", "variance_ratio", "mmd"]
NOVELTY = ["nn_ratio", "nn_ratio_q5", "copied", "novelty_p", "authenticity"]


def normal(n, seed, scale=1.0, d=3):
    return (scale * np.random.default_rng(seed).normal(size=(n, d))).astype(np.float32)


@pytest.fixture
def sets():
    return {"real": normal(500, 0), "train": normal(700, 1), "good": normal(600, 2), "wide": normal(600, 3, 1.5)}


@pytest.mark.parametrize("chunks", [(90, 2), (600, 3)])
def test_few_rows_give_the_scores_of_evaluate(sets, chunks):
    expected = vicinal.evaluate(
        sets["real"], {name: sets[name] for name in ("good", "wide")}, train=sets["train"], metrics=QUALITY + NOVELTY
    )
    given = {name: array.from_array(rows, chunks=chunks) for name, rows in sets.items()}
    found = on_dask.evaluate(
        given["real"], {name: given[name] for name in ("good", "wide")}, train=given["train"], metrics=QUALITY + NOVELTY
    )
    for name in ("good", "wide"):
        for metric in QUALITY + NOVELTY:
            assert found[name][metric] == pytest.approx(expected[name][metric], rel=1e-6), (name, metric)
        assert found[name]["copied_se"] == pytest.approx(expected[name]["copied_se"])
        assert found[name]["n"] == 600
    for metric in NOVELTY:
        assert found["real versus real"][metric] == pytest.approx(expected["real versus real"][metric], rel=1e-6)
    assert found["bootstrap copies"]["nn_ratio"] == 0
    assert found.notes == expected.notes


def test_many_rows_are_all_taken_where_they_can_be(sets, client):
    many, real = normal(5000, 4), sets["real"]
    with client.as_current():
        found = on_dask.evaluate(
            real, array.from_array(many, chunks=700), train=sets["train"], metrics=QUALITY + NOVELTY, max_samples=200
        )
    assert found["generated"]["frechet_distance"] == pytest.approx(
        vicinal.metrics.frechet_distance(real, many), rel=1e-6
    )
    assert found["generated"]["n"] == 5000
    some = many[np.unique(np.linspace(0, 4999, 200).astype(int))]
    held_out = real[np.unique(np.linspace(0, 499, 200).astype(int))]
    scaled = vicinal.metrics.nn_ratio(held_out, some, train=sets["train"])  # all training rows, though 200 scale them
    assert found["generated"]["nn_ratio"] == pytest.approx(scaled, rel=0.05)
    assert any("5,000 of generated" in note and "at most 200" in note for note in found.notes)


def test_features_are_taken_on_the_workers(sets):
    squares = lambda rows: rows**2  # noqa: E731
    found = on_dask.evaluate(
        array.from_array(sets["real"], chunks=100), array.from_array(sets["wide"], chunks=77), features=squares,
        metrics=["frechet_distance"],
    )  # fmt: skip
    expected = vicinal.metrics.frechet_distance(squares(sets["real"]), squares(sets["wide"]))
    assert found["generated"]["frechet_distance"] == pytest.approx(expected, rel=1e-5)


def test_nothing_that_workers_hold_changes(sets):
    given = array.from_array(sets["good"], chunks=50).persist()
    scores = [on_dask.evaluate(sets["real"], given, metrics=QUALITY)["generated"] for _ in range(2)]
    assert scores[0] == scores[1]


def test_bad_rows_and_arguments(sets):
    bad = sets["good"].copy()
    bad[321, 1] = np.inf
    with pytest.raises(InvalidInputError, match=r"chunk 3 of generated 'a' .*row 21"):
        on_dask.evaluate(sets["real"], {"a": array.from_array(bad, chunks=(100, 3))})
    with pytest.raises(InvalidInputError, match="max_samples must be an integer at least 100"):
        on_dask.evaluate(sets["real"], sets["good"], max_samples=3)
    with pytest.raises(InvalidInputError, match=r"train="), warnings.catch_warnings():
        on_dask.evaluate(sets["real"], sets["good"], metrics=["nn_ratio"])
