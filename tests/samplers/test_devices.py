"""Samplers move between devices, and a pickle opens where its device is missing."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import vicinal
from vicinal._arrays import TensorKind
from vicinal.samplers import PMFSampler

torch = pytest.importorskip("torch")


def test_samples_become_tensors(make_sampler, latents):
    sampler = make_sampler(random_state=0).fit(latents)
    expected = sampler.sample(20)
    assert sampler.to("cpu") is sampler
    drawn = sampler.sample(20)
    assert isinstance(drawn, torch.Tensor)
    assert drawn.dtype == torch.float32
    assert np.array_equal(drawn.numpy(), expected)


def test_whole_samples_become_tensors(latents):
    sampler = PMFSampler(4, random_state=0).fit(np.rint(latents).astype(np.int16))
    assert sampler.to("cpu").sample(3).dtype == torch.int16


def test_loaded_to_a_device(make_sampler, latents, tmp_path):
    sampler = make_sampler(random_state=0).fit(latents)
    sampler.save(tmp_path / "s")
    drawn = vicinal.load(tmp_path / "s", device="cpu").sample(9)
    assert isinstance(drawn, torch.Tensor)
    assert np.array_equal(drawn.numpy(), sampler.sample(9))
    with pytest.raises(ValueError, match="device must name a device that torch can use here"):
        vicinal.load(tmp_path / "s", device="nowhere")


@pytest.mark.skipif(torch.cuda.is_available(), reason="it is about machines without a GPU")
def test_a_pickle_from_a_gpu_samples_on_the_cpu(make_sampler, latents):
    sampler = make_sampler(random_state=0).fit(latents)
    sampler._tensor_kind = TensorKind("float32", "cuda:0")
    with pytest.warns(UserWarning, match="fitted on cuda:0, which torch cannot use here: samples come on the CPU"):
        opened = pickle.loads(pickle.dumps(sampler))  # noqa: S301
    drawn = opened.sample(9)
    assert drawn.device.type == "cpu"
    sampler._tensor_kind = None
    assert np.array_equal(drawn.numpy(), sampler.sample(9))


def test_a_pickle_holds_no_tensors(latents):
    sampler = PMFSampler(4).fit(torch.from_numpy(latents)).to("cpu")
    assert b"torch" not in pickle.dumps(sampler)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pickle.loads(pickle.dumps(PMFSampler(4))).get_params()["n_bins"] == 4  # noqa: S301


def test_bad_devices(latents):
    with pytest.raises(NotFittedError):
        PMFSampler().to("cpu")
    with pytest.raises(ValueError, match="device must name a device that torch can use here"):
        PMFSampler(4).fit(latents).to("nowhere")
