"""Batching, devices, modes and array libraries of encode, decode and generate."""

import numpy as np
import pytest

import vicinal
from vicinal import Autoencoder, PMFSampler, _progress, decode, encode, generate

HALVES = Autoencoder(lambda images: images[:, :2] / 2, lambda latents: latents * 2)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batches_change_nothing(batch_size):
    images = np.random.default_rng(0).normal(size=(7, 4))
    assert np.array_equal(encode(HALVES, images, batch_size=batch_size), images[:, :2] / 2)
    assert np.array_equal(decode(HALVES, images, batch_size=batch_size), images * 2)


def test_progress_is_shown_when_asked(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setattr(_progress, "QUIET_SECONDS", -1.0)
    encode(HALVES, np.zeros((7, 4)), batch_size=2, progress=True)
    captured = capsys.readouterr()
    assert "encode" in captured.err
    assert "7/7" in captured.err
    assert captured.out == ""
    encode(HALVES, np.zeros((7, 4)), batch_size=2)
    assert capsys.readouterr().err == ""


def test_no_rows():
    assert encode(HALVES, np.empty((0, 4))).shape == (0, 2)


def test_no_batch_is_larger_than_asked():
    sizes = []
    seen = Autoencoder(lambda images: sizes.append(len(images)) or images, lambda latents: latents)
    encode(seen, np.zeros((10, 2)), batch_size=4)
    assert max(sizes) == 4
    assert sizes[-1] == 2


def test_generate_is_sample_and_decode():
    sampler = PMFSampler(4, random_state=5).fit(np.random.default_rng(0).normal(size=(50, 3)))
    assert np.array_equal(generate(HALVES, sampler, 30), sampler.sample(30) * 2)
    assert np.array_equal(generate(HALVES, sampler, 10, start=20), sampler.sample(30)[20:] * 2)
    assert np.array_equal(generate(HALVES, sampler, 9, random_state=1), sampler.sample(9, random_state=1) * 2)
    assert generate(HALVES, sampler, 0).shape == (0, 3)


def test_generate_within_a_class():
    latents = np.random.default_rng(0).normal(size=(50, 3))
    sampler = PMFSampler(4, random_state=5).fit(latents, np.arange(50) % 2)
    assert np.array_equal(generate(HALVES, sampler, 9, y=1), sampler.sample(9, y=1) * 2)


def test_torch_modules_get_what_they_need_and_keep_their_mode(torch):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 2, dtype=torch.float64)
            self.dropout = torch.nn.Dropout(0.9)
            self.frozen = torch.nn.Dropout(0.9).eval()

        def encode(self, images):
            assert images.dtype == torch.float64
            assert not torch.is_grad_enabled()
            return self.frozen(self.dropout(self.layer(images)))

        def decode(self, latents):
            return latents.repeat(1, 2)

    model = Model().train()
    model.frozen.eval()
    images = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    expected = model.layer(torch.from_numpy(images).double()).detach()
    latents = encode(model, images, batch_size=2)
    assert isinstance(latents, np.ndarray)
    assert np.allclose(latents, expected.numpy())
    assert (model.training, model.dropout.training, model.frozen.training) == (True, True, False)
    tensors = encode(model, torch.from_numpy(images))
    assert isinstance(tensors, torch.Tensor)
    assert torch.allclose(tensors, expected)
    assert decode(model, tensors).shape == (5, 4)


def test_methods_of_a_module_are_the_module(torch):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 2)
            self.dropout = torch.nn.Dropout(0.5)

        def code(self, images):
            return self.dropout(self.layer(images))

    model = Model()
    images = np.ones((3, 4))
    images.flags.writeable = False
    wrapped = Autoencoder(model.code, model.layer)
    assert np.array_equal(encode(wrapped, images), encode(wrapped, images))
    latents = encode(wrapped, torch.ones(3, 4))
    torch.nn.Linear(2, 1)(latents).sum().backward()  # tensors that can be used in training
    assert model.training


