"""Held-out rows that are training rows are counted, and told from data that repeat themselves."""

import numpy as np
import pytest

from vicinal import evaluate
from vicinal.evaluation.overlap import overlap


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_shared_rows_are_counted(dtype):
    train, real = np.random.default_rng(0).normal(size=(2, 300, 5)).astype(dtype)
    assert overlap(real, train) is None
    real[[3, 7, 200]] = train[[250, 1, 1]]
    found = overlap(real, train.astype(np.float32))
    assert (found.n_shared, found.n_real, found.n_twins, found.is_natural) == (3, 300, 0, False)
    assert overlap(train, train).n_shared == 300
    # the sign of zero, and the layout in memory, are no content
    assert overlap(np.array([[0.0, 1.0]]), np.asfortranarray([[-0.0, 1.0], [2.0, 3.0]])).n_shared == 1


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (2.0, -1.0)])
def test_images_that_a_file_has_rounded_are_found(scale, shift):
    train, real = np.random.default_rng(0).random((2, 200, 1, 6, 6))
    real[:50] = np.rint(train[100:150] * 255) / 255
    found = overlap(real * scale + shift, train * scale + shift)
    assert (found.n_shared, found.rounded, found.is_natural) == (50, True, False)
    assert "50 of 200 held-out rows are also training rows after rounding to 8 bits" in str(found)


def draw_few(generator, n):
    """Return rows of few different values."""
    return generator.integers(0, 3, size=(n, 4))


def draw_binary(generator, n):
    """Return images that are nearly all black."""
    return (generator.random((n, 1, 3, 3)) < 0.1).astype(np.float32)


def draw_plane(generator, n):
    """Return points of the unit square, few of which agree in all of their 16 bits."""
    return generator.random((n, 2))


@pytest.mark.parametrize("draw", [draw_few, draw_binary, draw_plane])
def test_data_that_repeat_themselves_are_no_leak(draw):
    generator = np.random.default_rng(1)
    sizes = [(200, 1000), (1000, 200), (500, 500)]
    found = [overlap(draw(generator, n), draw(generator, k)) for n, k in sizes for _ in range(20)]
    alarms = [each for each in found if each is not None and not each.is_natural]
    assert len(alarms) <= 1, "at most 1 of 60"


def test_a_leak_shows_among_natural_repeats():
    generator = np.random.default_rng(2)
    train, real = generator.integers(0, 9, size=(1000, 4)), generator.integers(0, 9, size=(500, 4))
    natural = overlap(real, train)
    assert natural.is_natural
    assert "data of this kind repeat themselves" in str(natural)
    real[:150] = train[:150]
    leak = overlap(real, train)
    assert not leak.is_natural
    assert leak.n_shared >= 150


def test_evaluate_warns_of_a_leak_and_notes_natural_repeats():
    generator = np.random.default_rng(0)
    train, real, good = generator.normal(size=(3, 200, 4))
    real[:60] = train[:60]
    with pytest.warns(UserWarning, match="60 of 200 held-out rows are also training rows; 0 of 200"):
        scores = evaluate(real, good, train=train, metrics=["nn_ratio"])
    assert any(note.startswith("60 of 200 held-out rows") for note in scores.notes)
    train, real, good = generator.integers(0, 3, size=(3, 200, 3))
    scores = evaluate(real, good, train=train, metrics=["authenticity"])  # no warning, or pytest would raise it
    assert any("data of this kind repeat themselves" in note for note in scores.notes)
    fresh = evaluate(*generator.normal(size=(2, 50, 4)), train=generator.normal(size=(50, 4)))
    assert not any("training rows" in note for note in fresh.notes)
