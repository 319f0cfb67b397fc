r"""Random numbers as a function of (seed, row, column), never of the order of calls.

The generator is Philox4x32-10, a keyed bijection of 128-bit counters. It has ten rounds:

.. math::
    c_0' = \mathrm{hi}(M_1 c_2) \oplus c_1 \oplus k_0, \quad c_1' = \mathrm{lo}(M_1 c_2), \quad
    c_2' = \mathrm{hi}(M_0 c_0) \oplus c_3 \oplus k_1, \quad c_3' = \mathrm{lo}(M_0 c_0)

After every round, constants are added to the key. The key is the seed. The counter has four words:

=====  ==========================================================
c0,c1  low and high half of the row number in the endless stream of rows
c2     block of four columns: column j uses word j % 4 of block j // 4
c3     stream: the use of the word (`CHOICE`, `UNIFORM`, `NORMAL`)
=====  ==========================================================

So row 7 has the same numbers whether it is drawn alone, among ten rows or among a billion.

Choices of a latent, a cell or a component are *stratified*. Each row alone is uniform over all choices. Many rows
together keep closer to the exact proportions than independent rows would. 64-bit words advance by the golden ratio:

.. math:: w_j = w_0 + j \lfloor 2^{64} / \varphi \rfloor \bmod 2^{64}, \quad c_j = \mathrm{hi}(w_j \, \text{total})

The start w_0 is random. n successive words choose any range of integers n times its share, with an error of O(log n).
Within each block of 256 rows, j is a permutation of i. So equally spaced rows have no pattern.

References
----------
J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
SC 2011, doi:10.1145/2063384.2063405.
H. Niederreiter, "Random Number Generation and Quasi-Monte Carlo Methods", SIAM 1992, section 3.1,
doi:10.1137/1.9781611970081 (discrepancy of the multiples of an irrational number).
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import InvalidTypeError
from vicinal._validation import check_integer

CHOICE, UNIFORM, NORMAL = 0, 1, 2

MULTIPLIER = (0xD2511F53, 0xCD9E8D57)
KEY_STEP = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
SHUFFLED = 256  # rows that are shuffled together
GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio
BLOCK_STEP = SHUFFLED * GOLDEN % 2**64
UNIFORM_STEP = 2.0**-24

_MASK = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def seed_key(random_state: Any) -> int:
    """Return the 64-bit Philox key of ``random_state``.

    Parameters
    ----------
    random_state : int, None, numpy.random.Generator or numpy.random.RandomState
        An int in [0, 2**64) is the key itself. None takes fresh entropy from the operating system.
        From a generator, 64 bits are drawn, which advances it.

    Returns
    -------
    int
        The key, in [0, 2**64).

    Raises
    ------
    InvalidTypeError, InvalidInputError
        If ``random_state`` is anything else.

    Examples
    --------
    >>> seed_key(42)
    42
    """
    if random_state is None:
        return secrets.randbits(64)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**64, dtype=np.uint64))
    if isinstance(random_state, np.random.RandomState):
        return int.from_bytes(random_state.bytes(8), "little")
    try:
        return check_integer(random_state, "random_state", minimum=0, maximum=2**64 - 1)
    except InvalidTypeError:
        raise InvalidTypeError(
            f"random_state must be an integer from 0 to 2**64 - 1, None, or a NumPy generator; got {random_state!r}"
        ) from None


def check_seed(random_state: Any) -> None:
    """Raise the errors of `seed_key`, without drawing from a generator."""
    if not isinstance(random_state, np.random.Generator | np.random.RandomState):
        seed_key(random_state)


def philox4x32(counter: tuple[Any, Any, Any, Any], key: int) -> tuple[Array, Array, Array, Array]:
    """Encrypt arrays of counters by Philox4x32-10.

    Parameters
    ----------
    counter : tuple of four array_like
        Words c0, c1, c2, c3 in [0, 2**32), broadcast against each other.
    key : int
        In [0, 2**64). k0 is its low half, k1 its high half.

    Returns
    -------
    tuple of four ndarray of uint64
        Words in [0, 2**32).

    Examples
    --------
    >>> [hex(int(word)) for word in philox4x32((0, 0, 0, 0), key=0)]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    c0, c1, c2, c3 = (np.asarray(word, dtype=np.uint64) for word in counter)
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    m0, m1 = (np.uint64(multiplier) for multiplier in MULTIPLIER)
    for _ in range(ROUNDS):
        p0, p1 = m0 * c0, m1 * c2
        c0, c1, c2, c3 = (
            (p1 >> _32) ^ c1 ^ np.uint64(k0),
            p1 & _MASK,
            (p0 >> _32) ^ c3 ^ np.uint64(k1),
            p0 & _MASK,
        )
        k0, k1 = (k0 + KEY_STEP[0]) & 0xFFFFFFFF, (k1 + KEY_STEP[1]) & 0xFFFFFFFF
    return c0, c1, c2, c3


