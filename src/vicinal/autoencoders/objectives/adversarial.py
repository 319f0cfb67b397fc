r"""The adversarial autoencoder: a second network separates latents from prior draws, and the encoder deceives it.

With D(z) the discriminator's logit of "z is a prior draw", z = encode(x) and p drawn from N(0, I), averaged over the
batch, encoder and decoder minimise the first loss and the discriminator the second:

||x - decode(z)||^2 - weight log sigmoid(D(z))

-log sigmoid(D(p)) - log(1 - sigmoid(D(z)))

The discriminator's layers have spectral norm 1 (Miyato et al. 2018, arXiv:1802.05957). Without a bound on its slope, it
soon separates the two with certainty, and the encoder learns nothing more from it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.utils.parametrizations import spectral_norm

from vicinal.autoencoders.networks import ConvAutoencoder, normal_like
from vicinal.autoencoders.objectives.base import squared_error


class Discriminator(nn.Sequential):
    """Two hidden layers that give the logit (n, 1) of latents (n, latent_dim) being prior draws."""

    def __init__(self, latent_dim: int, n_hidden: int) -> None:
        super().__init__(
            spectral_norm(nn.Linear(latent_dim, n_hidden)),
            nn.SiLU(),
            spectral_norm(nn.Linear(n_hidden, n_hidden)),
            nn.SiLU(),
            spectral_norm(nn.Linear(n_hidden, 1)),
        )


def discriminator_of(model: ConvAutoencoder, *, n_hidden: int = 256) -> Discriminator:
    """Return a discriminator of the latents of a model."""
    return Discriminator(model.latent_dim, n_hidden)


def aae(
    model: ConvAutoencoder,
    images: Tensor,
    generator: torch.Generator,
    discriminator: nn.Module,
    *,
    weight: float = 1.0,
) -> Tensor:
    """Return the sum of both losses, each with gradients to its own networks alone.

    So one optimizer moves all of them at once, in place of turns: the two never share a parameter.

    Parameters
    ----------
    model : ConvAutoencoder
        A plain one.
    images : Tensor of shape (n, C, H, W)
        In [0, 1].
    generator : torch.Generator
        Of the prior draws.
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
