"""What users give: files, ranges, layouts and degenerate sets, each with the outcome it must have.

An outcome is one of three. The table is that of plain arrays, with a note or a warning where something was converted.
One metric is NaN, with its reason. Or an error names the parameter and the remedy. No warning of another package leaks.
"""

from __future__ import annotations

import functools
import os
import tarfile
import warnings
import zipfile

import numpy as np
import pytest

from vicinal import evaluate, image_files
from vicinal._errors import VicinalError
from vicinal.evaluation import METRICS
from vicinal.metrics import Moments
from vicinal.metrics.features import PixelFeatures

N, SIDE = 14, 16
NAMES = ["frechet_distance", "precision", "variance_ratio", "nn_ratio", "copied"]


def smooth(seed):
    """Return images (N, SIDE, SIDE, 3), uint8, smooth enough for JPEG."""
    generator = np.random.default_rng(seed)
    across, down = np.meshgrid(*2 * [np.linspace(-1, 1, SIDE)])
    slopes = generator.uniform(-0.25, 0.25, (3, N, 1, 1, 3))
    images = 0.5 + slopes[0] + slopes[1] * across[..., None] + slopes[2] * down[..., None]
    return np.rint(255 * images.clip(0, 1)).astype(np.uint8)


REAL, GENERATED, TRAIN = smooth(0), smooth(1), smooth(2)
GREY = [x[..., 0] for x in (REAL, GENERATED, TRAIN)]
LATENTS = np.random.default_rng(3).normal(size=(3, 60, 4))
ALPHA = np.random.default_rng(4).integers(0, 256, (N, SIDE, SIDE, 1), dtype=np.uint8)
UNITS = [x / np.float32(255) for x in (REAL, GENERATED, TRAIN)]


def given(real, generated, train=None, **options):
    return {"real": real, "generated": generated, "train": train, **options}


def images(generated, **options):
    """Return what is given with RGB images as the real ones and the training data."""
    return given(REAL, generated, TRAIN, **options)


def greys(generated):
    return given(GREY[0], generated, GREY[2])


def latents(generated, **options):
    return given(LATENTS[0], generated, LATENTS[2], **options)


def scores_of(arguments):
    usable = [name for name in NAMES if arguments["train"] is not None or not METRICS[name].needs_train]
    return evaluate(**({"metrics": usable} | arguments))


@functools.cache
def plain_scores(kind):
    """Return the row of plain arrays."""
    plain = {"RGB": images(GENERATED), "grey": greys(GREY[1]), "latents": latents(LATENTS[1])}
    return scores_of(plain[kind])["generated"]


def same(plain="RGB", note="", rel=1e-5):
    """Expect the table of plain arrays, and a note or a warning."""

    def check(call):
        scores, said = call()
        expected, found = plain_scores(plain), scores["generated"]
        for name in NAMES:
            assert found[name] == pytest.approx(expected[name], rel=rel, abs=rel), name
        assert any(note in line for line in said), said

    return check


def same_distance(note):
    """Expect the Frechet distance of latents, and a note."""

    def check(call):
        scores, said = call()
        assert scores["generated"]["frechet_distance"] == pytest.approx(plain_scores("latents")["frechet_distance"])
        assert any(note in line for line in said), said

    return check


def says(note):
    """Expect a table, and a note or a warning."""

    def check(call):
        scores, said = call()
        assert any(note in line for line in said), said
        assert np.isfinite(scores["generated"]["frechet_distance"])

    return check


def missing(name, reason):
    """Expect a table in which one metric is NaN for a reason, and another is not."""

    def check(call):
        scores, said = call()
        assert np.isnan(scores["generated"][name])
        assert any("of generated could not be taken" in line and reason in line for line in said), said
        assert np.isfinite(scores["generated"]["frechet_distance"])

    return check


def is_value(name, value):
    """Expect one metric to have a value."""

    def check(call):
        assert call()[0]["generated"][name] == pytest.approx(value)

    return check


