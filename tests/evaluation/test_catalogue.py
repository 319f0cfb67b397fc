"""The catalogue: every metric ranks a copier, a good sampler and a noisy one as it should."""

import numpy as np
import pytest

from vicinal import metrics
from vicinal.evaluation.catalogue import DEFAULT_METRICS, METRICS
from vicinal.evaluation.samples import Reference, Samples

SEEDS = range(2)
BETWEEN_FEATURES = {
    *("frechet_distance", "frechet_distance_infinity", "kernel_distance", "mifid", "vendi_score"),
    *("precision", "recall", "density", "coverage"),
}
QUALITY = [name for name, metric in METRICS.items() if metric.better != "reference"]
SEE_BOTH = {"mifid"}  # quality, and copying
N, M = 1500, 240  # training rows; held-out and generated rows


def mixture(seed):
    """Return a function that draws rows of eight dimensions from five clusters of unequal weight and shape."""
    generator = np.random.default_rng(seed)
    centres = 2 * generator.normal(size=(5, 8))
    shapes = generator.normal(size=(5, 8, 8)) / np.sqrt(8)
    weights = generator.dirichlet(np.full(5, 5.0))

    def draw(n, scale=1.0, clusters=5):
        cells = generator.choice(5, n, p=weights) % clusters
        return centres[cells] + scale * np.einsum("nij,nj->ni", shapes[cells], generator.normal(size=(n, 8)))

    return draw, generator


@pytest.fixture(scope="module", params=SEEDS)
def table(request):
    """Return every metric of every sampler, for one seed."""
    draw, generator = mixture(request.param)
    train, real = draw(N), draw(M)
    samplers = {
        "copies": train[generator.integers(0, N, M)],
        "good": draw(M),
        "noise": draw(M, scale=3.0),
        "collapsed": draw(M, clusters=1),
    }
    reference = Reference(real, train, request.param)
    found = {}
    for name, rows in samplers.items():
        samples = Samples(reference, rows, request.param)
        found[name] = {key: metric.compute(samples) for key, metric in METRICS.items()}
    return found


def worse(name, value, other):
    """Return by how much ``value`` is worse than ``other`` in a metric that has a direction."""
    return value - other if METRICS[name].better == "lower" else other - value


@pytest.mark.parametrize("name", [name for name in QUALITY if name != "recall"])
def test_noise_is_worse_than_fresh_draws(table, name):
    # Not in recall: the balls of scattered samples are large, and reach all real rows.
    good, noise = table["good"][name], table["noise"][name]
    assert worse(name, noise, good) > 0.3 * abs(good)


@pytest.mark.parametrize("name", [name for name in QUALITY if name not in {"precision", "density"}])
def test_a_collapsed_sampler_is_worse_than_fresh_draws(table, name):
    # Not in precision and density: what it makes is good, there is only little of it.
    good, collapsed = table["good"][name], table["collapsed"][name]
    assert worse(name, collapsed, good) > 0.3 * abs(good)


@pytest.mark.parametrize("name", [name for name in QUALITY if name not in SEE_BOTH])
def test_quality_does_not_see_copying(table, name):
    good, copies = table["good"][name], table["copies"][name]
    bad = max((table[other][name] for other in ("noise", "collapsed")), key=lambda value: worse(name, value, good))
    assert worse(name, copies, good) < 0.25 * worse(name, bad, good)


def test_variance_tells_noise_and_collapse_from_fresh_draws(table):
    ratio = {sampler: found["variance_ratio"] for sampler, found in table.items()}
    assert ratio["good"] == pytest.approx(1.0, abs=0.15)
    assert ratio["copies"] == pytest.approx(1.0, abs=0.15)
    assert ratio["collapsed"] < 0.8
    assert ratio["noise"] > 1.5


@pytest.mark.parametrize("prefix", ["", "feature_"])
def test_novelty_sees_copying(table, prefix):
    ratio, authentic, c_t = (
        {sampler: found[prefix + name] for sampler, found in table.items()}
        for name in ("nn_ratio", "authenticity", "data_copying")
    )
    assert ratio["copies"] == 0.0
    assert ratio["good"] == pytest.approx(1.0, abs=0.15)
    assert ratio["noise"] > 1.5
    assert authentic["copies"] == 0.0
    assert 20 < authentic["good"] < 75 < authentic["noise"]
    assert c_t["copies"] < -3 < c_t["good"] < 3 < c_t["noise"]


