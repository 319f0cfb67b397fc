"""Sets of images, rows or statistics, as commands are given them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from vicinal._errors import InvalidInputError

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


def read_set(path: Path, *, by_class: bool, read: Callable[[Path], Any]) -> Set:
    """Return a set of images or rows, or published statistics; ``read`` reads what has no classes."""
    from vicinal import image_files, storage
    from vicinal.metrics import Moments

    if not Moments.are_in(path):
        return Set(*image_files.read_with_classes(path)) if by_class else Set(read(path), None)
    if by_class:
        raise InvalidInputError(f"--by-class needs images or rows; {path} holds statistics")
    if "arr_0" in storage.read_arrays(path)[1]:
        warnings.warn(
            f"{path}: its statistics mu and sigma are used, not its images arr_0: save these alone to score them",
            UserWarning,
            stacklevel=2,
        )
    return Set(Moments.load(path), None)


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