def refused(message):
    """Expect an error that names the parameter and the remedy."""

    def check(call):
        with pytest.raises((VicinalError, FileNotFoundError), match=message):
            call()

    return check


# Files: each writer gets a folder, and the images as arrays (H, W, 3).


def saved(suffix, mode="RGB", **options):
    """Return a writer of images in one file each."""

    def write(folder):
        from PIL import Image

        for i, image in enumerate(GENERATED):
            Image.fromarray(image).convert(mode).save(folder / f"{i:02}{suffix}", **options)

    return write


def arrays(change, suffix, **options):
    """Return a writer of what a function gives for the index of each image."""

    def write(folder):
        from PIL import Image

        for i in range(N):
            Image.fromarray(change(i)).save(folder / f"{i:02}{suffix}", **options)

    return write


def of_folder(*writers, kind=images):
    """Return what is given when the generated images are a folder."""

    def make(tmp_path):
        pytest.importorskip("PIL.Image")
        folder = tmp_path / "generated"
        folder.mkdir()
        for write in writers:
            write(folder)
        return lambda: kind(image_files.read(folder))

    return make


def of_archive(pack):
    """Return what is given when the generated images are in an archive."""

    def make(tmp_path):
        pytest.importorskip("PIL.Image")
        folder = tmp_path / "images"
        folder.mkdir()
        PNGS(folder)
        return lambda: images(image_files.read(pack(folder)))

    return make


def beside(name, content):
    """Return a writer of one other file."""

    def write(folder):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return write


PNGS = saved(".png")


def turned(folder):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    for i, image in enumerate(GENERATED):
        Image.fromarray(np.ascontiguousarray(np.rot90(image))).save(folder / f"{i:02}.png", exif=exif)


def damaged_exif(folder):
    from PIL import Image

    for i, image in enumerate(GENERATED):
        exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12\0\x03\0\0\0\x01"
        Image.fromarray(image).save(folder / f"{i:02}.jpg", exif=exif, quality=100, subsampling=0)


def avif(folder):
    if not pytest.importorskip("PIL.features").check("avif"):
        pytest.skip("this Pillow cannot write AVIF")
    saved(".avif", quality=100, subsampling="4:4:4")(folder)


def palette(folder):
    from PIL import Image

    for i, image in enumerate(GREY[1]):
        Image.fromarray(image).convert("P").save(folder / f"{i:02}.png")


def film(folder):
    from PIL import Image

    more = Image.fromarray(255 - GENERATED[0])
    Image.fromarray(GREY[1][0]).save(folder / "00.png", "GIF", save_all=True, append_images=[more.convert("L")])
    for i in range(1, N):
        Image.fromarray(GREY[1][i]).save(folder / f"{i:02}.png")


def linked(folder):
    (folder / "deep").mkdir()
    PNGS(folder / "deep")
    (folder / "deep" / "loop").symlink_to(folder)
    (folder / "again").symlink_to(folder / "deep")


def zipped(separator="/", inside="a/b/"):
    def pack(folder):
        path = folder.with_name("generated.zip")
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.iterdir():
                entry = zipfile.ZipInfo()
                entry.filename = (inside + file.name).replace("/", separator)
                archive.writestr(entry, file.read_bytes())
            archive.writestr(zipfile.ZipInfo("__MACOSX/a/b/._00.png"), b"resources")
        return path

    return pack


