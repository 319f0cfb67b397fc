"""One pair of convolutional networks for images of any size."""

from __future__ import annotations

import itertools
import math
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from vicinal import storage
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal._validation import check_integer


class ConvAutoencoder(nn.Module):
    """A convolutional encoder and its mirror image.

    Each stage halves height and width and doubles the channels, until a side is odd or at most 4.

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W) of one image; values in [0, 1].
    latent_dim : int
        Dimensions of a latent.
    width : int
        Channels of the first stage.
    variational : bool
        Whether the encoder gives a Gaussian posterior: mean and log variance.
    n_pseudo_inputs : int
        Learnable images whose posteriors, mixed, are the prior; 0 makes the prior standard normal.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For sizes that cannot be used.

    Examples
    --------
    >>> model = ConvAutoencoder((1, 8, 8), latent_dim=2)
    >>> latents = model.encode(torch.zeros(5, 1, 8, 8))
    >>> latents.shape, model.decode(latents).shape
    (torch.Size([5, 2]), torch.Size([5, 1, 8, 8]))
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        *,
        width: int = 16,
        variational: bool = False,
        n_pseudo_inputs: int = 0,
    ) -> None:
        super().__init__()
        if len(image_shape) != 3:
            raise InvalidInputError(f"image_shape must be (C, H, W); got {tuple(image_shape)}")
        self.image_shape = tuple(image_shape)
        self.latent_dim = check_integer(latent_dim, "latent_dim", minimum=1)
        self.width = check_integer(width, "width", minimum=1)
        self.variational = bool(variational)
        self.n_pseudo_inputs = check_integer(n_pseudo_inputs, "n_pseudo_inputs", minimum=0)
        if self.n_pseudo_inputs and not self.variational:
            raise InvalidInputError("n_pseudo_inputs needs variational=True: the prior is made of posteriors")
        self.card: dict[str, Any] = {}

        channels, sides = [image_shape[0]], tuple(image_shape[1:])
        while min(sides) > 4 and all(side % 2 == 0 for side in sides):
            channels.append(self.width * 2 ** (len(channels) - 1))
            sides = tuple(side // 2 for side in sides)
        if len(channels) == 1:
            fitting = max(8, 4 * round(max(sides) / 4))
            raise InvalidInputError(
                f"images must have even sides above 4; got {sides[0]} x {sides[1]}: load them with "
                f"image_size={fitting}, or resize an array with vicinal.images.resize(images, {fitting})"
            )
        core = (channels[-1], *sides)
        size = math.prod(core)

        down: list[nn.Module] = []
        for before, after in itertools.pairwise(channels):
            down += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
        n_outputs = self.latent_dim * (2 if self.variational else 1)
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(size, n_outputs))

        up: list[nn.Module] = [nn.Linear(self.latent_dim, size), nn.Unflatten(1, core)]
        for before, after in itertools.pairwise(reversed(channels)):
            up += [nn.SiLU(), nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)]
        up[-1] = ToPixels(channels[1], channels[0])
        self.decoder = nn.Sequential(*up, nn.Sigmoid())
        if self.n_pseudo_inputs:
            self.pseudo_inputs = nn.Parameter(torch.full((self.n_pseudo_inputs, *self.image_shape), 0.5))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def start_from_mean(self, mean: float) -> None:
        """Set the decoder's last bias so that outputs before training are close to the mean pixel, in (0, 1).

        Without this, the sigmoid may saturate in the first steps, and the gradients vanish.
        """
        bias: Tensor = self.decoder[-2].bias  # type: ignore[assignment]
        nn.init.constant_(bias, math.log(mean / (1.0 - mean)))

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of q(z | x), each (n, latent_dim), of a variational model."""
        if not self.variational:
            raise InvalidInputError("posterior needs a model made with variational=True; use encode")
        mean, log_variance = self._own_type(self.encoder(images)).chunk(2, dim=1)
        return mean, log_variance.clamp(-20.0, 20.0)

    def sample_posterior(self, images: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Return one draw of q(z | x) for each image, (n, latent_dim); the latents, if the model is not variational."""
        return draw(*self.posterior(images), generator) if self.variational else self.encode(images)

    def prior_components(self) -> tuple[Tensor, Tensor]:
        """Return means and log variances, each (K, latent_dim), of the Gaussians that the prior mixes equally.

        They are the posteriors of the pseudo-inputs; without any, one standard normal.
        """
        if self.n_pseudo_inputs:
            return self.posterior(self.pseudo_inputs.clamp(0.0, 1.0))
        zeros = next(self.parameters()).new_zeros((1, self.latent_dim))
        return zeros, zeros

    def sample_prior(self, n_samples: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Return latents (n_samples, latent_dim) drawn from the prior, on the device of model and generator.

        Examples
        --------
        >>> model = ConvAutoencoder((1, 8, 8), latent_dim=2)
        >>> model.decode(model.sample_prior(5)).shape
        torch.Size([5, 1, 8, 8])
        """
        n_samples = check_integer(n_samples, "n_samples", minimum=0)
        with torch.no_grad():
            means, log_variances = self.prior_components()
            chosen = torch.randint(len(means), (n_samples,), generator=generator, device=means.device)
            return draw(means[chosen], log_variances[chosen], generator)

    def encode(self, images: Tensor) -> Tensor:
        """Return latents (n, latent_dim) of images (n, C, H, W); for a variational model the means."""
        if self.variational:
            return self.posterior(images)[0]
        return self._own_type(self.encoder(images))

    def decode(self, latents: Tensor) -> Tensor:
        """Return images (n, C, H, W) with values in [0, 1]."""
        return self._own_type(self.decoder(latents))

    def forward(self, images: Tensor) -> Tensor:
        """Return reconstructions, ``decode(encode(images))``."""
        return self.decode(self.encode(images))

    def _own_type(self, output: Tensor) -> Tensor:
        """Return what a network gave in the type of its weights: mixed precision ends here, before the loss."""
        return output.to(next(self.parameters()).dtype)

    def save(self, path: storage.PathLike) -> None:
        """Write weights, pseudo-inputs, sizes and the training card to a file that `vicinal.load` reads.

        ``path`` is usually ``*.safetensors``. An existing file is replaced in one step.
        """
        params = {name: getattr(self, name) for name in ("image_shape", "latent_dim", "width", "variational")}
        if self.n_pseudo_inputs:  # left out where it is 0, so that earlier versions read the file
            params["n_pseudo_inputs"] = self.n_pseudo_inputs
        weights = {name: weight.detach().cpu().numpy() for name, weight in self.state_dict().items()}
        storage.write(path, type(self).__name__, {"params": params, "card": self.card}, weights)

    @classmethod
    def _from_artifact(cls, artifact: storage.Artifact) -> Self:
        try:
            return cls._of(artifact)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RuntimeError) as error:
            raise FileFormatError(
                f"{artifact.path} holds no {cls.__name__} as save() writes it: {error}. Write it again with save()"
            ) from None

    @classmethod
    def _of(cls, artifact: storage.Artifact) -> Self:
        """Return the autoencoder of a file; anything that `save` does not write raises, before it takes memory."""
        params, card = artifact.header["params"], artifact.header["card"]
        if not isinstance(card, dict):
            raise FileFormatError(f"card must be a table; got {type(card).__name__}")
        with torch.device("meta"):  # sizes alone
            expected = {name: tuple(weight.shape) for name, weight in cls(**params).state_dict().items()}
        found = {name: array.shape for name, array in artifact.arrays.items()}
        if found != expected:
            name = next(iter(sorted(found.items() ^ expected.items())))[0]
            raise FileFormatError(f"{name} must have shape {expected.get(name)}; got {found.get(name)}")
        for name, array in artifact.arrays.items():
            if array.dtype.kind != "f" or not np.isfinite(array).all():
                raise FileFormatError(f"{name} must be finite floats")
        model = cls(**params)
        model.card = card
        model.load_state_dict({name: torch.from_numpy(array) for name, array in artifact.arrays.items()})
        return model.eval()


