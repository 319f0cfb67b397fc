"""``vicinal encode``, ``generate`` and ``decode``: models of all kinds, images of all kinds."""

from pathlib import Path

import numpy as np
import pytest

import vicinal
from vicinal import array_files, image_files

torch = pytest.importorskip("torch")
pillow = pytest.importorskip("PIL.Image")

MINE = """
import numpy as np


class Halves:
    latent_dim = 64

    def encode(self, images):
        return images.reshape(len(images), -1) / 2

    def decode(self, latents):
        return np.asarray(latents).reshape(-1, 1, 8, 8) * 2


def make():
    return Halves()


def broken():
    raise RuntimeError("no weights\\nat all")


model, number = Halves(), 3
"""


@pytest.fixture
def folder(run, tmp_path, monkeypatch):
    """Write mine.py, 60 images in folders of classes, and a sampler of their latents."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    levels = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    for i, image in enumerate(levels):
        place = tmp_path / "photos" / ("cats" if i < 30 else "dogs")
        place.mkdir(parents=True, exist_ok=True)
        pillow.fromarray(image).save(place / f"{i:03d}.png")
    yield levels
    import sys

    sys.modules.pop("mine", None)


@pytest.mark.parametrize("model", ["mine:model", "mine:make", "mine:Halves"])
def test_from_images_to_images(run, folder, model):
    """The model, a function that makes it, or its class: encoded, fitted with classes, generated, decoded."""
    code, out, err = run("encode", model, "photos", "-o", "z.npy", "--labels")
    assert (code, err) == (0, "")
    assert "60 latents of shape (64,)" in out
    assert np.allclose(np.load("z.npy"), folder.reshape(60, 64) / 510.0)
    assert np.load("z.labels.npy").tolist() == ["cats"] * 30 + ["dogs"] * 30
    fit = ["fit", "z.npy", "--labels", "z.labels.npy", "-o", "s.safetensors", "--sampler", "bootstrap"]
    assert run(*fit, "--seed", "0")[0] == 0

    call = ["generate", model, "s.safetensors", "-n", "6", "--class", "dogs", "--batch-size", "4"]
    assert run(*call, "-o", "images.npz")[0] == 0
    images = array_files.read("images.npz")
    assert np.array_equal(images, vicinal.load("s.safetensors").sample(6, y="dogs").reshape(6, 1, 8, 8) * 2)
    assert run(*call, "-o", "made")[1] == "wrote made: 6 images\n"
    assert np.array_equal(image_files.read("made"), np.rint(images * 255))
    assert run(*call, "-o", "sheet.png")[0] == 0
    with pillow.open("sheet.png") as sheet:
        assert sheet.size == (3 * 8 + 2 * 2, 2 * 8 + 2)
        assert np.array_equal(np.asarray(sheet)[10:18, 20:28], np.rint(images[5, 0] * 255))
    assert run("decode", model, "z.npy", "-o", "decoded")[0] == 0
    assert np.array_equal(image_files.read("decoded")[:, 0], folder)


def test_a_start_continues(run, folder):
    run("encode", "mine:model", "photos", "-o", "z.npy")
    run("fit", "z.npy", "-o", "s.safetensors", "--sampler", "gaussian", "--seed", "1")
    call = ["generate", "mine:model", "s.safetensors"]
    assert run(*call, "-n", "9", "-o", "all.npy")[0] == 0
    assert run(*call, "-n", "4", "--start", "5", "-o", "rest.npy")[0] == 0
    assert np.array_equal(np.load("all.npy")[5:], np.load("rest.npy"))


def test_our_own_files(run, tmp_path):
    from vicinal.autoencoders.networks import ConvAutoencoder

    torch.manual_seed(0)
    model = ConvAutoencoder((1, 8, 8), latent_dim=3, width=4).eval()
    model.save("ae.safetensors")
    images = np.random.default_rng(0).random((50, 1, 8, 8), dtype=np.float32)
    np.save("x.npy", images)
    assert run("encode", "ae.safetensors", "x.npy", "-o", "z.csv")[0] == 0
    assert np.allclose(array_files.read("z.csv"), vicinal.encode(model, images), atol=1e-6)
    assert run("decode", "ae.safetensors", "z.csv", "-o", "y.npy")[0] == 0
    assert np.allclose(np.load("y.npy"), vicinal.decode(model, vicinal.encode(model, images)), atol=1e-5)
    np.save("z5.npy", np.zeros((60, 5)) + np.arange(60)[:, None])
    run("fit", "z5.npy", "-o", "s.safetensors", "--sampler", "bootstrap")
    message = "s.safetensors must have latents of 3 dimensions, as the autoencoder has; got 5: fit a sampler to latents"
    assert message in run("generate", "ae.safetensors", "s.safetensors", "-o", "y.png")[2]
    assert "z5.npy must have latents of 3 dimensions" in run("decode", "ae.safetensors", "z5.npy", "-o", "y.png")[2]


def test_a_folder_of_diffusers(run, tmp_path):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    vae = diffusers.AutoencoderKL(
        block_out_channels=(4,), norm_num_groups=2, latent_channels=2, sample_size=8, layers_per_block=1
    ).eval()
    vae.save_pretrained("pipeline/vae")
    (tmp_path / "pipeline/model_index.json").write_text("{}")
    images = np.random.default_rng(0).random((5, 3, 8, 8), dtype=np.float32)
    np.save("x.npy", images)
    expected = vicinal.encode(vicinal.Autoencoder.from_diffusers(vae), images)
    for name in ("pipeline", "pipeline/vae"):
        assert run("encode", name, "x.npy", "-o", "z.npy", "--force")[::2] == (0, "")
        assert np.array_equal(np.load("z.npy"), expected)
    assert run("decode", "pipeline", "z.npy", "-o", "sheet.png")[0] == 0


def test_a_folder_of_pythae(run, tmp_path):
    """Without a pickle it is read; with one, the remedy is named, and nothing runs."""
    models = pytest.importorskip("pythae.models")
    torch.manual_seed(0)
    model = models.VAE(models.VAEConfig(input_dim=(1, 8, 8), latent_dim=3)).eval()
    model.save("folder")
    images = np.random.default_rng(0).random((5, 1, 8, 8), dtype=np.float32)
    np.save("x.npy", images)
    assert run("encode", "folder", "x.npy", "-o", "z.npy")[::2] == (0, "")
    assert np.array_equal(np.load("z.npy"), vicinal.encode(vicinal.Autoencoder.from_pythae(model), images))
    (tmp_path / "folder/encoder.pkl").write_bytes(b"cos\nsystem\n(S'touch was-run'\ntR.")
    code, _, err = run("encode", "folder", "x.npy", "-o", "y.npy")
    assert (code, "encoder.pkl, which is never unpickled: pass module:function" in err) == (2, True)
    assert not (tmp_path / "was-run").exists()
    (tmp_path / "folder/encoder.pkl").unlink()
    torch.save({"model_state_dict": {}, "more": tmp_path}, "folder/model.pt")
    assert "model.pt does not hold the weights of VAE" in run("encode", "folder", "x.npy", "-o", "y.npy")[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["encode", "mine:broken", "photos", "-o", "z.npy"],
            "cannot be made: call it without arguments (RuntimeError: no",
        ),
        (["encode", "mine:number", "photos", "-o", "z.npy"], "MODEL mine:number must be a model or a function"),
        (["encode", "mine:other", "photos", "-o", "z.npy"], "MODEL mine:other: module mine"),
        (["encode", "absent", "photos", "-o", "z.npy"], "MODEL must be a file that vicinal saved"),
        (["encode", "photos", "photos", "-o", "z.npy"], "photos must be a folder that save_pretrained of diffusers"),
        (["encode", "s.safetensors", "photos", "-o", "z.npy"], "s.safetensors holds a BootstrapSampler"),
        (["encode", "mine:absent", "photos", "-o", "z.txt"], "--output must end in .npy"),
        (
            ["generate", "mine:absent", "s.safetensors", "-o", "z.csv"],
            "--output must end in .npy, .npz, .safetensors, .zarr, .png",
        ),
        (["generate", "mine:absent", "s.safetensors", "-o", "photos"], "photos has files in it; name another folder"),
        (["generate", "mine:absent", "s.safetensors", "-o", "mine.py/x"], "mine.py is not a folder; make it first"),
        (
            ["generate", "mine:absent", "s.safetensors", "-n", "20000", "-o", "y.png"],
            "one sheet, of at most 10,000 images",
        ),
        (
            ["generate", "mine:model", "s.safetensors", "-n", "0", "-o", "y.png"],
            "--n-samples must be an integer at least 1",
        ),
        (["generate", "mine:model", "mine.py", "-o", "y.png"], "mine.py is not a vicinal file"),
        (
            ["decode", "mine:model", "wide.npy", "-o", "y.png"],
            "wide.npy must have latents of 64",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_calls_give_one_line_and_exit_code_2(run, folder, arguments, message):
    np.save("wide.npy", np.zeros((4, 3)))
    vicinal.samplers.BootstrapSampler(random_state=0).fit(np.zeros((5, 64)) + np.arange(5)[:, None]).save(
        "s.safetensors"
    )
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_folders_of_vicinal(run, folder, tmp_path):
    """What `save_pretrained` writes goes where a file goes, and a repository is not taken for a module."""
    from vicinal.autoencoders.networks import ConvAutoencoder

    model = ConvAutoencoder((1, 8, 8), 3)
    model.save_pretrained(tmp_path / "model")
    code, _, err = run("encode", "model", "photos", "-o", "z.npy")
    assert (code, err) == (0, "")
    images = torch.from_numpy(np.float32(folder[:, None] / 255))
    with torch.no_grad():
        assert np.allclose(np.load("z.npy"), model.encode(images).numpy(), atol=1e-5)
    vicinal.samplers.BootstrapSampler(random_state=0).fit(np.load("z.npy")).save_pretrained(tmp_path / "sampler")
    assert run("sample", "sampler", "-n", "5", "-o", "new.npy")[0] == 0
    assert np.load("new.npy").shape == (5, 3)
    code, _, err = run("encode", "hf://no-repository", "photos", "-o", "y.npy")
    assert code != 0
    assert "expected user/repo, or hf://user/repo@revision" in err


@pytest.mark.parametrize("labels", [[], ["--labels"]])
@pytest.mark.parametrize("source", ["x.npy", "x.npz", "photos"])
@pytest.mark.parametrize("size", [[], ["--image-size", "16"]])
def test_a_file_of_latents_is_that_of_one_array(run, folder, monkeypatch, labels, source, size):
    """Written batch by batch or at once, and whatever the images are in."""
    from vicinal import images

    array = np.concatenate([folder[:30] // 200, folder[30:]])[:, None].astype(np.float32)  # levels seen only in the end
    np.save("x.npy", array)
    np.save("x.labels.npy", ["a", "b"] * 30)
    np.savez("x.npz", images=array, labels=np.array(["a", "b"] * 30))
    given = folder[:, None] if source == "photos" else array
    given = images.resize(given, 16) if size else given
    expected = vicinal.encode(vicinal.Autoencoder(lambda x: x.reshape(len(x), -1) / 2, lambda z: z), given)
    for output in ("z.npy", "z.safetensors"):
        call = ["encode", "mine:model", source, "-o", output, "--batch-size", "7", *labels, *size]
        assert run(*call)[::2] == (0, "")
        found = array_files.read(output)
        assert found.dtype == expected.dtype
        if source == "photos":
            assert np.allclose(found, expected, atol=2e-7)  # resized one by one, or together
        else:
            assert np.array_equal(found, expected)
        Path("z.labels.npy").unlink(missing_ok=True)


@pytest.mark.parametrize("command", ["encode", "decode", "generate"])
def test_only_a_batch_is_in_memory(run, folder, monkeypatch, command):
    """Rows of 32 kB: 40 MB of them go out, and for ``encode`` 40 MB come in, in less than 12 MB."""
    import tracemalloc

    import mine

    for name in ("encode", "decode"):
        monkeypatch.setattr(mine.Halves, name, lambda _, rows: np.repeat(rows[:, :1], 4096, axis=1).astype(float))
    n_columns = 4096 if command == "encode" else 64
    np.save("x.npy", np.random.default_rng(0).normal(size=(1250, 1)).repeat(n_columns, axis=1))
    np.save("fitted.npy", np.random.default_rng(0).normal(size=(100, 64)))
    assert run("fit", "fitted.npy", "-o", "s.safetensors", "--sampler", "gaussian")[0] == 0
    given = {"encode": ["x.npy"], "decode": ["x.npy"], "generate": ["s.safetensors", "-n", "1250"]}[command]
    tracemalloc.start()
    try:
        code = run(command, "mine:model", *given, "-o", "z.npy", "--batch-size", "32")[::2]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert code == (0, "")
    assert np.load("z.npy", mmap_mode="r").shape == (1250, 4096)
    assert peak < 12e6
