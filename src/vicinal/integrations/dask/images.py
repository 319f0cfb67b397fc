"""Images become latents, and latents images, chunk by chunk of a dask array, on the workers."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from dask import array, delayed
from dask._task_spec import DataNode, Task, TaskRef
from dask.highlevelgraph import HighLevelGraph

from vicinal import _arrays, _validation, pipeline
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError, VicinalError
from vicinal.autoencoders.adapter import Method
from vicinal.integrations.dask.model import Model
from vicinal.integrations.dask.sample import rows_of_chunks, sample
from vicinal.integrations.dask.shards import Shards
from vicinal.samplers import Sampler
from vicinal.samplers.on_dask.tree import computed

_FIRST = 4  # rows that tell what comes out


def encode(
    autoencoder: Any,
    images: array.Array,
    *,
    device: Any = None,
    image_size: int | None = None,
    value_range: tuple[float, float] | None = None,
    batch_size: int = 256,
    meta: Any = None,
) -> array.Array:
    """Encode a dask array of images; nothing is computed before the result is asked for.

    Each chunk is what `vicinal.encode` makes of it. For an autoencoder of NumPy that treats rows one by one, the values
    are those of ``vicinal.encode(autoencoder, images)`` to the bit. torch sums in another order for batches of another
    size: the values then agree to about 1e-6 of the largest.

    The autoencoder is pickled now, and travels once to each worker. What becomes of it later changes nothing.

    Parameters
    ----------
    autoencoder : object
        As in `vicinal.encode`. Its classes and functions must be in modules that the workers have, or in the script.
    images : dask.array.Array of shape (n, *image_shape)
        As in `vicinal.encode`. The number of rows may be unknown. Rows are made one chunk, see ``dask.array.rechunk``.
    device : torch.device or str, optional
        Where the workers compute. None stays where the modules are. ``"auto"`` takes the GPU of each worker that has
        one, and the CPU of others: values then differ by rounding from worker to worker.
    image_size, value_range, batch_size
        As in `vicinal.encode`.
    meta : array_like of shape (0, *latent_shape), optional
        Shape and type of the result. None finds them out: the first rows are encoded now, on a worker.

    Returns
    -------
    dask.array.Array of shape (n, *latent_shape)
        With the chunks of rows of ``images``; NumPy arrays.

    Raises
    ------
    InvalidTypeError
        If the autoencoder cannot be pickled or lacks the method, or ``images`` is no dask array.
    InvalidInputError
        For images that cannot be used. Of a later chunk it is raised when that is computed, and names chunk and row.
    ClusterError
        If the scheduler or too many workers are lost while the first rows are encoded.

    Warns
    -----
    AutoencoderWarning
        As `vicinal.encode`, of the first rows.

    Examples
    --------
    >>> import numpy as np
    >>> from dask import array
    >>> from vicinal import Autoencoder
    >>> first = Autoencoder(lambda x: x[:, :1], lambda z: z)
    >>> latents = encode(first, array.ones((10, 3), chunks=4))
    >>> latents.chunks
    ((4, 4, 2), (1,))
    """
    images = _of_rows(images, "images")
    if images.dtype == np.uint8 and images.ndim == 2 and value_range is None:
        raise InvalidInputError(
            "images must not be rows of uint8, since a chunk alone does not tell flattened images from a table: pass "
            "images / 255 if they are images, or images.astype('int64') if not"
        )
    options = {"image_size": image_size, "value_range": value_range, "batch_size": batch_size}
    return _mapped(Model(autoencoder, "encode", device), images, "encode", options, meta)


def decode(
    autoencoder: Any,
    latents: array.Array,
    *,
    device: Any = None,
    value_range: tuple[float, float] | None = None,
    batch_size: int = 256,
    meta: Any = None,
) -> array.Array:
    """Decode a dask array of latents (n, *latent_shape) to images (n, *image_shape); all else as in `encode`."""
    options = {"value_range": value_range, "batch_size": batch_size}
    latents = _of_rows(latents, "latents")
    return _mapped(Model(autoencoder, "decode", device), latents, "decode", options, meta)


def generate(
    autoencoder: Any,
    sampler: Sampler | Shards,
    n_samples: int,
    chunks: Any = "auto",
    *,
    y: Any = None,
    random_state: Any = None,
    start: int = 0,
    device: Any = None,
    value_range: tuple[float, float] | None = None,
    batch_size: int = 256,
    meta: Any = None,
) -> array.Array:
    """Draw latents and decode them, on the workers: the images of `vicinal.generate`, as a dask array.

    Parameters
    ----------
    autoencoder, device, value_range, batch_size, meta
        As in `encode` and `decode`.
    sampler, n_samples, y, random_state, start
        As in `sample`.
    chunks : "auto", int or tuple of int
        Images of a chunk, or of each; ``"auto"`` takes the size that dask is configured for.

    Returns
    -------
    dask.array.Array of shape (n_samples, *image_shape)

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the sampler is not fitted.
    InvalidInputError, InvalidTypeError, ClusterError
        As `encode` and `sample`.

    Examples
    --------
    >>> from vicinal import Autoencoder, PMFSampler
    >>> doubles = Autoencoder(lambda images: images / 2, lambda latents: latents * 2)
    >>> sampler = PMFSampler(4, random_state=0).fit(np.random.default_rng(0).normal(size=(50, 3)))
    >>> generate(doubles, sampler, 10, chunks=4).chunks
    ((4, 4, 2), (3,))
    """
    if not isinstance(sampler, Sampler | Shards):
        raise InvalidTypeError(f"sampler must be a fitted sampler, or shards; got {type(sampler).__name__}")
    about = sampler.sampler if isinstance(sampler, Shards) else sampler
    if hasattr(about, "event_shape_"):
        pipeline.check_latents(autoencoder, about.event_shape_, "sampler")
    model = Model(autoencoder, "decode", device)
    options = {"value_range": value_range, "batch_size": batch_size}
    if meta is None:
        some = sample(sampler, _FIRST, y=None, random_state=0)
        meta = _first_of(model, _Work("decode", options, some.shape[1:], None), some)
    rows = rows_of_chunks(chunks, n_samples, np.asarray(meta))  # a chunk of images is much larger than one of latents
    latents = sample(sampler, n_samples, rows, y=y, random_state=random_state, start=start)
    return _mapped(model, latents, "decode", options, meta)


class _Work(NamedTuple):
    """What is done with each chunk; ``empty`` is an array of what comes out without rows, or None if nobody knows."""

    method: Method
    options: dict[str, Any]
    row: tuple[int, ...]
    empty: Array | None

    def of_chunk(self, model: Model, i: int, rows: Any) -> Array:
        """Return what the autoencoder makes of a chunk."""
        name = f"{'images' if self.method == 'encode' else 'latents'} of chunk {i}"
        rows = _arrays.to_numpy(rows)
        if rows.shape[1:] != self.row:
            raise InvalidInputError(f"{name} must have rows of shape {self.row}, like the array; got {rows.shape[1:]}")
        if rows.dtype.kind == "f":
            _validation.check_finite(rows, name)
        if self.empty is not None and not len(rows):
            return self.empty
        try:
            found = _arrays.to_numpy(getattr(pipeline, self.method)(model.loaded, rows, **self.options))
        except VicinalError as error:
            error.add_note(f"This is about the {name}.")
            raise
        if self.empty is not None and (found.shape[1:], found.dtype) != (self.empty.shape[1:], self.empty.dtype):
            raise InvalidInputError(
                f"{name} must become {self.empty.dtype} of shape (n, {', '.join(map(str, self.empty.shape[1:]))}), as "
                f"the first or meta; got {found.dtype} of shape {found.shape}: mend {self.method}, or pass another meta"
            )
        return found


def _mapped(model: Model, rows: array.Array, method: Method, options: dict[str, Any], meta: Any) -> array.Array:
    """Return what an autoencoder makes of every chunk."""
    work = _Work(method, options, rows.shape[1:], None)
    empty = np.asarray(_first_of(model, work, rows) if meta is None else meta)[:0]
    run = uuid4().hex
    name, shared = f"{method}-{run}", DataNode(f"autoencoder-{run}", (work._replace(empty=empty), model))
    inner = (0,) * (rows.ndim - 1)
    tasks = [
        Task((name, i, *[0] * (empty.ndim - 1)), _of_chunk, TaskRef(shared.key), i, TaskRef((rows.name, i, *inner)))
        for i in range(rows.numblocks[0])
    ]
    graph = HighLevelGraph.from_collections(name, {task.key: task for task in (shared, *tasks)}, dependencies=[rows])
    return array.Array(graph, name, (rows.chunks[0], *((side,) for side in empty.shape[1:])), meta=empty)


def _of_chunk(shared: tuple[_Work, Model], i: int, rows: Any) -> Array:
    work, model = shared
    return work.of_chunk(model, i, rows)


def _first_of(model: Model, work: _Work, rows: array.Array) -> Array:
    """Return what comes out of the first rows, without rows; warnings are given here."""
    for i, chunk in enumerate(rows.to_delayed().ravel()):
        if rows.chunks[0][i] != 0:
            found = computed(delayed(_of_first, pure=False)(delayed(model, traverse=False), work, i, chunk))
            if found is not None:
                empty: Array = found[0]
                for each in found[1]:
                    warnings.warn(each, stacklevel=4)
                return empty
    raise InvalidInputError(
        f"{'images' if work.method == 'encode' else 'latents'} must have at least one row; got none: pass meta=, an "
        "empty array of the shape and type of the result"
    )


def _of_first(model: Model, work: _Work, i: int, chunk: Any) -> tuple[Array, list[Warning]] | None:
    if not len(chunk):
        return None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = work.of_chunk(model, i, chunk[:_FIRST])
    return found[:0], [each.message for each in caught if isinstance(each.message, Warning)]


def _of_rows(given: Any, name: str) -> array.Array:
    """Return a dask array in chunks of whole rows."""
    if not isinstance(given, array.Array):
        raise InvalidTypeError(
            f"{name} must be a dask array; got {type(given).__name__}: call vicinal.encode or vicinal.decode, or "
            "dask.array.from_array"
        )
    if given.ndim < 2:
        raise InvalidInputError(f"{name} must have shape (n_samples, ...); got {given.shape}")
    if any(np.isnan(side) for side in given.shape[1:]):
        raise InvalidInputError(
            f"{name} must have a known shape except for the number of rows; got {given.shape}: call "
            "compute_chunk_sizes() of the array"
        )
    return (
        given.rechunk(dict.fromkeys(range(1, given.ndim), -1)) if any(len(c) > 1 for c in given.chunks[1:]) else given
    )
