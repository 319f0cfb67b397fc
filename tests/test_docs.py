"""What the documentation shows is what the result files say."""

import doctest
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[1]


def shown(path):
    """Return what stands between the marks."""
    return re.search("<!-- results -->\n(.*)\n<!-- /results -->", (ROOT / path).read_text("utf-8"), re.S)[1]


def test_results_and_readme(tmp_path):
    """Both follow byte for byte from the results of the studies."""
    for name in ("docs/results.md", "README.md"):
        whole = (ROOT / name).read_text("utf-8")
        (tmp_path / Path(name).name).write_text(whole.replace(shown(name), "nothing"), "utf-8")
    command = [sys.executable, ROOT / "benchmarks/pages/results.py", "--page", tmp_path / "results.md", "--readme"]
    subprocess.run([*command, tmp_path / "README.md"], check=True)  # noqa: S603 - ours
    for name in ("docs/results.md", "README.md"):
        assert (tmp_path / Path(name).name).read_bytes() == (ROOT / name).read_bytes()


def test_performance(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text("<!-- results -->\n<!-- /results -->", "utf-8")
    subprocess.run([sys.executable, ROOT / "benchmarks/pages/performance.py", "--page", page], check=True)  # noqa: S603 - ours
    assert page.read_text("utf-8") == f"<!-- results -->\n{shown('docs/performance.md')}\n<!-- /results -->"


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("benchmarks/pages/autoencoders.py", "autoencoders"),
        ("benchmarks/pages/choosing_bins.py", "choosing-bins"),
        ("benchmarks/pages/frontier.py", "choosing-a-sampler"),
        ("benchmarks/pages/sanity.py", "sanity-checks"),
    ],
)
def test_pages_of_one_result(tmp_path, script, page):
    if script.endswith("choosing_bins.py") and not (ROOT / "benchmarks/results/study/choosing-bins").exists():
        pytest.skip("the study choosing-bins has not been run yet")
    copy = tmp_path / "page.md"
    copy.write_text("<!-- results -->\n<!-- /results -->", "utf-8")
    subprocess.run([sys.executable, ROOT / script, "--page", copy], check=True)  # noqa: S603 - ours
    assert copy.read_text("utf-8") == f"<!-- results -->\n{shown(f'docs/{page}.md')}\n<!-- /results -->"


@pytest.mark.skipif(importlib.util.find_spec("imblearn") is None, reason="imbalanced-learn is not installed")
def test_examples_run():
    found = doctest.testfile(str(ROOT / "docs/using-samplers.md"), module_relative=False)
    assert found.attempted > 20
    assert found.failed == 0


@pytest.mark.parametrize(
    "path", ["README.md", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").glob("*.md")))]
)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / path).read_text("utf-8")):
        assert (ROOT / path).parent.joinpath(target).exists(), target
