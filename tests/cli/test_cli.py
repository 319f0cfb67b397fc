"""The command line: what it writes, what it says, and its exit codes."""

import numpy as np
import pytest

import vicinal


@pytest.fixture
def files(run, tmp_path, latents):
    """Write latents.npy, real.npy and sampler.safetensors."""
    np.save(tmp_path / "latents.npy", latents[:200])
    np.save(tmp_path / "real.npy", latents[200:])
    vicinal.PMFSampler(8, random_state=1).fit(latents[:200]).save(tmp_path / "sampler.safetensors")
    return tmp_path


def test_fit_and_sample_are_the_library(run, files, latents):
    options = ["--sampler", "PMF", "--n-bins", "16", "--seed", "3"]
    assert run("fit", "latents.npy", "-o", "new.safetensors", *options)[0] == 0
    fitted = vicinal.PMFSampler(16, random_state=3).fit(latents[:200])
    assert run("sample", "new.safetensors", "-n", "20", "-o", "z.npy") == (0, "wrote z.npy\n", "")
    assert np.array_equal(np.load("z.npy"), fitted.sample(20))
    assert run("sample", "new.safetensors", "-n", "5", "--seed", "9", "--start", "15", "-o", "y.npy")[0] == 0
    assert np.array_equal(np.load("y.npy"), fitted.sample(20, random_state=9)[15:])


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["local", "--novelty", "0.9"], "LocalSampler"),
        (["kde", "--novelty", "0.9"], "KDESampler"),
        (["local", "--n-neighbors", "8", "--scale", "1"], "LocalSampler"),
        (["local", "--n-neighbors", "8", "--scale", "1", "--max-iter", "0"], "LocalSampler"),
        (["gmm", "--n-components", "2"], "GMMSampler"),
        (["kde", "--bandwidth", "0.2"], "KDESampler"),
        (["gaussian", "--covariance-type", "diag"], "GaussianSampler"),
        (["copula", "--n-bins", "9"], "CopulaSampler"),
        (["hypersphere"], "HypersphereSampler"),
        (["gmm", "--n-components", "bic"], "GMMSampler"),
        (["two-stage"], "TwoStageSampler"),
        (["flow"], "FlowSampler"),
        (["bootstrap"], "BootstrapSampler"),
    ],
)
def test_every_sampler(run, files, options, kind):
    if options[0] in ("flow", "two-stage"):
        pytest.importorskip("zuko" if options[0] == "flow" else "torch")
    assert run("fit", "latents.npy", "-o", "new.safetensors", "--sampler", *options)[0] == 0
    loaded = vicinal.load("new.safetensors")
    assert type(loaded).__name__ == kind
    for name, value in zip(options[1::2], options[2::2], strict=True):
        assert str(getattr(loaded, name[2:].replace("-", "_"))) in (value, f"{value}.0")


def test_info(run, files):
    code, out, _ = run("info", "sampler.safetensors")
    assert code == 0
    fields = dict(line.split(maxsplit=1) for line in out.splitlines() if not line.startswith("written"))
    assert fields["kind"] == "PMFSampler"
    assert fields["n_bins_"] == "8"
    assert fields["event_shape"] == "[5]"
    assert fields["cells_"].endswith(", 5]")


@pytest.mark.parametrize("command", ["demo", "fit", "sample", "evaluate", "cache", "info"])
def test_help_shows_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"Example:  vicinal {command} " in out


def test_version(run):
    assert run("--version") == (0, f"vicinal {vicinal.__version__}\n", "")


