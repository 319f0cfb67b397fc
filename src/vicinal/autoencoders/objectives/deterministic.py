r"""Autoencoders without noise in the latents: plain, denoising and regularised.

With :math:`z = \mathrm{encode}(x)`, :math:`\hat x(x) = \mathrm{decode}(\mathrm{encode}(x))`, :math:`\theta` the weights
of the decoder and J the Jacobian of decode at z, averaged over the batch, in squared pixel values:

========  ===========================================================================
`ae`      ||x - x_hat(x)||^2
`dae`     ||x - x_hat(m x)||^2, m one for each pixel, 0 with probability ``corruption``,
          else 1
`rae_l2`  ||x - decode(z)||^2 + beta / 2 ||z||^2 + decay ||theta||^2
`rae_gp`  ||x - decode(z)||^2 + beta / 2 ||z||^2 + penalty ||J||_F^2
`rae_sn`  ||x - decode(z)||^2 + beta / 2 ||z||^2, the largest singular value of the
          matrix of every layer of the decoder held at ``norm``
========  ===========================================================================

In the regularised autoencoders (Ghosh et al. 2020), a smooth decoder takes the place of the noise. Their authors
average over pixels and latent dimensions. For sums, their values for MNIST, 1e-4 and 1e-7, become about beta = 0.01
and decay = 1e-4. All of these take a plain model, not a variational one.

References
----------
P. Ghosh et al., "From variational to deterministic autoencoders", 2020, arXiv:1903.12436.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from vicinal import _validation
from vicinal._errors import InvalidInputError
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


def dae(model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, corruption: float = 0.1) -> Tensor:
    """Return the loss of the denoising autoencoder; ``generator`` draws the mask.

    Parameters
    ----------
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


def rae_l2(
    model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, beta: float = 0.01, decay: float = 1e-4
) -> Tensor:
    """Return the loss with a decoder of small weights.

    Parameters
    ----------
    beta : float
        Weight of the size of the latents, from 0 on.
    decay : float
        Weight of the squares of the decoder's weights, from 0 on.
    """
    squares = torch.stack([weight.square().sum() for weight in model.decoder.parameters()]).sum()
    return rae_sn(model, images, generator, beta=beta) + decay * squares


def rae_gp(
    model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, beta: float = 0.01, penalty: float = 1e-3
) -> Tensor:
    """Return the loss with a decoder of small slope; ``generator`` draws signs.

    The squared norm of the Jacobian J (D, latent_dim) is estimated as ||v J||^2, which has that mean for a vector v
    of D independent signs: one pass back instead of D.

    Parameters
    ----------
    beta : float
        As in `rae_l2`.
    penalty : float
        Weight of the slope, from 0 on.

    References
    ----------
    M. F. Hutchinson, "A stochastic estimator of the trace of the influence matrix", 1989,
    doi:10.1080/03610918908812806.
    """
    latents = model.encode(images)
    reconstructions = model.decode(latents)
    signs = torch.rand(images.shape, generator=generator, device=images.device, dtype=images.dtype).sub(0.5).sign()
    (slopes,) = torch.autograd.grad((signs * reconstructions).sum(), latents, create_graph=True)
    size = 0.5 * latents.square().sum(dim=1).mean()
    return squared_error(images, reconstructions) + beta * size + penalty * slopes.square().sum(dim=1).mean()


def rae_sn(model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, beta: float = 0.01) -> Tensor:
    """Return the loss with small latents alone; `normalize_decoder` does the rest.

    Parameters
    ----------
    beta : float
        As in `rae_l2`.

    References
    ----------
    T. Miyato et al., "Spectral normalization for generative adversarial networks", 2018, arXiv:1802.05957.
    """
    del generator  # nothing is drawn
    latents = model.encode(images)
    return squared_error(images, model.decode(latents)) + beta * 0.5 * latents.square().sum(dim=1).mean()


def normalize_decoder(model: ConvAutoencoder, images: Tensor, generator: torch.Generator, *, norm: float = 4.0) -> None:
    """Hold the spectral norm of every layer of the decoder; the end of the training makes plain weights of it.

    Parameters
    ----------
    norm : float
        Largest singular value of the matrix of each layer, above 0. The authors divide by the norm, which leaves 1, and
        batch normalisation gives back the contrast that this takes; these decoders have none, so it is given here.
    """
    del images, generator
    scale = Scale(_validation.check_positive(norm, "norm"))
    for layer in model.decoder:
        if isinstance(layer, nn.Linear | nn.ConvTranspose2d):
            spectral_norm(layer)
            parametrize.register_parametrization(layer, "weight", scale)


class Scale(nn.Module):
    """Multiplies by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight, multiplied."""
        return self.factor * weight
