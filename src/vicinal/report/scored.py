"""The report of one table of scores, with images where the samples are images."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from vicinal import neighbors, plot, storage
from vicinal._errors import InvalidInputError
from vicinal.evaluation.rows import Rows
from vicinal.evaluation.scores import Scores
from vicinal.report.facts import machine
from vicinal.report.page import Section, Strip, write

_LEAD = (
    "Samples are compared with held-out data. Quality says how close they come to it. Novelty says whether they are "
    "more than copies of the training data."
)
_N_SHOWN = 24


def write_scores(
    path: storage.PathLike, scores: Scores, samples: Mapping[str, Any], *, train: Any = None, title: str = "Scores"
) -> None:
    """Write the report of a table.

    Parameters
    ----------
    path : path_like
        The HTML file; an existing one is replaced, in one step.
    scores : Scores
        What `vicinal.evaluate` returned.
    samples : mapping of str to array_like
        Samples by the name of their row. The first 24 of each are shown if they are images: (n, C, H, W) or
        (n, H, W, C), C being 1 or 3, in a range of images.
    train : array_like, optional
        The training data. If these are images of the same size, the page shows the nearest one below each sample.
    title : str
        Heading.

    Raises
    ------
    MissingExtraError
        If jinja2 or matplotlib is not installed.
    """
    strips = [strip for name, rows in samples.items() for strip in _strips(name, rows, train)]
    write(path, title, _LEAD, [Section(title, "", scores, strips)], machine())


def _strips(name: str, rows: Any, train: Any) -> list[Strip]:
    """Return the first samples of a row as images, if they are images, above the nearest training images."""
    if np.ndim(rows) != 4:
        return []
    with contextlib.suppress(InvalidInputError):  # latents, such as those of a diffusion model
        few = np.asarray(rows[:_N_SHOWN])
        shown = {"samples": plot.as_units(few)}
        if np.shape(train)[1:] == few.shape[1:]:
            of_samples, of_train = (Rows(each.reshape(len(each), -1)) for each in (few, train))
            nearest = neighbors.nearest_rows(of_samples, of_train)[1]
            shown["the training image with the nearest pixels"] = plot.as_units(np.asarray(train[nearest]))
        return [Strip(f"{name}.", shown)]
    return []
