"""Images from folders and archives: every kind of file, their order, and what is said of those that cannot be used."""

import io
import sys

import numpy as np
import pytest

from vicinal import image_files
from vicinal._errors import FileFormatError, InvalidInputError, MissingExtraError
from vicinal.image_files import gathering

Image = pytest.importorskip("PIL.Image")
GENERATOR = np.random.default_rng(0)
GREY = GENERATOR.integers(0, 256, (6, 5), dtype=np.uint8)  # 6 high, 5 wide
RGB = GENERATOR.integers(0, 256, (6, 5, 3), dtype=np.uint8)
ALPHA = GENERATOR.integers(0, 256, (6, 5), dtype=np.uint8)


def planes(levels):
    """Return levels (H, W) or (H, W, C) as (C, H, W)."""
    return levels[None] if levels.ndim == 2 else levels.transpose(2, 0, 1)


def on_white(levels, alpha):
    """Return planes seen through alpha on white, rounded."""
    weight = alpha / 255.0
    return np.rint(planes(levels) * weight + 255.0 * (1.0 - weight)).astype(np.uint8)


def with_transparent_level(path, level):
    """Write GREY as a grey PNG in which one level is transparent."""
    Image.fromarray(GREY).save(path, transparency=int(level))


GREY_FILES = {
    "grey.png": (lambda path: Image.fromarray(GREY).save(path), planes(GREY)),
    "grey.PGM": (lambda path: Image.fromarray(GREY).save(path), planes(GREY)),
    "grey.bmp": (lambda path: Image.fromarray(GREY).save(path), planes(GREY)),
    "grey.tif": (lambda path: Image.fromarray(GREY).save(path), planes(GREY)),
    "bits.png": (lambda path: Image.fromarray(GREY > 99).save(path), planes((GREY > 99) * np.uint8(255))),
    "16.png": (lambda path: Image.fromarray(GREY * np.uint16(257)).save(path), planes(GREY)),
    "16.tiff": (lambda path: Image.fromarray(GREY * np.uint16(257)).save(path), planes(GREY)),
    "16.pgm": (lambda path: path.write_bytes(b"P5 5 6 65535\n" + (GREY * np.uint16(257)).tobytes()), planes(GREY)),
    "rounded.png": (
        lambda path: Image.fromarray(np.array([[1000, 65535]], np.uint16).repeat([29, 1], 1).reshape(6, 5)).save(path),
        np.array([4] * 29 + [255]).reshape(1, 6, 5),
    ),
    "units.tif": (lambda path: Image.fromarray(GREY / np.float32(255)).save(path), planes(GREY)),
    "alpha.png": (lambda path: Image.fromarray(np.dstack([GREY, ALPHA])).save(path), on_white(GREY, ALPHA)),
    "level.png": (
        lambda path: with_transparent_level(path, GREY[0, 0]),
        planes(np.where(GREY[0, 0] == GREY, np.uint8(255), GREY)),
    ),
}
RGB_FILES = {
    "rgb.png": (lambda path: Image.fromarray(RGB).save(path), planes(RGB)),
    "rgb.bmp": (lambda path: Image.fromarray(RGB).save(path), planes(RGB)),
    "rgb.ppm": (lambda path: Image.fromarray(RGB).save(path), planes(RGB)),
    "rgb.webp": (lambda path: Image.fromarray(RGB).save(path, lossless=True), planes(RGB)),
    "opaque.png": (
        lambda path: Image.fromarray(np.dstack([RGB, np.full_like(ALPHA, 255)])).save(path),
        planes(RGB),
    ),
    "alpha.png": (lambda path: Image.fromarray(np.dstack([RGB, ALPHA])).save(path), on_white(RGB, ALPHA[None])),
    "palette.png": (
        lambda path: Image.fromarray(RGB).quantize(256).save(path),
        planes(np.asarray(Image.fromarray(RGB).quantize(256).convert("RGB"))),
    ),
    "cmyk.tiff": (
        lambda path: Image.fromarray(RGB).convert("CMYK").save(path),
        planes(np.asarray(Image.fromarray(RGB).convert("CMYK").convert("RGB"))),
    ),
}


