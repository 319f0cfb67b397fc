"""The command line: what it writes, what it says, and its exit codes."""

import json
import sys

import numpy as np
import pytest

import vicinal
from vicinal import cli


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return a function that runs the command line in a fresh folder: (exit code, output, error output)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["vicinal", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        captured = capsys.readouterr()
        return caught.value.code, captured.out, captured.err

    return call


@pytest.fixture
def files(run, tmp_path, latents):
    """Write latents.npy, real.npy and sampler.safetensors."""
    np.save(tmp_path / "latents.npy", latents[:200])
    np.save(tmp_path / "real.npy", latents[200:])
    vicinal.PMFSampler(8, random_state=1).fit(latents[:200]).save(tmp_path / "sampler.safetensors")
    return tmp_path


def test_fit_and_sample_are_the_library(run, files, latents):
    assert run("fit", "latents.npy", "-o", "new.safetensors", "--n-bins", "16", "--seed", "3")[0] == 0
    fitted = vicinal.PMFSampler(16, random_state=3).fit(latents[:200])
    assert run("sample", "new.safetensors", "-n", "20", "-o", "z.npy") == (0, "wrote z.npy\n", "")
    assert np.array_equal(np.load("z.npy"), fitted.sample(20))
    assert run("sample", "new.safetensors", "-n", "5", "--seed", "9", "--start", "15", "-o", "y.npy")[0] == 0
    assert np.array_equal(np.load("y.npy"), fitted.sample(20, random_state=9)[15:])


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["gmm", "--n-components", "2"], "GMMSampler"),
        (["kde", "--bandwidth", "0.2"], "KDESampler"),
        (["gaussian", "--covariance-type", "diag"], "GaussianSampler"),
        (["bootstrap"], "BootstrapSampler"),
    ],
)
def test_every_sampler(run, files, options, kind):
    assert run("fit", "latents.npy", "-o", "new.safetensors", "--sampler", *options)[0] == 0
    assert type(vicinal.load("new.safetensors")).__name__ == kind


def test_evaluate(run, files):
    run("sample", "sampler.safetensors", "-n", "100", "-o", "z.npy")
    code, out, _ = run("evaluate", "real.npy", "z.npy", "latents.npy", "--train", "latents.npy", "-o", "scores.json")
    assert code == 0
    rows = json.loads((files / "scores.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["real versus real", "bootstrap copies", "z.npy", "latents.npy"]
    assert [line.split("  ")[0] for line in out.splitlines()[1:5]] == [row["name"] for row in rows]
    assert rows[3]["nn_ratio"] == 0.0


def test_info(run, files):
    code, out, _ = run("info", "sampler.safetensors")
    assert code == 0
    fields = dict(line.split(maxsplit=1) for line in out.splitlines() if not line.startswith("written"))
    assert fields["kind"] == "PMFSampler"
    assert fields["n_bins_"] == "8"
    assert fields["event_shape"] == "[5]"
    assert fields["cells_"].endswith(", 5]")


@pytest.mark.parametrize("command", ["demo", "fit", "sample", "evaluate", "info"])
def test_help_shows_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"Example:  vicinal {command} " in out


def test_version(run):
    assert run("--version") == (0, f"vicinal {vicinal.__version__}\n", "")


BAD_CALLS = [
    (["fit", "absent.npy", "-o", "x"], "absent.npy: No such file or directory"),
    (["fit", "sampler.safetensors", "-o", "x"], "is not a whole .npy file of numbers"),
    (["fit", "latents.npy", "-o", "x", "--n-bins", "0"], "n_bins must be an integer from 1"),
    (["fit", "latents.npy", "-o", "x", "--n-bins", "many"], "Invalid value for '--n-bins'"),
    (
        ["fit", "latents.npy", "-o", "x", "--sampler", "gan"],
        "--sampler must be one of pmf, gmm, kde, gaussian, bootstrap",
    ),
    (["fit", "latents.npy", "-o", "x", "--sampler", "kde", "--n-bins", "3"], "--n-bins does not go with --sampler kde"),
    (["fit", "latents.npy", "-o", "no/such/x"], "is not a folder; make it first"),
    (["fit", "latents.npy", "-o", "real.npy"], "real.npy exists; pass --force to replace it"),
    (["fit", "latents.npy"], "Missing option"),
    (["fit", "latents.npy", "-o", "x", "--n-bins", "3", "--novelty", "2"], "--novelty calibrates the number of bins"),
    (["fit", "latents.npy", "-o", "x", "--seed", "-1"], "random_state must be an integer from 0"),
    (["fit", "zip.npy", "-o", "x"], "is not a whole .npy file"),
    (["fit", "huge.npy", "-o", "x", "--sampler", "gaussian"], "latents are too large"),
    (["evaluate", "real.npy", "real.npy", "real.npy"], "the files of samples must differ"),
    (
        ["evaluate", "real.npy", "latents.npy", "--train", "latents.npy", "--seed", "-1"],
        "must be an integer at least 0",
    ),
    (["demo", "--out", "x", "--seed", "-1"], "random_state must be an integer from 0"),
    (["sample", "latents.npy", "-o", "x"], "is not a vicinal file"),
    (["sample", "sampler.safetensors", "-n", "-3", "-o", "x"], "n_samples must be an integer at least 0; got -3"),
    (["sample", "sampler.safetensors", "--seed", "-3", "-o", "x"], "random_state must be an integer from 0"),
    (["evaluate", "real.npy", "absent.npy"], "absent.npy: No such file or directory"),
    (["evaluate", "real.npy", "wide.npy"], "must have rows of shape (5,), like real; got (6,)"),
    (["info", "real.npy"], "is not a vicinal file"),
    (["info", "."], ". is not a file"),
    (["demo", "--out", "x", "--dataset", "mnist"], "data_dir must name the folder that holds the files of mnist"),
    (["fly"], "No such command 'fly'"),
    (["fit", "--wings"], "No such option"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_CALLS, ids=[" ".join(call) for call, _ in BAD_CALLS])
def test_bad_calls_give_one_line_and_exit_code_2(run, files, arguments, message):
    np.save(files / "wide.npy", np.zeros((9, 6)))
    np.save(files / "huge.npy", np.eye(9) * 1e300)
    (files / "zip.npy").write_bytes(b"PK\x03\x04 and no more")
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not (files / "x").exists()


@pytest.mark.filterwarnings("default")
def test_novelty_and_warnings(run, files, latents):
    code, _, err = run("fit", "latents.npy", "-o", "new.safetensors", "--novelty", "50")
    assert code == 0
    assert err.startswith('warning: n_bins="auto": the nn ratio cannot be brought to 50: even one bin')
    assert err.count("\n") == 1
    assert vicinal.load("new.safetensors").n_bins_ == 1


def test_no_command_shows_the_help(run):
    code, out, err = run()
    assert code == 2
    assert "Commands" in out + err


def test_force_replaces(run, files):
    before = (files / "sampler.safetensors").read_bytes()
    assert run("fit", "latents.npy", "-o", "sampler.safetensors", "--n-bins", "3", "--force")[0] == 0
    assert (files / "sampler.safetensors").read_bytes() != before


def test_archives_and_pickles_are_refused(run, files):
    np.savez(files / "many.npz", a=np.zeros((3, 2)))
    code, _, err = run("fit", "many.npz", "-o", "x")
    assert (code, "is an archive" in err) == (2, True)
    np.save(files / "objects.npy", np.array([[{}], [1]], dtype=object), allow_pickle=True)
    code, _, err = run("fit", "objects.npy", "-o", "x")
    assert (code, "is not a whole .npy file" in err) == (2, True)