@pytest.fixture
def sets():
    draw, _ = mixture(7)
    return {"train": draw(400), "real": draw(220), "generated": draw(150, scale=1.2)}


def public(real, generated, train, seed):
    """Return every metric by the public functions."""
    ratios = metrics.nn_quantile_ratios(real, generated, train=train)
    novelty = {
        "nn_ratio": metrics.nn_ratio(real, generated, train=train),
        **{f"nn_ratio_q{level}": ratios[i] for i, level in ((0, 5), (1, 25), (3, 75), (4, 95))},
        "copied": metrics.copied(real, generated, train=train).value,
        "novelty_p": metrics.novelty_test(real, generated, train=train).p_value,
        "membership_auc": metrics.membership_auc(real, generated, train=train, random_state=seed).value,
        "membership_tpr": metrics.membership_tpr(real, generated, train=train, random_state=seed).value,
        "authenticity": metrics.authenticity(train, generated),
        "data_copying": metrics.data_copying_test(real, generated, train=train, random_state=seed),
    }
    return {
        "frechet_distance": metrics.frechet_distance(real, generated),
        "frechet_distance_infinity": metrics.frechet_distance_infinity(real, generated, random_state=seed),
        "kernel_distance": metrics.kernel_distance(real, generated, random_state=seed),
        **metrics.precision_recall(real, generated)._asdict(),
        **metrics.density_coverage(real, generated)._asdict(),
        "mifid": metrics.mifid(real, generated, train=train),
        "vendi_score": metrics.vendi_score(generated),
        "wasserstein_distance": metrics.wasserstein_distance(real, generated, random_state=seed),
        "wasserstein_1_distance": metrics.wasserstein_distance(real, generated, p=1, random_state=seed),
        "sliced_wasserstein_distance": metrics.sliced_wasserstein_distance(real, generated, random_state=seed),
        "sinkhorn_divergence": metrics.sinkhorn_divergence(real, generated, random_state=seed),
        "mmd": metrics.mmd(real, generated, random_state=seed),
        "c2st_auc": metrics.c2st_auc(real, generated, random_state=seed).value,
        "variance_ratio": metrics.variance_ratio(real, generated),
        **novelty,
        **{f"feature_{name}": value for name, value in novelty.items()},
    }


def test_the_catalogue_computes_the_public_functions(sets):
    pytest.importorskip("ot")
    samples = Samples(Reference(sets["real"], sets["train"], 3), sets["generated"], 3)
    expected = public(**sets, seed=3)
    assert {name: metric.compute(samples) for name, metric in METRICS.items()} == pytest.approx(expected, rel=1e-12)
    assert list(expected) == list(METRICS)


def test_what_needs_the_training_data_says_so(sets):
    pytest.importorskip("ot")
    samples = Samples(Reference(sets["real"], None, 0), sets["generated"], 0)
    for metric in METRICS.values():
        if metric.needs_train:
            with pytest.raises(ValueError, match=r"pass train=, or leave novelty out of metrics"):
                metric.compute(samples)
        else:
            assert np.isfinite(metric.compute(samples))


def test_more_searched_rows_than_there_are_change_nothing(sets):
    pytest.importorskip("ot")
    found = []
    for max_searched in (None, 220, 10_000):
        samples = Samples(Reference(sets["real"], sets["train"], 3, max_searched), sets["generated"], 3)
        found.append({name: metric.compute(samples) for name, metric in METRICS.items()})
    assert found[0] == found[1] == found[2]


def test_searched_rows_are_drawn_by_the_seed(sets):
    def searched(seed):
        return Reference(sets["real"], sets["train"], seed, 40).searched

    rows = {row.tobytes(): i for i, row in enumerate(sets["real"])}
    where = [rows[row.tobytes()] for row in searched(0)]
    assert len(where) == 40
    assert where == sorted(set(where)), "each once, in the order of the held-out rows"
    assert np.array_equal(searched(0), searched(0))
    assert not np.array_equal(searched(0), searched(1))
    assert max(where) >= 180, "not merely the first"


OF_NEIGHBOURS = ("precision", "recall", "density", "coverage", "nn_ratio", "copied", "novelty_p", "authenticity",
                 "data_copying")  # fmt: skip
COARSE = ("recall", "copied", "novelty_p")  # few rows may give what many give


