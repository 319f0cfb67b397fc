"""Files of format 1 load into the same distribution. What a seed draws from it has changed since."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import vicinal
from vicinal._errors import FileFormatError

FOLDER = Path(__file__).parents[1] / "data" / "format1"
NAMES = sorted(path.stem for path in FOLDER.glob("*.safetensors"))
EXTRAS = {"flow": "zuko", "two-stage": "torch", "autoencoder": "torch"}
SAME_ROWS = ("gaussian", "flow", "two-stage")  # they choose nothing


@pytest.mark.parametrize("name", [name for name in NAMES if name != "pmf-moments"])
def test_samples_and_scores(name, tmp_path):
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    sampler = vicinal.load(FOLDER / f"{name}.safetensors")
    sampler.save(tmp_path / "now.safetensors")
    saved_again = vicinal.load(tmp_path / "now.safetensors")
    with np.load(FOLDER / "samples.npz") as known:
        samples = {key: known[key] for key in known.files if key.split("/")[0] == name}
    for key, then in samples.items():
        if key.endswith("/scores"):
            assert np.allclose(sampler.score_samples(samples[name]), then, rtol=1e-5, atol=1e-5)
            continue
        y = key.split("/")[1] if "/" in key else None
        now = sampler.sample(1000, y=y)
        assert np.array_equal(saved_again.sample(1000, y=y), now)
        assert now.dtype == then.dtype
        for j, column in enumerate(now.reshape(1000, -1).T):
            assert stats.ks_2samp(then.reshape(len(then), -1)[:, j], column).pvalue > 1e-3
        if name in SAME_ROWS:  # to the last bits of normal numbers, which depend on the version of NumPy
            assert np.allclose(now[: len(then)], then, rtol=1e-5, atol=1e-5)


def test_what_is_no_longer_there_says_so():
    with pytest.raises(FileFormatError, match="preserve_variance=True, which vicinal no longer has"):
        vicinal.load(FOLDER / "pmf-moments.safetensors")
