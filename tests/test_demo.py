"""The main job and its report, made small."""

import json
import re

import pytest

import vicinal
from vicinal import demo

pytest.importorskip("torch")
pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Return the folder of one short run."""
    folder = tmp_path_factory.mktemp("demo")
    settings = demo.SETTINGS["digits"]._replace(n_epochs=3, n_seeds=2, classifier_epochs=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(demo.SETTINGS, "digits", settings)
        demo.run(folder)
    return folder


def test_the_report_is_one_self_contained_file(out):
    html = (out / "report.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:)', html)
    assert html.count("data:image/png;base64,") == 2 * (1 + 6)
    for name in (
        "real versus real",
        "reconstructions",
        "bootstrap copies",
        "PMF, 16 bins",
        "PMF, auto",
        "Local, auto",
        "GMM, 10 components",
    ):
        assert html.count(f"<td>{name}</td>") == 2 * (1 + name.startswith(("PMF", "Local")))
    assert html.count("better than GMM, 10 components by") == 2
    assert not re.search(r"\bFID\b(?! *:| *it)", html.replace("is not FID", ""))


def test_scores(out):
    scores = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    assert scores["models"].keys() == {"ae", "vae"}
    names = ["real versus real", "reconstructions", "bootstrap copies", *demo.samplers()]
    for model in scores["models"].values():
        assert [row["name"] for row in model["rows"]] == names
        by_name = {row["name"]: row for row in model["rows"]}
        assert by_name["bootstrap copies"]["nn_ratio"] == 0.0
        assert abs(by_name["PMF, auto"]["nn_ratio"] - 1.0) < 0.2
        assert abs(by_name["Local, auto"]["nn_ratio"] - 1.0) < 0.2
        assert abs(by_name["Local, auto"]["variance_ratio"] - 1.0) < 0.1
        assert by_name["PMF, 4 bins"]["nn_ratio"] > by_name["PMF, 32 bins"]["nn_ratio"] > 0.0
    assert {"processor", "cores", "python", "torch"} <= scores["facts"].keys()


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
        demo.run(out)
    assert (out / "report.html").read_bytes() == before


def test_missing_extras_are_named_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(ImportError, match=r'jinja2 is not installed; run: pip install "vicinal\[report\]"'):
        demo.run(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_unknown_data_sets(tmp_path):
    with pytest.raises(ValueError, match="dataset must be one of 'digits', 'mnist'; got 'faces'"):
        demo.run(tmp_path, dataset="faces")
