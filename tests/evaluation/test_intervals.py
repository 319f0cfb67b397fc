"""Confidence intervals: known answers, and how often they are wrong where two samplers are equally bad."""

import numpy as np
import pytest

from vicinal import evaluate
from vicinal.benchmark import Config, Study
from vicinal.evaluation import Judge, Scores
from vicinal.evaluation.intervals import Chance, interval
from vicinal.evaluation.replicates import N_GROUPS

MOST_WRONG = 0.06


def test_one_chance_makes_the_usual_t_interval():
    found = interval(2.0, [Chance.of_values([1.0, 2.0, 3.0])])
    assert found.error == pytest.approx(np.sqrt(1 / 3))
    assert (found.low, found.high) == pytest.approx((2 - 4.302653 / np.sqrt(3), 2 + 4.302653 / np.sqrt(3)))
    assert not found.is_clear
    assert interval(2.0, [Chance.of_values([1.9, 2.1])]).low == pytest.approx(2 - 12.706205 * 0.1)
    assert interval(2.0, []).low is None
    assert not interval(2.0, []).is_clear


def test_chances_add_by_their_own_degrees_of_freedom():
    found = interval(0.0, [Chance(4.0, 1), Chance(9.0, 9)])
    assert found.error == pytest.approx(np.sqrt(13))
    assert found.high == pytest.approx(np.sqrt(12.706205**2 * 4 + 2.262157**2 * 9))


def test_the_jackknife_of_a_mean_is_the_variance_of_the_mean():
    values = np.random.default_rng(0).normal(size=40)
    without = [np.delete(values, i).mean() for i in range(40)]
    assert Chance.of_replicates(without) == (pytest.approx(values.var(ddof=1) / 40), 39)


CONFIG = Config(
    title="T",
    data={"name": "digits"},
    features={"name": "pixels"},
    autoencoders={"AE": {"objective": "ae"}},
    samplers={name: {"sampler": "GaussianSampler"} for name in "ab"},
)


def a_null_study(generator, n_trainings, n_samplings, held_out):
    """Return a study of two equally bad samplers; ``held_out`` is how much the held-out rows change their difference.

    The distance of "a" has the chance of the held-out rows, of the trainings and of the samplings in parts that differ.
    """
    groups = held_out * generator.normal(size=N_GROUPS)
    without = (groups.sum() - groups) / (N_GROUPS - 1)
    rows = []
    for training in range(n_trainings):
        chance = generator.normal() * (n_trainings > 1)  # of a single training nothing is known
        for sampling in range(n_samplings):
            rest = 10 + chance + 0.5 * generator.normal()
            seeds = {"autoencoder": "AE", "training_seed": training, "sampling_seed": sampling, "n": 60}
            distances = {"a": (rest + groups.mean(), rest + without), "b": (10.0, np.full(N_GROUPS, 10.0))}
            for sampler, (distance, replicates) in distances.items():
                found = {"frechet_distance": distance, "replicates": {"frechet_distance": list(replicates)}}
                rows.append({**seeds, "sampler": sampler, "nn_ratio": 1.0, "novelty_p": 0.5, **found})
    return Study(CONFIG, {"distance": "Frechet distance", "features": "pixels"}, {}, rows)


@pytest.mark.parametrize("seeds", [(1, 3), (2, 1), (2, 3), (5, 3)])
def test_verdicts_are_rarely_wrong(seeds):
    """Of 1,000 studies of two equal samplers, few call one better; of few trainings as well as of many."""
    generator = np.random.default_rng(seeds)
    words = [a_null_study(generator, *seeds, held_out=1.0).verdict("AE", "a", "b").word for _ in range(1000)]
    assert set(words) <= {"better", "worse", "no clear difference"}
    assert np.mean([word != "no clear difference" for word in words]) <= MOST_WRONG


def test_without_replicates_held_out_rows_make_verdicts_wrong():
    """What the replicates are for: the seeds do not show the chance that they share."""
    generator = np.random.default_rng(0)
    wrong = 0
    for _ in range(200):
        study = a_null_study(generator, 1, 3, 5.0)
        rows = [{name: value for name, value in row.items() if name != "replicates"} for row in study.rows]
        wrong += Study(CONFIG, study.facts, {}, rows).difference("AE", "a", "b", "frechet_distance").is_clear
    assert wrong > 0.3 * 200


