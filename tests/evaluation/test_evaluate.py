"""The table: its rows, its columns, and that it tells copies, noise and good samples apart."""

import re
import tracemalloc

import numpy as np
import pytest

from vicinal import evaluate, metrics
from vicinal.evaluation import BOOTSTRAP, DEFAULT_METRICS, METRICS, REAL, RECONSTRUCTIONS
from vicinal.metrics.features import PixelFeatures


@pytest.fixture
def data():
    """Return training rows, held-out rows and samples of one distribution."""
    return np.random.default_rng(0).normal(size=(3, 600, 4))


def test_rows_and_columns(data):
    train, real, good = data
    scores = evaluate(real, {"good": good, "noise": 3 * good, "copies": train[:300]}, train=train)
    assert [row["name"] for row in scores.rows] == [REAL, BOOTSTRAP, "good", "noise", "copies"]
    assert [row["reference"] for row in scores.rows] == [True, True, False, False, False]
    assert scores.columns == ["n", *DEFAULT_METRICS]
    assert scores["good"]["frechet_distance"] == metrics.frechet_distance(real, good)
    assert scores["good"]["nn_ratio"] == metrics.nn_ratio(real, good, train=train)
    assert scores["good"]["authenticity"] == metrics.authenticity(train, good)
    assert scores["good"]["data_copying"] == metrics.data_copying_test(real, good, train=train)
    assert (scores["good"]["precision"], scores["good"]["recall"]) == metrics.precision_recall(real, good)
    for metric in ("frechet_distance", "wasserstein_distance"):
        assert scores["good"][metric] < scores["noise"][metric]
    assert scores[REAL]["nn_ratio"] == 1.0
    assert scores[REAL]["data_copying"] == 0.0
    assert scores[BOOTSTRAP]["nn_ratio"] == scores["copies"]["nn_ratio"] == 0.0
    assert scores[BOOTSTRAP]["authenticity"] == 0.0
    assert scores["copies"]["n"] == 300


def test_one_array_is_one_row(data):
    scores = evaluate(data[1], data[2])
    assert [row["name"] for row in scores.rows] == ["generated"]
    assert "nn_ratio" not in scores.columns
    assert any("novelty is not measured" in note for note in scores.notes)


def test_features_are_used_for_the_frechet_distance(data):
    train, real, good = data
    scores = evaluate(real, good, train=train, features=lambda rows: rows[:, :1] * 100)
    assert scores["generated"]["frechet_distance"] == metrics.frechet_distance(real[:, :1] * 100, good[:, :1] * 100)


def test_metrics_by_name(data):
    train, real, good = data
    scores = evaluate(real, good, train=train, metrics=["nn_ratio", "mmd", "coverage"])
    assert scores.columns == ["n", "coverage", "mmd", "nn_ratio"]
    assert scores["generated"]["mmd"] == metrics.mmd(real, good)
    with pytest.raises(ValueError, match=r"metrics must be one of 'frechet_distance', .*; got 'fid'"):
        evaluate(real, good, metrics=["fid"])
    with pytest.raises(ValueError, match="must not name 'nn_ratio' without the training data: pass train="):
        evaluate(real, good, metrics=["nn_ratio"])
    with pytest.raises(ValueError, match="must be a sequence of one or more names; got 'mmd'"):
        evaluate(real, good, metrics="mmd")


def test_every_metric_has_a_finite_value_and_a_heading_of_its_own(data):
    train, real, good = data
    scores = evaluate(real[:300], good[:250], train=train, metrics=list(METRICS))
    assert set(scores.columns) == {"n", *METRICS}
    assert all(np.isfinite(row[name]) for row in scores.rows for name in METRICS)
    assert len(set(scores.cells()[0])) == len(METRICS) + 2
    # without features there is one space
    assert scores["generated"]["feature_nn_ratio"] == scores["generated"]["nn_ratio"]


def test_novelty_in_feature_space(data):
    train, real, good = data
    names = ["nn_ratio", "feature_nn_ratio", "feature_authenticity", "feature_data_copying"]
    scores = evaluate(real, good, train=train, features=lambda rows: rows[:, :2], metrics=names)
    first = [rows[:, :2] for rows in (real, good, train)]
    assert scores["generated"]["feature_nn_ratio"] == metrics.nn_ratio(*first[:2], train=first[2])
    assert scores["generated"]["feature_authenticity"] == metrics.authenticity(first[2], first[1])
    assert scores["generated"]["feature_data_copying"] == metrics.data_copying_test(*first[:2], train=first[2])
    assert scores["generated"]["nn_ratio"] == metrics.nn_ratio(real, good, train=train)


