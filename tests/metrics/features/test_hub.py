"""DINOv2 and CLIP, on tiny random networks: against transformers itself, Pillow, and what DINOv2's code says."""

import json
import os
import shutil

import numpy as np
import pytest

from vicinal._errors import FileFormatError, InvalidInputError, MissingExtraError
from vicinal.metrics import features as vf

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
IMAGENET = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
CLIP = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])


def saved(network, folder):
    """Draw every weight, so that none is without effect, and save the network."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * (0.3 if weight.ndim > 1 else 0.5) + 0.01)
    network.save_pretrained(folder)
    return folder


def dinov2(folder, image_size=224, **options):
    return saved(transformers.Dinov2Model(transformers.Dinov2Config(**TINY, image_size=image_size, **options)), folder)


@pytest.fixture(scope="module")
def dinov2_folder(tmp_path_factory):
    return dinov2(tmp_path_factory.mktemp("hub") / "tiny-dinov2")


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    """A whole CLIP, with a text network, at 64 pixels."""
    vision = {**TINY, "intermediate_size": 40, "image_size": 64, "patch_size": 16}
    text = {**TINY, "intermediate_size": 16, "vocab_size": 50, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    return saved(transformers.CLIPModel(config), tmp_path_factory.mktemp("hub") / "tiny-clip")


def pixels(levels, statistics):
    """Normalise levels (n, 3, H, W) in NumPy."""
    mean, deviation = (each[:, None, None] for each in statistics)
    return torch.from_numpy(((levels / 255 - mean) / deviation).astype(np.float32))


def levels_of(generator, side, n=3):
    levels = generator.integers(0, 256, (n, 3, side, side), dtype=np.uint8)
    levels[-1] = np.add.outer(np.arange(side), np.arange(side)) // 2  # smooth
    return levels


# Values


def test_dinov2_features_are_the_normalised_class_token_of_transformers(dinov2_folder, generator):
    levels = levels_of(generator, 224)
    network = transformers.Dinov2Model.from_pretrained(dinov2_folder).eval()
    with torch.no_grad():
        expected = network(pixel_values=pixels(levels, IMAGENET)).last_hidden_state[:, 0].numpy()
    features = vf.DINOv2Features(dinov2_folder, batch_size=2)
    assert features(levels) == pytest.approx(expected, abs=1e-4)
    assert np.abs(expected[0] - expected[2]).max() > 0.01  # the images matter
    assert features.image_size == 224
    assert features.name == "DINOv2 (tiny-dinov2)"


def test_a_folder_is_called_by_its_name_wherever_one_is(dinov2_folder, monkeypatch):
    monkeypatch.chdir(dinov2_folder)
    assert vf.DINOv2Features(".").name == "DINOv2 (tiny-dinov2)"
    assert vf.DINOv2Features("model.safetensors").name == "DINOv2 (tiny-dinov2)"


def test_clip_features_are_the_class_token_before_the_projection(clip_folder, generator):
    levels = levels_of(generator, 64)
    network = transformers.CLIPModel.from_pretrained(clip_folder).eval()
    with torch.no_grad():
        expected = network.vision_model(pixel_values=pixels(levels, CLIP)).pooler_output.numpy()
    features = vf.CLIPFeatures(clip_folder)
    assert features(levels).shape == (3, 24)
    assert features(levels) == pytest.approx(expected, abs=1e-4)
    assert np.abs(expected[0] - expected[2]).max() > 0.01
    assert features.image_size == 64
    assert features.name == "CLIP (tiny-clip)"


def test_the_image_network_of_clip_alone_gives_the_same(clip_folder, tmp_path, generator):
    network = transformers.CLIPVisionModel.from_pretrained(clip_folder)
    network.save_pretrained(tmp_path)
    levels = levels_of(generator, 50)
    assert np.array_equal(vf.CLIPFeatures(tmp_path)(levels), vf.CLIPFeatures(clip_folder)(levels))


@pytest.mark.parametrize(("height", "width"), [(28, 28), (64, 48), (300, 400)])
def test_images_are_resized_as_pillow_does(dinov2_folder, generator, height, width):
    image = pytest.importorskip("PIL.Image")
    levels = generator.integers(0, 256, (1, 3, height, width), dtype=np.uint8)
    small = image.fromarray(levels[0].transpose(1, 2, 0)).resize((224, 224), image.Resampling.BICUBIC)
    expected = np.asarray(small).transpose(2, 0, 1)[None]
    from vicinal.metrics.features.hub import resized

    gap = np.abs(resized(torch.from_numpy(levels), 224).numpy().astype(int) - expected)
    assert gap.max() <= 2
    assert np.mean(gap > 0) < 0.02
    features = vf.DINOv2Features(dinov2_folder)
    here, cropped = features(levels), np.resize(levels, (1, 3, 224, 224))
    assert np.abs(here - features(expected)).max() < 0.1 * np.abs(here - features(cropped)).max()


def bicubic(grid, coordinates):
    """Sample (m, m, d) at the same places along both axes: Keys' kernel with a = -0.75, edges repeated."""
    weights = np.zeros((len(coordinates), len(grid)))
    for row, place in zip(weights, coordinates, strict=True):
        for i in range(int(np.floor(place)) - 1, int(np.floor(place)) + 3):
            x, a = abs(place - i), -0.75
            kernel = (a + 2) * x**3 - (a + 3) * x**2 + 1 if x <= 1 else a * (x**3 - 5 * x**2 + 8 * x - 4)
            row[min(max(i, 0), len(grid) - 1)] += kernel
    return np.einsum("im,jn,mnd->ijd", weights, weights, grid)


