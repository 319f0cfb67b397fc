"""Labels, weights, temperature and rare cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import vicinal
from vicinal._errors import LabelWarning
from vicinal.kernels import reference
from vicinal.samplers import LocalSampler, PMFSampler

pytestmark = pytest.mark.filterwarnings("ignore::vicinal._errors.LabelWarning")  # small classes suffice here


@pytest.fixture
def labelled():
    """Return latents of three classes on three islands, and their labels."""
    labels = np.array(["left", "middle", "right"])[np.arange(300) % 3]
    centres = np.array([[-10.0, 0.0], [0.0, 5.0], [10.0, 0.0]])[np.arange(300) % 3]
    return (centres + np.random.default_rng(0).normal(size=(300, 2))).astype(np.float32), labels


def islands(latents):
    """Return which island each row is on."""
    return np.array(["left", "middle", "right"])[np.digitize(latents[:, 0], [-5, 5])]


def cell_of(sampler, latents):
    """Return the cell of each row by the definition."""
    codes = reference.quantize(latents, sampler.lower_, sampler.bin_width_, sampler.n_bins_)
    return reference.find_cells(codes, sampler.cells_)


def test_samples_of_a_class(labelled):
    latents, labels = labelled
    sampler = PMFSampler(16, random_state=0).fit(latents, labels)
    assert sampler.classes_.tolist() == ["left", "middle", "right"]
    assert sampler.class_counts_.tolist() == [100, 100, 100]
    for label in sampler.classes_:
        assert (islands(sampler.sample(200, y=label)) == label).all()
    wanted = np.array(["right", "left", "left", "middle"] * 50)
    drawn = sampler.sample(200, y=wanted)
    assert (islands(drawn) == wanted).all()
    assert np.array_equal(sampler.sample(50, y=list(wanted[150:]), start=150), drawn[150:])
    assert np.array_equal(sampler.sample(200, y="left")[wanted == "left"], drawn[wanted == "left"])


def test_labels_change_nothing_else(labelled):
    latents, labels = labelled
    plain, with_labels = PMFSampler(8, random_state=0).fit(latents), PMFSampler(8, random_state=0).fit(latents, labels)
    assert np.array_equal(plain.sample(99), with_labels.sample(99))
    assert np.array_equal(plain.score_samples(latents), with_labels.score_samples(latents))


def test_frequencies_within_a_class():
    latents = np.repeat([[0.0], [1.0], [2.0], [3.0]], [10, 20, 30, 40], axis=0)
    labels = ["a"] * 10 + ["b"] * 5 + ["a"] * 15 + ["b"] * 70
    sampler = PMFSampler(4, random_state=0).fit(latents, labels)
    seen = np.bincount(cell_of(sampler, sampler.sample(30_000, y="b")), minlength=4)
    assert seen[0] == 0
    assert stats.chisquare(seen[1:], np.array([5, 30, 40]) / 75 * 30_000).pvalue > 0.001


@pytest.mark.parametrize(
    "labels",
    [
        [3, 1, 2, 1],
        ["x", 1, ("a", 2), None],
        [True, False, True, False],
        [1.5, -2.0, 1.5, 7.0],
        [frozenset({1}), frozenset({2}), "z", frozenset({1})],
    ],
)
def test_labels_of_any_hashable_type(labels):
    latents = np.arange(4.0)[:, None]
    sampler = PMFSampler(4, random_state=0).fit(latents, labels)
    assert set(sampler.classes_.tolist()) == set(labels)
    for i, label in enumerate(labels):
        expected = {j for j, other in enumerate(labels) if other == label}
        assert set(cell_of(sampler, sampler.sample(60, y=[label] * 60))) == expected, i
    shuffled = PMFSampler(4).fit(latents[::-1], labels[::-1])
    assert shuffled.classes_.tolist() == sampler.classes_.tolist()


def test_bad_labels(labelled):
    latents, labels = labelled
    sampler = PMFSampler(8).fit(latents, labels)
    with pytest.raises(ValueError, match="one of the classes seen in fit, 'left', 'middle', 'right'; got 'top'"):
        sampler.sample(5, y="top")
    with pytest.raises(ValueError, match="got 7"):
        sampler.sample(2, y=["left", 7])
    with pytest.raises(ValueError, match="one label for each of 3 rows; got 2"):
        sampler.sample(3, y=["left", "left"])
    with pytest.raises(ValueError, match="y needs a sampler that was fitted with labels"):
        PMFSampler(8).fit(latents).sample(5, y="left")
    with pytest.raises(ValueError, match="one label for each of 300 rows; got 2"):
        PMFSampler(8).fit(latents, ["a", "b"])
    with pytest.raises(TypeError, match="hashable labels; got one of type list"):
        PMFSampler(8).fit(latents[:2], [[1], [2]])


@pytest.mark.parametrize("labels", [["b", "a"] * 150, list(range(150)) * 2, [1, "a", None] * 100])
def test_classes_are_saved(labelled, labels, tmp_path):
    sampler = PMFSampler(300, random_state=2).fit(labelled[0], labels)
    sampler.save(tmp_path / "s")
    loaded = vicinal.load(tmp_path / "s")
    assert loaded.classes_.tolist() == sampler.classes_.tolist()
    assert loaded.class_counts_.tolist() == sampler.class_counts_.tolist()
    wanted = (labels * 2)[7:57]
    assert np.array_equal(loaded.sample(50, y=wanted), sampler.sample(50, y=wanted))


def test_labels_that_cannot_be_saved(tmp_path):
    sampler = PMFSampler(4).fit(np.arange(4.0)[:, None], [(1, 2)] * 4)
    with pytest.raises(ValueError, match="labels must be strings, numbers or booleans to be saved"):
        sampler.save(tmp_path / "s")
    assert not any(tmp_path.iterdir())


@settings(deadline=None, max_examples=50)
@given(
    weights=st.lists(st.integers(0, 5), min_size=6, max_size=20).filter(lambda w: np.count_nonzero(w) > 1),
    n_bins=st.integers(1, 9),
    scale=st.integers(2, 9),
)
def test_whole_weights_are_repetitions(weights, n_bins, scale):
    rows = np.random.default_rng(len(weights)).normal(size=(len(weights), 2))
    bounds = PMFSampler.bounds_of(rows)
    weighted = PMFSampler(n_bins, bounds=bounds).fit(rows, sample_weight=weights)
    repeated = PMFSampler(n_bins, bounds=bounds).fit(np.repeat(rows, weights, axis=0))
    assert np.array_equal(weighted.cells_, repeated.cells_)
    assert np.array_equal(weighted.counts_, repeated.counts_)
    assert np.array_equal(weighted.sample(50, random_state=0), repeated.sample(50, random_state=0))
    assert np.array_equal(weighted.score_samples(rows), repeated.score_samples(rows))
    for factor in (scale, 1 / scale, 1e-20, np.pi):
        scaled = PMFSampler(n_bins, bounds=bounds).fit(rows, sample_weight=np.array(weights) * factor)
        assert np.array_equal(scaled.sample(50, random_state=0), weighted.sample(50, random_state=0))
        assert np.allclose(scaled.score_samples(rows), weighted.score_samples(rows))


def test_weights_are_the_probabilities():
    sampler = PMFSampler(4, random_state=0).fit(np.arange(4.0)[:, None], sample_weight=[0.1, 0.0, 0.25, 0.65])
    shares = sampler.counts_ / sampler.counts_.sum()
    assert np.allclose(shares, [0.1, 0.25, 0.65], atol=1e-8)
    seen = np.bincount(cell_of(sampler, sampler.sample(40_000)))
    assert stats.chisquare(seen, shares * 40_000).pvalue > 0.001


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -1, 1], "finite and at least 0; got values from -1"),
        ([1, np.nan, 1], "finite and at least 0"),
        ([0, 0, 0], "must have a value above 0"),
        ([1, 1], r"must have shape \(3,\), one for each row"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        PMFSampler(2).fit(np.zeros((3, 2)), sample_weight=weights)


def test_fractional_weights_where_they_make_no_sense():
    rows = np.zeros((3, 2))
    with pytest.raises(ValueError, match="sample_weight must be whole in partial_fit"):
        PMFSampler(2, bounds=(0, 1)).partial_fit(rows, sample_weight=[0.5, 1, 1])
    with pytest.raises(ValueError, match="min_count counts latents, so sample_weight must be whole"):
        PMFSampler(2, min_count=2).fit(rows, sample_weight=[0.5, 1, 1])


@pytest.fixture
def uneven():
    """Return a sampler of four cells with 1, 2, 3 and 4 latents."""
    return PMFSampler(4, random_state=0).fit(np.repeat([[0.0], [1.0], [2.0], [3.0]], [1, 2, 3, 4], axis=0))


@pytest.mark.parametrize("temperature", [0.3, 0.5, 1.0, 2.0, 30.0, np.inf])
def test_temperature(uneven, temperature):
    masses = np.arange(1.0, 5.0) ** (1 / temperature)
    seen = np.bincount(cell_of(uneven, uneven.set_params(temperature=temperature).sample(40_000)), minlength=4)
    assert stats.chisquare(seen, masses / masses.sum() * 40_000).pvalue > 0.001


def test_temperature_limits(uneven):
    as_it_is = uneven.sample(99)
    assert np.array_equal(uneven.set_params(temperature=1).sample(99), as_it_is)
    for cold in (0, 1e-300, 1e-4):
        assert set(cell_of(uneven, uneven.set_params(temperature=cold).sample(500))) == {3}
    tied = PMFSampler(2, random_state=0).fit([[0.0], [0.1], [1.0], [0.9]])
    assert set(cell_of(tied, tied.set_params(temperature=0).sample(500))) == {0, 1}
    for bad in (-1, np.nan):
        with pytest.raises(ValueError, match="temperature must be from 0 to inf"):
            uneven.set_params(temperature=bad).sample()
    with pytest.raises(TypeError, match="temperature must be a number"):
        uneven.set_params(temperature="hot").sample()


def test_the_density_is_tempered_too(uneven):
    latents = np.array([[0.0], [1.0], [2.0], [3.0]])
    mass = np.arange(1.0, 5.0) ** 2
    density = np.exp(uneven.set_params(temperature=0.5).score_samples(latents)) * uneven.bin_width_
    assert density == pytest.approx(mass / mass.sum(), rel=1e-6)
    assert uneven.set_params(temperature=0).score_samples(latents)[:3].tolist() == [-np.inf] * 3


def test_temperature_within_a_class(labelled):
    latents, labels = labelled
    sampler = PMFSampler(4, random_state=0).fit(latents, labels)
    for temperature in (0, np.inf, 0.5):
        wanted = ["left", "right"] * 100
        assert (islands(sampler.set_params(temperature=temperature).sample(200, y=wanted)) == wanted).all()


def test_rare_cells_are_dropped_and_not_saved(tmp_path):
    latents = np.repeat([[0.0], [1.0], [2.0], [3.0]], [1, 2, 3, 4], axis=0)
    sampler = PMFSampler(4, min_count=3, random_state=0).fit(latents)
    assert sampler.cells_.ravel().tolist() == [2, 3]
    assert sampler.dropped_mass_ == pytest.approx(0.3)
    assert sampler.n_samples_seen_ == 10
    assert np.exp(sampler.score_samples([[2.0], [0.0]])).tolist() == pytest.approx([3 / 7 / 0.75, 0.0])
    sampler.save(tmp_path / "s")
    loaded = vicinal.load(tmp_path / "s")
    assert np.array_equal(loaded.sample(20), sampler.sample(20))
    with pytest.raises(ValueError, match="a loaded sampler with min_count=3 cannot be added to"):
        loaded.partial_fit([[0.0], [1.0]])
    assert sampler.partial_fit([[0.0], [1.0]]).cells_.ravel().tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="min_count=99 leaves no cell: the fullest has 4 latents"):
        PMFSampler(4, min_count=99).fit(latents)


def test_rare_cells_of_a_class_are_dropped(tmp_path):
    latents = np.repeat([[0.0], [1.0]], [4, 4], axis=0)
    sampler = PMFSampler(2, min_count=3, random_state=0).fit(latents, list("aaab" + "bbbb"))
    assert sampler.counts_.tolist() == [4, 4]
    assert sampler.class_counts_.tolist() == [3, 4]
    assert set(cell_of(sampler, sampler.sample(100, y="b"))) == {1}


@pytest.mark.parametrize("labels", ["aaaaabccccc", "aaaaacccccd"])
def test_a_class_of_which_nothing_is_left_is_no_class(labels):
    latents = np.repeat([[0.0], [1.0]], [6, 5], axis=0)
    sampler = PMFSampler(4, min_count=3, random_state=0).fit(latents, list(labels))
    assert sampler.classes_.tolist() == ["a", "c"]
    assert set(cell_of(sampler, sampler.set_params(temperature=2).sample(50, y="c"))) == {1}
    with pytest.raises(ValueError, match=f"'a', 'c'; got '{(set(labels) - set('ac')).pop()}'"):
        sampler.sample(3, y=(set(labels) - set("ac")).pop())


def test_fits_with_fractional_weights_are_not_added_to(labelled):
    latents, _ = labelled
    options = {"n_bins": 4, "bounds": (-20.0, 20.0)}
    fractional, plain = (
        PMFSampler(**options).fit(latents, sample_weight=[0.5] * 300),
        PMFSampler(**options).fit(latents),
    )
    for add in (lambda: fractional.partial_fit(latents), lambda: plain.merge(fractional)):
        with pytest.raises(ValueError, match="a fit with fractional weights cannot be added to"):
            add()


def test_equal_labels_of_two_types_do_not_depend_on_the_order():
    latents = np.arange(6.0)[:, None]
    labels = [1, True, 1.0, 0, False, 0]
    forwards, backwards = PMFSampler(2).fit(latents, labels), PMFSampler(2).fit(latents[::-1], labels[::-1])
    assert list(map(type, forwards.classes_.tolist())) == list(map(type, backwards.classes_.tolist())) == [bool, bool]


@pytest.mark.parametrize(
    "labels", [[2**63 + 1, -1, 2**63 + 1], ["a\0", "a", "a"], [np.int64(3), np.True_, np.str_("x")]]
)
def test_labels_keep_their_identity(labels, tmp_path):
    sampler = PMFSampler(3, random_state=0).fit(np.arange(3.0)[:, None], labels)
    sampler.save(tmp_path / "s")
    for fitted in (sampler, vicinal.load(tmp_path / "s")):
        assert set(cell_of(fitted, fitted.sample(40, y=labels[0]))) == {i for i in range(3) if labels[i] == labels[0]}


def test_labels_that_are_no_labels(labelled):
    latents, _ = labelled
    for bad, message in ((5, "one label for each"), ("left", "one label for each"), ([np.nan] * 300, "got NaN")):
        with pytest.raises((ValueError, TypeError), match=message):
            PMFSampler(4).fit(latents, bad)
    sampler = PMFSampler(4).fit(latents, np.arange(300) % 2)
    assert np.array_equal(sampler.sample(5, y=np.array(1), random_state=0), sampler.sample(5, y=1, random_state=0))
    with pytest.raises(TypeError, match="hashable labels; got one of type list"):
        sampler.sample(2, y=([1], [2]))


@pytest.mark.parametrize("sampler", [PMFSampler(4), LocalSampler(8, scale=1.0)])
def test_a_regression_target_as_labels_is_noticed(sampler):
    latents = np.random.default_rng(0).normal(size=(200, 3))
    with pytest.warns(LabelWarning, match="200 of 200 latents .* y is ignored.*regression target"):
        sampler.fit(latents, latents[:, 0])
    with pytest.warns(LabelWarning, match="1 of 2 classes"):
        sampler.fit(latents, ["rare", *["often"] * 199])
