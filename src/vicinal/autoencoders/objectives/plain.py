r"""Autoencoders that only reconstruct, from the image or from a damaged copy.

With :math:`\hat x(x) = \mathrm{decode}(\mathrm{encode}(x))` and means over the batch:

=====  ==================================================================================
`ae`   ||x - x_hat(x)||^2
`dae`  ||x - x_hat(m x)||^2, m one for each pixel, 0 with probability ``corruption``, else 1
=====  ==================================================================================
"""

from __future__ import annotations

import torch
from torch import Tensor

from vicinal._errors import InvalidInputError
from vicinal.autoencoders.networks import ConvAutoencoder
from vicinal.autoencoders.objectives.base import squared_error


def ae(model: ConvAutoencoder, images: Tensor, generator: torch.Generator) -> Tensor:
    """Return the loss of the plain autoencoder, in squared pixel values.

    Parameters
    ----------
    model : ConvAutoencoder
        A plain one.
    images : Tensor of shape (n, C, H, W)
        In [0, 1].
    generator : torch.Generator
        Not used.

    References
    ----------
    G. E. Hinton, R. R. Salakhutdinov, "Reducing the dimensionality of data with neural networks",
    Science 313, 2006, doi:10.1126/science.1127647.
    """
    del generator  # nothing is drawn
    return squared_error(images, model(images))


def dae(model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, corruption: float = 0.1) -> Tensor:
    """Return the loss of the denoising autoencoder, in squared pixel values.

    Parameters
    ----------
    model, images, generator
        As in `ae`; ``generator`` draws the mask.
    corruption : float
        Share of the pixels that are set to 0, from 0 to below 1; a pixel goes in all its channels.

    Raises
    ------
    InvalidInputError
        For a share that leaves nothing.

    References
    ----------
    P. Vincent et al., "Extracting and composing robust features with denoising autoencoders",
    2008, doi:10.1145/1390156.1390294.
    """
    if not 0.0 <= corruption < 1.0:
        raise InvalidInputError(f"corruption must be a share from 0 to below 1; got {corruption}")
    uniform = torch.rand((len(images), 1, *images.shape[2:]), generator=generator, device=images.device)
    return squared_error(images, model(images * (uniform >= corruption)))