def test_modes_come_back_after_an_error(torch):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2)).train()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        encode(Autoencoder(model, model), np.zeros((1, 3)))
    assert model.training


def test_wrapped_modules(torch):
    encoder, decoder = torch.nn.Linear(4, 2), torch.nn.Linear(2, 4)
    wrapped = Autoencoder(encoder, decoder)
    images = np.ones((3, 4))  # float64 in, the modules are float32
    assert encode(wrapped, images).shape == (3, 2)
    sampler = PMFSampler(2, random_state=0).fit(np.random.default_rng(0).normal(size=(20, 2)))
    assert generate(wrapped, sampler, 6).shape == (6, 4)


def test_objects_that_are_no_autoencoders():
    with pytest.raises(TypeError, match=r"must have encode\(images\) and decode\(latents\); object has no encode"):
        encode(object(), np.zeros((1, 2)))
    with pytest.raises(TypeError, match="encoder must be callable; got int"):
        Autoencoder(1, len)
    with pytest.raises(TypeError, match=r"encode must return one array; got str. Wrap the model"):
        encode(Autoencoder(lambda x: "x", len), np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"encode must return one row for each of 3; got shape \(1, 2\)"):
        encode(Autoencoder(lambda x: x[:1], len), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"encode must return rows of one shape; got \(3,\) and then \(1,\)"):
        encode(Autoencoder(lambda x: x[:, : 3 if len(x) == 2 else 1], len), np.zeros((3, 4)), batch_size=2)
    with pytest.raises(TypeError, match="sampler must be a fitted sampler; got int"):
        generate(HALVES, 3, 5)
    with pytest.raises(ValueError, match="batch_size must be an integer at least 1; got 0"):
        encode(HALVES, np.zeros((1, 2)), batch_size=0)
    with pytest.raises(ValueError, match=r"images must have shape \(n_samples, ...\); got \(3,\)"):
        encode(HALVES, np.zeros(3))


def test_the_readme_example(torch, tmp_path):
    from vicinal.autoencoders.networks import ConvAutoencoder

    autoencoder = ConvAutoencoder((1, 8, 8), latent_dim=3)
    images = np.random.default_rng(0).random((40, 1, 8, 8), dtype=np.float32)
    latents = vicinal.encode(autoencoder, images)
    sampler = vicinal.PMFSampler(16, random_state=0).fit(latents)
    new_images = vicinal.generate(autoencoder, sampler, 100)
    scores = vicinal.evaluate(images, new_images)
    assert scores["generated"]["n"] == 100
    sampler.save(tmp_path / "digits.safetensors")
    autoencoder.save(tmp_path / "autoencoder.safetensors")
    again = vicinal.generate(
        vicinal.load(tmp_path / "autoencoder.safetensors"), vicinal.load(tmp_path / "digits.safetensors"), 100
    )
    assert np.array_equal(again, new_images)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_8_bit_images_are_encoded_in_units(library):
    levels = np.arange(256, dtype=np.uint8).reshape(64, 4)
    wrapped = vicinal.Autoencoder(lambda images: images, lambda latents: latents)
    if library == "torch":
        torch = pytest.importorskip("torch")
        latents = vicinal.encode(wrapped, torch.from_numpy(levels)).numpy()
    else:
        latents = vicinal.encode(wrapped, levels)
    assert latents.dtype == np.float32
    assert np.array_equal(latents, levels / np.float32(255.0))


def test_a_sampler_of_other_latents_is_refused_in_words():
    pytest.importorskip("torch")
    from vicinal.autoencoders.networks import ConvAutoencoder

    model = ConvAutoencoder((1, 8, 8), latent_dim=3)
    sampler = vicinal.PMFSampler(2, random_state=0).fit(np.random.default_rng(0).normal(size=(50, 5)))
    with pytest.raises(ValueError, match=r"sampler must have latents of 3 dimensions, .*; got 5: fit"):
        vicinal.generate(model, sampler, 4)
