"""Quality within classes: by hand, and what happens to labels that do not agree."""

import numpy as np
import pytest

from vicinal import evaluate
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS
from vicinal.evaluation.by_class import COVERAGE, FRECHET
from vicinal.metrics import density_coverage, frechet_distance

CLASSES = np.array(["cat", "dog", "owl"])


@pytest.fixture
def data():
    """Return sets of three classes that lie apart, and their labels: real, samples, training data."""
    generator = np.random.default_rng(0)
    sets = []
    for n in (90, 120, 300):
        labels = CLASSES[np.arange(n) % 3]
        sets.append((generator.normal(size=(n, 2)) + 9 * (np.arange(n) % 3)[:, None], labels))
    return sets


def said(scores, text):
    return any(text in note for note in scores.notes)


def by_hand(real, real_labels, rows, labels, classes=CLASSES):
    pairs = [(real[real_labels == each], rows[labels == each]) for each in classes]
    return np.mean([frechet_distance(*pair) for pair in pairs]), np.mean([density_coverage(*p).coverage for p in pairs])


def test_means_over_classes_by_hand(data):
    (real, of_real), (rows, labels), _ = data
    scores = evaluate(real, rows, real_labels=of_real, generated_labels=labels)
    row = scores["generated"]
    assert (row[FRECHET], row[COVERAGE]) == pytest.approx(by_hand(real, of_real, rows, labels), rel=1e-9)
    assert row["by_class"][FRECHET]["dog"] == pytest.approx(
        frechet_distance(real[of_real == "dog"], rows[labels == "dog"]), rel=1e-9
    )
    assert scores.columns[-2:] == [FRECHET, COVERAGE]
    assert "coverage within classes ↑" in scores.cells()[0]


def test_features_are_compared(data):
    (real, of_real), (rows, labels), _ = data

    def features(x):
        return x[:, :1] * 3

    row = evaluate(real, rows, real_labels=of_real, generated_labels=labels, features=features)["generated"]
    expected = by_hand(features(real), of_real, features(rows), labels)
    assert (row[FRECHET], row[COVERAGE]) == pytest.approx(expected, rel=1e-9)


def test_exchanged_classes_are_seen_within_classes_alone(data):
    (real, of_real), (rows, labels), _ = data
    exchanged = np.roll(labels, 1)
    scores = {
        name: evaluate(real, rows, real_labels=of_real, generated_labels=each)["generated"]
        for name, each in (("right", labels), ("wrong", exchanged))
    }
    assert scores["right"]["frechet_distance"] == scores["wrong"]["frechet_distance"]
    assert scores["right"][FRECHET] < 0.5 < 50 < scores["wrong"][FRECHET]
    assert scores["right"][COVERAGE] > 0.9 > 0.0 == scores["wrong"][COVERAGE]


def test_the_worst_class_is_named(data):
    (real, of_real), (rows, labels), _ = data
    rows[labels == "dog"] = rows[labels == "dog"][0]
    scores = evaluate(real, {"ours": rows}, real_labels=of_real, generated_labels={"ours": labels})
    assert said(scores, "Worst of 3 classes. ours: dog (Frechet distance")
    assert said(scores, "and dog (coverage 0.")


def test_reference_rows_have_the_columns_too(data):
    (real, of_real), (rows, labels), (train, of_train) = data
    more = {"real_labels": of_real, "generated_labels": labels, "train": train, "reconstructions": real + 0.01}
    scores = evaluate(real, rows, **more, train_labels=of_train)
    assert scores[REAL][FRECHET] < 0.5
    assert scores[REAL][COVERAGE] > 0.9
    assert scores[BOOTSTRAP][COVERAGE] > 0.5
    assert np.isfinite(scores[REAL]["nn_ratio"])
    assert FRECHET not in scores[RECONSTRUCTIONS], "their labels are not given"
    without = evaluate(real, rows, **more)
    assert FRECHET not in without[REAL]
    assert without["generated"][FRECHET] == scores["generated"][FRECHET]
    assert said(without, "Pass train_labels=")


def test_several_sources_and_seeds(data):
    (real, of_real), (rows, labels), _ = data
    sets = {"a": [rows, rows + 0.1], "b": rows[:60]}
    scores = evaluate(
        real,
        sets,
        real_labels=of_real,
        generated_labels={"a": [labels, labels], "b": labels[:60].tolist()},
        baseline="b",
        metrics=["frechet_distance"],
    )
    runs = [by_hand(real, of_real, each, labels)[0] for each in sets["a"]]
    assert scores["a"][FRECHET] == pytest.approx(np.mean(runs), rel=1e-9)
    assert scores["a"][f"{FRECHET}_se"] == pytest.approx(abs(runs[0] - runs[1]) / 2, rel=1e-6)
    assert np.mean(list(scores["a"]["by_class"][FRECHET].values())) == pytest.approx(scores["a"][FRECHET])
    assert scores.versus("b")[0][FRECHET] == pytest.approx(scores["b"][FRECHET] - scores["a"][FRECHET])


