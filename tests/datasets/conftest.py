"""A cache of its own for every test, and the folder of real files."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory, monkeypatch):
    """Return the folder that the cache is in, which is empty."""
    home = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    return home / "vicinal"


@pytest.fixture
def data_dir():
    """Return the folder of real files, or skip."""
    root = os.environ.get("VICINAL_DATA_DIR")
    if root is None:
        pytest.skip("VICINAL_DATA_DIR is not set: it names a folder with real data, such as CelebA")
    return Path(root)
