"""What workers encode, decode and generate is what the pipeline makes of the same rows."""

import threading

import numpy as np
import pytest
from dask import array, config

import vicinal
from vicinal import Autoencoder
from vicinal._errors import AutoencoderWarning, InvalidInputError, InvalidTypeError
from vicinal.integrations import dask as on_dask
from vicinal.samplers import LocalSampler, PMFSampler

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 1, 4, 6), dtype=np.uint8)
NORMAL = np.random.default_rng(1).normal(size=(40, 3))


class Halves:
    """An autoencoder of NumPy, exact: the upper half of an image is the latent."""

    latent_dim = 12

    def encode(self, images):
        return images[:, 0, :2] - np.float32(0.5)

    def decode(self, latents):
        upper = latents.reshape(len(latents), 1, 2, 6)
        return np.concatenate([upper, upper[:, :, ::-1]], axis=2) + np.float32(0.5)


@pytest.mark.parametrize("chunks", [(7, 1, 4, 6), (50, 1, 2, 3), ((20, 0, 30), 1, 4, 6)])
def test_chunks_do_not_matter(chunks):
    expected = vicinal.encode(Halves(), IMAGES)
    latents = on_dask.encode(Halves(), array.from_array(IMAGES, chunks=chunks), batch_size=4)
    assert (latents.shape, latents.dtype) == (expected.shape, expected.dtype)
    assert np.array_equal(latents.compute(), expected)
    decoded = on_dask.decode(Halves(), latents)
    assert (decoded.shape, decoded.dtype) == (IMAGES.shape, np.float32)
    assert np.array_equal(decoded.compute(), vicinal.decode(Halves(), expected))


def test_the_options_are_those_of_the_pipeline():
    options = {"image_size": 8, "value_range": (-1, 1)}
    pixels = Autoencoder(lambda x: x.reshape(len(x), -1), lambda z: z.reshape(-1, 1, 8, 8))
    latents = on_dask.encode(pixels, array.from_array(IMAGES, chunks=(20, 1, 4, 6)), **options)
    assert np.array_equal(latents.compute(), vicinal.encode(pixels, IMAGES, **options))
    decoded = on_dask.decode(pixels, latents, value_range=(-1, 1)).compute()
    assert np.array_equal(decoded, vicinal.decode(pixels, latents.compute(), value_range=(-1, 1)))


def test_numbers_of_rows_may_be_unknown():
    bright = IMAGES[:, 0, 0, 0] > 100
    images = array.from_array(IMAGES, chunks=(9, 1, 4, 6))
    latents = on_dask.encode(Halves(), images[images[:, 0, 0, 0] > 100])
    assert np.array_equal(latents.compute(), vicinal.encode(Halves(), IMAGES[bright]))


def test_nothing_is_computed_with_meta():
    def never(block):
        raise AssertionError

    images = array.ones((6, 1, 4, 6), chunks=3).map_blocks(never, dtype=float, meta=np.empty((0, 0, 0, 0)))
    latents = on_dask.encode(Halves(), images, meta=np.empty((0, 2, 6), np.float32))
    assert (latents.shape, latents.dtype) == ((6, 2, 6), np.float32)


@pytest.mark.parametrize("sampler", [PMFSampler(4, random_state=1), LocalSampler(4, scale=1.0, random_state=1)])
def test_images_are_those_of_generate(client, sampler):
    sampler.fit(vicinal.encode(Halves(), IMAGES), np.arange(50) % 2)
    with client.as_current():
        images = on_dask.generate(Halves(), sampler, 30, 8, start=3)
        assert images.chunks == ((8, 8, 8, 6), (1,), (4,), (6,))
        assert np.array_equal(images.compute(), vicinal.generate(Halves(), sampler, 30, start=3))
        some = on_dask.generate(Halves(), sampler, 9, y=1, random_state=5).compute()
    assert np.array_equal(some, vicinal.generate(Halves(), sampler, 9, y=1, random_state=5))


def test_chunks_are_as_large_as_images_allow():
    sampler = PMFSampler(4, random_state=0).fit(vicinal.encode(Halves(), IMAGES))
    with config.set({"array.chunk-size": "4KiB"}):
        images = on_dask.generate(Halves(), sampler, 1000)
    assert max(images.chunks[0]) * 24 * 4 <= 4096


