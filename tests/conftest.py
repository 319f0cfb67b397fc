"""Fixtures that more than one test file needs."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from vicinal import samplers
from vicinal.kernels import cpu, reference


class Prior:
    """Stands in for an autoencoder with a learned prior: two components of d dimensions."""

    def __init__(self, d):
        self.d = d

    def prior_components(self):
        return np.repeat([[-2.0], [2.0]], self.d, axis=1), np.zeros((2, self.d))


TINY = {"hidden_units": (8,), "n_epochs": 2, "batch_size": 100}
SAMPLERS = {
    "pmf": lambda **options: samplers.PMFSampler(8, **options),
    "local": lambda **options: samplers.LocalSampler(8, scale=1.0, **options),
    "bootstrap": samplers.BootstrapSampler,
    "gaussian-full": lambda **options: samplers.GaussianSampler("full", **options),
    "gaussian-diag": lambda **options: samplers.GaussianSampler("diag", **options),
    "gaussian-standard": lambda **options: samplers.GaussianSampler("standard", **options),
    "gmm": lambda **options: samplers.GMMSampler(2, **options),
    "kde": samplers.KDESampler,
    "copula": samplers.CopulaSampler,
    "copula-beta": lambda **options: samplers.CopulaSampler("beta", **options),
    "hypersphere": samplers.HypersphereSampler,
    "flow": lambda **options: samplers.FlowSampler(**TINY, n_transforms=1, n_bins=4, **options),
    "flow-maf": lambda **options: samplers.FlowSampler("maf", **TINY, n_transforms=1, **options),
    "two-stage": lambda **options: samplers.TwoStageSampler(**TINY, **options),
    "vamp": samplers.VampSampler,
}
EXTRAS = {"flow": "zuko", "flow-maf": "zuko", "two-stage": "torch"}
WITHOUT_DENSITY = ("bootstrap", "local", "copula", "copula-beta", "hypersphere", "two-stage")
WITHOUT_CLASSES = ("gaussian-standard", "flow", "flow-maf", "two-stage", "vamp")
WITHOUT_WEIGHTS = ("gaussian-standard", "vamp")


class Maker:
    """Makes samplers of one kind: ``make(d, **options)`` for latents of d dimensions."""

    def __init__(self, name):
        self.name = name
        self.conditions = name not in WITHOUT_CLASSES
        self.weighs = name not in WITHOUT_WEIGHTS

    def __call__(self, d=5, **options):
        return SAMPLERS[self.name](**({"autoencoder": Prior(d)} if self.name == "vamp" else {}), **options)


def available(names):
    """Return names of samplers as parameters; those whose packages are not installed are marked to be skipped."""
    for name in names:
        package = EXTRAS.get(name)
        missing = package is not None and importlib.util.find_spec(package) is None
        yield pytest.param(name, marks=pytest.mark.skipif(missing, reason=f"{package} is not installed"))


def training_latents():
    """Return 300 latents of five dimensions in two clusters, float32."""
    generator = np.random.default_rng(0)
    centres = np.where(np.arange(300)[:, None] % 2 == 0, -2.0, 2.0)
    return (centres + generator.normal(size=(300, 5))).astype(np.float32)


@pytest.fixture(params=available(SAMPLERS))
def make_sampler(request):
    """Return the maker of one kind of sampler after another."""
    return Maker(request.param)


@pytest.fixture(params=available(name for name in SAMPLERS if name not in WITHOUT_DENSITY))
def make_density(request):
    """Return the maker of one kind of sampler with a density after another."""
    return Maker(request.param)


@pytest.fixture(params=available(name for name in SAMPLERS if name not in WITHOUT_CLASSES))
def make_conditional(request):
    """Return the maker of one kind of sampler that draws within classes after another."""
    return Maker(request.param)


@pytest.fixture(params=available(SAMPLERS), scope="session")
def fitted(request):
    """Return one fitted sampler after another, for tests that do not change it."""
    return Maker(request.param)(random_state=3).fit(training_latents())


@pytest.fixture(params=available(name for name in SAMPLERS if name not in WITHOUT_DENSITY), scope="session")
def fitted_density(request):
    """Return one fitted sampler with a density after another, for tests that do not change it."""
    return Maker(request.param)(random_state=3).fit(training_latents())


@pytest.fixture(params=[reference, cpu], ids=["reference", "cpu"])
def kernel(request):
    """Return one set of kernels after another."""
    return request.param


@pytest.fixture
def latents():
    """Return 300 latents of five dimensions in two clusters, float32."""
    return training_latents()


@pytest.fixture
def mnist_dir():
    """Return the folder of the real MNIST files, or skip."""
    root = os.environ.get("VICINAL_DATA_DIR")
    if root is None:
        pytest.skip("VICINAL_DATA_DIR is not set: it names a folder with real data, such as mnist/*.gz")
    folder = Path(root) / "mnist"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Return a browser without a window; ``browser.downloads`` is the folder of what it saves."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: it drives the browser")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(switch)
    downloads = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    found = webdriver.Chrome(options, webdriver.ChromeService(driver))
    found.downloads = downloads
    yield found
    found.quit()
