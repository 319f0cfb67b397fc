"""The package as a whole: public names, light imports, missing extras."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import vicinal
from vicinal import _errors, samplers


def test_public_names():
    assert vicinal.__all__ == [
        "Autoencoder",
        "LocalSampler",
        "PMFSampler",
        "__version__",
        "decode",
        "encode",
        "evaluate",
        "generate",
        "load",
        "sample_through",
    ]
    for name in vicinal.__all__:
        assert getattr(vicinal, name) is not None
        assert name in dir(vicinal)
    with pytest.raises(AttributeError, match="module 'vicinal' has no attribute 'nothing'"):
        vicinal.nothing  # noqa: B018


def test_samplers_are_listed_in_full():
    found = {
        name
        for module in pkgutil.iter_modules(samplers.__path__)
        for name, thing in vars(importlib.import_module(f"vicinal.samplers.{module.name}")).items()
        if isinstance(thing, type) and issubclass(thing, samplers.Sampler) and not inspect.isabstract(thing)
    }
    assert found == set(samplers.__all__) - {"Sampler"}


def loaded_after(statement):
    """Return the modules that a fresh interpreter has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return set(result.stdout.split())


def test_import_is_light():
    assert not loaded_after("import vicinal") & {"torch", "numba", "sklearn", "scipy", "numpy", "rich", "typer"}


def test_work_without_torch_never_imports_it():
    statement = (
        "import numpy as np, vicinal\n"
        "x = np.random.default_rng(0).normal(size=(50, 3))\n"
        "z = vicinal.PMFSampler(4, random_state=0).fit(x).sample(20)\n"
        "vicinal.evaluate(x, z)"
    )
    assert "torch" not in loaded_after(statement)


def test_missing_extras(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(_errors.MissingExtraError, match=r'torch is not installed; run: pip install "vicinal\[torch\]"'):
        _errors.import_extra("torch", "torch")


def test_studies_say_that_they_need_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "vicinal.benchmark", raising=False)
    with pytest.raises(_errors.MissingExtraError, match=r'torch is not installed; run: pip install "vicinal\[torch\]"'):
        importlib.import_module("vicinal.benchmark")


def test_an_import_that_fails_inside_a_package_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import something_it_needs")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_it_needs"):
        _errors.import_extra("broken_package", "torch")


def test_lower_bounds_are_those_that_are_tested():
    root = Path(__file__).parents[1]
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    pins = dict(re.findall(r"^([\w-]+)==(.+)$", (root / "lower-bounds.txt").read_text(encoding="utf-8"), re.MULTILINE))
    for name, lowest in re.findall(
        r"^([\w-]+)>=([\d.]+)$", "\n".join(declared["project"]["dependencies"]), re.MULTILINE
    ):
        assert (pins[name] + ".").startswith(lowest + "."), name


def test_errors_are_also_built_in_errors():
    assert issubclass(_errors.InvalidInputError, ValueError)
    assert issubclass(_errors.InvalidTypeError, TypeError)
    assert issubclass(_errors.FileFormatError, ValueError)
    assert issubclass(_errors.MissingExtraError, ImportError)
