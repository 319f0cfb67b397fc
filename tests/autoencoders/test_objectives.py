"""Every loss against a computation by other formulas on a tiny model."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence  # noqa: E402

from vicinal.autoencoders.networks import ConvAutoencoder  # noqa: E402 - after the skip
from vicinal.autoencoders.objectives import OBJECTIVES, deterministic, matching, take  # noqa: E402
from vicinal.autoencoders.objectives.variational import start_from_images  # noqa: E402

N_PIXELS = 64


def seeded():
    return torch.Generator().manual_seed(1)


@pytest.fixture
def images():
    return torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def plain():
    torch.manual_seed(0)
    return ConvAutoencoder((1, 8, 8), 2, width=4)


@pytest.fixture
def variational():
    torch.manual_seed(0)
    model = ConvAutoencoder((1, 8, 8), 2, width=4, variational=True)
    with torch.no_grad():
        model.encoder[-1].weight.mul_(5.0)  # posteriors that differ clearly from the prior
    return model


def number(value):
    return float(value.detach() if isinstance(value, torch.Tensor) else value)


def loss(name, model, images, *partner, **options):
    return OBJECTIVES[name].loss(model, images, seeded(), *partner, **options)


def error(images, reconstructions):
    """Return the squared error of an image, by NumPy."""
    pairs = zip(images.numpy(), reconstructions.detach().numpy(), strict=True)
    return sum(number(np.sum((a.astype(float) - b) ** 2)) for a, b in pairs) / len(images)


def posterior(model, images):
    mean, log_variance = model.posterior(images)
    return Independent(Normal(mean, torch.exp(log_variance / 2)), 1)


def drawn(model, images):
    """Return posteriors, one draw of each with the seed of `seeded`, and what it decodes to."""
    q = posterior(model, images)
    latents = q.base_dist.loc + q.base_dist.scale * torch.randn(len(images), 2, generator=seeded())
    return q, latents, model.decode(latents)


def prior():
    return Independent(Normal(torch.zeros(2), torch.ones(2)), 1)


def gaussian_constant(std):
    return N_PIXELS * (math.log(std) + 0.5 * math.log(2 * math.pi))


def test_ae(plain, images):
    assert number(loss("ae", plain, images)) == pytest.approx(error(images, plain(images)), rel=1e-5)


def test_dae(plain, images):
    kept = torch.rand(6, 1, 8, 8, generator=seeded()).numpy() >= 0.4
    damaged = torch.from_numpy(images.numpy() * kept)
    assert 0.5 < kept.mean() < 0.7
    assert number(loss("dae", plain, images, corruption=0.4)) == pytest.approx(error(images, plain(damaged)), rel=1e-5)
    with pytest.raises(ValueError, match="corruption must be a share from 0 to below 1; got 1"):
        loss("dae", plain, images, corruption=1.0)


@pytest.mark.parametrize(("name", "beta"), [("vae", 1.0), ("beta-vae", 4.0)])
def test_vae(variational, images, name, beta):
    q, _, decoded = drawn(variational, images)
    likelihood = Normal(decoded, 0.2).log_prob(images).flatten(1).sum(dim=1)
    expected = (beta * kl_divergence(q, prior()) - likelihood).mean() - gaussian_constant(0.2)
    assert torch.allclose(loss(name, variational, images, decoder_std=0.2), expected, rtol=1e-4)


def test_sigma_vae_has_the_best_variance(variational, images):
    q, _, decoded = drawn(variational, images)
    divergence = kl_divergence(q, prior()).mean()

    def of(std):
        return number(divergence - Normal(decoded, std).log_prob(images).flatten(1).sum(dim=1).mean())

    best = number((decoded - images).square().mean().sqrt())
    found = number(loss("sigma-vae", variational, images)) + N_PIXELS * 0.5 * math.log(2 * math.pi)
    assert found == pytest.approx(of(best), rel=1e-5)
    assert found < min(of(best * 0.95), of(best * 1.05))
    perfect = drawn(variational, images)[2].detach()
    assert number(loss("sigma-vae", variational, perfect)) > -6.5 * N_PIXELS  # the floor


def pairs(kernel, a, b, *, same=False):
    """Return the mean of a kernel over pairs of rows, without those of a row and itself if ``same``."""
    values = [kernel(np.sum((x - y) ** 2)) for i, x in enumerate(a) for j, y in enumerate(b) if not (same and i == j)]
    return np.mean(values)


def by_hand(kernel, latents, draws):
    latents, draws = latents.detach().numpy().astype(float), draws.numpy().astype(float)
    within = pairs(kernel, latents, latents, same=True) + pairs(kernel, draws, draws, same=True)
    return within - 2 * pairs(kernel, latents, draws)


def test_wae_mmd(plain, images):
    latents, draws = plain.encode(images), torch.randn(6, 2, generator=seeded())
    distance = by_hand(lambda d: sum(4 * s / (4 * s + d) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10)), latents, draws)
    expected = error(images, plain(images)) + 10.0 * distance
    assert number(loss("wae-mmd", plain, images)) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="batch_size must be at least 2"):
        loss("wae-mmd", plain, images[:1])


def test_info_vae(variational, images):
    generator = seeded()
    torch.randn(6, 2, generator=generator)
    q, latents, decoded = drawn(variational, images)
    distance = by_hand(lambda d: math.exp(-d / 2), latents, torch.randn(6, 2, generator=generator))
    expected = error(images, decoded) / 0.02 + 0.7 * number(kl_divergence(q, prior()).mean()) + 49.3 * distance
    found = loss("info-vae", variational, images, alpha=0.3, weight=50.0)
    assert number(found) == pytest.approx(expected, rel=1e-5)


def test_mmd_of_equal_distributions_is_near_zero():
    a, b = torch.randn(2, 500, 3, generator=seeded())
    for kernel in (matching.gaussian, matching.inverse_multiquadratic):
        assert abs(number(matching.squared_mmd(a, b, kernel))) < 0.01
        assert number(matching.squared_mmd(a, b + 2.0, kernel)) > 0.1


def test_aae(plain, images):
    torch.manual_seed(0)
    discriminator = matching.discriminator_of(plain, n_hidden=8).eval()  # in training a call moves its norms
    latents, draws = plain.encode(images), torch.randn(6, 2, generator=seeded())
    taken = torch.sigmoid(discriminator(latents)).detach().numpy().astype(float)
    told = torch.sigmoid(discriminator(draws)).detach().numpy().astype(float)
    expected = error(images, plain(images)) - 3.0 * np.log(taken).mean() - np.log(told).mean() - np.log1p(-taken).mean()
    assert number(loss("aae", plain, images, discriminator, weight=3.0)) == pytest.approx(expected, rel=1e-5)


def test_aae_gives_each_network_its_own_gradients(plain, images):
    torch.manual_seed(0)
    discriminator = matching.discriminator_of(plain, n_hidden=8).eval()
    loss("aae", plain, images, discriminator, weight=3.0).backward()
    found = [p.grad.clone() for module in (plain, discriminator) for p in module.parameters()]
    latents, draws = plain.encode(images), torch.randn(6, 2, generator=seeded())
    deceived = -torch.nn.functional.logsigmoid(discriminator(latents)).mean()
    first = (images - plain.decode(latents)).square().sum() / 6 + 3.0 * deceived
    told, taken = discriminator(draws), discriminator(latents.detach())
    logits, truth = torch.cat([told, taken]), torch.cat([torch.ones(6, 1), torch.zeros(6, 1)])
    second = 2.0 * torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
    expected = torch.autograd.grad(first, list(plain.parameters()), retain_graph=True)
    expected += torch.autograd.grad(second, list(discriminator.parameters()))
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(found, expected, strict=True))


def latent_size(model, images):
    return number((model.encode(images).detach().numpy() ** 2).sum()) / len(images)


def test_rae_l2(plain, images):
    squares = sum(number((w.detach().numpy().astype(float) ** 2).sum()) for w in plain.decoder.parameters())
    expected = error(images, plain(images)) + 0.1 * latent_size(plain, images) + 0.3 * squares
    assert number(loss("rae-l2", plain, images, beta=0.2, decay=0.3)) == pytest.approx(expected, rel=1e-5)


def test_rae_gp(plain, images):
    """One vector of signs by hand, and the mean over many the squared norm of the Jacobian."""
    latents = plain.encode(images).detach()
    jacobians = [torch.autograd.functional.jacobian(lambda z: plain.decode(z[None]).ravel(), z) for z in latents]
    signs = np.sign(torch.rand(6, N_PIXELS, generator=seeded()).numpy() - 0.5)
    rest = error(images, plain(images)) + 0.1 * latent_size(plain, images)
    penalty = np.mean([np.sum((s @ j.numpy()) ** 2) for s, j in zip(signs, jacobians, strict=True)])
    expected = rest + 7.0 * penalty
    assert number(loss("rae-gp", plain, images, beta=0.2, penalty=7.0)) == pytest.approx(expected, rel=1e-4)
    generator, gp = torch.Generator().manual_seed(0), OBJECTIVES["rae-gp"].loss
    found = np.mean([number(gp(plain, images, generator, beta=0.0, penalty=1.0)) for _ in range(300)])
    norms = np.mean([number(j.square().sum()) for j in jacobians])
    assert found - error(images, plain(images)) == pytest.approx(norms, rel=0.1)


def test_rae_sn(plain, images):
    expected = error(images, plain(images)) + 0.1 * latent_size(plain, images)
    assert number(loss("rae-sn", plain, images, beta=0.2)) == pytest.approx(expected, rel=1e-5)
    deterministic.normalize_decoder(plain, images, seeded(), norm=2.5)
    for _ in range(50):
        plain(images)  # power iterations
    plain.eval()
    weights = [(layer, layer.weight.detach().numpy()) for layer in plain.decoder if hasattr(layer, "weight")]
    for layer, weight in weights:
        outputs_first = weight.swapaxes(0, 1) if weight.ndim == 4 else weight
        matrix = outputs_first.reshape(len(outputs_first), -1)
        assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(2.5, abs=2.5e-3), layer
    with pytest.raises(ValueError, match=r"norm must be .*got 0"):
        deterministic.normalize_decoder(plain, images, seeded(), norm=0.0)


def test_vamp(variational, images):
    start_from_images(variational, images[:4], seeded(), n_pseudo_inputs=3)
    q, latents, decoded = drawn(variational, images)
    mixture = MixtureSameFamily(Categorical(torch.ones(3)), posterior(variational, variational.pseudo_inputs))
    divergence = (q.log_prob(latents) - mixture.log_prob(latents)).mean()
    expected = error(images, decoded) / 0.02 + number(divergence)
    assert number(loss("vamp", variational, images)) == pytest.approx(expected, rel=1e-4)


def test_pseudo_inputs_start_as_images(variational):
    levels = torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(4, 1, 8, 8) * 51
    start_from_images(variational, levels, seeded(), n_pseudo_inputs=10)
    values = (variational.pseudo_inputs[:, 0, 0, 0] * 5).round().int().tolist()
    assert sorted(values[:4]) == sorted(values[4:8]) == [0, 1, 2, 3]
    assert variational.prior_components()[0].shape == (10, 2)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_loss_reaches_every_weight(name, images):
    recipe = OBJECTIVES[name]
    options = recipe.resolve(name, {"n_pseudo_inputs": 3} if name == "vamp" else {})
    model = ConvAutoencoder((1, 8, 8), 2, width=4, variational=recipe.variational)
    if recipe.prepare is not None:
        recipe.prepare(model, images, seeded(), **take(recipe.prepare, options))
    partner = () if recipe.partner is None else (recipe.partner(model, **take(recipe.partner, options)),)
    recipe.loss(model, images, seeded(), *partner, **take(recipe.loss, options)).backward()
    for module in (model, *partner):
        assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in module.parameters())


def test_options():
    recipe = OBJECTIVES["vamp"]
    assert recipe.defaults() == {"decoder_std": 0.1, "n_pseudo_inputs": 500}
    assert recipe.resolve("vamp", {"n_pseudo_inputs": 7}) == {"decoder_std": 0.1, "n_pseudo_inputs": 7}
    with pytest.raises(ValueError, match="vamp has no option 'beta'; its options are decoder_std, n_pseudo_inputs"):
        recipe.resolve("vamp", {"beta": 1.0})
    with pytest.raises(ValueError, match="ae has no option 'beta'; it has none"):
        OBJECTIVES["ae"].resolve("ae", {"beta": 1.0})
    with pytest.raises(TypeError, match=r"n_pseudo_inputs must be an integer at least 1; got 2\.5"):
        recipe.resolve("vamp", {"n_pseudo_inputs": 2.5})
    with pytest.raises(ValueError, match="beta must be a finite number from 0 on; got -1"):
        OBJECTIVES["beta-vae"].resolve("beta-vae", {"beta": -1})
    with pytest.raises(TypeError, match="beta must be a number from 0 on; got 'much'"):
        OBJECTIVES["beta-vae"].resolve("beta-vae", {"beta": "much"})
