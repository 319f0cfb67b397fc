"""Folders and archives of images: labels, splits, sizes, channels, and what is said of files that cannot be used."""

import os
import shutil
import zipfile

import numpy as np
import pytest

from vicinal import datasets, images
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.datasets import image_folder
from vicinal.datasets.image_folder import split_by_hash
from vicinal.image_files import Files

Image = pytest.importorskip("PIL.Image")
N = 60


@pytest.fixture
def eyes(tmp_path):
    """Return a folder of two classes in which images of one stem have one level."""
    for name in ("open", "closed"):
        (tmp_path / "eyes" / name).mkdir(parents=True)
        for i in range(N):
            Image.new("RGB", (6, 5), (i, 2 * i, 200 if name == "open" else 100)).save(
                tmp_path / "eyes" / name / f"{i}.png"
            )
    return tmp_path / "eyes"


def zipped(path, top=""):
    """Return a zip archive of a folder."""
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for image in sorted(path.rglob("*.*")):
            file.write(image, top + image.relative_to(path).as_posix())
    return archive


def test_splits_and_labels(eyes):
    seen = []
    for split in datasets.SPLITS:
        images, labels = datasets.load("folder", data_dir=eyes, split=split)
        assert (images.dtype, images.shape) == (np.uint8, (len(labels), 3, 5, 6))
        assert labels.dtype == np.int64
        stems = images[:, 0, 0, 0]
        assert {split_by_hash(str(i)) for i in stems} == {split}
        assert np.array_equal(labels, (images[:, 2, 0, 0] == 200).astype(int))  # closed, open
        assert sorted(stems[labels == 0]) == sorted(stems[labels == 1])
        assert np.array_equal(images[:, 1], np.broadcast_to(2 * stems[:, None, None], images[:, 1].shape))
        seen += stems.tolist()
    assert sorted(seen) == sorted([*range(N)] * 2)


def test_shares_of_splits():
    splits = [split_by_hash(str(i)) for i in range(10_000)]
    assert [splits.count(split) / 10_000 for split in datasets.SPLITS] == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


@pytest.mark.parametrize("top", ["", "eyes/", "a/b/"])
def test_archive_is_as_its_folder(eyes, top):
    for split in datasets.SPLITS:
        expected = datasets.load("folder", data_dir=eyes, split=split)
        found = datasets.load("folder", data_dir=zipped(eyes, top), split=split)
        assert np.array_equal(found.images, expected.images)
        assert np.array_equal(found.labels, expected.labels)


