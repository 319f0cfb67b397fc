"""Files that several commands read and write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal._errors import FileFormatError, InvalidInputError

ImagesOutput = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="A folder for .png files, a sheet .png or .jpg, or .npy, .npz, .safetensors, .zarr."
    ),
]
SavedSampler = Annotated[
    str, typer.Argument(metavar="SAMPLER", help="A file or folder that vicinal saved, or hf://user/repo@revision.")
]
ImageSize = Annotated[
    int | None,
    typer.Option(help="Resize images to this height and width, as clean-fid does: bicubic, antialiased, in float."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]


def check_free(path: Path, force: bool) -> None:
    """Raise InvalidInputError if a file cannot be written, or is there and must not be replaced."""
    if not path.absolute().parent.is_dir():
        raise InvalidInputError(f"{path.parent} is not a folder; make it first")
    if path.is_dir() and path.suffix.lower() != ".zarr":
        raise InvalidInputError(f"{path} is a folder; name a file in it")
    if path.exists() and not force:
        raise InvalidInputError(f"{path} exists; pass --force to replace it")


def check_array_output(path: Path, force: bool) -> None:
    """Raise InvalidInputError if no array can be written to a file."""
    from vicinal import array_files

    array_files.check_writable(path, "--output")
    check_free(path, force)


def check_images_output(path: Path, n_images: int | None, force: bool) -> None:
    """Raise InvalidInputError if so many images cannot be written to a folder, a sheet, or a file of an array."""
    from vicinal.image_files import writing

    writing.check_output(path, n_images, "--output")
    if path.suffix.lower() == ".zarr" or (path.suffix and not path.is_dir()):
        check_free(path, force)
        return
    if not path.absolute().parent.is_dir():
        raise InvalidInputError(f"{path.parent} is not a folder; make it first")
    if path.exists() and not path.is_dir():
        raise InvalidInputError(f"{path} is a file; name a folder, or give it a suffix")
    if path.is_dir() and any(path.iterdir()) and not force:
        raise InvalidInputError(f"{path} has files in it; name another folder, or pass --force to write beside them")


def check_saved(path: str) -> None:
    """Raise FileNotFoundError if there is no file or folder where a sampler should be; repositories are not asked."""
    from vicinal import storage
    from vicinal.hub.repository import SCHEME, located

    if not path.startswith(SCHEME):
        storage.check_there(located(path))


def load_sampler(path: str) -> Any:
    """Return the sampler in a file, a folder or a repository."""
    from vicinal import pipeline

    fitted = pipeline.load(path)
    from vicinal import samplers

    if not isinstance(fitted, samplers.Sampler):
        raise FileFormatError(f"{path} holds a {type(fitted).__name__}; expected a sampler")
    return fitted


def class_of(sampler: Any, label: str | None) -> Any:
    """Return the class of a sampler that is written like ``label``; None for all classes."""
    classes = {} if label is None else {str(each): each for each in getattr(sampler, "classes_", ())}
    return classes.get(str(label), label)  # the sampler says what is wrong with another one


@contextmanager
def in_options() -> Iterator[None]:
    """Have errors name the option ``--image-size 64`` where they name the argument ``image_size=64``."""
    try:
        yield
    except InvalidInputError as error:
        text = re.sub(r"\bimage_size=(?=\d)", "--image-size ", str(error))
        raise type(error)(re.sub(r"\bimage_size\b=?", "--image-size", text)) from None