def shifted(generator, n_sets, shift, n=80):
    sets = [generator.normal(size=(n, 2)) + np.array([shift, 0.0]) for _ in range(n_sets)]
    return sets[0] if n_sets == 1 else sets


@pytest.mark.parametrize("n_sets", [1, 3])
def test_two_equally_bad_samplers_are_rarely_told_apart(n_sets):
    """One is shifted to the right, one to the left: the held-out rows decide which of them looks better."""
    wrong, trials = 0, 150
    for seed in range(trials):
        generator = np.random.default_rng([seed, n_sets])
        sets = {"left": shifted(generator, n_sets, -0.4), "right": shifted(generator, n_sets, 0.4)}
        scores = evaluate(shifted(generator, 1, 0.0), sets, metrics=["kernel_distance"], baseline="left")
        (gain,) = scores.versus("left")
        wrong += gain["kernel_distance_low"] > 0 or gain["kernel_distance_high"] < 0
    assert wrong <= MOST_WRONG * trials


@pytest.mark.parametrize("metric", ["frechet_distance", "mmd", "sliced_wasserstein_distance"])
def test_a_better_sampler_is_found(metric):
    generator = np.random.default_rng(0)
    sets = {"near": shifted(generator, 1, 0.1, 300), "far": shifted(generator, 1, 1.0, 300)}
    (gain,) = evaluate(shifted(generator, 1, 0.0, 300), sets, metrics=[metric], baseline="far").versus("far")
    assert 0 < gain[f"{metric}_low"] < gain[metric] < gain[f"{metric}_high"]


def test_replicates_of_the_frechet_distance_leave_rows_out():
    generator = np.random.default_rng(0)
    real, good = generator.normal(size=(2, 100, 3))
    judge = Judge((real, None), metrics=["frechet_distance"])
    found = judge.replicates(good, metrics=["frechet_distance"])["frechet_distance"]
    order = np.array_split(np.random.default_rng([0, 5]).permutation(100), N_GROUPS)
    expected = [judge_of(np.delete(real, group, axis=0), good) for group in order]
    assert found == pytest.approx(expected)
    both = judge.replicates(good, metrics=["frechet_distance"], both=True)["frechet_distance"]
    assert both == pytest.approx([judge_of(*(np.delete(x, group, axis=0) for x in (real, good))) for group in order])
    assert judge.replicates(good[:15], metrics=["frechet_distance"]) == {}, "too few rows for ten groups"


def judge_of(real, good):
    return Judge((real, None), metrics=["frechet_distance"]).score(good)["frechet_distance"]


def test_more_rows_make_replicates_vary_less():
    """Metrics of many rows are replicated on 1,000 of them, and shrunk to the variance of all."""
    generator = np.random.default_rng(0)
    real, good = generator.normal(size=(2, 9000, 2))
    spread = {}
    for n in (1000, 9000):
        judge = Judge((real[:n], None), metrics=["variance_ratio"])
        spread[n] = np.std(judge.replicates(good[:n] * 1.2, metrics=["variance_ratio"])["variance_ratio"])
    assert 2 < spread[1000] / spread[9000] < 4.5, "3 but for chance"


def test_rows_that_have_no_replicates_are_told_apart_by_their_seeds():
    rows = [
        {"name": "a", "reference": False, "n": 9, "mmd": 0.3, "runs": {"mmd": [0.2, 0.4]}},
        {"name": "b", "reference": False, "n": 9, "mmd": 0.6, "runs": {"mmd": [0.5, 0.6, 0.7]}},
        {"name": "c", "reference": False, "n": 9, "mmd": 0.6},
    ]
    unpaired, none = Scores(rows).versus("a")
    variances = np.array([0.02 / 2, 0.01 / 3])
    assert unpaired["mmd_se"] == pytest.approx(np.sqrt(variances.sum()))
    assert unpaired["mmd_high"] == pytest.approx(-0.3 + np.sqrt(np.square([12.706205, 4.302653]) @ variances))
    assert set(none) == {"name", "mmd"}, "a single set without replicates has no interval"
