"""Read this first: images become latents, and the latents of a sampler become new images.

::

    latents = encode(autoencoder, images)
    sampler = PMFSampler(random_state=0).fit(latents)
    new_images = generate(autoencoder, sampler, 10_000)

Everything here is batching and devices; the mathematics is in `vicinal.samplers`.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from vicinal import _arrays, _progress, _validation, storage
from vicinal._errors import FileFormatError, InvalidInputError, InvalidTypeError, import_extra
from vicinal.images import in_units


def encode(autoencoder: Any, images: Any, *, batch_size: int = 256, progress: bool = False) -> Any:
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
    return _in_batches(autoencoder, "encode", images, "images", batch_size, progress)


def decode(autoencoder: Any, latents: Any, *, batch_size: int = 256, progress: bool = False) -> Any:
    """Decode latents (n, *latent_shape) to images (n, *image_shape); everything else as in `encode`."""
    return _in_batches(autoencoder, "decode", latents, "latents", batch_size, progress)


def generate(
    autoencoder: Any,
    sampler: Any,
    n_samples: int,
    *,
    y: Any = None,
    random_state: Any = None,
    start: int = 0,
    batch_size: int = 256,
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
    return decode(autoencoder, latents, batch_size=batch_size, progress=progress)


def load(path: storage.PathLike, *, device: Any = None) -> Any:
    """Load a sampler or an autoencoder that vicinal saved.

    Parameters
    ----------
    path : path_like
        A file written by ``save``.
    device : str or torch.device, optional
        Where the autoencoder goes, or the samples of the sampler: see `vicinal.samplers.Sampler.to`. Without it, they
        are NumPy arrays, and the autoencoder is on the CPU.

    Returns
    -------
    Sampler or ConvAutoencoder
        Fitted and ready: a sampler gives the same bits as the one saved.

    Raises
    ------
    FileFormatError
        If the file is not vicinal's, is damaged, or is of a newer version.
    InvalidInputError
        If torch cannot use the device.
    MissingExtraError
        For an autoencoder or a device, if torch is not installed.
    OSError
        If the file cannot be read.
    """
    from vicinal import samplers

    artifact = storage.read(path)
    if artifact.kind in samplers.__all__:
        sampler = getattr(samplers, artifact.kind).from_artifact(artifact)
        return sampler if device is None else sampler.to(device)
    if artifact.kind == "ConvAutoencoder":
        import_extra("torch", "torch")
        from vicinal.autoencoders.networks import ConvAutoencoder

        autoencoder = ConvAutoencoder._from_artifact(artifact)
        return autoencoder if device is None else autoencoder.to(_validation.check_device(device))
    raise FileFormatError(
        f"{path} holds a {artifact.kind}, written by vicinal {artifact.written_by}, which this version does not know: "
        "run pip install -U vicinal"
    )


def _in_batches(autoencoder: Any, method: str, array: Any, name: str, batch_size: int, progress: bool) -> Any:
    """Call ``autoencoder.method`` on batches of ``array`` and join what it returns."""
    function = getattr(autoencoder, method, None)
    if not callable(function):
        raise InvalidTypeError(
            f"autoencoder must have encode(images) and decode(latents); {type(autoencoder).__name__} has no {method}: "
            "wrap two callables as vicinal.Autoencoder(encoder, decoder)"
        )
    batch_size = _validation.check_integer(batch_size, "batch_size", minimum=1)
    kind = _arrays.tensor_kind(array)
    array = array if kind else _validation.check_array(array, name)
    if array.ndim < 2:
        raise InvalidInputError(f"{name} must have shape (n_samples, ...); got {tuple(array.shape)}")
    module = _module_of(autoencoder, "encoder" if method == "encode" else "decoder")

    outputs = None
    with _arrays.evaluating(module), _progress.bar(method, len(array), show=progress) as shown:
        for first in range(0, max(1, len(array)), batch_size):
            batch = array[first : first + batch_size]
            if method == "encode":
                batch = in_units(batch)
            output: Any = function(batch if module is None else _tensor_for(module, batch))
            _check_output(output, len(batch), method)
            output = _arrays.to_numpy(output) if kind is None else sys.modules["torch"].as_tensor(output)
            if outputs is None:
                whole = (len(array), *output.shape[1:])
                outputs = np.empty(whole, output.dtype) if kind is None else output.new_empty(whole, device=kind.device)
            if (got := tuple(output.shape[1:])) != (shape := tuple(outputs.shape[1:])):
                raise InvalidInputError(f"{method} must return rows of one shape; got {shape} and then {got}")
            outputs[first : first + batch_size] = output
            shown.advance(len(batch))
    return outputs


def _module_of(autoencoder: Any, part: str) -> Any:
    """Return the torch module that does the work, or None."""
    torch = sys.modules.get("torch")
    function = getattr(autoencoder, part, None)
    candidates = (autoencoder, function, getattr(function, "__self__", None))
    return next((c for c in candidates if torch is not None and isinstance(c, torch.nn.Module)), None)


def _tensor_for(module: Any, batch: Any) -> Any:
    torch = sys.modules["torch"]
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    return torch.as_tensor(batch if _arrays.is_tensor(batch) else np.require(batch, requirements=["C", "W"])).to(like)


def _check_output(output: Any, n_rows: int, method: str) -> None:
    if not (_arrays.is_tensor(output) or isinstance(output, np.ndarray)):
        raise InvalidTypeError(
            f"{method} must return one array; got {type(output).__name__}. Wrap the model, as in "
            "vicinal.Autoencoder(lambda images: model.encode(images)[0], model.decode)"
        )
    if output.ndim < 1 or len(output) != n_rows:
        raise InvalidInputError(f"{method} must return one row for each of {n_rows}; got shape {tuple(output.shape)}")
