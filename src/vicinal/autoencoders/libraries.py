"""Models of other libraries as two functions: diffusers, pythae, scikit-learn. None of them is imported here."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from vicinal import _arrays
from vicinal._errors import InvalidTypeError
from vicinal.autoencoders import outputs

Pair = tuple[Callable[[Any], Any], Callable[[Any], Any]]


def comes_from(model: Any, library: str) -> bool:
    """Tell whether the class of a model, or one that it inherits from, belongs to a library."""
    return any(kind.__module__.partition(".")[0] == library for kind in type(model).__mro__)


def of_diffusers(vae: Any) -> Pair:
    """Return encoder and decoder of a model of diffusers, between images in [-1, 1] and the latents of its pipelines.

    With the scaling factor s, and where there are any the shift m and the standard deviations t of each channel,
    latents are s (z - m) / t, z being the mode of the posterior; ``decode`` undoes that.
    """
    config = getattr(vae, "config", None)
    if config is None or not (callable(getattr(vae, "encode", None)) and callable(getattr(vae, "decode", None))):
        raise InvalidTypeError(
            "vae must be an image autoencoder of diffusers, with encode, decode and config; got "
            f"{type(vae).__name__}: for a pipeline pass pipeline.vae, or pipeline.vqvae"
        )
    if type(vae).__name__ == "AutoencoderRAE":
        raise InvalidTypeError(
            "vae must be an image autoencoder of diffusers that works in [-1, 1]; AutoencoderRAE has its own range and "
            "scales its latents itself: pass it to vicinal.encode as it is"
        )
    factor = float(_entry(config, "scaling_factor", 1.0))
    shift = _entry(config, "latents_mean", _entry(config, "shift_factor", 0.0))
    spread = _entry(config, "latents_std", 1.0)

    def encode(images: Any) -> Any:
        latents = outputs.unwrap(vae.encode(images), "encode", len(images), _ignore)
        return (latents - _of_channels(shift, latents)) * (factor / _of_channels(spread, latents))

    def decode(latents: Any) -> Any:
        return vae.decode(latents * (_of_channels(spread, latents) / factor) + _of_channels(shift, latents))

    return encode, decode


def of_pythae(model: Any) -> Pair:
    """Return encoder and decoder of a model of pythae; latents are means of posteriors, as the decoder takes them.

    They are normalised for SVAE, and sent through the flow for VAE_IAF and VAE_LinNF. For VQVAE they are those before
    quantization; decoding quantizes them.
    """
    if not (callable(getattr(model, "encoder", None)) and callable(getattr(model, "decoder", None))):
        raise InvalidTypeError(
            f"model must be an autoencoder of pythae, with encoder and decoder; got {type(model).__name__}"
        )
    kind = getattr(model, "model_name", "")

    def encode(images: Any) -> Any:
        means = model.encoder(images).embedding
        if kind == "SVAE":
            return means / means.norm(dim=-1, keepdim=True)
        if kind == "VAE_IAF":
            return model.iaf_flow.inverse(means).out
        if kind == "VAE_LinNF":
            for layer in model.net:
                means = layer(means).out
        return means

    def decode(latents: Any) -> Any:
        return model.decoder(_quantized(model, latents) if kind == "VQVAE" else latents).reconstruction

    return encode, decode


def of_sklearn(pipeline: Any, image_shape: tuple[int, ...] | None = None) -> Pair:
    """Return encoder and decoder of a transformer of scikit-learn, which takes flattened images."""
    if not callable(getattr(pipeline, "transform", None)):
        raise InvalidTypeError(f"pipeline must have transform, as in scikit-learn; got {type(pipeline).__name__}")

    def encode(images: Any) -> Any:
        rows = _arrays.to_numpy(images)
        return pipeline.transform(rows.reshape(len(rows), math.prod(rows.shape[1:])))

    def decode(latents: Any) -> Any:
        if not callable(getattr(pipeline, "inverse_transform", None)):
            raise InvalidTypeError(
                f"pipeline must have inverse_transform to decode latents; {type(pipeline).__name__} has none: "
                "use one that has, such as PCA"
            )
        rows = outputs.as_array(pipeline.inverse_transform(_arrays.to_numpy(latents)))
        return rows if image_shape is None else rows.reshape(len(rows), *image_shape)

    return encode, decode


def _entry(config: Any, name: str, otherwise: Any) -> Any:
    found = getattr(config, name, None)
    return otherwise if found is None else found


def _of_channels(value: Any, latents: Any) -> Any:
    """Return a number, or one for each channel, in the shape and type that latents can be multiplied with."""
    torch: Any = sys.modules["torch"]
    numbers = torch.as_tensor(value, dtype=latents.dtype, device=latents.device).reshape(-1)
    return numbers.reshape(1, -1, *[1] * (latents.ndim - 2))


def _quantized(model: Any, latents: Any) -> Any:
    """Return the nearest codes of latents, as the forward pass of VQVAE finds them."""
    maps = latents.reshape(len(latents), 1, 1, -1) if latents.ndim == 2 else latents
    codes = model.quantizer(maps.permute(0, 2, 3, 1), uses_ddp=False).quantized_vector
    return codes.reshape(len(latents), -1) if latents.ndim == 2 else codes


def _ignore(_sentence: str) -> None:
    pass