def test_several_seeds_give_mean_standard_error_and_paired_differences(data):
    train, real, _ = data
    generator = np.random.default_rng(1)
    sets = {"good": [generator.normal(size=(600, 4)) for _ in range(4)]}
    sets["noisier"] = [1.1 * x for x in sets["good"]]
    names = ["frechet_distance", "wasserstein_distance", "nn_ratio"]
    scores = evaluate(real, sets, train=train, metrics=names, baseline="noisier", random_state=3)
    values = [metrics.frechet_distance(real, x) for x in sets["good"]]
    row = scores["good"]
    assert row["runs"]["frechet_distance"] == pytest.approx(values)
    assert row["frechet_distance"] == pytest.approx(np.mean(values))
    assert row["frechet_distance_se"] == pytest.approx(np.std(values, ddof=1) / 2)
    transport = [metrics.wasserstein_distance(real, x, random_state=3 + i) for i, x in enumerate(sets["good"])]
    assert row["runs"]["wasserstein_distance"] == pytest.approx(transport)
    assert len(scores[REAL]["runs"]["frechet_distance"]) == len(scores[BOOTSTRAP]["runs"]["frechet_distance"]) == 4
    (difference,) = scores.versus("noisier")
    base = scores["noisier"]["runs"]["wasserstein_distance"]
    assert difference["wasserstein_distance"] == pytest.approx(np.mean(base) - np.mean(transport))
    assert difference["wasserstein_distance"] > 0
    assert difference["wasserstein_distance_low"] > 0
    assert "nn_ratio" not in difference
    headings, cells = scores.difference_cells()
    assert headings[0] == "against noisier"
    assert headings[-1] == "nn ratio, of both"
    assert re.fullmatch(r"better by 0\.\d+ \[0\.\d+, 0\.\d+\]", cells[headings.index("W2")])
    assert scores.to_dict()["versus_baseline"] == [difference]
    with pytest.raises(ValueError, match="baseline must name one of 'good', 'noisier'; got 'best'"):
        evaluate(real, sets, baseline="best")


def test_the_better_sampler_is_better_by_what_it_should_be():
    """Of two shifted samplers the nearer is better by the difference of the squared shifts."""
    generator = np.random.default_rng(0)
    real = generator.normal(size=(4000, 3))
    near = [generator.normal(size=(4000, 3)) + np.array([1.0, 0.0, 0.0]) for _ in range(5)]
    far = [generator.normal(size=(4000, 3)) + np.array([2.0, 0.0, 0.0]) for _ in range(5)]
    scores = evaluate(real, {"near": near, "far": far}, metrics=["frechet_distance"], baseline="far")
    (difference,) = scores.versus("far")
    assert difference["frechet_distance"] == pytest.approx(3.0, abs=5 * difference["frechet_distance_se"])
    assert 0 < difference["frechet_distance_se"] < 0.1


def test_images_are_seen_in_8_bits():
    generator = np.random.default_rng(0)
    real = generator.integers(0, 256, size=(40, 1, 5, 5), dtype=np.uint8)
    exact = real.astype(np.float32) / 255.0
    names = ["frechet_distance", "wasserstein_distance"]
    scores = evaluate(
        real, {"floats": exact, "over": exact * 1.2 - 0.1}, features=PixelFeatures(), metrics=names, train=real // 2
    )
    assert scores["floats"]["frechet_distance"] == pytest.approx(0.0, abs=1e-9)
    assert scores["floats"]["wasserstein_distance"] == pytest.approx(
        metrics.wasserstein_distance(exact, exact), abs=1e-6
    )
    clipped = np.rint(np.clip(exact * 1.2 - 0.1, 0, 1) * 255) / 255
    assert scores["over"]["frechet_distance"] == pytest.approx(metrics.frechet_distance(exact, clipped), rel=1e-4)
    seen = []
    evaluate(real, exact, features=lambda images: seen.append(images) or images.reshape(len(images), -1), metrics=names)
    assert all(images.dtype == np.float32 and np.array_equal(images, exact) for images in seen)


