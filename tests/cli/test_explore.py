"""``vicinal explore``, before it listens; tests/explore drives it in a browser."""

import sys

import numpy as np

from vicinal import LocalSampler
from vicinal.cli.explore import _read


def test_without_gradio_it_says_how_to_install_it(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "gradio", None)
    LocalSampler(2, scale=1.0).fit(np.eye(3)).save(tmp_path / "sampler.safetensors")
    code, out, err = run("explore", "model.safetensors", "sampler.safetensors")
    assert (code, out) == (2, "")
    assert err == 'error: gradio is not installed; run: pip install "vicinal[explore]"\n'


def test_a_sampler_is_named_once(run):
    code, _, err = run("explore", "model.safetensors", "a.safetensors", "a.safetensors")
    assert code == 2
    assert err == "error: the files of samplers must differ; one is named twice\n"


def test_classes_are_read_where_the_images_show_them(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 1, 6, 6), dtype=np.uint8)
    path = tmp_path / "images.npy"
    np.save(path, images)
    for has_classes in (True, False):
        read, labels = _read(path, None, has_classes)
        np.testing.assert_array_equal(read, images)
        assert labels is None
    assert _read(path, 3, False)[0].shape == (4, 1, 3, 3)
    np.save(tmp_path / "images.labels.npy", list("abab"))
    assert list(_read(path, None, True)[1]) == list("abab")
