"""`PMFSampler` on tensors that are worked on where they are: the bits of the CPU.

Without a GPU, torch's CPU tensors are declared to be on an accelerator, so that they take the same way.
"""

import pickle

import numpy as np
import pytest

import vicinal
from vicinal import _arrays, kernels
from vicinal.samplers import PMFSampler

torch = pytest.importorskip("torch")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def _accelerated(monkeypatch):
    monkeypatch.setattr(_arrays, "ACCELERATORS", (DEVICE,))


@pytest.fixture
def modules(monkeypatch):
    """Return the list of kernels that were selected."""
    selected, select = [], kernels.select
    monkeypatch.setattr(kernels, "select", lambda rows=None: (selected.append(select(rows)), selected[-1])[1])
    return selected


def same(tensor, array):
    """Tell whether a tensor has the bits of an array."""
    return tensor.device.type == DEVICE and tensor.cpu().numpy().tobytes() == array.tobytes()


@pytest.mark.parametrize("n_bins", [1, 8, 300, 70_000, "auto"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_bits_of_the_cpu(latents, n_bins, dtype, modules):
    latents = latents.astype(dtype).reshape(300, 5, 1)
    expected = PMFSampler(n_bins, random_state=3).fit(latents)
    modules.clear()
    sampler = PMFSampler(n_bins, random_state=3).fit(torch.from_numpy(latents).to(DEVICE))
    assert any(module.__name__.endswith("gpu") for module in modules)
    assert sampler.n_bins_ == expected.n_bins_
    for name in ("lower_", "upper_", "bin_width_", "cells_", "counts_"):
        value = getattr(sampler, name)
        assert isinstance(value, np.ndarray)
        assert value.dtype == getattr(expected, name).dtype
        assert value.tobytes() == getattr(expected, name).tobytes()
    assert same(sampler.sample(200), expected.sample(200))
    assert same(sampler.sample(200, stratified=True), expected.sample(200, stratified=True))
    assert same(sampler.sample(30, start=2**40), expected.sample(30, start=2**40))
    sampler.temperature = expected.temperature = 2.0
    assert same(sampler.sample(30), expected.sample(30))
    sampler.temperature = expected.temperature = 1.0
    assert sampler.sample(0).shape == (0, 5, 1)
    assert same(sampler.score_samples(torch.from_numpy(latents).to(DEVICE)), expected.score_samples(latents))


def test_bfloat16_comes_back(latents):
    sampler = PMFSampler(8, random_state=0).fit(torch.from_numpy(latents).to(DEVICE, torch.bfloat16))
    drawn = sampler.sample(20)
    assert drawn.dtype == torch.bfloat16
    assert drawn.device.type == DEVICE


def test_labels_and_weights(latents):
    labels = np.arange(300) % 3
    expected = PMFSampler(8, random_state=0).fit(latents, labels, sample_weight=labels)
    sampler = PMFSampler(8, random_state=0).fit(torch.from_numpy(latents).to(DEVICE), labels, sample_weight=labels)
    for y in (1, 1 + labels[:20] % 2):
        assert same(sampler.sample(20, y=y), expected.sample(20, y=y))
    assert same(sampler.sample(20), expected.sample(20))


def test_batches_and_additions(latents):
    tensor = torch.from_numpy(latents).to(DEVICE)
    expected = PMFSampler(8, bounds=(-9, 9), random_state=0).fit(latents)
    streamed = PMFSampler(8, bounds=(-9, 9), random_state=0).fit(iter([tensor[:100], tensor[100:]]))
    added = PMFSampler(8, bounds=(-9, 9), random_state=0).partial_fit(tensor[:100]).partial_fit(tensor[100:])
    assert same(streamed.sample(20), expected.sample(20))
    assert same(added.sample(20), expected.sample(20))


def test_saved_and_pickled(latents, tmp_path):
    sampler = PMFSampler(8, random_state=0).fit(torch.from_numpy(latents).to(DEVICE))
    expected = PMFSampler(8, random_state=0).fit(latents).sample(20)
    assert same(pickle.loads(pickle.dumps(sampler)).sample(20), expected)  # noqa: S301
    sampler.sample(1)
    assert same(pickle.loads(pickle.dumps(sampler)).sample(20), expected)  # noqa: S301
    sampler.save(tmp_path / "a.safetensors")
    assert vicinal.load(tmp_path / "a.safetensors").sample(20).tobytes() == expected.tobytes()


@pytest.mark.parametrize("bounds", [None, (-9, 9)])
def test_what_is_not_finite_is_named(latents, bounds):
    latents[17, 2] = np.nan
    with pytest.raises(
        vicinal.samplers.base.InvalidInputError, match="latents must be finite; got NaN or inf, first in row 17"
    ):
        PMFSampler(8, bounds=bounds).fit(torch.from_numpy(latents).to(DEVICE))


def test_what_lies_outside(latents):
    tensor = torch.from_numpy(latents).to(DEVICE)
    with pytest.raises(ValueError, match="latents must lie within the bounds"):
        PMFSampler(8, bounds=(-1, 1)).fit(tensor)
    with pytest.warns(UserWarning, match="lay outside the bounds"):
        sampler = PMFSampler(8, bounds=(-1, 1), out_of_bounds="clip", random_state=0).fit(tensor)
    with pytest.warns(UserWarning, match="lay outside the bounds"):
        expected = PMFSampler(8, bounds=(-1, 1), out_of_bounds="clip", random_state=0).fit(latents)
    assert sampler.n_clipped_ == expected.n_clipped_ > 0
    assert same(sampler.sample(20), expected.sample(20))


@pytest.mark.parametrize("shape", [(10,), (10, 0), (1, 3)])
def test_shapes_are_checked(shape):
    with pytest.raises(ValueError, match="latents"):
        PMFSampler(8).fit(torch.ones(shape, device=DEVICE))


def test_integers_come_to_the_cpu():
    tensor = torch.arange(20, device=DEVICE).reshape(10, 2)
    drawn = PMFSampler(4, random_state=0).fit(tensor).sample(5)
    assert drawn.device.type == DEVICE
    assert drawn.dtype == torch.int64


def test_smoothing_is_mixed_in_where_samples_are(latents):
    expected = PMFSampler(8, smoothing=0.2, random_state=0).fit(latents)
    sampler = PMFSampler(8, smoothing=0.2, random_state=0).fit(torch.from_numpy(latents).to(DEVICE))
    assert same(sampler.sample(200), expected.sample(200))
    assert same(sampler.sample(200, stratified=True), expected.sample(200, stratified=True))


def test_moved_there(latents, tmp_path):
    expected = PMFSampler(8, random_state=0).fit(latents)
    expected.save(tmp_path / "s")
    drawn = expected.sample(50)
    assert same(vicinal.load(tmp_path / "s", device=DEVICE).sample(50), drawn)
    assert same(pickle.loads(pickle.dumps(expected)).to(DEVICE).sample(50), drawn)  # noqa: S301
