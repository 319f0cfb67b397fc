"""Networks: shapes, what is random on request, files."""

from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal import datasets, storage
from vicinal._errors import FileFormatError

torch = pytest.importorskip("torch")

from vicinal.autoencoders.networks import ConvAutoencoder, ToPixels  # noqa: E402 - after the skip


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (1, 32, 32), (3, 64, 64), (2, 8, 12)])
@pytest.mark.parametrize("variational", [False, True])
def test_shapes(shape, variational):
    model = ConvAutoencoder(shape, 5, width=4, variational=variational)
    latents = model.encode(torch.rand(3, *shape))
    assert latents.shape == (3, 5)
    images = model.decode(latents)
    assert images.shape == (3, *shape)
    assert ((images >= 0) & (images <= 1)).all()


@pytest.mark.parametrize("shape", [(1, 7, 7), (1, 4, 4), (1, 8, 9)])
def test_impossible_sizes(shape):
    with pytest.raises(
        ValueError, match=r"images must have even sides above 4; got .*: load them with image_size=8, or"
    ):
        ConvAutoencoder(shape, 2)


def test_the_networks_keep_their_type():
    model = ConvAutoencoder((1, 8, 8), 2, variational=True).double()
    assert model.decode(model.encode(torch.rand(2, 1, 8, 8).double())).dtype == torch.float64
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model.float().encode(torch.rand(2, 1, 8, 8)).dtype == torch.float32


def test_means_unless_draws_are_asked_for():
    model = ConvAutoencoder((1, 8, 8), 2, variational=True)
    images = torch.rand(4, 1, 8, 8)
    mean, log_variance = model.posterior(images)
    assert torch.equal(model.encode(images), mean)
    drawn = model.sample_posterior(images, generator=torch.Generator().manual_seed(1))
    noise = torch.randn(4, 2, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(drawn, mean + torch.exp(log_variance / 2) * noise)
    plain = ConvAutoencoder((1, 8, 8), 2)
    assert torch.equal(plain.sample_posterior(images), plain.encode(images))
    with pytest.raises(ValueError, match="posterior needs a model made with variational=True"):
        plain.posterior(images)


def test_prior():
    generator = torch.Generator().manual_seed(0)
    normal = ConvAutoencoder((1, 8, 8), 2).sample_prior(4000, generator=generator)
    assert normal.shape == (4000, 2)
    assert torch.allclose(normal.mean(dim=0), torch.zeros(2), atol=0.05)
    assert torch.allclose(normal.std(dim=0), torch.ones(2), atol=0.05)
    model = ConvAutoencoder((1, 8, 8), 2, variational=True, n_pseudo_inputs=2)
    with torch.no_grad():
        model.pseudo_inputs[0], model.pseudo_inputs[1] = 0.0, 5.0
    means, log_variances = model.posterior(torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)]))
    drawn = model.sample_prior(4000, generator=generator)
    assert torch.allclose(drawn.mean(dim=0), means.mean(dim=0), atol=0.1)
    variance = log_variances.exp().mean(dim=0) + means.var(dim=0, correction=0)
    assert torch.allclose(drawn.var(dim=0), variance, rtol=0.1)
    with pytest.raises(ValueError, match="n_pseudo_inputs needs variational=True"):
        ConvAutoencoder((1, 8, 8), 2, n_pseudo_inputs=2)


def test_a_file_keeps_pseudo_inputs(tmp_path):
    model = ConvAutoencoder((1, 8, 8), 2, variational=True, n_pseudo_inputs=3)
    model.save(tmp_path / "model.safetensors")
    loaded = vicinal.load(tmp_path / "model.safetensors")
    draws = [m.sample_prior(5, generator=torch.Generator().manual_seed(0)) for m in (model, loaded)]
    assert torch.equal(*draws)


def test_files_of_earlier_versions_are_read(tmp_path):
    folder = Path(__file__).parents[1] / "data" / "format1"
    model = vicinal.load(folder / "autoencoder.safetensors")
    expected = np.load(folder / "autoencoder-images.npy")
    images = datasets.load("digits").images[: len(expected)]
    found = vicinal.decode(model, vicinal.encode(model, images))
    assert np.allclose(found, expected, rtol=0.0, atol=1e-5)
    assert (model.card["objective"], model.n_pseudo_inputs) == ("vamp", 3)
    model.save(tmp_path / "new")
    old, new = (storage.read(path) for path in (folder / "autoencoder.safetensors", tmp_path / "new"))
    assert new.header == old.header


@pytest.mark.parametrize("channels", [1, 3])
def test_the_last_layer_is_a_transposed_convolution(channels):
    torch.manual_seed(0)
    layer = ToPixels(5, channels).double()
    maps = torch.randn(2, 5, 6, 8, dtype=torch.float64, requires_grad=True)
    images, expected = layer(maps), torch.nn.ConvTranspose2d.forward(layer, maps)
    assert images.shape == (2, channels, 12, 16)
    torch.testing.assert_close(images, expected)
    inputs, weights = (maps, *layer.parameters()), torch.randn_like(images)
    found = torch.autograd.grad(images, inputs, weights)
    torch.testing.assert_close(found, torch.autograd.grad(expected, inputs, weights))


@pytest.mark.parametrize(
    "forge",
    [
        lambda header, arrays: header["params"].update(width=10**9),
        lambda header, arrays: header["params"].update(latent_dim=3),
        lambda header, arrays: header["params"].update(image_shape=[1, 8, 8, 8]),
        lambda header, arrays: header["params"].update(depth=3),
        lambda header, arrays: header.pop("card"),
        lambda header, arrays: header.update(card="card"),
        lambda header, arrays: arrays.popitem(),
        lambda header, arrays: arrays.update(more=np.zeros(3, np.float32)),
        lambda header, arrays: arrays.update({name: array * np.nan for name, array in arrays.items()}),
        lambda header, arrays: arrays.update({name: array.astype(int) for name, array in arrays.items()}),
    ],
)
def test_a_file_made_by_hand_is_refused(tmp_path, forge):
    path = tmp_path / "model.safetensors"
    ConvAutoencoder((1, 8, 8), latent_dim=2, width=4).save(path)
    good = storage.read(path)
    header, arrays = dict(good.header), dict(good.arrays)
    forge(header, arrays)
    storage.write(path, good.kind, header, arrays)
    with pytest.raises(FileFormatError, match="holds no ConvAutoencoder as save"):
        vicinal.load(path)