def words(key: int, stream: int, start: int, n_rows: int, n_words: int) -> Array:
    """Return the 32-bit words of rows ``start`` to ``start + n_rows``.

    Parameters
    ----------
    key : int
        From `seed_key`.
    stream : int
        `CHOICE`, `UNIFORM` or `NORMAL`.
    start, n_rows : int
        First row, and number of rows.
    n_words : int
        Words in each row.

    Returns
    -------
    ndarray of uint64, shape (n_rows, n_words)
        Values in [0, 2**32).
    """
    rows = np.uint64(start) + np.arange(n_rows, dtype=np.uint64)[:, None]
    blocks = np.arange(-(-n_words // 4), dtype=np.uint64)[None, :]
    lanes = philox4x32((rows & _MASK, rows >> _32, blocks, stream), key)
    return np.stack(lanes, axis=-1).reshape(n_rows, 4 * blocks.size)[:, :n_words]


def choice_words(key: int) -> Array:
    """Return the choice words of the first `SHUFFLED` rows, shape (SHUFFLED,), uint64.

    The word of any row i is ``words[i % SHUFFLED] + i // SHUFFLED * BLOCK_STEP``, modulo 2**64.
    """
    order, high, low = words(key, CHOICE, 0, SHUFFLED, 3).T
    return (high[0] << _32 | low[0]) + np.argsort(order, kind="stable").astype(np.uint64) * np.uint64(GOLDEN)


def choices(key: int, start: int, n_rows: int, total: Any) -> Array:
    """Return one integer for each row, uniform on {0, ..., total - 1} and stratified over the rows.

    Parameters
    ----------
    key, start, n_rows : int
        As in `words`.
    total : int or array_like of int, shape (n_rows,)
        In [1, 2**63), one for all rows or one for each.

    Returns
    -------
    ndarray of int64, shape (n_rows,)

    Examples
    --------
    >>> np.bincount(choices(key=0, start=0, n_rows=1000, total=4))
    array([249, 250, 250, 251])
    """
    rows = np.uint64(start) + np.arange(n_rows, dtype=np.uint64)
    word = choice_words(key)[rows % np.uint64(SHUFFLED)] + rows // np.uint64(SHUFFLED) * np.uint64(BLOCK_STEP)
    total = np.asarray(total, dtype=np.uint64)
    # The high 64 bits of a product of two 64-bit integers, from its four 32-bit parts.
    high, low, total_high, total_low = word >> _32, word & _MASK, total >> _32, total & _MASK
    middle = high * total_low + ((low * total_low) >> _32)
    other = low * total_high + (middle & _MASK)
    return (high * total_high + (middle >> _32) + (other >> _32)).astype(np.int64)


def uniforms(key: int, start: int, n_rows: int, n_columns: int) -> Array:
    """Return uniforms on [0, 1), shape (n_rows, n_columns), float64; they are multiples of 2**-24."""
    return (words(key, UNIFORM, start, n_rows, n_columns) >> np.uint64(8)) * UNIFORM_STEP


def normals(key: int, start: int, n_rows: int, n_columns: int) -> Array:
    """Return standard normals, shape (n_rows, n_columns), float64, by the Box-Muller transform.

    Columns 2k and 2k + 1 are computed from words 2k and 2k + 1. The largest magnitude is sqrt(64 ln 2) = 6.66.

    References
    ----------
    G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates", Annals of
    Mathematical Statistics 29(2), 1958, doi:10.1214/aoms/1177706645.
    """
    n_pairs = -(-n_columns // 2)
    pairs = words(key, NORMAL, start, n_rows, 2 * n_pairs).reshape(n_rows, n_pairs, 2)
    radius = np.sqrt(-2.0 * np.log((pairs[..., 0] + 1.0) * 2.0**-32))
    angle = pairs[..., 1] * (2.0 * np.pi * 2.0**-32)
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return both.reshape(n_rows, 2 * n_pairs)[:, :n_columns]
