"""Files that several commands read and write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from vicinal._errors import InvalidInputError

ImageSize = Annotated[
    int | None,
    typer.Option(help="Resize images to this height and width, as clean-fid does: bicubic, antialiased, in float."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]


def check_free(path: Path, force: bool) -> None:
    """Raise InvalidInputError if a file cannot be written, or is there and must not be replaced."""
    if not path.absolute().parent.is_dir():
        raise InvalidInputError(f"{path.parent} is not a folder; make it first")
    if path.exists() and not force:
        raise InvalidInputError(f"{path} exists; pass --force to replace it")


@contextmanager
def in_options() -> Iterator[None]:
    """Have errors name the option ``--image-size 64`` where they name the argument ``image_size=64``."""
    try:
        yield
    except InvalidInputError as error:
        text = re.sub(r"\bimage_size=(?=\d)", "--image-size ", str(error))
        raise type(error)(re.sub(r"\bimage_size\b=?", "--image-size", text)) from None
