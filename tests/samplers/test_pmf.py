"""The probability mass function: hand-made answers, frequencies, invariants, traps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vicinal import kernels
from vicinal.kernels import cpu, reference
from vicinal.samplers import PMFSampler


def cell_of(sampler, latents):
    """Return the cell of each row of latents by the definition, or -1."""
    codes = reference.quantize(latents, sampler.lower_, sampler.bin_width_, sampler.n_bins_)
    return reference.find_cells(codes, sampler.cells_)


def test_by_hand():
    latents = np.array([[0.0, 0.0], [0.1, 0.2], [1.0, 4.0], [0.9, 3.9]])
    sampler = PMFSampler(4).fit(latents)
    assert sampler.lower_.tolist() == [0.0, 0.0]
    assert sampler.upper_.tolist() == [1.0, 4.0]
    assert sampler.bin_width_.tolist() == [0.25, 1.0]
    assert sampler.cells_.tolist() == [[0, 0], [3, 3]]
    assert sampler.counts_.tolist() == [2, 2]
    assert (sampler.n_bins_, sampler.n_samples_seen_) == (4, 4)
    inside, empty, outside = sampler.score_samples([[0.2, 0.5], [0.5, 0.5], [-1.0, 0.0]])
    assert inside == pytest.approx(np.log(0.5 / 0.25))
    assert empty == -np.inf
    assert outside == -np.inf


def test_frequencies_match_counts(latents):
    sampler = PMFSampler(3, random_state=0).fit(latents)
    seen = np.bincount(cell_of(sampler, sampler.sample(40_000)), minlength=len(sampler.counts_))
    expected = sampler.counts_ / sampler.counts_.sum() * 40_000
    assert stats.chisquare(seen, expected).pvalue > 0.001


def test_uniform_within_the_cells(latents):
    sampler = PMFSampler(4, random_state=0).fit(latents)
    drawn = sampler.sample(20_000)
    position = (drawn - sampler.lower_) / sampler.bin_width_
    for column in (position - np.floor(position)).T:
        assert stats.kstest(column, "uniform").pvalue > 0.001


def test_one_bin_is_the_bounding_box(latents):
    drawn = PMFSampler(1, random_state=0).fit(latents).sample(20_000)
    assert (drawn >= latents.min(axis=0)).all()
    assert (drawn <= latents.max(axis=0)).all()
    assert np.abs(np.corrcoef(drawn, rowvar=False) - np.eye(5)).max() < 0.04


def test_many_bins_are_copies(latents):
    drawn = PMFSampler(2**20, random_state=0).fit(latents).sample(500)
    nearest = np.abs(drawn[:, None] - latents[None]).max(axis=2).min(axis=1)
    assert nearest.max() < 2e-5


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(*[st.floats(-100, 100, width=32)] * 2), min_size=2, max_size=40),
    n_bins=st.integers(1, 300),
    data=st.data(),
)
def test_order_of_rows_changes_nothing(rows, n_bins, data):
    latents = np.array(rows, dtype=np.float32)
    shuffled = latents[data.draw(st.permutations(range(len(latents))))]
    a, b = PMFSampler(n_bins).fit(latents), PMFSampler(n_bins).fit(shuffled)
    for name in ("lower_", "upper_", "bin_width_", "cells_", "counts_"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()
    assert a.counts_.sum() == len(latents)
    assert np.isfinite(a.score_samples(latents)).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n_bins", [1, 16, 300, 70_000])
@pytest.mark.parametrize("d", [1, 6])
def test_backends_agree(monkeypatch, dtype, n_bins, d):
    latents = np.random.default_rng(0).normal(size=(60, d)).astype(dtype)
    results = []
    for module in (reference, cpu):
        monkeypatch.setattr(kernels, "select", lambda rows=None, module=module: module)
        sampler = PMFSampler(n_bins, random_state=5).fit(latents)
        drawn = sampler.sample(100)
        fitted = [getattr(sampler, name) for name in ("lower_", "bin_width_", "cells_", "counts_")]
        results.append([array.tobytes() for array in (*fitted, drawn, sampler.score_samples(drawn))])
    assert results[0] == results[1]


def test_duplicates_and_fewer_rows_than_dimensions():
    latents = np.repeat(np.random.default_rng(0).normal(size=(2, 50)), 3, axis=0)
    sampler = PMFSampler(16, random_state=0).fit(latents)
    assert sampler.counts_.tolist() == [3, 3]
    assert set(cell_of(sampler, sampler.sample(100))) == {0, 1}


def test_constant_data_is_a_point():
    sampler = PMFSampler(8, random_state=0).fit(np.full((5, 3), 2.5))
    assert (sampler.sample(4) == 2.5).all()
    assert sampler.score_samples([[2.5, 2.5, 2.5], [2.5, 2.5, 2.6]]).tolist() == [0.0, -np.inf]


def test_widths_that_underflow_count_as_constant():
    tiny = np.array([[0.0], [5e-324]])
    sampler = PMFSampler(16, random_state=0).fit(tiny)
    assert sampler.bin_width_.tolist() == [0.0]
    assert sampler.sample(3).tolist() == [[0.0]] * 3


def test_ranges_that_overflow_are_refused():
    with pytest.raises(ValueError, match=r"dimension 1 does not: rescale it"):
        PMFSampler(4).fit(np.array([[0.0, -3e38], [1.0, 3e38]], dtype=np.float32))


def test_large_offsets_keep_the_resolution():
    latents = (1e6 + np.random.default_rng(0).random((100, 1))).astype(np.float32)
    sampler = PMFSampler(4, random_state=0).fit(latents)
    assert sampler.counts_.sum() == 100
    assert np.isfinite(sampler.score_samples(sampler.sample(1000))).all()


@pytest.mark.parametrize("n_bins", [0, -1, 2**24 + 1])
def test_bad_numbers_of_bins(n_bins, latents):
    with pytest.raises(ValueError, match=f"n_bins must be an integer from 1 to 16777216; got {n_bins}"):
        PMFSampler(n_bins).fit(latents)


@pytest.mark.parametrize("n_bins", [1.5, None, True])
def test_bad_types_of_bins(n_bins, latents):
    with pytest.raises(TypeError, match="n_bins must be an integer from 1 to 16777216; got"):
        PMFSampler(n_bins).fit(latents)


def test_unknown_words_for_bins(latents):
    with pytest.raises(ValueError, match="n_bins must be one of 'auto'; got 'many'"):
        PMFSampler("many").fit(latents)


def test_input_is_left_alone(latents):
    before = latents.copy()
    latents.flags.writeable = False
    PMFSampler(4).fit(latents).sample(10)
    assert np.array_equal(latents, before)