class ToPixels(nn.ConvTranspose2d):
    """The transposed convolution of kernel 4, stride 2 and padding 1, computed as a convolution.

    An output pixel sees two inputs in each direction; the four kernels of the even and odd rows and columns, in one of
    size 3, give four channels that are interleaved. On a CPU that is several times as fast for one or three channels.

    References
    ----------
    W. Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016, arXiv:1609.07009.

    Examples
    --------
    >>> ToPixels(8, 1)(torch.zeros(2, 8, 14, 14)).shape
    torch.Size([2, 1, 28, 28])
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 4, stride=2, padding=1)
        self.taps: Tensor  # of the kernel, for even and for odd outputs; the fifth is 0
        self.register_buffer("taps", torch.tensor([[3, 1, 4], [4, 2, 0]]), persistent=False)

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return images (n, out_channels, 2 H, 2 W) of maps (n, in_channels, H, W)."""
        del output_size  # there is only one
        padded = nn.functional.pad(self.weight, (0, 1, 0, 1))
        kernels = padded[:, :, self.taps[:, :, None, None], self.taps].permute(1, 2, 4, 0, 3, 5)
        bias: Tensor = self.bias  # type: ignore[assignment]
        subpixels = nn.functional.conv2d(maps, kernels.flatten(0, 2), bias.repeat_interleave(4), padding=1)
        return nn.functional.pixel_shuffle(subpixels, 2)


def draw(mean: Tensor, log_variance: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return one draw (n, latent_dim) of each Gaussian, with gradients to mean and log variance."""
    return mean + (0.5 * log_variance).exp() * normal_like(mean, generator)


def normal_like(latents: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return standard normal draws of the shape, type and device of ``latents``."""
    return torch.randn(latents.shape, generator=generator, device=latents.device, dtype=latents.dtype)
