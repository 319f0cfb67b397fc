"""Batches, partial fits and merges: the same sampler to the bit, however the rows arrive."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal._errors import OutOfBoundsWarning
from vicinal.samplers import PMFSampler

BOUNDS = (-4.0, 4.0)
FITTED = (
    "lower_", "upper_", "bin_width_", "n_bins_", "cells_", "counts_", "n_samples_seen_", "n_clipped_", "dropped_mass_",
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore::vicinal._errors.LabelWarning")  # small classes suffice here


def same(a, b):
    """Tell whether two fitted samplers are equal to the bit."""
    labelled = hasattr(a, "classes_")
    assert labelled == hasattr(b, "classes_")
    for name in (*FITTED, *(("classes_", "class_counts_") if labelled else ())):
        x, y = np.asarray(getattr(a, name)), np.asarray(getattr(b, name))
        if x.dtype != y.dtype or x.shape != y.shape or not np.array_equal(x, y):
            return False
    drawn = [{}, *({"y": label} for label in (a.classes_.tolist() if labelled else ()))]
    return all(
        np.array_equal(a.sample(40, random_state=1, **options), b.sample(40, random_state=1, **options))
        for options in drawn
    )


@st.composite
def rows_and_cuts(draw):
    """Draw rows, labels, an order, and places to cut at."""
    n = draw(st.integers(3, 40))
    seed = draw(st.integers(0, 1000))
    generator = np.random.default_rng(seed)
    rows = np.clip(np.round(generator.normal(size=(n, 3)), 1), -4, 4).astype(np.float32)
    labels = generator.integers(0, 3, n)
    order = generator.permutation(n)
    cuts = sorted(draw(st.sets(st.integers(1, n - 1), max_size=4)))
    return rows, labels, order, cuts


@settings(deadline=None, max_examples=60)
@given(rows_and_cuts(), st.integers(1, 40), st.booleans())
def test_any_batches_in_any_order(data, n_bins, labelled):
    rows, labels, order, cuts = data
    whole = PMFSampler(n_bins).fit(rows, labels if labelled else None)
    parts = np.split(rows[order], cuts)
    if labelled:
        parts = list(zip(parts, np.split(labels[order], cuts), strict=True))
    assert same(PMFSampler(n_bins).fit(iter(parts)), whole)


@settings(deadline=None, max_examples=60)
@given(rows_and_cuts(), st.integers(1, 40), st.booleans(), st.sampled_from([1, 2]))
def test_partial_fits_and_merges_equal_one_fit(data, n_bins, labelled, min_count):
    rows, labels, order, cuts = data
    options = {"n_bins": n_bins, "bounds": BOUNDS, "min_count": min_count}
    parts = list(zip(np.split(rows[order], cuts), np.split(labels[order], cuts), strict=True))
    if min(len(part) for part, _ in parts) < 2:  # a first fit takes two rows
        parts = [(rows[order], labels[order])]
    try:
        whole = PMFSampler(**options).fit(rows, labels if labelled else None)
        partial = PMFSampler(**options)
        for part, part_labels in parts:
            partial.partial_fit(part, part_labels if labelled else None)
        samplers = [PMFSampler(**options).fit(part, label if labelled else None) for part, label in parts]
    except ValueError as error:
        assert "leaves no cell" in str(error)
        return
    assert same(partial, whole)
    forwards, backwards = samplers[0], samplers[-1]
    for sampler in samplers[1:]:
        forwards = forwards.merge(sampler)
    for sampler in samplers[-2::-1]:
        backwards = backwards.merge(sampler)
    assert same(forwards, whole)
    assert same(backwards, whole)


@pytest.mark.filterwarnings("ignore:.*total variance of the latents:vicinal._errors.CalibrationWarning")
def test_auto_does_not_depend_on_the_batches():
    rows = np.random.default_rng(0).normal(size=(900, 3)).astype(np.float32)
    whole = PMFSampler().fit(rows)
    shuffled = np.random.default_rng(1).permutation(rows)
    assert same(PMFSampler().fit(iter(np.array_split(shuffled, 7))), whole)
    assert whole.nn_ratio_ == PMFSampler().fit(shuffled).nn_ratio_


def test_every_kind_of_batches(tmp_path):
    torch = pytest.importorskip("torch")
    rows = np.random.default_rng(0).normal(size=(100, 2, 3)).astype(np.float32)
    labels = np.arange(100) % 4
    whole, labelled = PMFSampler(5).fit(rows), PMFSampler(5).fit(rows, labels)
    paths = []
    for i, part in enumerate(np.array_split(rows, 3)):
        paths.append(tmp_path / f"{i}.npy")
        np.save(paths[-1], part)
    assert same(PMFSampler(5).fit(paths), whole)
    assert same(PMFSampler(5).fit(list(map(str, paths))), whole)
    np.savez(tmp_path / "all.npz", latents=rows)
    assert same(PMFSampler(5).fit(tmp_path / "all.npz"), whole)
    pairs = [(path, part) for path, part in zip(paths, np.array_split(labels, 3), strict=True)]
    assert same(PMFSampler(5).fit(pairs), labelled)
    np.save(tmp_path / "all.npy", rows)
    assert same(PMFSampler(5).fit(np.load(tmp_path / "all.npy", mmap_mode="r")), whole)
    tensors = torch.utils.data.TensorDataset(torch.from_numpy(rows), torch.from_numpy(labels))
    loader = torch.utils.data.DataLoader(tensors, batch_size=17, shuffle=True)
    from_loader = PMFSampler(5).fit(loader)
    assert from_loader.event_shape_ == (2, 3)
    assert isinstance(from_loader.sample(2), torch.Tensor)
    from_loader._tensor_kind = None
    assert same(from_loader, labelled)


def test_bounds_of_a_first_pass():
    parts = np.array_split(np.random.default_rng(0).normal(size=(60, 2, 2)), 4)
    lower, upper = PMFSampler.bounds_of(iter(parts))
    assert lower.shape == upper.shape == (2, 2)
    streamed = PMFSampler(6, bounds=(lower, upper))
    for part in parts:
        streamed.partial_fit(part)
    whole = PMFSampler(6).fit(np.concatenate(parts))
    assert same(streamed, whole)


def test_partial_fit_without_bounds_keeps_the_first_grid():
    first = np.array([[0.0], [8.0]])
    sampler = PMFSampler(4).fit(first).partial_fit(np.array([[3.0]]))
    assert sampler.counts_.tolist() == [1, 1, 1]
    assert sampler.n_samples_seen_ == 3
    with pytest.raises(ValueError, match=r"1 values do not, the first in row 0, dimension 0: 9 is not in \[0, 8\]"):
        sampler.partial_fit(np.array([[9.0]]))
    assert sampler.n_samples_seen_ == 3


def test_values_outside_the_bounds():
    rows = np.array([[0.5, 0.5], [2.0, 0.5], [0.5, -3.0]])
    with pytest.raises(ValueError, match=r'2 values do not.*out_of_bounds="clip"'):
        PMFSampler(2, bounds=(0.0, 1.0)).fit(rows)
    with pytest.warns(OutOfBoundsWarning, match=r"2 values \(33.33%\) lay outside the bounds"):
        sampler = PMFSampler(2, bounds=(0.0, 1.0), out_of_bounds="clip").fit(rows)
    assert sampler.n_clipped_ == 2
    assert sampler.cells_.tolist() == [[1, 0], [1, 1]]
    assert sampler.counts_.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (3, "bounds must be a pair"),
        ((0.0,), "bounds must be a pair"),
        (([0.0, 0.0, 0.0], 1.0), r"lower bound must have shape \(2,\) or \(\); got \(3,\)"),
        ((1.0, 0.0), "the lower at most the upper"),
        ((0.0, np.inf), "bounds must be finite"),
    ],
)
def test_bad_bounds(bounds, message):
    with pytest.raises(ValueError, match=message):
        PMFSampler(2, bounds=bounds).fit(np.zeros((3, 2)))


def test_paths_that_are_no_arrays(tmp_path):
    (tmp_path / "text.npy").write_text("hello")
    with pytest.raises(ValueError, match=r"text.npy is not a whole .npy file of numbers"):
        PMFSampler(2).fit([tmp_path / "text.npy"])
    np.savez(tmp_path / "many.npz", a=np.zeros((3, 2)), b=np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"many.npz must hold one array"):
        PMFSampler(2).fit([tmp_path / "many.npz"])


def test_a_list_of_a_loader_is_the_loader():
    torch = pytest.importorskip("torch")
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(10, 3)), batch_size=5)
    assert PMFSampler(2).fit(list(loader)).event_shape_ == PMFSampler(2).fit(loader).event_shape_ == (3,)


def test_loaded_samplers_can_be_added_to(tmp_path):
    rows, labels = np.random.default_rng(0).random((60, 2)), list("abc" * 20)
    options = {"n_bins": 4, "bounds": (0.0, 1.0)}
    whole = PMFSampler(**options).fit(rows, labels)
    for name, part in (("first", slice(0, 25)), ("second", slice(25, 60))):
        PMFSampler(**options).fit(rows[part], labels[part]).save(tmp_path / name)
    first, second = vicinal.load(tmp_path / "first"), vicinal.load(tmp_path / "second")
    assert same(first.merge(second), whole)
    assert same(vicinal.load(tmp_path / "first").partial_fit(rows[25:], labels[25:]), whole)


def test_single_rows_can_be_added_from_the_start():
    rows = np.random.default_rng(0).random((9, 2))
    sampler = PMFSampler(4, bounds=(0.0, 1.0))
    for row in rows:
        sampler.partial_fit(row[None])
    assert same(sampler, PMFSampler(4, bounds=(0.0, 1.0)).fit(rows))


def test_a_failed_fit_leaves_what_was_seen_alone(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.random.default_rng(0).random((50, 2)), columns=["a", "b"])
    sampler = PMFSampler(2, min_count=2, bounds=(0.0, 1.0)).fit(frame)
    with pytest.raises(TypeError, match="Feature names"):
        sampler.fit(frame.set_axis(["a", 1], axis=1)[:9])
    sampler.partial_fit(frame[:3])
    assert sampler.counts_.sum() == 53


def test_bad_batches():
    rows = np.zeros((3, 2))
    with pytest.raises(ValueError, match=r"latents of batch 1 must have shape \(n_samples, 2\)"):
        PMFSampler(2).fit(iter([rows, np.zeros((3, 4))]))
    with pytest.raises(ValueError, match="latents of batch 1 must be float64, like the first batch; got float32"):
        PMFSampler(2).fit(iter([rows, rows.astype(np.float32)]))
    with pytest.raises(ValueError, match="latents of batch 1 must be finite"):
        PMFSampler(2).fit(iter([rows, rows + np.nan]))
    with pytest.raises(ValueError, match="must come with labels if any batch does"):
        PMFSampler(2).fit([(rows, [0, 1, 2]), (rows,)])
    with pytest.raises(ValueError, match="y and sample_weight go with one array"):
        PMFSampler(2).fit(iter([rows]), [0, 1, 2])


def test_empty_batches_do_no_harm():
    rows = np.random.default_rng(0).normal(size=(20, 2))
    assert same(PMFSampler(4).fit(iter([rows[:0], rows[:12], rows[:0], rows[12:]])), PMFSampler(4).fit(rows))
    for nothing in ([rows[:0]], [rows[:1], rows[:0]]):
        with pytest.raises(ValueError, match="must have at least 2 rows; got n_samples="):
            PMFSampler(4).fit(iter(nothing))
    with pytest.raises(ValueError, match="latents must hold at least one batch; got none"):
        PMFSampler(4).fit({}.values())


def test_latents_of_another_type_are_added_in_the_first_one():
    rows = np.random.default_rng(0).normal(size=(40, 2))
    options = {"n_bins": 4, "bounds": (-5.0, 5.0)}
    mixed = PMFSampler(**options).fit(rows[:20].astype(np.float32)).partial_fit(rows[20:])
    assert same(mixed, PMFSampler(**options).fit(rows.astype(np.float32)))


def test_merge_refuses_what_does_not_go_together():
    rows = np.random.default_rng(0).random((20, 2))
    grid = {"n_bins": 4, "bounds": (0.0, 1.0)}
    sampler = PMFSampler(**grid).fit(rows)
    with pytest.raises(ValueError, match=r"fitted on one grid.*got n_bins_ 4 and 5"):
        sampler.merge(PMFSampler(5, bounds=(0.0, 1.0)).fit(rows))
    with pytest.raises(ValueError, match="upper_ equal: False"):
        sampler.merge(PMFSampler(4, bounds=(0.0, 2.0)).fit(rows))
    with pytest.raises(ValueError, match="one min_count; got 1 and 2"):
        sampler.merge(PMFSampler(**grid, min_count=2).fit(np.repeat(rows, 2, axis=0)))
    with pytest.raises(ValueError, match="all come with labels, or all without"):
        sampler.merge(PMFSampler(**grid).fit(rows, np.zeros(20)))
    with pytest.raises(TypeError, match="other must be a PMFSampler; got int"):
        sampler.merge(3)
    before = sampler.counts_.copy()
    sampler.merge(sampler)
    assert np.array_equal(sampler.counts_, before)
