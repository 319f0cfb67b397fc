"""The sanity checks of arXiv 2505.22450: what is drawn, and what is expected.

Each check is a sweep: real data of one distribution, samples of another, and a parameter that moves it. Distributions,
sizes and the criteria of fidelity and diversity are those of the authors' code, in one dimension of their three and at
fewer settings (github.com/DPBayes/position-fidelity-diversity-metrics-flawed). The criteria of distances are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Draw = Callable[[np.random.Generator, int, float], np.ndarray]
Number = float | Callable[[float], Any]  # a number, or numbers for each dimension
N, D = 1000, 8
SPOTS = np.array([[5.47, -4.08], [4.87, -13.65], [-16.39, 9.10], [-2.15, 12.46], [11.56, -4.96], [-24.61, 14.18],
                  [16.84, -3.19], [-5.48, -6.77], [9.47, 1.06], [-5.40, -17.29]])  # fmt: skip
MODES = np.tile(np.linspace(0, 10, 10)[:, None], (1, D))


class Check(NamedTuple):
    """A sweep: what is drawn at each setting, what is expected, and at which setting both distributions are equal."""

    settings: tuple[float, ...]
    real: Draw
    samples: Draw
    fidelity: str
    diversity: str
    distance: str
    identical: int | None = None
    sizes: Callable[[float], tuple[int, int]] = lambda _: (N, N)


def gaussian(mean: Number = 0.0, scale: Number = 1.0, d: Number = D) -> Draw:
    """Return a draw of independent Gaussians; a number may be a function of the setting."""

    def at(number: Number, x: float) -> Any:
        return number(x) if callable(number) else number

    return lambda r, n, x: r.normal(at(mean, x), at(scale, x), (n, int(at(d, x))))


def mixture(weights: Callable[[float], list[float]], means: np.ndarray, scale: float) -> Draw:
    """Return a draw of Gaussians around several means, with weights that the setting gives."""

    def draw(r: np.random.Generator, n: int, x: float) -> np.ndarray:
        p = np.array(weights(x)) / sum(weights(x))
        return r.normal(means[r.choice(len(p), n, p=p)], scale)

    return draw


def sphere(radius: Callable[[float], float]) -> Draw:
    """Return a draw from the surface of a sphere in 16 dimensions."""
    return lambda r, n, x: (z := r.normal(size=(n, 16))) / np.linalg.norm(z, axis=1, keepdims=True) * radius(x)


def ball(r: np.random.Generator, n: int, _: float, d: int = 3) -> np.ndarray:
    """Draw from a ball of radius 0.8."""
    z = r.normal(size=(n, d))
    return 0.8 * z / np.linalg.norm(z, axis=1, keepdims=True) * r.random((n, 1)) ** (1 / d)


def torus(r: np.random.Generator, n: int, x: float) -> np.ndarray:
    """Draw from a ring of radius 1 and thickness 0.1, around the ball."""
    angle, (a, b) = r.uniform(0, 2 * np.pi, n), ball(r, n, x, 2).T / 8
    return np.stack([(1 + a) * np.cos(angle), (1 + a) * np.sin(angle), b], axis=1)


def cube(start: float) -> Draw:
    """Return a draw from a unit cube."""
    return lambda r, n, _: r.uniform(start, start + 1, (n, D))


def first(k: float) -> list[float]:
    """Return equal weights of the first k modes."""
    return [float(i < k) for i in range(10)]


def with_outlier(draw: Draw) -> Draw:
    """Return a draw with one more row, far away."""
    return lambda r, n, x: np.vstack([draw(r, n, x), np.full((1, D), 3.0)])


def with_pareto(draw: Draw) -> Draw:
    """Return a draw with one more dimension, of heavy tail."""
    return lambda r, n, x: np.hstack([draw(r, n, x), 1 + r.pareto(1.01, (n, 1))])


def rounded(draw: Draw) -> Draw:
    """Return a draw in whole numbers."""
    return lambda r, n, x: np.round(draw(r, n, x))


def moved(draw: Draw) -> Draw:
    """Return a draw whose first dimension is moved by 6."""
    return lambda r, n, x: (z := draw(r, n, x)) + 6.0 * (np.arange(z.shape[1]) == 0)


AROUND, STEPS, SCALES = (
    tuple(np.linspace(-3, 3, 7)),
    (100.0, 316.0, 1000.0, 3162.0, 10000.0),
    (1.0, 10.0, 100.0, 1000.0),
)
BELL, OVERLAP = "identical=1 first=0 last=0 bell", cube(1 - 0.2 ** (1 / D))  # a fifth of the volume
standard, shifted, wide = gaussian(), gaussian(lambda x: x), gaussian(scale=lambda x: x, d=1)
stretched, wider = gaussian(0, lambda x: np.array([1, x]), 2), gaussian(d=lambda x: x + 1)
modes = mixture(lambda _: first(10), MODES, 1 / 3)
CHECKS = {
    "mean": Check(AROUND, standard, shifted, BELL, BELL, "valley", 3),
    "mean, outlier in real": Check(AROUND, with_outlier(standard), shifted, BELL, BELL, "valley", 3),
    "mean, outlier in samples": Check(AROUND, standard, with_outlier(shifted), BELL, BELL, "valley", 3),
    "mean, heavy tail beside": Check(
        tuple(np.linspace(-6, 6, 7)), with_pareto(gaussian(d=1)), with_pareto(gaussian(lambda x: x, d=1)), BELL, BELL, "valley", 3),
    "standard deviation": Check(
        tuple(np.logspace(-1, 1, 7)), standard, gaussian(scale=lambda x: x),
        "identical=1 first=1 last=0 falls", "identical=1 first=0 last=01 bell|rises", "valley", 3),
    "modes dropped together": Check(
        (0.0, 0.25, 0.5, 0.75, 0.95, 1.0), modes, mixture(lambda x: [1.0] + [1.0 - x] * 9, MODES, 1 / 3),
        "identical=1 last=1 flat", "identical=1 falls early4", "rises", 0),
    "modes dropped one by one": Check(
        (0, 2, 5, 7, 9), modes, mixture(lambda x: first(10 - x), MODES, 1 / 3),
        "identical=1 last=1 flat", "identical=1 falls early2", "rises", 0),
    "modes dropped or invented": Check(
        (1, 3, 5, 7, 10), mixture(lambda _: first(5), SPOTS, 0.25), mixture(first, SPOTS, 0.25),
        "identical=1 first=1 falls", "identical=1 last=1 rises", "valley", 2),
    "radius of a sphere": Check(
        (0.1, 0.4, 0.7, 1.0, 1.3, 1.6, 1.9), sphere(lambda _: 1), sphere(lambda x: x), BELL, BELL, "valley", 3),
    "overlapping cubes, both grow": Check(
        STEPS, cube(0), OVERLAP, "last=0.2 converges", "last=0.2 converges", "converges",
        sizes=lambda x: (int(x), int(x))),
    "overlapping cubes, samples grow": Check(
        STEPS, cube(0), OVERLAP, "last=0.2 converges", "last=0.2 converges", "converges",
        sizes=lambda x: (N, int(x))),
    "torus around a ball": Check(
        STEPS, ball, torus, "last=0 converges", "last=0 converges", "converges", sizes=lambda x: (N, int(x))),
    "ball within a torus": Check(
        STEPS, torus, ball, "last=0 converges", "last=0 converges", "converges", sizes=lambda x: (N, int(x))),
    "one mode for two": Check(
        (0.0, 1.0, 2.0, 3.0, 5.0), lambda r, n, x: r.normal(0, 1, (n, D)) + x * (r.integers(0, 2, (n, 1)) - 0.5),
        gaussian(scale=lambda x: (1 + x**2) ** 0.5), "identical=1 falls", "identical=1 falls|flat", "rises", 0),
    "one dimension in other units": Check(
        (0.001, 0.03, 1.0, 30.0, 1000.0), stretched, moved(stretched), "first=0 last=0 flat", "first=0 last=0 flat", "flat"),
    "one disjoint dimension among many": Check(
        (1, 10, 100, 1000), wider, moved(wider), "first=0 last=0 flat", "first=0 last=0 flat", "flat"),
    "real rounded": Check(SCALES, rounded(wide), wide, "first=0 last=0 flat", "first=01 last=01 flat", ""),
    "samples rounded": Check(SCALES, wide, rounded(wide), "first=1 last=1 flat", "first=0 last=0 flat", ""),
    "copies among samples (ours)": Check((0.0, 0.02, 0.1, 0.5, 1.0), standard, standard, "", "", "", 0),
}  # fmt: skip
