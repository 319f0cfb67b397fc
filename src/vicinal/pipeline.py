"""Read this first: images become latents, and the latents of a sampler become new images.

::

    latents = encode(autoencoder, images)
    sampler = PMFSampler(random_state=0).fit(latents)
    new_images = generate(autoencoder, sampler, 10_000)

Everything here is batching and devices; the mathematics is in `vicinal.samplers`.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np

from vicinal import _arrays, _progress, _validation, storage
from vicinal._errors import FileFormatError, InvalidInputError, InvalidTypeError, import_extra
from vicinal.autoencoders.adapter import Part, part_of
from vicinal.autoencoders.modules import on_device

_COMPARED = 4  # rows of the first batch that are computed twice
_ACCURACY = {"float16": 2e-2, "bfloat16": 1e-1, "int64": 0.0}  # of the largest value; else 1e-4: sums on a GPU differ


def encode(
    autoencoder: Any,
    images: Any,
    *,
    batch_size: int = 256,
    value_range: Any = None,
    device: Any = None,
    progress: bool = False,
) -> Any:
    """Encode images, batch by batch.

    Parameters
    ----------
    autoencoder : object
        Anything with ``encode`` and ``decode``. A torch module gets tensors of its own device and type. It runs in
        evaluation mode, without gradients, and has its own mode back afterwards.
    images : array_like of shape (n, *image_shape)
        NumPy array or torch tensor, in the range that the autoencoder was trained on. 8-bit levels are scaled to
        [0, 1] first.
    batch_size : int
        Images at a time.
    progress : bool
        Whether to show a bar on standard error, if it takes more than two seconds.

    Returns
    -------
    ndarray or torch.Tensor of shape (n, *latent_shape)
        In the array library of ``images``.

    Raises
    ------
    InvalidTypeError
        If the autoencoder lacks the method, or returns something other than an array.
    InvalidInputError
        If it returns another number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from vicinal import Autoencoder
    >>> encode(Autoencoder(lambda x: x[:, :1], lambda z: z), np.ones((3, 2))).shape
    (3, 1)
    """
    part = part_of(autoencoder, "encode", value_range)
    return _in_batches(part, images, "images", batch_size, progress, device)


def decode(
    autoencoder: Any,
    latents: Any,
    *,
    batch_size: int = 256,
    value_range: Any = None,
    device: Any = None,
    progress: bool = False,
) -> Any:
    """Decode latents (n, *latent_shape) to images (n, *image_shape); everything else as in `encode`."""
    part = part_of(autoencoder, "decode", value_range)
    return _in_batches(part, latents, "latents", batch_size, progress, device)


def generate(
    autoencoder: Any,
    sampler: Any,
    n_samples: int,
    *,
    y: Any = None,
    random_state: Any = None,
    start: int = 0,
    batch_size: int = 256,
    value_range: Any = None,
    device: Any = None,
    progress: bool = False,
) -> Any:
    """Draw latents and decode them.

    Parameters
    ----------
    autoencoder
        As in `encode`.
    sampler : Sampler
        Fitted to latents of this autoencoder.
    n_samples : int
        Images to generate.
    y, random_state, start
        As in `vicinal.samplers.Sampler.sample`: the class to draw from, the seed, and the index of the first sample.
        Image i depends on the seed and ``start + i`` alone.
    batch_size, progress
        As in `encode`.

    Returns
    -------
    ndarray or torch.Tensor of shape (n_samples, *image_shape)
        In the array library of the latents that the sampler was fitted to.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the sampler is not fitted.
    InvalidInputError, InvalidTypeError
        As `encode`, and for impossible arguments.

    Examples
    --------
    >>> import numpy as np
    >>> from vicinal import Autoencoder, PMFSampler
    >>> doubles = Autoencoder(lambda images: images / 2, lambda latents: latents * 2)
    >>> sampler = PMFSampler(4, random_state=0).fit(np.random.default_rng(0).normal(size=(50, 3)))
    >>> generate(doubles, sampler, 5).shape
    (5, 3)
    """
    if not callable(getattr(sampler, "sample", None)):
        raise InvalidTypeError(f"sampler must be a fitted sampler; got {type(sampler).__name__}")
    latents = sampler.sample(n_samples, y=y, random_state=random_state, start=start)
    part = part_of(autoencoder, "decode", value_range)
    return _in_batches(part, latents, "latents", batch_size, progress, device)


def load(path: storage.PathLike) -> Any:
    """Load a sampler or an autoencoder that vicinal saved.

    Parameters
    ----------
    path : path_like
        A file written by ``save``.

    Returns
    -------
    Sampler or ConvAutoencoder
        Fitted and ready: a sampler gives the same bits as the one saved.

    Raises
    ------
    FileFormatError
        If the file is not vicinal's, is damaged, or is of a newer version.
    MissingExtraError
        For an autoencoder, if torch is not installed.
    OSError
        If the file cannot be read.
    """
    from vicinal import samplers

    artifact = storage.read(path)
    if artifact.kind in samplers.__all__:
        return getattr(samplers, artifact.kind).from_artifact(artifact)
    if artifact.kind == "ConvAutoencoder":
        import_extra("torch", "torch")
        from vicinal.autoencoders.networks import ConvAutoencoder

        return ConvAutoencoder._from_artifact(artifact)
    raise FileFormatError(
        f"{path} holds a {artifact.kind}, written by vicinal {artifact.written_by}, which this version does not know: "
        "run pip install -U vicinal"
    )


def _in_batches(part: Part, array: Any, name: str, batch_size: int, progress: bool, device: Any) -> Any:
    """Call one part of an autoencoder on batches of ``array`` and join what it returns."""
    batch_size = _validation.check_integer(batch_size, "batch_size", minimum=1)
    kind = _arrays.tensor_kind(array)
    array = array if kind else _validation.check_array(array, name)
    if array.ndim < 2:
        raise InvalidInputError(f"{name} must have shape (n_samples, ...); got {tuple(array.shape)}")
    outputs = None
    with (
        on_device(part.modules, device),
        _arrays.evaluating(*part.modules),
        _progress.bar(part.method, len(array), show=progress) as shown,
    ):
        for first in range(0, max(1, len(array)), batch_size):
            batch = array[first : first + batch_size]
            output = _computed(part, batch)
            if first == 0:
                _check_repeats(part, batch, output)
            output = _arrays.to_numpy(output) if kind is None else sys.modules["torch"].as_tensor(output)
            if outputs is None:
                whole = (len(array), *output.shape[1:])
                outputs = np.empty(whole, output.dtype) if kind is None else output.new_empty(whole, device=kind.device)
            if (got := tuple(output.shape[1:])) != (shape := tuple(outputs.shape[1:])):
                raise InvalidInputError(f"{part.method} must return rows of one shape; got {shape} and then {got}")
            outputs[first : first + batch_size] = output
            shown.advance(len(batch))
    part.warn(stacklevel=3)
    return outputs


def _computed(part: Part, batch: Any) -> Any:
    """Return the outputs of a batch, without gradients."""
    output = part(batch)
    if getattr(output, "requires_grad", False):
        part.say(
            f"{part.method} returned tensors with gradients, although vicinal computes without: it turns them on "
            "itself. They are dropped; remove torch.enable_grad() or return output.detach() to save their memory"
        )
        return output.detach()
    return output


def _check_repeats(part: Part, batch: Any, output: Any) -> None:
    """Say so if the first rows of a batch give other outputs a second time."""
    few = batch[:_COMPARED]
    torch = sys.modules.get("torch")
    try:
        with contextlib.nullcontext() if torch is None else torch.random.fork_rng(devices=_gpus(torch)):
            first = output if len(few) == len(batch) else part(few)
            again = part(few)
    except Exception:  # noqa: BLE001 - a model may take batches of one size only
        return
    first, again = _arrays.to_numpy(first), _arrays.to_numpy(again)
    accuracy = _ACCURACY.get(str(output.dtype).removeprefix("torch."), 1e-4)
    scale = float(np.max(np.abs(first, dtype=np.float64), initial=0.0, where=np.isfinite(first)))
    if first.shape != again.shape or not np.allclose(first, again, rtol=0.0, atol=accuracy * scale, equal_nan=True):
        part.say(
            f"{part.method} returns something else each time: two calls with the same rows differ. Return a mean instead "
            "of a draw, switch dropout off, or name the torch module that vicinal did not find, as in "
            "vicinal.Autoencoder(encoder, decoder, module=model)"
        )


def _gpus(torch: Any) -> list[int]:
    """Return the GPU in use, if there is one, to keep the state of its generator."""
    return [torch.cuda.current_device()] if torch.cuda.is_available() and torch.cuda.is_initialized() else []
