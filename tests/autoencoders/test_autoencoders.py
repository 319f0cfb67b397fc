"""Networks, objectives against hand computation, training."""

import math

import numpy as np
import pytest

import vicinal
from vicinal import datasets

torch = pytest.importorskip("torch")

from vicinal.autoencoders.networks import ConvAutoencoder  # noqa: E402 - after the skip
from vicinal.autoencoders.objectives import ae, vae  # noqa: E402
from vicinal.autoencoders.training import train  # noqa: E402


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
    with pytest.raises(ValueError, match=r"images must have even sides above 4; got .*: pad them"):
        ConvAutoencoder(shape, 2)


def test_plain_loss_by_hand():
    model = ConvAutoencoder((1, 8, 8), 2)
    images = torch.rand(3, 1, 8, 8)
    expected = sum(((image - model(image[None])[0]) ** 2).sum() for image in images) / 3
    assert torch.allclose(ae(model, images, torch.Generator()), expected)


def test_variational_loss_by_hand():
    model = ConvAutoencoder((1, 8, 8), 2, variational=True)
    images = torch.rand(4, 1, 8, 8)
    mean, log_variance = model.posterior(images)
    noise = torch.randn(4, 2, generator=torch.Generator().manual_seed(1))
    decoded = model.decode(mean + torch.exp(log_variance / 2) * noise)
    posterior = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
    divergence = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(dim=1)
    likelihood = torch.distributions.Normal(decoded, 0.1).log_prob(images).flatten(1).sum(dim=1)
    constant = 64 * (math.log(0.1) + 0.5 * math.log(2 * math.pi))
    expected = (divergence - likelihood - constant).mean()
    assert torch.allclose(vae(model, images, torch.Generator().manual_seed(1)), expected, rtol=1e-4)
    assert torch.equal(model.encode(images), mean)


def test_a_plain_model_has_no_posterior():
    with pytest.raises(ValueError, match="posterior needs a model made with variational=True"):
        ConvAutoencoder((1, 8, 8), 2).posterior(torch.rand(1, 1, 8, 8))


@pytest.mark.parametrize(("objective", "limit"), [("ae", 0.025), ("vae", 0.028)])
def test_training_on_digits_beats_a_stated_error(objective, limit):
    images, test = datasets.load("digits").images, datasets.load("digits", split="test").images
    losses = []
    model = train(
        objective,
        images,
        latent_dim=8,
        width=32,
        n_epochs=20,
        on_epoch=lambda epoch, loss: losses.append((epoch, loss)),
    )
    error = np.square(vicinal.decode(model, vicinal.encode(model, test)) - test).mean()
    assert error < limit < np.square(test - images.mean(axis=0)).mean() / 2
    assert [epoch for epoch, _ in losses] == list(range(1, 21))
    assert losses[-1][1] < losses[0][1] / 2
    assert model.card["final_loss"] == losses[-1][1]
    assert not model.training


def test_training_is_seeded_and_leaves_the_global_generator_alone():
    images = datasets.load("digits").images[:100]
    state = torch.random.get_rng_state()
    models = [train("vae", images, latent_dim=2, n_epochs=2, random_state=seed) for seed in (0, 0, 1)]
    weights = [torch.cat([p.flatten() for p in model.parameters()]) for model in models]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(torch.random.get_rng_state(), state)


def test_bad_settings():
    images = np.zeros((9, 1, 8, 8))
    with pytest.raises(ValueError, match="objective must be one of 'ae', 'vae'; got 'gan'"):
        train("gan", images, latent_dim=2)
    with pytest.raises(ValueError, match=r"images must have shape \(n, C, H, W\); got \(9, 64\)"):
        train("ae", images.reshape(9, 64), latent_dim=2)
    with pytest.raises(ValueError, match="n_epochs must be an integer at least 1; got 0"):
        train("ae", images, latent_dim=2, n_epochs=0)
    with pytest.raises(ValueError, match="latent_dim must be an integer at least 1; got 0"):
        train("ae", images, latent_dim=0)


@pytest.mark.parametrize("objective", ["ae", "vae"])
def test_saved_and_loaded(objective, tmp_path):
    images = datasets.load("digits").images[:64]
    model = train(objective, images, latent_dim=3, n_epochs=1)
    model.save(tmp_path / "model.safetensors")
    loaded = vicinal.load(tmp_path / "model.safetensors")
    assert loaded.card == model.card
    assert np.array_equal(vicinal.encode(loaded, images), vicinal.encode(model, images))