@pytest.mark.parametrize("name", GREY_FILES)
def test_grey_files(tmp_path, name):
    write, expected = GREY_FILES[name]
    write(tmp_path / name)
    found = image_files.read(tmp_path)
    assert (found.dtype, found.shape) == (np.uint8, (1, 1, 6, 5))
    assert np.array_equal(found[0], expected)


@pytest.mark.parametrize("name", RGB_FILES)
def test_colour_files(tmp_path, name):
    write, expected = RGB_FILES[name]
    write(tmp_path / name)
    found = image_files.read(str(tmp_path))
    assert (found.dtype, found.shape) == (np.uint8, (1, 3, 6, 5))
    assert np.array_equal(found[0], expected)


def test_palette_with_a_transparent_entry(tmp_path):
    image = Image.fromarray(RGB).quantize(4)
    image.save(tmp_path / "a.png", transparency=2)
    image.save(tmp_path / "b.png", transparency=bytes([255, 255, 0, 255]))
    indices = np.asarray(image)
    expected = planes(np.where(indices[..., None] == 2, np.uint8(255), np.asarray(image.convert("RGB"))))
    assert (indices == 2).any()
    assert np.array_equal(image_files.read(tmp_path), [expected, expected])


def test_jpeg_is_what_pillow_reads(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.JPEG", "JPEG")
    Image.fromarray(RGB).save(tmp_path / "b.jpg", "JPEG")
    expected = planes(np.asarray(Image.open(tmp_path / "b.jpg")))
    assert np.array_equal(image_files.read(tmp_path), [expected, expected])


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.png", {}), ("a.webp", {"lossless": True}), ("a.tiff", {}), ("b.tif", {"compression": "tiff_lzw"})],
)
def test_exif_orientation(tmp_path, name, options):
    exif = Image.Exif()
    exif[0x0112] = 6  # the top is on the right: turn it clockwise
    Image.fromarray(RGB).save(tmp_path / name, exif=exif, **options)
    assert np.array_equal(image_files.read(tmp_path)[0], planes(np.rot90(RGB, -1)))


def test_exif_orientation_of_jpeg(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=exif)
    stored = np.asarray(Image.open(tmp_path / "a.jpg"))
    assert np.array_equal(image_files.read(tmp_path)[0], planes(np.rot90(stored, -1)))


@pytest.mark.parametrize("n_cores", [1, 3])
def test_order_is_that_of_paths_at_any_depth(tmp_path, monkeypatch, n_cores):
    monkeypatch.setattr(gathering, "_FILES_AT_ONCE", 2)
    monkeypatch.setattr("vicinal.images.n_cores", lambda: n_cores)
    names = [f"{folder}{i:02}.png" for folder in ("", "a/", "a/deep/", "b/") for i in range(11)]
    for level, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        Image.new("L", (4, 3), level).save(tmp_path / name)
    (tmp_path / "folder.png").mkdir()
    found = image_files.read(tmp_path)
    assert found.shape == (44, 1, 3, 4)
    assert [names[level] for level in found[:, 0, 0, 0]] == sorted(names)


@pytest.mark.parametrize("colour_at", [0, 1, 4])
def test_one_colour_image_makes_all_rgb(tmp_path, colour_at):
    expected = np.stack([np.full((3, 6, 5), i, np.uint8) if i != colour_at else planes(RGB) for i in range(5)])
    for i, levels in enumerate(expected):
        image = Image.fromarray(RGB) if i == colour_at else Image.fromarray(levels[0])
        image.save(tmp_path / f"{i}.png")
    assert np.array_equal(image_files.read(tmp_path), expected)


