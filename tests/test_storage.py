"""Files: what goes in comes out, and whatever is wrong with a file is said."""

import json
import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import vicinal
from vicinal import storage
from vicinal._errors import FileFormatError
from vicinal.samplers import PMFSampler

ARRAYS = {"a": np.arange(6, dtype=np.uint16).reshape(2, 3)[:, ::-1], "b": np.zeros((0, 2)), "c": np.array([True])}
HEADER = {"number": 0.1, "text": "é", "nothing": None}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "thing.safetensors"
    storage.write(path, "Thing", HEADER, ARRAYS)
    return path


def metadata_of(path):
    """Return the metadata as a dict."""
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        return json.loads(file.metadata()["vicinal"])


def rewrite(path, **changes):
    """Write the file again with other metadata."""
    save_file(load_file(path), path, metadata={"vicinal": json.dumps({**metadata_of(path), **changes})})


def test_round_trip(path):
    artifact = storage.read(path)
    assert (artifact.kind, artifact.header, artifact.written_by) == ("Thing", HEADER, vicinal.__version__)
    assert artifact.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert np.array_equal(artifact.arrays[name], array)
        assert artifact.arrays[name].dtype == array.dtype


def test_the_same_thing_gives_the_same_bytes(path, tmp_path):
    storage.write(tmp_path / "again", "Thing", HEADER, ARRAYS)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_mode_follows_the_umask(path):
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    before = path.read_bytes()

    def fail(_descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        storage.write(path, "Thing", {}, {})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("size", [0, 5, 100, -1])
def test_truncated(path, size):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(FileFormatError, match="is not a vicinal file, or is truncated"):
        storage.read(path)


def test_any_changed_byte_is_noticed(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=r"the checksum of . does not match"):
        storage.read(path)


def test_changed_settings_are_noticed(path):
    rewrite(path, header={**HEADER, "number": 0.2})
    with pytest.raises(FileFormatError, match="checksum does not match"):
        storage.read(path)


def test_other_files(tmp_path):
    other = tmp_path / "other.safetensors"
    save_file({"x": np.zeros(2)}, other)
    with pytest.raises(FileFormatError, match="not one that vicinal wrote"):
        storage.read(other)
    other.write_text("hello, this is a text file and no safetensors file at all")
    with pytest.raises(FileFormatError, match="is not a vicinal file"):
        storage.read(other)
    with pytest.raises(FileNotFoundError, match="is not a file"):
        storage.read(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="is not a file"):
        storage.read(tmp_path)


def test_newer_versions(path):
    rewrite(path, format_version=99, vicinal="9.9")
    with pytest.raises(FileFormatError, match=r"format 99, written by vicinal 9[.]9.*pip install -U vicinal"):
        storage.read(path)


@pytest.mark.parametrize("damaged", ["not json", "[]", "{}", '{"format_version": 1}', '{"format_version": "x"}'])
def test_damaged_metadata(path, damaged):
    save_file(load_file(path), path, metadata={"vicinal": damaged})
    with pytest.raises(FileFormatError, match="is damaged"):
        storage.read(path)


def test_unknown_kinds(path):
    with pytest.raises(FileFormatError, match=r"holds a Thing, written by vicinal .*pip install -U vicinal"):
        vicinal.load(path)


def test_no_pickle_inside(tmp_path, latents):
    PMFSampler(4, random_state=0).fit(latents).save(tmp_path / "s")
    header = metadata_of(tmp_path / "s")
    assert header["header"]["params"]["n_bins"] == 4
    assert header["header"]["event_shape"] == [5]
    assert set(load_file(tmp_path / "s")) == {
        "lower_", "upper_", "bin_width_", "codes", "counts_.places", "counts_.values",
    }  # fmt: skip


def put(folder, text):
    """Replace a folder by one with one file."""
    with storage.replacing_folder(folder) as new:
        new.mkdir()
        (new / "text").write_text(text)


def test_folders_are_replaced_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "folder"
    put(folder, "first")
    put(folder, "second")
    with pytest.raises(KeyboardInterrupt), storage.replacing_folder(folder) as new:
        new.mkdir()
        raise KeyboardInterrupt
    with pytest.raises(FileNotFoundError), storage.replacing_folder(folder):
        pass  # nothing was made, so that nothing can get the name
    assert (folder / "text").read_text() == "second"
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked there")
def test_what_a_killed_process_leaves_is_removed_unless_it_is_the_only_copy(tmp_path):
    killed = (
        "import os, sys\n"
        "from vicinal import storage\n"
        "with storage.replacing_folder(sys.argv[1]) as new:\n"
        "    new.mkdir()\n"
        "    if sys.argv[2:]:\n"
        "        os.rename(sys.argv[1], new.parent / 'old')\n"
        "    os._exit(9)\n"
    )
    command = [sys.executable, "-c", killed, str(tmp_path / "folder")]
    subprocess.run(command, check=False)  # noqa: S603
    put(tmp_path / "folder", "precious")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
    subprocess.run([*command, "between the steps"], check=False)  # noqa: S603
    storage._sweep.cache_clear()
    storage.write_atomic(tmp_path / "other", b"")
    (remnant,) = set(tmp_path.iterdir()) - {tmp_path / "other"}
    assert (remnant / "old" / "text").read_text() == "precious"
