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
    for classes, stream in ((None, rng.NORMAL), (np.array([6]), rng.NORMAL + 4 * 7)):
        words = rng.Draws(key, row, 1, classes).words(rng.NORMAL, 9)[0]
        for j in range(9):
            block = rng.philox4x32((5, 1, j // 4, stream), key)
            assert words[j] == block[j % 4]


def joined(key, start, cut, classes, stratified, numbers):
    """Return numbers of twenty rows, drawn in two parts."""
    parts = ((start, cut, classes and classes[:cut]), (start + cut, 20 - cut, classes and classes[cut:]))
    drawn = [numbers(rng.Draws(key, a, n, c and np.array(c), stratified)) for a, n, c in parts]
    return np.concatenate(drawn)


NUMBERS = {
    "uniforms": lambda draws: draws.uniforms(5),
    "normals": lambda draws: draws.normals(5),
    "choices": lambda draws: draws.choices(2**40),
}


@pytest.mark.parametrize("numbers", NUMBERS.values(), ids=NUMBERS)
@given(
    start=st.integers(0, 2**62),
    cut=st.integers(1, 19),
    classes=st.none() | st.lists(st.integers(0, 3), min_size=20, max_size=20),
    stratified=st.booleans(),
)
def test_rows_do_not_depend_on_the_call(numbers, start, cut, classes, stratified):
    whole = numbers(rng.Draws(3, start, 20, classes and np.array(classes), stratified))
    assert np.array_equal(whole, joined(3, start, cut, classes, stratified, numbers))
    if classes:
        of_one = numbers(rng.Draws(3, start, 20, np.full(20, classes[0]), stratified))
        same_class = np.array(classes) == classes[0]
        assert np.array_equal(whole[same_class], of_one[same_class])


@pytest.mark.parametrize("stratified", [False, True])
def test_many_rows_are_few_rows_joined(stratified):
    classes = np.random.default_rng(0).integers(0, 5, 40_000)
    whole = rng.Draws(1, 77, 40_000, classes, stratified).choices(10**6)
    parts = [rng.Draws(1, 77 + a, 1000, classes[a : a + 1000], stratified).choices(10**6) for a in (0, 16_000, 39_000)]
    assert np.array_equal(np.concatenate([whole[a : a + 1000] for a in (0, 16_000, 39_000)]), np.concatenate(parts))


def test_streams_keys_and_classes_differ():
    draws = [
        rng.Draws(key, 0, 4, classes).words(stream, 4).tobytes()
        for key in (0, 1, 2**32)
        for classes in (None, np.zeros(4, int), np.ones(4, int))
        for stream in range(4)
    ]
    assert len(set(draws)) == 36


@pytest.mark.parametrize("numbers", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("stratified", [False, True])
def test_classes_are_independent(numbers, stratified):
    n = 4096
    places = [None, np.zeros(n, int), np.ones(n, int)]
    columns = [numbers(rng.Draws(0, 0, n, classes, stratified)).reshape(n, -1).astype(float) for classes in places]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        for j in range(columns[0].shape[1]):
            assert abs(np.corrcoef(columns[one][:, j], columns[other][:, j])[0, 1]) < 4 / np.sqrt(n)


@given(total=st.integers(1, 2**63 - 1), key=st.integers(0, 2**64 - 1), start=st.integers(0, 2**62))
def test_choices_are_the_high_half_of_the_product(total, key, start):
    for classes, stream in ((None, rng.CHOICE), (np.full(20, 3), rng.CHOICE + 16)):
        words = []
        for row in range(start, start + 20):  # two rows share a block
            four = rng.philox4x32((row // 2 % 2**32, row >> 33, 0, stream), key)
            low, high = four[2:] if row % 2 else four[:2]
            words.append(int(low) | int(high) << 32)
        assert rng.Draws(key, start, 20, classes).choices(total).tolist() == [word * total >> 64 for word in words]


@pytest.mark.parametrize("stratified", [False, True])
def test_a_choice_is_uniform(stratified):
    for row in (0, 301):
        chosen = [int(rng.Draws(key, row, 1, None, stratified).choices(7)[0]) for key in range(1000)]
        assert stats.chisquare(np.bincount(chosen, minlength=7)).pvalue > 0.001


def test_choices_are_independent():
    """Of 300 seeds, each tests whether choices are as even as independent ones are: p is uniform on [0, 1]."""
    pvalues = []
    for key in range(300):
        counts = np.bincount(rng.Draws(key, 10**9, 2000).choices(20), minlength=20)
        pvalues.append(stats.chisquare(counts).pvalue)
    assert stats.kstest(pvalues, "uniform").pvalue > 0.001


LAGS = (1, 2, 3, 8, 13, 64, 128, 255, 256, 257, 512, 768, 1280, 2560, 9472, 15_360)


@pytest.mark.parametrize("stratified", [False, True])
def test_choices_at_a_fixed_distance_have_no_pattern(stratified):
    n = 60_000
    u = rng.Draws(0, 0, n, None, stratified).choices(2**40) / 2**40
    for lag in LAGS:
        assert abs(np.corrcoef(u[:-lag], u[lag:])[0, 1]) < 4.5 / np.sqrt(n - lag), lag
        tables = np.histogram2d(u[:-lag], u[lag:], bins=4)[0]
        assert np.abs(tables / (n - lag) - 1 / 16).max() < 4.5 * np.sqrt(15 / 16**2 / (n - lag)), lag


@pytest.mark.parametrize(("n_rows", "off"), [(256, 3), (25_600, 5), (1_000_192, 7)])
def test_stratified_choices_together_are_even(n_rows, off):  # independent ones would be off by 8, 80 and 500
    total = 1000
    for key, start in ((0, 0), (1, 256), (2, 2**40)):
        counts = np.bincount(rng.Draws(key, start, n_rows, None, True).choices(total), minlength=total)
        up_to = np.cumsum(counts) - n_rows * np.arange(1, total + 1) / total
        assert np.abs(up_to).max() < off
        assert np.ptp(up_to) < off  # of any range of values, too


def test_each_block_of_stratified_choices_has_an_order_of_its_own():
    chosen = rng.Draws(5, 0, 4096, None, True).choices(2**62)
    ranks = chosen.reshape(16, 256).argsort(axis=1).argsort(axis=1)
    assert np.abs(np.corrcoef(ranks) - np.eye(16)).max() < 4.5 / np.sqrt(256)


def test_uniforms_are_multiples_of_their_step_and_uniform():
    u = rng.Draws(1, 0, 5000).uniforms(3)
    assert (u * 2**24 == np.floor(u * 2**24)).all()
    assert stats.kstest(u.ravel(), "uniform").pvalue > 0.001


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_normals_are_standard_and_independent(columns):
    z = rng.Draws(1, 0, 20_000).normals(columns)
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
