"""Class labels: any hashable values, in an order that depends on the values alone."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from vicinal import _arrays
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError, LabelWarning

_FEWEST = 20  # latents, before labels that do not repeat are taken for a mistake


def in_order(labels: Iterable[Hashable]) -> tuple[Hashable, ...]:
    """Return the distinct labels, sorted by type and then by value; values without an order are sorted as text."""
    distinct: dict[Hashable, Hashable] = {}
    for label in labels:  # of equal labels, such as 1 and True, the one whose type comes first is kept
        known = distinct.setdefault(label, label)
        if type(label).__name__ < type(known).__name__:
            distinct[known] = label
    try:
        return tuple(sorted(distinct.values(), key=lambda label: (type(label).__name__, label)))
    except TypeError:
        return tuple(sorted(distinct.values(), key=lambda label: (type(label).__name__, repr(label))))


def numbered(labels: Sequence[Hashable]) -> tuple[tuple[Hashable, ...], Array]:
    """Return the distinct labels as `in_order`, and the place among them of each, shape (n,), int64."""
    classes = in_order(labels)
    number = {label: k for k, label in enumerate(classes)}
    return classes, np.fromiter((number[label] for label in labels), dtype=np.int64, count=len(labels))


def labels_of(y: Any, n_rows: int) -> list[Hashable]:
    """Return one label for each of ``n_rows`` rows, as plain Python objects."""
    if isinstance(y, str | bytes) or not (hasattr(y, "__array__") or hasattr(y, "__iter__")):
        raise InvalidTypeError(f"y must hold one label for each of {n_rows} rows; got {y!r}")
    labels: list[Any] = _arrays.to_numpy(y).tolist() if hasattr(y, "__array__") else list(y)
    if not isinstance(labels, list) or len(labels) != n_rows:
        raise InvalidInputError(
            f"y must hold one label for each of {n_rows} rows; got {len(labels) if isinstance(labels, list) else 1}"
        )
    labels = [label.item() if isinstance(label, np.generic) else label for label in labels]
    for label in labels:
        if not _is_hashable(label):
            raise InvalidTypeError(f"y must hold hashable labels; got one of type {type(label).__name__}: {label!r}")
        if label != label:
            raise InvalidInputError("y must hold labels that equal themselves; got NaN: replace it by 'unknown', say")
    return labels


def places_of(y: Any, classes: Array, n_samples: int) -> Array:
    """Return the places in ``classes`` of one label for all rows, or of one for each, shape (n_samples,), int64."""
    place = {label: k for k, label in enumerate(classes.tolist())}
    y = y.item() if isinstance(y, np.generic) or getattr(y, "ndim", 1) == 0 else y
    if _is_hashable(y) and y in place:
        return np.full(n_samples, place[y])
    labels = labels_of(y, n_samples) if are_several(y, classes) else [y]
    unknown = [label for label in labels if not _is_hashable(label) or label not in place]
    if unknown:
        shown = ", ".join(map(repr, list(place)[:10])) + (", ..." if len(place) > 10 else "")
        raise InvalidInputError(f"y must be one of the classes seen in fit, {shown}; got {unknown[0]!r}")
    return np.array([place[label] for label in labels], dtype=np.int64)


def are_several(y: Any, classes: Array) -> bool:
    """Tell labels of several rows from one label, which may be a tuple."""
    if isinstance(y, tuple):
        return not (_is_hashable(y) and y in classes.tolist())
    return isinstance(y, list) or getattr(y, "ndim", 0) == 1


def refuse(y: Any, owner: str) -> None:
    """Refuse labels for a sampler that cannot condition; numbers are ignored with a warning.

    Raises
    ------
    InvalidInputError
        If ``y`` holds anything but numbers.
    """
    numbers = np.asarray(_arrays.to_numpy(y)).dtype.kind in "fiuc"
    if not numbers:
        raise InvalidInputError(
            f"{owner} cannot draw within classes; fit it without y, or fit one sampler to the latents of each class"
        )
    warnings.warn(f"{owner} cannot draw within classes: y is ignored", LabelWarning, stacklevel=3)


def repeat(counts: Counter[Hashable]) -> bool:
    """Tell whether labels, counted, repeat enough to draw within classes; if they are numbers that do not, warn.

    Where most latents are alone in their class, samples are copies of them, within classes or not.

    Raises
    ------
    InvalidInputError
        If labels that hardly repeat are not numbers.
    """
    n_labels, n_single = counts.total(), sum(count == 1 for count in counts.values())
    if n_labels < _FEWEST or n_single <= n_labels / 2:
        return True
    found = f"{n_single} of {n_labels} latents have a label in y that no other has, so samples would be copies"
    if not all(isinstance(label, int | float) for label in counts):
        raise InvalidInputError(f"{found}: merge rare classes into larger ones, or fit without y")
    warnings.warn(
        f"{found}: y is ignored. To draw within ranges of a regression target, pass its bins, such as "
        "numpy.digitize(y, edges)",
        LabelWarning,
        stacklevel=3,
    )
    return False


def warn_of_single_latents(counts: Counter[Hashable]) -> None:
    """Warn if classes, counted, have a single latent: samples drawn within them would be copies of it, or nearly so."""
    n_single = sum(count == 1 for count in counts.values())
    if n_single:
        warnings.warn(
            f"{n_single} of {len(counts)} classes in y have a single latent, so samples within them stay close to it; "
            "merge rare classes, and leave y out if it is a regression target",
            LabelWarning,
            stacklevel=3,
        )


def _is_hashable(label: Any) -> bool:
    try:
        hash(label)
    except TypeError:
        return False
    return True


def as_array(classes: Sequence[Hashable]) -> Array:
    """Return labels as an array of integers or strings if they all are, else of objects."""
    if all(type(label) is int and abs(label) < 2**63 for label in classes):
        return np.array(classes)
    if all(type(label) is str and not label.endswith("\0") for label in classes):  # NumPy strips the last nulls
        return np.array(classes)
    array = np.empty(len(classes), dtype=object)
    array[:] = classes
    return array


def saveable(labels: list[Any]) -> list[Any]:
    """Return labels that JSON can hold as they are, or raise."""
    for label in labels:
        if not isinstance(label, str | int | float | bool | None):
            raise InvalidInputError(
                f"labels must be strings, numbers or booleans to be saved; got one of type {type(label).__name__}: "
                "map your labels to strings before fit"
            )
    return labels
