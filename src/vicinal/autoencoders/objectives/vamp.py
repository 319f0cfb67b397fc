r"""The variational autoencoder whose prior is a mixture of posteriors.

For K learnable pseudo-inputs :math:`u_k`, one draw z of q(z | x) and s = ``decoder_std``, averaged over the batch:

p(z) = 1 / K sum_k q(z | u_k)

||x - decode(z)||^2 / (2 s^2) + log q(z | x) - log p(z)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vicinal.autoencoders.networks import ConvAutoencoder, draw
from vicinal.autoencoders.objectives.base import gaussian_loss
from vicinal.images import in_units


def start_from_images(
    model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, n_pseudo_inputs: int = 500
) -> None:
    """Give a model pseudo-inputs that start as training images, each taken once as long as there are enough."""
    order = torch.randperm(len(images), generator=generator, device=images.device)
    chosen = images[order.repeat(math.ceil(n_pseudo_inputs / len(images)))[:n_pseudo_inputs]]
    model.n_pseudo_inputs = n_pseudo_inputs
    model.pseudo_inputs = torch.nn.Parameter(in_units(chosen))


def vamp(model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, decoder_std: float = 0.1) -> Tensor:
    """Return the negative evidence lower bound under a learned prior, in nats, up to a constant.

    Parameters
    ----------
    model : ConvAutoencoder
        A variational one with pseudo-inputs.
    images : Tensor of shape (n, C, H, W)
        In [0, 1].
    generator : torch.Generator
        Of the noise.
    decoder_std : float
        As in `vicinal.autoencoders.objectives.vae`.

    References
    ----------
    J. M. Tomczak, M. Welling, "VAE with a VampPrior", 2018, arXiv:1705.07120.
    """
    mean, log_variance = model.posterior(images)
    latents = draw(mean, log_variance, generator)
    loss = gaussian_loss(images, model.decode(latents), decoder_std)
    prior_means, prior_log_variances = model.prior_components()
    of_each = log_normal(latents[:, None], prior_means[None], prior_log_variances[None])
    log_prior = of_each.logsumexp(dim=1) - math.log(len(prior_means))
    return loss + (log_normal(latents, mean, log_variance) - log_prior).mean()


def log_normal(latents: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return log N(z; mean, variance), summed over the last dimension, without -d / 2 log(2 pi)."""
    return -0.5 * (log_variance + (latents - mean).square() / log_variance.exp()).sum(dim=-1)
