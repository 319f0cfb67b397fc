"""MOBIUS: file names, splits by subject, and the crop to the eye."""

import shutil

import numpy as np
import pytest

from vicinal import datasets
from vicinal.datasets import mobius
from vicinal.datasets.image_folder import Files, split_by_hash

Image = pytest.importorskip("PIL.Image")
SUBJECTS = range(1, 31)


@pytest.fixture
def folder(tmp_path):
    """Return a folder of four images of each subject, the first of which has a mask around its green part."""
    for subject in SUBJECTS:
        for part in ("Images", "Masks"):
            (tmp_path / "MOBIUS" / part / str(subject)).mkdir(parents=True)
        for number, name in enumerate(["1i_Ll_1", "1n_Rs_1", "2p_Lu_2", "3i_Rr_1"]):
            levels = np.zeros((30, 50, 3), np.uint8)
            levels[..., 0] = subject
            levels[10:20, 15:35, 1] = 255
            path = tmp_path / "MOBIUS" / "Images" / str(subject) / f"{subject}_{name}.jpg"
            Image.fromarray(levels).save(path, "PNG")  # without losses, whatever its name
            if not number:
                mask = np.zeros((30, 50, 3), np.uint8)
                mask[10:20, 15:35] = (255, 0, 0)
                Image.fromarray(mask).save(tmp_path / "MOBIUS" / "Masks" / str(subject) / f"{subject}_{name}.png")
        Image.new("RGB", (9, 9)).save(tmp_path / "MOBIUS" / "Images" / str(subject) / "thumbnail.jpg")
    return tmp_path / "MOBIUS"


def test_no_subject_is_in_two_splits(folder):
    seen = {}
    for split in datasets.SPLITS:
        images, labels = datasets.load("mobius", data_dir=folder.parent, split=split)
        assert (images.dtype, images.shape) == (np.uint8, (len(labels), 3, 64, 64))
        assert np.array_equal(images[:, 0, 0, 0], labels)
        assert {split_by_hash(str(subject)) for subject in labels} == {split}
        seen[split] = set(labels.tolist())
    assert sorted(subject for subjects in seen.values() for subject in subjects) == [*SUBJECTS]
    assert len(datasets.load("mobius", data_dir=folder).labels) == 4 * len(seen["train"])


def test_whole_image(folder):
    images, _ = datasets.load("mobius", data_dir=folder, image_size=50)
    assert images.shape[1:] == (3, 50, 50)
    assert (images[:, 1] > 127).any(axis=1).sum() == 20 * len(images)  # columns: as before
    assert np.array_equal((images[:, 1] > 127).any(axis=2).sum(axis=1), [16] * len(images))  # rows: squeezed, 10 * 5/3


def test_eye(folder):
    images, labels = datasets.load("mobius", data_dir=folder, region="eye", image_size=30)
    assert len(np.unique(labels)) == len(labels) == len(images)  # those with a mask
    green = images[:, 1] > 127  # 20 wide and 10 high in a square of 30, in the middle
    assert np.flatnonzero(green[0].any(axis=0)).tolist() == [*range(5, 25)]
    assert np.flatnonzero(green[0].any(axis=1)).tolist() == [*range(10, 20)]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        (np.s_[10:20, 40:60], (35.0, 0.0, 65.0, 30.0)),
        (np.s_[0:4, 0:4], (0.0, 0.0, 6.0, 6.0)),
        (np.s_[56:60, 96:100], (94.0, 54.0, 100.0, 60.0)),
        (np.s_[:, :], (20.0, 0.0, 80.0, 60.0)),
        (np.s_[30:31, 50:51], (49.75, 29.75, 51.25, 31.25)),
    ],
)
def test_boxes_are_squares_within_the_image(marked, expected):
    mask = np.zeros((3, 60, 100), np.uint8)
    mask[(1, *marked)] = 200
    assert mobius.eye(100, 60, mask) == expected
    assert mobius.eye(200, 120, mask) == tuple(2 * side for side in expected)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (np.zeros((30, 50), np.uint8), "all background"),
        (np.full((50, 30), 255, np.uint8), "mask is 30 x 50, but it is"),
    ],
)
def test_masks_that_cannot_be_used(folder, mask, reason):
    Image.fromarray(mask).save(folder / "Masks" / "1" / "1_1i_Ll_1.png")
    with pytest.warns(UserWarning, match=rf"1 of 30 images .*: Images/1/1_1i_Ll_1.jpg \(its {reason}|{reason}"):
        _, labels = datasets.load("mobius", data_dir=folder, region="eye")
    assert 1 not in labels


def test_archive(folder, tmp_path):
    archive = shutil.make_archive(tmp_path / "MOBIUS", "zip", tmp_path, "MOBIUS")
    for data_dir in (archive, tmp_path / "elsewhere"):
        if data_dir != archive:
            data_dir.mkdir()
            shutil.copy(archive, data_dir)
        for region in mobius.REGIONS:
            found = datasets.load("mobius", data_dir=data_dir, region=region)
            expected = datasets.load("mobius", data_dir=folder, region=region)
            assert np.array_equal(found.images, expected.images)
            assert np.array_equal(found.labels, expected.labels)


def test_names(tmp_path):
    names = ["12_3p_Rs_10.jpg", "1_1i_Ll_1.jpg", "1_1x_Ll_1.jpg", "1_1i_Ll_1_bad.jpg", "a_1i_Ll_1.jpg", "1_1i_Cl_1.jpg"]
    (tmp_path / "Images").mkdir()
    for name in names:
        (tmp_path / "Images" / name).write_bytes(b"")
    with Files(tmp_path) as files:
        assert [(image.name, image.label) for image in mobius.list_images(files, "image")] == [
            ("Images/1_1i_Ll_1.jpg", 1),
            ("Images/12_3p_Rs_10.jpg", 12),
        ]


def test_missing_files(tmp_path, folder):
    with pytest.raises(
        FileNotFoundError, match=r"Images/ and MOBIUS.zip are not in .*University of Ljubljana, for non-"
    ):
        datasets.load("mobius", data_dir=folder / "Masks")
    (folder / "Masks").rename(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match=r"no mask such as Masks/1/1_1i_Ll_1.png, which region='eye' needs"):
        datasets.load("mobius", data_dir=folder, region="eye")
    (tmp_path / "other" / "Images").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"has no file such as Images/1/1_1i_Ll_1.jpg; MOBIUS is given on"):
        datasets.load("mobius", data_dir=tmp_path / "other")


def test_unknown_regions(folder):
    with pytest.raises(ValueError, match="region must be one of 'image', 'eye'; got 'iris'"):
        datasets.load("mobius", data_dir=folder, region="iris")
