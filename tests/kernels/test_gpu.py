"""The kernels for tensors against the reference, bit for bit, with Triton and without. Outputs start out poisoned."""

import functools
import importlib.util
import math
import re
import types

import numpy as np
import pytest
from oracle import prepare, same_bits

from vicinal import rng
from vicinal.kernels import reference

torch = pytest.importorskip("torch")

CUDA = torch.cuda.is_available()
needs_cuda = pytest.mark.skipif(not CUDA, reason="there is no CUDA device")
WAYS = ["torch-cpu", "triton-interpreter"] + [
    pytest.param(f"{way}-cuda", marks=needs_cuda) for way in ("torch", "triton")
]


@functools.cache
def module(interpreted):
    """Return a copy of the module of its own: Triton decides on import whether a kernel is compiled or interpreted."""
    spec = importlib.util.find_spec("vicinal.kernels.gpu")
    copy = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", str(int(interpreted)))
        spec.loader.exec_module(copy)
    return copy


def poisoned(shape, *, dtype, device):
    """Return memory that is NaN, or the largest number, so that a value which is never written cannot pass."""
    values = torch.full((math.prod(shape) * dtype.itemsize,), 0xFF, dtype=torch.uint8, device=device)
    return values.view(dtype).reshape(shape)


class Kernels:
    """The functions of `gpu` with NumPy arrays on both sides, to be called as those of `reference`."""

    def __init__(self, gpu, device):
        self.gpu, self.device = gpu, device

    def put(self, array):
        return torch.from_numpy(array).to(self.device)

    def codes(self, tensor, n_bins):
        assert tensor.dtype == self.gpu.code_dtype(n_bins)
        return tensor.cpu().numpy().astype(reference.code_dtype(n_bins))

    def bounds(self, latents):
        return self.gpu.bounds(self.put(latents))

    def quantize(self, latents, lower, width, n_bins):
        return self.codes(self.gpu.quantize(self.put(latents), lower, width, n_bins), n_bins)

    def unique_cells(self, codes, n_bins):
        typed = self.put(codes.astype(np.int32)).to(self.gpu.code_dtype(n_bins))
        cells, counts = self.gpu.unique_cells(typed, n_bins)
        return self.codes(cells, n_bins), counts.cpu().numpy()

    def sample_cells(self, cells, index, *arguments, **options):
        tensors = self.gpu.to_device(cells, index, self.device)
        return self.gpu.sample_cells(*tensors, *arguments, **options).cpu().numpy()

    def fill_cells(self, cells, drawn, *arguments, classes=None, **options):
        tensor, _ = self.gpu.to_device(cells, reference.index_cells(np.ones(len(cells), np.int64)), self.device)
        places = None if classes is None else self.put(classes)
        return self.gpu.fill_cells(tensor, self.put(drawn), *arguments, classes=places, **options).cpu().numpy()


@pytest.fixture(params=WAYS)
def kernels(request, monkeypatch):
    """Return the kernels on one device after another, with Triton and without."""
    way, place = request.param.split("-")
    if way == "triton":
        pytest.importorskip("triton")
    interpreted = place == "interpreter"
    if interpreted and CUDA:
        pytest.skip("the kernels run on the CUDA device itself")
    gpu = module(interpreted)
    monkeypatch.setenv("TRITON_INTERPRET", str(int(interpreted)))
    monkeypatch.setattr(gpu, "_new", poisoned)
    if way == "torch":
        monkeypatch.setattr(gpu, "_use_triton", lambda tensor: False)
    else:
        assert gpu._use_triton(torch.zeros(1, device="cuda" if CUDA else "cpu"))
    return Kernels(gpu, "cuda" if place == "cuda" else "cpu")


SIZES = [1, 2, 3, 4, 5, 16, 61, 64, 300]
BINS = [1, 2, 7, 32, 256, 257, 70_000]
CASES = [(d, n_bins) for i, d in enumerate(SIZES) for j, n_bins in enumerate(BINS) if (i + 2 * j) % 3 == 0]


