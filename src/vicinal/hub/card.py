"""The model card: what a model is, how to load it, and how good and how new its samples are, as far as measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vicinal._errors import InvalidTypeError
from vicinal._version import __version__

CARD = "README.md"
_OURS = "library_name: vicinal"
_NOT_MEASURED = (
    "Nothing was measured: no table of scores was given. Quality metrics reward copies of training data. So measure "
    "quality and novelty before you use samples: `vicinal.evaluate` does both."
)


def text_of(kind: type, about: list[str], use: tuple[str, str], place: str, scores: Any, licence: str | None) -> str:
    """Return the text of a card.

    Parameters
    ----------
    kind : type
        Class of the model.
    about : list of str
        Lines that say what it is.
    use : tuple of two str
        Name of the variable, and a line of code that uses it.
    place : str
        What `vicinal.load` takes: a repository or a folder.
    scores : vicinal.evaluation.Scores or None
        The table.
    licence : str or None
        Name of the licence.
    """
    if scores is not None and not hasattr(scores, "to_markdown"):
        raise InvalidTypeError(f"scores must be what vicinal.evaluate returns, or None; got a {type(scores).__name__}")
    front = ["---", _OURS, "tags:", "- vicinal", "- autoencoder"]
    if licence is not None:
        front.append(f"license: {json.dumps(licence)}")
    table = _NOT_MEASURED if scores is None else scores.to_markdown().strip()
    lines = [*front, "---", "", f"# {kind.__name__}", "", *about, "", "## Use", "", *_code(kind, use, place)]
    return "\n".join([*lines, "", "## What was measured", "", table, "", f"Written by vicinal {__version__}.", ""])


def is_ours(path: Path) -> bool:
    """Return whether a file is a card that `text_of` made, edited or not."""
    return path.is_file() and _OURS in path.read_text("utf-8", errors="replace").splitlines()[:30]


def _code(kind: type, use: tuple[str, str], place: str) -> list[str]:
    """Return the lines that load the model: a class of the reader's own is named, for they must import it."""
    name, line = use
    if kind.__module__.partition(".")[0] == "vicinal":
        load = ["import vicinal", "", f'{name} = vicinal.load("{place}")']
    else:
        load = [
            "import vicinal",
            f"from your_module import {kind.__name__}",
            "",
            f'{name} = {kind.__name__}.load("{place}")',
        ]
    return ["```console", '$ pip install "vicinal[hub]"', "```", "", "```python", *load, line, "```"]
