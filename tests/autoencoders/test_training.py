"""Training: what it reaches, its seed, its settings, its images."""

import numpy as np
import pytest

import vicinal
from vicinal import datasets
from vicinal._errors import CollapseWarning

torch = pytest.importorskip("torch")

from vicinal.autoencoders import training  # noqa: E402 - after the skip
from vicinal.autoencoders.networks import ConvAutoencoder  # noqa: E402
from vicinal.autoencoders.objectives import OBJECTIVES  # noqa: E402
from vicinal.autoencoders.training import train  # noqa: E402

# The mean squared error of a held-out pixel after 6 epochs, a fifth above what is reached; the mean image has 0.074.
LIMITS = dict.fromkeys(OBJECTIVES, 0.038) | {"wae-mmd": 0.040, "info-vae": 0.064}


@pytest.fixture(autouse=True)
def _one_thread():
    """Tiny networks are slower on several threads."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def digits(split="train"):
    images = datasets.load("digits", split=split).images
    return images / np.float32(255.0) if images.dtype == np.uint8 else images


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_training_on_digits_beats_a_stated_error(objective):
    images, test = digits(), digits("test")
    losses = []
    model = train(
        objective,
        images,
        latent_dim=8,
        width=8,
        n_epochs=6,
        batch_size=50,
        learning_rate=1e-2,
        on_epoch=lambda epoch, loss: losses.append((epoch, loss)),
        **({"n_pseudo_inputs": 30} if objective == "vamp" else {}),
    )
    error = np.square(vicinal.decode(model, vicinal.encode(model, test)) - test).mean()
    assert error < LIMITS[objective] < np.square(test - images.mean(axis=0)).mean()
    assert [epoch for epoch, _ in losses] == list(range(1, 7))
    assert losses[-1][1] < losses[0][1]
    assert model.card["final_loss"] == losses[-1][1]
    assert model.card["mean_squared_error"] < LIMITS[objective]
    assert not model.training


def test_training_is_seeded_and_leaves_the_global_generator_alone():
    images = digits()[:100]
    state = torch.random.get_rng_state()
    for objective in ("vae", "rae-sn", "aae"):
        models = [train(objective, images, latent_dim=2, n_epochs=2, random_state=seed) for seed in (0, 0, 1)]
        assert torch.equal(weights(models[0]), weights(models[1]))
        assert not torch.equal(weights(models[0]), weights(models[2]))
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("objective", ["ae", "vae", "vamp", "rae-sn", "aae"])
def test_saved_and_loaded(objective, tmp_path):
    images = digits()[:64]
    model = train(objective, images, latent_dim=3, n_epochs=1, validation=images[:9])
    model.save(tmp_path / "model.safetensors")
    loaded = vicinal.load(tmp_path / "model.safetensors")
    assert loaded.card == model.card
    assert type(loaded) is ConvAutoencoder
    assert np.array_equal(vicinal.encode(loaded, images), vicinal.encode(model, images))
    latents = vicinal.encode(model, images)
    assert np.array_equal(vicinal.decode(loaded, latents), vicinal.decode(model, latents))


def test_levels_and_floats_are_the_same_images():
    levels = np.random.default_rng(0).integers(0, 256, (70, 1, 8, 8), dtype=np.uint8)
    sets = [levels, levels.astype(np.int64), levels / np.float32(255.0), levels / 255.0]
    models = [train("ae", images, latent_dim=2, n_epochs=1) for images in sets]
    assert all(torch.equal(weights(models[0]), weights(model)) for model in models)
    assert len({model.card["sha256"] for model in models}) == 1
    other = train("ae", levels[::-1], latent_dim=2, n_epochs=1)
    assert other.card["sha256"] != models[0].card["sha256"]


def test_levels_stay_levels_on_the_device():
    levels = np.random.default_rng(0).integers(0, 256, (3, 3, 8, 8), dtype=np.uint8)
    for images in (levels, levels / 255.0):
        data = training.to_device(training.check_images(images, "images"), torch.device("cpu"))
        assert data.dtype == torch.uint8
        batch = training.as_floats(data)
        assert batch.is_contiguous(memory_format=torch.channels_last)
        assert np.array_equal(batch.numpy(), levels / np.float32(255.0))
    assert training.check_images(levels / 300.0, "images").dtype == np.float32


def test_the_card():
    images = digits()[:130]
    card = train("rae-l2", images[:100], latent_dim=2, n_epochs=2, validation=images[100:], beta=0.5).card
    assert card["objective"] == "rae-l2"
    assert card["options"] == {"beta": 0.5, "decay": 1e-4}
    assert (card["n_images"], card["batch_size"], card["epochs_trained"]) == (100, 100, 2)
    assert card["image_shape"] == [1, 8, 8]
    assert card["seconds_per_epoch"] > 0.0
    assert 0.0 < card["mean_squared_error"] < 0.2
    assert 0.0 < card["validation_mean_squared_error"] < 0.2
    assert card["torch"] == torch.__version__


def test_the_reported_errors_are_those_of_the_model():
    images = digits()[:130]
    model = train("vae", images[:100], latent_dim=2, n_epochs=2, validation=images[100:])

    def error(rows):
        return np.square(vicinal.decode(model, vicinal.encode(model, rows)) - rows).mean()

    assert model.card["mean_squared_error"] == pytest.approx(error(images[:100]), rel=1e-5)
    assert model.card["validation_mean_squared_error"] == pytest.approx(error(images[100:]), rel=1e-5)


def test_the_best_epoch_wins_and_patience_ends(monkeypatch):
    errors = iter([0.5, 0.3, 0.4, 0.35, 0.1])
    kept = []

    def measured(model, data):
        kept.append(weights(model).clone())
        return next(errors)

    images = digits()[:100]
    monkeypatch.setattr(training, "reconstruction_error", measured)
    monkeypatch.setattr(training, "N_MEASURED", 1)
    epochs = []
    model = train(
        "ae",
        images,
        latent_dim=2,
        n_epochs=9,
        validation=images,
        patience=2,
        on_epoch=lambda epoch, _: epochs.append(epoch),
    )
    assert epochs == [1, 2, 3, 4]
    assert (model.card["epochs_trained"], model.card["best_epoch"]) == (4, 2)
    assert torch.equal(weights(model), kept[1])
    assert model.card["validation_mean_squared_error"] == 0.3


def test_bad_settings():
    images = np.zeros((9, 1, 8, 8))
    for wrong, message in [
        ({"latent_dim": 0}, "latent_dim must be an integer at least 1; got 0"),
        ({"n_epochs": 0}, "n_epochs must be an integer at least 1; got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be a finite number above 0; got 0"),
        ({"patience": 2}, "patience needs validation images to watch: pass validation="),
        ({"device": "mars"}, "device must name a device that torch can use here, such as 'cpu' or 'cuda'; got 'mars'"),
        ({"beta": 2.0}, "ae has no option 'beta'; it has none"),
        ({"validation": np.zeros((2, 1, 8, 9))}, r"validation must be of shape \(n, 1, 8, 8\); got \(2, 1, 8, 9\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            train("ae", images, **{"latent_dim": 2} | wrong)
    with pytest.raises(ValueError, match=r"objective must be one of 'ae', 'dae', 'vae', .*; got 'gan'"):
        train("gan", images, latent_dim=2)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((9, 64)), r"images must have shape \(n, C, H, W\); got \(9, 64\)"),
        (np.full((9, 1, 8, 8), 2.0), r"images must be floats in \[0, 1\].*got floats from 2 to 2: divide by 255"),
        (np.full((9, 1, 8, 8), -1.0), r"got floats from -1 to -1: map them with \(images \+ 1\) / 2"),
        (np.full((9, 1, 8, 8), np.nan), "images must be finite"),
        (np.full((9, 1, 8, 8), 256), "images must be"),
    ],
)
def test_bad_images(images, message):
    with pytest.raises(ValueError, match=message):
        train("ae", images, latent_dim=2)


def test_a_loss_that_explodes_is_an_error():
    with pytest.raises(ValueError, match=r"the loss became (nan|inf) in epoch 1: pass a learning_rate below 0.005"):
        train("beta-vae", digits()[:64], latent_dim=2, n_epochs=3, beta=1e39)


def test_a_collapse_is_warned_of():
    images = digits()[:200]
    mean_image_error = np.square(images - images.mean(axis=0)).mean()
    message = (
        rf"ae reconstructs hardly better than the mean image: .*, that of the mean image {mean_image_error:.5f}; pass a"
    )
    with pytest.warns(CollapseWarning, match=message):
        train("ae", images, latent_dim=2, n_epochs=1, learning_rate=1e-6)


@pytest.mark.filterwarnings("error")
def test_images_that_are_all_alike_are_no_collapse():
    train("ae", np.full((9, 1, 8, 8), 0.5), latent_dim=2, n_epochs=1)


@pytest.mark.parametrize("objective", ["vae", "rae-gp", "rae-sn", "aae"])
def test_training_on_a_gpu(objective, tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    options = {"latent_dim": 8, "width": 24, "n_epochs": 15, "batch_size": 100, "device": "cuda"}
    kept = tmp_path / "checkpoint.safetensors"
    model = train(objective, digits(), checkpoint=kept, **options)
    assert {parameter.device.type for parameter in model.parameters()} == {"cuda"}
    assert model.card["mean_squared_error"] < LIMITS[objective]
    again = train(objective, digits(), checkpoint=kept, resume=True, **options)
    assert torch.equal(weights(again), weights(model))


def test_a_model_that_fails_on_validation_images_says_so(monkeypatch):
    """The mean image of the training images is the measure for validation images, too."""
    images, noise = digits()[:50], np.random.default_rng(0).random((40, 1, 8, 8), dtype=np.float32)
    mean_image_error = np.square(noise - images.mean(axis=0)).mean()
    monkeypatch.setattr(training, "reconstruction_error", lambda _, data: 0.19 if len(data) == 40 else 0.01)
    with pytest.warns(CollapseWarning, match=f"validation pixel is 0.19000, .* {mean_image_error:.5f}"):
        model = train("ae", images, latent_dim=8, n_epochs=1, validation=noise)
    assert "validation pixel" in model.card["warning"]
    monkeypatch.setattr(training, "reconstruction_error", lambda *_: 0.01)
    assert train("ae", images, latent_dim=8, n_epochs=1, validation=noise).card["warning"] is None
