"""Pictures for notebooks and scripts: images side by side, and a map of latents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vicinal import _arrays, _validation
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, MissingExtraError, import_extra
from vicinal.images import channels_first, in_units, range_of

METHODS = ("pca", "umap")
_MOST_FITTED = 20_000  # latents that a map is fitted to: more do not change it


def grid(images: Any, *, n_columns: int = 8, ax: Any = None) -> Any:
    """Draw images side by side, row by row.

    Parameters
    ----------
    images : array_like of shape (n_images, C, H, W), (n_images, H, W, C) or (n_images, H, W)
        NumPy or torch, C being 1 or 3: floats in [0, 1], [-1, 1] or 0..255, or integers.
    n_columns : int
        Images in a row, at least 1.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError
        For another shape, and values in no range of images.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> grid(np.random.default_rng(0).random((12, 1, 8, 8))).get_images()[0].get_size()
    (19, 73)
    """
    n_columns = _validation.check_integer(n_columns, "n_columns", minimum=1)
    sheet = tiled(as_units(images), n_columns, gap=1)
    ax = _axes(ax, width=n_columns, ratio=sheet.shape[0] / sheet.shape[1])
    ax.imshow(sheet, interpolation="nearest")
    ax.set_axis_off()
    return ax


def latents(
    latents: Any, samples: Any = None, *, labels: Any = None, method: str = "pca", random_state: int = 0, ax: Any = None
) -> Any:
    """Draw a map of latents, and samples on it.

    Parameters
    ----------
    latents : array_like of shape (n_samples, *latent_shape)
        Training latents. The map is fitted to them, after each dimension was divided by its standard deviation.
    samples : array_like of shape (m, *latent_shape), optional
        Drawn as crosses.
    labels : array_like of shape (n_samples,), optional
        Classes of the latents, one colour each.
    method : {"pca", "umap"}
        The first two principal components; or UMAP, which needs the package ``umap-learn``.
    random_state : int
        Seed of UMAP.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError
        For latents, samples or labels that do not fit each other, and NaN.
    MissingExtraError
        If matplotlib, or umap-learn for ``method="umap"``, is not installed.

    References
    ----------
    L. McInnes, J. Healy, J. Melville, "UMAP", 2018, arXiv:1802.03426.

    Examples
    --------
    >>> import numpy as np
    >>> train, new = np.random.default_rng(0).normal(size=(2, 100, 4))
    >>> [len(points.get_offsets()) for points in latents(train, new).collections]
    [100, 100]
    """
    rows = _rows(latents, "latents")
    others = None if samples is None else _rows(samples, "samples", like=rows)
    names = None if labels is None else np.asarray(labels)
    if names is not None and names.shape != (len(rows),):
        raise InvalidInputError(f"labels must have shape ({len(rows)},), one for each latent; got {names.shape}")
    place = projection(rows, method, random_state=random_state)
    ax = _axes(ax, width=8, ratio=0.75)
    parts = {None: slice(None)} if names is None else {name: names == name for name in np.unique(names)}
    for name, part in parts.items():
        label = "training latents" if name is None else str(name).replace("$", r"\$")  # it begins no formula
        ax.scatter(
            *place(rows[part]).T, s=8, linewidth=0, alpha=0.6, label=label, color="#9aa5b1" if name is None else None
        )
    if others is not None:
        ax.scatter(*place(others).T, s=24, marker="x", linewidth=1, color="#b23a48", label="samples")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.legend(frameon=False, fontsize=8)
    return ax


def projection(rows: Array, method: str = "pca", *, random_state: int = 0) -> Callable[[Array], Array]:
    """Return a map of latents to the plane: a function from (m, d) to (m, 2), fitted to rows (n, d)."""
    _validation.check_choice(method, "method", METHODS)
    few = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_FITTED)).astype(int)].astype(np.float64)
    centre, spread = few.mean(axis=0), few.std(axis=0)
    spread[spread == 0] = 1.0

    def scaled(some: Array) -> Array:
        return (some - centre) / spread

    if method == "umap":
        place = _umap()(n_components=2, random_state=random_state, n_jobs=1).fit(scaled(few)).transform
        return lambda some: np.asarray(place(scaled(some)), np.float64)
    axes = np.linalg.svd(scaled(few), full_matrices=False)[2][:2]
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]  # one sign on all machines
    axes = np.pad(axes, ((0, 2 - len(axes)), (0, 0)))
    return lambda some: scaled(some) @ axes.T


def tiled(images: Array, n_columns: int, gap: int = 0) -> Array:
    """Return images (n, C, H, W) in [0, 1] as one image (height, width, 3), uint8, with white gaps between."""
    n, _, height, width = images.shape
    levels = np.rint(np.clip(images, 0.0, 1.0) * 255.0).astype(np.uint8).transpose(0, 2, 3, 1)
    n_rows, n_columns = -(-n // n_columns), min(n, n_columns)
    sheet = np.full((n_rows * (height + gap) + gap, n_columns * (width + gap) + gap, 3), 255, np.uint8)
    for i, image in enumerate(levels):
        top, left = (
            gap + place * (size + gap) for place, size in zip(divmod(i, n_columns), (height, width), strict=True)
        )
        sheet[top : top + height, left : left + width] = image
    return sheet


def as_units(images: Any) -> Array:
    """Return images of any layout and range as floats (n, C, H, W) in [0, 1]."""
    found = channels_first(_arrays.to_numpy(images))
    if not found.size:
        raise InvalidInputError(f"images must hold one image or more; got {found.shape}")
    if found.dtype == np.uint8:
        return in_units(found)
    values = range_of([found], integers=found.dtype.kind != "f")
    if values is None:
        raise InvalidInputError(
            f"images must be in [0, 1], [-1, 1] or 0..255; got {float(found.min()):.4g} to {float(found.max()):.4g}"
        )
    return values.units(found)


def _rows(given: Any, name: str, like: Array | None = None) -> Array:
    """Return latents as rows of finite numbers (n, d)."""
    found = _arrays.to_numpy(given)
    if found.ndim < 2 or not found.size:
        raise InvalidInputError(f"{name} must have shape (n_samples, *latent_shape); got {found.shape}")
    found = found.reshape(len(found), -1)
    _validation.check_finite(found, name)
    if like is not None and found.shape[1] != like.shape[1]:
        raise InvalidInputError(f"{name} must have {like.shape[1]} values a row, as latents; got {found.shape[1]}")
    return found


def _axes(ax: Any, width: float, ratio: float) -> Any:
    """Return the axes to draw on: those given, or new ones, whose height is ``ratio`` of their width."""
    if ax is not None:
        return ax
    return import_extra("matplotlib.pyplot", "report").subplots(
        figsize=(width, max(1.0, width * ratio)), layout="constrained"
    )[1]


def _umap() -> Any:
    try:
        from umap import UMAP  # type: ignore[import-not-found, unused-ignore]
    except ModuleNotFoundError:
        raise MissingExtraError(
            'umap-learn is not installed; run: pip install umap-learn, or pass method="pca"', name="umap"
        ) from None
    return UMAP
