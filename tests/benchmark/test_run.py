"""The loop: the same lines however it was interrupted or changed in between, and nothing is done twice."""

import contextlib
import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import vicinal
from vicinal import benchmark, cli, datasets, metrics, pipeline, report, samplers, storage
from vicinal._errors import FileFormatError, InvalidInputError, MissingExtraError
from vicinal.autoencoders import training
from vicinal.benchmark import bench, runner
from vicinal.benchmark.config import sampler_of
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS
from vicinal.images import to_levels
from vicinal.metrics import frechet_distance
from vicinal.report import slug

OF_SAMPLER = {
    "Gaussian": "GaussianSampler",
    "PMF, 8 bins": "PMFSampler",
    "KDE": "KDESampler",
    BOOTSTRAP: "BootstrapSampler",
}


def text(folder, name="results.jsonl"):
    return (folder / name).read_text(encoding="utf-8")


def without_times(markdown):
    head, found, _ = markdown.partition("### Times")
    assert found
    return head


@pytest.fixture
def two(tiny):
    """Return a study of two trainings."""
    names = {"PMF, 8 bins": {"sampler": "PMFSampler", "n_bins": 8}, "KDE": {"sampler": "KDESampler"}}
    return tiny(training_seeds=(0, 1), shown=("KDE",), samplers=names)


@pytest.fixture
def whole(two, log, tmp_path):
    """Return the folder of a run that was not interrupted; the log is of that run."""
    folder = tmp_path / "whole"
    benchmark.run(two, folder)
    assert len(log.trained) == 2
    assert len(log.fitted) == 2 * 3
    assert log.scored == len(text(folder).splitlines()) == 2 * (1 + 2 * 4)
    return folder


