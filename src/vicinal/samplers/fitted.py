"""What the fitted attributes of a sampler must be: each sampler says it, and what a file holds is held against it.

Checksums tell that a file is whole. They do not tell that its numbers make sense, for anybody can make a file. So every
array that a file holds is checked before a kernel sees it.

Shapes are written as the names of their sides, as ``"n d"``. The sides ``d`` and ``c`` are known: dimensions of a
latent, and classes. A side with a question mark is there only if the sampler was fitted with labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import FileFormatError

MOST_MASS = 2**62  # the sum of weights, so that sums of integers do not overflow


class Fitted(NamedTuple):
    """What a fitted attribute must be; without a shape it is one number.

    Attributes
    ----------
    shape : str
        The names of its sides.
    low, high : float
        The range of its values, ends included.
    whole : bool
        Whether it holds integers.
    needed : bool
        Whether a sampler always has it.
    finite : bool
        Whether NaN and infinity are refused.
    covariances : {"", "semidefinite", "definite"}
        What the matrices of its last two sides are.
    """

    shape: str = ""
    low: float = -np.inf
    high: float = np.inf
    whole: bool = False
    needed: bool = True
    finite: bool = True
    covariances: str = ""


class Starts(NamedTuple):
    """Where the parts of a side start: integers that ascend from 0 to its length."""

    of: str
    parts: str = ""  # the side that has one entry for each part
    needed: bool = True


def attributes(**expected: Fitted | Starts) -> Mapping[str, Fitted | Starts]:
    """Return what the fitted attributes of a sampler must be, by name."""
    return MappingProxyType(expected)


BY_CLASS: Mapping[str, Fitted | Starts] = {
    "weights_": Fitted("n", 0, MOST_MASS, whole=True, needed=False),
    "class_starts_": Starts("n", "c", needed=False),
}
"""What labels and weights add to a sampler of n latents."""

CALIBRATED: Mapping[str, Fitted] = {
    "nn_ratio_": Fitted(low=0, needed=False, finite=False),
    "nn_ratio_se_": Fitted(low=0, needed=False, finite=False),
}
"""What calibration adds."""


def check(expected: Mapping[str, Fitted | Starts], state: Mapping[str, Any], d: int) -> None:
    """Raise FileFormatError unless ``state``, read from a file, is as expected; ``d`` is the size of a latent.

    Examples
    --------
    >>> expected = {"latents_": Fitted("n d"), "class_starts_": Starts("n", needed=False)}
    >>> check(expected, {"latents_": np.zeros((3, 2))}, 2)
    >>> check(expected, {"latents_": np.zeros((3, 2)), "class_starts_": np.array([0, 5])}, 2)
    Traceback (most recent call last):
    ...
    vicinal._errors.FileFormatError: class_starts_ must ascend from 0 to 3; got 0 to 5
    """
    lacking = [name for name, each in expected.items() if each.needed and name not in state]
    strange = [name for name in state if name not in expected and name not in ("classes_", "_table")]
    if lacking or strange:
        words = [f"it lacks {', '.join(lacking)}"] * bool(lacking) + [f"it has {', '.join(strange)}"] * bool(strange)
        raise FileFormatError(" and ".join(words))
    labelled = "classes_" in state
    if labelled and "class_starts_" in expected and "class_starts_" not in state:
        raise FileFormatError("it lacks class_starts_")
    sides = {"d": d, "c": len(state["classes_"]) if labelled else 1}
    if labelled:
        _check_classes(state["classes_"])
    for name, each in sorted(expected.items(), key=lambda item: isinstance(item[1], Starts)):
        if name not in state:
            continue
        if isinstance(each, Starts):
            _check_starts(name, each, np.asarray(state[name]), sides)
        else:
            _check_values(name, each, np.asarray(state[name]), sides, labelled)
    if "weights_" in state and expected["weights_"] is BY_CLASS["weights_"]:
        _check_mass(state["weights_"], state.get("class_starts_"))


def _check_values(name: str, each: Fitted, array: Array, sides: dict[str, int], labelled: bool) -> None:
    kind = "iu" if each.whole else "f" if each.shape else "iuf"
    names = [side.rstrip("?") for side in each.shape.split() if labelled or not side.endswith("?")]
    if array.dtype.kind not in kind or array.ndim != len(names):
        wanted = f"{'integers' if each.whole else 'floats'} of shape ({', '.join(names)})"
        raise FileFormatError(f"{name} must be {wanted}; got {array.dtype} {array.shape}")
    shape = tuple(sides.setdefault(side, length) for side, length in zip(names, array.shape, strict=True))
    if array.shape != shape or (0 in shape and "p" not in names):
        raise FileFormatError(f"{name} must have shape ({', '.join(names)}) = {shape}; got {array.shape}")
    if each.finite and not np.isfinite(array).all():
        raise FileFormatError(f"{name} must be finite; got {array[~np.isfinite(array)][0]}")
    known = array[~np.isnan(array)] if array.dtype.kind == "f" else array
    if known.size and (known.min() < each.low or known.max() > each.high):
        raise FileFormatError(f"{name} must be in [{each.low:g}, {each.high:g}]; got {known.min()} to {known.max()}")
    if each.covariances and not _are_covariances(array, definite=each.covariances == "definite"):
        raise FileFormatError(f"{name} must be symmetric and positive {each.covariances}; it is not")


def _are_covariances(matrices: Array, *, definite: bool) -> bool:
    scales = np.abs(matrices).max(axis=(-2, -1), keepdims=True)
    if (np.abs(matrices - np.swapaxes(matrices, -2, -1)) > 1e-6 * scales).any():
        return False
    if definite:
        try:
            np.linalg.cholesky(matrices)
        except np.linalg.LinAlgError:
            return False
        return True
    lowest = np.linalg.eigvalsh(matrices)[..., 0]
    return bool((lowest >= -1e-6 * scales[..., 0, 0]).all())


def _check_starts(name: str, each: Starts, array: Array, sides: Mapping[str, int]) -> None:
    length = sides[each.of]
    if array.dtype.kind not in "iu" or array.ndim != 1 or len(array) < 2:
        raise FileFormatError(f"{name} must be two integers or more; got {array.dtype} {array.shape}")
    if each.parts and len(array) != sides[each.parts] + 1:
        raise FileFormatError(f"{name} must have {sides[each.parts] + 1} entries; got {len(array)}")
    if array[0] != 0 or array[-1] != length:
        raise FileFormatError(f"{name} must ascend from 0 to {length}; got {array[0]} to {array[-1]}")
    if (array[1:] <= array[:-1]).any():
        raise FileFormatError(f"{name} must ascend from 0 to {length}; it does not after entry {_first_fall(array)}")


def _first_fall(array: Array) -> int:
    return int(np.argmax(array[1:] <= array[:-1]))


def _check_mass(weights: Array, starts: Array | None) -> None:
    if float(weights.sum(dtype=np.float64)) > MOST_MASS:
        raise FileFormatError("weights_ must have a sum of at most 2**62")
    if (np.add.reduceat(weights, np.array([0]) if starts is None else starts[:-1]) < 1).any():
        raise FileFormatError("weights_ must have a sum of at least 1 in each class")


def _check_classes(classes: Any) -> None:
    if len(classes) == 0 or len(set(classes)) < len(classes):
        raise FileFormatError("classes_ must be one or more labels, each once")
