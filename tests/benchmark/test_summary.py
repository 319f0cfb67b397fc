"""Means, standard errors, ranks and verdicts: known answers, and what no copier may ever be called."""

import json
import math
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal._errors import FileFormatError
from vicinal.benchmark import Config, Study
from vicinal.benchmark.summary import LEAST_RATIO
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS

FACTS = {"distance": "Frechet distance", "features": "pixels", "n_train": 9, "n_held_out": 7, "image_shape": [1, 8, 8]}
CONFIG = Config(
    title="T",
    data={"name": "digits"},
    features={"name": "pixels"},
    autoencoders={"AE": {"objective": "ae"}},
    samplers={name: {"sampler": "GaussianSampler"} for name in "abc"},
)


def study(*rows):
    """Return a study of rows (sampler, training seed, sampling seed, distance, nn ratio)."""
    names = ("sampler", "training_seed", "sampling_seed", "frechet_distance", "nn_ratio")
    copies = [(BOOTSTRAP, 0, 0, 1.0, 0.0)]
    found = [{"autoencoder": "AE", "n": 60, **dict(zip(names, row, strict=False))} for row in (*rows, *copies)]
    return Study(CONFIG, FACTS, {}, found)


def distances(sampler, by_training, ratio=1.0):
    return [(sampler, t, i, value, ratio) for t, values in by_training.items() for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("by_training", "mean", "error"),
    [
        ({0: [5.0]}, 5.0, None),
        ({0: [1.0, 2.0, 3.0]}, 2.0, math.sqrt(1 / 3)),
        ({0: [1.0], 1: [3.0]}, 2.0, math.sqrt(2 / 2)),
        ({0: [1.0, 1.2], 1: [3.0, 3.2]}, 2.1, math.sqrt(2 / 2)),  # trainings differ: 2, samplings 0.02 / 2
        ({0: [0.0, 2.0], 1: [0.0, 2.0]}, 1.0, math.sqrt(1 / 2)),  # trainings agree by chance: samplings, 2 / 2
        ({0: [0.0, 2.0, 1.0], 1: [5.0]}, 3.0, math.sqrt(8 / 2)),
        ({0: [4.0, 4.0]}, 4.0, 0.0),
    ],
)
def test_means_and_standard_errors(by_training, mean, error):
    found = study(*distances("a", by_training)).estimate("AE", "a", "frechet_distance")
    assert found.mean == pytest.approx(mean)
    assert found.error == (None if error is None else pytest.approx(error))
    assert found.n == sum(map(len, by_training.values()))


def test_what_was_not_measured_is_none():
    found = study(*distances("a", {0: [1.0, 2.0]}))
    assert found.estimate("AE", "b", "frechet_distance") is None
    assert found.estimate("AE", "a", "recall") is None
    assert found.difference("AE", "a", "b", "frechet_distance") is None
    assert found.verdict("AE", "a", "b") is None
    assert not found.is_new("AE", "b")
    none = Study(
        CONFIG, FACTS, {}, [{"autoencoder": "AE", "sampler": "a", "training_seed": 0, "sampling_seed": 0, "mmd": None}]
    )
    assert none.estimate("AE", "a", "mmd") is None, "a NaN of the lines"


def test_differences_are_taken_seed_by_seed():
    found = study(*distances("a", {0: [1.0, 12.0]}), *distances("b", {0: [2.0, 13.5]}))
    gain = found.difference("AE", "a", "b", "frechet_distance")
    assert (gain.mean, gain.error, gain.n) == (pytest.approx(1.25), pytest.approx(0.25), 2)
    assert gain.is_clear
    assert found.difference("AE", "b", "a", "frechet_distance").mean == pytest.approx(-1.25)


def test_seeds_that_only_one_has_are_left_out():
    found = study(
        *distances("a", {0: [1.0, 2.0, 100.0], 1: [3.0], 2: [1000.0]}),
        *distances("b", {0: [4.0, 5.0], 1: [7.0, 1000.0]}),
    )
    gain = found.difference("AE", "a", "b", "frechet_distance")
    assert gain.mean == pytest.approx((3.0 + 4.0) / 2)
    assert gain.n == 3