def test_sizes_must_be_equal(tmp_path):
    for name, size in {"a.png": (5, 6), "b.png": (5, 6), "c.png": (6, 5), "d.png": (9, 9)}.items():
        Image.new("L", size).save(tmp_path / name)
    with pytest.raises(
        InvalidInputError, match=r"got 5 x 6 in a.png but 6 x 5 in c.png \(width x height\): pass image_size=64"
    ):
        image_files.read(tmp_path)


def truncated(suffix):
    """Return the first two thirds of an image file."""
    file = io.BytesIO()
    Image.fromarray(GENERATOR.integers(0, 256, (6, 5, 3), dtype=np.uint8)).save(file, suffix)
    return file.getvalue()[: len(file.getvalue()) * 2 // 3]


def test_unreadable_files_are_left_out_and_named(tmp_path):
    for i in (1, 4, 6):
        Image.new("L", (5, 6), i).save(tmp_path / f"{i}.png")
    (tmp_path / "0.png").write_bytes(truncated("PNG"))
    (tmp_path / "2.jpg").write_bytes(truncated("JPEG"))
    (tmp_path / "3.png").write_bytes(b"")
    (tmp_path / "5.tif").write_bytes(truncated("TIFF"))
    Image.fromarray(np.full((6, 5), np.nan, np.float32)).save(tmp_path / "7.tiff")
    with pytest.warns(
        UserWarning, match=r"5 of 8 images cannot be read .*: 0.png, 2.jpg, 3.png and 2 more \("
    ) as caught:
        found = image_files.read(tmp_path)
    assert found[:, 0, 0, 0].tolist() == [1, 4, 6]
    assert caught[0].filename == __file__


def test_more_than_16_bits(tmp_path):
    Image.new("L", (5, 6)).save(tmp_path / "a.png")
    Image.fromarray(np.full((6, 5), 1 << 16, np.int32)).save(tmp_path / "b.tiff")
    with pytest.warns(UserWarning, match="from 65536 to 65536, which do not fit 16 bits"):
        assert len(image_files.read(tmp_path)) == 1


def test_folders_without_images(tmp_path):
    with pytest.raises(InvalidInputError, match=r"must hold images \(.png, .*\); got nothing"):
        image_files.read(tmp_path)
    (tmp_path / "a.psd").write_bytes(b"8BPS")
    with pytest.raises(InvalidInputError, match=r"must hold images \(.png, .*\); got 1 .psd"):
        image_files.read(tmp_path)
    (tmp_path / "a.png").write_bytes(truncated("PNG"))
    (tmp_path / "b.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0")
    with pytest.raises(FileFormatError, match=r"no image that can be read, of 2; a.png: .*truncated"):
        image_files.read(tmp_path)


def test_without_pillow(tmp_path, monkeypatch):
    Image.new("L", (5, 6)).save(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r'run: pip install "vicinal\[images\]"'):
        image_files.read(tmp_path)


def test_npy(tmp_path):
    np.save(tmp_path / "a.npy", RGB)
    assert np.array_equal(image_files.read(tmp_path / "a.npy"), RGB)


@pytest.mark.parametrize(
    ("arrays", "chosen"),
    [
        ({"whatever": 1}, "whatever"),
        ({"arr_0": 1, "labels": 2}, "arr_0"),
        ({"labels": 1, "images": 2}, "images"),
        ({"mu": 1, "latents": 2}, "latents"),
        ({"mu": 1, "samples": 2}, "samples"),
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, arrays, chosen, save):
    save(tmp_path / "a.npz", **{name: np.full((3, 2), value) for name, value in arrays.items()})
    assert image_files.read(tmp_path / "a.npz").tolist() == [[arrays[chosen]] * 2] * 3


@pytest.mark.parametrize("names", [["mu", "sigma"], ["images", "latents"], []])
def test_npz_without_a_clear_choice(tmp_path, names):
    np.savez(tmp_path / "a.npz", **dict.fromkeys(names, RGB))
    with pytest.raises(InvalidInputError, match=f"one array.*; got {' .*'.join(names) or 'none'}.*: save the one"):
        image_files.read(tmp_path / "a.npz")


def test_damaged_archives(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.arange(999))
    whole = path.read_bytes()
    middle = len(whole) // 2
    for damaged in (whole[:-9], whole[:middle] + bytes(9) + whole[middle + 9 :], b"", b"PK", b"neither"):
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"is not a whole .npz archive of numbers \("):
            image_files.read(path)


def test_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([{}], dtype=object))
    with pytest.raises(FileFormatError, match=r"Python objects are never unpickled"):
        image_files.read(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(FileFormatError, match=r"Python objects, which are never unpickled"):
        image_files.read(tmp_path / "a.npy")


def test_archives_of_something_else(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme", "no array")
    with pytest.raises(FileFormatError, match=r"is not a whole .npz archive of numbers"):
        image_files.read(tmp_path / "a.npz")
    with (tmp_path / "b.npz").open("wb") as file:
        np.save(file, RGB)
    with pytest.raises(FileFormatError, match=r"is not an archive, but a .npy file"):
        image_files.read(tmp_path / "b.npz")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.png", "got a .png file: pass the folder that holds the images"),
        ("a.txt", r"got a .txt file: save the array with numpy.save"),
        ("a", "got a nameless file"),
    ],
)
def test_other_files(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"1,2")
    with pytest.raises(InvalidInputError, match=f"must be a folder, a zip .*, or a file of an array .*; {message}"):
        image_files.read(tmp_path / name)


