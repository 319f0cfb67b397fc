"""Compiled kernels are kept where a folder can be written, and damaged files of them are made anew."""

import importlib.util
import pickle
import warnings

import numpy as np
import pytest

from vicinal.kernels.cpu import compiling

pytestmark = pytest.mark.skipif(not compiling.COMPILED, reason="Numba's compiler is switched off")

SOURCE = """
from vicinal.kernels.cpu.compiling import jit


@jit
def doubled(values):
    return values + values
"""


@pytest.fixture(autouse=True)
def _folders_anew():
    compiling._folders.cache_clear()
    compiling._warn_of_no_folder.cache_clear()
    yield
    compiling._folders.cache_clear()
    compiling._warn_of_no_folder.cache_clear()


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """Return a function that defines the kernel as a new process does."""
    monkeypatch.setenv("VICINAL_CACHE_DIR", str(tmp_path / "kept"))
    (tmp_path / "kernel.py").write_text(SOURCE, encoding="utf-8")

    def define():
        specification = importlib.util.spec_from_file_location("kernel", tmp_path / "kernel.py")
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module.doubled

    return define


def without_user_cache(monkeypatch):
    """Take away the user's cache; versions of Numba differ in the name of its class."""
    locators = compiling.caching.CacheImpl._locator_classes
    kept = [each for each in locators if not each.__name__.endswith("UserWideCacheLocator")]
    assert len(kept) < len(locators)
    monkeypatch.setattr(compiling.caching.CacheImpl, "_locator_classes", kept)


def files(tmp_path, suffix):
    return list((tmp_path / "kept").rglob(f"*.{suffix}"))


def check(kernel, n_hits):
    np.testing.assert_array_equal(kernel(np.arange(3.0)), [0.0, 2.0, 4.0])
    assert sum(kernel.stats.cache_hits.values()) == n_hits


def test_a_second_process_finds_what_the_first_compiled(fresh, tmp_path, capsys, monkeypatch):
    for n_hits, n_lines in ((0, 1), (1, 0)):
        monkeypatch.setattr(compiling, "_said", [])
        check(fresh(), n_hits)
        said = capsys.readouterr().err.splitlines()
        assert [str(tmp_path / "kept") in line and "compiles" in line for line in said] == [True] * n_lines
    assert files(tmp_path, "nbc")


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[: len(content) // 2], id="cut"),
        pytest.param(lambda content: pickle.dumps({"of": "another program"}), id="foreign"),
        pytest.param(lambda content: content[:-40] + bytes(b ^ 1 for b in content[-40:]), id="altered"),
    ],
)
def test_a_damaged_file_is_made_anew(fresh, tmp_path, suffix, damage):
    check(fresh(), 0)
    (path,) = files(tmp_path, suffix)
    path.write_bytes(damage(path.read_bytes()))
    check(fresh(), 0)
    check(fresh(), 1)


def test_without_a_folder_it_runs_and_says_so_once(fresh, tmp_path, monkeypatch):
    (tmp_path / "kept").write_text("a file where the folder would be")
    (tmp_path / "__pycache__").write_text("likewise")
    monkeypatch.setattr(compiling, "_private_folder", lambda: "")
    without_user_cache(monkeypatch)
    with pytest.warns(UserWarning, match="set VICINAL_CACHE_DIR"):
        check(fresh(), 0)
    with warnings.catch_warnings(action="error"):
        check(fresh(), 0)


def test_temporary_files_are_used_if_nothing_else_can_be(fresh, tmp_path, monkeypatch):
    (tmp_path / "kept").write_text("a file where the folder would be")
    (tmp_path / "__pycache__").write_text("likewise")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(compiling.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    without_user_cache(monkeypatch)
    check(fresh(), 0)
    check(fresh(), 1)


def test_a_folder_of_temporary_files_that_others_can_write_to_is_not_trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(compiling.tempfile, "gettempdir", lambda: str(tmp_path))
    private = compiling._private_folder()
    assert private.startswith(str(tmp_path))
    (tmp_path / private).chmod(0o777)
    assert compiling._private_folder() == ""
    (tmp_path / private).rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / private).symlink_to(tmp_path / "elsewhere")
    assert compiling._private_folder() == ""