def test_trainings_count_once_however_often_they_were_sampled():
    gain = study(
        *distances("a", {0: [0.0, 0.0, 0.0], 1: [0.0]}), *distances("b", {0: [1.0, 1.0, 1.0], 1: [3.0]})
    ).difference("AE", "a", "b", "frechet_distance")
    assert gain.mean == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("gains", "ratio", "other", "word"),
    [
        ([1.0, 1.1], 1.0, 1.0, "better"),
        ([-1.0, -1.1], 1.0, 1.0, "worse"),
        ([1.0, -1.1], 1.0, 1.0, "tie"),
        ([1.0], 1.0, 1.0, "tie"),  # one value proves nothing
        ([0.0, 0.0], 1.0, 1.0, "tie"),
        ([1.0, 1.1], 0.91, 1.4, "better"),  # both as new as fresh data
        ([1.0, 1.1], 0.5, 1.0, "not compared"),
        ([1.0, -1.1], 0.5, 1.0, "not compared"),
        ([-1.0, -1.1], 0.5, 1.0, "worse"),
        ([1.0, 1.1], 1.0, 0.5, "better"),
        ([1.0, -1.1], 1.0, 0.5, "not compared"),  # as good as a copier may be better
        ([-1.0, -1.1], 1.0, 0.5, "not compared"),
        ([1.0, 1.1], 0.3, 0.5, "not compared"),
        ([1.0, 1.1], 0.5, 0.3, "better"),
        ([1.0, 1.1], 0.5, 0.5, "better"),
        ([1.0, 1.1], 0.9, 1.0, "better"),
        ([1.0, 1.1], 0.899, 0.9, "not compared"),
    ],
)
def test_verdicts(gains, ratio, other, word):
    rows = [("a", 0, i, 10.0 - gain, ratio) for i, gain in enumerate(gains)]
    found = study(*rows, *(("b", 0, i, 10.0, other) for i in range(len(gains)))).verdict("AE", "a", "b")
    assert found.word == word
    assert found.gain.mean == pytest.approx(sum(gains) / len(gains))
    assert (found.ratio, found.other_ratio) == pytest.approx((ratio, other))


numbers = st.floats(-1e6, 1e6)
ratios = st.one_of(st.floats(0, 2), st.sampled_from([0.0, 0.89, 0.9, 0.91, 1.0]), st.floats(0.8, 1.0))


def a_sampler(name):
    value = st.tuples(numbers, ratios)
    seeds = st.dictionaries(st.tuples(st.integers(0, 1), st.integers(0, 2)), value, min_size=1)
    return seeds.map(lambda found: [(name, *where, *values) for where, values in found.items()])


@settings(deadline=None, max_examples=100)
@given(a_sampler("a"), a_sampler("b"), a_sampler("c"))
def test_no_copier_is_ever_praised(a, b, c):
    """Whatever its distance, whatever the other's, and however many seeds there are."""
    found = study(*a, *b, *c)
    for sampler in "abc":
        ratio = found.estimate("AE", sampler, "nn_ratio").mean
        assert found.is_new("AE", sampler) == (ratio >= LEAST_RATIO)
        for other in set("abc") - {sampler}:
            verdict, back = found.verdict("AE", sampler, other), found.verdict("AE", other, sampler)
            assert (verdict is None) == (back is None)
            if verdict is None:
                continue
            assert {verdict.word, back.word} in ({"better", "worse"}, {"tie"}, {"not compared"})
            if ratio < LEAST_RATIO and ratio < verdict.other_ratio:
                assert verdict.word in {"worse", "not compared"}
            if verdict.word == "better":
                assert verdict.gain.mean > 0
                assert ratio >= min(LEAST_RATIO, verdict.other_ratio)
            if min(ratio, verdict.other_ratio) >= LEAST_RATIO:
                assert verdict.word != "not compared"
    ranks = found.ranking("AE")
    assert set(ranks) == {name for name in "abc" if found.is_new("AE", name)}
    means = [found.estimate("AE", name, "frechet_distance").mean for name in ranks]
    assert means == sorted(means)
    assert BOOTSTRAP not in ranks