def test_only_metrics_of_neighbours_leave_rows_out(sets):
    pytest.importorskip("ot")
    few = Reference(sets["real"], sets["train"], 3, 40)
    samples = Samples(few, sets["generated"], 3)
    found = {name: metric.compute(samples) for name, metric in METRICS.items()}
    whole = Samples(Reference(sets["real"], sets["train"], 3), sets["generated"], 3)
    cut = Samples(Reference(few.searched, sets["train"], 3), sets["generated"][:40], 3)
    for name, value in found.items():
        if name in SEE_BOTH or "membership" in name:
            continue  # see below
        leaves_out = name.removeprefix("feature_").partition("_q")[0] in OF_NEIGHBOURS
        expected, other = (cut, whole) if leaves_out else (whole, cut)
        assert value == METRICS[name].compute(expected), name
        if name.removeprefix("feature_") not in COARSE:
            assert value != METRICS[name].compute(other), name


def test_membership_leaves_out_attacked_rows_but_no_samples(sets):
    few = Reference(sets["real"], sets["train"], 3, 40)
    found = Samples(few, sets["generated"], 3).membership
    assert found == Samples(Reference(few.searched, sets["train"], 3), sets["generated"], 3).membership
    assert [len(rows) for rows in few.attacked] == [40, 40]


@pytest.mark.parametrize("max_searched", [None, 500])
def test_held_out_rows_as_samples_are_fresh(max_searched):
    draw, _ = mixture(8)
    reference = Reference(draw(1000), draw(1000), 0, max_searched)
    fresh = Samples(reference, reference.searched, 0)
    found = {name: metric.compute(fresh) for name, metric in METRICS.items() if metric.needs_train}
    assert found["membership_auc"] == pytest.approx(0.5, abs=3 * METRICS["membership_auc"].error(fresh))
    assert found["membership_tpr"] < 0.03
    assert 0 < found["mifid"] < np.inf
    assert found["nn_ratio"] == 1.0
    assert found["novelty_p"] == 1.0


def test_errors_are_those_of_the_public_functions(sets):
    samples = Samples(Reference(sets["real"], sets["train"], 3), sets["generated"], 3)
    real, generated, train = sets["real"], sets["generated"], sets["train"]
    expected = {
        "c2st_auc": metrics.c2st_auc(real, generated, random_state=3).error,
        "copied": metrics.copied(real, generated, train=train).error,
        "membership_auc": metrics.membership_auc(real, generated, train=train, random_state=3).error,
        "membership_tpr": metrics.membership_tpr(real, generated, train=train, random_state=3).error,
    }
    found = {name: metric.error(samples) for name, metric in METRICS.items() if metric.error is not None}
    assert found == pytest.approx(
        expected | {f"feature_{name}": expected[name] for name in expected if name != "c2st_auc"}
    )


def test_the_catalogue_hangs_together():
    assert set(DEFAULT_METRICS) <= set(METRICS)
    assert [name for name in METRICS if name in DEFAULT_METRICS] == list(DEFAULT_METRICS), "tables keep this order"
    headings = [metric.heading for metric in METRICS.values()]
    assert len(set(headings)) == len(headings)
    for name, metric in METRICS.items():
        arrow = {"lower": "↓", "higher": "↑", "reference": ")%"}[metric.better]
        assert metric.heading[-1] in arrow, f"{name}: {metric.heading} does not say that {metric.better} is better"
        needs_train = name in SEE_BOTH or (
            metric.better == "reference" and name not in {"variance_ratio", "vendi_score"}
        )
        assert metric.needs_train == needs_train
        assert (metric.space == "features") == (name.startswith("feature_") or name in BETWEEN_FEATURES)


@pytest.mark.parametrize("d", [30, 50, 300])
def test_few_rows_of_many_dimensions_share_their_distances(d):
    pytest.importorskip("ot")
    generator = np.random.default_rng(9)
    rows = {name: generator.normal(size=(n, d)) for name, n in (("real", 40), ("generated", 45), ("train", 60))}
    samples = Samples(Reference(rows["real"], rows["train"], 3), rows["generated"], 3)
    found = {name: metric.compute(samples) for name, metric in METRICS.items()}
    assert found == pytest.approx(public(**rows, seed=3), rel=1e-7)  # roots of eigenvalues that are 0 but for rounding


def test_copies_of_known_rows_score_as_if_nobody_knew(sets):
    index = np.random.default_rng(0).integers(0, 400, 150)
    known = Samples(Reference(sets["real"], sets["train"], 3), sets["train"][index], 3, copied=index)
    unknown = Samples(Reference(sets["real"], sets["train"], 3), sets["train"][index], 3)
    for name in DEFAULT_METRICS:
        assert METRICS[name].compute(known) == METRICS[name].compute(unknown)
