"""``vicinal statistics``, and ``vicinal evaluate`` of statistics and of classes."""

import json
import zipfile

import numpy as np
import pytest

from vicinal import evaluate, metrics
from vicinal.metrics import Moments, PixelFeatures


@pytest.fixture
def images(run, tmp_path):
    """Write 24 images of two classes each, as folders of classes and as arrays; return the arrays."""
    pillow = pytest.importorskip("PIL.Image")
    generator = np.random.default_rng(0)
    arrays = {}
    for name in ("real", "ours"):
        arrays[name] = levels = generator.integers(0, 256, (24, 1, 3, 2), dtype=np.uint8)
        for i, image in enumerate(levels):
            folder = tmp_path / name / ("cat" if i < 12 else "dog")
            folder.mkdir(parents=True, exist_ok=True)
            pillow.fromarray(image[0]).save(folder / f"{i:02}.png")
        np.save(tmp_path / f"{name}.npy", levels)
        np.savez_compressed(tmp_path / f"{name}.npz", images=levels, labels=np.repeat(["cat", "dog"], 12))
    return arrays


def table(tmp_path):
    return json.loads((tmp_path / "scores.json").read_text())


@pytest.mark.parametrize("source", ["real", "real.npy", "real.npz", "real.zip"])
def test_statistics_are_those_of_the_features(run, images, tmp_path, source):
    if source == "real.zip":
        with zipfile.ZipFile(tmp_path / source, "w") as archive:
            for path in (tmp_path / "real").rglob("*.png"):
                archive.write(path, path.relative_to(tmp_path))
    code, out, err = run("statistics", source, "-o", "stats.npz", "--features", "pixels")
    assert (code, err) == (0, "")
    assert out == "wrote stats.npz: 24 rows, 6 features of pixels\n"
    found, features = Moments.load("stats.npz"), PixelFeatures()(images["real"])
    np.testing.assert_allclose(found.mean, features.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.covariance, np.cov(features, rowvar=False), rtol=1e-5)
    assert (found.n_samples, found.features) == (24, PixelFeatures().fingerprint)


def test_statistics_do_not_depend_on_the_blocks(run, images, monkeypatch, tmp_path):
    from vicinal.images import memory

    dark = images["real"] // 255  # 0 and 1 alone: as a block of its own it would look like another range
    np.save("both.npy", np.concatenate([dark, images["real"]]))
    np.save("signed.npy", np.concatenate([dark * 0.5, images["real"] / 127.5 - 1]).astype(np.float32))
    monkeypatch.setattr(memory, "_BLOCK", 6 * 8)
    for name in ("both", "signed"):
        code, out, _ = run("statistics", f"{name}.npy", "-o", f"{name}.npz", "--features", "pixels")
        assert code == 0
        assert ("floats in [-1, 1] are read as [0, 1]." in out) == (name == "signed")
    features = np.concatenate([dark, images["real"]]).reshape(48, -1) / 255
    np.testing.assert_allclose(Moments.load("both.npz").mean, features.mean(axis=0), rtol=1e-5)
    expected = np.concatenate([np.rint((dark * 0.5 + 1) * 127.5), images["real"]]).reshape(48, -1) / 255
    np.testing.assert_allclose(Moments.load("signed.npz").mean, expected.mean(axis=0), atol=1 / 255)


def test_latents_are_their_own_features(run, tmp_path):
    latents = np.random.default_rng(0).normal(size=(50, 3))
    np.save("z.npy", latents)
    assert run("statistics", "z.npy", "-o", "z.npz")[1] == "wrote z.npz: 50 rows, 3 features of the rows as they are\n"
    np.testing.assert_allclose(Moments.load("z.npz").covariance, np.cov(latents, rowvar=False), rtol=1e-10)
    np.save("other.npy", latents + 1)
    code, _, err = run("evaluate", "z.npz", "other.npy", "-o", "scores.json")
    assert (code, err) == (0, "")
    assert table(tmp_path)["rows"][0]["frechet_distance"] == pytest.approx(3.0)


def test_either_side_may_be_a_file_of_statistics(run, images, tmp_path):
    for name in images:
        run("statistics", name, "-o", f"{name}-stats.npz", "--features", "pixels")
    expected = metrics.frechet_distance(*(PixelFeatures()(each) for each in images.values()))
    for pair in (("real-stats.npz", "ours"), ("real", "ours-stats.npz"), ("real-stats.npz", "ours-stats.npz")):
        named = () if pair == ("real-stats.npz", "ours-stats.npz") else ("--features", "pixels")
        code, out, err = run("evaluate", *pair, *named, "-o", "scores.json", "--force")
        assert (code, err) == (0, "")
        (row,) = table(tmp_path)["rows"]
        assert row["frechet_distance"] == pytest.approx(expected, rel=1e-5)
        assert set(row) == {"name", "reference", "n", "frechet_distance"}
        assert "Only the Frechet distance can be taken of statistics" in out


