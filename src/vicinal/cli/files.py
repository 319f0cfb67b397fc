"""Files that several commands read and write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vicinal._errors import InvalidInputError

Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]


def check_free(path: Path, force: bool) -> None:
    """Raise InvalidInputError if a file cannot be written, or is there and must not be replaced."""
    if not path.absolute().parent.is_dir():
        raise InvalidInputError(f"{path.parent} is not a folder; make it first")
    if path.exists() and not force:
        raise InvalidInputError(f"{path} exists; pass --force to replace it")
