"""The cache: what is found again, what is not, and that nothing half done stays behind."""

import json
import os
import shutil
import sys
import zipfile

import numpy as np
import pytest

from vicinal import datasets
from vicinal._errors import MissingExtraError
from vicinal.datasets import image_folder

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path):
    """Return a folder of images, all for training: 0, 1, 3 and 4 are, by their hashes."""
    (tmp_path / "folder").mkdir()
    for i in (0, 1, 3, 4):
        Image.new("L", (6, 5), 10 * i).save(tmp_path / "folder" / f"{i}.png")
    return tmp_path / "folder"


@pytest.fixture
def decodings(monkeypatch):
    """Return a list that gets one entry whenever images are decoded."""
    calls, decoded = [], image_folder.decoded
    monkeypatch.setattr(image_folder, "decoded", lambda *arguments: calls.append(1) or decoded(*arguments))
    return calls


def test_second_call_maps_what_the_first_decoded(folder, decodings, cache_folder):
    first = datasets.load("folder", data_dir=folder).images
    second = datasets.load("folder", data_dir=folder).images
    assert len(decodings) == 1
    assert np.array_equal(first, second)
    for images in (first, second):
        assert isinstance(images, np.memmap)
        assert not images.flags.writeable
        assert images[:, 0, 0, 0].tolist() == [0, 10, 30, 40]
    assert sorted(path.suffix for path in cache_folder.iterdir()) == [".json", ".npy"]
    assert np.array_equal(np.load(next(cache_folder.glob("folder-*.npy"))), first)


def test_all_splits_are_in_one_file(folder, decodings, cache_folder):
    Image.new("L", (6, 5), 20).save(folder / "2.png")  # for validation
    assert len(datasets.load("folder", data_dir=folder).images) == 4
    assert datasets.load("folder", data_dir=folder, split="validation").images[:, 0, 0, 0].tolist() == [20]
    assert len(decodings) == len(list(cache_folder.glob("*.npy"))) == 1


def test_what_changes_the_levels_is_decoded_anew(folder, decodings):
    datasets.load("folder", data_dir=folder)
    datasets.load("folder", data_dir=folder, image_size=4)
    assert len(decodings) == 2
    Image.new("L", (6, 5), 50).save(folder / "0.png")
    os.utime(folder / "0.png", ns=(10**18, 10**18))
    assert datasets.load("folder", data_dir=folder).images[0, 0, 0, 0] == 50
    assert len(decodings) == 3
    (folder / "1.png").rename(folder / "0-1.png")
    datasets.load("folder", data_dir=folder)
    assert len(decodings) == 4


def test_changed_archives_are_decoded_anew(folder, decodings):
    for level in (1, 2, 2):
        with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
            Image.new("L", (6, 5), level).save(folder / "0.png")
            archive.write(folder / "0.png", "0.png")
        images, _ = datasets.load("folder", data_dir=folder.with_suffix(".zip"))
        assert images[0, 0, 0, 0] == level
    assert len(decodings) == 2  # written again, the archive holds the same


def test_where_files_are_does_not_matter(folder, decodings):
    datasets.load("folder", data_dir=folder)
    folder.rename(folder.with_name("moved"))
    datasets.load("folder", data_dir=folder.with_name("moved"))
    assert len(decodings) == 1


@pytest.mark.parametrize("damage", ["levels", "one level", "notes", "no notes", "wrong notes", "other array"])
def test_damaged_caches_are_written_anew(folder, decodings, cache_folder, damage):
    first = np.array(datasets.load("folder", data_dir=folder).images)
    path = next(cache_folder.glob("*.npy"))
    if damage == "levels":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "one level":
        path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    elif damage == "notes":
        path.with_suffix(".json").write_text("{")
    elif damage == "no notes":
        path.with_suffix(".json").unlink()
    elif damage == "wrong notes":
        path.with_suffix(".json").write_text(json.dumps({"unreadable": {"0.png": "?"}}))
    else:
        np.save(path, first.astype(float))
    assert np.array_equal(datasets.load("folder", data_dir=folder).images, first)
    assert len(decodings) == 2


def test_cache_needs_no_pillow(folder, monkeypatch):
    datasets.load("folder", data_dir=folder)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert len(datasets.load("folder", data_dir=folder).images) == 4
    with pytest.raises(MissingExtraError, match=r'run: pip install "vicinal\[images\]"'):
        datasets.load("folder", data_dir=folder, image_size=4)


def test_folder_of_the_cache(folder, tmp_path, monkeypatch, cache_folder):
    datasets.load("folder", data_dir=folder, cache_dir=tmp_path / "a" / "b")
    assert len(list((tmp_path / "a" / "b").glob("*.npy"))) == 1
    assert not cache_folder.exists()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert image_folder.folder_of(None) == tmp_path / ".cache" / "vicinal"
    assert image_folder.folder_of("~/c") == tmp_path / "c"


def test_without_cache(folder, cache_folder):
    images, _ = datasets.load("folder", data_dir=folder, cache_dir=False)
    assert images[:, 0, 0, 0].tolist() == [0, 10, 30, 40]
    assert not cache_folder.exists()


def test_folders_that_cannot_be_written_to(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cache_dir must be a folder that can be written to; .*or pass cache_dir=False"):
        datasets.load("folder", data_dir=folder, cache_dir=tmp_path / "file")


def test_nothing_half_done_stays_behind(folder, cache_folder, monkeypatch):
    def interrupted(*_arguments):
        yield from list(decoded(*_arguments))[:2]
        raise KeyboardInterrupt

    decoded = image_folder.decoded
    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(image_folder, "decoded", interrupted)
        datasets.load("folder", data_dir=folder)
    assert list(cache_folder.iterdir()) == []
    assert len(datasets.load("folder", data_dir=folder).images) == 4


def test_images_stay_when_the_cache_is_deleted(folder, cache_folder):
    images, _ = datasets.load("folder", data_dir=folder)
    if os.name == "posix":  # elsewhere, files in use cannot be deleted
        shutil.rmtree(cache_folder)
    assert images[:, 0, 0, 0].tolist() == [0, 10, 30, 40]


def test_floats(folder):
    data = datasets.load("folder", data_dir=folder)
    floats = data.floats()
    assert (floats.dtype, floats.shape) == (np.float32, (4, 1, 5, 6))
    assert np.array_equal(floats, data.images.astype(np.float32) / np.float32(255))
    assert np.array_equal(data.floats([3, 1]), floats[[3, 1]])
    digits = datasets.load("digits")
    assert digits.floats() is not None
    assert np.array_equal(digits.floats(slice(3)), digits.images[:3])
