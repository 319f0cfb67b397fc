"""The autoencoder that a command is given, and errors of a model that is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal._errors import InvalidInputError, InvalidTypeError, VicinalError
from vicinal.cli.features import imported
from vicinal.hub.repository import FILE, SCHEME

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A file or folder that vicinal saved, hf://user/repo@revision, a folder of diffusers or pythae, or "
        "module:function of yours: the model, or a function that returns it.",
    ),
]
_MEMBERS = ("encode", "encoder", "decode", "decoder", "transform")


def load_model(spec: str) -> Any:
    """Return the autoencoder that an argument means: a file, a folder, a repository, or ``module:function``."""
    path = Path(spec)
    if path.is_dir() and not (path / FILE).is_file():
        from vicinal.autoencoders.folders import from_folder

        return from_folder(path)
    if path.exists() or path.suffix == ".safetensors" or spec.startswith(SCHEME):
        from vicinal import pipeline

        found = pipeline.load(spec)
        from vicinal import samplers

        if isinstance(found, samplers.Sampler):
            raise InvalidInputError(f"MODEL must be an autoencoder; {spec} holds a {type(found).__name__}")
        return found
    if ":" not in spec:
        raise InvalidInputError(
            f"MODEL must be a file that vicinal saved, {SCHEME}user/repo, a folder of diffusers or pythae, or "
            f"module:function; got {spec}, which is neither there nor has a colon"
        )
    found = imported(spec, "MODEL")
    if isinstance(found, type) or not any(hasattr(found, name) for name in _MEMBERS):
        found = _made(found, spec)
    if not any(hasattr(found, name) for name in _MEMBERS):
        raise InvalidTypeError(
            f"MODEL {spec} must be, or return, an object with encode and decode; got a {type(found).__name__}: return "
            "vicinal.Autoencoder(encoder, decoder)"
        )
    return found


def _made(factory: Any, spec: str) -> Any:
    if not callable(factory):
        raise InvalidTypeError(f"MODEL {spec} must be a model or a function that returns one; got {factory!r}")
    with of_model(spec, "cannot be made: call it without arguments"):
        return factory()


@contextmanager
def of_model(spec: str, what: str) -> Iterator[None]:
    """Have errors that a model raises told in one line: which model, ``what`` is wrong, and its own words."""
    try:
        yield
    except VicinalError:
        raise
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise InvalidInputError(f"MODEL {spec} {what} ({reason})") from error
