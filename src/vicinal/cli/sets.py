"""Sets of images, rows or statistics, as commands are given them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from vicinal._errors import InvalidInputError, UnequalSizesError

ByClass = Annotated[
    bool,
    typer.Option(
        "--by-class",
        help="Quality within classes too: the first folder below each set is the class; of a .npz file its array "
        "labels, y or arr_1; of NAME.npy the file NAME.labels.npy.",
    ),
]


class Set(NamedTuple):
    """Rows, or `vicinal.metrics.Moments` of them, and the class of each row if classes are compared."""

    rows: Any
    labels: list[str] | None

    @property
    def are_statistics(self) -> bool:
        """Whether there are no rows, but their mean and covariance."""
        from vicinal.metrics import Moments

        return isinstance(self.rows, Moments)


class Reader:
    """Reads sets, one after another. Images that differ in size within a folder get the size that the features take.

    Attributes
    ----------
    image_size : int or None
        What images are to be resized to, as far as is known after the sets that were read.
    extractor : FeatureExtractor or None
        The features that will be taken.
    """

    def __init__(self, image_size: int | None, extractor: Any = None, *, by_class: bool = False) -> None:
        self.image_size, self.extractor, self._by_class = image_size, extractor, by_class

    def read(self, path: Path) -> Set:
        """Return a set of images or rows, with their classes if those are compared, or published statistics."""
        from vicinal import image_files, storage
        from vicinal.metrics import Moments

        if not Moments.are_in(path):
            if self._by_class:
                return Set(*self._of_one_size(image_files.read_with_classes, path))
            return Set(self._of_one_size(image_files.read, path), None)
        if self._by_class:
            raise InvalidInputError(f"--by-class needs images or rows; {path} holds statistics")
        if "arr_0" in storage.read_arrays(path)[1]:
            warnings.warn(
                f"{path}: its statistics mu and sigma are used, not its images arr_0: save these alone to score them",
                UserWarning,
                stacklevel=2,
            )
        return Set(Moments.load(path), None)

    def read_mapped(self, path: Path) -> Any:
        """Return images or rows that are mapped from their file, where that can be."""
        import numpy as np

        from vicinal import image_files

        return np.asanyarray(self._of_one_size(image_files.open_rows, path)[:])

    def _of_one_size(self, read: Callable[..., Any], path: Path) -> Any:
        try:
            return read(path)  # what has one size is resized later, a few images at a time
        except UnequalSizesError:
            self.image_size = self.image_size or getattr(self.extractor, "image_size", None)
            if self.image_size is None:
                raise
            return read(path, self.image_size)


def has_files(path: Path) -> bool:
    """Tell whether a path is a folder or an archive, which holds images."""
    from vicinal import image_files

    return path.is_dir() or (path.suffix.lower() not in (".npy", ".npz") and image_files.is_archive(path))


def check_features_named(real: Set, others: list[Set]) -> None:
    """Raise InvalidInputError if features must be named: ``auto`` cannot know which ones statistics are of."""
    every = [real, *others]
    known = next((each.rows for each in every if each.are_statistics), None)
    images = next((each.rows for each in every if not each.are_statistics and each.rows.ndim > 2), None)
    if known is not None and images is not None:
        raise InvalidInputError(
            "--features must name the features where one side is statistics and the other images; the statistics are "
            f"of {known.features or 'unknown'} features: pass those that they were taken with"
        )
