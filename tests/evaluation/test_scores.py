"""The table of scores as text, Markdown, CSV, JSON and a data frame."""

import json
import sys

import numpy as np
import pytest

from vicinal import evaluate
from vicinal.evaluation import Scores


@pytest.fixture(scope="module")
def data():
    """Return training rows, held-out rows and samples of one distribution."""
    return np.random.default_rng(0).normal(size=(3, 200, 4))


def test_csv_and_pandas_hold_all_digits(data, tmp_path):
    train, real, good = data
    scores = evaluate(real, {"a, b": [good, good[::-1]], "c": real}, train=train)
    scores.to_csv(tmp_path / "scores.csv")
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(tmp_path / "scores.csv", index_col="name")
    assert frame.loc["a, b", "frechet_distance"] == scores["a, b"]["frechet_distance"]
    assert np.isnan(frame.loc["c", "frechet_distance_se"])
    pd.testing.assert_frame_equal(scores.to_pandas(), frame)


def test_pandas_missing_says_so(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pandas is not installed; run: pip install pandas"):
        evaluate(data[0], data[1]).to_pandas()


def test_nan_is_none_in_json(data):
    with pytest.warns(UserWarning, match="200 of 200 held-out rows are also training rows"):
        scores = evaluate(data[0], {1: data[2]}, train=data[0])
    assert np.isnan(scores["1"]["nn_ratio"])
    assert json.loads(json.dumps(scores.to_dict(), allow_nan=False))["rows"][2]["nn_ratio"] is None
    again = Scores(scores.to_dict()["rows"])
    assert again.cells()[3][1 + again.columns.index("nn_ratio")] == "-"


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
