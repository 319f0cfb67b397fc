"""Known answers and invariants of the counter-based generator."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vicinal import rng

ONES = 0xFFFFFFFF
KNOWN_ANSWERS = [  # from the Random123 distribution
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_philox_known_answers(counter, key, expected):
    assert tuple(int(word) for word in rng.philox4x32(counter, key[0] | key[1] << 32)) == expected


def test_words_follow_the_counter_layout():
    row, key = 2**32 + 5, 77
    words = rng.words(key, rng.UNIFORM, row, 1, 9)[0]
    for j in range(9):
        block = rng.philox4x32((5, 1, j // 4, rng.UNIFORM), key)
        assert words[j] == block[j % 4]


@given(start=st.integers(0, 2**62), cut=st.integers(0, 20), columns=st.integers(1, 9))
def test_rows_do_not_depend_on_the_call(start, cut, columns):
    whole = rng.words(3, rng.NORMAL, start, 20, columns)
    parts = [rng.words(3, rng.NORMAL, start, cut, columns), rng.words(3, rng.NORMAL, start + cut, 20 - cut, columns)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_streams_and_keys_differ():
    draws = [rng.words(key, stream, 0, 4, 4).tobytes() for key in (0, 1, 2**32) for stream in range(3)]
    assert len(set(draws)) == 9


@given(total=st.integers(1, 2**63 - 1), key=st.integers(0, 2**64 - 1), start=st.integers(0, 2**62))
def test_choices_are_the_high_half_of_the_product(total, key, start):
    first = rng.choice_words(key).tolist()
    words = [(first[row % 256] + row // 256 * rng.BLOCK_STEP) % 2**64 for row in range(start, start + 20)]
    assert rng.choices(key, start, 20, total).tolist() == [word * total >> 64 for word in words]


@given(key=st.integers(0, 2**64 - 1))
def test_words_of_choices_go_on_by_the_golden_ratio_shuffled_within_blocks(key):
    words = sorted(rng.choice_words(key).tolist())
    steps = {(word - words[0]) * pow(rng.GOLDEN, -1, 2**64) % 2**64 for word in words}
    steps = {step - 2**64 if step >= 2**63 else step for step in steps}
    assert len(steps) == 256
    assert max(steps) - min(steps) == 255
    assert rng.BLOCK_STEP == 256 * rng.GOLDEN % 2**64
    assert abs(rng.GOLDEN * (1 + 5**0.5) / 2 / 2**64 - 1) < 1e-15


def test_a_choice_is_uniform():
    for row in (0, 1, 300):
        chosen = [int(rng.choices(key, row, 1, 7)[0]) for key in range(7000)]
        assert stats.chisquare(np.bincount(chosen, minlength=7)).pvalue > 0.001


@pytest.mark.parametrize(("n_rows", "off"), [(256, 3), (25_600, 5), (1_000_192, 7)])
def test_choices_together_are_even(n_rows, off):  # independent ones would be off by 8, 80 and 500
    total = 1000
    for key, start in ((0, 0), (1, 256), (2, 2**40)):
        counts = np.bincount(rng.choices(key, start, n_rows, total), minlength=total)
        up_to = np.cumsum(counts) - n_rows * np.arange(1, total + 1) / total
        assert np.abs(up_to).max() < off
        assert np.ptp(up_to) < off  # of any range of values, too


def test_choices_at_regular_distances_have_no_pattern():
    u = rng.choices(0, 0, 4096, 2**40) / 2**40
    together = [np.corrcoef(u[:-distance], u[distance:])[0, 1] for distance in range(1, 200)]
    assert np.abs(together).max() < 0.25
    words = np.arange(4096, dtype=np.uint64) * np.uint64(rng.GOLDEN) / 2.0**64
    assert np.corrcoef(words[:-8], words[8:])[0, 1] > 0.6  # without the shuffle


def test_uniforms_are_multiples_of_their_step_and_uniform():
    u = rng.uniforms(1, 0, 5000, 3)
    assert (u * 2**24 == np.floor(u * 2**24)).all()
    assert stats.kstest(u.ravel(), "uniform").pvalue > 0.001


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_normals_are_standard_and_independent(columns):
    z = rng.normals(1, 0, 20_000, columns)
    assert z.shape == (20_000, columns)
    assert stats.kstest(z.ravel(), "norm").pvalue > 0.001
    assert np.abs(np.corrcoef(z, rowvar=False) - np.eye(columns)).max() < 0.03


def test_seed_key():
    assert rng.seed_key(2**64 - 1) == 2**64 - 1
    assert rng.seed_key(np.int64(5)) == 5
    assert rng.seed_key(None) != rng.seed_key(None)
    assert rng.seed_key(np.random.default_rng(0)) == rng.seed_key(np.random.default_rng(0))
    state = np.random.RandomState(0)
    assert rng.seed_key(state) != rng.seed_key(state)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "0", True])
def test_seed_key_refuses(seed):
    with pytest.raises((ValueError, TypeError), match="random_state must be an integer"):
        rng.seed_key(seed)
