"""``vicinal explore``, before it listens; tests/explore drives it in a browser."""

import sys


def test_without_gradio_it_says_how_to_install_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    code, out, err = run("explore", "model.safetensors", "sampler.safetensors")
    assert (code, out) == (2, "")
    assert err == 'error: gradio is not installed; run: pip install "vicinal[explore]"\n'


def test_a_sampler_is_named_once(run):
    code, _, err = run("explore", "model.safetensors", "a.safetensors", "a.safetensors")
    assert code == 2
    assert err == "error: the files of samplers must differ; one is named twice\n"
