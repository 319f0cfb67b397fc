"""Which files of folders, zips and tars are images: hidden ones, links, kinds, and what is said of the rest."""

import os
import tarfile
import warnings
import zipfile

import numpy as np
import pytest

from vicinal import datasets, image_files
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.image_files import Files

Image = pytest.importorskip("PIL.Image")

PICTURE = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)


def write(path, level=0, kind=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (5, 6), level).save(path, kind)


def read_and_said(path):
    """Return what is read, and what is said, which is one line or none."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = image_files.read(path)
    assert len(caught) <= 1
    said = str(caught[0].message) if caught else ""
    assert "\n" not in said
    return found, said


def zipped(folder, path, separator="/"):
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            if file.is_file():
                entry = zipfile.ZipInfo("x")
                entry.filename = str(file.relative_to(folder.parent)).replace("/", separator)
                archive.writestr(entry, file.read_bytes())
    return path


def tarred(folder, path, mode):
    with tarfile.open(path, mode) as archive:
        archive.add(folder, ".")
    return path


PACKED = {
    "folder": lambda folder: folder,
    "zip": lambda folder: zipped(folder, folder.with_name("a.zip")),
    "zip with backslashes": lambda folder: zipped(folder, folder.with_name("a.zip"), "\\"),
    "zip by another name": lambda folder: zipped(folder, folder.with_name("images")),
    "tar": lambda folder: tarred(folder, folder.with_name("a.tar"), "w"),
    "tar.gz": lambda folder: tarred(folder, folder.with_name("a.tar.gz"), "w:gz"),
    "tgz": lambda folder: tarred(folder, folder.with_name("a.tgz"), "w:gz"),
    "tar.bz2": lambda folder: tarred(folder, folder.with_name("a.tar.bz2"), "w:bz2"),
    "tar.xz": lambda folder: tarred(folder, folder.with_name("a.tar.xz"), "w:xz"),
}


@pytest.mark.parametrize("packed", PACKED)
def test_one_reader_for_folders_and_archives(tmp_path, packed):
    names = [f"{folder}/{level}.png" for folder in ("b", "a", "a/deep") for level in (7, 1)]
    for level, name in enumerate(names):
        write(tmp_path / "a" / name, 100 + level)
    for name in ("._b.png", ".ipynb_checkpoints/c.png", "__MACOSX/d.jpg", "a/.thumbs/deep/e.gif"):
        write(tmp_path / "a" / name, 9, "PNG")
    for name in ("notes.txt", "a/more.TXT", "layers.psd", "LICENCE", ".DS_Store"):
        (tmp_path / "a" / name).write_text("no image")
    path = PACKED[packed](tmp_path / "a")
    found, said = read_and_said(path)
    assert [names[level - 100] for level in found[:, 0, 0, 0]] == sorted(names)
    assert "8 other files are left out (1 .psd, 2 .txt, 4 hidden, 1 without suffix)" in said
    with pytest.warns(UserWarning, match="other files are left out"):
        images, labels = datasets.load("folder", data_dir=path, cache_dir=False)
    assert {100 + names.index(f"{'ab'[label]}/7.png") for label in labels} <= set(found[:, 0, 0, 0].tolist())
    assert set(images[:, 0, 0, 0].tolist()) <= set(found[:, 0, 0, 0].tolist())


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="this system has no symbolic links")
@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ({}, [1, 2]),
        ({"in/loop": "in"}, [1, 2]),
        ({"in/sub/up": "in"}, [1, 2]),
        ({"in/top": "."}, [1, 2]),  # holds the folder itself
        ({"in/a_sub": "in/sub"}, [1, 2]),  # is there already
        ({"in/other": "out"}, [1, 2, 3, 4]),
        ({"in/one": "out", "in/two": "out"}, [1, 2, 3, 4]),
        ({"in/deep": "out/deep", "in/other": "out"}, [1, 2, 3, 4]),
        ({"in/other": "out", "out/back": "in", "out/deep/self": "out"}, [1, 2, 3, 4]),
        ({"in/.other": "out"}, [1, 2]),
        ({"in/9.png": "out/3.png"}, [1, 2, 3]),
        ({"in/dangling": "absent", "in/dangling.png": "absent.png"}, [1, 2]),
    ],
)
def test_linked_folders_are_followed_once(tmp_path, links, expected):
    for name, level in {"in/1.png": 1, "in/sub/2.png": 2, "out/3.png": 3, "out/deep/4.png": 4}.items():
        write(tmp_path / name, level)
    for name, target in links.items():
        (tmp_path / name).symlink_to(tmp_path / target)
    assert sorted(image_files.read(tmp_path / "in")[:, 0, 0, 0]) == expected
    (tmp_path / "link").symlink_to(tmp_path / "in")
    assert sorted(image_files.read(tmp_path / "link")[:, 0, 0, 0]) == expected


def test_a_hidden_folder_may_be_asked_for(tmp_path):
    write(tmp_path / ".cache" / "1.png", 1)
    assert len(image_files.read(tmp_path / ".cache")) == 1


@pytest.mark.parametrize("name", ["a.jfif", "a.jpe", "a.JPG"])
def test_jpeg_by_any_name(tmp_path, name):
    Image.fromarray(PICTURE).save(tmp_path / name, "JPEG")
    expected = np.asarray(Image.open(tmp_path / name)).transpose(2, 0, 1)
    found, said = read_and_said(tmp_path)
    assert np.array_equal(found, [expected])
    assert not said


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng", ".tif"])
def test_of_several_frames_the_first_is_taken_and_said(tmp_path, suffix):
    frames = [Image.new("L", (5, 6), level) for level in (10, 200, 90)]
    options = {"lossless": True} if suffix == ".webp" else {}
    kind = {"format": "PNG"} if suffix == ".apng" else {}
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:], **options, **kind)
    frames[0].save(tmp_path / f"b{suffix}", **options, **kind)
    found, said = read_and_said(tmp_path)
    assert found[:, 0].max() == found[:, 0].min() == 10
    assert f"of 1 {suffix} with several frames the first is taken" in said


def test_formats_that_pillow_lacks_are_named(tmp_path, monkeypatch):
    write(tmp_path / "a.png")
    (tmp_path / "b.avif").write_bytes(b"....ftypavif")
    monkeypatch.setattr("PIL.features.check", lambda codec: codec != "avif")
    found, said = read_and_said(tmp_path)
    assert len(found) == 1
    assert "1 .avif (this Pillow cannot read it)" in said


@pytest.mark.skipif(not image_files.listing.import_extra("PIL.features", "images").check("avif"), reason="no AVIF")
def test_avif(tmp_path):
    Image.new("RGB", (16, 16), (200, 100, 50)).save(tmp_path / "a.avif", quality=100)
    assert np.abs(image_files.read(tmp_path)[0, :, 8, 8].astype(int) - [200, 100, 50]).max() < 4


@pytest.mark.parametrize(
    ("bits", "said"), [(10, "levels of 10 bits"), (12, "levels of 12 bits"), (14, "levels of 14 bits"), (16, "")]
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_the_bits_of_all_16_bit_files_together(tmp_path, bits, said, suffix):
    white = (1 << bits) - 1
    levels = [0, white // 64, white // 2, white]  # the first alone would be black, the second of fewer bits
    for i, level in enumerate(levels):
        Image.fromarray(np.full((6, 5), level, np.uint16)).save(tmp_path / f"{i}{suffix}")
    Image.new("L", (5, 6), 77).save(tmp_path / f"8{suffix}")
    found, remark = read_and_said(tmp_path)
    assert found[:, 0, 0, 0].tolist() == [*np.rint(np.array(levels) / white * 255), 77]
    assert said in remark
    assert bool(said) == bool(remark)


@pytest.mark.parametrize(
    ("black", "white", "said"), [(0.0, 1.0, ""), (-1.0, 1.0, "floats in [-1, 1]"), (0.0, 255.0, "floats in 0..255")]
)
def test_the_range_of_all_float_files_together(tmp_path, black, white, said):
    shares = np.array([0.5, 0.0, 1.0, 0.75], np.float32)
    for i, share in enumerate(shares):
        Image.fromarray(np.full((6, 5), black + share * (white - black), np.float32)).save(tmp_path / f"{i}.tif")
    Image.new("RGB", (5, 6), (1, 2, 3)).save(tmp_path / "9.png")
    found, remark = read_and_said(tmp_path)
    assert found[:4, 2, 0, 0].tolist() == np.rint(shares * 255).tolist()
    assert found[4, :, 0, 0].tolist() == [1, 2, 3]
    assert said in remark
    assert bool(said) == bool(remark)


def test_floats_in_no_range_are_refused(tmp_path):
    Image.fromarray(np.linspace(-3, 40, 30, dtype=np.float32).reshape(6, 5)).save(tmp_path / "a.tif")
    with pytest.raises(InvalidInputError, match=r"or floats in \[0, 1\], .*; got -3 to 40 in 1 files: rescale"):
        image_files.read(tmp_path)


def png_of_16_bit_colour(values):
    """Return a PNG, which Pillow cannot write."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_colour_of_16_bits_is_read_or_refused(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (6, 5, 3))
    (tmp_path / "a.png").write_bytes(png_of_16_bit_colour(values))
    assert np.abs(image_files.read(tmp_path)[0] - values.transpose(2, 0, 1) / 257).max() <= 1
    (tmp_path / "a.png").write_bytes(png_of_16_bit_colour(values // 16))
    with pytest.raises(InvalidInputError, match=r"all of their 16 bits.*; got levels up to 1\d of 255: scale them"):
        image_files.read(tmp_path)


def test_resizing_keeps_16_bits(tmp_path):
    ramp = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint16) * 64  # up to 3968: 12 bits
    Image.fromarray(ramp).save(tmp_path / "0.png")  # 0 is for training
    with pytest.warns(UserWarning, match="levels of 12 bits"):
        found = datasets.load("folder", data_dir=tmp_path, image_size=16).images[0, 0]
    expected = ramp.reshape(16, 2, 16, 2).mean(axis=(1, 3)) / 4095 * 255
    assert np.abs(found[2:-2, 2:-2] - expected[2:-2, 2:-2]).max() <= 1


def test_large_folders_are_mapped_and_equal(tmp_path, monkeypatch):
    for i in range(5):
        write(tmp_path / f"{i}.png", i)
    expected = image_files.read(tmp_path)
    monkeypatch.setattr("vicinal.images.memory._IN_MEMORY", 10)
    monkeypatch.setattr("vicinal.image_files.gathering._BETWEEN", 2)
    found = image_files.read(tmp_path)
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("packed", ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_damaged_archives(tmp_path, packed):
    for i in range(9):
        Image.fromarray(np.roll(PICTURE, i)).save(write_folder(tmp_path) / f"{i}.png")
    path = PACKED[packed](tmp_path / "a")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FileFormatError, match=r"is not a whole archive \(.*\): get it again"):
        image_files.read(path)


def write_folder(tmp_path):
    (tmp_path / "a").mkdir(exist_ok=True)
    return tmp_path / "a"


def test_archives_without_images(tmp_path):
    write_folder(tmp_path)
    (tmp_path / "a" / "b.txt").write_text("no image")
    with pytest.raises(InvalidInputError, match=r"must hold images .*; got 1 .txt"):
        image_files.read(tarred(tmp_path / "a", tmp_path / "a.tar", "w"))
    with pytest.raises(InvalidInputError, match=r"path must be a folder of images, or a zip .*another file"):
        Files(tmp_path / "a" / "b.txt")