@pytest.mark.parametrize(("d", "n_bins"), CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_of_the_reference(kernels, d, n_bins, dtype):
    latents = np.random.default_rng(d).normal(size=(80, d)).astype(dtype)
    latents[:26] = latents[0]  # a cell with several rows
    latents[:, ::7] = dtype(-3.7)  # constant dimensions
    lower, upper, width, codes, cells, counts = prepare(latents, n_bins)
    assert all(map(same_bits, kernels.bounds(latents), (lower, upper)))
    assert same_bits(kernels.quantize(latents, lower, width, n_bins), codes)
    assert all(map(same_bits, kernels.unique_cells(codes, n_bins), (cells, counts)))
    index, arguments = reference.index_cells(counts), (lower, upper, width, n_bins)
    options = {"key": 2**63 + 11, "start": 2**32 - 20, "n_samples": 45}
    expected = reference.sample_cells(cells, index, *arguments, **options)
    assert same_bits(kernels.sample_cells(cells, index, *arguments, **options), expected)
    drawn = np.random.default_rng(1).integers(0, len(cells), 20)
    for classes in (None, np.random.default_rng(2).integers(0, 1000, 20)):
        options = {"key": 0, "start": 2**40 - 9, "classes": classes}
        expected = reference.fill_cells(cells, drawn, *arguments, **options)
        assert same_bits(kernels.fill_cells(cells, drawn, *arguments, **options), expected)


def test_values_outside_the_bounds(kernels):
    latents = np.array([[-1.0, 9.0, np.inf], [99.0, 0.0, -np.inf], [2.5, 5.0, 1.0]], np.float32)
    lower, width = np.array([0, 5, 0], np.float32), np.array([1, 0, 0.5], np.float32)
    assert kernels.quantize(latents, lower, width, 4).tolist() == [[0, 3, 3], [3, 0, 0], [2, 0, 2]]


def test_bounds_say_what_is_not_finite(kernels):
    latents = np.array([[0, 1, 2, 3, -0.0], [4, np.nan, np.inf, -np.inf, 0.0], [8, 9, 1, 7, -0.0]])
    lower, upper = kernels.bounds(latents)
    assert all(map(same_bits, (lower, upper), reference.bounds(latents)))
    assert (lower[0], upper[0]) == (0, 8)
    assert np.isnan([lower[1:4], upper[1:4]]).all()
    assert not np.signbit([lower[4], upper[4]]).any()


def test_strided_latents(kernels):
    table = np.random.default_rng(0).normal(size=(10, 30)).astype(np.float32)
    for latents in (table[::2, 1::3], table.T):
        lower, upper, width, codes, *_ = prepare(latents, 9)
        assert all(map(same_bits, kernels.bounds(latents), (lower, upper)))
        assert same_bits(kernels.quantize(latents, lower, width, 9), np.ascontiguousarray(codes))


@pytest.mark.parametrize(("n_bins", "differing"), [(2, [0, 70, 199]), (257, [6, 7, 150]), (2**24, [0, 1, 2, 199])])
def test_cells_that_differ_in_any_word(kernels, n_bins, differing):
    codes = np.full((400, 200), n_bins - 1, reference.code_dtype(n_bins))
    codes[:, differing] = np.random.default_rng(0).choice([0, n_bins - 1], (400, len(differing)))
    cells, counts = reference.unique_cells(codes, n_bins)
    assert len(cells) == 2 ** len(differing)
    assert all(map(same_bits, kernels.unique_cells(codes, n_bins), (cells, counts)))


def check_draws(kernels, counts, n_samples=600):
    """Compare draws of numbered cells with the reference, and return them."""
    n_cells = len(counts)
    cells = np.arange(n_cells, dtype=reference.code_dtype(n_cells))[:, None]
    arguments = (cells, reference.index_cells(counts), np.zeros(1), np.full(1, float(n_cells)), np.ones(1), n_cells)
    expected = reference.sample_cells(*arguments, key=4, start=0, n_samples=n_samples)
    assert same_bits(kernels.sample_cells(*arguments, key=4, start=0, n_samples=n_samples), expected)
    return expected[:, 0].astype(int)


@pytest.mark.parametrize("total", [1, 2, 2**20, 2**32 + 7, 2**62 - 5, 2**62])
def test_totals_beyond_32_bits(kernels, total):
    counts = np.array([total // 3, 0, total // 2, 0, 0, total - total // 3 - total // 2, 0])
    drawn = check_draws(kernels, counts)
    assert np.abs(np.bincount(drawn, minlength=7) / 600 - counts / total).max() < 0.08


@pytest.mark.parametrize("largest", [2, 200, 2**50])
def test_cells_are_searched_where_the_guide_is_coarse(kernels, monkeypatch, largest):
    monkeypatch.setattr(reference, "FEWEST_GUIDES", 4)
    counts = np.random.default_rng(0).integers(0, largest, 300)
    counts[100:220] = 0
    index = reference.index_cells(counts)
    assert (index.shift > 0) == (largest > 2)
    assert np.diff(index.guide).max() > 100
    assert len(set(check_draws(kernels, counts))) > 50


def test_the_words_of_choices_and_of_philox(kernels):
    rows = [0, 1, 2, 255, 256, 2**40 + 701]
    pairs = [rng.philox4x32((row // 2 % 2**32, row >> 33, 0, rng.CHOICE), 0)[row % 2 * 2 :][:2] for row in rows]
    words = [int(low) | int(high) << 32 for low, high in pairs]
    assert max(words) >= 2**63  # which an int64 takes for negative
    cells, unit, total = np.arange(3, dtype=np.uint8)[:, None], (np.zeros(1), np.full(1, 3.0), np.ones(1), 3), 2**62 - 5
    for row, draw in zip(rows, (word * total >> 64 for word in words), strict=True):
        for first, cell in ((draw - 1, 2), (draw, 1), (draw + 1, 0)):
            index = reference.index_cells(np.array([first, 1, total - first - 1], np.int64))
            assert int(kernels.sample_cells(cells, index, *unit, key=0, start=row, n_samples=1)[0, 0]) == cell
    zero, one = np.zeros(9), np.ones(9)
    u = kernels.fill_cells(np.zeros((1, 9), np.uint8), np.zeros(1, np.int64), zero, one, one, 1, key=7, start=2**40)
    blocks = [rng.philox4x32((0, 2**8, block, rng.UNIFORM), 7) for block in range(3)]
    assert (u[0] * 2**24).tolist() == [int(word) >> 8 for lanes in blocks for word in lanes][:9]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_stay_in_their_cells(kernels, dtype):
    n_bins = 4096 if dtype == np.float32 else 2**24  # in float32, c + u is rounded up every few thousand values
    latents = np.random.default_rng(0).normal(size=(200, 40)).astype(dtype)
    lower, upper, width, _, cells, counts = prepare(latents, n_bins)
    index, arguments = reference.index_cells(counts), (lower, upper, width, n_bins)
    expected = reference.sample_cells(cells, index, *arguments, key=2, start=0, n_samples=300)
    if dtype == np.float32:
        codes = cells[reference.draw_cells(index, key=2, start=0, n_samples=300)].astype(dtype)
        unchecked = np.minimum(lower + (codes + rng.Draws(2, 0, 300).uniforms(40).astype(dtype)) * width, upper)
        assert (unchecked != expected).any()  # the trap is real
    assert same_bits(kernels.sample_cells(cells, index, *arguments, key=2, start=0, n_samples=300), expected)


def test_samples_stay_below_the_upper_bound(kernels):
    lower, upper, width, _, cells, counts = prepare(np.array([[-1.0] * 8, [-1e-9] * 8], np.float32), 2**22)
    arguments = (cells, reference.index_cells(counts), lower, upper, width, 2**22)
    drawn = kernels.sample_cells(*arguments, key=0, start=0, n_samples=100)
    assert same_bits(drawn, reference.sample_cells(*arguments, key=0, start=0, n_samples=100))
    assert lower[0] + 2**22 * width[0] > upper[0] == drawn.max()


def test_steps_change_nothing(kernels, monkeypatch):
    latents = np.random.default_rng(0).normal(size=(500, 3))
    lower, upper, width, codes, cells, counts = prepare(latents, 5)
    monkeypatch.setattr(kernels.gpu, "_VALUES_A_STEP", 100)
    monkeypatch.setattr(kernels.gpu, "_TILE", 256)
    assert same_bits(kernels.quantize(latents, lower, width, 5), codes)
    arguments = (cells, reference.index_cells(counts), lower, upper, width, 5)
    expected = reference.sample_cells(*arguments, key=0, start=3, n_samples=700)
    assert same_bits(kernels.sample_cells(*arguments, key=0, start=3, n_samples=700), expected)


def test_no_rows(kernels):
    lower, upper, width, _, cells, counts = prepare(np.random.default_rng(0).normal(size=(20, 3)), 5)
    assert kernels.quantize(np.zeros((0, 3)), lower, width, 5).shape == (0, 3)
    arguments = (cells, reference.index_cells(counts), lower, upper, width, 5)
    assert kernels.sample_cells(*arguments, key=0, start=0, n_samples=0).shape == (0, 3)


def test_triton_is_used_on_cuda_and_in_its_interpreter(monkeypatch):
    pytest.importorskip("triton")
    on_cuda, on_cpu = types.SimpleNamespace(is_cuda=True), types.SimpleNamespace(is_cuda=False)
    assert module(interpreted=False)._use_triton(on_cuda)
    assert not module(interpreted=False)._use_triton(on_cpu)
    assert module(interpreted=True)._use_triton(on_cpu)
    monkeypatch.setattr(module(interpreted=False), "triton", None)
    assert not module(interpreted=False)._use_triton(on_cuda)


class Hopper:
    """As much of a Triton driver as compiling takes: the compiler needs no device."""

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0

    def get_current_target(self):
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 90, 32)


@pytest.fixture
def compile_for_cuda(monkeypatch, tmp_path):
    """Return a function that calls a kernel of `gpu` on CPU tensors and returns the assembly it would run on CUDA."""
    triton = pytest.importorskip("triton")
    gpu, compiled = module(interpreted=False), []

    class Compiler:
        def __init__(self, kernel):
            self.kernel = kernel

        def __getitem__(self, grid):
            return lambda *arguments, **options: compiled.append(
                self.kernel.warmup(*arguments, grid=grid, **options).asm["ptx"]
            )

    for name in ("_quantize_tile", "_sample_tile"):
        monkeypatch.setattr(gpu, name, Compiler(getattr(gpu, name)))
    monkeypatch.setattr(gpu, "_use_triton", lambda tensor: True)
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    triton.runtime.driver.set_active(Hopper())

    def compile_(function, *arguments, **options):
        getattr(gpu, function)(*arguments, **options)
        return compiled.pop()

    yield compile_
    triton.runtime.driver.set_active(None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_kernels_round_as_the_reference(compile_for_cuda, dtype):
    latents = np.random.default_rng(0).normal(size=(50, 16)).astype(dtype)
    lower, upper, width, _, cells, counts = prepare(latents, 5)
    cells, index = module(interpreted=False).to_device(cells, reference.index_cells(counts), "cpu")
    guided = index._replace(guide=torch.zeros(9, dtype=torch.int32), shift=3)
    drawn = torch.zeros(3, dtype=torch.int64)
    arguments, options = (lower, upper, width, 5), {"key": 2**64 - 1, "start": 2**40}
    assemblies = [
        compile_for_cuda("quantize", torch.tensor(latents), lower, width, 5),
        compile_for_cuda("sample_cells", cells, guided, *arguments, **options, n_samples=3),
    ]
    if dtype == np.float32:  # that is enough
        assemblies += [
            compile_for_cuda("sample_cells", cells, index, *arguments, **options, n_samples=3),
            compile_for_cuda("fill_cells", cells, drawn, *arguments, **options),
            compile_for_cuda("fill_cells", cells, drawn, *arguments, **options, classes=drawn),
        ]
    for assembly in assemblies:
        assert set(re.findall(r"div\.\w+\.f\d+", assembly)) == {f"div.rn.f{8 * latents.itemsize}"}
        assert not re.search(r"\bfma\.", assembly)
    assert "st.global.b8" not in assemblies[0]  # several codes at once, and several values
    assert all("st.global.v" in assembly for assembly in assemblies[1:])


@needs_cuda
@pytest.mark.parametrize("way", ["torch", "triton"])
def test_more_values_than_32_bits_count(monkeypatch, way):
    pytest.importorskip("triton") if way == "triton" else None
    if torch.cuda.get_device_properties(0).total_memory < 40e9:
        pytest.skip("it takes 40 GB of device memory")
    gpu, n_samples, d = module(interpreted=False), 2**26 + 5, 33
    if way == "torch":
        monkeypatch.setattr(gpu, "_use_triton", lambda tensor: False)
    lower, upper, width, _, cells, counts = prepare(np.random.default_rng(0).normal(size=(50, d)).astype(np.float32), 9)
    index, arguments = reference.index_cells(counts), (lower, upper, width, 9)
    tensors = gpu.to_device(cells, index, "cuda")
    latents = gpu.sample_cells(*tensors, *arguments, key=3, start=0, n_samples=n_samples)
    last = reference.sample_cells(cells, index, *arguments, key=3, start=n_samples - 40, n_samples=40)
    assert same_bits(latents[-40:].cpu().numpy(), last)
    codes = gpu.quantize(latents, lower, width, 9)
    assert same_bits(codes[-40:].cpu().numpy(), reference.quantize(last, lower, width, 9))
    latents[-1] = 99
    assert (gpu.bounds(latents)[1] == 99).all()
    latents[-1] = np.nan
    assert np.isnan(gpu.bounds(latents)).all()
