"""Neighbourhoods of latents: their sums, the one in which a latent is likeliest, and samples of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import rng
from vicinal._arrays import Array
from vicinal.kernels.cpu.loops import jit, new_samples, over, parts
from vicinal.kernels.cpu.nearest import add_squares, least_integer
from vicinal.kernels.cpu.philox import counters, halves, philox

_MOST = np.int32(2**31 - 1)
_TILE = 64  # rows of a neighbourhood worked on together; always as many, so that no loop has a rest

_DIMENSIONS = 4  # after which a neighbourhood that cannot be likelier any more is left
_NORMAL = np.uint64(rng.NORMAL)
_TURN = 2.0 * np.pi * 2.0**-32


@jit
def _neighborhood_sums(points: Array, rows: Array, starts: Array, sums: Array, squares: Array) -> None:
    d = points.shape[1]
    each = np.empty(d)
    for c in range(sums.shape[0]):
        sums[c] = 0.0
        each[:] = 0.0
        for i in range(starts[c], starts[c + 1]):
            for j in range(d):
                value = np.float64(points[rows[i], j])
                sums[c, j] += value
                each[j] += value * value
        squares[c] = 0.0
        for j in range(d):
            squares[c] += each[j]


def neighborhood_sums(points: Array, rows: Array, starts: Array) -> tuple[Array, Array]:
    """As `reference.neighborhood_sums`."""
    sums, squares = np.empty((len(starts) - 1, points.shape[1])), np.empty(len(starts) - 1)

    def work(a: int, b: int) -> None:
        _neighborhood_sums(points, rows, starts[a : b + 1], sums[a:b], squares[a:b])

    over(parts(len(sums), len(rows) * points.shape[1] // len(sums)), work)
    return sums, squares


@jit
def _neighborhood_scatters(points: Array, rows: Array, starts: Array, means: Array, scatters: Array) -> None:
    d = points.shape[1]
    gaps = np.empty(d)
    for c in range(scatters.shape[0]):
        scatter = scatters[c]
        scatter[:] = 0.0
        for i in range(starts[c], starts[c + 1]):
            for j in range(d):
                gaps[j] = np.float64(points[rows[i], j]) - np.float64(means[c, j])
            for j in range(d):
                gap = gaps[j]
                for k in range(d):
                    scatter[j, k] += gap * gaps[k]


def neighborhood_scatters(points: Array, rows: Array, starts: Array, means: Array) -> Array:
    """As `reference.neighborhood_scatters`."""
    d = points.shape[1]
    scatters = np.empty((len(starts) - 1, d, d))

    def work(a: int, b: int) -> None:
        _neighborhood_scatters(points, rows, starts[a : b + 1], means[a:b], scatters[a:b])

    over(parts(len(scatters), (starts[-1] - starts[0]) * d * d // 8 // len(scatters)), work)
    return scatters


@jit
def _first_least(scores: Array) -> int:
    """Return where the least of finite or infinite float32 is first."""
    ordered = scores.view(np.int32)  # in the order of the floats, once negative ones are turned round
    for c in range(ordered.shape[0]):
        ordered[c] = np.int32(ordered[c] ^ ((ordered[c] >> np.int32(31)) & _MOST))
    least = least_integer(ordered, _MOST)
    first = 0
    while ordered[first] != least:
        first += 1
    return first


@jit
def _likeliest_spheres(
    points: Array, rows: Array, owners: Array, means: Array, precisions: Array, offsets: Array, near: Array, out: Array
) -> None:
    d, n_near = points.shape[1], near.shape[1]
    columns, scores = np.empty((d, n_near), np.float32), np.empty(n_near, np.float32)
    precision, offset = np.empty(n_near, np.float32), np.empty(n_near, np.float32)
    owner = -1
    for i in range(rows.shape[0]):
        if owners[i] != owner:  # rows come one neighbourhood after another
            owner = owners[i]
            for c in range(n_near):
                precision[c], offset[c] = precisions[near[owner, c]], offsets[near[owner, c]]
                for j in range(d):
                    columns[j, c] = means[near[owner, c], j]
        scores[:] = 0
        add_squares(points[rows[i]], columns, 0, d, scores)
        for c in range(n_near):
            scores[c] = precision[c] * scores[c] + offset[c]
        out[i] = near[owner, _first_least(scores)]


def likeliest_spheres(
    points: Array, rows: Array, owners: Array, means: Array, precisions: Array, offsets: Array, near: Array
) -> Array:
    """As `reference.likeliest_spheres`."""
    best = np.empty(len(rows), np.int64)

    def work(a: int, b: int) -> None:
        _likeliest_spheres(points, rows[a:b], owners[a:b], means, precisions, offsets, near, best[a:b])

    over(parts(len(rows), points.shape[1] * near.shape[1] // 4), work)
    return best


@jit
def _take_away(factor: Array, first: int, solved: Array, row: int, left: Array) -> None:
    """Subtract from left the rows solved so far times the factor from ``first`` on, eight while a value is at hand."""
    eights = row // 8 * 8
    for j in range(0, eights, 8):
        at = first + j
        a, b, c, d = factor[at], factor[at + 1], factor[at + 2], factor[at + 3]
        e, f, g, h = factor[at + 4], factor[at + 5], factor[at + 6], factor[at + 7]
        for i in range(_TILE):
            total = left[i] - a * solved[j, i]
            total = total - b * solved[j + 1, i]
            total = total - c * solved[j + 2, i]
            total = total - d * solved[j + 3, i]
            total = total - e * solved[j + 4, i]
            total = total - f * solved[j + 5, i]
            total = total - g * solved[j + 6, i]
            left[i] = total - h * solved[j + 7, i]
    for j in range(eights, row):
        value = factor[first + j]
        for i in range(_TILE):
            left[i] -= value * solved[j, i]


@jit
def _any_below(scores: Array, offset: Any, least: Array) -> Any:
    """Return whether a score of the tile, and the offset, is below its least so far."""
    n_below = np.int32(0)
    for i in range(_TILE):
        n_below += np.int32(scores[i] + offset < least[i])
    return n_below > 0


@jit
def _solve(columns: Array, mean: Array, factor: Array, offset: Any, least: Array, solved: Array, scores: Array) -> bool:
    """Write the squares of the lengths of what solves factor x = column - mean, for each of the columns (d, _TILE).

    False, and an early end, if none of them, with the offset, is below its least: sums only grow.
    """
    left = np.empty(_TILE, np.float32)  # not a row of solved: then a loop need not see to it that they are apart
    scores[:] = 0
    first = 0
    for row in range(columns.shape[0]):
        value = mean[row]
        for i in range(_TILE):
            left[i] = columns[row, i] - value
        _take_away(factor, first, solved, row, left)
        inverse = factor[first + row]
        for i in range(_TILE):
            solved[row, i] = left[i] * inverse
            scores[i] += solved[row, i] * solved[row, i]
        first += row + 1
        if row % _DIMENSIONS == _DIMENSIONS - 1 and not _any_below(scores, offset, least):
            return False
    return True


@jit
def _likeliest_ellipsoids(
    points: Array, rows: Array, owners: Array, means: Array, factors: Array, offsets: Array, near: Array, out: Array
) -> None:
    d = points.shape[1]
    columns, solved = np.zeros((d, _TILE), np.float32), np.empty((d, _TILE), np.float32)
    scores, least = np.empty(_TILE, np.float32), np.empty(_TILE, np.float32)
    best = np.empty(_TILE, np.int32)
    i = 0
    while i < rows.shape[0]:
        m = 0  # rows of one neighbourhood, which come together
        while m < _TILE and i + m < rows.shape[0] and owners[i + m] == owners[i]:
            for j in range(d):
                columns[j, m] = points[rows[i + m], j]
            m += 1
        best[:] = 0
        least[:m], least[m:] = np.float32(np.inf), np.float32(-np.inf)  # what is left in the tile counts for nothing
        for c in range(near.shape[1]):
            other = near[owners[i], c]
            offset = offsets[other]
            if _solve(columns, means[other], factors[other], offset, least, solved, scores):
                for k in range(_TILE):
                    score = scores[k] + offset
                    best[k] = c if score < least[k] else best[k]
                    least[k] = score if score < least[k] else least[k]
        for k in range(m):
            out[i + k] = near[owners[i], best[k]]
        i += m


def likeliest_ellipsoids(
    points: Array, rows: Array, owners: Array, means: Array, factors: Array, offsets: Array, near: Array
) -> Array:
    """As `reference.likeliest_ellipsoids`."""
    best = np.empty(len(rows), np.int64)

    def work(a: int, b: int) -> None:
        _likeliest_ellipsoids(points, rows[a:b], owners[a:b], means, factors, offsets, near, best[a:b])

    over(parts(len(rows), factors.shape[1] * near.shape[1] // 8), work)
    return best


@jit
def _pair(radius_word: Any, angle_word: Any) -> Any:
    """Return two standard normals, as `rng.normals`."""
    radius = np.sqrt(-2.0 * np.log((np.float64(radius_word) + 1.0) * 2.0**-32))
    angle = np.float64(angle_word) * _TURN
    return radius * np.cos(angle), radius * np.sin(angle)


@jit
def _mix_rows(
    points: Array, masses: Array, first: Array, last: Array, own: Array, most: int, shrinkage: float, scale: float,
    real: Any, k0: Any, k1: Any, start: Any, out: Array,
) -> None:  # fmt: skip
    d = points.shape[1]
    row, block, pairs = counters(1, (most + 3) // 4)
    word = pairs.view(np.uint32)
    noise, share = np.empty(4 * ((most + 3) // 4)), np.empty(most)
    moved = np.empty(d, points.dtype)
    for i in range(out.shape[0]):
        a, size = first[i], last[i] - first[i]
        base = points[own[i]]
        philox(start + np.uint64(i), row, block, _NORMAL, k0, k1, (size + 3) // 4, pairs)
        for k in range(0, 4 * ((size + 3) // 4), 2):
            noise[k], noise[k + 1] = _pair(word[k], word[k + 1])
        total, drift = 0.0, 0.0
        for k in range(size):
            share[k] = np.float64(masses[a + k]) if masses.shape[0] > 0 else 1.0
            total += share[k]
        for k in range(size):
            share[k] /= total
            noise[k] = np.sqrt(share[k]) * noise[k]
            drift += noise[k]
        moved[:] = 0
        for k in range(size):
            weight = real(shrinkage * share[k] + scale * (noise[k] - share[k] * drift))
            for j in range(d):
                moved[j] += weight * (points[a + k, j] - base[j])
        for j in range(d):
            out[i, j] = base[j] + moved[j]


def mix_rows(
    points: Array, masses: Array | None, first: Array, last: Array, own: Array, shrinkage: float, scale: float,
    *, key: int, start: int,
) -> Array:  # fmt: skip
    """As `reference.mix_rows`."""
    most = int((last - first).max(initial=0))
    out = new_samples((len(own), points.shape[1]), points.dtype)
    masses = np.empty(0, np.int64) if masses is None else masses

    def work(a: int, b: int) -> None:
        _mix_rows(
            points, masses, first[a:b], last[a:b], own[a:b], most, shrinkage, scale, points.dtype.type,
            *halves(key), np.uint64(start + a), out[a:b],
        )  # fmt: skip

    over(parts(len(own), max(1, most * (points.shape[1] // 8 + 16))), work)
    return out
