"""The pages that start from nothing run from top to bottom."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP_TO_BOTTOM = ("README.md", "docs/ten-minutes.md")  # pages whose blocks follow from each other, and from nothing else


def blocks(page):
    """Return the blocks of Python of a page with the numbers of their first lines."""
    text = (ROOT / page).read_text("utf-8")
    return [
        (text[: found.start(1)].count("\n"), found[1])
        for found in re.finditer(r"^```python\n(.*?)^```", text, re.S | re.M)
    ]


def run(page, names):
    """Run the blocks of a page after each other; the lines in an error are those of the page."""
    for line, code in blocks(page):
        try:
            exec(compile("\n" * line + code, page, "exec"), names)  # noqa: S102
        except ModuleNotFoundError as error:
            if error.name != "pytorch_lightning":  # heavy, and one block needs it
                raise


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", TOP_TO_BOTTOM)
def test_from_top_to_bottom(page, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names = {"__name__": "page"}
    run(page, names)
    assert names["scores"]["generated"]["nn_ratio"] > 0.8
    assert (tmp_path / "digits.safetensors").exists()