def test_labels_of_files_beside_folders_and_below(tmp_path):
    for name in ("1.png", "b/2.png", "b/deep/3.png", "a/4.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        Image.new("L", (4, 3)).save(tmp_path / name)
    with Files(tmp_path) as files:
        labels = {image.name: image.label for image in image_folder.list_images(files)}
    assert labels == {"1.png": 0, "a/4.png": 1, "b/2.png": 2, "b/deep/3.png": 2}


def test_one_class_is_label_0(eyes):
    shutil.rmtree(eyes / "open")
    assert not datasets.load("folder", data_dir=eyes).labels.any()


def test_central_square_is_resized_in_float_and_rounded_once(tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    Image.fromarray(levels).save(tmp_path / "0.png")  # 0 is for training
    expected = np.rint(255 * images.resize(levels[None, :, 5:25], 8)[0])
    found = datasets.load("folder", data_dir=tmp_path, image_size=8).images
    assert np.array_equal(found[0], expected.transpose(2, 0, 1))


@pytest.mark.parametrize("cache_dir", [None, False])
@pytest.mark.parametrize("colour_at", [None, 0, 5, N - 1])
def test_grey_files_have_one_channel_unless_one_is_in_colour(tmp_path, colour_at, cache_dir):
    for i in range(N):
        colour = (i, 0, 0) if i == colour_at else (i,) * 3
        Image.new("RGB" if i == colour_at else "L", (4, 3), colour if i == colour_at else i).save(
            tmp_path / f"{i:02}.png"
        )
    found = np.concatenate(
        [datasets.load("folder", data_dir=tmp_path, split=s, cache_dir=cache_dir).images for s in datasets.SPLITS]
    )
    found = found[np.argsort(found[:, 0, 0, 0])]
    expected = np.broadcast_to(np.arange(N)[:, None, None, None], (N, 1 if colour_at is None else 3, 3, 4)).copy()
    if colour_at is not None:
        expected[colour_at, 1:] = 0
    assert np.array_equal(found, expected)


def test_unreadable_files_are_left_out_with_their_labels(eyes):
    first = {split: next(i for i in range(N) if split_by_hash(str(i)) == split) for split in datasets.SPLITS}
    (eyes / "open" / f"{first['test']}.png").write_bytes(b"")
    (eyes / "closed" / f"{first['train']}.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0")
    for _ in range(2):  # the second time from the cache
        with pytest.warns(
            UserWarning, match=r"2 of 120 images cannot be read and are left out: closed/0.png, "
        ) as all_:
            images, labels = datasets.load("folder", data_dir=eyes, split="test")
        assert all_[0].filename == __file__
        assert np.array_equal(labels, (images[:, 2, 0, 0] == 200).astype(int))
        assert (images[labels == 0, 0, 0, 0] == first["test"]).any()
        assert not (images[labels == 1, 0, 0, 0] == first["test"]).any()


def test_decompression_bombs_are_unreadable(eyes, monkeypatch):
    Image.new("1", (400, 400)).save(eyes / "open" / "1.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400 * 200 - 1)
    with pytest.warns(UserWarning, match=r"1 of 120 .*: open/1.png \(.*decompression bomb"):
        datasets.load("folder", data_dir=eyes)


def test_archives_that_cannot_be_read(eyes, monkeypatch):
    archive = zipped(eyes)
    whole = archive.read_bytes()
    at = whole.index(b"closed/7.png") + 40
    archive.write_bytes(whole[:at] + bytes(9) + whole[at + 9 :])
    with pytest.warns(UserWarning, match=r"1 of 120 .*: closed/7.png \("):
        datasets.load("folder", data_dir=archive)
    monkeypatch.setattr("vicinal.image_files.listing._MOST_BYTES", 10)
    with pytest.raises(FileFormatError, match=r"no image that can be read, of 120; .* bytes are more than the 10"):
        datasets.load("folder", data_dir=archive, image_size=3)
    archive.write_bytes(whole[:99])
    with pytest.raises(FileFormatError, match=r"eyes.zip is not a whole archive \(.*\): get it again"):
        datasets.load("folder", data_dir=archive)


def test_archives_are_not_extracted(tmp_path, eyes):
    with zipfile.ZipFile(tmp_path / "outside.zip", "w") as archive:
        archive.write(eyes / "open" / "0.png", "../../0.png")
    before = sorted(tmp_path.parent.rglob("*"))
    assert len(datasets.load("folder", data_dir=tmp_path / "outside.zip", cache_dir=False).images) == 1
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_hidden_files_are_passed_over(tmp_path):
    for name in ("0.png", "._0.png", ".trash/0.png", "__MACOSX/0.png", "notes.txt"):
        (tmp_path / "a" / name).parent.mkdir(exist_ok=True, parents=True)
        Image.new("L", (4, 3)).save(tmp_path / "a" / name, "PNG")
    for path in (tmp_path / "a", zipped(tmp_path / "a")):
        for _ in range(2):  # the second time from the cache
            with pytest.warns(UserWarning, match=r"4 other files are left out \(1 .txt, 3 hidden\)"):
                assert len(datasets.load("folder", data_dir=path).images) == 1


def test_sizes_must_be_equal_or_made_so(eyes):
    Image.new("RGB", (9, 9)).save(eyes / "open" / "0.png")
    with pytest.raises(InvalidInputError, match=r"got 6 x 5 in .* but 9 x 9 in open/0.png .*: pass image_size=64"):
        datasets.load("folder", data_dir=eyes)
    assert datasets.load("folder", data_dir=eyes, image_size=4).images.shape[1:] == (3, 4, 4)


@pytest.mark.parametrize("image_size", [0, -1, 5000, 2.5, "64"])
def test_impossible_sizes(eyes, image_size):
    with pytest.raises((ValueError, TypeError), match=r"image_size must be an integer from 1 to 4096; got"):
        datasets.load("folder", data_dir=eyes, image_size=image_size)


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a folder of images, or a zip or tar .*absent is not there"):
        datasets.load("folder", data_dir=tmp_path / "absent")
    with pytest.raises(InvalidInputError, match=r"must hold images \(.png, .*\); got none"):
        datasets.load("folder", data_dir=tmp_path)
    with pytest.raises(InvalidInputError, match=r"data_dir must name the folder, or the zip, that holds .*; got None"):
        datasets.load("folder")


def test_splits_without_images(tmp_path):
    Image.new("L", (4, 3)).save(tmp_path / "0.png")
    with pytest.raises(InvalidInputError, match=r"of the 1 in .* none is for test: add images"):
        datasets.load("folder", data_dir=tmp_path, split="test")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="this system has no symbolic links")
def test_dangling_links_are_passed_over(tmp_path):
    Image.new("L", (4, 3)).save(tmp_path / "0.png")
    (tmp_path / "1.png").symlink_to(tmp_path / "absent.png")
    assert len(datasets.load("folder", data_dir=tmp_path).images) == 1


def test_real_eyes(data_dir):
    path = data_dir / "ocular_rgb64_2743.zip"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    sizes = {}
    for split in datasets.SPLITS:
        images, labels = datasets.load("folder", data_dir=path, split=split)
        assert images.shape == (len(labels), 3, 64, 64)
        sizes[split] = len(labels)
        counts = np.bincount(labels)
        assert counts[2] == counts[3]  # eyes closed and open, of the same stems
    assert sizes == {"train": 2182, "validation": 289, "test": 272}
