"""The kernels against each other and against hand-made answers. Outputs start out poisoned."""

import ctypes
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import prepare, same_bits

from vicinal import kernels, rng
from vicinal.kernels import cpu, reference

M_PERTURB = -6  # of mallopt


@pytest.fixture(autouse=True)
def _poisoned():
    """Let the C library fill new memory with large numbers, so that a value which is never written cannot pass."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is None:
        yield
        return
    set_option(M_PERTURB, 1)
    yield
    set_option(M_PERTURB, 0)


def test_quantize_by_hand(kernel):
    latents = np.array([[0.0, 5.0], [1.0, 5.0], [2.5, 5.0], [4.0, 5.0]], dtype=np.float32)
    lower, upper = kernel.bounds(latents)
    assert (lower.tolist(), upper.tolist()) == ([0.0, 5.0], [4.0, 5.0])
    codes = kernel.quantize(latents, lower, (upper - lower) / np.float32(4), 4)
    assert codes.tolist() == [[0, 0], [1, 0], [2, 0], [3, 0]]
    assert codes.dtype == np.uint8
    beyond = kernel.quantize(np.array([[-1.0, 9.0], [99.0, 0.0]], np.float32), lower, (upper - lower) / 4, 4)
    assert beyond.tolist() == [[0, 3], [3, 0]]


@pytest.mark.parametrize(("n_bins", "dtype"), [(1, "u1"), (256, "u1"), (257, "u2"), (65_536, "u2"), (70_000, "u4")])
def test_code_type_is_the_smallest(n_bins, dtype):
    assert reference.code_dtype(n_bins) == np.dtype(dtype)


def test_unique_cells_by_hand(kernel):
    codes = np.array([[2, 0], [0, 3], [2, 0], [0, 1]], dtype=np.uint8)
    cells, counts = kernel.unique_cells(codes, 4)
    assert cells.tolist() == [[0, 1], [0, 3], [2, 0]]
    assert counts.tolist() == [1, 1, 2]
    assert counts.dtype == np.int64


def test_find_cells_by_hand(kernel):
    cells = np.array([[0, 1], [0, 3], [2, 0]], dtype=np.uint8)
    codes = np.array([[2, 0], [0, 2], [0, 1], [3, 3], [0, 0]], dtype=np.uint8)
    assert kernel.find_cells(codes, cells).tolist() == [2, -1, 0, -1, -1]


def sample(kernel, cells, counts, lower, upper, width, n_bins, *, key, start, n_samples):
    """Draw cells and fill them."""
    index = kernel.index_cells(counts)
    latents = kernel.sample_cells(cells, index, lower, upper, width, n_bins, key=key, start=start, n_samples=n_samples)
    drawn = kernel.draw_cells(index, key=key, start=start, n_samples=n_samples)
    assert same_bits(kernel.fill_cells(cells, drawn, lower, upper, width, n_bins, key=key, start=start), latents)
    return latents


def test_samples_by_the_formula(kernel):
    cells, counts = np.array([[0, 3], [2, 1]], dtype=np.uint8), np.array([1, 3])
    lower, width = np.array([10.0, -1.0]), np.array([0.5, 0.25])
    drawn = sample(kernel, cells, counts, lower, lower + 4 * width, width, 4, key=9, start=5, n_samples=50)
    for i, row in enumerate(drawn):
        draws = rng.Draws(9, 5 + i, 1)
        cell = cells[1 if draws.choices(4)[0] >= 1 else 0]
        assert np.array_equal(row, lower + (cell + draws.uniforms(2)[0]) * width)


def test_masses_are_summed(kernel):
    codes = np.array([[2, 0], [0, 3], [2, 0], [0, 1]], dtype=np.uint8)
    cells, masses = kernel.unique_cells(codes, 4, np.array([5, 7, 2**40, 0]))
    assert cells.tolist() == [[0, 1], [0, 3], [2, 0]]
    assert masses.tolist() == [0, 7, 2**40 + 5]


SIZES = [1, 2, 3, 5, 16, 61, 300] + ([4096] if cpu.COMPILED else [])
BINS = [1, 2, 7, 32, 256, 257, 70_000]


@pytest.mark.parametrize("n_bins", BINS)
@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cpu_gives_the_bits_of_the_reference(d, n_bins, dtype):
    n = 80 if d < 4096 else 12
    latents = np.random.default_rng(d).normal(size=(n, d)).astype(dtype)
    latents[: n // 3] = latents[0]  # cells with several rows
    latents[:, ::7] = dtype(-3.7)  # constant dimensions
    lower, upper, width, codes, cells, counts = prepare(latents, n_bins)
    assert all(map(same_bits, cpu.bounds(latents), (lower, upper)))
    assert same_bits(cpu.quantize(latents, lower, width, n_bins), codes)
    assert all(map(same_bits, cpu.unique_cells(codes, n_bins), (cells, counts)))
    assert same_bits(cpu.find_cells(codes[::-1], cells), reference.find_cells(codes[::-1], cells))
    for key, start in ((0, 0), (2**63 + 11, 2**40 - 20)):
        arguments = (cells, counts, lower, upper, width, n_bins)
        expected = sample(reference, *arguments, key=key, start=start, n_samples=45)
        assert same_bits(sample(cpu, *arguments, key=key, start=start, n_samples=45), expected)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 3), min_size=2, max_size=30),
    n_bins=st.integers(1, 70_000),
)
def test_cpu_gives_the_bits_of_the_reference_on_any_latents(rows, n_bins):
    latents = np.array(rows, dtype=np.float32)
    lower, upper, width, codes, cells, counts = prepare(latents, n_bins)
    assert same_bits(cpu.quantize(latents, lower, width, n_bins), codes)
    assert all(map(same_bits, cpu.unique_cells(codes, n_bins), (cells, counts)))
    arguments = (cells, counts, lower, upper, width, n_bins)
    expected = sample(reference, *arguments, key=1, start=0, n_samples=20)
    assert same_bits(sample(cpu, *arguments, key=1, start=0, n_samples=20), expected)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(st.integers(0, 3), st.integers(0, 2**40)), min_size=1, max_size=300).filter(any))
def test_indices_are_those_of_the_reference(counts):
    counts = np.array(counts, dtype=np.int64)
    found, expected = cpu.index_cells(counts), reference.index_cells(counts)
    assert found.shift == expected.shift
    assert all(map(same_bits, found[:2], expected[:2]))


@settings(deadline=None, max_examples=150)
@given(
    n=st.integers(1, 400),
    d=st.integers(1, 60),
    n_bins=st.sampled_from([1, 2, 7, 32, 33, 255, 256, 257, 70_000]),
    seed=st.integers(0, 2**32 - 1),
)
def test_rows_that_differ_late_are_told_apart(n, d, n_bins, seed):
    generator = np.random.default_rng(seed)
    codes = np.tile(generator.integers(n_bins, size=d), (n, 1)).astype(reference.code_dtype(n_bins))
    row, column = np.arange(n), generator.integers(d, size=n)
    codes[row, column] = generator.integers(n_bins, size=n)  # most rows agree in the columns of the first key
    expected = reference.unique_cells(codes, n_bins)
    assert all(map(same_bits, cpu.unique_cells(codes, n_bins), expected))
    assert all(map(same_bits, cpu.unique_cells(np.asfortranarray(codes), n_bins), expected))


def test_samples_stay_in_their_cells(kernel):
    latents = np.random.default_rng(0).normal(size=(200, 40)).astype(np.float32)
    lower, upper, width, _, cells, counts = prepare(latents, 4096)  # here c + u is rounded up every few thousand values
    n_samples = 2000 if cpu.COMPILED else 100
    drawn = sample(kernel, cells, counts, lower, upper, width, 4096, key=0, start=0, n_samples=n_samples)
    plain = lower + (cells[0].astype(np.float32) + np.float32(1)) * width
    assert not np.array_equal(reference.quantize(plain[None], lower, width, 4096)[0], cells[0])  # the trap is real
    assert (reference.find_cells(reference.quantize(drawn, lower, width, 4096), cells) >= 0).all()
    assert (drawn <= upper).all()
    assert (drawn >= lower).all()


@pytest.mark.parametrize("total", [2**20, 2**20 + 1, 2**32 + 7, 2**33, 2**62])
def test_totals_beyond_32_bits(total):
    cells = np.array([[0], [1], [2]], dtype=np.uint8)
    counts = np.array([total // 3, total // 2, total - total // 3 - total // 2])
    lower, width = np.zeros(1), np.ones(1)
    arguments = (cells, counts, lower, lower + 3, width, 3)
    expected = sample(reference, *arguments, key=4, start=0, n_samples=500)
    assert same_bits(sample(cpu, *arguments, key=4, start=0, n_samples=500), expected)
    shares = np.bincount(expected[:, 0].astype(int), minlength=3) / 500
    assert np.abs(shares - counts / total).max() < 0.08


def test_threads_and_lots_change_nothing(monkeypatch):
    latents = np.random.default_rng(0).normal(size=(500, 3))
    lower, upper, width, codes, cells, counts = prepare(latents, 5)
    monkeypatch.setattr(cpu.loops, "_VALUES_A_PART", 100)
    monkeypatch.setattr(cpu.samples, "_DRAWN", 37)  # a part of the rows ends within such a lot
    assert all(map(same_bits, cpu.bounds(latents), (lower, upper)))
    assert same_bits(cpu.quantize(latents, lower, width, 5), codes)
    expected = sample(reference, cells, counts, lower, upper, width, 5, key=0, start=3, n_samples=700)
    drawn = [None] * 4

    def work(i):
        drawn[i] = sample(cpu, cells, counts, lower, upper, width, 5, key=0, start=3, n_samples=700)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(same_bits(d, expected) for d in drawn)


def test_zero_has_one_sign(kernel):
    lower, upper = kernel.bounds(np.array([[-0.0, 0.0], [0.0, -0.0]]))
    assert not np.signbit(lower).any()
    assert not np.signbit(upper).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 3, 700])
@pytest.mark.parametrize("d", [1, 3, 600])
def test_bounds_show_what_is_not_finite(kernel, bad, row, d):
    latents = np.ones((701, d), dtype=np.float32)
    latents[row, d // 2] = bad
    with np.errstate(invalid="ignore"):  # only uncompiled do the kernels warn of inf - inf
        bounds = kernel.bounds(latents)
    for bound in bounds:
        assert np.flatnonzero(np.isnan(bound)).tolist() == [d // 2]
        assert (np.delete(bound, d // 2) == 1).all()


COUNTS = {
    "one cell": [5],
    "all once": [1] * 1000,
    "some more often": [1, 1, 4, 1, 2] * 300,
    "empty cells": [0, 3, 0, 0, 2, 0],
    "as many as cells, yet not once each": [0, 2, 1],
    "few and full": [2**20, 7, 2**22],
    "beyond 32 bits": [2**40, 1, 2**61, 5] * 3,
    "one hides the rest": [1] * 3000 + [2**50],
}


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
def test_index_and_draws(counts):
    counts = np.array(counts)
    index, expected = cpu.index_cells(counts), reference.index_cells(counts)
    assert index.shift == expected.shift
    assert same_bits(index.cumulative, expected.cumulative)
    assert same_bits(index.guide, expected.guide)
    assert len(index.guide) <= max(2 * reference.FEWEST_GUIDES, 2 * len(counts)) + 2
    drawn = cpu.draw_cells(index, key=3, start=2**32 - 100, n_samples=3000)
    assert same_bits(drawn, reference.draw_cells(expected, key=3, start=2**32 - 100, n_samples=3000))
    assert (counts[drawn] > 0).all()


@pytest.mark.parametrize(("d", "n_bins"), [(1, 256), (2, 17), (3, 6), (8, 2)])
@pytest.mark.parametrize("parts", [1, 7])
def test_all_cells_of_a_small_grid_are_counted(monkeypatch, d, n_bins, parts):
    monkeypatch.setattr(cpu.loops, "_VALUES_A_PART", 10**9 if parts == 1 else 300 * d // parts)
    codes = np.random.default_rng(d).integers(n_bins, size=(300, d)) ** 2 // n_bins  # some cells are empty
    codes = np.vstack([codes, np.full(d, n_bins - 1)]).astype(reference.code_dtype(n_bins))
    assert all(map(same_bits, cpu.unique_cells(codes, n_bins), reference.unique_cells(codes, n_bins)))


def test_keys_too_short_for_a_column(monkeypatch):
    codes = np.random.default_rng(0).integers(0, 3, size=(300, 4)).astype(np.uint32)
    expected = reference.unique_cells(codes, 2**24)
    sort, short = cpu.quantization._sort, []

    def sort_by_one(codes, rows, groups, first, bits):
        short.append(first)
        return sort(codes, rows, groups, first, 64)

    monkeypatch.setattr(cpu.quantization, "_sort", sort_by_one)
    assert all(map(same_bits, cpu.unique_cells(codes, 2**24), expected))
    assert short == [0, 1, 2, 3]


@pytest.mark.parametrize("parts", [1, 7])
def test_ties_in_packed_columns(monkeypatch, parts):
    monkeypatch.setattr(cpu.loops, "_VALUES_A_PART", 10**9 if parts == 1 else 100)
    codes = np.random.default_rng(0).integers(0, 2, size=(1000, 40), dtype=np.uint8)
    codes[:, :26] = codes[:5, :26].repeat(200, axis=0)  # two words of 12 columns tie, and many of the third
    codes[500:] = codes[:500]
    masses = np.arange(1000) * 2**40
    for arguments in ((codes, 32), (codes, 32, masses)):
        assert all(map(same_bits, cpu.unique_cells(*arguments), reference.unique_cells(*arguments)))


GRIDS = {
    "far from zero": (1e6, 0.5),
    "very far from zero": (1e7, 1.0),
    "tiny": (0.0, 1e-38),
    "denormal": (0.0, 1e-44),
    "huge": (-1e37, 1e36),
    "constant": (3.0, 0.0),
    "usual": (-4.0, 0.25),
}


@pytest.mark.parametrize("n_bins", [1, 3, 250, 60_000])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_points_at_the_edges_of_any_grid(grid, n_bins, dtype):
    first, step = map(dtype, grid)
    d = 6
    lower = np.array([first, -first, first, 0, 1, first], dtype)
    width = np.full(d, step / dtype(n_bins), dtype)
    upper = lower + width * dtype(n_bins)
    cells = np.random.default_rng(0).integers(0, n_bins, size=(50, d)).astype(reference.code_dtype(n_bins))
    cells[0], cells[1] = 0, n_bins - 1
    drawn = np.arange(20_000 if cpu.COMPILED else 200) % 50
    arguments = (cells, drawn, lower, upper, width, n_bins)
    expected = reference.fill_cells(*arguments, key=1, start=0)
    assert same_bits(cpu.fill_cells(*arguments, key=1, start=0), expected)


@pytest.mark.parametrize("d", [1, 2, 5, 64])
def test_samples_within_classes_have_the_noise_of_their_class(kernel, d):
    n_samples = 700  # more than a tile
    classes = np.random.default_rng(0).integers(0, 3, n_samples) * 2**28
    lower, one = np.zeros(d), np.ones(d)
    arguments = (np.zeros((1, d), np.uint8), np.zeros(n_samples, np.int64), lower, one, one, 1)
    drawn = kernel.fill_cells(*arguments, key=7, start=2**32 - 300, classes=classes)
    assert np.array_equal(drawn, rng.Draws(7, 2**32 - 300, n_samples, classes).uniforms(d))
    from_all = kernel.fill_cells(*arguments, key=7, start=2**32 - 300)
    for k in np.unique(classes):
        of_one = kernel.fill_cells(*arguments, key=7, start=2**32 - 300, classes=np.full(n_samples, k))
        assert np.array_equal(drawn[classes == k], of_one[classes == k])
        assert not (of_one == from_all).all(axis=1).any()


def test_select_follows_the_compiler(monkeypatch):
    monkeypatch.setattr(cpu, "COMPILED", True)
    assert kernels.select() is cpu
    assert kernels.select(np.zeros(3)) is cpu
    monkeypatch.setattr(cpu, "COMPILED", False)
    assert kernels.select() is reference
