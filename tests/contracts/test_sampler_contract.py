"""What every sampler promises, run over every sampler."""

import io
import pickle
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import vicinal
from vicinal._errors import CalibrationWarning
from vicinal.samplers import (
    BootstrapSampler,
    CopulaSampler,
    FlowSampler,
    GaussianSampler,
    GMMSampler,
    HypersphereSampler,
    KDESampler,
    LocalSampler,
    PMFSampler,
    TwoStageSampler,
)


def same(a, b):
    """Tell whether two arrays agree in type, shape and every bit."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@parametrize_with_checks(
    [
        PMFSampler(),
        PMFSampler(8),
        PMFSampler(preserve_variance=True),
        PMFSampler(8, preserve_variance=True),
        LocalSampler(),
        LocalSampler(2, scale=1.0),
        BootstrapSampler(),
        GaussianSampler("full"),
        GaussianSampler("diag"),
        GaussianSampler("standard"),
        GMMSampler(2),  # its checks fit ten rows
        KDESampler(),
        CopulaSampler(),
        CopulaSampler("beta"),
        HypersphereSampler(),
        FlowSampler(hidden_units=(8,), n_transforms=2, n_epochs=2),
        FlowSampler("maf", hidden_units=(8,), n_transforms=2, n_epochs=2),
        TwoStageSampler(hidden_units=(8,), n_epochs=2),
        # VampSampler is left out: it needs an autoencoder of the dimensions of the data, which differ among the checks
    ]
)
def test_scikit_learn(estimator, check):
    if isinstance(estimator, FlowSampler | TwoStageSampler):
        pytest.importorskip("zuko" if isinstance(estimator, FlowSampler) else "torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)  # its data sets are small
        check(estimator)


def test_prefix(make_sampler, latents):
    sampler = make_sampler(random_state=3).fit(latents)
    assert same(sampler.sample(3000)[:10], sampler.sample(10))


def test_chunks(make_sampler, latents):
    sampler = make_sampler(random_state=3).fit(latents)
    assert same(np.concatenate([sampler.sample(600), sampler.sample(400, start=600)]), sampler.sample(1000))


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 2**63 - 50), n_samples=st.integers(0, 30), seed=st.integers(0, 2**64 - 1))
def test_any_row_can_be_drawn_alone(make_sampler, latents, start, n_samples, seed):
    sampler = make_sampler().fit(latents)
    rows = sampler.sample(n_samples, random_state=seed, start=start)
    for i in (0, n_samples - 1)[: min(n_samples, 2)]:
        assert same(rows[i : i + 1], sampler.sample(random_state=seed, start=start + i))


def test_seeds(make_sampler, latents):
    sampler = make_sampler(random_state=3).fit(latents)
    assert same(sampler.sample(9), sampler.sample(9))
    other = sampler.sample(9, random_state=4)
    assert not same(sampler.sample(9), other)
    assert same(sampler.set_params(random_state=4).sample(9), other)
    unseeded = make_sampler().fit(latents)
    assert not same(unseeded.sample(9), unseeded.sample(9))


def test_rows_come_in_random_order(make_sampler, latents):
    drawn = make_sampler(random_state=0).fit(latents).sample(4000)
    side = np.sign(drawn.mean(axis=1))  # of the two clusters
    neighbours_agree = (side[1:] == side[:-1]).mean()
    share = (side > 0).mean()
    assert 0.05 < share < 0.95
    assert abs(neighbours_agree - (share**2 + (1 - share) ** 2)) < 0.04


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(12,), (3, 2, 2), (12, 1)])
def test_shapes_and_types_come_back(make_sampler, dtype, shape):
    latents = np.random.default_rng(0).normal(size=(60, *shape)).astype(dtype)
    sampler = make_sampler(random_state=0).fit(latents)
    assert sampler.event_shape_ == shape
    assert sampler.n_features_in_ == 12
    for n_samples in (0, 1, 7):
        drawn = sampler.sample(n_samples)
        assert drawn.shape == (n_samples, *shape)
        assert drawn.dtype == dtype
        assert np.isfinite(drawn).all()


def test_integers_become_floats(make_sampler):
    sampler = make_sampler(random_state=0).fit(np.random.default_rng(0).integers(0, 9, (50, 3)))
    assert sampler.sample(4).dtype == np.float64


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_torch_in_torch_out(make_sampler, latents, dtype):
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(latents).to(getattr(torch, dtype))
    sampler = make_sampler(random_state=0).fit(tensor)
    drawn = sampler.sample(20)
    assert isinstance(drawn, torch.Tensor)
    assert drawn.dtype == tensor.dtype
    assert drawn.device == tensor.device
    if dtype != "bfloat16":
        assert same(drawn.numpy(), make_sampler(random_state=0).fit(tensor.numpy()).sample(20))
    if hasattr(sampler, "score_samples"):
        scores = sampler.score_samples(tensor)
        assert isinstance(scores, torch.Tensor)
        assert scores.dtype == torch.float64
        assert isinstance(sampler.score(tensor), float)


def test_cuda_in_cuda_out(make_sampler, latents):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    tensor = torch.from_numpy(latents).cuda()
    sampler = make_sampler(random_state=0).fit(tensor)
    drawn = sampler.sample(20)
    assert drawn.device == tensor.device
    assert same(drawn.cpu().numpy(), make_sampler(random_state=0).fit(latents).sample(20))
    if hasattr(sampler, "score_samples"):
        assert sampler.score_samples(tensor).device == tensor.device


def test_saved_and_loaded(make_sampler, latents, tmp_path):
    sampler = make_sampler(random_state=3).fit(latents.reshape(300, 5, 1))
    sampler.save(tmp_path / "sampler.safetensors")
    loaded = vicinal.load(tmp_path / "sampler.safetensors")
    assert type(loaded) is type(sampler)
    assert loaded.get_params() == sampler.get_params()
    assert loaded.event_shape_ == (5, 1)
    assert same(loaded.sample(50), sampler.sample(50))
    if hasattr(sampler, "score_samples"):
        assert same(loaded.score_samples(loaded.sample(9)), sampler.score_samples(sampler.sample(9)))
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "sampler.safetensors").read_bytes()


def test_a_generator_as_seed_is_not_saved(make_sampler, latents, tmp_path):
    make_sampler(random_state=np.random.default_rng(0)).fit(latents).save(tmp_path / "s.safetensors")
    assert vicinal.load(tmp_path / "s.safetensors").random_state is None


def test_pickle_and_clone(make_sampler, latents):
    sampler = make_sampler(random_state=3).fit(latents)
    assert same(pickle.loads(pickle.dumps(sampler)).sample(9), sampler.sample(9))  # noqa: S301 - our own bytes
    stream = io.BytesIO()
    joblib.dump(sampler, stream)
    stream.seek(0)
    assert same(joblib.load(stream).sample(9), sampler.sample(9))
    with pytest.raises(NotFittedError):
        clone(sampler).sample()


def test_not_fitted(make_sampler, tmp_path):
    sampler = make_sampler()
    with pytest.raises(NotFittedError):
        sampler.sample()
    with pytest.raises(NotFittedError):
        sampler.save(tmp_path / "s.safetensors")
    assert not any(tmp_path.iterdir())


def test_a_failed_fit_changes_nothing(make_sampler, latents):
    sampler = make_sampler(random_state=0)
    with pytest.raises(ValueError, match="finite"):
        sampler.fit(np.full((9, 2), np.nan))
    with pytest.raises(NotFittedError):
        sampler.sample()
    sampler.fit(latents)
    before = sampler.sample(5)
    with pytest.raises(ValueError, match="finite"):
        sampler.fit(np.full((9, 2), np.nan))
    assert same(sampler.sample(5), before)


def test_byte_order_does_not_matter(make_sampler, latents):
    for dtype in ("f4", "f8"):
        native = make_sampler(random_state=0).fit(latents.astype(dtype)).sample(9)
        assert same(make_sampler(random_state=0).fit(latents.astype(">" + dtype)).sample(9), native)


def test_names_of_columns_are_kept(make_sampler, latents, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(latents, columns=list("abcde"))
    sampler = make_sampler(random_state=0).fit(frame)
    sampler.save(tmp_path / "s")
    loaded = vicinal.load(tmp_path / "s")
    assert loaded.feature_names_in_.tolist() == list("abcde")
    if hasattr(sampler, "score_samples"):
        assert same(loaded.score_samples(frame), sampler.score_samples(frame))  # a warning would fail


@pytest.mark.parametrize("bad", ["abc", -1, 1.5])
def test_bad_seeds_are_noticed_in_fit(make_sampler, latents, bad):
    with pytest.raises((ValueError, TypeError), match="random_state must be an integer"):
        make_sampler(random_state=bad).fit(latents)


def test_a_loaded_sampler_in_many_threads(make_sampler, latents, tmp_path):
    sampler = make_sampler(random_state=0).fit(latents)
    sampler.save(tmp_path / "s")
    expected = sampler.sample(5)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(20):
                loaded = vicinal.load(tmp_path / "s")
                drawn = pool.map(lambda _, loaded=loaded: loaded.sample(5), range(4))
                assert all(same(rows, expected) for rows in drawn)
    finally:
        sys.setswitchinterval(interval)


BAD_LATENTS = [
    ([[1.0, 2.0], [3.0]], TypeError, "latents must be an array, or rows of numbers of one length"),
    ([[10**400, 1], [1, 1]], TypeError, "latents must be numeric"),
    (np.ma.masked_array(np.ones((4, 2)), np.eye(4, 2)), TypeError, "must be a plain array; got a masked one"),
    (np.array([[0.0, 1.0], [np.nan, 2.0], [1.0, 1.0]]), ValueError, r"must be finite; got NaN or inf, first in row 1"),
    (np.array([[0.0, 1.0], [1.0, 2.0], [np.inf, 1.0]]), ValueError, r"must be finite; got NaN or inf, first in row 2"),
    (np.empty((0, 3)), ValueError, r"at least 2 rows; got n_samples=0"),
    (np.ones((1, 3)), ValueError, r"at least 2 rows; got n_samples=1"),
    (np.empty((4, 0)), ValueError, r"0 feature\(s\)"),
    (np.ones(7), ValueError, r"must have shape \(n_samples, n_features\).*got \(7,\).*reshape"),
    (np.array([["a", "b"], ["c", "d"]]), TypeError, r"must be numeric; got dtype <U1: convert it"),
    (np.ones((3, 2), dtype=complex), ValueError, "must be real"),
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD_LATENTS)
def test_bad_latents(make_sampler, bad, error, message):
    with pytest.raises(error, match=message) as caught:
        make_sampler().fit(bad)
    assert isinstance(caught.value, vicinal._errors.VicinalError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": -1}, "n_samples must be an integer at least 0; got -1"),
        ({"n_samples": 1.5}, "n_samples must be an integer at least 0; got 1.5 of type float"),
        ({"start": -1}, "start must be an integer from 0"),
        ({"n_samples": 2, "start": 2**63 - 1}, "start [+] n_samples must be at most"),
        ({"random_state": -5}, "random_state must be an integer from 0"),
        ({"random_state": "x"}, "random_state must be an integer from 0"),
    ],
)
def test_bad_sample_arguments(make_sampler, latents, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make_sampler().fit(latents).sample(**arguments)


def test_scores_of_another_shape(make_density, latents):
    with pytest.raises(ValueError, match=r"must have shape \(n_samples, 5\), as in fit; got \(300, 4\)"):
        make_density().fit(latents).score_samples(latents[:, :4])


def test_constant_dimensions(make_sampler):
    latents = np.random.default_rng(0).normal(size=(80, 4))
    latents[:, [0, 2]] = [7.0, -0.1]
    sampler = make_sampler(random_state=0).fit(latents)
    drawn = sampler.sample(30)
    assert np.isfinite(drawn).all()
    if isinstance(
        sampler,
        PMFSampler | LocalSampler | BootstrapSampler | KDESampler | CopulaSampler | FlowSampler | TwoStageSampler,
    ):
        assert (drawn[:, [0, 2]] == [7.0, -0.1]).all()
    if hasattr(sampler, "score_samples"):
        moved = sampler.get_params().get("preserve_variance")  # then a training latent may lie in no cell
        assert np.isfinite(sampler.score_samples(drawn if moved else latents)).all()


def test_score_is_the_mean(make_density, latents):
    sampler = make_density().fit(latents)
    scores = sampler.score_samples(latents)
    assert scores.shape == (300,)
    assert scores.dtype == np.float64
    assert sampler.score(latents) == pytest.approx(scores.mean())


def test_own_samples_have_density(make_density, latents):
    sampler = make_density(random_state=1).fit(latents)
    assert np.isfinite(sampler.score_samples(sampler.sample(5000))).all()


def test_density_integrates_to_one(make_density):
    latents = np.random.default_rng(0).normal(size=(40, 2)) * [1.0, 0.3]
    sampler = make_density().fit(latents)
    low, high = (-8.0, 8.0) if sampler.get_params().get("covariance_type") == "standard" else (-6.0, 6.0)
    edges = np.linspace(low, high, 1201)
    middle = (edges[1:] + edges[:-1]) / 2
    grid = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
    if isinstance(sampler, PMFSampler):  # its density jumps, so cut the plane along the jumps
        steps = (np.arange(8 * 4) + 0.5) / 4
        grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) * sampler.bin_width_ + sampler.lower_
        area = float(np.prod(sampler.bin_width_)) / 16
        if sampler.preserve_variance:
            centres = sampler.lower_ + (sampler.cells_ + 0.5) * sampler.bin_width_
            grid = sampler.mean_ + sampler.shrinkage_ * (grid - np.average(centres, axis=0, weights=sampler.counts_))
            area *= float(np.prod(sampler.shrinkage_))
    else:
        area = float((edges[1] - edges[0]) ** 2)
    assert np.exp(sampler.score_samples(grid)).sum() * area == pytest.approx(1.0, abs=1e-3)
