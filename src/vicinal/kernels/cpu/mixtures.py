"""Neighbourhoods of latents: their sums, the likeliest one for each latent, and samples from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from vicinal import rng
from vicinal._arrays import Array
from vicinal.kernels.cpu.compiling import jit
from vicinal.kernels.cpu.loops import new_samples, over, parts
from vicinal.kernels.cpu.nearest import add_squares, least_integer
from vicinal.kernels.cpu.philox import NO_CLASSES, counters, halves, philox, set_streams

_INT32_MAX = np.int32(2**31 - 1)
_TILE = 64  # latents in a tile; a constant, so that vectorised loops have no remainder
_DIMENSIONS = 4  # after so many dimensions, a neighbourhood is skipped if it cannot be likelier
_NORMAL = rng.NORMAL


@jit
def _neighborhood_sums(latents: Array, rows: Array, starts: Array, sums: Array, squares: Array) -> None:
    d = latents.shape[1]
    by_dimension = np.empty(d)
    for c in range(sums.shape[0]):
        sums[c] = 0.0
        by_dimension[:] = 0.0
        for i in range(starts[c], starts[c + 1]):
            for j in range(d):
                value = np.float64(latents[rows[i], j])
                sums[c, j] += value
                by_dimension[j] += value * value
        squares[c] = 0.0
        for j in range(d):
            squares[c] += by_dimension[j]


def neighborhood_sums(latents: Array, rows: Array, starts: Array) -> tuple[Array, Array]:
    """As `reference.neighborhood_sums`."""
    sums, squares = np.empty((len(starts) - 1, latents.shape[1])), np.empty(len(starts) - 1)

    def work(a: int, b: int) -> None:
        _neighborhood_sums(latents, rows, starts[a : b + 1], sums[a:b], squares[a:b])

    over(parts(len(sums), len(rows) * latents.shape[1] // len(sums)), work)
    return sums, squares


@jit
def _neighborhood_scatters(latents: Array, rows: Array, starts: Array, means: Array, scatters: Array) -> None:
    d = latents.shape[1]
    differences = np.empty(d)
    for c in range(scatters.shape[0]):
        scatter = scatters[c]
        scatter[:] = 0.0
        for i in range(starts[c], starts[c + 1]):
            for j in range(d):
                differences[j] = np.float64(latents[rows[i], j]) - np.float64(means[c, j])
            for j in range(d):
                difference = differences[j]
                for k in range(d):
                    scatter[j, k] += difference * differences[k]


def neighborhood_scatters(latents: Array, rows: Array, starts: Array, means: Array) -> Array:
    """As `reference.neighborhood_scatters`."""
    d = latents.shape[1]
    scatters = np.empty((len(starts) - 1, d, d))

    def work(a: int, b: int) -> None:
        _neighborhood_scatters(latents, rows, starts[a : b + 1], means[a:b], scatters[a:b])

    over(parts(len(scatters), (starts[-1] - starts[0]) * d * d // 8 // len(scatters)), work)
    return scatters


@jit
def _argmin(scores: Array) -> int:
    """Return the first index of the smallest of float32 scores without NaN; the scores are overwritten."""
    ordered = scores.view(np.int32)  # has the order of the floats, after the bits of negative ones are flipped
    for c in range(ordered.shape[0]):
        ordered[c] = np.int32(ordered[c] ^ ((ordered[c] >> np.int32(31)) & _INT32_MAX))
    least = least_integer(ordered, _INT32_MAX)
    first = 0
    while ordered[first] != least:
        first += 1
    return first


@jit
def _likeliest_spheres(
    latents: Array, rows: Array, owners: Array, means: Array, precisions: Array, offsets: Array,
    candidates: Array, out: Array,
) -> None:  # fmt: skip
    d, n_candidates = latents.shape[1], candidates.shape[1]
    columns, scores = np.empty((d, n_candidates), np.float32), np.empty(n_candidates, np.float32)
    precision, offset = np.empty(n_candidates, np.float32), np.empty(n_candidates, np.float32)
    owner = -1
    for i in range(rows.shape[0]):
        if owners[i] != owner:  # rows are ordered by neighbourhood
            owner = owners[i]
            for c in range(n_candidates):
                precision[c], offset[c] = precisions[candidates[owner, c]], offsets[candidates[owner, c]]
                for j in range(d):
                    columns[j, c] = means[candidates[owner, c], j]
        scores[:] = 0
        add_squares(latents[rows[i]], columns, 0, d, scores)
        for c in range(n_candidates):
            scores[c] = precision[c] * scores[c] + offset[c]
        out[i] = candidates[owner, _argmin(scores)]


def likeliest_spheres(
    latents: Array, rows: Array, owners: Array, means: Array, precisions: Array, offsets: Array, candidates: Array
) -> Array:
    """As `reference.likeliest_spheres`."""
    best = np.empty(len(rows), np.int64)

    def work(a: int, b: int) -> None:
        _likeliest_spheres(latents, rows[a:b], owners[a:b], means, precisions, offsets, candidates, best[a:b])

    over(parts(len(rows), latents.shape[1] * candidates.shape[1] // 4), work)
    return best


@jit
def _subtract_solved(factor: Array, first: int, solved: Array, row: int, left: Array) -> None:
    """Subtract the solved rows, times the factor from ``first`` on; eight at a time, while a value is in a register."""
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
    """Return whether any score of the tile, plus the offset, is below the smallest so far."""
    n_below = np.int32(0)
    for i in range(_TILE):
        n_below += np.int32(scores[i] + offset < least[i])
    return n_below > 0


@jit
def _solve(columns: Array, mean: Array, factor: Array, offset: Any, least: Array, solved: Array, scores: Array) -> bool:
    """Solve factor x = column - mean for each of the columns (d, _TILE); write the squared lengths of x into scores.

    Stop early and return False if no score, plus the offset, can be below the smallest so far: sums never shrink.
    """
    left = np.empty(_TILE, np.float32)  # not a row of solved, so that loops need no check for overlap
    scores[:] = 0
    first = 0
    for row in range(columns.shape[0]):
        value = mean[row]
        for i in range(_TILE):
            left[i] = columns[row, i] - value
        _subtract_solved(factor, first, solved, row, left)
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
    latents: Array, rows: Array, owners: Array, means: Array, factors: Array, offsets: Array,
    candidates: Array, out: Array,
) -> None:  # fmt: skip
    d = latents.shape[1]
    columns, solved = np.zeros((d, _TILE), np.float32), np.empty((d, _TILE), np.float32)
    scores, least = np.empty(_TILE, np.float32), np.empty(_TILE, np.float32)
    best = np.empty(_TILE, np.int32)
    i = 0
    while i < rows.shape[0]:
        m = 0  # number of latents in the tile; all are of one neighbourhood
        while m < _TILE and i + m < rows.shape[0] and owners[i + m] == owners[i]:
            for j in range(d):
                columns[j, m] = latents[rows[i + m], j]
            m += 1
        best[:] = 0
        least[:m], least[m:] = np.float32(np.inf), np.float32(-np.inf)  # ignores the unused end of the tile
        for c in range(candidates.shape[1]):
            other = candidates[owners[i], c]
            offset = offsets[other]
            if _solve(columns, means[other], factors[other], offset, least, solved, scores):
                for k in range(_TILE):
                    score = scores[k] + offset
                    best[k] = c if score < least[k] else best[k]
                    least[k] = score if score < least[k] else least[k]
        for k in range(m):
            out[i + k] = candidates[owners[i], best[k]]
        i += m


def likeliest_ellipsoids(
    latents: Array, rows: Array, owners: Array, means: Array, factors: Array, offsets: Array, candidates: Array
) -> Array:
    """As `reference.likeliest_ellipsoids`."""
    best = np.empty(len(rows), np.int64)

    def work(a: int, b: int) -> None:
        _likeliest_ellipsoids(latents, rows[a:b], owners[a:b], means, factors, offsets, candidates, best[a:b])

    over(parts(len(rows), factors.shape[1] * candidates.shape[1] // 8), work)
    return best


@jit
def _pair(radius_word: Any, angle_word: Any) -> Any:
    """Return two standard normals, as in `rng.Draws.normals`."""
    radius = np.sqrt(-2.0 * np.log((np.float64(radius_word) + 1.0) * 2.0**-32))
    angle = np.float64(angle_word) * (2.0 * np.pi * 2.0**-32)
    return radius * np.cos(angle), radius * np.sin(angle)


@jit
def _mix_rows(
    latents: Array, masses: Array, first: Array, last: Array, own: Array, most: int, shrinkage: float, scale: float,
    real: Any, k0: Any, k1: Any, rows: Array, classes: Array, out: Array,
) -> None:  # fmt: skip
    d = latents.shape[1]
    row, block, stream, pairs = counters(1, (most + 3) // 4, _NORMAL)
    word = pairs.view(np.uint32)
    noise, share = np.empty(4 * ((most + 3) // 4)), np.empty(most)
    moved = np.empty(d, latents.dtype)
    for i in range(out.shape[0]):
        a, size = first[i], last[i] - first[i]
        base = latents[own[i]]
        if classes.shape[0] > 0:
            set_streams(classes[i : i + 1], stream.shape[0], _NORMAL, stream)
        philox(rows[i], row, block, stream, k0, k1, (size + 3) // 4, pairs)
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
                moved[j] += weight * (latents[a + k, j] - base[j])
        for j in range(d):
            out[i, j] = base[j] + moved[j]


def mix_rows(
    latents: Array, masses: Array | None, first: Array, last: Array, own: Array, shrinkage: float, scale: float,
    *, key: int, rows: Array, classes: Array | None = None,
) -> Array:  # fmt: skip
    """As `reference.mix_rows`."""
    most = int((last - first).max(initial=0))
    out = new_samples((len(own), latents.shape[1]), latents.dtype)
    masses = np.empty(0, np.int64) if masses is None else masses
    places = NO_CLASSES if classes is None else classes

    def work(a: int, b: int) -> None:
        _mix_rows(
            latents, masses, first[a:b], last[a:b], own[a:b], most, shrinkage, scale, latents.dtype.type,
            *halves(key), rows[a:b], places[a:b], out[a:b],
        )  # fmt: skip

    over(parts(len(own), max(1, most * (latents.shape[1] // 8 + 16))), work)
    return out
