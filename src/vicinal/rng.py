r"""Random numbers as a function of (seed, row, column), never of the order of calls.

The generator is Philox4x32-10, a keyed bijection of 128-bit counters. It has ten rounds:

.. math::
    c_0' = \mathrm{hi}(M_1 c_2) \oplus c_1 \oplus k_0, \quad c_1' = \mathrm{lo}(M_1 c_2), \quad
    c_2' = \mathrm{hi}(M_0 c_0) \oplus c_3 \oplus k_1, \quad c_3' = \mathrm{lo}(M_0 c_0)

After every round, constants are added to the key. The key is the seed. The counter has four words:

=====  ==========================================================
c0,c1  low and high half of the row number in the endless stream of rows
c2     block of four columns: column j uses word j % 4 of block j // 4
c3     stream: the use of the word (`CHOICE`, `UNIFORM`, `NORMAL`, `SHUFFLE`), plus 4 (k + 1) within class k
=====  ==========================================================

So row 7 has the same numbers whether it is drawn alone, among ten rows or among a billion. Rows are independent, and so
are classes: row 7 of one class shares no number with row 7 of another.

A choice of a latent, a cell or a component takes a 64-bit word of its row. Rows 2k and 2k + 1 share the block of row k:
the one has its words 0 and 1, the other its words 2 and 3, low half first. A choice stays in integers:

.. math:: c_i = \lfloor w_i \, \text{total} / 2^{64} \rfloor

*Stratified* choices are quasi-random, as the points of `scipy.stats.qmc` are. Each row alone is uniform over all
choices. Together, rows keep closer to the exact proportions than independent rows would. Words advance by the golden
ratio from a random start:

.. math:: w_i = w + j_i \lfloor 2^{64} / \varphi \rfloor \bmod 2^{64}

n successive words choose any range of integers n times its share, with an error of O(log n). j_i is i after a random
permutation of its block of 256 rows. Each block has its own permutation, so no distance between rows has a pattern.

References
----------
J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
SC 2011, doi:10.1145/2063384.2063405.
H. Niederreiter, "Random Number Generation and Quasi-Monte Carlo Methods", SIAM 1992, section 3.1,
doi:10.1137/1.9781611970081 (discrepancy of the multiples of an irrational number).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import InvalidTypeError
from vicinal._validation import check_integer

CHOICE, UNIFORM, NORMAL, SHUFFLE = 0, 1, 2, 3
STREAMS = 4  # of each class

MULTIPLIER = (0xD2511F53, 0xCD9E8D57)
KEY_STEP = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
SHUFFLED = 256  # rows of a block, which are shuffled together
GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio
UNIFORM_STEP = 2.0**-24
_CHUNK = 1 << 14  # counters, or rows, that are worked on together, in the cache

_MASK = np.uint64(0xFFFFFFFF)
_2, _32 = np.uint64(2), np.uint64(32)


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


def words(key: int, stream: int, rows: Array, n_words: int, classes: Array | None = None) -> Array:
    """Return 32-bit words of rows.

    Parameters
    ----------
    key : int
        From `seed_key`.
    stream : int
        `CHOICE`, `UNIFORM`, `NORMAL` or `SHUFFLE`.
    rows : ndarray of uint64, shape (n_rows,)
        Row numbers.
    n_words : int
        Words of each row.
    classes : ndarray of int64, shape (n_rows,), optional
        Class of each row, in [0, 2**30 - 1).

    Returns
    -------
    ndarray of uint64, shape (n_rows, n_words)
        Values in [0, 2**32).
    """
    places = np.full(len(rows), -1) if classes is None else classes
    streams = (stream + STREAMS * (places + 1)).astype(np.uint64)[:, None]
    blocks = np.arange(-(-n_words // 4), dtype=np.uint64)
    found = np.empty((len(rows), blocks.size, 4), dtype=np.uint64)
    step = max(1, _CHUNK // max(1, blocks.size))
    for first in range(0, len(rows), step):
        part = slice(first, first + step)
        row = rows[part, None]
        lanes = philox4x32((row & _MASK, row >> _32, blocks, streams[part]), key)
        np.stack(lanes, axis=-1, out=found[part])
    return found.reshape(len(rows), 4 * blocks.size)[:, :n_words]


def normals(key: int, rows: Array, n_columns: int, classes: Array | None = None) -> Array:
    """Return standard normals of rows, (n_rows, n_columns) float64: see `Draws.normals` and, on arguments, `words`."""
    n_pairs = -(-n_columns // 2)
    pairs = words(key, NORMAL, rows, 2 * n_pairs, classes).reshape(len(rows), n_pairs, 2)
    radius = np.sqrt(-2.0 * np.log((pairs[..., 0] + 1.0) * 2.0**-32))
    angle = pairs[..., 1] * (2.0 * np.pi * 2.0**-32)
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return both.reshape(len(rows), 2 * n_pairs)[:, :n_columns]


class Draws(NamedTuple):
    """The random numbers of rows ``start`` to ``start + n_samples`` of the endless stream of rows.

    Attributes
    ----------
    key : int
        From `seed_key`.
    start, n_samples : int
        First row, and number of rows; rows are below 2**63.
    classes : ndarray of int64, shape (n_samples,), or None
        The class that each row is drawn within, from 0; None if rows are drawn from all classes.
    stratified : bool
        Whether choices are stratified over the rows.

    Examples
    --------
    >>> Draws(key=0, start=0, n_samples=3).uniforms(2).round(3)
    array([[0.179, 0.075],
           [0.911, 0.317],
           [0.095, 0.855]])
    >>> Draws(key=0, start=2, n_samples=1).uniforms(2).round(3)
    array([[0.095, 0.855]])
    """

    key: int
    start: int
    n_samples: int
    classes: Array | None = None
    stratified: bool = False

    @property
    def rows(self) -> Array:
        """Row numbers, (n_samples,) uint64."""
        return np.uint64(self.start) + np.arange(self.n_samples, dtype=np.uint64)

    def words(self, stream: int, n_words: int) -> Array:
        """Return 32-bit words of the rows, (n_samples, n_words) uint64, as `words` does."""
        return words(self.key, stream, self.rows, n_words, self.classes)

    def choices(self, total: Any) -> Array:
        """Return one integer for each row, uniform on {0, ..., total - 1}.

        Parameters
        ----------
        total : int or array_like of int, shape (n_samples,)
            In [1, 2**63), one for all rows or one for each.

        Returns
        -------
        ndarray of int64, shape (n_samples,)

        Examples
        --------
        >>> np.bincount(Draws(key=0, start=0, n_samples=1000).choices(4))
        array([258, 242, 249, 251])
        >>> np.bincount(Draws(key=0, start=0, n_samples=1000, stratified=True).choices(4))
        array([250, 250, 248, 252])
        """
        word = self._golden_words() if self.stratified else self._choice_words()
        return _high_product(word, np.asarray(total, dtype=np.uint64)).astype(np.int64)

    def uniforms(self, n_columns: int) -> Array:
        """Return uniforms on [0, 1), shape (n_samples, n_columns), float64; they are multiples of 2**-24."""
        return (self.words(UNIFORM, n_columns) >> np.uint64(8)) * UNIFORM_STEP

    def normals(self, n_columns: int) -> Array:
        """Return standard normals, shape (n_samples, n_columns), float64, by the Box-Muller transform.

        Columns 2k and 2k + 1 are computed from words 2k and 2k + 1. The largest magnitude is sqrt(64 ln 2) = 6.66.

        References
        ----------
        G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates", Annals of
        Mathematical Statistics 29(2), 1958, doi:10.1214/aoms/1177706645.
        """
        return normals(self.key, self.rows, n_columns, self.classes)

    def _choice_words(self) -> Array:
        """Return the words of independent choices, (n_samples,) uint64."""
        if self.classes is None:  # each block serves two rows
            pairs = Draws(self.key, self.start // 2, self.n_samples // 2 + 1).words(CHOICE, 4).reshape(-1, 2)
            return _joined(pairs[self.start % 2 :][: self.n_samples])
        rows = self.rows
        four = words(self.key, CHOICE, rows // _2, 4, self.classes)
        return np.where(rows % _2 == 0, _joined(four[:, :2]), _joined(four[:, 2:]))

    def _golden_words(self) -> Array:
        """Return the words of stratified choices, (n_samples,) uint64."""
        if self.n_samples > _CHUNK:  # limits the memory of permutations
            return np.concatenate([part._golden_words() for part in self._parts()])
        blocks, within = np.divmod(self.rows, np.uint64(SHUFFLED))
        # A group holds the rows of one block and class; they share a permutation.
        places = np.zeros(self.n_samples, np.int64) if self.classes is None else self.classes
        n_places = int(places.max(initial=0)) + 1
        groups, group = np.unique((blocks - blocks[:1]).astype(np.int64) * n_places + places, return_inverse=True)
        block, place = np.divmod(groups, n_places)
        classes = None if self.classes is None else place
        keys = words(self.key, SHUFFLE, blocks[:1] + block.astype(np.uint64), SHUFFLED, classes)
        shuffled = np.argsort(keys, axis=1, kind="stable").astype(np.uint64)[group, within]
        first = _joined(words(self.key, CHOICE, np.zeros(len(groups), np.uint64), 2, classes))
        return first[group] + (blocks * np.uint64(SHUFFLED) + shuffled) * np.uint64(GOLDEN)

    def _parts(self) -> Iterator[Draws]:
        for first in range(0, self.n_samples, _CHUNK):
            size = min(_CHUNK, self.n_samples - first)
            classes = None if self.classes is None else self.classes[first : first + size]
            yield self._replace(start=self.start + first, n_samples=size, classes=classes)


def _joined(pairs: Array) -> Array:
    """Return the 64-bit words of pairs of 32-bit words (n, 2), low half first."""
    return pairs[:, 0] | pairs[:, 1] << _32


def _high_product(word: Array, total: Array) -> Array:
    """Return word * total >> 64, from the 32-bit halves of both."""
    high, low, total_high, total_low = word >> _32, word & _MASK, total >> _32, total & _MASK
    middle = high * total_low + ((low * total_low) >> _32)
    other = low * total_high + (middle & _MASK)
    return high * total_high + (middle >> _32) + (other >> _32)
