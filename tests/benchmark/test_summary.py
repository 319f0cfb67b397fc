"""Means, standard errors, ranks and verdicts: known answers, and what no copier may ever be called."""

import json
import math
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal._errors import FileFormatError
from vicinal.benchmark import Config, Study
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS

FACTS = {"distance": "Frechet distance", "features": "pixels", "n_train": 9, "n_held_out": 7, "image_shape": [1, 8, 8]}
CONFIG = Config(
    title="T",
    data={"name": "digits"},
    features={"name": "pixels"},
    autoencoders={"AE": {"objective": "ae"}},
    samplers={name: {"sampler": "GaussianSampler"} for name in "abc"},
    metrics=("frechet_distance", "nn_ratio", "novelty_p"),
)


def study(*rows):
    """Return a study of rows (sampler, training seed, sampling seed, distance, nn ratio, p-value)."""
    names = ("sampler", "training_seed", "sampling_seed", "frechet_distance", "nn_ratio", "novelty_p")
    copies = [(BOOTSTRAP, 0, 0, 1.0, 0.0)]
    found = [{"autoencoder": "AE", "n": 60, **dict(zip(names, row, strict=False))} for row in (*rows, *copies)]
    return Study(CONFIG, FACTS, {}, found)


def distances(sampler, by_training, ratio=1.0, p=1.0):
    return [(sampler, t, i, value, ratio, p) for t, values in by_training.items() for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("by_training", "mean", "error"),
    [
        ({0: [5.0]}, 5.0, None),
        ({0: [1.0, 2.0, 3.0]}, 2.0, math.sqrt(1 / 3)),
        ({0: [1.0], 1: [3.0]}, 2.0, math.sqrt(2 / 2)),
        ({0: [1.0, 1.2], 1: [3.0, 3.2]}, 2.1, math.sqrt(2 / 2)),  # of the means of trainings, 1.1 and 3.1
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
    assert (gain.mean, gain.error) == (pytest.approx(1.25), pytest.approx(0.25))
    assert (gain.low, gain.high) == pytest.approx((1.25 - 12.706205 * 0.25, 1.25 + 12.706205 * 0.25))
    assert not gain.is_clear
    assert found.difference("AE", "b", "a", "frechet_distance").mean == pytest.approx(-1.25)


def test_seeds_that_only_one_has_are_left_out():
    found = study(
        *distances("a", {0: [1.0, 2.0, 100.0], 1: [3.0], 2: [1000.0]}),
        *distances("b", {0: [4.0, 5.0], 1: [7.0, 1000.0]}),
    )
    gain = found.difference("AE", "a", "b", "frechet_distance")
    assert gain.mean == pytest.approx((3.0 + 4.0) / 2)


def test_tables_have_the_intervals_of_verdicts():
    """Of one training and of several, the table below another table says what the verdict rests on."""
    for by_training in ({0: [1.0, 2.0, 2.5]}, {0: [1.0, 1.4], 1: [3.0, 4.0], 2: [0.5, 0.5]}):
        of_b = {training: [2.0 + value**2 for value in values] for training, values in by_training.items()}
        found = study(*distances("a", by_training), *distances("b", of_b))
        gain = found.difference("AE", "a", "b", "frechet_distance")
        (shown,) = (each for each in found.scores("AE").versus("b") if each["name"] == "a")
        assert shown["frechet_distance"] == pytest.approx(gain.mean)
        assert (shown["frechet_distance_low"], shown["frechet_distance_high"]) == pytest.approx((gain.low, gain.high))


def test_trainings_count_once_however_often_they_were_sampled():
    gain = study(
        *distances("a", {0: [0.0, 0.0, 0.0], 1: [0.0]}), *distances("b", {0: [1.0, 1.0, 1.0], 1: [3.0]})
    ).difference("AE", "a", "b", "frechet_distance")
    assert gain.mean == pytest.approx(2.0)


CLEAR, UNCLEAR = [1.0, 1.1], [1.0, -1.1]  # gains, of which the first exclude 0


@pytest.mark.parametrize(
    ("gains", "p", "other", "word"),
    [
        (CLEAR, 1.0, 1.0, "better"),
        ([-1.0, -1.1], 1.0, 1.0, "worse"),
        (UNCLEAR, 1.0, 1.0, "no clear difference"),
        ([1.0, 2.0], 1.0, 1.0, "no clear difference"),  # 1.5 +- 6.4, with one degree of freedom
        ([1.0], 1.0, 1.0, "no clear difference"),  # one value proves nothing
        ([0.0, 0.0], 1.0, 1.0, "no clear difference"),
        (CLEAR, 0.005, 1.0, "better"),  # Bonferroni over two samplings: 0.01
        (CLEAR, 0.0049, 1.0, "not compared"),
        (UNCLEAR, 0.001, 1.0, "not compared"),
        ([-1.0, -1.1], 0.001, 1.0, "worse"),
        (CLEAR, 1.0, 0.001, "better"),
        (UNCLEAR, 1.0, 0.001, "not compared"),  # as good as a copier may be better
        ([-1.0, -1.1], 1.0, 0.001, "not compared"),
        (CLEAR, 0.001, 0.001, "not compared"),
        (CLEAR, None, 1.0, "not compared"),  # not tested
    ],
)
def test_verdicts(gains, p, other, word):
    rows = [("a", 0, i, 10.0 - gain, 0.8, p) for i, gain in enumerate(gains)]
    found = study(*rows, *(("b", 0, i, 10.0, 1.2, other) for i in range(len(gains)))).verdict("AE", "a", "b")
    assert found.word == word
    assert found.gain.mean == pytest.approx(sum(gains) / len(gains))
    assert (found.ratio, found.other_ratio) == pytest.approx((0.8, 1.2))


numbers = st.floats(-1e6, 1e6)
p_values = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.005, 0.01, 1.0]), st.none())


