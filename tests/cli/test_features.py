"""Features by name and of one's own on the command line, and the folder that keeps them."""

import sys

import numpy as np
import pytest

import vicinal
from vicinal import metrics
from vicinal.metrics.features import FeatureExtractor

CODE = """
import numpy as np

shapes = []

def embed(images):
    assert images.dtype == np.float32 and images.min() >= 0 and images.max() <= 1
    shapes.append(images.shape)
    return images.mean(axis=(2, 3))

class Embed:
    def __call__(self, images):
        return embed(images)

class Needy:
    def __init__(self, path):
        pass

class nested:
    embed = staticmethod(embed)

flat = lambda images: images.mean(axis=(1, 2, 3))
few = lambda images: embed(images)[1:]
text = lambda images: "features"
number = 3
"""
TORCH = """
import torch
from vicinal.metrics.features import FeatureExtractor

class Net(torch.nn.Module):
    def forward(self, images):
        return images.mean(dim=(2, 3)) * 2

net = Net()

class Sums(FeatureExtractor):
    name, fingerprint = "sums", "sums 1"

    def _features(self, levels):
        return levels.reshape(len(levels), -1).sum(axis=1, keepdims=True)

sums = Sums()
"""


@pytest.fixture(autouse=True)
def inputs(run, monkeypatch, tmp_path):
    """Write two arrays of images and modules of features; forget the modules afterwards."""
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    generator = np.random.default_rng(0)
    for name in ("real", "made"):
        np.save(tmp_path / f"{name}.npy", generator.integers(0, 256, (70, 3, 9, 8), dtype=np.uint8))
    (tmp_path / "own_functions.py").write_text(CODE)
    (tmp_path / "own_networks.py").write_text(TORCH)
    (tmp_path / "own_broken.py").write_text("import no_such_package\n")
    yield
    for name in ("own_functions", "own_networks", "own_broken"):
        sys.modules.pop(name, None)


def evaluation(features, *more):
    return ["evaluate", "real.npy", "made.npy", "--metrics", "frechet_distance", "--features", features, *more]


def table(features):
    """What the library says."""
    scores = vicinal.evaluate(
        np.load("real.npy"), {"made.npy": np.load("made.npy")}, features=features, metrics=["frechet_distance"]
    )
    return f"{scores}\n"


@pytest.mark.parametrize("name", ["embed", "Embed", "nested.embed"])
def test_a_function_gets_blocks_of_floats(run, name):
    code, out, err = run(*evaluation(f"own_functions:{name}"))
    assert (code, err) == (0, "")

    class Means(FeatureExtractor):
        fingerprint = ""

        def _features(self, levels):
            return levels.mean(axis=(2, 3)) / 255

    Means.name = f"own_functions:{name}"
    assert out == table(Means())
    assert sys.modules["own_functions"].shapes == [(64, 3, 9, 8), (6, 3, 9, 8)] * 2


@pytest.mark.parametrize("name", ["net", "Net"])
def test_a_torch_module_and_its_class(run, name):
    torch = pytest.importorskip("torch")
    spec = f"own_networks:{name}"
    code, out, err = run(*evaluation(spec, "--device", "cpu", "--cache", "kept"))
    assert (code, err) == (0, "")
    net = torch.nn.Module()
    net.forward = lambda images: images.mean(dim=(2, 3)) * 2
    assert out == table(metrics.ModuleFeatures(net, name=spec))
    assert run("cache", "kept")[1].startswith("2 files of features, ")


@pytest.mark.parametrize("name", ["sums", "Sums"])
def test_an_extractor_is_taken_as_it_is(run, name):
    pytest.importorskip("torch")
    code, out, _ = run(*evaluation(f"own_networks:{name}", "--cache", "kept"))
    assert code == 0
    assert "Features: sums" in out
    assert run("cache", "kept")[1].startswith("2 files of features, ")