def test_the_command_finds_the_same_bytes(measured, full, write_toml, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "again"
    monkeypatch.setattr(report.page, "frontier_plot", lambda _: b"")  # they take longest
    monkeypatch.setattr(sys, "argv", ["vicinal", "benchmark", str(write_toml(full)), "--out", str(folder)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    captured = capsys.readouterr()
    assert (caught.value.code, captured.out) == (0, f"wrote {folder / 'report.html'}\n"), captured.err
    assert text(folder) == text(measured)
    assert without_times(text(folder, "report.md")) == without_times(text(measured, "report.md"))
    assert text(folder, "study.json") == text(measured, "study.json")


def test_lines_are_what_the_library_finds(measured, full, lines):
    """Nothing but encode, fit, sample, decode and the public metrics, for one line of each kind."""
    train, real = (datasets.load("digits", split=split).images for split in ("train", "test"))
    model = vicinal.load(measured / "models" / "vamp-0.safetensors")
    features, z_train, z_real = metrics.PixelFeatures(), pipeline.encode(model, train), pipeline.encode(model, real)
    found = {
        row["sampler"]: row
        for row in lines(measured / "results.jsonl")
        if (row["autoencoder"], row["training_seed"], row["sampling_seed"]) == ("Vamp", 0, 1)
    }
    found[RECONSTRUCTIONS] = next(
        row
        for row in lines(measured / "results.jsonl")
        if (row["autoencoder"], row["training_seed"], row["sampler"]) == ("Vamp", 0, RECONSTRUCTIONS)
    )
    of_real, rebuilt = features(real), pipeline.decode(model, z_real)
    for name, sampler in {
        "Gaussian": samplers.GaussianSampler(random_state=0),
        "PMF, auto": samplers.PMFSampler(random_state=0),
        "prior": samplers.VampSampler(model, random_state=0),
        BOOTSTRAP: samplers.BootstrapSampler(random_state=0),
    }.items():
        z = sampler.fit(z_train).sample(60, random_state=1)
        drawn = features(pipeline.decode(model, z))
        row = found[name]
        assert row["n"] == 60
        assert row["frechet_distance"] == pytest.approx(frechet_distance(of_real, drawn), rel=1e-5)
        to_rebuilt = frechet_distance(features(rebuilt), drawn)
        assert row["frechet_to_reconstructions"] == pytest.approx(to_rebuilt, rel=1e-3, abs=1e-9)
        assert row["variance_ratio"] == pytest.approx(metrics.variance_ratio(z_real, z), rel=1e-5)
        authentic = metrics.authenticity(z_train, z[:50])
        assert row["authenticity"] == pytest.approx(authentic, rel=1e-5)
    assert found["PMF, auto"]["chosen"]["n_bins"] == samplers.PMFSampler(random_state=0).fit(z_train).n_bins_
    assert found[BOOTSTRAP]["nn_ratio"] == 0.0
    assert found[REAL]["nn_ratio"] == 1.0
    distance = frechet_distance(of_real, features(rebuilt))
    assert found[RECONSTRUCTIONS]["frechet_distance"] == pytest.approx(distance, rel=1e-5)
    error = np.square(to_levels(real) / 255 - rebuilt).mean()
    assert found[RECONSTRUCTIONS]["held_out_mean_squared_error"] == pytest.approx(error, rel=1e-5)
    assert found[RECONSTRUCTIONS]["mean_squared_error"] == pytest.approx(model.card["mean_squared_error"], rel=1e-5)
    assert "nn_ratio" not in found[RECONSTRUCTIONS]


def known(config, folder):
    """Return what the files of an interrupted run say is done: trained seeds, fitted samplers, number of lines."""
    rows = [json.loads(line) for line in text(folder).splitlines()] if (folder / "results.jsonl").exists() else []
    kept = {path.stem for path in folder.glob("kept/fitted/*.json")}
    names = {(name, seed): sampler for name, sampler in OF_SAMPLER.items() for seed in config.training_seeds}
    of_key = {row["key"]: (row["sampler"], row["training_seed"]) for row in rows}
    fitted = {(names[where], where[1]) for where in of_key.values() if where in names}
    trained = {int(path.stem.rpartition("-")[2]) for path in folder.glob("models/*.safetensors")}
    return trained, fitted, kept, len(rows)


def attempt(config, folder, log, stop_at, reference):
    """Run until an event; check that nothing is done that the files said was done. Tell whether it went through."""
    trained, fitted, kept, n_known = known(config, folder)
    log.__init__()
    log.stop_at = stop_at
    keys = {
        (OF_SAMPLER[row["sampler"]], row["training_seed"]): row["key"]
        for row in reference
        if row["sampler"] in OF_SAMPLER
    }
    try:
        benchmark.run(config, folder)
    except KeyboardInterrupt:
        finished = False
    else:
        finished = True
    assert not trained & set(log.trained)
    assert not fitted & set(log.fitted)
    assert not kept & {keys[fit] for fit in log.fitted}
    assert len(set(log.fitted)) == len(log.fitted)
    assert log.scored <= len(reference) - n_known
    if (folder / "results.jsonl").exists():
        now = [json.loads(line) for line in text(folder).splitlines()]
        assert now == reference[: len(now)]
        assert len(now) >= n_known
    return finished


def test_interrupted_at_any_event_it_goes_on_to_the_same_lines(two, whole, log, lines, tmp_path):
    """One interruption of each run, at moments spread over all of it, just before and just after each step."""
    reference, n_events = lines(whole / "results.jsonl"), log.n_events
    for number, stop_at in enumerate(range(n_events // 5 | 1, n_events + 1, n_events // 5 | 1)):
        folder = tmp_path / str(number)
        assert not attempt(two, folder, log, stop_at, reference)
        assert attempt(two, folder, log, None, reference)
        same_as(whole, folder)


def test_what_was_fitted_goes_even_if_the_run_stopped_before_it_could(two, whole, log, monkeypatch, tmp_path):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner, "_forget_fitted", stop)
        with pytest.raises(KeyboardInterrupt):
            benchmark.run(two, tmp_path / "out")
    assert list((tmp_path / "out").glob("kept/fitted/*"))
    benchmark.run(two, tmp_path / "out")
    same_as(whole, tmp_path / "out")


def same_as(whole, folder):
    assert text(folder) == text(whole)
    assert without_times(text(folder, "report.md")) == without_times(text(whole, "report.md"))
    for name in ("models", "images"):
        assert {path.name for path in (folder / name).iterdir()} == {path.name for path in (whole / name).iterdir()}
    for path in (whole / "images").iterdir():
        assert (folder / "images" / path.name).read_bytes() == path.read_bytes()
    assert not list(folder.glob("kept/fitted/*"))
    assert not list(folder.rglob("*.tmp"))


def test_interrupted_again_and_again(two, whole, log, lines, tmp_path):
    reference, folder = lines(whole / "results.jsonl"), tmp_path / "out"
    order = np.random.default_rng(0)
    attempts = (attempt(two, folder, log, order.integers(5, 60), reference) for _ in range(100))
    n_stopped = sum(1 for _ in itertools.takewhile(lambda finished: not finished, attempts))
    assert 3 < n_stopped < 100
    same_as(whole, folder)


RUNS = """
import os, random, signal, sys, time
import jinja2, matplotlib, rich.progress, sklearn.datasets, sklearn.neighbors, torch._dynamo
from vicinal import cli, report
from vicinal.autoencoders import training

report.page.frontier_plot = lambda _: b""  # it takes longest
folder, order, n_killed = sys.argv[1], random.Random(1), 0
sys.argv[:] = ["vicinal", "benchmark", sys.argv[2], "--out", folder]

def n_lines():
    try:
        return open(folder + "/results.jsonl").read().count("\\n")
    except FileNotFoundError:
        return 0

for least in (1, 6):
    child = os.fork()
    if not child:
        cli.main()
    while n_lines() < least:
        time.sleep(0.001)
    time.sleep(order.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    n_killed += os.waitpid(child, 0)[1] == signal.SIGKILL
print(n_killed, "killed", flush=True)
cli.main()
"""


@pytest.mark.slow("it kills many processes, each of which loads torch; other tests interrupt within one")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks, since packages take long to load")
def test_killed(two, log, changed, write_toml, tmp_path):
    """SIGKILL leaves no time to tidy up: what is on the disk must be enough."""
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    samplers = {name: {"sampler": f"{name}Sampler"} for name in ("Gaussian", "KDE")}
    two = changed(two, shown=(), samplers=samplers, training_seeds=(0,))
    benchmark.run(two, whole)
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-c", RUNS, str(folder), str(write_toml(two))]
    done = subprocess.run(command, env=os.environ | one, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stdout) == (0, f"2 killed\nwrote {folder / 'report.html'}\n"), done.stderr
    assert text(folder) == text(whole)
    assert without_times(text(folder, "report.md")) == without_times(text(whole, "report.md"))
    assert not list(folder.glob("kept/fitted/*"))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "study.toml: No such file or directory"),
        ("title =", "study.toml is no TOML file ("),
        ('title = "T"', "study.toml lacks autoencoders, data, features, samplers; a study has"),
        ("", "metrics must name 'frechet_distance' and 'nn_ratio'"),
    ],
)
def test_the_command_says_what_is_wrong_in_one_line(found, message, tiny, write_toml, tmp_path, monkeypatch, capsys):
    path = write_toml(tiny(), metrics=["nn_ratio"])
    if found is None:
        path.unlink()
    elif found:
        path.write_text(found)
    monkeypatch.setattr(sys, "argv", ["vicinal", "benchmark", str(path), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    captured = capsys.readouterr()
    assert (caught.value.code, captured.out) == (2, "")
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert not (tmp_path / "out").exists()


def test_a_sampler_more(tiny, log, changed, tmp_path):
    few = tiny(samplers={name: settings for name, settings in tiny().samplers.items() if name != "PMF, 8 bins"})
    benchmark.run(few, tmp_path)
    before = text(tmp_path).splitlines()
    log.__init__()
    benchmark.run(tiny(), tmp_path)
    assert (log.trained, log.fitted, log.scored) == ([], [("PMFSampler", 0)], 2)
    after = text(tmp_path).splitlines()
    assert [line for line in after if "PMF" not in line] == before
    assert ["PMF" in line for line in after] == [False] * 7 + [True] * 2 + [False] * 2, "in the order of the study"
    assert "| PMF, 8 bins |" in text(tmp_path, "report.md")


def test_a_sampler_less_and_back_again(tiny, log, tmp_path):
    benchmark.run(tiny(), tmp_path)
    before, report = text(tmp_path), text(tmp_path, "report.md")
    timings = text(tmp_path, "timings.jsonl")
    log.__init__()
    few = tiny(samplers={name: settings for name, settings in tiny().samplers.items() if name != "PMF, 8 bins"})
    benchmark.run(few, tmp_path)
    left = [line for line in before.splitlines() if "PMF" in line]
    assert text(tmp_path).splitlines() == [line for line in before.splitlines() if "PMF" not in line]
    assert text(tmp_path, "former/results.jsonl").splitlines() == left
    assert len(text(tmp_path, "former/timings.jsonl").splitlines()) == 2
    assert "PMF" not in text(tmp_path, "report.md")
    benchmark.run(tiny(), tmp_path)
    assert (log.trained, log.fitted, log.scored) == ([], [], 0)
    assert (text(tmp_path), text(tmp_path, "timings.jsonl"), text(tmp_path, "report.md")) == (before, timings, report)


def test_other_settings_under_the_same_name(tiny, log, tmp_path):
    """The lines of the one never stand for the other, in either direction."""

    def study(n_bins):
        return tiny(samplers={"PMF": {"sampler": "PMFSampler", "n_bins": n_bins}})

    benchmark.run(study(8), tmp_path)
    first, report = text(tmp_path), without_times(text(tmp_path, "report.md"))
    benchmark.run(study(3), tmp_path)
    assert text(tmp_path) != first
    assert without_times(text(tmp_path, "report.md")) != report
    log.__init__()
    for n_bins in (8, 3, 8):
        benchmark.run(study(n_bins), tmp_path)
    assert (log.trained, log.fitted, log.scored) == ([], [], 0)
    assert (text(tmp_path), without_times(text(tmp_path, "report.md"))) == (first, report)


@pytest.mark.parametrize("stop_at", [4, 8])
def test_no_line_is_lost_on_its_way_to_former_and_back(stop_at, tiny, log, tmp_path):
    """Interrupted while some lines leave and others come back, each is in one file or the other."""
    benchmark.run(tiny(), tmp_path)
    before = text(tmp_path)
    for names in (["Gaussian", "KDE"], ["Gaussian", "PMF, 8 bins"], ["KDE"], ["Gaussian"]):
        log.__init__()
        log.stop_at = stop_at  # the first two are before and after the study is written, then come four files of lines
        with contextlib.suppress(KeyboardInterrupt):
            benchmark.run(tiny(samplers={name: tiny().samplers[name] for name in names}), tmp_path)
        assert log.scored == 0
        log.__init__()
        benchmark.run(tiny(samplers={name: tiny().samplers[name] for name in names}), tmp_path)
        assert log.scored == 0
    benchmark.run(tiny(), tmp_path)
    assert (log.fitted, log.scored) == ([], 0)
    assert text(tmp_path) == before


def test_changed_training_is_refused(tiny, log, tmp_path):
    benchmark.run(tiny(), tmp_path)
    before = text(tmp_path)
    wider = tiny(training={"latent_dim": 2, "width": 5, "n_epochs": 1, "batch_size": 500})
    with pytest.raises(
        InvalidInputError, match=r"ae-0.safetensors is of another training: width was 4, is 5; move it away, or name"
    ):
        benchmark.run(wider, tmp_path)
    assert len(log.trained) == 1
    benchmark.run(tiny(), tmp_path)
    assert text(tmp_path) == before
    other = tiny(autoencoders={"AE": {"objective": "beta-vae", "beta": 2.0}})
    with pytest.raises(InvalidInputError, match=r"objective was ae, is beta-vae, beta was None, is 2\.0"):
        benchmark.run(other, tmp_path)


def test_batches_larger_than_the_data(tiny, log, tmp_path):
    config = tiny(training={"latent_dim": 2, "width": 4, "n_epochs": 1, "batch_size": 5000})
    for _ in range(2):
        benchmark.run(config, tmp_path)
    assert len(log.trained) == 1


def test_a_damaged_model_is_an_error_and_no_failure_of_samplers(tiny, log, tmp_path):
    few = tiny(samplers={"Gaussian": {"sampler": "GaussianSampler"}})
    benchmark.run(few, tmp_path)
    (tmp_path / "models" / "ae-0.safetensors").write_bytes(b"")
    before = text(tmp_path)
    with pytest.raises(FileFormatError, match=r"ae-0\.safetensors is not a vicinal file"):
        benchmark.run(tiny(), tmp_path)
    assert text(tmp_path) == before


def test_a_sampler_that_cannot_be_fitted(measured, lines):
    rows = [row for row in lines(measured / "results.jsonl") if row["sampler"] == "too many"]
    assert len(rows) == 2 * 2
    assert all("2000" in row["failed"] and "frechet_distance" not in row for row in rows)
    table = text(measured, "report.md").split("### Not fitted")[1]
    assert f"| too many | AE | {rows[0]['failed']} |" in table
    assert "| too many | Vamp |" in table
    last = [row["sampler"] for row in lines(measured / "results.jsonl")][-1]
    assert last == "prior", "the study goes on"


def test_a_failure_is_not_tried_again(tiny, log, tmp_path):
    config = tiny(samplers={"too many": {"sampler": "GMMSampler", "n_components": 2000}})
    for n_fits in (1, 0):
        log.__init__()
        benchmark.run(config, tmp_path)
        assert log.fitted.count(("GMMSampler", 0)) == n_fits


def test_an_autoencoder_of_ones_own(tiny, log, write_toml, tmp_path, lines):
    from vicinal.autoencoders import training as module

    images = datasets.load("digits").images
    model = module.train("ae", images, latent_dim=3, width=3, n_epochs=1, batch_size=400, random_state=5)
    model.save(tmp_path / "ours.safetensors")
    autoencoders = {"AE": {"objective": "ae"}, "Ours": {"path": "ours.safetensors"}}
    config = tiny(training_seeds=(0, 1), samplers={"KDE": {"sampler": "KDESampler"}}, autoencoders=autoencoders)
    log.__init__()
    out = tmp_path / "elsewhere" / "out"
    benchmark.run(write_toml(config), out)
    assert log.trained == [0, 1]
    rows = lines(out / "results.jsonl")
    where = [(row["autoencoder"], row["training_seed"]) for row in rows if row["sampler"] == "KDE"]
    assert where == [("AE", 0)] * 2 + [("Ours", 0)] * 2 + [("AE", 1)] * 2
    error = next(row["mean_squared_error"] for row in rows if row["autoencoder"] == "Ours")
    assert error == pytest.approx(model.card["mean_squared_error"], rel=1e-5)
    assert {path.name for path in (out / "models").iterdir()} == {"ae-0.safetensors", "ae-1.safetensors"}
    (tmp_path / "ours.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"ours\.safetensors"):
        benchmark.run(write_toml(config), tmp_path / "new")


def test_samplers_of_one_autoencoder(measured, lines, full):
    rows = lines(measured / "results.jsonl")
    assert {row["autoencoder"] for row in rows if row["sampler"] == "prior"} == {"Vamp"}
    others = full.samplers.keys() - {"prior"} | {BOOTSTRAP, REAL, RECONSTRUCTIONS}
    for name in others:
        assert {row["autoencoder"] for row in rows if row["sampler"] == name} == {"AE", "Vamp"}


def test_images(measured, full):
    expected = {f"{slug(a)}-{slug(s)}.npy" for a in full.autoencoders for s in full.shown} - {"ae-prior.npy"}
    assert {path.name for path in (measured / "images").iterdir()} == expected
    train = datasets.load("digits").images
    model = vicinal.load(measured / "models" / "ae-0.safetensors")
    rows = storage.read_array(measured / "images" / "ae-bootstrap-copies.npy")
    assert (rows.shape, rows.dtype) == ((3, 20, 1, 8, 8), np.uint8)
    rebuilt = pipeline.decode(model, pipeline.encode(model, rows[2]))
    assert np.abs(rows[0] / 255 - rebuilt).max() < 0.01, "below a copy is the image that it is a copy of"
    assert np.array_equal(rows[0], rows[1]), "and in between that image, decoded"
    levels = {image.tobytes() for image in np.rint(train * 255).astype(np.uint8)}
    assert all(image.tobytes() in levels for image in rows[2])


def test_images_without_training_images(tiny, log, tmp_path):
    benchmark.run(tiny(shown=("KDE", RECONSTRUCTIONS), show_training_images=False, n_shown=7), tmp_path)
    shapes = {path.name: storage.read_array(path).shape for path in (tmp_path / "images").iterdir()}
    assert shapes == {"ae-kde.npy": (1, 7, 1, 8, 8), "ae-reconstructions.npy": (1, 7, 1, 8, 8)}


def test_saved_samplers(measured):
    assert {path.stem for path in (measured / "saved").iterdir()} == {"ae-pmf", "vamp-pmf", "vamp-prior"}
    model = vicinal.load(measured / "models" / "ae-0.safetensors")
    latents = pipeline.encode(model, datasets.load("digits").images)
    found = vicinal.load(measured / "saved" / "ae-pmf.safetensors").sample(9)
    assert np.array_equal(found, samplers.PMFSampler(random_state=0).fit(latents).sample(9))


def test_a_sampler_is_saved_later_and_fitted_once(tiny, log, tmp_path):
    benchmark.run(tiny(), tmp_path)
    for n_fits in (1, 0):
        log.__init__()
        benchmark.run(tiny(saved={"kde": "KDE"}), tmp_path)
        assert (log.trained, log.fitted, log.scored) == ([], [("KDESampler", 0)] * n_fits, 0)
    assert vicinal.load(tmp_path / "saved" / "ae-kde.safetensors").sample(3).shape == (3, 2)


def test_the_likelihood_of_held_out_latents(measured, lines):
    model = vicinal.load(measured / "models" / "ae-0.safetensors")
    train, real = (pipeline.encode(model, datasets.load("digits", split=s).images) for s in ("train", "test"))
    found = {row["sampler"]: row for row in lines(measured / "results.jsonl") if row["autoencoder"] == "AE"}
    expected = samplers.GaussianSampler().fit(train).score(real[:500])
    assert found["Gaussian"]["log_likelihood"] == pytest.approx(expected, rel=1e-5)
    assert "log_likelihood" not in found[BOOTSTRAP]
    assert "log_likelihood" not in found["PMF, 3000 bins"], "some held-out latents have no density"


@pytest.mark.parametrize("module", ["jinja2", "matplotlib"])
def test_missing_packages_are_named_before_any_work(module, tiny, log, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf'{module} is not installed; run: pip install "vicinal\[report\]"'):
        benchmark.run(tiny(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_a_sampler_needs_is_named_before_any_training(tiny, log, tmp_path, monkeypatch):
    pytest.importorskip("zuko")
    monkeypatch.setitem(sys.modules, "zuko", None)
    with pytest.raises(MissingExtraError, match="zuko is not installed"):
        benchmark.run(tiny(samplers={"KDE": {"sampler": "KDESampler"}, "flow": {"sampler": "FlowSampler"}}), tmp_path)
    assert (log.trained, log.fitted) == ([], [])


def test_weights_that_are_not_given(tiny, log, tmp_path):
    with pytest.raises(InvalidInputError, match="need its weights: pass --weights FILE"):
        benchmark.run(tiny(features={"name": "inception"}), tmp_path)
    with pytest.raises(InvalidInputError, match=r"weights go with features of inception, dinov2, clip; got x.pth for"):
        benchmark.run(tiny(features={"name": "pixels"}), tmp_path, weights="x.pth")
    assert log.trained == []


def test_a_classifier_is_trained_once(tiny, log, tmp_path, monkeypatch, lines):
    saved, save = [], metrics.ClassifierFeatures.save
    monkeypatch.setattr(metrics.ClassifierFeatures, "save", lambda self, path: saved.append(path) or save(self, path))
    config = tiny(features={"name": "classifier", "n_epochs": 2, "hidden_units": [16, 4]})
    for _ in range(2):
        benchmark.run(config, tmp_path)
    assert len(saved) == 1
    images = datasets.load("digits", split="test").images
    assert metrics.ClassifierFeatures.read(saved[0])(images).shape == (599, 4)
    facts = json.loads(text(tmp_path, "study.json"))["facts"]
    assert facts["features"].startswith("last hidden layer of a classifier of the training images (")
    assert facts["distance"] == "Frechet distance"
    before = text(tmp_path)
    benchmark.run(tiny(features={"name": "classifier", "n_epochs": 1, "hidden_units": [16, 4]}), tmp_path)
    assert len(saved) == 2
    assert text(tmp_path) != before


@pytest.mark.parametrize(
    "settings",
    [
        {"sampler": "PMFSampler"},
        {"sampler": "LocalSampler"},
        {"sampler": "KDESampler", "bandwidth": "auto"},
        {"sampler": "GMMSampler", "n_components": 3},
        {"sampler": "GMMSampler", "n_components": "bic", "max_components": 5},
        {"sampler": "CopulaSampler"},
        {"sampler": "HypersphereSampler"},
        {"sampler": "TwoStageSampler", "n_epochs": 1, "hidden_units": [8]},
        {"sampler": "FlowSampler", "n_epochs": 1, "hidden_units": [8], "n_transforms": 2},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_a_sampler_that_was_read_chose_and_draws_the_same(settings, tmp_path):
    """So that an interruption after its fit leaves no trace in the lines."""
    if settings["sampler"] == "FlowSampler":
        pytest.importorskip("zuko")
    rows = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    fitted = sampler_of(settings, None, 3).fit(rows)
    fitted.save(tmp_path / "s.safetensors")
    again = vicinal.load(tmp_path / "s.safetensors")

    def chosen(sampler):
        return {name: float(getattr(sampler, name)) for name in bench.CHOSEN if bench._is_number(sampler, name)}

    assert chosen(again) == chosen(fitted)
    assert np.array_equal(again.sample(20, random_state=1), fitted.sample(20, random_state=1))


def test_a_training_goes_on_where_it_was(tiny, log, tmp_path):
    config = tiny(training={"latent_dim": 2, "width": 4, "n_epochs": 3, "batch_size": 500})
    steps, inner = [], training.clip_grad_norm_

    def count(*args, **options):
        steps.append(1)
        if len(steps) == 5:
            raise KeyboardInterrupt
        return inner(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "clip_grad_norm_", count)
        with pytest.raises(KeyboardInterrupt):
            benchmark.run(config, tmp_path / "a")
        assert [path.name for path in (tmp_path / "a" / "models").iterdir()] == ["ae-0.checkpoint"]
        benchmark.run(config, tmp_path / "a")
        assert len(steps) == 5 + 2, "two of three epochs of two steps were done"
    benchmark.run(config, tmp_path / "b")
    assert text(tmp_path / "a") == text(tmp_path / "b")
    assert [path.name for path in (tmp_path / "a" / "models").iterdir()] == ["ae-0.safetensors"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"objective": "a"}, "objective must be one of 'ae'"), ({"objective": "vae", "bta": 2.0}, "no option 'bta'")],
)
def test_what_no_training_knows_is_told_before_the_first(tiny, tmp_path, log, settings, message):
    config = tiny(autoencoders={"AE": {"objective": "ae"}, "Wrong": settings})
    with pytest.raises(InvalidInputError, match=message):
        benchmark.run(config, tmp_path)
    assert log.trained == []
