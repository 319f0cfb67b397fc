r"""Variational autoencoders with a Gaussian decoder.

With :math:`q(z \mid x)` the posterior, one draw :math:`z` of it, :math:`\hat x = \mathrm{decode}(z)`, :math:`D` pixel
values an image and KL its divergence from N(0, I), in nats up to a constant and averaged over the batch:

===========  ============================================================================
`vae`        ||x - x_hat||^2 / (2 s^2) + KL, s = ``decoder_std``
`beta_vae`   ||x - x_hat||^2 / (2 s^2) + beta KL
`sigma_vae`  D log s + ||x - x_hat||^2 / (2 s^2) + KL, s^2 the mean square error of a pixel
`vamp`       ||x - x_hat||^2 / (2 s^2) + log q(z | x) - log p(z), p(z) = 1 / K sum_k q(z | u_k)
===========  ============================================================================

The prior of `vamp` is learned: a mixture of the posteriors of K pseudo-inputs :math:`u_k`. The others have N(0, I).
All of these take a variational model.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vicinal import _validation
from vicinal.autoencoders.networks import ConvAutoencoder, draw
from vicinal.autoencoders.objectives.deterministic import squared_error
from vicinal.images import in_units

SMALLEST_STD = math.exp(-6.0)  # of the decoder: without a floor, perfect reconstructions would be worth infinity


def gaussian_loss(images: Tensor, reconstructions: Tensor, decoder_std: float) -> Tensor:
    """Return -log N(x; x_hat, decoder_std^2 I) in nats, without its constant, averaged over images (n, C, H, W)."""
    return squared_error(images, reconstructions) / (2.0 * _validation.check_positive(decoder_std, "decoder_std") ** 2)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) || N(0, I)) in nats, averaged over rows (n, latent_dim)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1).mean()


def log_normal(latents: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return log N(z; mean, variance), summed over the last dimension, without -d / 2 log(2 pi)."""
    return -0.5 * (log_variance + (latents - mean).square() / log_variance.exp()).sum(dim=-1)


def vae(model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, decoder_std: float = 0.1) -> Tensor:
    """Return the negative evidence lower bound of the variational autoencoder.

    Parameters
    ----------
    decoder_std : float
        Standard deviation s of the decoder's Gaussian, above 0, in units of the pixel range; 0.1 is about the
        root mean square error reached on handwritten digits, and so about its best value.

    References
    ----------
    D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, arXiv:1312.6114.
    """
    return beta_vae(model, images, generator, beta=1.0, decoder_std=decoder_std)


def beta_vae(
    model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, beta: float = 4.0, decoder_std: float = 0.1
) -> Tensor:
    """Return the loss of `vae` with the divergence weighted.

    Parameters
    ----------
    beta : float
        Weight of the divergence, from 0 on; above 1 latents come closer to the prior, and images get blurred.
    decoder_std : float
        As in `vae`.

    References
    ----------
    I. Higgins et al., "beta-VAE: learning basic visual concepts with a constrained variational framework", 2017,
    https://openreview.net/forum?id=Sy2fzU9gl; C. P. Burgess et al., 2018, arXiv:1804.03599.
    """
    mean, log_variance = model.posterior(images)
    reconstructions = model.decode(draw(mean, log_variance, generator))
    return gaussian_loss(images, reconstructions, decoder_std) + beta * divergence(mean, log_variance)


def sigma_vae(model: ConvAutoencoder, images: Tensor, generator: torch.Generator) -> Tensor:
    """Return the loss of `vae` with the best decoder variance of the batch.

    The variance that maximises the likelihood of a batch is the mean square error of its pixels, so it needs no
    parameter of its own, and no weight between the two terms is left to choose.

    References
    ----------
    O. Rybkin, K. Daniilidis, S. Levine, "Simple and effective VAE training with calibrated decoders", 2021,
    arXiv:2006.13202.
    """
    mean, log_variance = model.posterior(images)
    error = squared_error(images, model.decode(draw(mean, log_variance, generator)))
    n_pixels = images[0].numel()
    variance = (error / n_pixels).clamp_min(SMALLEST_STD**2)
    return 0.5 * n_pixels * variance.log() + error / (2.0 * variance) + divergence(mean, log_variance)


def vamp(model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, decoder_std: float = 0.1) -> Tensor:
    """Return the negative evidence lower bound under a learned prior, of a model with pseudo-inputs.

    Parameters
    ----------
    decoder_std : float
        As in `vae`.

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


def start_from_images(
    model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, n_pseudo_inputs: int = 500
) -> None:
    """Give a model pseudo-inputs that start as training images, each taken once as long as there are enough."""
    order = torch.randperm(len(images), generator=generator, device=images.device)
    chosen = images[order.repeat(math.ceil(n_pseudo_inputs / len(images)))[:n_pseudo_inputs]]
    model.n_pseudo_inputs = n_pseudo_inputs
    model.pseudo_inputs = torch.nn.Parameter(in_units(chosen))