def test_modules_of_the_current_folder_hide_no_installed_ones(run, tmp_path):
    (tmp_path / "colorsys.py").write_text("raise RuntimeError\n")
    code, _, err = run(*evaluation("colorsys:embed"))
    assert code == 2
    assert "has no embed" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_module:f"], "there is no module no_such_module; it must be a .py file in the current folder, or"),
        (["own_functions.part:f"], "there is no module own_functions.part"),
        (["own_broken:f"], "own_broken imports no_such_package, which is not installed"),
        (["own_functions:absent"], "own_functions.py) has no absent"),
        ([".own_functions:embed"], "--features .own_functions:embed: "),
        (["own_functions:number"], "own_functions:number must be callable; got int"),
        (["own_functions:Needy"], "is a class that cannot be made without arguments"),
        (["own_functions:"], "--features must be one of auto, none"),
        ([":embed"], "--features must be one of auto, none"),
        (["own_functions:flat"], "own_functions:flat must return shape (64, n_features) for 64 images; got (64,)"),
        (["own_functions:few"], "own_functions:few must return shape (64, n_features) for 64 images; got (63, 3)"),
        (["own_functions:text"], "own_functions:text must return an array of real numbers (n, n_features); got str"),
        (
            ["own_functions:embed", "--cache", "c"],
            "derive it from vicinal.metrics.features.FeatureExtractor",
        ),
        (["own_functions:embed", "--device", "cpu"], "own_functions:embed, which decides itself where it runs"),
        (["own_functions:embed", "--weights", "w"], "--weights does not go with --features own_functions:embed"),
        (["efficientnet", "--weights", "w"], "--weights does not go with --features efficientnet"),
    ],
)
def test_what_is_wrong_with_features_is_one_line(run, arguments, message):
    code, out, err = run(*evaluation(*arguments))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize("name", ["dinov2", "clip"])
def test_networks_of_transformers_by_name(run, capsys, tmp_path, name):
    transformers = pytest.importorskip("transformers")
    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 224, "patch_size": 14}
    if name == "dinov2":
        network, kind = transformers.Dinov2Model(transformers.Dinov2Config(**size)), metrics.DINOv2Features
    else:
        config = transformers.CLIPVisionConfig(**size, intermediate_size=8)
        network, kind = transformers.CLIPVisionModel(config), metrics.CLIPFeatures
    network.save_pretrained(tmp_path / "tiny")
    capsys.readouterr()  # a bar of transformers
    code, out, err = run(*evaluation(name, "--weights", "tiny", "--device", "cpu"))
    assert (code, err) == (0, "")
    assert out == table(kind("tiny"))
    code, out, err = run(*evaluation(name, "--weights", "/no/such/folder"))
    assert (code, out) == (2, "")
    assert "error: weights must be a folder that holds config.json and model.safetensors, or a name" in err


def test_weights_are_looked_at_before_data_are_read(run, tmp_path):
    for name in ("damaged.npy", "damaged2.npy"):
        (tmp_path / name).write_bytes(b"no array")
    code, _, err = run("evaluate", "damaged.npy", "damaged2.npy", "--features", "inception", "--weights", "none.pth")
    assert code == 2
    assert "weights must be a file, such as pytorch-fid's" in err


def test_the_cache_is_counted_and_cleared(run, tmp_path):
    assert run(*evaluation("pixels", "--cache", "kept"))[0] == 0
    (tmp_path / "kept" / "notes.txt").write_text("mine")
    size = sum(path.stat().st_size for path in (tmp_path / "kept").glob("*.safetensors"))
    expected = f"2 files of features, {size:,} bytes; --cache keeps at most 10,000,000,000\n"
    assert run("cache", "kept") == (0, expected, "")
    assert run("cache", "kept", "--clear") == (0, f"deleted 2 files of features, {size:,} bytes\n", "")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["notes.txt"]
    assert run("cache", "kept")[1].startswith("0 files of features, 0 bytes")
    assert run("cache", "absent", "--clear")[2] == (
        "error: FOLDER must be a folder that --cache named; there is no folder absent\n"
    )


@pytest.mark.filterwarnings("always::UserWarning")
def test_altered_features_are_noticed(run, tmp_path):
    first = run(*evaluation("pixels", "--cache", "kept"))
    for path in (tmp_path / "kept").iterdir():
        content = bytearray(path.read_bytes())
        content[-2] ^= 64
        path.write_bytes(content)
    code, out, err = run(*evaluation("pixels", "--cache", "kept"))
    assert (code, out) == first[:2]
    assert err.count("warning: features are computed again: kept/vicinal-features-") == err.count("\n") == 2
    assert run(*evaluation("pixels", "--cache", "kept")) == first
