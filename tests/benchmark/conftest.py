"""A study of seconds, run once for the tests that only look, and by each test that disturbs it."""

from __future__ import annotations

import dataclasses
import functools
import json
import os

import pytest
from threadpoolctl import threadpool_limits

from vicinal.benchmark import config as configs

AUTOENCODERS = {"AE": {"objective": "ae"}}
SAMPLERS = {
    "Gaussian": {"sampler": "GaussianSampler"},
    "PMF, 8 bins": {"sampler": "PMFSampler", "n_bins": 8},
    "KDE": {"sampler": "KDESampler"},
}


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Keep to one thread: so do subprocesses that must find the same bytes."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1), pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)  # no test cuts the power
        yield
    torch.set_num_threads(before)


def make(**changes):
    values = {
        "title": "Tiny",
        "data": {"name": "digits"},
        "features": {"name": "pixels"},
        "training": {"latent_dim": 2, "width": 4, "n_epochs": 1, "batch_size": 500},
        "autoencoders": AUTOENCODERS,
        "samplers": SAMPLERS,
        "sampling_seeds": (0, 1),
        "n_samples": 60,
        "max_searched": 50,
        "metrics": ("frechet_distance", "nn_ratio", "novelty_p"),
    }
    return configs.Config(**(values | changes))


@pytest.fixture(scope="session")
def tiny():
    """Return a function that makes the study, with some of it changed."""
    return make


@pytest.fixture
def lines():
    """Return a function that reads a file of lines."""

    def read(path):
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    return read


@pytest.fixture(scope="session")
def full():
    """Return a study with all that a report can show: copies, failures, samplers of one autoencoder, images."""
    return make(
        autoencoders={"AE": {"objective": "ae"}, "Vamp": {"objective": "vamp", "n_pseudo_inputs": 5}},
        samplers={
            "Gaussian": {"sampler": "GaussianSampler"},
            "PMF, auto": {"sampler": "PMFSampler"},
            "PMF, 3000 bins": {"sampler": "PMFSampler", "n_bins": 3000},
            "GMM": {"sampler": "GMMSampler", "n_components": 2},
            "too many": {"sampler": "GMMSampler", "n_components": 2000},
            "prior": {"sampler": "VampSampler", "autoencoders": ["Vamp"]},
        },
        metrics=configs.Config.__dataclass_fields__["metrics"].default,
        baseline="Gaussian",
        shown=("reconstructions", "PMF, auto", "bootstrap copies", "prior"),
        saved={"pmf": "PMF, auto", "prior": "prior"},
    )


@pytest.fixture(scope="session")
def measured(full, tmp_path_factory):
    """Return the folder of that study, run whole, not to be written to."""
    from vicinal import benchmark

    folder = tmp_path_factory.mktemp("full") / "out"
    assert benchmark.run(full, folder) == folder / "report.html"
    return folder


@pytest.fixture
def write_toml(tmp_path):
    """Return a function that writes a study as TOML, with lines before its tables; JSON's values are TOML's."""

    def write(study, more="", without=(), **tables):
        found = {**{k: v for k, v in study.to_dict().items() if v is not None and k not in without}, **tables}
        plain = {key: value for key, value in found.items() if not isinstance(value, dict)}
        text = [f"{key} = {json.dumps(value)}" for key, value in plain.items()] + [more]
        for table, entries in found.items():
            if isinstance(entries, dict):
                text.append(f"[{table}]")
                text += [f"{json.dumps(name)} = {_inline(value)}" for name, value in entries.items()]
        path = tmp_path / "study.toml"
        path.write_text("\n".join(text), encoding="utf-8")
        return path

    return write


def _inline(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_inline(each)}" for name, each in value.items()) + " }"
    return json.dumps(value)


@pytest.fixture
def changed():
    """Return `dataclasses.replace`, for studies."""
    return dataclasses.replace


class Log:
    """What a run does, told apart by training seed; raises KeyboardInterrupt at an event."""

    def __init__(self):
        self.n_events, self.stop_at = 0, None
        self.trained, self.fitted, self.scored = [], [], 0

    def event(self):
        self.n_events += 1
        if self.n_events == self.stop_at:
            raise KeyboardInterrupt


@pytest.fixture
def log(monkeypatch):
    """Count trainings, fits, scorings; every write, fit, scoring, and training step is an event, before and after."""
    from vicinal import report, samplers, storage
    from vicinal.autoencoders import training
    from vicinal.evaluation import Judge

    found = Log()

    def watch(owner, name, note=None):
        function = getattr(owner, name)

        @functools.wraps(function)
        def watched(*args, **options):
            found.event()
            if note is not None:
                note(*args, **options)
            value = function(*args, **options)
            found.event()
            return value

        monkeypatch.setattr(owner, name, watched)

    def fit(sampler, rows):
        if len(rows) > 300:  # a sampler is tried on fewer first
            found.fitted.append((type(sampler).__name__, sampler.random_state))

    def score(*_args, **_options):
        found.scored += 1

    watch(storage, "write_atomic")
    watch(training, "train", lambda *_args, **options: found.trained.append(options["random_state"]))
    watch(training, "clip_grad_norm_")
    for name in ("Bootstrap", "Gaussian", "GMM", "KDE", "PMF"):
        watch(getattr(samplers, f"{name}Sampler"), "fit", fit)
    watch(Judge, "score", score)
    watch(Judge, "real_run", score)
    monkeypatch.setattr(report, "write", lambda path, *_, **__: storage.write_atomic(path, b""))  # plots take longest
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Let one worker run all tests of the measured study, so that it is measured once."""
    for item in items:
        if "measured" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("study"))
