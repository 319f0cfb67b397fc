"""Wherever a model is asked for, ``hf://user/repo@revision`` is one."""

import sys
from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal import _errors, _progress, cli
from vicinal.benchmark.inputs import Inputs
from vicinal.samplers import PMFSampler


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return a function that runs the command line in a fresh folder: (exit code, error output)."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(_progress, "QUIET_SECONDS", 1e9)  # however slow the machine is

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["vicinal", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return caught.value.code, capsys.readouterr().err

    return call


@pytest.fixture
def samplers(served):
    """Serve two samplers of latents of 3 dimensions: one on the main branch of a repository, one at its tag v1."""
    rows = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    found = {"main": PMFSampler(4, random_state=0).fit(rows), "v1": PMFSampler(2, random_state=1).fit(rows)}
    for revision, sampler in found.items():
        sampler.save_pretrained(served.root / f"user/sampler@{revision}")
    return found


@pytest.fixture
def model(served):
    """Serve an autoencoder of 8 x 8 images and 3 latent dimensions."""
    torch = pytest.importorskip("torch")
    from vicinal.autoencoders.networks import ConvAutoencoder

    torch.manual_seed(0)
    found = ConvAutoencoder((1, 8, 8), 3, width=4)
    found.save_pretrained(served.root / "user/model@main")
    return found


def test_a_sampler(run, served, samplers):
    for address, revision in {"hf://user/sampler": "main", "hf://user/sampler@v1": "v1"}.items():
        assert run("sample", address, "-n", "7", "-o", "z.npy", "--force") == (0, "")
        assert np.array_equal(np.load("z.npy"), samplers[revision].sample(7))
        assert np.array_equal(vicinal.load(address).sample(7), samplers[revision].sample(7))
    assert set(served.asked) == {f"user/sampler@{revision}/model.safetensors" for revision in samplers}
    assert run("info", "hf://user/sampler@v1") == (0, "")


def test_an_autoencoder_and_a_sampler(run, samplers, model):
    images = np.random.default_rng(0).random((5, 1, 8, 8), dtype=np.float32)
    np.save("x.npy", images)
    assert run("encode", "hf://user/model", "x.npy", "-o", "z.npy") == (0, "")
    assert np.allclose(np.load("z.npy"), vicinal.encode(model, images), atol=1e-6)
    assert run("decode", "hf://user/model@main", "z.npy", "-o", "y.npy") == (0, "")
    assert np.allclose(np.load("y.npy"), vicinal.decode(model, np.load("z.npy")), atol=1e-6)
    assert run("generate", "hf://user/model", "hf://user/sampler@v1", "-n", "6", "-o", "new.npy") == (0, "")
    assert np.allclose(np.load("new.npy"), vicinal.generate(model, samplers["v1"], 6), atol=1e-6)
    code, said = run("encode", "hf://user/sampler", "x.npy", "-o", "w.npy")
    assert (code, "MODEL must be an autoencoder; hf://user/sampler holds a PMFSampler" in said) == (2, True)
    code, said = run("generate", "hf://user/model", "hf://user/model", "-o", "w.npy")
    assert (code, "hf://user/model holds a ConvAutoencoder; expected a sampler" in said) == (2, True)


def test_a_model_without_its_card(run, model, served):
    """What the message of a failed download says to copy is enough."""
    (served.root / "user/model@main/README.md").unlink()
    np.save("x.npy", np.zeros((5, 1, 8, 8), np.float32))
    assert run("encode", str(served.root / "user/model@main"), "x.npy", "-o", "z.npy") == (0, "")


def test_a_study_of_autoencoders(served, model, tmp_path):
    from vicinal.benchmark import Config

    config = Config(
        title="T",
        data={"name": "digits"},
        features={"name": "pixels"},
        autoencoders={"Theirs": {"path": "hf://user/model"}, "Ours": {"path": "own/ae.safetensors"}},
        samplers={"PMF": {"sampler": "PMFSampler"}},
        folder=tmp_path,
    )
    inputs = Inputs(config, tmp_path / "out", None, "cpu", None)
    assert inputs.model("Theirs", 0).latent_dim == model.latent_dim
    assert inputs.model_file("Ours", 0) == tmp_path / "own/ae.safetensors"


@pytest.mark.parametrize("address", ["hf://user/absent", "hf://user/sampler@v2"])
def test_what_is_not_there(run, samplers, address):
    code, said = run("sample", address, "-o", "z.npy")
    assert (code, said.count("\n")) == (2, 1)
    assert f"model.safetensors of {address.partition('@')[0]} could not be downloaded" in said
    assert not Path("z.npy").exists()


def test_a_path_has_lost_a_slash():
    with pytest.raises(_errors.InvalidInputError, match=r"hf:/user/repo has lost a slash.*as text, hf://"):
        vicinal.load(Path("hf://user/repo"))
