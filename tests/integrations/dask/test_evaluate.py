"""The table of rows on workers is that of the same rows in memory."""

import math

import numpy as np
import pytest
from dask import array

import vicinal
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.evaluation import METRICS
from vicinal.integrations import dask as on_dask

RNG = np.random.default_rng(0)
TRAIN, REAL, GOOD = RNG.normal(size=(700, 3)), RNG.normal(size=(400, 3)), RNG.normal(size=(500, 3))
MIXED = np.concatenate([TRAIN[:100], 1.2 * RNG.normal(size=(400, 3)), GOOD[:1], GOOD[:1]])  # copies, and twins
EVERY = [name for name in METRICS if name != "frechet_distance_infinity"]


def check_equal(found, expected, rtol=1e-9, atol=1e-12):
    assert [row["name"] for row in found.rows] == [row["name"] for row in expected.rows]
    for mine, other in zip(found.rows, expected.rows, strict=True):
        assert mine.keys() == other.keys()
        assert mine["n"] == other["n"]
        for name in mine.keys() - {"name", "reference", "why", "runs"}:
            np.testing.assert_allclose(mine[name], other[name], rtol=rtol, atol=atol, err_msg=f"{mine['name']}, {name}")


def on_workers(rows, n):
    return array.from_array(rows, chunks=(n, *[-1] * (rows.ndim - 1)))


@pytest.fixture(scope="module")
def expected():
    return vicinal.evaluate(REAL, {"good": GOOD, "mixed": MIXED}, train=TRAIN, metrics=EVERY)


@pytest.mark.parametrize("values_of_a_part", [30, 600, 1 << 21])
def test_parts_do_not_matter(expected, monkeypatch, values_of_a_part):
    monkeypatch.setattr("vicinal.integrations.dask.rows._PART", values_of_a_part * 3)
    found = on_dask.evaluate(
        on_workers(REAL, 50),
        {"good": on_workers(GOOD, 123), "mixed": MIXED},
        train=on_workers(TRAIN, 699),
        metrics=[name for name in EVERY if values_of_a_part > 30 or METRICS[name].needs_train],
    )
    names = set(found.rows[0])
    rows = [{key: value for key, value in row.items() if key in names or key == "why"} for row in expected.rows]
    check_equal(found, vicinal.evaluation.Scores(rows, []))


def test_numbers_of_rows_may_be_unknown_and_seeds_several(client):
    expected = vicinal.evaluate(REAL[REAL[:, 0] > 0], [GOOD, MIXED], train=TRAIN)
    real = on_workers(REAL, 90)
    with client.as_current():
        sets = [on_workers(GOOD, 200), on_workers(MIXED, 200)]
        found = on_dask.evaluate(real[real[:, 0] > 0], sets, train=on_workers(TRAIN, 200))
    check_equal(found, expected)


def test_float32_rows_agree():
    sets = [rows.astype(np.float32).reshape(len(rows), 3, 1) for rows in (REAL, GOOD, TRAIN)]
    found = on_dask.evaluate(*(on_workers(rows, 150) for rows in sets[:2]), train=on_workers(sets[2], 150))
    check_equal(found, vicinal.evaluate(*sets[:2], train=sets[2]), 1e-5, 1e-6)


def halves(images):
    return images.reshape(len(images), 2, -1).mean(axis=2) + images.reshape(len(images), -1)[:, :2]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_features_are_those_of_images(client, dtype):
    levels = np.random.default_rng(3).integers(0, 256, (3, 120, 1, 4, 4), dtype=np.uint8)
    sets = levels if dtype == np.uint8 else levels.astype(np.float32) / 255
    metrics = ["frechet_distance", "precision", "recall", "wasserstein_distance", "nn_ratio", "feature_copied"]
    expected = vicinal.evaluate(sets[0], sets[1], train=sets[2], features=halves, metrics=metrics)
    with client.as_current():
        real, generated, train = (on_workers(each, 50) for each in sets)
        found = on_dask.evaluate(real, generated, train=train, features=halves, metrics=metrics)
    check_equal(found, expected, 1e-5, 1e-6)
    assert "Novelty is measured between features." in found.notes


def test_large_sets_are_searched_in_part_and_a_note_says_so():
    found = on_dask.evaluate(*(on_workers(rows, 100) for rows in (REAL, MIXED)), train=TRAIN, max_samples=100)
    every = vicinal.evaluate(REAL, MIXED, train=TRAIN)
    for name in ("frechet_distance", "variance_ratio", "wasserstein_distance"):
        assert math.isclose(found["generated"][name], every["generated"][name], rel_tol=1e-9)
    assert found["generated"]["copied"] == pytest.approx(0.2, abs=0.03)  # copies come first, and samples evenly
    assert (found["real versus real"]["n"], found["generated"]["n"]) == (100, len(MIXED))
    assert any("at most 100 rows of each set" in note for note in found.notes)


def test_what_needs_all_rows_in_one_place_is_said(monkeypatch):
    monkeypatch.setattr("vicinal.integrations.dask.rows._MOST_TAKEN", 1000)
    found = on_dask.evaluate(REAL, GOOD, metrics=["frechet_distance", "vendi_score"])
    assert np.isnan(found["generated"]["vendi_score"])
    assert any("1,500 values from the workers to one place" in note for note in found.notes)


def test_nothing_that_workers_hold_changes():
    given = on_workers(GOOD, 50).persist()
    scores = [on_dask.evaluate(REAL, given, train=TRAIN)["generated"] for _ in range(2)]
    assert scores[0] == scores[1]


def spoiled(block, block_info=None):
    block = block.copy()
    if block_info[0]["chunk-location"][0] == 2:
        block[7] = np.inf
    return block


def test_a_bad_row_is_named():
    bad = on_workers(REAL, 100).map_blocks(spoiled, dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(InvalidInputError, match=r"generated, chunk 2, must be finite.*row 7"):
        on_dask.evaluate(on_workers(REAL, 100), bad)


@pytest.mark.parametrize(
    ("sets", "options", "error", "message"),
    [
        ((REAL, GOOD[:, :2]), {}, InvalidInputError, r"generated must have rows of shape \(3,\), like real"),
        ((REAL, GOOD[:1]), {}, InvalidInputError, "generated must have at least 2 rows; got 1"),
        ((REAL, GOOD), {"metrics": ["nn_ratio"]}, InvalidInputError, "without the training data"),
        ((REAL, GOOD), {"metrics": ["fame"]}, InvalidInputError, "metrics"),
        ((REAL, GOOD), {"max_samples": 0}, InvalidInputError, "max_samples"),
        ((REAL, GOOD), {"features": 3}, InvalidTypeError, "features"),
        ((REAL[:, 0], GOOD[:, 0]), {}, InvalidInputError, r"real must have shape \(n, \*shape\)"),
    ],
)
def test_what_cannot_be_used(sets, options, error, message):
    real, generated = (array.from_array(each) for each in sets)
    with pytest.raises(error, match=message):
        on_dask.evaluate(real, generated, **options)
