"""Files that are not there and outputs that cannot be written are refused before anything heavy is imported."""

import subprocess
import sys

import numpy as np
import pytest

import vicinal

ALL_REFUSED = """
import sys
from vicinal import cli

for line in sys.stdin.read().splitlines():
    sys.argv = ["vicinal", *line.split()]
    try:
        cli.main()
    except SystemExit as error:
        assert error.code == 2, line
heavy = {"sklearn", "scipy", "numba", "torch", "pyarrow", "zarr", "h5py"} & sys.modules.keys()
print(*sorted(heavy))
"""
MISSING = [
    "encode none.safetensors real.npy -o x.npy",
    "encode mine:model none.npy -o x.npy",
    "decode none.safetensors real.npy -o x.npy",
    "decode mine:model none.npy -o x.npy",
    "fit none.npy -o x.safetensors",
    "sample none.safetensors -o x.npy",
    "generate none.safetensors sampler.safetensors -o x.npy",
    "generate mine:model none.safetensors -o x.npy",
    "evaluate none.npy real.npy",
    "evaluate real.npy ours=none.npy",
    "evaluate real.npy real.npy --train none.npy",
    "statistics none.npy -o x.npz",
    "benchmark none.toml --out x",
    "info none.safetensors",
    "explore mine:model none.safetensors",
    "explore mine:model sampler.safetensors --images none",
    "cache none",
]
UNWRITABLE = [
    "encode mine:model real.npy -o x.xyz",
    "decode mine:model real.npy -o x.xyz",
    "fit real.npy -o x.xyz",
    "sample sampler.safetensors -o x.xyz",
    "generate mine:model sampler.safetensors -o x.xyz",
    "evaluate real.npy real.npy -o x.xyz",
    "statistics real.npy -o x.xyz",
]


@pytest.mark.parametrize(("calls", "named"), [(MISSING, "none"), (UNWRITABLE, "x.xyz")], ids=["missing", "unwritable"])
def test_what_cannot_work_is_refused_before_heavy_imports(tmp_path, calls, named):
    latents = np.random.default_rng(0).normal(size=(50, 3))
    np.save(tmp_path / "real.npy", latents)
    vicinal.PMFSampler(2, random_state=0).fit(latents).save(tmp_path / "sampler.safetensors")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", ALL_REFUSED], input="\n".join(calls), capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
    errors = done.stderr.splitlines()
    assert len(errors) == len(calls)
    for call, error in zip(calls, errors, strict=True):
        assert error.startswith("error: "), call
        assert named in error, call
    assert not [*tmp_path.glob("x*")]