@pytest.mark.filterwarnings("default")
def test_images_beside_statistics_of_others_are_said(run, images):
    features = PixelFeatures()(images["real"])
    np.savez("ref.npz", arr_0=images["real"], mu=features.mean(axis=0), sigma=np.cov(features, rowvar=False))
    code, out, err = run("evaluate", "ref.npz", "ours", "--features", "pixels")
    assert code == 0
    assert err == (
        "warning: ref.npz: its statistics mu and sigma are used, not its images arr_0: save these alone to score them\n"
    )
    assert "ref.npz" not in out
    assert "the number of rows is not known" in out
    assert "do not say which features they are of" in out


@pytest.mark.parametrize(
    ("real", "ours"), [("real", "ours"), ("real.npz", "ours"), ("real.npy", "ours.zip"), ("real", "ours.npz")]
)
def test_classes_of_folders_and_files(run, images, tmp_path, real, ours):
    np.save("real.labels.npy", np.repeat(["cat", "dog"], 12))
    with zipfile.ZipFile("ours.zip", "w") as archive:
        for path in (tmp_path / "ours").rglob("*.png"):
            archive.write(path, path.relative_to(tmp_path))
    labels = np.repeat(["cat", "dog"], 12)
    expected = evaluate(*images.values(), real_labels=labels, generated_labels=labels, features=PixelFeatures())
    options = ("--features", "pixels", "--by-class", "-o", "scores.json")
    code, out, err = run("evaluate", real, f"ours={ours}", *options)
    assert (code, err) == (0, "")
    (row,) = table(tmp_path)["rows"]
    for name in ("class_frechet_distance", "class_coverage"):
        assert row[name] == pytest.approx(expected["generated"][name], rel=1e-6)
    assert "Worst of 2 classes. ours: " in out


def test_reference_rows_and_seeds_have_classes(run, images, tmp_path):
    options = ("--features", "pixels", "--by-class", "--train", "real.npz", "-o", "scores.json")
    code, _, _ = run("evaluate", "ours", "a=real", "a=real.npz", *options)
    assert code == 0
    rows = {row["name"]: row for row in table(tmp_path)["rows"]}
    assert len(rows["a"]["runs"]["class_coverage"]) == 2
    assert "class_coverage" in rows["real versus real"]


BAD = [
    (["statistics", "real", "-o", "x.npy"], "--output must end in .npz"),
    (["statistics", "real", "-o", "real.npz"], "real.npz exists; pass --force to replace it"),
    (["statistics", "absent", "-o", "x.npz"], "absent: No such file or directory"),
    (["statistics", "real", "-o", "x.npz", "--features", "vgg"], "--features must be one of"),
    (["statistics", "one.npy", "-o", "x.npz"], "n at least 2; got (1, 3): pass more images"),
    (["statistics", "broken.npz", "-o", "x.npz"], "is not a whole .npz archive"),
    (["statistics", "nan.npy", "-o", "x.npz"], "must be finite"),
    (["statistics", "wild.npy", "-o", "x.npz", "--features", "pixels"], "images must be floats in [0, 1], [-1, 1] or"),
    (["evaluate", "stats.npz", "ours"], "--features must name the features where one side is statistics and the other"),
    (["evaluate", "stats.npz", "ours", "--features", "pixels"], "must have equally many features; got 4 and 6"),
    (["evaluate", "stats.npz", "stats.npz", "--by-class"], "--by-class needs images or rows; stats.npz holds stat"),
    (["evaluate", "real", "real/cat", "--by-class"], "must hold each image in a folder that is its class; 00.png is"),
    (["evaluate", "real.npy", "ours", "--by-class"], "in a file real.labels.npy beside it; got nothing"),
    (["evaluate", "broken.npz", "ours"], "is not a whole .npz archive"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(call) for call, _ in BAD])
def test_bad_calls_give_one_line(run, images, tmp_path, arguments, message):
    Moments.from_statistics(np.zeros(4), np.eye(4)).save("stats.npz")
    np.save("one.npy", np.zeros((1, 3)))
    np.save("nan.npy", np.full((9, 3), np.nan))
    np.save("wild.npy", np.full((9, 3), 9e9))
    (tmp_path / "broken.npz").write_bytes((tmp_path / "real.npz").read_bytes()[:-30])
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not list(tmp_path.glob("x.*"))