BAD_CALLS = [
    (["fit", "absent.npy", "-o", "x"], "absent.npy: No such file or directory"),
    (["fit", "sampler.safetensors", "-o", "x"], "holds what vicinal saved, such as a sampler, and no latents"),
    (["fit", "latents.npy", "-o", "x", "--sampler", "pmf", "--n-bins", "0"], "n_bins must be an integer from 1"),
    (["fit", "latents.npy", "-o", "x", "--n-bins", "many"], "Invalid value for '--n-bins'"),
    (
        ["fit", "latents.npy", "-o", "x", "--sampler", "gan"],
        "--sampler must be one of local, pmf, gmm, kde, copula, gaussian, hypersphere, flow, two-stage, bootstrap",
    ),
    (
        ["fit", "latents.npy", "-o", "x", "--sampler", "gmm", "--n-components", "few"],
        "n_components must be an integer or 'bic'; got 'few'",
    ),
    (["fit", "latents.npy", "-o", "x", "--n-bins", "3"], "--n-bins does not go with --sampler local; it goes with pmf"),
    (["fit", "latents.npy", "-o", "no/such/x"], "is not a folder; make it first"),
    (["fit", "latents.npy", "-o", "real.npy"], "--output must end in .safetensors; got real.npy"),
    (["fit", "latents.npy", "-o", "sampler.safetensors"], "sampler.safetensors exists; pass --force to replace it"),
    (["fit", "latents.npy"], "Missing option"),
    (
        ["fit", "latents.npy", "-o", "x", "--sampler", "pmf", "--n-bins", "3", "--novelty", "2"],
        "--novelty calibrates the number of bins",
    ),
    (
        ["fit", "latents.npy", "-o", "x", "--sampler", "kde", "--bandwidth", "1", "--novelty", "2"],
        "--novelty calibrates the bandwidth",
    ),
    (
        [
            "fit",
            "latents.npy",
            "-o",
            "x",
            "--sampler",
            "local",
            *["--novelty", "1", "--scale", "1", "--n-neighbors", "3"],
        ],
        "--novelty calibrates, so one of --n-neighbors and --scale must be left to it",
    ),
    (
        ["fit", "latents.npy", "-o", "x", "--sampler", "pmf", "--scale", "2"],
        "--scale does not go with --sampler pmf; it goes with local",
    ),
    (
        ["fit", "latents.npy", "-o", "x", "--sampler", "pmf", "--max-iter", "2"],
        "--max-iter does not go with --sampler pmf",
    ),
    (["fit", "latents.npy", "-o", "x", "--seed", "-1"], "random_state must be an integer from 0"),
    (["fit", "zip.npy", "-o", "x"], "is not a whole .npy file"),
    (["fit", "huge.npy", "-o", "x", "--sampler", "gaussian"], "latents are too large"),
    (["evaluate", "real.npy", "real.npy", "real.npy"], "the files of samples must differ"),
    (
        ["evaluate", "real.npy", "latents.npy", "--train", "latents.npy", "--seed", "-1"],
        "random_state must be an integer from 0",
    ),
    (["demo", "--out", "x", "--seed", "-1"], "random_state must be an integer from 0"),
    (["sample", "latents.npy", "-o", "x.npy"], "is not a vicinal file"),
    (["sample", "sampler.safetensors", "-n", "-3", "-o", "x.npy"], "--n-samples must be an integer at least 1; got -3"),
    (["sample", "sampler.safetensors", "--seed", "-3", "-o", "x.npy"], "random_state must be an integer from 0"),
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
    assert not [*files.glob("x*")]


@pytest.mark.filterwarnings("default")
def test_novelty_and_warnings(run, files, latents):
    code, _, err = run("fit", "latents.npy", "-o", "new.safetensors", "--novelty", "50", "--sampler", "pmf")
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
    assert run("fit", "latents.npy", "-o", "sampler.safetensors", "--sampler", "gaussian", "--force")[0] == 0
    assert (files / "sampler.safetensors").read_bytes() != before


def test_unclear_archives_and_pickles_are_refused(run, files):
    np.savez(files / "many.npz", a=np.zeros((3, 2)), b=np.zeros((3, 2)))
    code, _, err = run("fit", "many.npz", "-o", "x")
    assert (code, "got a (3, 2), b (3, 2): save the one to use by itself, or name it with --key" in err) == (2, True)
    np.save(files / "objects.npy", np.array([[{}], [1]], dtype=object), allow_pickle=True)
    code, _, err = run("fit", "objects.npy", "-o", "x")
    assert (code, "is not a whole .npy file" in err, "allow_pickle" in err) == (2, True, False)


def test_novelty_calibrates_the_kernels(run, files):
    assert run("fit", "latents.npy", "-o", "new.safetensors", "--sampler", "kde", "--novelty", "0.5")[0] == 0
    assert vicinal.load("new.safetensors").nn_ratio_ == pytest.approx(0.5, abs=0.05)
