"""The demo: the packaged study, made small, and its files."""

import dataclasses
import json
import re

import pytest

import vicinal
from vicinal.benchmark import demo

pytestmark = pytest.mark.xdist_group("demo")  # one run serves all

pytest.importorskip("torch")
pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

FILES = {"report.html", "scores.json"} | {
    f"{model}-{part}.safetensors" for model in ("ae", "vae") for part in ("autoencoder", "pmf", "local")
}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Return the folder of one short run."""
    folder, whole = tmp_path_factory.mktemp("demo"), demo.demo_config
    (folder / "report.html").write_text("an earlier one")

    def short(*given):
        config = whole(*given)
        return dataclasses.replace(
            config,
            training={**config.training, "n_epochs": 3},
            features={**config.features, "n_epochs": 3},
            sampling_seeds=config.sampling_seeds[:2],
            explored=("GMM, n_components=10", "bootstrap copies"),
            samplers={name: each for name, each in config.samplers.items() if name != "GMM, n_components=50"},
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "demo_config", short)
        assert demo.run_demo(folder, random_state=4, force=True) == folder / "report.html"
    return folder


def test_its_files(out):
    assert {path.name for path in out.iterdir()} == FILES


def test_the_report_is_one_self_contained_file(out):
    html = (out / "report.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    assert html.count('src="data:image/png;base64,') == 2 * (1 + 6 * 3)
    assert "Above: held-out images. Below each: their reconstructions." in html
    assert html.count('<section class="explorer"') == 2
    for name in ("real versus real", "bootstrap copies", "PMF, n_bins=16", "Local, auto", "GMM, n_components=10"):
        assert len(re.findall(f'<th scope="row">{name}( <span|</th>)', html)) >= 2
    assert html.count("against GMM, n_components=10</th>") == 2
    assert not re.search(r"\bFID\b(?! *:| *it)", html.replace("is not FID", ""))


def test_scores(out):
    scores = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    assert scores["autoencoders"].keys() == {"AE", "VAE"}
    for model in scores["autoencoders"].values():
        by_name = {row["name"]: row for row in model["rows"]}
        assert by_name["bootstrap copies"]["nn_ratio"] == 0.0
        for name in ("PMF, auto", "Local, auto"):
            assert abs(by_name[name]["nn_ratio"] - 1.0) < 0.2
            assert len(by_name[name]["runs"]["frechet_distance"]) == 2
        assert abs(by_name["Local, auto"]["variance_ratio"] - 1.0) < 0.1
        assert by_name["Local, auto"]["chosen"]["n_neighbors"] > 1
        assert by_name["PMF, n_bins=4"]["nn_ratio"] > by_name["PMF, n_bins=32"]["nn_ratio"] > 0.0
        assert {row["name"] for row in model["versus_baseline"]} >= {"PMF, auto", "Local, auto"}
    assert {"processor", "cores", "python", "torch", "features"} <= scores["facts"].keys()


def test_what_it_saved_generates(out):
    for model in ("ae", "vae"):
        autoencoder = vicinal.load(out / f"{model}-autoencoder.safetensors")
        sampler = vicinal.load(out / f"{model}-local.safetensors")
        images = vicinal.generate(autoencoder, sampler, 5)
        assert images.shape == (5, 1, 8, 8)
        assert (images >= 0).all()
        assert (images <= 1).all()
        assert autoencoder.card["objective"] == model


def test_an_earlier_run_is_not_replaced(out):
    before = (out / "report.html").read_bytes()
    with pytest.raises(ValueError, match=r"report.html exists; pass --force"):
        demo.run_demo(out)
    assert (out / "report.html").read_bytes() == before


def test_unknown_data_sets(tmp_path):
    with pytest.raises(ValueError, match="dataset must be one of 'digits', 'mnist'; got 'faces'"):
        demo.run_demo(tmp_path, dataset="faces")


def test_mnist_differs_from_digits_in_data_and_networks():
    digits, mnist = demo.demo_config("digits", 7), demo.demo_config("mnist", 7)
    assert mnist.data == {"name": "mnist"}
    assert mnist.samplers == digits.samplers
    assert digits.training_seeds == mnist.training_seeds == (7,)
    assert digits.features["random_state"] == 7
    assert (digits.sampling_seeds[0], mnist.sampling_seeds) == (7, (7, 8))