def test_torch_models_agree_and_stay_as_they_are(client):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(24, 5), torch.nn.Dropout(0.5))
    model = Autoencoder(encoder, torch.nn.Linear(5, 24))
    expected = vicinal.encode(model, IMAGES)
    with client.as_current():
        for device in (None, "cpu", "auto"):
            latents = on_dask.encode(model, array.from_array(IMAGES, chunks=(7, 1, 4, 6)), device=device)
            np.testing.assert_allclose(latents.compute(), expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    assert encoder.training


def test_a_later_change_of_the_model_changes_nothing():
    torch = pytest.importorskip("torch")
    model = Autoencoder(torch.nn.Linear(3, 2), torch.nn.Linear(2, 3))
    rows = np.eye(3, dtype=np.float32)
    expected = vicinal.encode(model, rows)
    latents = on_dask.encode(model, array.from_array(rows, chunks=2))
    torch.nn.init.zeros_(model.encoder.weight)
    np.testing.assert_allclose(latents.compute(), expected, rtol=1e-6)


def test_a_model_of_the_script_travels(client):
    class Here:
        def encode(self, images):
            return images * 2

        def decode(self, latents):
            return latents / 2

    with client.as_current():
        assert (on_dask.encode(Here(), array.ones((5, 2), chunks=2)).compute() == 2).all()


def test_doubts_are_said_here(client):
    noisy = Autoencoder(lambda x: x + np.random.default_rng().normal(size=x.shape), lambda z: z)
    with client.as_current(), pytest.warns(AutoencoderWarning, match="each time"):
        on_dask.encode(noisy, array.ones((5, 2), chunks=2))


def test_what_cannot_travel_is_an_error():
    lock = threading.Lock()
    with pytest.raises(InvalidTypeError, match="autoencoder must be one that can be pickled"):
        on_dask.encode(Autoencoder(lambda x: lock and x, lambda z: z), array.ones((5, 2), chunks=2))


class Elsewhere:
    """A class whose module the workers lack."""

    def encode(self, images):
        return images

    def __reduce__(self):
        return __import__, ("no_such_module",)


@pytest.mark.parametrize(
    ("model", "images", "options", "error", "message"),
    [
        (Halves(), IMAGES, {}, InvalidTypeError, "images must be a dask array"),
        (Elsewhere(), array.ones((5, 2)), {}, InvalidInputError, "cannot be loaded by this worker"),
        (Halves(), array.ones(5), {}, InvalidInputError, r"shape \(n_samples, ...\)"),
        (Halves(), array.ones((5, 2), dtype=np.uint8), {}, InvalidInputError, "must not be rows of uint8"),
        (Halves(), array.ones((0, 1, 4, 6)), {}, InvalidInputError, "at least one row.*meta="),
        (object(), array.ones((5, 2)), {}, InvalidTypeError, "encode"),
        (Autoencoder(abs, abs), array.ones((5, 2)), {"device": "cpu"}, InvalidInputError, "device needs a torch"),
        (Halves(), array.ones((2, 1, 4, 6)), {"batch_size": 0}, InvalidInputError, "batch_size"),
    ],
)
def test_what_cannot_be_used(model, images, options, error, message):
    with pytest.raises(error, match=message):
        on_dask.encode(model, images, **options)


def test_latents_of_another_model_are_an_error():
    with pytest.raises(InvalidInputError, match="latents of 12 dimensions"):
        on_dask.generate(Halves(), PMFSampler(4).fit(NORMAL), 5)


def spoiled(block, value, block_info=None):
    block = block.copy()
    if block_info[0]["chunk-location"][0] == 1:
        block[2] = value
    return block


def cut(block, block_info=None):
    return block[:, :1] if block_info[0]["chunk-location"][0] == 2 else block


def grows(images):
    return images if images[0, 0] < 30 else np.hstack([images, images])


def test_a_bad_chunk_is_named():
    rows = array.from_array(NORMAL, chunks=(10, 3))
    same = Autoencoder(grows, grows)
    bad = rows.map_blocks(spoiled, np.nan, dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(InvalidInputError, match=r"images of chunk 1 must be finite.*row 2"):
        on_dask.encode(same, bad).compute()
    bad = rows.map_blocks(cut, dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(InvalidInputError, match=r"images of chunk 2 must have rows of shape \(3,\).*got \(1,\)"):
        on_dask.encode(same, bad).compute()
    bad = array.concatenate([rows, rows[:10] + 50])
    with pytest.raises(InvalidInputError, match=r"images of chunk 4 must become float64 of shape \(n, 3\)"):
        on_dask.encode(same, bad).compute()
