"""Where rows come from, one small reader a kind; each reads a batch at a time.

============================  ========================================================================
array, tensor, memory map     slices
h5py, zarr                    slices; chunks are read once and not all are held
dask                          its blocks
path                          files of `vicinal.array_files`; where images are expected, `vicinal.image_files`
torch Dataset                 rows x or (x, y), stacked by a DataLoader
DataLoader, other iterable    batches x, (x, y), or mappings with `IMAGES` and `LABELS`, or paths
list, tuple                   rows, if they are numbers or pictures of Pillow; batches as above, but not x
============================  ========================================================================

A list or tuple of arrays is refused, as everywhere: see `vicinal._validation.check_no_list_of_arrays`. What is plainly
one row where a batch should be, a picture or a row with its label, is refused too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays, _validation, array_files, image_files, images
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError, UnequalSizesError
from vicinal.streams.labels import Several, check_labels, labels_of

IMAGES = ("image", "images", "img", "pixel_values", "x", "X", "data", "input", "inputs", "latents", "features")
LABELS = ("label", "labels", "y", "target", "targets", "class")

_READ_AT_ONCE = 1 << 26  # bytes of a chunked file
_ACCEPTED = (
    "an array, a tensor, a path, a torch Dataset or DataLoader, an h5py, zarr or dask array, or an iterable of batches"
)


class Source(NamedTuple):
    """Batches of rows with their labels or None, and how many rows there are, None if nobody knows."""

    batches: Iterator[tuple[Any, Any]]
    n_rows: int | None


def open_source(
    given: Any, name: str, batch_size: int, *, image_size: int | None = None, labelled: bool = False
) -> Source:
    """Return what is given as batches of at most ``batch_size`` rows: NumPy arrays, or tensors.

    Parameters
    ----------
    given : object
        See the table above.
    name : str
        What to call it in messages.
    batch_size : int
        The most rows of a batch.
    image_size : int, optional
        Height and width that images are resized to.
    labelled : bool
        Whether labels are read too.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        For what holds no rows; other errors are raised when the batch is read.

    Examples
    --------
    >>> source = open_source([(np.zeros((3, 2)), [0, 1, 2])], "images", 2, labelled=True)
    >>> [(rows.shape, labels.tolist()) for rows, labels in source.batches]
    [((2, 2), [0, 1]), ((1, 2), [2])]
    """
    if image_size is not None:
        image_size = _validation.check_integer(image_size, "image_size", minimum=1)
    items, n_rows = _items(given, name, batch_size, image_size, labelled)
    return Source(_batches(items, name, batch_size, image_size, labelled), n_rows)


def _items(
    given: Any, name: str, batch_size: int, image_size: int | None, labelled: bool
) -> tuple[Iterable[Any], int | None]:
    """Return items that `_opened` understands, and the number of rows in all of them, if known."""
    torch = sys.modules.get("torch")
    data = getattr(getattr(torch, "utils", None), "data", None)
    given = _of_path(given, name, image_size, labelled) if isinstance(given, str | os.PathLike) else given
    if _is_rows(given):
        return [given], _length(given)
    if isinstance(given, Mapping):
        return [given], _length(_of_mapping(given, name)[0])
    if data is not None and isinstance(given, data.Dataset):
        return _of_dataset(given, batch_size, image_size, labelled), _length(given)
    if data is not None and isinstance(given, data.DataLoader):
        return _looked_at(given, name), None if given.drop_last else _length(given.dataset)
    if _is_pair(given):
        return [given], len(given[0])
    _validation.check_no_list_of_arrays(given, name, streams=True)
    if isinstance(given, list | tuple) and given and _is_picture(given[0]):
        return [_of_pictures(given, name, image_size)], len(given)
    if hasattr(given, "__array__") or (isinstance(given, list | tuple) and not (given and _is_batch(given[0]))):
        rows = _validation.check_array(given, name)
        return [rows], _length(rows)
    if isinstance(given, Iterable) and not isinstance(given, bytes | set | frozenset):
        return _looked_at(given, name), None
    raise InvalidTypeError(f"{name} must be {_ACCEPTED}; got {type(given).__name__}")


def _looked_at(items: Iterable[Any], name: str) -> Iterator[Any]:
    """Yield items, of which the first may look like one row."""
    for i, item in enumerate(items):
        if i == 0:
            _validation.warn_of_one_row(item[0] if isinstance(item, list | tuple) and item else item, name)
        yield item


def _is_rows(given: Any) -> bool:
    """Tell whether something can be sliced, row by row."""
    return hasattr(given, "shape") and hasattr(given, "dtype") and hasattr(given, "__getitem__")


def _is_pair(given: Any) -> bool:
    """Tell whether something is (images, labels): labels have one dimension, and are as many."""
    if not (isinstance(given, tuple) and len(given) == 2 and _is_rows(given[0]) and len(given[0].shape) > 1):
        return False
    labels = given[1]
    return isinstance(labels, list) or (_is_rows(labels) and tuple(labels.shape) == tuple(given[0].shape[:1]))


def _is_batch(item: Any) -> bool:
    if isinstance(item, list | tuple) and 1 <= len(item) <= 2:
        item = item[0]
    return isinstance(item, str | os.PathLike | Mapping) or (_is_rows(item) and len(item.shape) > 1)


def _is_picture(item: Any) -> bool:
    """Tell whether something is a picture of Pillow."""
    return hasattr(item, "getbands")


def _length(given: Any) -> int | None:
    """Return the number of rows, if it is known."""
    shape = getattr(given, "shape", None)
    if shape is None:
        return len(given) if hasattr(given, "__len__") else None
    return int(shape[0]) if len(shape) and shape[0] == shape[0] else None  # dask has NaN where it does not know


def _of_path(path: str | os.PathLike[str], name: str, image_size: int | None, labelled: bool) -> Any:
    """Return rows of a file or a folder, to be sliced; with labels, a pair of them and the classes of the rows."""
    if name != "images":
        return array_files.open_array(path)
    if labelled:
        return image_files.read_with_classes(path, image_size)
    return image_files.open_rows(path, image_size)


def _of_pictures(pictures: Sequence[Any], name: str, image_size: int | None) -> Array:
    """Return pictures of Pillow as rows (n, C, H, W): levels, or floats if they are resized."""
    rows = [image_files.values_of(each)[None] for each in pictures]
    if image_size is not None:
        rows = [images.resize(row, image_size, name) for row in rows]
    shapes = sorted({row.shape[1:] for row in rows})
    if len(shapes) > 1:
        raise UnequalSizesError(f"{name} must be of one size; got {shapes[0]} and {shapes[1]}: pass image_size=")
    return np.concatenate(rows)


def _of_dataset(dataset: Any, batch_size: int, image_size: int | None, labelled: bool) -> Any:
    """Return a DataLoader of all rows in order; pictures of Pillow become levels (C, H, W)."""
    torch: Any = sys.modules["torch"]

    def row(value: Any) -> Any:
        if _is_picture(value):
            value = torch.from_numpy(np.array(image_files.values_of(value)))
        # The range of floats takes more than a row: those are resized in batches.
        is_picture = str(getattr(value, "dtype", "")).endswith("uint8") and value.ndim > 1
        return images.resize(value[None], image_size)[0] if is_picture and image_size is not None else value

    def stacked(rows: list[Any]) -> Any:
        if isinstance(rows[0], tuple | list):
            rows = [(row(first), *(others if labelled else ())) for first, *others in rows]
        elif isinstance(rows[0], Mapping):
            rows = [{key: row(value) for key, value in each.items()} for each in rows]
        else:
            rows = [row(each) for each in rows]
        return torch.utils.data.default_collate(rows)

    generator = torch.Generator()  # of its own, so that the one of torch is not advanced
    return torch.utils.data.DataLoader(dataset, batch_size, collate_fn=stacked, generator=generator)


def _batches(
    items: Iterable[Any], name: str, batch_size: int, image_size: int | None, labelled: bool
) -> Iterator[tuple[Any, Array | None]]:
    is_empty = True
    for item in items:
        rows, labels = _opened(item, name, image_size)
        labels = check_labels(labels, rows, name, _length(rows), wanted=labelled)
        first = 0
        for batch in _slices(rows, name, batch_size):
            some = None if labels is None else labels_of(labels[first : first + len(batch)], len(batch))
            first += len(batch)
            is_empty = False
            yield (images.resize(batch, image_size, name) if image_size is not None and len(batch) else batch), some
    if is_empty:
        raise InvalidInputError(f"{name} must hold at least one batch; got none")


def _opened(item: Any, name: str, image_size: int | None) -> tuple[Any, Any]:
    """Return rows and labels of one batch."""
    if isinstance(item, str | os.PathLike):
        return _of_path(item, name, image_size, labelled=False), None
    if isinstance(item, Mapping):
        return _of_mapping(item, name)
    if _is_rows(item):
        return item, None
    if isinstance(item, list | tuple) and item and _is_batch(item[0]):
        labels = None if len(item) == 1 else item[1] if len(item) == 2 else Several(len(item))
        return _opened(item[0], name, image_size)[0], labels
    return _rows_of(item, name), None


def _rows_of(given: Any, name: str) -> Any:
    """Return the rows of a batch; a picture of Pillow is one row."""
    if _is_picture(given):
        raise InvalidInputError(
            f"a batch of {name} must be an array; got one picture: pass a list of pictures, or a torch DataLoader"
        )
    return given if _is_rows(given) else _validation.check_array(given, f"a batch of {name}")


def _of_mapping(item: Mapping[str, Any], name: str) -> tuple[Any, Any]:
    rows = [key for key in IMAGES if key in item]
    rows = rows or [key for key, value in item.items() if len(getattr(value, "shape", ())) > 1]
    if len(rows) != 1:
        raise InvalidInputError(
            f"a mapping must hold {name} under one of the keys {', '.join(IMAGES)}; got {', '.join(map(str, item))}: "
            "pass pairs (images, labels)"
        )
    return _rows_of(item[rows[0]], name), next((item[key] for key in LABELS if key in item), None)


def _slices(rows: Any, name: str, batch_size: int) -> Iterator[Any]:
    """Yield NumPy arrays or tensors of at most ``batch_size`` rows; one without rows if there are none."""
    if len(rows.shape) < 2:
        raise InvalidInputError(f"{name} must have shape (n_samples, ...); got {tuple(rows.shape)}")
    for block in _blocks(rows, batch_size):
        for first in range(0, max(1, block.shape[0]), batch_size):
            batch = block[first : first + batch_size]
            yield batch if _arrays.is_tensor(batch) else _validation.check_array(batch, name)
            if isinstance(block, np.ndarray):
                images.release(block)


def _blocks(rows: Any, batch_size: int) -> Iterator[Any]:
    """Yield rows in memory; of a file in chunks, whole chunks, so that none is read twice."""
    if hasattr(rows, "blocks") and hasattr(rows, "numblocks"):  # dask
        for i in range(rows.numblocks[0]):
            yield np.asarray(rows.blocks[i])
        return
    chunks = getattr(rows, "chunks", None)
    if not (chunks and isinstance(chunks[0], int)) or isinstance(rows, np.ndarray) or _arrays.is_tensor(rows):
        yield rows
        return
    row_bytes = max(1, rows.dtype.itemsize * int(np.prod(rows.shape[1:])))
    n_chunks = max(1, min(batch_size, _READ_AT_ONCE // row_bytes) // chunks[0])
    for first in range(0, max(1, rows.shape[0]), n_chunks * chunks[0]):
        yield rows[first : first + n_chunks * chunks[0]]
