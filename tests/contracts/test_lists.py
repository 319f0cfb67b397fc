"""A list or tuple of arrays is never read as one array, wherever rows are asked for."""

import numpy as np
import pytest

import vicinal
from vicinal import metrics
from vicinal.images import resize

ROWS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
PARTS = np.split(ROWS, 3)
MODEL = vicinal.Autoencoder(lambda images: images * 2, lambda latents: latents / 2)

TAKES = {
    "encode": lambda rows: vicinal.encode(MODEL, rows),
    "decode": lambda rows: vicinal.decode(MODEL, rows),
    "evaluate, real": lambda rows: vicinal.evaluate(rows, ROWS),
    "evaluate, train": lambda rows: vicinal.evaluate(ROWS, ROWS + 1, train=rows),
    "metric": lambda rows: metrics.frechet_distance(ROWS, rows),
    "score_samples": vicinal.PMFSampler(2).fit(ROWS).score_samples,
    "partial_fit": lambda rows: vicinal.PMFSampler(2, bounds=(-9, 9)).partial_fit(rows),
    "calibration_latents": lambda rows: vicinal.PMFSampler().fit(ROWS, calibration_latents=rows),
    "resize": lambda rows: resize(rows, 2),
}


def of_one_kind(parts):
    yield parts
    yield tuple(parts)
    yield [parts[0], parts[0]]  # may be means and log variances
    yield [parts[0]]


@pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)
def test_every_function(take):
    for given in of_one_kind(PARTS):
        with pytest.raises(ValueError, match=r"must be one array; got a (list|tuple) of \d arrays.*concatenate.*stack"):
            take(given)


def test_every_sampler(make_sampler):
    for given in of_one_kind(PARTS):
        with pytest.raises(ValueError, match=r"latents must be one array.*or iter\(latents\).*the means alone"):
            make_sampler(4).fit(given)


def test_every_sampler_reads_the_same(make_sampler):
    """Batches of an iterator, and rows of a list."""
    expected = make_sampler(4, random_state=0).fit(ROWS).sample(5)
    for given in (iter(PARTS), list(ROWS)):
        assert np.array_equal(make_sampler(4, random_state=0).fit(given).sample(5), expected)


def test_encode_and_decode_read_what_samplers_read(tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    for given in (iter(PARTS), [(part,) for part in PARTS], list(ROWS), tuple(ROWS), [tmp_path / "rows.npy"]):
        latents = vicinal.encode(MODEL, given)
        assert np.allclose(latents, 2 * ROWS)
    assert np.allclose(vicinal.decode(MODEL, list(latents)), ROWS)


@pytest.mark.parametrize(
    "row", [np.zeros((3, 8, 8)), np.zeros((1, 8, 8)), np.zeros((8, 8, 3), np.uint8)], ids=["RGB", "grey", "last"]
)
def test_what_looks_like_one_image_is_a_batch_with_a_warning(row):
    said = rf"has shape \({', '.join(map(str, row.shape))}\), and is read as {len(row)} rows .*or row\[None\]"
    for given in (iter([row + 1, row]), [(row + 1,), (row,)]):
        with pytest.warns(UserWarning, match=f"the first batch of images {said}"):
            assert len(vicinal.encode(MODEL, given)) == 2 * len(row)
    with pytest.warns(UserWarning, match=f"the first batch of latents {said}"):
        vicinal.PMFSampler(2).fit(iter([row + 1, row]))
    assert len(vicinal.encode(MODEL, iter([row[None], row[None]]))) == 2
    assert len(vicinal.encode(MODEL, row)) == len(row)  # one array is rows, whatever its shape


def test_the_remedy_is_of_the_library_of_the_images():
    torch = pytest.importorskip("torch")
    images = [torch.zeros(3, 8, 8)] * 5
    with pytest.raises(ValueError, match=r"for single rows, torch.stack\(images\)"):
        vicinal.encode(MODEL, images)
    assert vicinal.encode(MODEL, torch.stack(images)).shape == (5, 3, 8, 8)


def test_samples_of_several_seeds_are_a_list():
    """The one place where arrays of a list are sets of their own."""
    scores = vicinal.evaluate(ROWS[:30], [ROWS[30:], ROWS[30:] + 2], metrics=["frechet_distance"])
    first, second = scores["generated"]["runs"]["frechet_distance"]
    assert first < second
