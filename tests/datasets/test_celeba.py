"""CelebA: where its files may be, the crop of the literature, and its splits."""

import zipfile

import numpy as np
import pytest

from vicinal import datasets, images
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.datasets import celeba

Image = pytest.importorskip("PIL.Image")
N = 20


def write_faces(folder, n=N, size=(178, 218)):
    """Write images 1 to n, whose level is ten times their number."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(1, n + 1):
        Image.new("RGB", size, (10 * i,) * 3).save(folder / f"{i:06}.jpg")


def numbers_of(images):
    """Return what `write_faces` called them."""
    return np.rint(images[:, 0, 0, 0] / 10).astype(int).tolist()


def write_archive(path, top=""):
    """Write the same as an archive."""
    write_faces(path.parent / "temporary")
    with zipfile.ZipFile(path, "w") as archive:
        for image in sorted((path.parent / "temporary").iterdir()):
            archive.write(image, top + image.name)
            image.unlink()
    (path.parent / "temporary").rmdir()


PLACES = {
    "folder": lambda path: write_faces(path / "img_align_celeba"),
    "nested folder": lambda path: write_faces(path / "img_align_celeba" / "img_align_celeba"),
    "images": write_faces,
    "archive": lambda path: write_archive(path / "img_align_celeba.zip", "img_align_celeba/"),
    "sub-folder": lambda path: write_faces(path / "celeba" / "img_align_celeba"),
    "as published": lambda path: write_faces(path / "Img" / "img_align_celeba"),
    "other archive": lambda path: write_archive(path / "faces.zip"),
    "other folder": lambda path: write_faces(path / "faces"),
}


@pytest.mark.parametrize("place", PLACES)
def test_places(tmp_path, place):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "notes.zip").write_text("no archive")
    with zipfile.ZipFile(tmp_path / "eyes.zip", "w") as archive:
        archive.writestr("1.jpg", b"")
    PLACES[place](tmp_path)
    numbers = {}
    for split in datasets.SPLITS:
        images, labels = datasets.load("celeba", data_dir=tmp_path, split=split)
        assert (images.dtype, images.shape[1:]) == (np.uint8, (3, 64, 64))
        assert labels.tolist() == [0] * len(images)
        numbers[split] = numbers_of(images)
    assert numbers == {"train": [*range(1, 17)], "validation": [17, 18], "test": [19, 20]}


def test_path_of_the_archive_itself(tmp_path):
    write_archive(tmp_path / "faces.zip")
    assert datasets.load("celeba", data_dir=str(tmp_path / "faces.zip"), image_size=8).images.shape == (16, 3, 8, 8)


@pytest.mark.parametrize("place", [".", "Eval", "img_align_celeba"])
def test_partition_file(tmp_path, place):
    write_faces(tmp_path / "img_align_celeba", 6)
    (tmp_path / place).mkdir(exist_ok=True)
    lines = [f"{i:06}.jpg {split}" for i, split in enumerate([2, 0, 1, 1, 0, 2, 2], start=1)]  # one more than is there
    (tmp_path / place / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
    numbers = [numbers_of(datasets.load("celeba", data_dir=tmp_path, split=s).images) for s in datasets.SPLITS]
    assert numbers == [[2, 5], [3, 4], [1, 6]]


def test_damaged_partition_files(tmp_path):
    write_faces(tmp_path, 6)
    (tmp_path / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    with pytest.raises(FileFormatError, match=r"partition.txt does not say in which split 000002.jpg is"):
        datasets.load("celeba", data_dir=tmp_path)
    (tmp_path / "list_eval_partition.txt").write_text("000001.jpg,0\n")
    with pytest.raises(FileFormatError, match=r"must have lines such as 000001.jpg 0; got '000001.jpg,0'"):
        datasets.load("celeba", data_dir=tmp_path)


def test_the_complete_set_has_its_standard_splits(tmp_path):
    class All:
        path = tmp_path
        stamps = {f"{i:06}.jpg": "" for i in range(1, 202_600)}  # noqa: RUF012

    splits = [image.split for image in celeba.list_images(All(), tmp_path)]
    assert [splits.count(split) for split in datasets.SPLITS] == [162_770, 19_867, 19_962]
    assert splits == sorted(splits, key=datasets.SPLITS.index)


def test_crop_is_that_of_the_literature(tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    Image.fromarray(levels).save(tmp_path / "000001.jpg", quality=95)
    image = Image.open(tmp_path / "000001.jpg")
    crop = np.asarray(image.crop((19, 39, 159, 179))).transpose(2, 0, 1)
    expected = np.rint(255 * images.resize(crop[None], 64)[0])
    found = datasets.load("celeba", data_dir=tmp_path).images
    assert np.array_equal(found[0], expected)


def test_half_size_pictures_show_the_same(tmp_path):
    row, column = np.mgrid[:218, :178]
    smooth = np.stack([row, column, 128 + 60 * np.sin(row / 20)], axis=-1).astype(np.uint8)
    for name, image in (("whole", Image.fromarray(smooth)), ("half", Image.fromarray(smooth).resize((89, 109)))):
        (tmp_path / name).mkdir()
        image.save(tmp_path / name / "000001.jpg", quality=100, subsampling=0)
    whole, half = (datasets.load("celeba", data_dir=tmp_path / name).images.astype(int) for name in ("whole", "half"))
    assert np.abs(whole - half).mean() < 1.0  # half a pixel off would be 1.1 in red and green


def test_nothing_there(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r"img_align_celeba.zip are not in .*Multimedia Laboratory of the Chinese University of Hong Kong",
    ):
        datasets.load("celeba", data_dir=tmp_path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("1.png", b"")
    with pytest.raises(FileNotFoundError, match=r"a.zip has no file such as 000001.jpg; CelebA is published by"):
        datasets.load("celeba", data_dir=tmp_path / "a.zip")


def test_several_there(tmp_path):
    write_faces(tmp_path / "a", 1)
    write_archive(tmp_path / "b.zip")
    with pytest.raises(InvalidInputError, match=r"has a, b.zip: pass the path of the one to use"):
        datasets.load("celeba", data_dir=tmp_path)


@pytest.mark.slow("it decodes 10,000 faces")
def test_real_faces(data_dir):
    if not (data_dir / "celeba_aligned_half_10000.zip").is_file():
        pytest.skip(f"celeba_aligned_half_10000.zip is not in {data_dir}")
    parts = {split: datasets.load("celeba", data_dir=data_dir, split=split).images for split in datasets.SPLITS}
    assert {split: images.shape for split, images in parts.items()} == {
        "train": (8000, 3, 64, 64),
        "validation": (1000, 3, 64, 64),
        "test": (1000, 3, 64, 64),
    }
    red, green, blue = parts["test"].mean(axis=(0, 2, 3))  # skin is warm
    assert 160 > red > green > blue > 80
