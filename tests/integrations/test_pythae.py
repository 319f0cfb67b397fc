"""`VicinalSampler` in pythae's interface."""

import doctest
import json
import warnings

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import vicinal
from vicinal._errors import FileFormatError

torch = pytest.importorskip("torch")
pillow = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def models():
    """Load pythae here: that takes long, and is not for workers that run none of these tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("pythae.samplers")
        return pytest.importorskip("pythae.models")


@pytest.fixture(scope="module")
def ours(models):
    from vicinal.integrations import pythae

    return pythae


@pytest.fixture
def model(models):
    torch.manual_seed(0)
    return models.VAE(models.VAEConfig(input_dim=(1, 8, 8), latent_dim=3))


IMAGES = np.random.default_rng(0).integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
UNITS = torch.from_numpy(IMAGES / np.float32(255))


def pmf(ours, model, **parameters):
    return ours.VicinalSampler(model, ours.VicinalSamplerConfig("pmf", {"n_bins": 4, "random_state": 0} | parameters))


def test_the_examples_run(ours):
    found = doctest.testmod(ours, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 3
    assert not found.failed


def test_it_draws_as_our_own_sampler_does(ours, model):
    from pythae.samplers import BaseSampler

    sampler = pmf(ours, model)
    assert isinstance(sampler, BaseSampler)
    images = sampler.fit(UNITS).sample(7, batch_size=3)
    with torch.no_grad():
        means = model.encoder(UNITS).embedding  # not the draws that pythae fits to
    expected = vicinal.PMFSampler(4, random_state=0).fit(means).sample(7)
    with torch.no_grad():
        assert torch.allclose(images, model.decoder(expected)["reconstruction"], atol=1e-6)
    assert torch.equal(sampler.sample(7), sampler.sample(7))
    assert torch.allclose(pmf(ours, model).fit(IMAGES).sample(7), images, atol=1e-5)  # levels, in NumPy
    assert sampler.sample(0).shape == (0, 1, 8, 8)
    assert not model.training
    unseeded = pmf(ours, model, random_state=None).fit(UNITS)
    assert not torch.equal(unseeded.sample(7), unseeded.sample(7))


def test_the_default_is_local_and_held_out_images_calibrate(ours, model):
    sampler = ours.VicinalSampler(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", vicinal._errors.CalibrationWarning)  # of a few random images
        sampler.fit(UNITS[:40], eval_data=UNITS[40:])
    assert isinstance(sampler.sampler_, vicinal.LocalSampler)
    with pytest.raises(ValueError, match="calibration_latents go with"):
        pmf(ours, model).fit(UNITS, eval_data=UNITS)


def test_files_are_those_of_pythae_but_clipped(ours, model, tmp_path):
    from pythae.samplers import BaseSampler

    sampler = pmf(ours, model).fit(UNITS)
    images = sampler.sample(5, batch_size=2, output_dir=str(tmp_path / "made/here"), save_sampler_config=True)
    written = sorted((tmp_path / "made/here").glob("*.png"))
    assert [path.name for path in written] == [f"{i:08d}.png" for i in range(5)]
    for path, image in zip(written, images, strict=True):
        BaseSampler.save_img(sampler, image, str(tmp_path), path.name)
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()
    assert ours.VicinalSampler.load(tmp_path / "made/here", model).is_fitted
    colours = torch.tensor([1.02, 0.5, -0.02]).reshape(3, 1, 1).expand(3, 8, 8)
    sampler.save_img(colours, str(tmp_path), "clipped.png")
    with pillow.open(tmp_path / "clipped.png") as image:
        assert image.getpixel((3, 3)) == (255, 127, 0)
    assert sampler.sample(2, output_dir=tmp_path / "alone", return_gen=False) is None
    assert len(list((tmp_path / "alone").iterdir())) == 2


def test_decoded_rows_that_are_no_images_are_not_written(ours, models, model, tmp_path):
    table = models.AE(models.AEConfig(input_dim=(6,), latent_dim=2))
    sampler = pmf(ours, table).fit(torch.rand(30, 6))
    assert sampler.sample(4).shape == (4, 6)
    with pytest.raises(ValueError, match=r"images \(C, H, W\) of 1 or 3 channels.*got \(6,\): leave output_dir out"):
        sampler.sample(4, output_dir=tmp_path)
    sampler = pmf(ours, model).fit(UNITS)
    final = model.decoder.layers[-1][0]
    with torch.no_grad():
        final.bias.fill_(float("nan"))
    with pytest.raises(ValueError, match="decoded images"):
        sampler.sample(4, output_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_saved_and_loaded(ours, model, tmp_path):
    sampler = pmf(ours, model).fit(UNITS)
    sampler.save(tmp_path / "new/folder")
    assert sorted(path.name for path in (tmp_path / "new/folder").iterdir()) == [
        "sampler.safetensors",
        "sampler_config.json",
    ]
    loaded = ours.VicinalSampler.load(tmp_path / "new/folder", model)
    assert loaded.sampler_config == sampler.sampler_config
    assert torch.equal(loaded.sample(9), sampler.sample(9))


def test_damaged_and_foreign_files_are_refused(ours, models, model, tmp_path):
    sampler = pmf(ours, model).fit(UNITS)
    sampler.save(tmp_path)
    other = models.AE(models.AEConfig(input_dim=(1, 8, 8), latent_dim=5))
    with pytest.raises(ValueError, match="latents of 5 dimensions, as the autoencoder has; got 3"):
        ours.VicinalSampler.load(tmp_path, other)
    (tmp_path / "sampler_config.json").write_text(
        json.dumps({"name": "VicinalSamplerConfig", "sampler": "local", "parameters": {}})
    )
    with pytest.raises(FileFormatError, match=r"holds a PMFSampler, but sampler_config.json names local"):
        ours.VicinalSampler.load(tmp_path, model)
    for text in ("{", "[]", "{}", '{"name": "NormalSamplerConfig"}', '{"name": "VicinalSamplerConfig", "samplr": "x"}'):
        (tmp_path / "sampler_config.json").write_text(text)
        with pytest.raises(FileFormatError, match="is not the configuration of a VicinalSampler"):
            ours.VicinalSampler.load(tmp_path, model)
    sampler.save(tmp_path)
    (tmp_path / "sampler.safetensors").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(FileFormatError, match="is not a vicinal file"):
        ours.VicinalSampler.load(tmp_path, model)


def test_inside_a_pipeline_of_pythae(ours, model, tmp_path):
    from pythae.pipelines.generation import GenerationPipeline

    with pytest.raises(NotImplementedError, match="Unrecognized sampler config name"):
        GenerationPipeline(model, ours.VicinalSamplerConfig())  # it makes none but its own
    pipeline = GenerationPipeline(model)
    pipeline.sampler = pmf(ours, model)
    images = pipeline(num_samples=4, train_data=UNITS, output_dir=str(tmp_path), save_sampler_config=True)
    assert torch.equal(images, pmf(ours, model).fit(UNITS).sample(4))
    pipeline.sampler = ours.VicinalSampler.load(tmp_path, model)
    assert torch.equal(pipeline(num_samples=4), images)  # without data


def test_what_cannot_be_used_is_refused(ours, models, model, tmp_path):
    config = ours.VicinalSamplerConfig
    with pytest.raises(ValueError, match="sampler must be one of local, pmf"):
        config("lokal")
    with pytest.raises(ValueError, match=r"parameters must be those of the sampler pmf.*got 'nbins'.*n_bins"):
        config("pmf", {"nbins": 8})
    with pytest.raises(ValueError, match="samplr"):
        config(samplr="pmf")
    with pytest.raises(ValueError, match="which JSON can hold"):
        config("pmf", {"random_state": np.random.default_rng(0)})
    from pythae.samplers import GaussianMixtureSamplerConfig

    with pytest.raises(ValueError, match="must be a VicinalSamplerConfig; got GaussianMixtureSamplerConfig"):
        ours.VicinalSampler(model, GaussianMixtureSamplerConfig())
    with pytest.raises(TypeError, match="model must be an autoencoder of pythae"):
        ours.VicinalSampler(torch.nn.Linear(2, 2))
    sampler = pmf(ours, model)
    for call in (sampler.sample, sampler.fit, lambda: sampler.save(tmp_path)):
        with pytest.raises(NotFittedError, match="needs a fitted sampler"):
            call()
    with pytest.raises(ValueError, match=r"images must be levels uint8 or floats in \[0, 1\].*pass images / 255"):
        sampler.fit(UNITS * 255)
    assert not sampler.is_fitted
    with pytest.raises(ValueError, match="training_config must be None"):
        sampler.fit(UNITS, training_config=config())
    sampler.fit(UNITS)
    with pytest.raises(ValueError, match="num_samples must be"):
        sampler.sample(-1)
    with pytest.raises(ValueError, match="batch_size must be"):
        sampler.sample(1, batch_size=0)
    with pytest.raises(ValueError, match="save_sampler_config needs output_dir"):
        sampler.sample(1, save_sampler_config=True)
    assert not list(tmp_path.iterdir())
