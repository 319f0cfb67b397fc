"""Small grey data sets: splits, the IDX format, and what is said of missing or damaged files."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from vicinal import datasets


def write_idx(path, array, magic=None):
    """Write an IDX file of bytes, gzipped if its name says so."""
    header = magic or bytes((0, 0, 8, array.ndim))
    data = header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    for prefix, n, suffix in (("train", 6, ""), ("t10k", 3, ".gz")):
        images = generator.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        write_idx(tmp_path / f"{prefix}-images-idx3-ubyte{suffix}", images)
        write_idx(tmp_path / f"{prefix}-labels-idx1-ubyte{suffix}", np.arange(n, dtype=np.uint8))
    return tmp_path


def test_digits():
    train, test = datasets.load("digits"), datasets.load("digits", split="test")
    assert train.images.shape == (1198, 1, 8, 8)
    assert test.images.shape == (599, 1, 8, 8)
    assert train.images.dtype == np.float32
    assert (train.images.min(), train.images.max()) == (0.0, 1.0)
    assert np.bincount(test.labels).min() > 40
    seen = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in seen for image in test.images)


@pytest.mark.parametrize(("split", "n"), [("train", 6), ("test", 3)])
def test_mnist_files_gzipped_or_not(folder, split, n):
    images, labels = datasets.load("mnist", data_dir=folder, split=split)
    assert images.shape == (n, 1, 28, 28)
    assert images.dtype == np.float32
    assert 0.9 < images.max() <= 1.0
    assert labels.tolist() == list(range(n))


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte.gz .* is not in .*name their folder"):
        datasets.load("mnist", data_dir=tmp_path)
    with pytest.raises(ValueError, match="data_dir must name the folder"):
        datasets.load("mnist")


def test_damaged_files(folder):
    path = folder / "train-images-idx3-ubyte"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match=r"is truncated: 4703 bytes for shape \(6, 28, 28\)"):
        datasets.load("mnist", data_dir=folder)
    path.write_bytes(b"\0\0\x0d\x03" + whole[4:])
    with pytest.raises(ValueError, match="is not an IDX file of 3-dimensional bytes"):
        datasets.load("mnist", data_dir=folder)
    write_idx(path, np.zeros((2, 28, 28), np.uint8))
    with pytest.raises(ValueError, match="2 train images but 6 labels"):
        datasets.load("mnist", data_dir=folder)
    packed = folder / "t10k-images-idx3-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(ValueError, match="is not a whole gzip file"):
        datasets.load("mnist", data_dir=folder, split="test")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_files_in_a_sub_folder_come_first(tmp_path, folder, name):
    (tmp_path / name).mkdir()
    write_idx(tmp_path / name / "t10k-images-idx3-ubyte", np.full((2, 5, 4), 255, np.uint8))
    write_idx(tmp_path / name / "t10k-labels-idx1-ubyte", np.array([7, 9], np.uint8))
    images, labels = datasets.load(name, data_dir=str(tmp_path), split="test")
    assert images.shape == (2, 1, 5, 4)
    assert labels.tolist() == [7, 9]


def test_fashion_mnist_of_debian(folder, monkeypatch):
    monkeypatch.setattr(datasets.grey, "DEBIAN_FOLDER", folder)
    assert len(datasets.load("fashion-mnist").images) == 6
    monkeypatch.setattr(datasets.grey, "DEBIAN_FOLDER", folder / "absent")
    with pytest.raises(FileNotFoundError, match=r"absent, .*Zalando Research and in Debian's package dataset-fashion"):
        datasets.load("fashion-mnist")


def test_unknown_names():
    with pytest.raises(ValueError, match=r"name must be one of 'digits', 'mnist', .*; got 'cifar'"):
        datasets.load("cifar")
    with pytest.raises(ValueError, match="split must be one of 'train', 'validation', 'test'; got 'all'"):
        datasets.load("digits", split="all")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "validation"}, "split must be 'train' or 'test' for digits, which has no validation part; got 'val"),
        ({"image_size": 64}, "image_size must be None for digits, which has one size; got 64"),
        ({"region": "eye"}, "region must be None for digits: only mobius has masks; got 'eye'"),
    ],
)
def test_options_that_digits_do_not_have(options, message):
    with pytest.raises(ValueError, match=message):
        datasets.load("digits", **options)


def test_real_mnist(mnist_dir):
    images, labels = datasets.load("mnist", data_dir=mnist_dir, split="test")
    assert images.shape == (10_000, 1, 28, 28)
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    pixels = np.rint(images * 255).astype(np.uint8).tobytes()
    header = bytes((0, 0, 8, 3)) + struct.pack(">3I", 10_000, 28, 28)
    digest = hashlib.md5(header + pixels, usedforsecurity=False).hexdigest()
    assert digest == "2646ac647ad5339dbf082846283269ea"
