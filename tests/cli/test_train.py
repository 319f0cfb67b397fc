"""The command that trains an autoencoder: what it writes, how it goes on, what it says."""

import re

import numpy as np
import pytest

import vicinal
from vicinal import _progress, datasets

torch = pytest.importorskip("torch")

from vicinal.autoencoders import training  # noqa: E402 - after the skip


@pytest.fixture
def train(run):
    """Return a function that trains on digits in a fresh folder: (exit code, output, error output)."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    options = ["--out", "run", "--latent-dim", "2", "--width", "4", "--epochs", "2", "--batch-size", "500"]
    yield lambda *more: run("train", *options, *more)
    torch.set_num_threads(n_threads)


def weights():
    model = vicinal.load("run/autoencoder.safetensors")
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def write_images(folder):
    """Write images of two sizes; all are for training."""
    pillow = pytest.importorskip("PIL.Image")
    levels = np.random.default_rng(0).integers(0, 256, (9, 11, 13), dtype=np.uint8)
    for i, image in enumerate(levels):
        (folder / f"{i}").mkdir(parents=True)
        pillow.fromarray(image[: 9 + i % 2]).save(folder / f"{i}" / "0.png")


def test_images_of_several_sizes_are_cropped_and_resized(train, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_images(tmp_path / "images")
    code, out, _ = train("--dataset", "folder", "--data-dir", "images", "--image-size", "8")
    assert code == 0
    assert "Images are cropped to their central square and resized to 8 x 8: bicubic, antialiased, in float." in out
    assert vicinal.load("run/autoencoder.safetensors").image_shape == (1, 8, 8)


def test_train_is_the_library(train, tmp_path):
    code, out, err = train("--objective", "rae-l2", "--option", "beta=0.5", "--seed", "3")
    assert (code, err) == (0, "")
    assert out.startswith("wrote run/autoencoder.safetensors, mean squared error of a training pixel 0.")
    settings = {"latent_dim": 2, "width": 4, "n_epochs": 2, "batch_size": 500, "random_state": 3}
    model = training.train("rae-l2", datasets.load("digits").images, **settings, beta=0.5)
    assert torch.equal(weights(), torch.cat([p.detach().flatten() for p in model.parameters()]))
    card = vicinal.load("run/autoencoder.safetensors").card
    assert {k: v for k, v in card.items() if k != "seconds_per_epoch"} == {
        k: v for k, v in model.card.items() if k != "seconds_per_epoch"
    }
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "autoencoder.safetensors",
        "checkpoint.safetensors",
        "latents.npy",
    ]
    latents = np.load("run/latents.npy")
    assert np.array_equal(latents, vicinal.encode(model, datasets.load("digits").images))
    assert "wrote run/latents.npy, 1,198 latents of 2 dimensions\ntrained 2 epochs, 4 steps; --epochs sets" in out


def test_interrupted_and_resumed(train, tmp_path, monkeypatch):
    assert train("--objective", "vae")[0] == 0
    whole = weights()
    assert train("--objective", "vae")[::2] == (
        2,
        "error: run/autoencoder.safetensors exists; pass --resume to go on, or --force to start anew\n",
    )
    left = iter(range(3))

    def clip(*arguments):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return torch.nn.utils.clip_grad_norm_(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(training, "clip_grad_norm_", clip)
        assert train("--objective", "vae", "--force")[::2] == (130, "error: interrupted\n")
    for name in ("autoencoder.safetensors", "latents.npy"):
        (tmp_path / "run" / name).unlink()
    assert "checkpoint.safetensors exists; pass --resume" in train("--objective", "vae")[2]
    assert train("--objective", "vae", "--resume")[0] == 0
    assert torch.equal(weights(), whole)
    code, _, err = train("--objective", "vae", "--resume", "--width", "5")
    assert (code, "is of another training: width was 4, is 5" in err) == (2, True)


def test_validation_and_patience(train):
    code, out, _ = train(
        "--validation", "0.25", "--patience", "1", "--objective", "vamp", "--option", "n_pseudo_inputs=7"
    )
    card = vicinal.load("run/autoencoder.safetensors").card
    assert (code, card["n_images"], card["options"]["n_pseudo_inputs"]) == (0, 898, 7)
    assert f"of a validation pixel {card['validation_mean_squared_error']:.5f}" in out


def test_the_bar(train, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setattr(_progress, "QUIET_SECONDS", -1.0)
    err = re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", train()[2])
    assert "Training ae" in err
    assert re.search(r"2/2 .*loss \d", err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--objective", "gan"], "objective must be one of 'ae', 'dae'"),
        (
            ["--dataset", "faces"],
            "--dataset must be one of 'digits', 'mnist', 'fashion-mnist', 'celeba', 'mobius', ",
        ),
        (["--dataset", "mnist", "--data-dir", "absent"], "absent"),
        (
            ["--data-dir", "absent"],
            "--data-dir absent needs --dataset: one of mnist, fashion-mnist, celeba",
        ),
        (["--dataset", "digits", "--data-dir", "."], "--data-dir does not go with --dataset digits, which is built in"),
        (["--option", "beta"], "--option must be KEY=VALUE with a number for VALUE; got 'beta'"),
        (["--option", "beta=big"], "--option must be KEY=VALUE with a number for VALUE; got 'beta=big'"),
        (["--option", "beta=1"], "ae has no option 'beta'; it has none"),
        (["--validation", "1"], "--validation must be a share from 0 to below 1; got 1.0"),
        (["--patience", "1"], "patience needs validation images to watch"),
        (["--epochs", "0"], "n_epochs must be an integer at least 1; got 0"),
        (["--image-size", "16"], "--image-size must be None for digits, which has one size; got 16"),
        (["--dataset", "folder", "--data-dir", "odd", "--image-size", "7"], "load them with --image-size 8, or resize"),
        (["--dataset", "folder", "--data-dir", "odd"], "(width x height): pass --image-size 64, or any other, to crop"),
        (["--device", "mars"], "device must name a device that torch can use"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_arguments_give_one_line_and_exit_code_2(train, tmp_path, monkeypatch, arguments, message):
    if "odd" in arguments:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        write_images(tmp_path / "odd")
    code, out, err = train(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_what_was_trained_encodes(train):
    assert train()[0] == 0
    images = np.zeros((3, 1, 8, 8), np.float32)
    assert vicinal.encode(vicinal.load("run/autoencoder.safetensors"), images).shape == (3, 2)


def test_few_images_are_seen_often_enough(monkeypatch, run, tmp_path):
    """Without --epochs, 100 images in batches of 50 take 500 epochs, which are 1,000 steps."""
    np.save(tmp_path / "few.npy", np.random.default_rng(0).integers(0, 256, (126, 8, 8), dtype=np.uint8))
    given = []

    def interrupted(_objective, images, **options):
        given.append((len(images), options["n_epochs"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", interrupted)
    run("train", "--out", "run", "--dataset", "folder", "--data-dir", "few.npy", "--batch-size", "50")
    assert given == [(n := given[0][0], 1000 // (n // 50))]


@pytest.mark.filterwarnings("default")
def test_a_model_that_learnt_nothing_says_so(train):
    code, _, err = train("--learning-rate", "1e-9", "--epochs", "1")
    card = vicinal.load("run/autoencoder.safetensors").card
    assert (code, err) == (0, f"warning: {card['warning']}\n")
    assert card["warning"].startswith("ae reconstructs hardly better than the mean image")