def a_sampler(name):
    value = st.tuples(numbers, st.floats(0, 2), p_values)
    seeds = st.dictionaries(st.tuples(st.integers(0, 1), st.integers(0, 2)), value, min_size=1)
    return seeds.map(lambda found: [(name, *where, *values) for where, values in found.items()])


@settings(deadline=None, max_examples=100)
@given(a_sampler("a"), a_sampler("b"), a_sampler("c"))
def test_no_copier_is_ever_praised(a, b, c):
    """Whatever its distance, whatever the other's, and however many seeds there are."""
    found = study(*a, *b, *c)
    for sampler, rows in zip("abc", (a, b, c), strict=True):
        values = [row[5] for row in rows if row[5] is not None]
        is_new = found.is_new("AE", sampler)
        assert is_new == (len(values) * min(values) >= 0.01 if values else None)
        for other in set("abc") - {sampler}:
            verdict, back = found.verdict("AE", sampler, other), found.verdict("AE", other, sampler)
            assert (verdict is None) == (back is None)
            if verdict is None:
                continue
            pairs = ({"better", "worse"}, {"no clear difference"}, {"not compared"})
            assert {verdict.word, back.word} in pairs
            if not is_new:
                assert verdict.word in {"worse", "not compared"}
            if verdict.word == "better":
                assert verdict.gain.low > 0
            if is_new and found.is_new("AE", other):
                assert verdict.word != "not compared"
    ranks = found.ranking("AE")
    assert set(ranks) == {name for name in "abc" if found.is_new("AE", name)}
    means = [found.estimate("AE", name, "frechet_distance").mean for name in ranks]
    assert means == sorted(means)
    assert BOOTSTRAP not in ranks


def test_copies_are_not_ranked_whatever_their_distance_and_their_median():
    found = study(("a", 0, 0, 5.0, 1.0, 0.5), ("b", 0, 0, 0.1, 1.0, 0.001), ("c", 0, 0, 3.0, 0.8, 0.01))
    assert found.ranking("AE") == ["c", "a"]


def test_a_study_without_the_novelty_test_ranks_nothing():
    found = study(("a", 0, 0, 5.0, 1.0), ("a", 0, 1, 5.1, 1.0), ("b", 0, 0, 9.0, 1.0), ("b", 0, 1, 9.1, 1.0))
    assert not found.is_tested
    assert found.is_new("AE", "a") is None
    assert found.ranking("AE") == []
    assert found.verdict("AE", "a", "b").word == "not compared"
    assert found.difference("AE", "a", "b", "frechet_distance").is_clear, "the difference itself is known"


def test_p_values_are_combined_over_samplings():
    found = study(*(("a", 0, i, 1.0, 1.0, p) for i, p in enumerate((0.02, 0.5, 0.9))))
    assert found.estimate("AE", "a", "novelty_p") == (pytest.approx(0.06), None, 3)
    row = found.scores("AE")["a"]
    assert row["novelty_p"] == pytest.approx(0.06)
    assert "novelty_p_se" not in row


def test_failures():
    failed = {"autoencoder": "AE", "sampler": "a", "training_seed": 0, "sampling_seed": 0, "failed": "too few"}
    whole = study(("b", 0, 0, 1.0, 1.0, 1.0))
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