def test_copies_are_not_ranked_whatever_their_distance():
    found = study(("a", 0, 0, 5.0, 1.0), ("b", 0, 0, 0.1, 0.89), ("c", 0, 0, 3.0, 0.9))
    assert found.ranking("AE") == ["c", "a"]


def test_failures():
    failed = {"autoencoder": "AE", "sampler": "a", "training_seed": 0, "sampling_seed": 0, "failed": "too few"}
    whole = study(("b", 0, 0, 1.0, 1.0))
    found = Study(CONFIG, FACTS, {}, [*whole.rows, failed])
    assert found.failure("AE", "a") == "too few"
    assert found.failure("AE", "b") is None
    assert found.estimate("AE", "a", "frechet_distance") is None
    assert found.ranking("AE") == ["b"]
    assert [row["name"] for row in found.scores("AE").rows] == [BOOTSTRAP, "b"]


def test_seconds_are_medians():
    rows = [
        {"autoencoder": "AE", "sampler": "a", "training_seed": 0, "sampling_seed": i, "fit_seconds": value}
        for i, value in enumerate((1.0, 2.0, 90.0))
    ]
    found = Study(CONFIG, FACTS, {}, rows)
    assert found.seconds("a", "fit_seconds") == 2.0
    assert found.seconds("a", "sample_seconds") is None


# What a run wrote


def test_a_study_that_is_read_is_the_run(measured, full, lines):
    found = Study.read(measured)
    assert found.config == full
    assert found.facts == {
        "n_train": 1198,
        "n_held_out": 599,
        "image_shape": [1, 8, 8],
        "features": "pixels",
        "distance": "Frechet distance",
    }
    results, timings = lines(measured / "results.jsonl"), lines(measured / "timings.jsonl")
    assert found.rows == [{**timing, **result} for timing, result in zip(timings, results, strict=True)]
    assert found.autoencoders == ["AE", "Vamp"]
    assert found.samplers == [*full.samplers, BOOTSTRAP, RECONSTRUCTIONS, REAL]
    rows = [row for row in results if (row["autoencoder"], row["sampler"]) == ("AE", "Gaussian")]
    values = [row["frechet_distance"] for row in rows]
    estimate = found.estimate("AE", "Gaussian", "frechet_distance")
    assert estimate.mean == pytest.approx(sum(values) / 2)
    assert estimate.error == pytest.approx(abs(values[0] - values[1]) / 2)
    assert found.scores("AE")["Gaussian"]["frechet_distance"] == estimate.mean
    assert found.scores("AE")["Gaussian"]["n"] == 60


def test_copies_of_a_run_are_known(measured):
    found = Study.read(measured)
    for name in found.autoencoders:
        assert not found.is_new(name, BOOTSTRAP)
        assert not found.is_new(name, "PMF, 3000 bins")
        assert "PMF, 3000 bins" not in found.ranking(name)
        assert found.verdict(name, "PMF, 3000 bins", "Gaussian").word in {"worse", "not compared"}


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", "7", "null", '{"facts": {}, "machine": {}}', '{"study": [], "facts": {}, "machine": {}}',
     '{"study": {"title": "T"}, "facts": {}, "machine": {}}', '{"study": "T", "facts": {}, "machine": {}}'],
)  # fmt: skip
def test_a_damaged_study(damage, tmp_path):
    (tmp_path / "study.json").write_text(damage)
    with pytest.raises(FileFormatError, match=r"study.json is damaged \(.*\); run the study again"):
        Study.read(tmp_path)


def test_a_study_of_a_metric_that_is_not_known(measured, tmp_path):
    shutil.copytree(measured, tmp_path / "out")
    path = tmp_path / "out" / "study.json"
    found = json.loads(path.read_text())
    found["study"]["metrics"] = ["fid"]
    path.write_text(json.dumps(found))
    with pytest.raises(FileFormatError, match=r"study\.json is damaged"):
        Study.read(path.parent)


def test_a_folder_without_a_study(tmp_path):
    with pytest.raises(FileNotFoundError):
        Study.read(tmp_path)
