"""All checks of arguments. A message names the parameter, what was expected, what came, and a remedy."""

from __future__ import annotations

import difflib
import math
import numbers
import os
import re
import sys
import warnings
from collections.abc import Collection
from typing import Any

import numpy as np

from vicinal import _arrays
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError, import_extra

MAX_ROW = 2**63  # row numbers in the endless stream of samples have 63 bits
MOST_WIDTH = 1e15  # of noise in spreads of the data, so that samples are within float64
_CHECK_BLOCK = 1 << 22  # values checked together; limits the memory of a check


def check_integer(value: Any, name: str, *, minimum: int, maximum: int | None = None) -> int:
    """Return ``value`` as an int within [minimum, maximum], or raise InvalidTypeError or InvalidInputError."""
    wanted = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise InvalidTypeError(f"{name} must be an integer {wanted}; got {value!r} of type {type(value).__name__}")
    number = int(value)
    if number < minimum or (maximum is not None and number > maximum):
        raise InvalidInputError(f"{name} must be an integer {wanted}; got {number}")
    return number


def check_width(value: Any, name: str) -> float:
    """Return the width of noise in spreads of the data, as `check_positive` does, if samples can be drawn with it."""
    width = check_positive(value, name)
    if width > MOST_WIDTH:
        raise InvalidInputError(f"{name} must be a number above 0 and at most {MOST_WIDTH:g}; got {value}")
    return width


def check_positive(value: Any, name: str, *, or_zero: bool = False) -> float:
    """Return ``value`` as a finite float above 0, or from 0 on, or raise the errors of `check_integer`."""
    wanted = "from 0 on" if or_zero else "above 0"
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise InvalidTypeError(f"{name} must be a number {wanted}; got {value!r} of type {type(value).__name__}")
    if not (0 < float(value) < math.inf or (or_zero and value == 0)):
        raise InvalidInputError(f"{name} must be a finite number {wanted}; got {value}")
    return float(value)