def test_positions_are_interpolated_as_in_the_code_of_dinov2(tmp_path, generator):
    """There, 16 patches lie at the places of 16.1 in 37; in transformers, of 16."""
    levels = levels_of(generator, 224)
    network = transformers.Dinov2Model.from_pretrained(dinov2(tmp_path, image_size=518)).eval()
    positions = network.embeddings.position_embeddings
    grid = positions[0, 1:].detach().numpy().reshape(37, 37, -1).astype(float)
    wanted = bicubic(grid, (np.arange(16) + 0.5) * 37 / 16.1 - 0.5).reshape(1, 256, -1)
    with torch.no_grad():
        theirs = network(pixel_values=pixels(levels, IMAGENET)).pooler_output.numpy()
        positions.data = torch.cat((positions[:, :1], torch.from_numpy(wanted).float()), dim=1)
        expected = network(pixel_values=pixels(levels, IMAGENET)).pooler_output.numpy()
    features = vf.DINOv2Features(tmp_path)(levels)
    assert features == pytest.approx(expected, abs=1e-4)
    assert np.abs(features - expected).max() < 0.1 * np.abs(features - theirs).max()


def test_grey_images_are_rgb_and_blocks_do_not_matter(dinov2_folder, generator):
    grey = generator.integers(0, 256, (3, 20, 30), dtype=np.uint8)
    features = vf.DINOv2Features(dinov2_folder)
    expected = features(grey)
    for images in (grey[:, None], np.repeat(grey[..., None], 3, axis=3), grey / 255):
        assert np.array_equal(features(images), expected)
    assert vf.DINOv2Features(dinov2_folder, batch_size=1)(grey) == pytest.approx(expected, abs=1e-5)
    with pytest.raises(InvalidInputError, match="with 1 or 3 channels"):
        features(np.zeros((2, 2, 20, 20), np.uint8))


# Names and fingerprints


def test_fd_dinov2_is_only_that_of_vit_l14(dinov2_folder, tmp_path, monkeypatch):
    assert vf.DINOv2Features(dinov2_folder).frechet_name == "Frechet distance"
    shape = {**vf.dinov2.VIT_L14, **TINY}
    monkeypatch.setattr("vicinal.metrics.features.dinov2.VIT_L14", shape)
    assert vf.DINOv2Features(dinov2(tmp_path / "large", image_size=518)).frechet_name == "FD-DINOv2"
    assert vf.DINOv2Features(dinov2_folder).frechet_name == "Frechet distance"  # of 224 pixels
    swiglu = dinov2(tmp_path / "giant", image_size=518, use_swiglu_ffn=True)
    assert vf.DINOv2Features(swiglu).frechet_name == "Frechet distance"


def test_fingerprints_follow_weights_and_settings(dinov2_folder, tmp_path):
    features = vf.DINOv2Features(dinov2_folder)
    copy = shutil.copytree(dinov2_folder, tmp_path / "copy")
    assert vf.DINOv2Features(copy, batch_size=1).fingerprint == features.fingerprint
    assert vf.DINOv2Features(copy / "model.safetensors").fingerprint == features.fingerprint
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    assert vf.DINOv2Features(copy).fingerprint != features.fingerprint
    other = shutil.copytree(dinov2_folder, tmp_path / "other")
    network = transformers.Dinov2Model.from_pretrained(other)
    with torch.no_grad():
        network.embeddings.cls_token[0, 0, 0] += 1
    network.save_pretrained(other)
    assert vf.DINOv2Features(other).fingerprint != features.fingerprint


