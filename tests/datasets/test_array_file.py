"""Images in a .npy or .npz file: splits, ranges, layouts, sizes."""

import numpy as np
import pytest

from vicinal import datasets
from vicinal._errors import InvalidInputError
from vicinal.datasets.image_folder import split_by_hash

LEVELS = np.random.default_rng(0).integers(0, 256, (50, 3, 6, 8), dtype=np.uint8)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x, None),
        (lambda x: x / 255.0, None),
        (lambda x: x.transpose(0, 2, 3, 1), None),
        (lambda x: x / 127.5 - 1, r"a.npz: images: floats in \[-1, 1\] are read as \[0, 1\]"),
        (lambda x: x * np.uint16(257), "levels of 16 bits"),
    ],
)
def test_every_range_and_layout(tmp_path, change, said):
    np.savez(tmp_path / "a.npz", images=change(LEVELS), labels=np.arange(50))
    np.save(tmp_path / "a.npy", change(LEVELS))
    for split in datasets.SPLITS:
        rows = [row for row in range(50) if split_by_hash(str(row)) == split]
        for name in ("a.npz", "a.npy"):
            if said is None:
                found = datasets.load("folder", data_dir=tmp_path / name, split=split)
            else:
                with pytest.warns(UserWarning, match=said.replace("a.npz", name)):
                    found = datasets.load("folder", data_dir=tmp_path / name, split=split)
            assert np.array_equal(found.images, LEVELS[rows])
            assert found.labels.tolist() == [0] * len(rows)


def test_one_size(tmp_path):
    np.save(tmp_path / "a.npy", np.broadcast_to(np.arange(50, dtype=np.uint8)[:, None, None], (50, 6, 8)))
    images, _ = datasets.load("folder", data_dir=tmp_path / "a.npy", image_size=4)
    assert images.shape == (len(images), 1, 4, 4)
    assert np.array_equal(images, np.broadcast_to(images[:, :, :1, :1], images.shape))


def test_what_is_no_array_of_images(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(9, 4)))
    with pytest.raises(InvalidInputError, match=r"a.npy must be floats in \[0, 1\] or integers"):
        datasets.load("folder", data_dir=tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.zeros((9, 4), np.uint8))
    with pytest.raises(InvalidInputError, match=r"a.npy must have shape \(n, H, W\)"):
        datasets.load("folder", data_dir=tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", LEVELS[:1])
    with pytest.raises(InvalidInputError, match=r"of the 1 in .*a.npy none is for test: use another split"):
        datasets.load("folder", data_dir=tmp_path / "a.npy", split="test")
    with pytest.raises(FileNotFoundError, match=r"b.npy"):
        datasets.load("folder", data_dir=tmp_path / "b.npy")
