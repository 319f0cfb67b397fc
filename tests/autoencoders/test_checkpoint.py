"""Checkpoints: stopped anywhere and resumed, a training has the bits of one that never stopped."""

import signal
import subprocess
import sys

import numpy as np
import pytest

from vicinal import storage
from vicinal._errors import FileFormatError

torch = pytest.importorskip("torch")

from vicinal.autoencoders import training  # noqa: E402 - after the skip
from vicinal.autoencoders.objectives import OBJECTIVES  # noqa: E402
from vicinal.autoencoders.training import train  # noqa: E402

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)
SETTINGS = {"latent_dim": 2, "width": 4, "n_epochs": 4, "batch_size": 16, "random_state": 3}


class StopError(Exception):
    """Ends a training in the midst of it."""


@pytest.fixture(autouse=True)
def _one_thread():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def run(objective="vae", **changes):
    options = {"n_pseudo_inputs": 5} if objective == "vamp" else {}
    return train(objective, changes.pop("images", IMAGES), **SETTINGS | options | changes)


def stop_at(*epochs):
    def on_epoch(epoch, loss):
        if epoch in epochs:
            raise StopError

    return on_epoch


def same(a, b):
    """Tell whether two models have the same bits, and cards that differ in nothing but time."""
    assert a.state_dict().keys() == b.state_dict().keys()
    cards = [{k: v for k, v in model.card.items() if k != "seconds_per_epoch"} for model in (a, b)]
    return cards[0] == cards[1] and all(torch.equal(x, b.state_dict()[name]) for name, x in a.state_dict().items())


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_stopped_twice_and_resumed(objective, tmp_path):
    path = tmp_path / "checkpoint"
    for epoch in (1, 3):
        with pytest.raises(StopError):
            run(objective, checkpoint=path, resume=True, on_epoch=stop_at(epoch))
    assert same(run(objective, checkpoint=path, resume=True), run(objective))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 12)])
def test_with_validation_images_and_floats(shape, tmp_path):
    images = np.random.default_rng(0).random((40, *shape))
    validation = np.random.default_rng(1).random((7, *shape))
    path = tmp_path / "checkpoint"
    whole = run("ae", images=images, validation=validation, patience=3)
    for epoch in (1, 2, 3):
        with pytest.raises(StopError):
            run(
                "ae",
                images=images,
                validation=validation,
                patience=3,
                checkpoint=path,
                resume=True,
                on_epoch=stop_at(epoch),
            )
    resumed = run("ae", images=images, validation=validation, patience=3, checkpoint=path, resume=True)
    assert same(resumed, whole)


@pytest.mark.parametrize("n_steps", [1, 3, 5, 7])
def test_stopped_in_the_midst_of_an_epoch(n_steps, tmp_path, monkeypatch):
    path, whole = tmp_path / "checkpoint", run()
    left = iter(range(n_steps))

    def clip(*arguments):
        if next(left, None) is None:
            raise StopError
        return torch.nn.utils.clip_grad_norm_(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(training, "clip_grad_norm_", clip)
        with pytest.raises(StopError):
            run(checkpoint=path, resume=True)
    assert path.exists() == (n_steps > 1)  # two steps an epoch
    assert same(run(checkpoint=path, resume=True), whole)


def test_stopped_while_a_checkpoint_is_written(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint"
    with pytest.raises(StopError):
        run(checkpoint=path, on_epoch=stop_at(2))
    before = path.read_bytes()

    def fsync(_):
        raise StopError

    with monkeypatch.context() as patch:
        patch.setattr(storage.os, "fsync", fsync)
        with pytest.raises(StopError):
            run(checkpoint=path, resume=True)
    assert path.read_bytes() == before
    (tmp_path / ".checkpoint.abc.tmp").write_bytes(before[:1000])  # what a kill at this moment leaves behind
    assert same(run(checkpoint=path, resume=True), run())


@pytest.mark.slow("starts a process that imports torch")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed(tmp_path):
    path = tmp_path / "checkpoint"
    code = (
        "import os, signal, torch, numpy as np\n"
        "torch.set_num_threads(1)\n"
        "from vicinal.autoencoders.training import train\n"
        "images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)\n"
        "def kill(epoch, loss):\n"
        "    if epoch == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"train('vae', images, checkpoint={str(path)!r}, on_epoch=kill, **{SETTINGS})\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL  # noqa: S603
    assert same(run(checkpoint=path, resume=True), run())


def test_a_finished_training_is_not_trained_on(tmp_path):
    epochs = []
    first = run(checkpoint=tmp_path / "checkpoint")
    again = run(checkpoint=tmp_path / "checkpoint", resume=True, on_epoch=lambda epoch, loss: epochs.append(epoch))
    assert same(again, first)
    assert epochs == []


def test_without_resume_it_starts_anew(tmp_path):
    path = tmp_path / "checkpoint"
    run(checkpoint=path, random_state=5)
    assert same(run(checkpoint=path), run())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_dim": 3}, "latent_dim was 2, is 3"),
        ({"width": 8, "n_epochs": 5}, "width was 4, is 8, n_epochs was 4, is 5"),
        ({"decoder_std": 0.2}, r"options was \{'decoder_std': 0.1\}, is \{'decoder_std': 0.2\}"),
        ({"objective": "ae"}, r"objective was 'vae', is 'ae', options was"),
        ({"images": IMAGES[::-1]}, r"images was '?[0-9a-f]{12}\.\.\.'?, is '?[0-9a-f]{12}\.\.\."),
        ({"validation": IMAGES}, r"validation was None, is [0-9a-f]{12}\.\.\."),
    ],
)
def test_other_settings_are_refused(changes, message, tmp_path):
    path = tmp_path / "checkpoint"
    with pytest.raises(StopError):
        run(checkpoint=path, on_epoch=stop_at(1))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"checkpoint is of another training: {message}.*Pass what it was"):
        run(**{"objective": "vae", "checkpoint": path, "resume": True} | changes)
    assert path.read_bytes() == before


def test_files_that_are_no_checkpoints(tmp_path):
    path = tmp_path / "checkpoint"
    model = run(checkpoint=path)
    data = path.read_bytes()
    for damaged in (data[: len(data) // 2], data[:-1], data[:-9] + b"x" + data[-8:], b""):
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"truncated|damaged"):
            run(checkpoint=path, resume=True)
    model.save(path)
    with pytest.raises(FileFormatError, match="holds a ConvAutoencoder; expected a checkpoint of a training"):
        run(checkpoint=path, resume=True)
