"""The table: its rows, its columns, and that it tells copies, noise and good samples apart."""

import json

import numpy as np
import pytest

from vicinal import Autoencoder, PMFSampler, evaluate, metrics
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS, Scores, compare
from vicinal.samplers import GaussianSampler


@pytest.fixture
def data():
    """Return training rows, held-out rows and samples of one distribution."""
    return np.random.default_rng(0).normal(size=(3, 600, 4))


def test_rows_and_columns(data):
    train, real, good = data
    scores = evaluate(real, {"good": good, "noise": 3 * good, "copies": train[:300]}, train=train)
    assert [row["name"] for row in scores.rows] == [REAL, BOOTSTRAP, "good", "noise", "copies"]
    assert [row["reference"] for row in scores.rows] == [True, True, False, False, False]
    assert scores.columns == ["n", "frechet_distance", "wasserstein_distance", "nn_ratio", "authenticity"]
    assert scores["good"]["frechet_distance"] == metrics.frechet_distance(real, good)
    assert scores["good"]["nn_ratio"] == metrics.nn_ratio(real, good, train=train)
    assert scores["good"]["authenticity"] == metrics.authenticity(train, good)
    for metric in ("frechet_distance", "wasserstein_distance"):
        assert scores["good"][metric] < scores["noise"][metric]
    assert scores[REAL]["nn_ratio"] == 1.0
    assert scores[BOOTSTRAP]["nn_ratio"] == scores["copies"]["nn_ratio"] == 0.0
    assert scores[BOOTSTRAP]["authenticity"] == 0.0
    assert scores["copies"]["n"] == 300


def test_one_array_is_one_row(data):
    scores = evaluate(data[1], data[2])
    assert [row["name"] for row in scores.rows] == ["generated"]
    assert "nn_ratio" not in scores.columns
    assert any("novelty is not measured" in note for note in scores.notes)


def test_features_are_used_for_the_frechet_distance(data):
    train, real, good = data
    scores = evaluate(real, good, train=train, features=lambda rows: rows[:, :1] * 100)
    assert scores["generated"]["frechet_distance"] == metrics.frechet_distance(real[:, :1] * 100, good[:, :1] * 100)


def test_bad_input(data):
    with pytest.raises(ValueError, match=r"generated\['x'\] must have rows of shape \(4,\), like real; got \(3,\)"):
        evaluate(data[1], {"x": data[2][:, :3]})
    with pytest.raises(ValueError, match="real must have at least 2 rows"):
        evaluate(data[1][:1], data[2])
    with pytest.raises(ValueError, match="at least one set of samples"):
        evaluate(data[1], {})
    with pytest.raises(ValueError, match="must not use the names of reference rows; got bootstrap copies"):
        evaluate(data[1], {BOOTSTRAP: data[2]})
    with pytest.raises(ValueError, match="random_state must be an integer at least 0; got -1"):
        evaluate(data[1], data[2], train=data[0], random_state=-1)
    with pytest.raises(ValueError, match="train must be finite"):
        evaluate(data[1], data[2], train=np.full((9, 4), np.inf))


def test_nan_is_none_in_json(data):
    scores = evaluate(data[0], {1: data[2]}, train=data[0])  # held-out rows that are training rows
    assert np.isnan(scores["1"]["nn_ratio"])
    assert json.loads(json.dumps(scores.to_dict(), allow_nan=False))["rows"][2]["nn_ratio"] is None
    assert Scores(scores.to_dict()["rows"]).cells()[3][4] == "-"


def test_as_text():
    rows = [
        {"name": "a", "reference": True, "n": 5, "frechet_distance": 123.456, "nn_ratio": 0.5},
        {"name": "bb", "reference": False, "n": 5, "frechet_distance": 1.23456, "frechet_distance_se": 0.0456},
    ]
    scores = Scores(rows, ["A note."])
    assert scores.cells()[1:] == [["a", "5", "123", "0.50"], ["bb", "5", "1.23 ± 0.05", "-"]]
    assert scores.to_markdown().splitlines() == [
        "|  | n | Frechet distance ↓ | nn ratio (1 = fresh) |",
        "| --- | ---: | ---: | ---: |",
        "| a | 5 | 123 | 0.50 |",
        "| bb | 5 | 1.23 ± 0.05 | - |",
        "",
        "- A note.",
    ]
    assert len({len(line) for line in str(scores).splitlines()[:3]}) == 1
    assert json.loads(json.dumps(scores.to_dict())) == {"rows": rows, "notes": ["A note."]}
    with pytest.raises(KeyError, match="no row 'c'; there are 'a', 'bb'"):
        scores["c"]


def test_compare():
    generator = np.random.default_rng(0)
    train, real = generator.normal(size=(400, 6)), generator.normal(size=(200, 6))
    autoencoder = Autoencoder(lambda images: images[:, :3], lambda latents: np.pad(latents, ((0, 0), (0, 3))))
    template = PMFSampler(8)
    seen = []
    comparison = compare(
        autoencoder,
        {"pmf": template, "standard": GaussianSampler("standard")},
        train=train,
        real=real,
        features=lambda images: images[:, :2],
        n_seeds=3,
        random_state=7,
        on_row=seen.append,
    )
    scores = comparison.scores
    assert [row["name"] for row in scores.rows] == [REAL, RECONSTRUCTIONS, BOOTSTRAP, "pmf", "standard"]
    assert seen == [REAL, BOOTSTRAP, "pmf", "standard"]
    assert scores[RECONSTRUCTIONS]["frechet_distance"] == pytest.approx(0.0, abs=1e-9)
    runs = [comparison.samplers["pmf"].sample(200, random_state=seed) for seed in (7, 8, 9)]
    distances = [metrics.frechet_distance(real[:, :2], latents[:, :2]) for latents in runs]
    assert scores["pmf"]["frechet_distance"] == pytest.approx(np.mean(distances))
    assert scores["pmf"]["frechet_distance_se"] == pytest.approx(np.std(distances, ddof=1) / np.sqrt(3))
    assert scores[BOOTSTRAP]["nn_ratio"] == 0.0
    assert scores["pmf"]["fit_seconds"] > 0
    assert template.random_state is None
    assert not hasattr(template, "cells_")
