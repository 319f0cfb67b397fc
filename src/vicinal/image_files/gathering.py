"""Many images to one array: decoded by threads, in order, and what is said of those that were left out."""

from __future__ import annotations

import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar

import numpy as np

from vicinal import _progress
from vicinal import images as _images
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError, MissingExtraError, UnequalSizesError
from vicinal.image_files.decoding import Picture

Item = TypeVar("Item")
Empty = Callable[[tuple[int, ...], Any], Array]
"""Makes an array of a shape and a dtype."""

_FILES_AT_ONCE = 16  # that a thread decodes in one go
_SMALL = 1 << 12  # values of an image for which threads do not pay off
_NAMED = 3  # unreadable files that a message names
_BETWEEN = 1024  # images, before the memory of a mapped array is given back
_DARK = 63  # of 255: the brightest of 14 bits, if only the upper 8 of 16 are read


class Gathered(NamedTuple):
    """Images (n, C, H, W), the reason for each file that cannot be read, and what else a reader should know.

    The images are uint8 levels; if any was resized, all are float32 in [0, 1].
    """

    levels: Array
    unreadable: dict[str, str]
    remarks: list[str]


def in_threads(items: Sequence[Item], decoder: Callable[[Item], Picture]) -> Iterator[tuple[Item, Picture | str]]:
    """Yield each item with what the decoder returns, in order, or with the reason why it cannot be read.

    Few decoded images wait at any time. Small ones are decoded in this thread: they spend most of their time in the
    interpreter, which threads only hand to each other.
    """

    def decoded(some: Sequence[Item]) -> list[tuple[Item, Picture | str]]:
        return [(item, _or_reason(decoder, item)) for item in some]

    n_threads = _images.n_cores()
    blocks = iter([items[i : i + _FILES_AT_ONCE] for i in range(0, len(items), _FILES_AT_ONCE)])
    first = decoded(next(blocks, ()))
    yield from first
    are_small = all(isinstance(found, str) or found.values.size <= _SMALL for _, found in first)
    if n_threads == 1 or are_small:
        for block in blocks:
            yield from decoded(block)
        return
    waiting: deque[Future[list[tuple[Item, Picture | str]]]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        for block in blocks:
            waiting.append(pool.submit(decoded, block))
            if len(waiting) > 2 * n_threads:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _or_reason(decoder: Callable[[Item], Picture], item: Item) -> Picture | str:
    try:
        return decoder(item)
    except (MissingExtraError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - Pillow raises anything for damaged files
        return (str(error) or type(error).__name__).partition("\n")[0]


class _Stack:
    """Images of one size, (n, C, H, W), in the type that holds them all; C is 3 if any is in colour."""

    def __init__(self, n_files: int, make: Empty) -> None:
        self._n_files, self._make = n_files, make
        self.values, self.n = np.empty((0, 1, 0, 0), np.uint8), 0
        self.rows_of: dict[Any, list[int]] = {}  # by the type that the files have
        self.is_resized = False  # whether any image was

    def add(self, values: Array, of_file: Any) -> None:
        n_channels = max(len(values), self.values.shape[1])
        dtype = values.dtype if not self.n or values.dtype == self.values.dtype else np.dtype(np.float32)
        if not self.n or n_channels > self.values.shape[1] or dtype != self.values.dtype:
            found = self._make((self._n_files, n_channels, *values.shape[1:]), dtype)
            if self.n:
                found[: self.n] = self.values[: self.n]
            self.values = found
        self.values[self.n] = values
        self.rows_of.setdefault(of_file, []).append(self.n)
        self.is_resized |= values.dtype != of_file
        self.n += 1
        if self.n % _BETWEEN == 0:
            _images.release(self.values)

    def finished(self) -> tuple[Array, list[str]]:
        """Return all images, as uint8 levels or in [0, 1] if any was resized; and remarks on how types were read."""
        if self.values.dtype == np.uint8:
            return self.values[: self.n], []
        shape, remarks = (self._n_files, *self.values.shape[1:]), []
        found = (self.values if self.is_resized else self._make(shape, np.uint8))[: self.n]
        for dtype, rows in self.rows_of.items():
            in_range = self._range(dtype, rows)
            convert = in_range.units if self.is_resized else in_range.levels
            for row in rows:
                found[row] = convert(self.values[row])
            if dtype != np.uint8 and in_range not in (_images.UNITS, _images.LEVELS_16):
                remarks.append(f"{len(rows)} files of {dtype} are read as {in_range.name}")
        return found, remarks

    def _range(self, dtype: Any, rows: list[int]) -> _images.Range:
        """Return the range of the files of one type."""
        if dtype == np.uint8:
            return _images.LEVELS_8
        found = _images.range_of((self.values[row] for row in rows), integers=dtype.kind == "u")
        if found is None:
            some = self.values[rows]
            low, high = some.min(), some.max()
            raise InvalidInputError(
                f"images of {dtype} must be in 0..65535, or floats in [0, 1], [-1, 1] or 0..255; got {low:.4g} to "
                f"{high:.4g} in {len(rows)} files: rescale them to [0, 1]"
            )
        return found


def gather(
    source: Path, decoded: Iterable[tuple[str, Picture | str]], n_files: int, remedy: str, make: Empty = _images.empty
) -> Gathered:
    """Copy decoded images to one array.

    ``decoded`` gives the name of each file with its picture, or with the reason why it cannot be read. Grey images get
    three channels if any image is in colour. Of 16-bit and float files, the range is that of all of them. ``source``
    and ``remedy``, what to do about several sizes, are for messages. Images of several sizes raise UnequalSizesError.
    Floats in no range of images, and colour of fewer bits than its file has, raise InvalidInputError. If no image can
    be read, that is a FileFormatError.
    """
    stack, first = _Stack(n_files, make), ""
    unreadable: dict[str, str] = {}
    films: Counter[str] = Counter()
    brightest = None  # of images that were cut to 8 bits
    with warnings.catch_warnings(), _progress.bar(f"Reading {source}", n_files) as progress:
        warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged EXIF and of many pixels: the image is there
        for name, picture in decoded:
            progress.advance()
            if isinstance(picture, str):
                unreadable[name] = picture
                continue
            first = first or name
            if stack.n and picture.values.shape[1:] != stack.values.shape[2:]:
                raise UnequalSizesError(
                    f"{source} must hold images of one size; got {_size(stack.values[0])} in {first} but "
                    f"{_size(picture.values)} in {name} (width x height): {remedy}"
                )
            stack.add(picture.values, picture.dtype)
            if picture.has_frames:
                films[PurePosixPath(name).suffix.lower()] += 1
            if picture.is_cut:
                brightest = max(brightest or 0, int(picture.values.max()))
    if not stack.n:
        name, reason = next(iter(unreadable.items()))
        raise FileFormatError(
            f"{source} holds no image that can be read, of {n_files}; {name}: {reason}. Get the files again"
        )
    if brightest is not None and brightest <= _DARK:
        raise InvalidInputError(
            f"{source} must hold colour images that use all of their 16 bits: the upper 8 are read; got "
            f"levels up to {brightest} of 255: scale them, or write them as 8 bits"
        )
    found, remarks = stack.finished()
    remarks += [f"of {n:,} {kind} with several frames the first is taken" for kind, n in films.items()]
    return Gathered(found, unreadable, remarks)


def _size(image: Array) -> str:
    return f"{image.shape[2]} x {image.shape[1]}"


def message(source: Path, found: Gathered, skipped: Counter[str] | None = None) -> str:
    """Return one line on what was left out of a folder or archive, and why; nothing if that is nothing."""
    parts = []
    if skipped:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in sorted(skipped.items()))
        parts.append(f"{skipped.total():,} other files are left out ({kinds})")
    if found.unreadable:
        names = list(found.unreadable)
        shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        parts.append(
            f"{len(names)} of {len(found.levels) + len(names)} images cannot be read and are left out: {shown} "
            f"({found.unreadable[names[0]]}); write them again"
        )
    parts += found.remarks
    return f"{source}: {len(found.levels):,} images; {'; '.join(parts)}" if parts else ""