def check_bool(value: Any, name: str) -> bool:
    """Return ``value`` as a bool, or raise InvalidTypeError."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidTypeError(f"{name} must be True or False; got {value!r} of type {type(value).__name__}")
    return bool(value)


def check_choice(value: Any, name: str, choices: Collection[str]) -> str:
    """Return ``value`` if it is one of ``choices``, or raise InvalidInputError."""
    if not isinstance(value, str) or value not in choices:
        meant = did_you_mean(value, choices)
        raise InvalidInputError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}{meant}")
    return value


def _check_is_array(given: Any, array: Array, name: str) -> None:
    """Raise InvalidTypeError for paths and for single objects."""
    if isinstance(given, str | os.PathLike):
        raise InvalidTypeError(
            f"{name} must be an array; got a path, {str(given)!r}: pass vicinal.image_files.read({name}), which reads "
            "folders and archives of images, and files of arrays"
        )
    if isinstance(given, list | tuple) and given and isinstance(given[0], os.PathLike):
        raise InvalidTypeError(
            f"{name} must be an array; got a {type(given).__name__} of paths: pass "
            f"vicinal.array_files.read_dataset({name})[0]"
        )
    if array.dtype.kind == "O" and array.ndim == 0:
        raise InvalidTypeError(
            f"{name} must be an array; got {type(given).__name__}: collect its rows in one array first"
        )


def check_no_list_of_arrays(given: Any, name: str, *, streams: bool = False, remedy: str = "") -> None:
    """Raise InvalidInputError for a list or tuple of arrays, which is never read as one array.

    They may be batches of rows, or single rows such as images, or what an encoder returned: nothing tells them apart.
    Arrays of one dimension are rows. ``streams`` is whether batches will do, and ``remedy`` ends the message.
    """
    if not (isinstance(given, list | tuple) and given and getattr(given[0], "ndim", 0) >= 2):
        return
    kind = type(given).__name__
    shapes = ", ".join(str(tuple(getattr(each, "shape", ()))) for each in given[:3]) + (", ..." if given[3:] else "")
    together, stacked = ("torch.cat", "torch.stack") if _arrays.is_tensor(given[0]) else ("np.concatenate", "np.stack")
    them = "them" if " " in name else name
    raise InvalidInputError(
        f"{name} must be one array; got a {kind} of {len(given)} arrays, of shapes {shapes}. For batches, pass "
        f"{together}({them}){f' or iter({them})' if streams else ''}; for single rows, {stacked}({them}){remedy}"
    )


def warn_of_one_row(batch: Any, name: str) -> None:
    """Warn if the first of several batches has the shape of one image, (C, H, W) or (H, W, C)."""
    shape = tuple(getattr(batch, "shape", ()))
    channels_last = shape[-1:] in ((3,), (4,)) and str(getattr(batch, "dtype", "")).endswith("uint8")
    if len(shape) == 3 and (shape[0] in (1, 3, 4) or channels_last):
        warnings.warn(
            f"the first batch of {name} has shape {shape}, and is read as {shape[0]} rows of shape {shape[1:]}: if it "
            "is one row, pass batches, such as a torch DataLoader makes of single rows, or row[None]",
            UserWarning,
            stacklevel=2,
        )


def check_bytes(value: Any, name: str) -> int:
    """Return a size in bytes, given as a whole number above 0 or as text.

    Examples
    --------
    >>> check_bytes("1.5GB", "max_memory"), check_bytes("4 MiB", "max_memory")
    (1500000000, 4194304)
    """
    if not isinstance(value, str):
        return check_integer(value, name, minimum=1)
    found = re.fullmatch(r"(\d+\.?\d*) *(|k|m|g|t)(i?)b", value.strip().lower())
    n_bytes = int(float(found[1]) * (1024 if found[3] else 1000) ** "-kmgt".find(found[2] or "-")) if found else 0
    if n_bytes < 1:
        raise InvalidInputError(f"{name} must be a number of bytes, or text such as '4GB'; got {value!r}")
    return n_bytes


def did_you_mean(value: Any, choices: Collection[str]) -> str:
    """Return the end of a message, with the choice that is written most like ``value``; nothing if none is.

    Examples
    --------
    >>> did_you_mean("n_epoch", ["n_epochs", "width"]), did_you_mean("Local", ["LocalSampler"])
    (": did you mean 'n_epochs'?", ": did you mean 'LocalSampler'?")
    """
    written = {choice.lower(): choice for choice in choices}
    given = str(value).lower()
    starts = [name for name in written if len(given) > 1 and name.startswith(given)]
    close = starts or difflib.get_close_matches(given, written, n=1)
    return f": did you mean {written[close[0]]!r}?" if close else ""


def check_array(array: Any, name: str) -> Array:
    """Return ``array`` as a dense real NumPy array in native byte order, or raise the errors of `check_integer`."""
    if hasattr(array, "toarray") and hasattr(array, "tocsr"):
        raise InvalidTypeError(f"{name} must be a dense array; got a sparse one: pass {name}.toarray()")
    if hasattr(type(array), "obsm"):
        raise InvalidTypeError(
            f"{name} must be an array; got {type(array).__name__}: pass one, {name}.obsm['X_pca'] say"
        )
    if isinstance(array, np.ma.MaskedArray):
        raise InvalidTypeError(f"{name} must be a plain array; got a masked one: pass {name}.filled(value)")
    check_no_list_of_arrays(array, name)
    given = array
    try:
        array = _arrays.to_numpy(array)
    except (ValueError, TypeError, OverflowError, RuntimeError, NotImplementedError) as error:
        raise InvalidTypeError(f"{name} must be an array, or rows of numbers of one length ({error})") from None
    _check_is_array(given, array, name)
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidTypeError(f"{name} must be numeric; got dtype object ({error})") from None
    if array.dtype.kind == "c":
        raise InvalidInputError(f"{name} must be real; got {array.dtype}. Complex data not supported")
    if array.dtype.kind not in "fiub":
        raise InvalidTypeError(f"{name} must be numeric; got dtype {array.dtype}: convert it with .astype('float32')")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def check_rows(
    array: Any,
    name: str,
    *,
    event_shape: tuple[int, ...] | None = None,
    owner: str = "",
    minimum: int = 1,
    finite: bool = True,
    on_device: bool = False,
    keep_whole: bool = False,
) -> Any:
    """Return a finite float array of shape (n_samples, *event_shape), of at least ``minimum`` rows.

    float16, float32 and float64 are kept; other types become float64, but for integers and bool with ``keep_whole``.
    ``event_shape`` None accepts any shape; else ``owner`` is the class whose `fit` set it. If not ``finite``, the
    caller checks for NaN and infinity. With ``on_device``, a tensor on an accelerator stays there. The errors are those
    of `check_array`.
    """
    kind = _arrays.tensor_kind(array)
    on_device = on_device and kind is not None and kind.on_accelerator
    array = array.detach() if on_device else check_array(array, name)
    if array.ndim < 2:
        raise InvalidInputError(
            f"{name} must have shape (n_samples, n_features) or (n_samples, ...); got {array.shape}. "
            f"Reshape your data with {name}.reshape(-1, 1) for one feature or {name}.reshape(1, -1) for one sample"
        )
    if event_shape is not None:
        check_event_shape(array.shape, event_shape, name, owner)
    if 0 in array.shape[1:] and array.shape[0] > 0:
        raise InvalidInputError(f"{name} has 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")
    if array.shape[0] < minimum:
        raise InvalidInputError(
            f"{name} must have at least {minimum} rows; got n_samples={array.shape[0]} (shape {array.shape})"
        )
    if not on_device and (array.dtype.kind not in ("fiub" if keep_whole else "f") or array.dtype.itemsize > 8):
        array = array.astype(np.float64)
    if finite:
        check_finite(array, name)
    return array


def check_event_shape(shape: tuple[int, ...], event_shape: tuple[int, ...], name: str, owner: str) -> None:
    """Raise InvalidInputError unless ``shape`` is (n_samples, *event_shape)."""
    if shape[1:] != event_shape:
        expected = ", ".join(("n_samples", *map(str, event_shape)))
        raise InvalidInputError(
            f"{name} must have shape ({expected}), as in fit; got {shape}. X has {math.prod(shape[1:])} features, "
            f"but {owner} is expecting {math.prod(event_shape)} features as input"
        )


def check_finite(array: Array, name: str, first_row: int = 0) -> None:
    """Raise InvalidInputError if ``array`` (n_samples, ...) holds NaN or infinity; its rows start at ``first_row``."""
    rows = max(1, _CHECK_BLOCK // max(1, array[:1].size))
    for first in range(0, len(array), rows):
        finite = np.isfinite(array[first : first + rows])
        if not finite.all():
            row = first_row + first + int(np.argmin(finite.reshape(len(finite), -1).all(axis=1)))
            remedy = f"Keep the finite rows: {name}[np.isfinite({name}).reshape(len({name}), -1).all(axis=1)]"
            raise InvalidInputError(
                f"{name} must be finite; got NaN or inf, first in row {row}. "
                + ("Mend what makes them" if " " in name else remedy)
            )


def check_device(device: Any) -> Any:
    """Return ``device`` as a torch.device that can hold tensors; if torch cannot use it, raise InvalidInputError."""
    torch = import_extra("torch", "torch")
    try:
        return torch.empty(0, device=torch.device(device)).device
    except (RuntimeError, AssertionError, TypeError, ValueError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InvalidInputError(
            f"device must name a device that torch can use here, such as 'cpu' or 'cuda'; got {device!r} ({reason})"
        ) from None


def check_row_range(n_samples: Any, start: Any) -> tuple[int, int]:
    """Return (n_samples, start) as ints that are valid in the stream of samples."""
    n_samples = check_integer(n_samples, "n_samples", minimum=0)
    start = check_integer(start, "start", minimum=0, maximum=MAX_ROW - 1)
    if start + n_samples > MAX_ROW:
        raise InvalidInputError(f"start + n_samples must be at most 2**63; got {start} + {n_samples}")
    return n_samples, start


def check_memory(n_samples: int, event_shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise InvalidInputError for more samples than the memory of this machine can hold."""
    n_bytes = n_samples * math.prod(event_shape) * dtype.itemsize
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else sys.maxsize
    if n_bytes > memory:
        raise InvalidInputError(
            f"n_samples must be so many that they fit into memory; got {n_samples}, which take {n_bytes / 1e9:,.1f} GB "
            f"of {memory / 1e9:,.1f} GB: draw them in parts, with start"
        )
