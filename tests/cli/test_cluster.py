"""``vicinal fit`` on a cluster gives the file of ``vicinal fit``."""

import numpy as np
import pytest

import vicinal

pytest.importorskip("distributed", reason="dask and distributed are not installed")
pytestmark = pytest.mark.xdist_group("dask")


@pytest.fixture
def files(run, tmp_path):
    rows = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)
    names = [f"{i}.npy" for i in range(3)]
    for name, part in zip(names, np.split(rows, 3), strict=True):
        np.save(tmp_path / name, part)
    np.save(tmp_path / "y.npy", np.arange(600) % 2)
    return [*names, "--labels", "y.npy", "--seed", "0", "--sampler", "pmf", "--n-bins", "5"]


@pytest.mark.parametrize("options", [[], ["--sampler", "local", "--n-neighbors", "9", "--scale", "1"]])
def test_processes_of_this_machine(run, files, tmp_path, options):
    """Two processes start, and import what they need."""
    files = files[: files.index("--sampler")] + options if options else files
    assert run("fit", *files, "-o", "local.safetensors")[0] == 0
    code, out, _ = run("fit", *files, "-o", "scattered.safetensors", "--workers", 2)
    assert (code, out.split(":")[0]) == (0, "wrote scattered.safetensors")
    whole, scattered = (vicinal.load(tmp_path / f"{name}.safetensors") for name in ("local", "scattered"))
    assert np.array_equal(whole.sample(99, y=1), scattered.sample(99, y=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "--workers and --scheduler do not go together"),
        (["--workers", "0"], "--workers must be an integer at least 1; got 0"),
        (["--scheduler", "nowhere"], "--scheduler must be the address of a running dask scheduler"),
        (["--workers", "2", "--sampler", "kde"], "--workers and --scheduler go with --sampler local and pmf"),
    ],
)
def test_what_cannot_be_used(run, files, tmp_path, options, message):
    files = files[: files.index("--n-bins")] if "kde" in options else files
    code, _, err = run("fit", *files, "-o", "s.safetensors", *options)
    assert (code, message in err) == (2, True), err
    assert not (tmp_path / "s.safetensors").exists()
