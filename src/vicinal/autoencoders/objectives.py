r"""Training objectives: functions of a model and a batch of images, over the same networks.

With :math:`x` an image, :math:`\hat x = \mathrm{decode}(z)` and :math:`\lVert\cdot\rVert^2` summed over pixels:

=====  ================================================================================
`ae`   ||x - decode(encode(x))||^2
`vae`  ||x - decode(z)||^2 / (2 s^2) + KL(q(z | x) || N(0, I)), z drawn from q(z | x)
=====  ================================================================================

Both are means over the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vicinal.autoencoders.networks import ConvAutoencoder


def squared_error(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Return the squared error summed over pixels, averaged over images (n, C, H, W)."""
    return (images - reconstructions).square().flatten(1).sum(dim=1).mean()


def ae(model: ConvAutoencoder, images: Tensor, generator: torch.Generator) -> Tensor:
    """Return the loss of the plain autoencoder.

    References
    ----------
    G. E. Hinton, R. R. Salakhutdinov, "Reducing the dimensionality of data with neural networks",
    Science 313, 2006, doi:10.1126/science.1127647.
    """
    del generator  # nothing is drawn
    return squared_error(images, model(images))


def vae(model: ConvAutoencoder, images: Tensor, generator: torch.Generator, decoder_std: float = 0.1) -> Tensor:
    """Return the negative evidence lower bound of the variational autoencoder, in nats, up to a constant.

    Parameters
    ----------
    model : ConvAutoencoder
        A variational one.
    images : Tensor of shape (n, C, H, W)
        In [0, 1].
    generator : torch.Generator
        Of the noise.
    decoder_std : float
        Standard deviation s of the decoder's Gaussian, in units of the pixel range; 0.1 is about the
        root mean square error reached on handwritten digits, and so about its best value.

    References
    ----------
    D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, arXiv:1312.6114.
    """
    mean, log_variance = model.posterior(images)
    noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    latents = mean + (0.5 * log_variance).exp() * noise
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1).mean()
    return squared_error(images, model.decode(latents)) / (2.0 * decoder_std**2) + divergence


class Objective(NamedTuple):
    """A loss, and the kind of network it needs."""

    loss: Callable[[ConvAutoencoder, Tensor, torch.Generator], Tensor]
    variational: bool


OBJECTIVES = {"ae": Objective(ae, variational=False), "vae": Objective(vae, variational=True)}
