"""``vicinal fit`` and ``sample``: files in, files out, and what is said of the samples."""

import re

import numpy as np
import pytest

import vicinal
from vicinal import array_files, samplers
from vicinal.samplers.named import NAMES, OF_MODELS, named


@pytest.fixture
def latents(run, tmp_path):
    """Write latents.npy and its two halves; with classes."""
    rows = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    np.save(tmp_path / "latents.npy", rows)
    np.save(tmp_path / "a.npy", rows[:150])
    np.savez(tmp_path / "b.npz", rows[150:])
    (tmp_path / "kinds.csv").write_text("kind\n" + "ant\nbee\n" * 200)
    return rows


def test_local_is_the_default(run, latents):
    code, out, err = run("fit", "latents.npy", "-o", "s.safetensors", "--seed", "0")
    assert (code, "warning" in err) == (0, False)
    assert out.startswith("wrote s.safetensors: LocalSampler\nnn ratio ")
    assert "as new as fresh data" in out
    expected = vicinal.LocalSampler(random_state=0).fit(latents).sample(9)
    assert np.array_equal(vicinal.load("s.safetensors").sample(9), expected)


def test_near_copies_are_called_so(run, latents):
    _, out, _ = run("fit", "latents.npy", "-o", "s.safetensors", "--sampler", "pmf", "--n-bins", "64")
    nn_ratio, copied = re.search(r"nn ratio (\S+), copied (\S+) %: near copies of training latents", out).groups()
    assert float(nn_ratio) < 0.5
    assert float(copied) > 10
    assert "fresh data have nn ratio 1 and copied 1 %" in out


@pytest.mark.filterwarnings("ignore::vicinal._errors.CalibrationWarning")
def test_too_few_latents_have_no_figures(run, latents, tmp_path):
    np.save(tmp_path / "few.npy", latents[:20])
    _, out, _ = run("fit", "few.npy", "-o", "s.safetensors")
    assert "how new its samples are cannot be said: at least 50 latents are needed" in out


def test_several_files_with_labels(run, latents):
    assert run("fit", "a.npy", "b.npz", "--labels", "kinds.csv", "-o", "s.safetensors", "--sampler", "kde")[0] == 0
    fitted = vicinal.load("s.safetensors")
    assert fitted.classes_.tolist() == ["ant", "bee"]
    assert run("sample", "s.safetensors", "-n", "5", "--seed", "3", "--class", "bee", "-o", "z.npy")[0] == 0
    assert np.array_equal(np.load("z.npy"), fitted.sample(5, y="bee", random_state=3))
    code, _, err = run("sample", "s.safetensors", "--class", "cow", "-o", "y.npy")
    assert (code, "classes seen in fit, 'ant', 'bee'; got 'cow'" in err) == (2, True)


@pytest.mark.parametrize("suffix", array_files.WRITTEN)
def test_the_file_holds_what_its_name_says(run, latents, suffix):
    vicinal.PMFSampler(4, random_state=0).fit(latents).save("s.safetensors")
    assert run("sample", "s.safetensors", "-n", "7", "-o", f"z{suffix}")[0] == 0
    expected = vicinal.PMFSampler(4, random_state=0).fit(latents).sample(7)
    assert np.array_equal(array_files.read(f"z{suffix}").astype(np.float32), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "absent", "-o", "z.txt"], "--output must end in .npy"),
        (["sample", "absent", "-o", "no/z.npy"], "no is not a folder; make it first"),
        (["sample", "absent", "-o", "latents.npy"], "latents.npy exists"),
        (["fit", "absent.npy", "-o", "s.npy"], "--output must end in .safetensors; got s.npy"),
        (["fit", "absent.npy", "-o", "."], ". is a folder; name a file in it"),
    ],
)
def test_outputs_are_checked_before_the_work(run, latents, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


@pytest.mark.parametrize(
    ("given", "expected"),
    [("Local", "LocalSampler"), ("PMFSampler", "PMFSampler"), ("TWO_STAGE", "TwoStageSampler"), ("gmm", "GMMSampler")],
)
def test_names_of_samplers(given, expected):
    assert named(given) is getattr(samplers, expected)


def test_an_unknown_sampler_is_answered_with_the_nearest(run, latents):
    code, _, err = run("fit", "latents.npy", "-o", "s.safetensors", "--sampler", "Lokal")
    assert (code, err.endswith("got 'Lokal': did you mean 'local'?\n")) == (2, True)


def test_every_sampler_has_a_name():
    assert {*NAMES.values(), *OF_MODELS.values()} == {kind for kind in samplers.__all__ if kind != "Sampler"}
    with pytest.raises(ValueError, match=r"must be one of local, .*bootstrap; got 'vamp'"):
        named("vamp")  # it takes an autoencoder