def test_integers_are_labels_of_any_type(data):
    (real, of_real), (rows, labels), _ = data
    place = {name: i for i, name in enumerate(CLASSES)}
    a, b = ([place[each] for each in some] for some in (of_real, labels))
    expected = evaluate(real, rows, real_labels=of_real, generated_labels=labels)["generated"][FRECHET]
    found = evaluate(real, rows, real_labels=np.array(a, np.uint8), generated_labels=b)["generated"]
    assert found[FRECHET] == expected
    assert list(found["by_class"][FRECHET]) == ["0", "1", "2"]


def test_classes_with_few_rows_are_left_out_by_name(data):
    (real, of_real), (rows, labels), _ = data
    kept = np.concatenate([np.flatnonzero(labels != "owl"), np.flatnonzero(labels == "owl")[:5]])
    rows, labels = rows[kept], labels[kept]
    scores = evaluate(real, rows, real_labels=of_real, generated_labels=labels)
    assert said(scores, "Classes with fewer than 6 rows in a set are left out: owl (5 in generated).")
    assert scores["generated"][FRECHET] == pytest.approx(
        by_hand(real, of_real, rows, labels, ["cat", "dog"])[0], rel=1e-9
    )


def test_labels_that_do_not_agree_are_named(data):
    (real, of_real), (rows, labels), _ = data
    scores = evaluate(real, rows, real_labels=of_real, generated_labels=np.where(labels == "owl", "fox", labels))
    assert said(scores, "Classes of real that generated lacks are left out: owl.")
    assert said(scores, "Classes of generated that real lacks are left out: fox.")
    assert set(scores["generated"]["by_class"][FRECHET]) == {"cat", "dog"}


def test_few_training_rows_of_a_class_are_said(data):
    (real, of_real), (rows, labels), (train, of_train) = data
    few = np.flatnonzero((of_train != "owl") | (np.arange(300) < 12))
    scores = evaluate(
        real,
        rows,
        real_labels=of_real,
        generated_labels=labels,
        train=train[few],
        train_labels=of_train[few],
        metrics=["frechet_distance"],
    )
    assert np.isnan(scores[REAL][FRECHET])
    assert said(scores, "class 'owl' has")
    assert np.isfinite(scores["generated"][FRECHET])


def test_classes_of_fewer_rows_than_features_are_said():
    generator = np.random.default_rng(0)
    real, rows = generator.normal(size=(2, 40, 30))
    labels = np.arange(40) % 2
    scores = evaluate(real, rows, real_labels=labels, generated_labels=labels, metrics=["frechet_distance"])
    assert said(scores, "A class has as few as 20 rows of 30 features")


def test_bad_labels(data):
    (real, of_real), (rows, labels), (train, of_train) = data
    both = {"real_labels": of_real, "generated_labels": labels}
    bad = [
        ({"real_labels": of_real}, "generated_labels must be given too"),
        ({"train_labels": of_train, "train": train}, "real_labels must be given too"),
        ({**both, "train_labels": of_train}, "pass train= too"),
        (
            {**both, "generated_labels": labels[:-1]},
            r"generated_labels must have shape \(120,\), one label for each row",
        ),
        ({**both, "real_labels": np.zeros((90, 2))}, r"real_labels must have shape \(90,\)"),
        (
            {**both, "generated_labels": {"ours": labels}},
            "generated_labels must have the labels of generated",
        ),
        ({**both, "generated_labels": [labels, labels]}, "generated_labels must be a list of 1 arrays"),
        (
            {**both, "generated_labels": np.arange(120) % 3},
            "strings in all sets, or integers in all; got real str; gen",
        ),
        ({**both, "generated_labels": np.linspace(0, 1, 120)}, "must be strings or integers; got 0.0"),
        ({**both, "generated_labels": ["cat", "dog", None] * 40}, "must be strings or integers; got None"),
        ({**both, "generated_labels": np.full(120, "fox")}, "must have a class with at least 6 rows in every set"),
        ({"metrics": [FRECHET]}, "metrics must not name 'class_frechet_distance' without labels: pass real_labels="),
    ]
    for options, message in bad:
        with pytest.raises((ValueError, TypeError), match=message):
            evaluate(real, rows, **options)
