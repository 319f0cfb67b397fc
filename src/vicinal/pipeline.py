"""Read this first: images become latents, and the latents of a sampler become new images.

::

    latents = encode(autoencoder, images)
    sampler = PMFSampler(random_state=0).fit(latents)
    new_images = generate(autoencoder, sampler, 10_000)

Everything here is batching: rows come from `vicinal.streams.sources`, pass one `Part` of an autoencoder, and go to
`vicinal.streams.sinks`. The mathematics is in `vicinal.samplers`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from vicinal import _arrays, _progress, _validation, rng, storage
from vicinal._errors import FileFormatError, InvalidInputError, InvalidTypeError, import_extra
from vicinal.array_files import Sink
from vicinal.autoencoders import doubts
from vicinal.autoencoders.adapter import Part, part_of
from vicinal.autoencoders.modules import on_device
from vicinal.hub.repository import located
from vicinal.streams.sinks import open_sink
from vicinal.streams.sources import Source, open_source

_DRAWN_AT_ONCE = 1 << 13  # latents, so that neither they nor their images need to fit in memory


def encode(
    autoencoder: Any,
    images: Any,
    *,
    out: storage.PathLike | Sink | None = None,
    return_labels: bool = False,
    device: Any = None,
    image_size: int | None = None,
    value_range: tuple[float, float] | None = None,
    batch_size: int = 256,
    progress: bool = False,
) -> Any:
    """Encode images, batch by batch.

    Parameters
    ----------
    autoencoder : object
        Anything with ``encode`` and ``decode``; or with ``encoder`` and ``decoder``, ``embed``, or ``transform`` and
        ``inverse_transform``; or an `Autoencoder`. The torch modules behind it are found and get tensors of their
        device and type. They run in evaluation mode, without gradients, and have their own modes back afterwards.
    images : array_like of shape (n, *image_shape), or a source of batches
        An array, a tensor or a memory map; the path of a file of an array (`vicinal.array_files.SUFFIXES`), or of a
        folder or an archive of images; an h5py, zarr or dask array; a torch Dataset or DataLoader, or any iterable of
        batches x, pairs (x, y), mappings or paths, but no list or tuple of arrays, which may be single images. A batch
        at a time is read. 8-bit levels become floats in [0, 1]; other values are passed on in the range that the
        autoencoder was trained on. Integers that are no images, tokens or tables, stay as they are.
    out : path_like, optional
        Write the latents there, a batch at a time: a file of a kind in `vicinal.array_files.WRITTEN`, which appears
        once it is whole. Or a `vicinal.array_files.Sink` that is open already: then None is returned for the rows.
    return_labels : bool
        Whether to return the labels too.
    device : torch.device or str, optional
        Where to compute. The modules are moved there, and back afterwards.
    image_size : int, optional
        Height and width to resize images to, see `vicinal.images.resize`.
    value_range : (float, float), optional
        The values of black and white that the autoencoder works in, such as (-1, 1). Images are then levels or floats
        in [0, 1].
    batch_size : int
        Images at a time, at most.
    progress : bool
        Whether to show a bar on standard error, if it takes more than two seconds.

    Returns
    -------
    ndarray or torch.Tensor of shape (n, *latent_shape)
        In the array library of ``images``, in the type that the autoencoder returns. With ``out``, the rows of the
        file, mapped where that can be: see `vicinal.array_files.open_array`. With ``return_labels`` a pair of it and
        the labels, an ndarray of n rows.

    Raises
    ------
    InvalidTypeError
        If the autoencoder lacks the method, or returns something other than an array.
    InvalidInputError
        If it returns another number of rows, and for images that cannot be used.
    OSError
        If a file cannot be read or written.

    Warns
    -----
    AutoencoderWarning
        If what the autoencoder returns is ambiguous, has gradients, or differs when the first rows are encoded twice.

    Examples
    --------
    >>> import numpy as np
    >>> from vicinal import Autoencoder
    >>> first = Autoencoder(lambda x: x[:, :1], lambda z: z)
    >>> encode(first, np.ones((3, 2))).shape
    (3, 1)
    >>> latents, labels = encode(first, [(np.ones((3, 2)), [0, 1, 2]), (np.ones((1, 2)), [3])], return_labels=True)
    >>> latents.shape, labels.tolist()
    ((4, 1), [0, 1, 2, 3])
    """
    part = part_of(autoencoder, "encode", value_range)
    batch_size = _validation.check_integer(batch_size, "batch_size", minimum=1)
    return_labels = _validation.check_bool(return_labels, "return_labels")
    source = open_source(images, "images", batch_size, image_size=image_size, labelled=return_labels)
    return _through(part, source, out, device, progress, return_labels)


def decode(
    autoencoder: Any,
    latents: Any,
    *,
    out: storage.PathLike | Sink | None = None,
    device: Any = None,
    value_range: tuple[float, float] | None = None,
    batch_size: int = 256,
    progress: bool = False,
) -> Any:
    """Decode latents (n, *latent_shape) to images (n, *image_shape); everything else as in `encode`.

    With a ``value_range``, of the call or of the autoencoder, the images that come back are in [0, 1], not clipped.
    """
    part = part_of(autoencoder, "decode", value_range)
    batch_size = _validation.check_integer(batch_size, "batch_size", minimum=1)
    return _through(part, open_source(latents, "latents", batch_size), out, device, progress)


def generate(
    autoencoder: Any,
    sampler: Any,
    n_samples: int,
    *,
    y: Any = None,
    random_state: Any = None,
    start: int = 0,
    out: storage.PathLike | Sink | None = None,
    device: Any = None,
    value_range: tuple[float, float] | None = None,
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
    out, device, value_range, batch_size, progress
        As in `encode` and `decode`. With ``out``, neither the images nor all latents are held in memory.

    Returns
    -------
    ndarray or torch.Tensor of shape (n_samples, *image_shape)
        In the array library of the latents that the sampler was fitted to; with ``out``, as in `encode`.

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
    if hasattr(sampler, "event_shape_"):
        check_latents(autoencoder, sampler.event_shape_, "sampler")
    part = part_of(autoencoder, "decode", value_range)
    batch_size = _validation.check_integer(batch_size, "batch_size", minimum=1)
    options = {"y": y, "random_state": random_state, "start": start}
    latents = sampler.sample(n_samples, **options) if out is None else drawn(sampler, n_samples, **options)
    source = open_source(latents, "latents", batch_size)._replace(n_rows=n_samples)
    return _through(part, source, out, device, progress)


def drawn(sampler: Any, n_samples: int, *, y: Any = None, random_state: Any = None, start: int = 0) -> Iterator[Any]:
    """Yield blocks of the latents that one call of ``sample`` would return; see `vicinal.samplers.Sampler.sample`.

    Examples
    --------
    >>> import numpy as np
    >>> from vicinal import PMFSampler
    >>> sampler = PMFSampler(4).fit(np.random.default_rng(0).normal(size=(50, 3)))
    >>> [len(latents) for latents in drawn(sampler, 10_000)]
    [8192, 1808]
    """
    n_samples = _validation.check_integer(n_samples, "n_samples", minimum=1)
    key = rng.seed_key(getattr(sampler, "random_state", None) if random_state is None else random_state)
    several = isinstance(y, list | tuple) or getattr(y, "ndim", 0) == 1
    if several and len(y) != n_samples:
        raise InvalidInputError(f"y must be one label, or one for each of {n_samples} samples; got {len(y)}")
    for first in range(0, n_samples, _DRAWN_AT_ONCE):
        n = min(_DRAWN_AT_ONCE, n_samples - first)
        labels = y[first : first + n] if several else y
        yield sampler.sample(n, y=labels, random_state=key, start=start + first)


def check_latents(autoencoder: Any, shape: tuple[int, ...], source: str) -> None:
    """Raise InvalidInputError if an autoencoder says its ``latent_dim``, and latents of ``shape`` have another one.

    ``shape`` is that of one latent, and ``source`` is what the message calls the place where latents come from.
    """
    size = getattr(autoencoder, "latent_dim", None)
    if isinstance(size, int) and math.prod(shape) != size:
        raise InvalidInputError(
            f"{source} must have latents of {size} dimensions, as the autoencoder has; got {math.prod(shape)}: fit a "
            "sampler to latents of this autoencoder"
        )


def load(path: storage.PathLike, *, like: str | None = None, device: Any = None) -> Any:
    """Load a sampler or an autoencoder that vicinal saved.

    Parameters
    ----------
    path : path_like
        A file written by ``save``, a folder written by ``save_pretrained``, or ``"hf://user/repo"`` or
        ``"hf://user/repo@revision"`` for a repository of huggingface.co.
    like : {"numpy", "torch"}, optional
        Array library of the samples of a sampler; NumPy without it and without ``device``.
    device : str or torch.device, optional
        Where the autoencoder goes, or the samples of the sampler, which are then torch tensors: see
        `vicinal.samplers.Sampler.to`. The CPU without it.

    Returns
    -------
    Sampler or ConvAutoencoder
        Fitted and ready: a sampler gives the same bits as the one saved.

    Raises
    ------
    FileFormatError
        If the file is not vicinal's, is damaged, is of a newer version, or holds a class of your own: the message
        names the class that loads it.
    HubError
        If a repository cannot be downloaded.
    InvalidInputError
        If torch cannot use the device, or ``like`` does not go with what is loaded.
    MissingExtraError
        For an autoencoder, a device or ``like="torch"``, if torch is not installed; for a repository, if
        huggingface_hub is not.
    OSError
        If the file cannot be read.
    """
    if like not in (None, "numpy", "torch"):
        raise InvalidInputError(f'like must be "numpy" or "torch"; got {like!r}')
    if like == "numpy" and device is not None:
        raise InvalidInputError(f'like="numpy" has no device; got device={device!r}: leave one of them out')
    artifact = storage.read(located(path))
    from vicinal import samplers  # which takes a second, so files that cannot be read are refused before

    if artifact.kind in samplers.__all__:
        sampler = getattr(samplers, artifact.kind).from_artifact(artifact)
        return sampler.to(device or "cpu") if like == "torch" or device is not None else sampler
    if artifact.kind == "ConvAutoencoder":
        if like == "numpy":
            raise InvalidInputError(f'{path} holds an autoencoder, a torch module: leave like="numpy" out')
        import_extra("torch", "torch")
        from vicinal.autoencoders.networks import ConvAutoencoder

        autoencoder = ConvAutoencoder.from_artifact(artifact)
        return autoencoder if device is None else autoencoder.to(_validation.check_device(device))
    raise FileFormatError(
        f"{path} holds a {artifact.kind}, written by vicinal {artifact.written_by}, a class that this version does not "
        f"have. If the class is yours, import it and call {artifact.kind}.load; else run pip install -U vicinal"
    )


def _through(part: Part, source: Source, out: Any, device: Any, progress: bool, return_labels: bool = False) -> Any:
    """Return what one part of an autoencoder returns for all batches, with the labels if they are wanted."""
    labels: list[Any] = []
    is_first = True
    with (
        on_device(part.modules, device),
        _arrays.evaluating(*part.modules),
        open_sink(out, source.n_rows, part.method) as sink,
        _progress.bar(part.method, source.n_rows, show=progress) as shown,
    ):
        for batch, some in source.batches:
            if return_labels:
                labels.append(_checked_labels(some))
            output = doubts.detached(part, part(batch))
            if is_first:
                doubts.check_repeats(part, batch, output)
                is_first = False
            kind = _arrays.tensor_kind(batch)
            sink.add(_arrays.to_numpy(output) if kind is None else _on_device_of(kind, output))
            shown.advance(len(batch))
    part.warn(stacklevel=3)
    rows = None if sink is out else sink.result()
    return (rows, np.concatenate(labels)) if return_labels else rows


def _on_device_of(kind: _arrays.TensorKind, output: Any) -> Any:
    return sys.modules["torch"].as_tensor(output).to(kind.device)


def _checked_labels(labels: Any) -> Any:
    if labels is None:
        raise InvalidInputError(
            "return_labels needs images with labels: a torch Dataset or a DataLoader that has them, batches (images, "
            "labels), or a folder with one folder for each class"
        )
    return labels