# What cannot be used


def test_a_name_is_downloaded_and_a_folder_is_not(dinov2_folder, tmp_path, monkeypatch):
    asked = []

    def download(name, **options):
        asked.append((name, options))
        return str(dinov2_folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    monkeypatch.chdir(tmp_path)
    vf.DINOv2Features(dinov2_folder)
    assert asked == []
    assert vf.DINOv2Features("some/dinov2").name == "DINOv2 (dinov2)"
    vf.DINOv2Features()
    with pytest.raises(FileFormatError, match="must have the model_type clip or clip_vision_model; got 'dinov2'"):
        vf.CLIPFeatures()
    assert [name for name, _ in asked] == [
        "some/dinov2",
        "facebook/dinov2-large",
        "openai/clip-vit-large-patch14",
    ]
    assert all(options == {"allow_patterns": ["config.json", "model.safetensors"]} for _, options in asked)


def test_what_cannot_be_downloaded_names_the_way_without_a_network(monkeypatch, tmp_path):
    def fail(name, **options):
        raise FileNotFoundError("no route\nto anywhere")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InvalidInputError,
        match=r"there is no folder facebook/dinov2-large here, and .* downloaded \(no route\)\. .* run elsewhere: "
        r"hf download facebook/dinov2-large config.json model.safetensors --local-dir DIR, then copy DIR here and pass",
    ):
        vf.DINOv2Features()


def test_what_is_no_name_is_not_asked_for(tmp_path):
    with pytest.raises(InvalidInputError, match=r"or a name on huggingface.co such as facebook/dinov2-large; got .*x"):
        vf.DINOv2Features(tmp_path / "x")
    (tmp_path / "dinov2.pth").write_bytes(b"")
    with pytest.raises(InvalidInputError, match=r"or that model.safetensors; got the file .*dinov2.pth"):
        vf.DINOv2Features(tmp_path / "dinov2.pth")


def _without_tensors(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _truncated(folder):
    os.truncate(folder / "model.safetensors", 5_000)


def _without_a_weight(folder):
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    del state["layernorm.bias"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def _with(**options):
    def change(folder):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **options}))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_tensors, r"lacks model.safetensors; it must be a folder as save_pretrained .* others are never read"),
        (lambda folder: (folder / "config.json").unlink(), "lacks config.json"),
        (lambda folder: (folder / "config.json").write_text("[]"), "is no configuration of a network"),
        (lambda folder: (folder / "config.json").write_text("{"), "is no configuration of a network"),
        (_truncated, r"holds no whole network \(.*\): fetch it again"),
        (_without_a_weight, "model.safetensors lacks layernorm.bias"),
        (_with(hidden_size=48), "holds no whole network"),
        (_with(num_hidden_layers=3), r"lacks encoder.layer.2..* and \d+ more"),
        (_with(model_type="vit"), "must have the model_type dinov2; got 'vit'"),
        (_with(apply_layernorm=False), "with a layer normalisation last; got 3 channels, patches of 14"),
    ],
)
def test_what_is_wrong_with_a_folder(dinov2_folder, tmp_path, change, message):
    folder = shutil.copytree(dinov2_folder, tmp_path / "tiny")
    change(folder)
    with pytest.raises(FileFormatError, match=message):
        vf.DINOv2Features(folder)


def test_patches_must_divide_the_images(tmp_path):
    with pytest.raises(FileFormatError, match=r"whose side divides 224.* got 3 channels, patches of 15"):
        vf.DINOv2Features(dinov2(tmp_path, image_size=225, patch_size=15))


def test_loading_is_quiet_and_leaves_the_logging_of_transformers(clip_folder, capfd):
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    state = torch.get_rng_state()
    vf.CLIPFeatures(clip_folder)
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
    assert torch.equal(torch.get_rng_state(), state)


def test_transformers_is_named_with_its_command(monkeypatch):
    from importlib import import_module

    def fail(name):
        if name == "transformers":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return import_module(name)

    monkeypatch.setattr("vicinal._errors.importlib.import_module", fail)
    with pytest.raises(MissingExtraError, match=r'transformers is not installed.*"vicinal\[features-hub\]"'):
        vf.DINOv2Features()
