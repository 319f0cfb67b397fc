"""The features that commands measure in, by the names of the command line (see `extractor`), and ``vicinal cache``."""

from __future__ import annotations

import importlib
import os
import sys
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal._errors import InvalidInputError, InvalidTypeError

Features = Annotated[
    str,
    typer.Option(
        metavar="NAME|MODULE:FUNCTION",
        help="Quality is measured between: none (the rows), pixels, efficientnet, inception, dinov2 or clip features, "
        "or what a function or torch module of yours gives, such as mymodule:embed; auto is efficientnet for 8-bit "
        "images, else none.",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|NAME",
        help="Weights: a file for inception; a folder or a name on the Hugging Face hub for dinov2 and clip.",
    ),
]
Cache = Annotated[Path | None, typer.Option(help="Folder to keep features in, for the next time.")]
Device = Annotated[str | None, typer.Option(help="Where networks run: cpu, cuda, ...; the CPU without.")]

_OPTIONS = {  # that go with each kind of features
    "auto": {"--device", "--cache"},
    "none": set[str](),
    "pixels": {"--cache"},
    "efficientnet": {"--device", "--cache"},
    "inception": {"--weights", "--device", "--cache"},
    "dinov2": {"--weights", "--device", "--cache"},
    "clip": {"--weights", "--device", "--cache"},
}


def extractor(
    features: str,
    *,
    weights: str | None = None,
    device: str | None = None,
    cache: Path | None = None,
    images: Any = None,
) -> Any:
    """Return the extractor that the options ask for, or None for the rows themselves.

    Parameters
    ----------
    features : str
        ``"auto"``, a name of a network, ``"pixels"``, ``"none"``, or ``"module:function"``.
    weights, device, cache : str, str and Path, optional
        The options of these names.
    images : ndarray, optional
        The images by which ``"auto"`` decides; the other names ignore them, and can be asked for before they are read.

    Returns
    -------
    FeatureExtractor or None

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For options that do not go together, and for a module or a function that cannot be used.
    FileFormatError, MissingExtraError, OSError
        For weights that cannot be used or read, and for packages that are not installed.
    """
    check_options(features, weights, device, cache)
    from vicinal import metrics

    if features == "auto":
        features = "efficientnet" if _are_images(images) else "none"
    if features == "none":
        return None
    given: dict[str, Any] = {} if weights is None else {"weights": weights}
    makers: dict[str, Any] = {
        "pixels": metrics.PixelFeatures,
        "efficientnet": lambda: metrics.EfficientNetFeatures(device=device),
        "inception": lambda: metrics.InceptionFeatures(str(weights), device=device),
        "dinov2": lambda: metrics.DINOv2Features(**given, device=device),
        "clip": lambda: metrics.CLIPFeatures(**given, device=device),
    }
    found = makers[features]() if features in makers else _own(features, device, cache)
    return found if cache is None else metrics.CachedFeatures(found, cache)


def before_reading(features: str, *, of_files: bool, **options: Any) -> Any:
    """Return the extractor as far as it is known before the long reading; None for ``"auto"`` of an array.

    For ``"auto"``, a folder or an archive of images (``of_files``) tells enough. ``options`` are those of `extractor`.
    """
    check_options(features, **options)
    if features == "auto":
        return extractor("efficientnet", **options) if of_files else None
    return extractor(features, **options)


def check_options(features: str, weights: str | None, device: str | None, cache: Path | None) -> None:
    """Raise InvalidInputError if options do not go together; nothing is read or imported."""
    module, colon, name = features.partition(":")
    is_own = bool(module and colon and name)
    if features not in _OPTIONS and not is_own:
        raise InvalidInputError(
            f"--features must be one of {', '.join(_OPTIONS)}, or module:function; got {features!r}"
        )
    options = {"--weights": weights, "--device": device, "--cache": cache}
    given = {option for option, value in options.items() if value is not None}
    wrong = given - ({"--device", "--cache"} if is_own else _OPTIONS[features])
    if wrong:
        raise InvalidInputError(f"{', '.join(sorted(wrong))} does not go with --features {features}")
    if features == "inception" and weights is None:
        raise InvalidInputError(
            "--features inception needs a file of weights, which is never downloaded: name pytorch-fid's "
            "pt_inception-2015-12-05-6726825d.pth with --weights"
        )


def cache(
    folder: Annotated[Path, typer.Argument(help="The folder that --cache named.")],
    clear: Annotated[bool, typer.Option("--clear", help="Delete the features. Other files stay.")] = False,
) -> None:
    """Say how many features a folder keeps, or delete them."""
    if not folder.is_dir():
        raise InvalidInputError(f"FOLDER must be a folder that --cache named; there is no folder {folder}")
    from vicinal.metrics.features.cache import MAX_BYTES, kept, make_room

    if clear:
        n_files, n_bytes = make_room(folder, 0)
        typer.echo(f"deleted {n_files:,} files of features, {n_bytes:,} bytes")
        return
    files = kept(folder)
    size = sum(each.n_bytes for each in files)
    typer.echo(f"{len(files):,} files of features, {size:,} bytes; --cache keeps at most {MAX_BYTES:,}")


def _own(spec: str, device: str | None, cache: Path | None) -> Any:
    """Return the extractor that ``module:function`` names: an extractor, a torch module or a function."""
    from vicinal.metrics import FunctionFeatures, ModuleFeatures
    from vicinal.metrics.features import FeatureExtractor

    found = imported(spec)
    if isinstance(found, type):
        try:
            found = found()
        except TypeError as error:
            raise InvalidTypeError(
                f"--features {spec} is a class that cannot be made without arguments ({error}): name an instance"
            ) from None
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(found, torch.nn.Module):
        return ModuleFeatures(found, name=spec, device=device)
    is_extractor = isinstance(found, FeatureExtractor)
    if device is not None:
        raise InvalidInputError(f"--device does not go with --features {spec}, which decides itself where it runs")
    if cache is not None and not is_extractor:
        raise InvalidInputError(
            f"--cache does not go with --features {spec}, a function, whose changes cannot be noticed: "
            "derive it from vicinal.metrics.features.FeatureExtractor, which has a fingerprint"
        )
    return found if is_extractor else FunctionFeatures(found, name=spec)


def imported(spec: str, option: str = "--features") -> Any:
    """Return what ``module:name`` names; modules of the current folder are found after those installed.

    ``option`` is what messages call the argument. What cannot be found raises InvalidInputError.
    """
    module, _, name = spec.partition(":")
    if os.getcwd() not in sys.path and "" not in sys.path:  # noqa: PTH109 - the path has text
        sys.path.append(os.getcwd())  # noqa: PTH109
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise InvalidInputError(f"{option} {spec}: {module} imports {error.name}, which is not installed") from None
        raise InvalidInputError(
            f"{option} {spec}: there is no module {module}; it must be a .py file in the current folder, or installed"
        ) from None
    except TypeError as error:  # a relative name
        raise InvalidInputError(f"{option} {spec}: {error}") from None
    try:
        return attrgetter(name)(found)
    except AttributeError:
        where = getattr(found, "__file__", None) or "built in"
        raise InvalidInputError(f"{option} {spec}: module {module} ({where}) has no {name}") from None


def _are_images(array: Any) -> bool:
    """Tell whether an array is of 8-bit images, grey or RGB."""
    from vicinal import images

    try:
        images.to_rgb(array)
    except InvalidInputError:
        return False
    return bool(array.dtype == "uint8")
