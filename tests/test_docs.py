"""What the documentation shows is what the result files say."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def refresh():
    """Return docs/refresh.py as a module."""
    spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs/refresh.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(path):
    """Return what stands between the marks."""
    return re.search("<!-- results -->\n(.*)\n<!-- /results -->", (ROOT / path).read_text("utf-8"), re.S)[1]


def test_readme(refresh):
    assert shown("README.md") == refresh.summary().strip()


def test_results(refresh):
    files = [ROOT / f"docs/results/{name}.json" for name in refresh.demo.SETTINGS]
    parts = [refresh.section(path.stem, json.loads(path.read_text("utf-8"))) for path in files]
    assert shown("docs/results.md") == "\n".join(parts).strip()


def test_choosing_bins(refresh, monkeypatch):
    monkeypatch.setattr(Path, "write_bytes", lambda _path, _data: None)  # the plot stays as it is
    result = json.loads(refresh.CHOOSING.read_text("utf-8"))
    assert shown("docs/choosing-bins.md") == refresh.choosing(result).strip()


def test_performance(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text("<!-- results -->\n<!-- /results -->", "utf-8")
    results = tmp_path / "results"
    results.mkdir()
    for path in (ROOT / "benchmarks/results").glob("*.json"):
        if "quick" not in path.stem:
            shutil.copy(path, results)
    command = [sys.executable, ROOT / "docs/performance.py", "full", "--results", results, "--page", page]
    subprocess.run(command, check=True)  # noqa: S603 - ours
    assert page.read_text("utf-8") == f"<!-- results -->\n{shown('docs/performance.md')}\n<!-- /results -->"


@pytest.mark.parametrize(
    ("script", "page"),
    [("autoencoders", "autoencoders"), ("frontier", "choosing-a-sampler"), ("moments", "method")],
)
def test_pages_of_one_result(tmp_path, script, page):
    copy = tmp_path / "page.md"
    copy.write_text("<!-- results -->\n<!-- /results -->", "utf-8")
    subprocess.run([sys.executable, ROOT / f"docs/{script}.py", "--page", copy], check=True)  # noqa: S603 - ours
    assert copy.read_text("utf-8") == f"<!-- results -->\n{shown(f'docs/{page}.md')}\n<!-- /results -->"


@pytest.mark.parametrize(
    "path", ["README.md", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").glob("*.md")))]
)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / path).read_text("utf-8")):
        assert (ROOT / path).parent.joinpath(target).exists(), target
