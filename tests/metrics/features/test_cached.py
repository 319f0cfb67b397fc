"""The cache of features on disk: keys, damage, the limit, refusals."""

import os
import pickle
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from vicinal import storage
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.metrics import features as vf
from vicinal.metrics.features import cache


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


def size_of(folder):
    return sum(path.stat().st_size for path in folder.glob("vicinal-features-*"))


def use(cached, images, path, when):
    """Ask for features, and set the time at which their file was used and written."""
    cached(images)
    os.utime(path(images), (when, when))


@pytest.fixture
def sets(generator):
    """Eight sets of images of one size, so that their files are of one size."""
    return list(generator.integers(0, 256, (8, 5, 30, 30), dtype=np.uint8))


def path_in(folder, cached):
    """Return a function from images to the file of their features."""
    from vicinal.metrics.features.extractor import sum_of

    return lambda images: folder / f"vicinal-features-{sum_of([('levels', images)], cached.fingerprint)}.safetensors"


@pytest.mark.parametrize("damage", ["empty", "half", "noise", "pickle", "rows", "one bit", "another", "foreign"])
def test_cache_notices_what_was_altered_and_computes_it_again(tmp_path, generator, damage):
    images, others = generator.integers(0, 256, (2, 5, 6, 6), dtype=np.uint8)
    counted = Counted()
    cached = vf.CachedFeatures(counted, tmp_path)
    first = cached(images)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "one bit":
        content[-7] ^= 1
    elif damage == "rows":
        storage.write(path, "Features", {}, {"features": np.zeros((4, 36), "f4")})
        content = path.read_bytes()
    elif damage == "foreign":
        save_file({"features": first}, path)
        content = path.read_bytes()
    elif damage == "another":
        vf.CachedFeatures(Counted(), tmp_path)(others)
        (other,) = set(tmp_path.iterdir()) - {path}
        content = other.read_bytes()
        other.unlink()
    elif damage == "pickle":
        content = pickle.dumps(Code())
    else:
        content = {"empty": b"", "half": content[: len(content) // 2], "noise": content[::-1]}[damage]
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="features are computed again: .*vicinal-features-"):
        again = cached(images)
    assert counted.calls == 2
    assert np.array_equal(cached(images), again)
    assert counted.calls == 2
    assert list(tmp_path.iterdir()) == [path]
    assert not hasattr(sys, "was_run")


def test_cache_keeps_its_limit_and_drops_the_longest_unused(tmp_path, sets):
    (tmp_path / "a").mkdir()
    vf.CachedFeatures(Counted(), tmp_path / "a")(sets[0])
    one = size_of(tmp_path / "a")
    counted = Counted()
    cached = vf.CachedFeatures(counted, tmp_path, max_bytes=3 * one + 10)
    path = path_in(tmp_path, cached)
    (tmp_path / "notes.txt").write_bytes(bytes(9 * one))
    for i in range(3):
        use(cached, sets[i], path, 1_000.0 + i)
    cached(sets[0])  # used again: now, and no more in the year 1970
    assert counted.calls == 3
    written = path(sets[0]).stat().st_mtime
    assert written == 1_000.0
    for i in range(3, 8):
        use(cached, sets[i], path, 2_000.0 + i)
        assert size_of(tmp_path) <= 3 * one + 10
    assert set(tmp_path.glob("vicinal-*")) == {path(sets[0]), path(sets[6]), path(sets[7])}
    assert (tmp_path / "notes.txt").exists()
    cached(sets[0])
    assert counted.calls == 8
    cached(sets[1])
    assert counted.calls == 9


def test_cache_says_what_is_too_large_for_it(tmp_path, sets):
    vf.CachedFeatures(Counted(), tmp_path)(sets[0])
    one = size_of(tmp_path)
    small = vf.CachedFeatures(Counted("counted 2"), tmp_path, max_bytes=one - 1)
    with pytest.warns(UserWarning, match=rf"{one:,} bytes of features are not kept in .* limit is {one - 1:,}: pass a"):
        found = small(sets[0])
    assert found.shape == (5, 900)
    assert len(list(tmp_path.iterdir())) == 1  # what was there stays
    with pytest.raises(InvalidInputError, match="max_bytes must be an integer at least 0; got -1"):
        vf.CachedFeatures(Counted(), tmp_path, max_bytes=-1)


def test_a_damaged_file_is_replaced_within_the_limit(tmp_path, sets):
    vf.CachedFeatures(Counted(), tmp_path)(sets[0])
    one = size_of(tmp_path)
    cached = vf.CachedFeatures(Counted(), tmp_path, max_bytes=2 * one)
    path = path_in(tmp_path, cached)
    cached(sets[1])
    path(sets[0]).write_bytes(bytes(one))
    with pytest.warns(UserWarning, match="features are computed again"):
        cached(sets[0])
    assert path(sets[1]).exists()
    assert size_of(tmp_path) == 2 * one


def test_clearing_leaves_foreign_files_and_what_is_being_written(tmp_path, sets):
    cached = vf.CachedFeatures(Counted(), tmp_path)
    path = path_in(tmp_path, cached)
    for images in sets[:3]:
        cached(images)
    name = path(sets[0]).name
    old, new = tmp_path / f".{name}.abc.tmp", tmp_path / f".{name}.def.tmp"
    foreign = [
        tmp_path / "notes.txt",
        tmp_path / name.removeprefix("vicinal-features-"),
        tmp_path / f"{name}.bak",
        tmp_path / "vicinal-features-1.safetensors",
        tmp_path / ".hidden.abc.tmp",
    ]
    for each in (old, new, *foreign):
        each.write_bytes(b"12345")
    for each in (old, foreign[-1]):
        os.utime(each, (0, 0))
    inner = tmp_path / "vicinal-features-" / name
    inner.parent.mkdir()
    inner.write_bytes(b"")
    (tmp_path / path(sets[3]).name).symlink_to(foreign[0])
    n_expected = 5 + sum(path(images).stat().st_size for images in sets[:3])
    assert sorted(each.path for each in cache.kept(tmp_path)) == sorted([*map(path, sets[:3]), old])
    assert cache.make_room(tmp_path, 0) == (4, n_expected)
    left = {each for each in tmp_path.rglob("*") if not each.is_dir()}
    assert left == {new, *foreign, inner, path(sets[3])}
    assert cache.make_room(tmp_path, 0) == (0, 0)


def test_a_file_that_is_deleted_while_it_is_read_is_read_to_its_end_or_computed(tmp_path, sets):
    """Processes read while another, with a small limit, deletes: each gets the right features."""
    import threading

    truth = [vf.PixelFeatures()(images) for images in sets]
    vf.CachedFeatures(vf.PixelFeatures(), tmp_path)(sets[0])
    limit = 2 * size_of(tmp_path)
    failed = []

    def read(offset):
        cached = vf.CachedFeatures(vf.PixelFeatures(), tmp_path, max_bytes=limit)
        for i in range(40):
            k = (i * 3 + offset) % len(sets)
            try:
                if not np.array_equal(cached(sets[k]), truth[k]):
                    failed.append(k)
            except Exception as error:  # noqa: BLE001 - a thread would lose it
                failed.append(error)

    threads = [threading.Thread(target=read, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_cache_passes_on_what_the_features_say(tmp_path):
    counted = Counted()
    counted.image_size = 33
    assert vf.CachedFeatures(counted, tmp_path).image_size == 33
    assert vf.CachedFeatures(vf.PixelFeatures(), tmp_path).image_size is None


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