def test_nothing_there(tmp_path):
    for name in ("absent", "absent.npy", "absent.npz"):
        with pytest.raises(FileNotFoundError, match="absent"):
            image_files.read(tmp_path / name)


@pytest.mark.filterwarnings("ignore:.*cannot be read and are left out")
def test_classes_are_those_of_the_images_that_can_be_read(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    for i, name in enumerate(("cat/a.png", "cat/deep/b.png", "dog/a.png", "owl/a.png")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        pillow.new("L", (2, 2), i).save(tmp_path / name)
    (tmp_path / "cat" / "a.png").write_bytes(b"no image")
    images, classes = image_files.read_with_classes(tmp_path)
    assert images[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert classes == ["cat", "dog", "owl"]


@pytest.mark.parametrize("labels", [np.zeros(3), np.zeros((2, 2), int), np.zeros(3, int), None])
def test_labels_must_be_one_for_each_row(tmp_path, labels):
    np.save(tmp_path / "z.npy", np.zeros((2, 3)))
    if labels is not None:
        np.save(tmp_path / "z.labels.npy", labels)
    with pytest.raises(InvalidInputError, match="must have one label, an integer or a text, for each of its 2 rows"):
        image_files.read_with_classes(tmp_path / "z.npy")
    np.save(tmp_path / "z.labels.npy", [7, 9])
    assert image_files.read_with_classes(tmp_path / "z.npy")[1] == ["7", "9"]


def test_arrays_that_are_opened_are_those_that_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("vicinal.array_files.containers._IN_MEMORY", 0)  # so that archives are unpacked to files
    array = np.random.default_rng(0).random((5, 3))
    np.save(tmp_path / "z.npy", array)
    np.savez_compressed(tmp_path / "z.npz", latents=array, more=np.zeros(2))
    for name in ("z.npy", "z.npz"):
        found = image_files.open_rows(tmp_path / name)
        assert isinstance(found, np.memmap)
        np.testing.assert_array_equal(found, array)
    np.savez(tmp_path / "objects.npz", z=np.array([{}], object))
    with pytest.raises(FileFormatError, match=r"objects.npz must be a dense array of numbers"):
        image_files.open_rows(tmp_path / "objects.npz")
