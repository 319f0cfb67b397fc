"""Autoencoders: anything with ``encode(images)`` and ``decode(latents)``.

Wrap your own with `Autoencoder`, or train one of ours: ``networks``, ``objectives`` and ``training`` need torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vicinal._errors import InvalidTypeError


class Autoencoder:
    """Two callables as one autoencoder.

    Parameters
    ----------
    encoder : callable
        Maps images (n, *image_shape) to latents (n, *latent_shape); a torch module or any function.
        For a variational model pass a function that returns the means.
    decoder : callable
        Maps latents to images.

    Raises
    ------
    InvalidTypeError
        If either cannot be called.

    Examples
    --------
    >>> import numpy as np
    >>> halves = Autoencoder(lambda images: images / 2, lambda latents: latents * 2)
    >>> halves.decode(halves.encode(np.ones((1, 3))))
    array([[1., 1., 1.]])
    """

    def __init__(self, encoder: Callable[[Any], Any], decoder: Callable[[Any], Any]) -> None:
        for name, part in (("encoder", encoder), ("decoder", decoder)):
            if not callable(part):
                raise InvalidTypeError(f"{name} must be callable; got {type(part).__name__}")
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, images: Any) -> Any:
        """Return latents (n, *latent_shape) of images (n, *image_shape)."""
        return self.encoder(images)

    def decode(self, latents: Any) -> Any:
        """Return images (n, *image_shape) of latents (n, *latent_shape)."""
        return self.decoder(latents)
