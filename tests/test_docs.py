"""What the documentation shows is what the result files say."""

import doctest
import importlib.util
import re
import runpy
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[1]


STUDIES = ("mnist", "celeba", "ocular", "digits")


def shown(path, name="results"):
    """Return what stands between the marks."""
    return re.search(f"<!-- {name} -->\n(.*)\n<!-- /{name} -->", (ROOT / path).read_text("utf-8"), re.S)[1]


@pytest.fixture
def write(monkeypatch):
    """Return a function that runs a script of ours here, where most of what it imports is there already."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks" / "pages")

    def run(name, *arguments):
        script = str(ROOT / "benchmarks" / "pages" / name)
        monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
        runpy.run_path(script, run_name="__main__")

    return run


def test_results_and_readme(tmp_path, write):
    """They follow byte for byte from the results of the studies."""
    for name in ("docs/results.md", "README.md"):
        whole = (ROOT / name).read_text("utf-8")
        (tmp_path / Path(name).name).write_text(whole.replace(shown(name), "nothing"), "utf-8")
    write("results.py", "--page", tmp_path / "results.md", "--readme", tmp_path / "README.md")
    for name in ("docs/results.md", "README.md", *(f"docs/results-{name}.md" for name in STUDIES)):
        assert (tmp_path / Path(name).name).read_bytes() == (ROOT / name).read_bytes()


def test_performance(tmp_path, write):
    page = tmp_path / "performance.md"
    page.write_text("<!-- results -->\n<!-- /results -->", "utf-8")
    write("performance.py", "--page", page)
    assert page.read_text("utf-8") == f"<!-- results -->\n{shown('docs/performance.md')}\n<!-- /results -->"


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("autoencoders.py", "autoencoders"),
        ("choosing_bins.py", "choosing-bins"),
        ("frontier.py", "choosing-a-sampler"),
        ("sanity.py", "sanity-checks"),
    ],
)
def test_pages_of_one_result(tmp_path, write, script, page):
    if script == "choosing_bins.py" and not (ROOT / "benchmarks/results/study/choosing-bins").exists():
        pytest.skip("the study choosing-bins has not been run yet")
    copy = tmp_path / "page.md"
    copy.write_text("<!-- results -->\n<!-- /results -->", "utf-8")
    write(script, "--page", copy)
    assert copy.read_text("utf-8") == f"<!-- results -->\n{shown(f'docs/{page}.md')}\n<!-- /results -->"


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("containers", ("dask", "h5py", "pandas", "pyarrow", "torch", "zarr", "PIL")),
        ("journeys", ("dask", "diffusers", "h5py", "pandas", "pyarrow", "pythae", "torch", "zarr", "PIL")),
    ],
)
@pytest.mark.filterwarnings("ignore:::(pythae|diffusers|pydantic|torch)")
def test_tables_of_what_runs(tmp_path, write, name, packages):
    """Everything on the page is run, which takes ten seconds: 30 containers, six operations and four commands."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    copy = tmp_path / "page.md"
    copy.write_text(f"<!-- {name} -->\n<!-- /{name} -->", "utf-8")
    write(f"{name}.py", "--page", copy)
    assert copy.read_text("utf-8") == f"<!-- {name} -->\n{shown('docs/containers.md', name)}\n<!-- /{name} -->"


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
        target = target.replace("learn/index.rst", "tutorials/GALLERY_HEADER.rst")  # the site is built from it
        assert (ROOT / path).parent.joinpath(target).exists(), target
