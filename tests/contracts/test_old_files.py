"""Files of format 1 load, and give the samples that they gave then."""

from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal._errors import FileFormatError

FOLDER = Path(__file__).parents[1] / "data" / "format1"
NAMES = sorted(path.stem for path in FOLDER.glob("*.safetensors"))
EXTRAS = {"flow": "zuko", "two-stage": "torch"}
# These draw normal numbers, whose last bits depend on the version of NumPy.
NORMAL = ("local", "local-classes", "gaussian", "gmm", "gmm-bic", "kde", "hypersphere", "flow", "two-stage", "vamp")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "pmf-moments"])
def test_samples_and_scores(name):
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    sampler = vicinal.load(FOLDER / f"{name}.safetensors")
    with np.load(FOLDER / "samples.npz") as known:
        samples = {key: known[key] for key in known.files if key.split("/")[0] == name}
    for key, expected in samples.items():
        if key.endswith("/scores"):
            assert np.allclose(sampler.score_samples(samples[name]), expected, rtol=1e-5, atol=1e-5)
            continue
        drawn = sampler.sample(len(expected), y=key.split("/")[1] if "/" in key else None)
        assert drawn.dtype == expected.dtype
        if name in NORMAL:
            assert np.allclose(drawn, expected, rtol=1e-5, atol=1e-5)
        else:
            assert np.array_equal(drawn, expected)


def test_what_is_no_longer_there_says_so():
    with pytest.raises(FileFormatError, match="preserve_variance=True, which vicinal no longer has"):
        vicinal.load(FOLDER / "pmf-moments.safetensors")