def tarred(folder):
    path = folder.with_name("generated.tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, ".")
    return path


def npz(**names):
    """Return what is given when the generated images are in a .npz file."""

    def make(tmp_path):
        np.savez(tmp_path / "a.npz", **names)
        return lambda: images(image_files.read(tmp_path / "a.npz"))

    return make


DEEP = np.uint16(257)
FILES = {
    "PNG": (of_folder(PNGS), same()),
    "PNG in capitals": (of_folder(saved(".PNG")), same()),
    "JPEG": (of_folder(saved(".jpg", quality=100, subsampling=0)), same(rel=0.02)),
    "JPEG named .jfif": (of_folder(saved(".jfif", format="JPEG", quality=100, subsampling=0)), same(rel=0.02)),
    "JPEG named .jpe": (of_folder(saved(".jpe", format="JPEG", quality=100, subsampling=0)), same(rel=0.02)),
    "JPEG of a printer (CMYK)": (of_folder(saved(".jpg", "CMYK", quality=100, subsampling=0)), same(rel=0.05)),
    "WebP without loss": (of_folder(saved(".webp", lossless=True)), same()),
    "AVIF": (of_folder(avif), same(rel=0.05)),
    "BMP": (of_folder(saved(".bmp")), same()),
    "PPM": (of_folder(saved(".ppm")), same()),
    "TIFF": (of_folder(saved(".tif")), same()),
    "TIFF of CMYK": (of_folder(saved(".tif", "CMYK")), same()),
    "grey GIF": (of_folder(arrays(lambda i: GREY[1][i], ".gif"), kind=greys), same("grey")),
    "grey TIFF of floats in [0, 1]": (
        of_folder(arrays(lambda i: GREY[1][i] / np.float32(255), ".tif"), kind=greys),
        same("grey"),
    ),
    "grey TIFF of floats in [-1, 1]": (
        of_folder(arrays(lambda i: GREY[1][i] / np.float32(127.5) - np.float32(1), ".tif"), kind=greys),
        same("grey", "14 files of float32 are read as floats in [-1, 1]"),
    ),
    "grey PNG of 16 bits": (of_folder(arrays(lambda i: GREY[1][i] * DEEP, ".png"), kind=greys), same("grey")),
    "grey TIFF of 16 bits": (of_folder(arrays(lambda i: GREY[1][i] * DEEP, ".tif"), kind=greys), same("grey")),
    "palette PNG": (of_folder(palette, kind=greys), same("grey", "grey images stored as RGB are read as grey.")),
    "PNG with opaque alpha": (of_folder(saved(".png", "RGBA")), same()),
    "PNG to be turned, by its EXIF": (of_folder(turned), same()),
    "JPEG with damaged EXIF": (of_folder(damaged_exif), same(rel=0.02)),
    "GIF named .png": (of_folder(arrays(lambda i: GREY[1][i], ".png", format="GIF"), kind=greys), same("grey")),
    "PNG named .jpg": (of_folder(saved(".jpg", format="PNG")), same()),
    "film named .png": (of_folder(film, kind=greys), same("grey", "of 1 .png with several frames the first is taken")),
    "text named .png": (of_folder(PNGS, beside("99.png", b"<html>404")), same(note="99.png (the file holds text)")),
    "HEIC named .jpg": (
        of_folder(PNGS, beside("99.jpg", b"\0\0\0\x18ftypheic" + bytes(99))),
        same(note="99.jpg (the file holds heic, a format of photographs or films that is not read)"),
    ),
    "empty file named .png": (of_folder(PNGS, beside("99.png", b"")), same(note="(the file holds nothing)")),
    "only text named .png": (
        of_folder(beside("99.png", b"404")),
        refused("holds no image that can be read, of 1; 99.png: the file holds text. Get the files again"),
    ),
    "hidden files": (
        of_folder(PNGS, beside("._00.png", b"x"), beside(".git/a.png", b"x")),
        same(note="2 other files are left out (2 hidden)"),
    ),
    "files of macOS and Windows": (
        of_folder(PNGS, beside("__MACOSX/a.png", b"x"), beside("Thumbs.db", b"x"), beside(".DS_Store", b"x")),
        same(note="left out (1 .db, 1 hidden)"),
    ),
    "files without suffix": (of_folder(PNGS, beside("LICENCE", b"x")), same(note="(1 without suffix)")),
    "zip in a folder": (of_folder(PNGS, beside("more.zip", b"PK")), same(note="left out (1 .zip)")),
    "only a zip in a folder": (
        of_folder(beside("more.zip", b"PK")),
        refused(r"must hold images \(.*; got 1 .zip: pass the file that holds them"),
    ),
    "empty folder": (of_folder(), refused("must hold images .*; got nothing: pass another folder")),
    "links that loop": (of_folder(linked), same()),
    "zip of nested folders": (of_archive(zipped()), same(note="(1 hidden)")),
    "zip with backslashes": (of_archive(zipped("\\")), same()),
    "tar.gz": (of_archive(tarred), same()),
    "npz of one array": (npz(anything=GENERATED), same()),
    "npz of guided-diffusion": (npz(arr_0=GENERATED, arr_1=np.arange(N)), same()),
    "npz of several arrays": (npz(a=GENERATED, b=GENERATED), refused("must hold one array, .*: save the one to use")),
    "path in place of an array": (
        lambda tmp_path: lambda: images(str(tmp_path)),
        refused(r"generated must be an array; got a path, .*: pass vicinal.image_files.read\(generated\)"),
    ),
    "folder that is not there": (
        lambda tmp_path: lambda: images(image_files.read(tmp_path / "absent")),
        refused("must be a folder, .*; there is no such file or folder"),
    ),
}
if not hasattr(os, "symlink"):
    del FILES["links that loop"]


def rgba(colour):
    return np.concatenate([colour, ALPHA], axis=3)


def on_white(colour):
    return np.rint(255 + (colour - 255.0) * (ALPHA / 255)).astype(np.uint8)


def deep(bits):
    return [np.rint(x * ((1 << bits) - 1)).astype(np.uint16) for x in UNITS]


def first(x):
    return x.transpose(0, 3, 1, 2)


def with_gap(value):
    broken = UNITS[1].copy()
    broken[5, 2, 2, 0] = value
    return broken


def tensors():
    torch = pytest.importorskip("torch")
    return [torch.tensor(x, requires_grad=True) for x in LATENTS]


def frames():
    pandas = pytest.importorskip("pandas")
    return [pandas.DataFrame(x) for x in LATENTS]


def moments(rows):
    return Moments.from_statistics(rows.mean(axis=0), np.cov(rows, rowvar=False), len(rows))


def with_pot(real, generated):
    pytest.importorskip("ot")
    return given(real, generated, metrics=["frechet_distance", "sinkhorn_divergence"])


def loses_a_row(x):
    return x.reshape(len(x), -1)[:-1]


CLASSES = np.arange(60) % 3
EQUAL = np.full((N, SIDE, SIDE), 7, np.uint8)
CODES = np.random.default_rng(5).integers(0, 512, (3, 50, 8))
STACK = (
    r"one whole set of samples for each seed; got shape \(.*\) at \[0\], which is one row: .* numpy.stack\(generated"
)
ARRAYS = {
    "floats in [0, 1]": (lambda: given(*UNITS), same(rel=1e-3)),
    "floats in [0, 1] beside 8 bits": (lambda: images(UNITS[1]), same(rel=1e-3)),
    "float64": (lambda: images(UNITS[1].astype(np.float64)), same(rel=1e-3)),
    "float16": (lambda: images(UNITS[1].astype(np.float16)), same(rel=0.02)),
    "floats in [-1, 1], of tanh": (
        lambda: images(np.concatenate([2 * UNITS[1][:-1] - 1, -np.ones_like(UNITS[1][:1])])),
        says("generated: floats in [-1, 1] are read as [0, 1]."),
    ),
    "floats in 0..255": (lambda: images(GENERATED.astype(float)), same(note="floats in 0..255 are read", rel=1e-3)),
    "slightly beyond [0, 1], of a decoder": (
        lambda: images(np.where(UNITS[1] == UNITS[1].max(), 1.02, UNITS[1])),
        same(rel=0.1),
    ),
    "int64 of 8 bits": (lambda: images(GENERATED.astype(np.int64)), same()),
    "uint16 of 8 bits": (lambda: images(GENERATED.astype(np.uint16)), same()),
    "uint16 of 10 bits": (lambda: given(*deep(10)), says("levels of 10 bits are read as [0, 1].")),
    "uint16 of 12 bits": (lambda: images(deep(12)[1]), same(note="levels of 12 bits are read", rel=0.05)),
    "uint16 of 16 bits": (lambda: images(GENERATED * DEEP), same(note="levels of 16 bits are read", rel=1e-3)),
    "bool": (lambda: greys(GREY[1] > 127), says("integers 0 and 1 are read as [0, 1].")),
    "signed bytes": (
        lambda: images((GENERATED.astype(int) - 128).astype(np.int8)),
        refused("generated must be in a range of images, .*: map black to 0 and white to 1"),
    ),
    "normalised as for ImageNet": (
        lambda: images((UNITS[1] - 0.45) / 0.22),
        refused("generated must be in a range of images, .*: map black to 0 and white to 1"),
    ),
    "NaN": (
        lambda: images(with_gap(np.nan)),
        refused("generated must be finite; got NaN or inf, first in row 5.*Keep"),
    ),
    "infinity": (lambda: images(with_gap(np.inf)), refused("generated must be finite; got NaN or inf, first in row 5")),
    "NaN in latents": (
        lambda: latents(np.where(LATENTS[1] > 2, np.nan, LATENTS[1])),
        refused(r"generated must be finite; .* Keep the finite rows: generated\[np.isfinite"),
    ),
    "complex": (lambda: latents(LATENTS[1] + 1j), refused("generated must be real; got complex128")),
    "channels first beside last": (
        lambda: images(np.ascontiguousarray(first(GENERATED))),
        same(note="channels are moved last, as in real."),
    ),
    "all channels first": (lambda: given(*map(first, (REAL, GENERATED, TRAIN))), same()),
    "grey, without channels": (lambda: greys(GREY[1]), same("grey")),
    "grey, with one channel": (lambda: greys(GREY[1][..., None]), same("grey")),
    "grey stored as RGB": (
        lambda: greys(np.repeat(GREY[1][..., None], 3, axis=3)),
        same("grey", "grey images stored as RGB are read as grey."),
    ),
    "grey beside colour": (lambda: images(GREY[1]), says("generated: grey images are read as RGB, as the others are.")),
    "RGBA, opaque": (
        lambda: images(np.concatenate([GENERATED, np.full_like(ALPHA, 255)], axis=3)),
        same(note="generated: what is transparent is laid on white."),
    ),
    "RGBA in all sets, with features": (
        lambda: given(rgba(REAL), rgba(GENERATED), rgba(TRAIN), features=PixelFeatures()),
        says("what is transparent is laid on white."),
    ),
    "RGBA floats beside RGB": (
        lambda: images(np.concatenate([UNITS[1], np.ones_like(UNITS[1][..., :1])], axis=3)),
        same(note="generated: what is transparent is laid on white.", rel=1e-3),
    ),
    "five channels": (
        lambda: images(np.concatenate([GENERATED, GENERATED[..., :2]], axis=3)),
        refused(r"generated must have rows of shape \(16, 16, 3\), like real; got \(16, 16, 5\)"),
    ),
    "one image": (lambda: images(GENERATED[:1]), refused("generated must have at least 2 rows; got 1")),
    "one latent": (
        lambda: latents(LATENTS[1, 0]),
        refused(r"got \(4,\). Reshape your data .*generated.reshape\(1, -1\)"),
    ),
    "two images": (
        lambda: given(REAL[:2], GENERATED[:2], TRAIN),
        missing("precision", "real must have more than n_neighbors=5 rows; got 2"),
    ),
    "fewer rows than neighbours": (
        lambda: latents(LATENTS[1, :5]),
        missing("precision", "generated must have more than n_neighbors=5 rows; got 5: pass a smaller n_neighbors"),
    ),
    "two rows, and a transport that does not converge": (
        lambda: with_pot(LATENTS[0, :2], LATENTS[1, :2]),
        missing("sinkhorn_divergence", "regularization must be large enough"),
    ),
    "no rows": (lambda: latents(LATENTS[1, :0]), refused("generated must have at least 2 rows; got n_samples=0")),
    "constant images": (lambda: greys(EQUAL), is_value("variance_ratio", 0.0)),
    "constant images, from the copies on": (lambda: given(EQUAL, EQUAL), missing("precision", "all are equal")),
    "constant real images": (lambda: given(EQUAL, GREY[1]), missing("variance_ratio", "held-out rows are all alike")),
    "constant real images, their transport": (
        lambda: with_pot(EQUAL, EQUAL),
        missing("sinkhorn_divergence", "regularization cannot be taken from real: all rows are equal"),
    ),
    "zero latents": (
        lambda: given(LATENTS[0], np.zeros((9, 4)), metrics=["frechet_distance", "vendi_score"]),
        missing("vendi_score", "rows of zeros have no cosine"),
    ),
    "all samples are copies": (lambda: images(TRAIN), is_value("copied", 1.0)),
    "all samples are copies, their nn ratio": (lambda: images(TRAIN), is_value("nn_ratio", 0.0)),
    "held-out rows that are training rows": (
        lambda: latents(LATENTS[1]) | {"train": LATENTS[0]},
        missing("nn_ratio", "so many held-out rows are training rows that their own distance is 0"),
    ),
    "fewer rows than dimensions": (
        lambda: given(*np.random.default_rng(6).normal(size=(3, 12, 50))),
        says("Lower than real versus real"),
    ),
    "latents of integers": (
        lambda: given(*CODES),
        is_value("variance_ratio", np.var(CODES[1], 0).sum() / np.var(CODES[0], 0).sum()),
    ),
    "maps of integers": (lambda: given(*CODES.reshape(3, 25, 4, 4)), says("levels of 10 bits are read as [0, 1].")),
    "latents of other dimensions": (
        lambda: latents(LATENTS[1, :, :3]),
        refused(r"generated must have rows of shape \(4,\), like real; got \(3,\)"),
    ),
    "images of other sizes": (
        lambda: images(GENERATED[:, :8]),
        refused("images of all sets must be of one size; .*: pass image_size=16, or any other, to resize them"),
    ),
    "images of other sizes, resized": (
        lambda: images(GENERATED.repeat(2, axis=1), image_size=8),
        says("Images are resized to 8 x 8"),
    ),
    "latents to be resized": (
        lambda: latents(LATENTS[1], image_size=8),
        refused("image_size must be None unless all sets are images, .*: leave it out for latents"),
    ),
    "list of one set a seed": (lambda: images([GENERATED, GENERATED]), says("Mean ± standard error over the sets")),
    "list of sets in two ranges": (
        lambda: images([GENERATED, GENERATED * DEEP]),
        says("generated[1]: levels of 16 bits are read as [0, 1]."),
    ),
    "list of images, channels last": (lambda: images(list(GENERATED)), refused(STACK)),
    "list of images, channels first": (lambda: images(list(first(GENERATED))), refused(STACK)),
    "list of grey images": (lambda: greys(list(GREY[1])), refused(STACK)),
    "list of images of other sizes": (lambda: images([GENERATED[0], GENERATED[1, :9]]), refused(STACK)),
    "list of a set and an image": (
        lambda: images([GENERATED, GENERATED[0]]),
        refused(r"for each seed; got shape \(16, 16, 3\) at \[1\], which is one row"),
    ),
    "list of latents": (lambda: latents(list(LATENTS[1])), same("latents")),
    "list of lists of numbers": (lambda: latents(LATENTS[1].tolist()), same("latents")),
    "empty list": (lambda: latents([]), refused("generated must hold at least one set of samples; got an empty list")),
    "rows of unequal lengths": (lambda: latents([[1.0, 2.0], [3.0]]), refused("rows of numbers of one length")),
    "None for samples": (lambda: latents(None), refused("generated must be a set of samples, .*; got None")),
    "None for real": (lambda: given(None, LATENTS[1]), refused("real must be an array of held-out data; got None")),
    "None in a mapping": (
        lambda: latents({"a": None}),
        refused(r"generated\['a'\] must be a set of samples, .*got None"),
    ),
    "generator of images": (
        lambda: images(image for image in GENERATED),
        refused("generated must be an array; got generator: collect its rows in one array first"),
    ),
    "text": (lambda: latents(np.array([["a"] * 4] * 3)), refused("generated must be numeric; got dtype <U1")),
    "DataFrames": (lambda: given(*frames()), same("latents")),
    "DataFrame with a column of text": (
        lambda: given(frames()[0], frames()[1].assign(label="a")),
        refused("generated must be numeric; got dtype object"),
    ),
    "tensors that need gradients": (lambda: given(*tensors()), same("latents")),
    "tensor beside an array": (lambda: latents(tensors()[1]), same("latents")),
    "function that loses a row": (
        lambda: images(GENERATED, features=loses_a_row),
        refused(rf"features must return one row of numbers for each image, \({N}, n_features\); got \({N - 1}, 768\)"),
    ),
    "function that returns one number an image": (
        lambda: images(GENERATED, features=lambda x: x.mean(axis=(1, 2, 3))),
        refused(r"features must return one row of numbers .*: add \[:, None\]"),
    ),
    "function that returns NaN": (
        lambda: images(GENERATED, features=lambda x: x[:, 0, 0] * np.nan),
        refused("features of real must be finite; got NaN or inf, first in row 0. Mend what makes them"),
    ),
    "statistics for the real rows": (
        lambda: given(moments(LATENTS[0]), moments(LATENTS[1])),
        same_distance("Only the Frechet distance can be taken of statistics"),
    ),
    "statistics of samples, with the rows of a seed": (
        lambda: latents([LATENTS[1], moments(LATENTS[1])]),
        refused("generated must hold rows for each seed, or statistics for each; got both: make it two sources"),
    ),
    "statistics of other dimensions": (
        lambda: given(moments(LATENTS[0]), moments(LATENTS[1, :, :3])),
        refused("real and generated must have equally many features; got 4 and 3"),
    ),
    "a class a row": (
        lambda: latents(LATENTS[1], real_labels=CLASSES, generated_labels=CLASSES),
        same("latents", rel=1e-9),
    ),
    "labels of the samples forgotten": (
        lambda: latents(LATENTS[1], real_labels=CLASSES),
        refused("generated_labels must be given too, one label for each row"),
    ),
    "fewer labels than rows": (
        lambda: latents(LATENTS[1], real_labels=CLASSES, generated_labels=CLASSES[:9]),
        refused(r"generated_labels must have shape \(60,\), one label for each row; got \(9,\)"),
    ),
    "training data forgotten": (
        lambda: given(REAL, GENERATED),
        says("No training data given, so novelty is not measured"),
    ),
}


def outcome_of(make):
    """Return a call that gives a table, and all lines that it says; warnings must be our own."""

    def call():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            scores = scores_of(make())
        lines = [str(warning.message) for warning in caught]
        foreign = [line for line in lines if " images; " not in line and "held-out rows are also training" not in line]
        assert not foreign
        return scores, [*scores.notes, *lines]

    return call


@pytest.mark.parametrize("name", FILES)
def test_files(tmp_path, name):
    make, expected = FILES[name]
    expected(outcome_of(make(tmp_path)))


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name):
    make, expected = ARRAYS[name]
    expected(outcome_of(make))