def test_grey_images_compare_with_rgb_ones():
    real, fake = np.random.default_rng(0).integers(0, 256, size=(2, 40, 1, 5, 5), dtype=np.uint8)
    options = {"train": fake[::-1] // 2, "features": PixelFeatures(), "reconstructions": fake}
    rgb = evaluate(real, np.repeat(fake, 3, axis=1), **options)["generated"]
    both_rgb = [np.repeat(x, 3, axis=1) for x in (real, fake)]
    expected = evaluate(*both_rgb, **options)["generated"]
    assert rgb == {key: value if key == "name" else pytest.approx(value) for key, value in expected.items()}


IN_OTHER_WORDS = {  # the same images as floats in [0, 1], and what a note says
    "tanh": (lambda x: 2 * x - 1, "floats in [-1, 1] are read as [0, 1]."),
    "float levels": (lambda x: 255.0 * x, "floats in 0..255 are read as [0, 1]."),
    "8 bits": (lambda x: np.rint(255 * x).astype(np.uint8), ""),
    "12 bits": (lambda x: np.rint(4095 * x).astype(np.uint16), "levels of 12 bits are read as [0, 1]."),
    "16 bits": (lambda x: np.rint(65535 * x).astype(np.uint16), "levels of 16 bits are read as [0, 1]."),
    "channels last": (lambda x: x.transpose(0, 2, 3, 1), "channels are moved first, as in real."),
    "stored as RGB": (lambda x: np.repeat(x, 3, axis=1), "grey images "),
    "no channel axis": (lambda x: x[:, 0], ""),
}


@pytest.mark.parametrize("features", [None, PixelFeatures(), lambda x: x.reshape(len(x), -1)])
@pytest.mark.parametrize("kind", IN_OTHER_WORDS)
def test_images_in_another_range_or_layout_are_converted_with_a_note(kind, features):
    change, note = IN_OTHER_WORDS[kind]
    real, good, train = np.random.default_rng(0).random((3, 60, 1, 6, 5))
    names = ["frechet_distance", "variance_ratio", "nn_ratio"]
    expected = evaluate(real, good, train=train, features=features, metrics=names)
    scores = evaluate(real, change(good), train=train, features=features, metrics=names)
    if kind == "stored as RGB" and features is not None:  # three times as many features
        expected = evaluate(*(np.repeat(x, 3, 1) for x in (real, good)), features=features, metrics=names[:2])
        scores = evaluate(real, np.repeat(good, 3, 1), features=features, metrics=names[:2])
    for name in expected.columns:
        if name in names:
            assert scores["generated"][name] == pytest.approx(expected["generated"][name], rel=0.02)
    assert any(line.startswith(("generated: ", "real")) and note in line for line in scores.notes) or not note
    assert any("pixel by pixel" in line for line in scores.notes) == (features is None)


@pytest.mark.parametrize("features", [None, PixelFeatures()])
def test_a_source_may_be_called_generated(features):
    real, *others = np.random.default_rng(0).random((4, 40, 1, 5, 5))
    sets = {"generated": [others[0], 2 * others[1] - 1], "x": others[2]}
    scores = evaluate(real, sets, features=features, metrics=["frechet_distance"])
    assert [row["name"] for row in scores.rows] == ["generated", "x"]
    assert "generated[1]: floats in [-1, 1] are read as [0, 1]." in scores.notes


@pytest.mark.parametrize("features", [None, PixelFeatures()])
def test_images_in_no_range_are_refused(features):
    real, good = np.random.default_rng(0).random((2, 40, 1, 5, 5))
    with pytest.raises(ValueError, match=r"generated\['x'\] must be in a range of images, .*: map black to 0"):
        evaluate(real, {"x": (good - 0.4) / 0.2, "y": good}, features=features)


def test_a_function_takes_features_block_by_block(monkeypatch):
    monkeypatch.setattr("vicinal.images.memory._BLOCK", 7 * 25)
    real, good = np.random.default_rng(0).integers(0, 256, size=(2, 40, 1, 5, 5), dtype=np.uint8)
    sizes = []
    scores = evaluate(
        real,
        good,
        features=lambda x: sizes.append(len(x)) or x.mean(axis=(1, 2)),
        metrics=["frechet_distance"],
    )
    expected = metrics.frechet_distance(*(x.mean(axis=(1, 2)) / 255 for x in (real, good)))
    assert scores["generated"]["frechet_distance"] == pytest.approx(expected, rel=1e-5)
    assert sizes == 2 * [*5 * [7], 5]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_distance_between_features_copies_no_pixels(monkeypatch, dtype):
    monkeypatch.setattr("vicinal.images.memory._BLOCK", 1 << 16)
    images = np.random.default_rng(0).integers(0, 256, size=(2, 500, 3, 48, 48), dtype=np.uint8)
    images = images if dtype == np.uint8 else images / np.float32(255)

    def peak(names):
        tracemalloc.start()
        evaluate(*images, features=lambda x: x.mean(axis=(2, 3)), metrics=names)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(["frechet_distance", "variance_ratio"])  # what is loaded late
    in_8_bits = images.size if dtype == np.float32 else 0
    assert peak(["frechet_distance"]) < in_8_bits + 0.3 * images.size
    assert peak(["variance_ratio"]) < in_8_bits + 0.5 * images.size


def test_reconstructions_are_a_reference_row(data):
    train, real, good = data
    scores = evaluate(real, good, train=train, reconstructions=real / 2)
    assert [row["name"] for row in scores.rows] == [REAL, BOOTSTRAP, RECONSTRUCTIONS, "generated"]
    assert scores[RECONSTRUCTIONS]["reference"]
    assert scores[RECONSTRUCTIONS]["frechet_distance"] == metrics.frechet_distance(real, real / 2)
    # they stand for fresh data
    assert scores[RECONSTRUCTIONS]["nn_ratio"] == 1.0
    assert scores["generated"]["nn_ratio"] == metrics.nn_ratio(real / 2, good, train=train)
    assert "nn_ratio" not in evaluate(real, good, reconstructions=real).columns


def test_torch_modules_and_frechet_names():
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    real, fake = generator.integers(0, 256, size=(2, 40, 1, 5, 5), dtype=np.uint8)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(25, 3))
    scores = evaluate(real, torch.from_numpy(fake), features=module, metrics=["frechet_distance"])
    with torch.no_grad():
        a, b = (module(torch.from_numpy(x).float() / 255) for x in (real, fake))
    assert scores["generated"]["frechet_distance"] == pytest.approx(metrics.frechet_distance(a, b), rel=1e-4)
    assert "Features: Sequential." in scores.notes

    class Named(PixelFeatures):
        frechet_name = "FID"

    assert "FID ↓" in evaluate(real, fake, features=Named(), metrics=["frechet_distance"]).cells()[0]


