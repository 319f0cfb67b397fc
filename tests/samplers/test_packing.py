"""Small files: everything comes back, and few bytes are used."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal._errors import FileFormatError
from vicinal.kernels.reference import code_dtype
from vicinal.samplers import PMFSampler, packing


@settings(deadline=None, max_examples=80)
@given(n_bins=st.integers(1, 70_000), n=st.integers(0, 40), d=st.integers(1, 9), seed=st.integers(0, 99))
def test_codes_come_back(n_bins, n, d, seed):
    codes = np.random.default_rng(seed).integers(0, n_bins, (n, d)).astype(code_dtype(n_bins))
    packed = packing.pack_codes(codes, n_bins)
    assert packed.nbytes == math.ceil(n * d * packing.bits_per_code(n_bins) / 8)
    unpacked = packing.unpack_codes(packed, n_bins, codes.shape, codes.dtype)
    assert unpacked.dtype == codes.dtype
    assert np.array_equal(unpacked, codes)


def test_codes_of_several_lots(monkeypatch):
    monkeypatch.setattr(packing, "_ROWS", 8)
    codes = np.random.default_rng(0).integers(0, 5, (53, 3)).astype(np.uint8)
    packed = packing.pack_codes(codes, 5)
    assert np.array_equal(packing.unpack_codes(packed, 5, codes.shape, codes.dtype), codes)


@given(st.lists(st.integers(1, 2**62), max_size=20))
def test_counts_come_back(counts):
    counts = np.array(counts, dtype=np.int64)
    assert np.array_equal(packing.unpack_counts(*packing.pack_counts(counts), len(counts)), counts)


def test_a_sixth_of_the_latents(tmp_path):
    latents = np.random.default_rng(0).normal(size=(60_000, 16)).astype(np.float32)
    sampler = PMFSampler(32, random_state=0).fit(latents)
    sampler.save(tmp_path / "s")
    assert (tmp_path / "s").stat().st_size <= latents.nbytes / 6
    loaded = vicinal.load(tmp_path / "s")
    assert np.array_equal(loaded.sample(100), sampler.sample(100))


@pytest.mark.parametrize("happens", ["truncated", "replaced", "removed"])
def test_a_loaded_sampler_does_not_need_its_file(tmp_path, latents, happens):
    sampler = PMFSampler(8, random_state=0).fit(latents)
    sampler.save(tmp_path / "s")
    loaded = vicinal.load(tmp_path / "s")
    if happens == "truncated":
        (tmp_path / "s").write_bytes(b"")
    elif happens == "replaced":
        PMFSampler(3, random_state=5).fit(latents).save(tmp_path / "s")
    else:
        (tmp_path / "s").unlink()
    assert np.array_equal(loaded.sample(9), sampler.sample(9))
    assert np.array_equal(pickle.loads(pickle.dumps(loaded)).sample(9), loaded.sample(9))  # noqa: S301 - our own bytes
    assert not hasattr(loaded, "nn_ratio_")
    assert not hasattr(loaded, "classes_")


def test_damage_is_noticed_on_loading(tmp_path, latents):
    PMFSampler(8, random_state=0).fit(latents).save(tmp_path / "s")
    data = bytearray((tmp_path / "s").read_bytes())
    data[-1] ^= 1
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(FileFormatError, match="is damaged: the checksum of"):
        vicinal.load(tmp_path / "s")


def test_a_pickle_of_a_table_is_packed_and_whole():
    """Cells of one latent take their codes alone; rare cells that were dropped are in the pickle, too."""
    latents, y = np.random.default_rng(0).normal(size=(5000, 8)), np.arange(5000) % 2
    sampler = PMFSampler(16, min_count=2, random_state=0).fit(
        np.repeat(latents, [1, 2] * 2500, axis=0), np.repeat(y, [1, 2] * 2500)
    )
    content = pickle.dumps(sampler)
    opened = pickle.loads(content)  # noqa: S301 - our own bytes
    assert np.array_equal(opened.sample(50, y=1), sampler.sample(50, y=1))
    assert np.array_equal(opened.merge(opened).counts_, sampler.merge(sampler).counts_)
    fine = PMFSampler(16, random_state=0).fit(latents)
    assert len(pickle.dumps(fine)) < fine.cells_.nbytes + 2000
