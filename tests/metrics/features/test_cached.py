"""The cache of features on disk: keys, damage, refusals."""

import sys

import numpy as np
import pytest

from vicinal._errors import InvalidTypeError
from vicinal.metrics import features as vf


class Code:
    """What a pickle can do: run anything when it is read."""

    def __reduce__(self):
        return exec, ("import sys; sys.was_run = True",)


class Counted(vf.FeatureExtractor):
    """Counts its calls."""

    name, frechet_name = "counted", "Counted distance"

    def __init__(self, fingerprint="counted 1"):
        self.calls, self._print = 0, fingerprint

    @property
    def fingerprint(self):
        return self._print

    def _features(self, levels):
        self.calls += 1
        return levels.reshape(len(levels), -1).astype(np.float32) + self.calls


def test_cache_computes_once_for_each_set_of_images_and_extractor(tmp_path, generator):
    images = generator.integers(0, 256, (5, 3, 6, 6), dtype=np.uint8)
    counted = Counted()
    cached = vf.CachedFeatures(counted, tmp_path / "deep" / "er")
    first = cached(images)
    assert np.array_equal(cached(images), first)
    assert np.array_equal(cached(images / 255), first)
    assert np.array_equal(cached(np.asfortranarray(images)), first)
    assert np.array_equal(vf.CachedFeatures(Counted(), tmp_path / "deep" / "er")(images), first)
    assert counted.calls == 1
    images[4, 2, 5, 5] ^= 1
    cached(images)
    assert counted.calls == 2
    cached(images.reshape(5, 3, 36))
    cached(images[:4])
    assert counted.calls == 4
    other = Counted("counted 2")
    vf.CachedFeatures(other, tmp_path / "deep" / "er")(images)
    assert other.calls == 1
    assert (cached.name, cached.frechet_name, cached.fingerprint) == ("counted", "Counted distance", "counted 1")


def test_cache_keys_see_every_block_of_large_sets(tmp_path):
    from vicinal.metrics.features.extractor import sum_of

    levels = np.zeros((300, 200, 200), np.uint8)  # several blocks
    sums = {sum_of([("levels", levels)])}
    for i in (0, 104, 105, 299):
        levels[i, 7, 7] += 1
        sums.add(sum_of([("levels", levels)]))
    assert len(sums) == 5


@pytest.mark.parametrize("damage", ["empty", "half", "noise", "object", "rows", "dtype"])
def test_cache_replaces_what_it_cannot_read(tmp_path, generator, damage):
    images = generator.integers(0, 256, (5, 6, 6), dtype=np.uint8)
    counted = Counted()
    cached = vf.CachedFeatures(counted, tmp_path)
    cached(images)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    if damage in ("empty", "half", "noise"):
        path.write_bytes({"empty": b"", "half": content[: len(content) // 2], "noise": content[::-1]}[damage])
    else:
        array = {"object": np.array([Code()]), "rows": np.zeros((4, 36), "f4"), "dtype": np.zeros((5, 36))}[damage]
        np.save(path, array, allow_pickle=damage == "object")
    again = cached(images)
    assert counted.calls == 2
    assert np.array_equal(cached(images), again)
    assert counted.calls == 2
    assert list(tmp_path.iterdir()) == [path]
    assert not hasattr(sys, "was_run")


def test_cache_of_a_module_follows_its_training(tmp_path, generator):
    torch = pytest.importorskip("torch")
    images, net = generator.integers(0, 256, (5, 6, 6), dtype=np.uint8), torch.nn.Conv2d(1, 6, 3)
    cached = vf.CachedFeatures(vf.ModuleFeatures(net), tmp_path)
    first = cached(images)
    with torch.no_grad():
        net.bias += 1
    assert not np.array_equal(cached(images), first)
    assert len(list(tmp_path.iterdir())) == 2


def test_cache_refuses_plain_functions(tmp_path):
    with pytest.raises(
        InvalidTypeError, match=r"must be an extractor with a fingerprint; got builtin_function.* derive"
    ):
        vf.CachedFeatures(len, tmp_path)
