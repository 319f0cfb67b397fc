r"""Autoencoders that match all latents together to the prior N(0, I), by a distance or by a second network.

For latents :math:`z_i` and draws :math:`p_i` of the prior, i = 1 ... n, a kernel k, and D(z) a discriminator's logit of
"z is a prior draw", averaged over the batch:

MMD^2 = mean over i != j of k(z_i, z_j) + mean over i != j of k(p_i, p_j) - 2 mean over i, j of k(z_i, p_j)

============  ==================================================================================
`wae_mmd`     ||x - decode(z)||^2 + weight MMD^2, z = encode(x), an inverse multiquadratic kernel
`info_vae`    ||x - decode(z)||^2 / (2 s^2) + (1 - alpha) KL + (alpha + weight - 1) MMD^2, z drawn
              from q(z | x), a Gaussian kernel
`aae`         ||x - decode(z)||^2 - weight log sigmoid(D(z)), z = encode(x), for encoder and decoder;
              -log sigmoid(D(p)) - log(1 - sigmoid(D(z))) for the discriminator
============  ==================================================================================

MMD^2 is estimated without bias: it may fall below 0. The discriminator's layers have spectral norm 1 (Miyato et al.
2018, arXiv:1802.05957). Without a bound on its slope, it soon separates the two with certainty, and the encoder learns
nothing more from it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.utils.parametrizations import spectral_norm

from vicinal._errors import InvalidInputError
from vicinal.autoencoders.networks import ConvAutoencoder, draw, normal_like
from vicinal.autoencoders.objectives.deterministic import squared_error
from vicinal.autoencoders.objectives.variational import divergence, gaussian_loss

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def inverse_multiquadratic(squared_distances: Tensor, latent_dim: int) -> Tensor:
    """Return the sum over seven scales s of C / (C + ||a - b||^2), C = 2 s latent_dim, of any shape."""
    bases = [2.0 * scale * latent_dim for scale in SCALES]
    return torch.stack([base / (base + squared_distances) for base in bases]).sum(dim=0)


def gaussian(squared_distances: Tensor, latent_dim: int) -> Tensor:
    """Return exp(-||a - b||^2 / latent_dim), of any shape: two prior draws are some 2 latent_dim apart."""
    return (-squared_distances / latent_dim).exp()


def squared_mmd(latents: Tensor, prior: Tensor, kernel: Callable[[Tensor, int], Tensor]) -> Tensor:
    """Return the unbiased estimate of MMD^2 between two sets of at least two rows (n, latent_dim).

    Examples
    --------
    >>> apart = squared_mmd(torch.zeros(5, 2), torch.full((5, 2), 9.0), gaussian)
    >>> round(float(apart), 4)
    2.0
    """
    n, latent_dim = latents.shape
    if n < 2:
        raise InvalidInputError("batch_size must be at least 2: a mean discrepancy is one of pairs; got 1")
    between = kernel(_squared_distances(latents, prior), latent_dim).mean()
    within = [kernel(_squared_distances(rows, rows), latent_dim) for rows in (latents, prior)]
    pairs = [(k.sum() - k.diagonal().sum()) / (n * (n - 1)) for k in within]
    return pairs[0] + pairs[1] - 2.0 * between


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return squared distances (n, m); from differences, since expanded products lose the small ones."""
    return (a[:, None] - b[None]).square().sum(dim=2)


def wae_mmd(model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, weight: float = 10.0) -> Tensor:
    """Return the loss of the Wasserstein autoencoder with a discrepancy, in squared pixel values.

    Parameters
    ----------
    weight : float
        Of MMD^2, from 0 on; 10 as the authors have it for MNIST.

    References
    ----------
    I. Tolstikhin et al., "Wasserstein auto-encoders", 2018, arXiv:1711.01558.
    """
    latents = model.encode(images)
    distance = squared_mmd(latents, normal_like(latents, generator), inverse_multiquadratic)
    return squared_error(images, model.decode(latents)) + weight * distance


def info_vae(
    model: ConvAutoencoder,
    images: Tensor,
    generator: torch.Generator,
    *,
    alpha: float = 0.0,
    weight: float = 1000.0,
    decoder_std: float = 0.1,
) -> Tensor:
    """Return the loss of the information maximising variational autoencoder, in nats, up to a constant.

    The model is a variational one; ``generator`` draws the noise of the posterior first.

    Parameters
    ----------
    alpha : float
        Information preferred, from 0 on; 1 takes the divergence of single posteriors away.
    weight : float
        Lambda of the paper, of MMD^2, from 0 on. At 1000 a discrepancy of 0.1, clearly no normal distribution,
        costs about as much as the reconstruction of a handwritten digit.
    decoder_std : float
        As in `vicinal.autoencoders.objectives.vae`.

    References
    ----------
    S. Zhao, J. Song, S. Ermon, "InfoVAE: balancing learning and inference in variational autoencoders", 2019,
    arXiv:1706.02262.
    """
    mean, log_variance = model.posterior(images)
    latents = draw(mean, log_variance, generator)
    distance = squared_mmd(latents, normal_like(latents, generator), gaussian)
    loss = gaussian_loss(images, model.decode(latents), decoder_std)
    return loss + (1.0 - alpha) * divergence(mean, log_variance) + (alpha + weight - 1.0) * distance


def discriminator_of(model: ConvAutoencoder, *, n_hidden: int = 256) -> nn.Module:
    """Return two hidden layers that give logits (n, 1) of the latents (n, latent_dim) of a model."""
    return nn.Sequential(
        spectral_norm(nn.Linear(model.latent_dim, n_hidden)),
        nn.SiLU(),
        spectral_norm(nn.Linear(n_hidden, n_hidden)),
        nn.SiLU(),
        spectral_norm(nn.Linear(n_hidden, 1)),
    )


def aae(
    model: ConvAutoencoder, images: Tensor, generator: torch.Generator, discriminator: nn.Module, *, weight: float = 1.0
) -> Tensor:
    """Return the sum of both losses of the adversarial autoencoder, each with gradients to its own networks alone.

    So one optimizer moves all of them at once, in place of turns: the two never share a parameter.

    Parameters
    ----------
    discriminator : Module
        Latents (n, latent_dim) to logits (n, 1).
    weight : float
        Weight of the term that deceives the discriminator, at least 0. It is 1 as in the first paper, which has no
        weight. The second paper uses 10 for MNIST, without the bound on the discriminator.

    References
    ----------
    A. Makhzani et al., "Adversarial autoencoders", 2015, arXiv:1511.05644;
    I. Tolstikhin et al., "Wasserstein auto-encoders", 2018, arXiv:1711.01558.
    """
    latents = model.encode(images)
    prior = normal_like(latents, generator)
    frozen = {name: weights.detach() for name, weights in discriminator.named_parameters()}
    deceived: Tensor = torch.func.functional_call(discriminator, frozen, (latents,))
    deception = squared_error(images, model.decode(latents)) + weight * softplus(-deceived.float()).mean()
    told, taken = discriminator(prior).float(), discriminator(latents.detach()).float()
    return deception + softplus(-told).mean() + softplus(taken).mean()