def test_bad_input(data):
    with pytest.raises(ValueError, match=r"generated\['x'\] must have rows of shape \(4,\), like real; got \(3,\)"):
        evaluate(data[1], {"x": data[2][:, :3]})
    with pytest.raises(ValueError, match="real must have at least 2 rows"):
        evaluate(data[1][:1], data[2])
    with pytest.raises(ValueError, match="at least one set of samples"):
        evaluate(data[1], {})
    with pytest.raises(ValueError, match="must not use the names of reference rows; got bootstrap copies"):
        evaluate(data[1], {BOOTSTRAP: data[2]})
    with pytest.raises(ValueError, match="random_state must be an integer from 0 to 4294957296; got -1"):
        evaluate(data[1], data[2], train=data[0], random_state=-1)
    with pytest.raises(ValueError, match=r"generated\['x'\] must be finite; got NaN or inf, first in row 0"):
        evaluate(data[1], {"x": np.full((9, 4), np.nan)})
    with pytest.raises(ValueError, match="train must be finite"):
        evaluate(data[1], data[2], train=np.full((9, 4), np.inf))
    with pytest.raises(ValueError, match=r"generated must hold at least one set of samples; got an empty list"):
        evaluate(data[1], [])
    with pytest.raises(
        TypeError, match=r"features must be a FeatureExtractor, a torch.nn.Module or a callable; got str"
    ):
        evaluate(data[1], data[2], features="pixels")


def test_images_in_a_range_that_is_given():
    real, generated = np.random.default_rng(0).random((2, 60, 1, 4, 4)).astype(np.float32)
    expected = evaluate(real, generated, metrics=["frechet_distance"])
    signed = evaluate(2 * real - 1, 2 * generated - 1, metrics=["frechet_distance"], value_range=(-1, 1))
    levels = evaluate(255 * real, 255 * generated, metrics=["frechet_distance"], value_range=(0, 255))
    for found in (signed, levels):
        assert np.isclose(found["generated"]["frechet_distance"], expected["generated"]["frechet_distance"], rtol=1e-3)
    with pytest.raises(
        ValueError, match=r"generated must be images in the value_range \(-1, 1\); got floats in \[0, 1\]"
    ):
        evaluate(2 * real - 1, generated, value_range=(-1, 1))
