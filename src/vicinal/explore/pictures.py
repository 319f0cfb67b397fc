"""Cards, the map, and a folder of PNG files, as arrays and bytes."""

from __future__ import annotations

import colorsys
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vicinal._arrays import Array
from vicinal._errors import import_extra
from vicinal.report import png

_LEAST, _GAP = 128, 4  # side of a picture on the screen, if it is smaller; between pictures
SIDE, _MARGIN = 720, 16  # of the map, in pixels
_MOST_POINTS = 5000
_GREY, _INK, _CHOSEN = (150, 160, 170), (20, 24, 28), (200, 60, 20)


def beside(pictures: Sequence[Array]) -> Array:
    """Return pictures (H, W, C) as one, (height, width, 3), enlarged by a whole number until they can be seen."""
    factor = max(1, -(-_LEAST // pictures[0].shape[0]))
    wide = [np.broadcast_to(each, (*each.shape[:2], 3)) for each in pictures]
    large = [each.repeat(factor, axis=0).repeat(factor, axis=1) for each in wide]
    padded = [np.pad(each, ((0, 0), (0, _GAP), (0, 0)), constant_values=255) for each in large]
    return np.concatenate(padded, axis=1)[:, :-_GAP]


class Frame(NamedTuple):
    """How points of the plane become pixels of the map."""

    low: Array
    scale: float

    @classmethod
    def of(cls, *points: Array) -> Frame:
        """Return the frame that holds all points."""
        every = np.concatenate(points)
        extent = float((every.max(axis=0) - every.min(axis=0)).max())
        return cls(every.min(axis=0), (SIDE - 2 * _MARGIN) / max(extent, 1e-12))

    def pixels(self, points: Array) -> Array:
        """Return points (n, 2) as pixels from the upper left."""
        right_up = _MARGIN + (points - self.low) * self.scale
        return np.stack([right_up[:, 0], SIDE - right_up[:, 1]], axis=1)

    def point(self, pixel: Sequence[float]) -> Array:
        """Return the point of a pixel."""
        x, y = pixel
        return (np.array([x, SIDE - y]) - _MARGIN) / self.scale + self.low


def map_of(points: Array, samples: Array, labels: Array | None, chosen: int | None = None) -> Array:
    """Return the map, (SIDE, SIDE, 3): training latents as dots, samples as rings, the chosen latent marked."""
    image = import_extra("PIL.Image", "explore").new("RGB", (SIDE, SIDE), "white")
    draw = import_extra("PIL.ImageDraw", "explore").Draw(image)
    frame = Frame.of(points, samples)
    some = np.linspace(0, len(points) - 1, min(len(points), _MOST_POINTS)).astype(int)
    colours = _colours(labels, some)
    for (x, y), colour in zip(frame.pixels(points[some]), colours, strict=True):
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
    for x, y in frame.pixels(samples):
        draw.ellipse((x - 6, y - 6, x + 6, y + 6), outline=_INK, width=2)
    if chosen is not None:
        ((x, y),) = frame.pixels(points[[chosen]])
        draw.ellipse((x - 8, y - 8, x + 8, y + 8), fill=_CHOSEN)
    return np.asarray(image)


def archive(images: Sequence[Array], facts: Mapping[str, Any]) -> bytes:
    """Return a ZIP file of PNG files, and of ``made-by.json``, which says what makes them again."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for i, image in enumerate(images):
            file.writestr(f"{i:06d}.png", png(np.broadcast_to(image, (*image.shape[:2], 3))))
        file.writestr("made-by.json", json.dumps(facts, indent=1) + "\n")
    return buffer.getvalue()


def _colours(labels: Array | None, rows: Array) -> list[tuple[int, ...]]:
    """Return the colour of each of some training latents: one for each class."""
    if labels is None:
        return [_GREY] * len(rows)
    names, places = np.unique(labels, return_inverse=True)
    palette = [
        tuple(round(255 * part) for part in colorsys.hls_to_rgb(i / len(names), 0.6, 0.55)) for i in range(len(names))
    ]
    return [palette[place] for place in places[rows]]
