"""What every sampler promises, run over every sampler."""

import copy
import inspect
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
from vicinal._errors import CalibrationWarning, LabelWarning
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


def refused(estimator):
    """Return the checks of scikit-learn that give what a sampler refuses, and why."""
    if isinstance(estimator, FlowSampler | TwoStageSampler):
        return {"check_dtype_object": "labels that are no numbers are refused, in other words than scikit-learn's"}
    return {}


@parametrize_with_checks(
    [
        PMFSampler(),
        LocalSampler(),
        BootstrapSampler(),
        GaussianSampler(),
        GMMSampler(2),  # its checks fit ten rows
        KDESampler(),
        CopulaSampler(),
        HypersphereSampler(),
        FlowSampler(hidden_units=(4,), n_transforms=1, n_epochs=1),
        TwoStageSampler(hidden_units=(4,), n_epochs=1),
        # VampSampler is left out: it needs an autoencoder of the dimensions of the data, which differ among the checks
    ],
    expected_failed_checks=refused,
)
def test_scikit_learn(estimator, check):
    if isinstance(estimator, FlowSampler | TwoStageSampler):
        pytest.importorskip("zuko" if isinstance(estimator, FlowSampler) else "torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)  # its data sets are small
        warnings.simplefilter("ignore", LabelWarning)  # its labels are targets of regressions, too
        check(estimator)


def test_signatures(make_sampler):
    def parameters(method):
        return [(p.name, p.kind, p.default) for p in inspect.signature(method).parameters.values()]

    def fit(self, X, y=None, *, sample_weight=None, calibration_latents=None, std=None): ...

    def sample(self, n_samples=1, *, y=None, random_state=None, start=0, stratified=False, return_source=False): ...

    kind = type(make_sampler())
    assert parameters(kind.fit) == parameters(fit)
    assert parameters(kind.sample) == parameters(sample)


@pytest.mark.parametrize("stratified", [False, True])
def test_prefix(fitted, stratified):
    assert same(fitted.sample(1100, stratified=stratified)[:10], fitted.sample(10, stratified=stratified))


@pytest.mark.parametrize("stratified", [False, True])
def test_chunks(fitted, stratified):
    chunks = [fitted.sample(601, stratified=stratified), fitted.sample(499, start=601, stratified=stratified)]
    assert same(np.concatenate(chunks), fitted.sample(1100, stratified=stratified))


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, 2**63 - 50),
    n_samples=st.integers(0, 30),
    seed=st.integers(0, 2**64 - 1),
    stratified=st.booleans(),
)
def test_any_row_can_be_drawn_alone(fitted, start, n_samples, seed, stratified):
    options = {"random_state": seed, "stratified": stratified}
    rows = fitted.sample(n_samples, start=start, **options)
    for i in (0, n_samples - 1)[: min(n_samples, 2)]:
        assert same(rows[i : i + 1], fitted.sample(start=start + i, **options))


def test_seeds(fitted, latents):
    assert same(fitted.sample(9), fitted.sample(9))
    other = fitted.sample(9, random_state=4)
    assert not same(fitted.sample(9), other)
    assert same(copy.copy(fitted).set_params(random_state=4).sample(9), other)
    unseeded = copy.copy(fitted).set_params(random_state=None)
    assert not same(unseeded.sample(9), unseeded.sample(9))


def test_rows_come_in_random_order(fitted):
    drawn = fitted.sample(4000)
    side = np.sign(drawn.mean(axis=1))  # of the two clusters
    neighbours_agree = (side[1:] == side[:-1]).mean()
    share = (side > 0).mean()
    assert 0.05 < share < 0.95
    assert abs(neighbours_agree - (share**2 + (1 - share) ** 2)) < 0.04


@pytest.mark.parametrize(
    ("dtype", "shape"), [(np.float16, (12,)), (np.float32, (3, 2, 2)), (np.float64, (12, 1))], ids=str
)
def test_shapes_and_types_come_back(make_sampler, dtype, shape):
    latents = np.random.default_rng(0).normal(size=(60, *shape)).astype(dtype)
    sampler = make_sampler(12, random_state=0).fit(latents)
    assert sampler.event_shape_ == shape
    assert sampler.n_features_in_ == 12
    for n_samples in (0, 1, 7):
        drawn = sampler.sample(n_samples)
        assert drawn.shape == (n_samples, *shape)
        assert drawn.dtype == dtype
        assert np.isfinite(drawn).all()


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
    not_saved = {"autoencoder": None} if hasattr(sampler, "autoencoder") else {}
    assert type(loaded) is type(sampler)
    assert {**loaded.get_params(), **not_saved} == {**sampler.get_params(), **not_saved}
    assert loaded.event_shape_ == (5, 1)
    assert same(loaded.sample(50), sampler.sample(50))
    if hasattr(sampler, "score_samples"):
        assert same(loaded.score_samples(loaded.sample(9)), sampler.score_samples(sampler.sample(9)))
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "sampler.safetensors").read_bytes()


def test_a_generator_as_seed_is_not_saved(make_sampler, latents, tmp_path):
    make_sampler(random_state=np.random.default_rng(0)).fit(latents).save(tmp_path / "s.safetensors")
    assert vicinal.load(tmp_path / "s.safetensors").random_state is None


def test_pickle_and_clone(fitted):
    assert same(pickle.loads(pickle.dumps(fitted)).sample(9), fitted.sample(9))  # noqa: S301 - our own bytes
    stream = io.BytesIO()
    joblib.dump(fitted, stream)
    stream.seek(0)
    assert same(joblib.load(stream).sample(9), fitted.sample(9))
    with pytest.raises(NotFittedError):
        clone(fitted).sample()


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


def test_byte_order_does_not_matter(fitted, latents):
    assert same(clone(fitted).fit(latents.astype(">f4")).sample(9), fitted.sample(9))


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


def test_a_loaded_sampler_in_many_threads(fitted, tmp_path):
    fitted.save(tmp_path / "s")
    expected = fitted.sample(5)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(3):
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
def test_bad_sample_arguments(fitted, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        fitted.sample(**arguments)


def test_scores_of_another_shape(fitted_density, latents):
    with pytest.raises(ValueError, match=r"must have shape \(n_samples, 5\), as in fit; got \(300, 4\)"):
        fitted_density.score_samples(latents[:, :4])


def test_constant_dimensions(make_sampler):
    latents = np.random.default_rng(0).normal(size=(80, 4))
    latents[:, [0, 2]] = [7.0, -0.1]
    sampler = make_sampler(4, random_state=0).fit(latents)
    drawn = sampler.sample(30)
    assert np.isfinite(drawn).all()
    if isinstance(
        sampler,
        PMFSampler | LocalSampler | BootstrapSampler | KDESampler | CopulaSampler | FlowSampler | TwoStageSampler,
    ):
        assert (drawn[:, [0, 2]] == [7.0, -0.1]).all()
    if hasattr(sampler, "score_samples"):
        assert np.isfinite(sampler.score_samples(latents)).all()


def test_score_is_the_mean(fitted_density, latents):
    scores = fitted_density.score_samples(latents)
    assert scores.shape == (300,)
    assert scores.dtype == np.float64
    one_latent = np.log1p(1 / 300) if isinstance(fitted_density, PMFSampler) else 1e-9  # that it is smoothed by
    assert fitted_density.score(latents) == pytest.approx(scores.mean(), abs=one_latent)


def test_own_samples_have_density(fitted_density):
    assert np.isfinite(fitted_density.score_samples(fitted_density.sample(5000))).all()


def test_density_integrates_to_one(make_density):
    latents = np.random.default_rng(0).normal(size=(40, 2)) * [1.0, 0.3]
    sampler = make_density(2).fit(latents)
    low, high = (-8.0, 8.0) if sampler.get_params().get("covariance_type") == "standard" else (-6.0, 6.0)
    edges = np.linspace(low, high, 401)
    middle = (edges[1:] + edges[:-1]) / 2
    grid = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
    if isinstance(sampler, PMFSampler):  # its density jumps, so cut the plane along the jumps
        steps = (np.arange(8 * 4) + 0.5) / 4
        grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) * sampler.bin_width_ + sampler.lower_
        area = float(np.prod(sampler.bin_width_)) / 16
    else:
        area = float((edges[1] - edges[0]) ** 2)
    assert np.exp(sampler.score_samples(grid)).sum() * area == pytest.approx(1.0, abs=1e-3)


def classes_of(latents):
    """Return labels of the two clusters of the latents, and the latents with the clusters far apart."""
    y = np.where(np.arange(len(latents)) % 3 == 0, "low", "high")
    return y, latents + np.where(y == "low", -50.0, 50.0)[:, None].astype(latents.dtype)


def test_samples_within_classes(make_conditional, latents, tmp_path):
    y, apart = classes_of(latents)
    sampler = make_conditional(random_state=0).fit(apart, y)
    assert sampler.classes_.tolist() == ["high", "low"]
    wanted = ["low", "high", "high"] * 20
    for drawn in (sampler.sample(60, y=wanted), np.concatenate([sampler.sample(y=label) for label in wanted])):
        assert drawn.dtype == np.float32
        assert ((drawn < 0).all(axis=1) == (np.array(wanted) == "low")).all()
    assert (sampler.sample(20, y="low") < 0).all()
    assert (sampler.sample(30_000)[:, 0] > 0).mean() == pytest.approx(2 / 3, abs=0.01)  # by the weights of the classes
    sampler.save(tmp_path / "s")
    loaded = vicinal.load(tmp_path / "s")
    assert loaded.classes_.tolist() == ["high", "low"]
    assert same(loaded.sample(60, y=wanted), sampler.sample(60, y=wanted))
    if hasattr(sampler, "score_samples"):
        assert same(loaded.score_samples(apart), sampler.score_samples(apart))
    with pytest.raises(ValueError, match=r"y must be one of the classes seen in fit, 'high', 'low'; got 'left'"):
        sampler.sample(3, y="left")
    assert not hasattr(sampler.fit(latents), "classes_")
    with pytest.raises(ValueError, match="y needs a sampler that was fitted with labels"):
        sampler.sample(3, y="low")


@pytest.mark.parametrize("labels", [[7, 3], [True, False], [("a", 1), ("b", 2)], [b"x", None]])
def test_labels_of_any_type(make_conditional, latents, labels):
    _, apart = classes_of(latents)
    y = [labels[int(row[0] > 0)] for row in apart]
    drawn = make_conditional(random_state=0).fit(apart, y).sample(4, y=labels[::-1] * 2)
    assert ((drawn > 0).all(axis=1) == [True, False, True, False]).all()


@pytest.mark.parametrize("stratified", [False, True])
def test_prefix_and_chunks_within_classes(make_conditional, latents, stratified):
    y, _ = classes_of(latents)
    sampler = make_conditional(random_state=0).fit(latents, y)
    wanted, options = np.random.default_rng(0).choice(["low", "high"], 300), {"stratified": stratified}
    drawn = sampler.sample(300, y=wanted, **options)
    assert same(drawn[:10], sampler.sample(10, y=wanted[:10], **options))
    assert same(drawn[123:], sampler.sample(177, y=wanted[123:], start=123, **options))
    assert same(drawn[77:78], sampler.sample(y=wanted[77], start=77, **options))
    assert same(drawn[wanted == "low"], sampler.sample(300, y="low", **options)[wanted == "low"])


def test_classes_of_one_latent(make_conditional, latents):
    y = ["rare", *["usual"] * 299]
    latents[0] = 9.0
    with pytest.warns(LabelWarning, match="1 of 2 classes in y have a single latent"):
        sampler = make_conditional(random_state=0).fit(latents, y)
    assert np.allclose(sampler.sample(50, y="rare"), 9.0, atol=2.0 if make_conditional.name == "pmf" else 0.01)
    drawn = sampler.sample(400)
    assert np.isfinite(drawn).all()
    if hasattr(sampler, "score_samples"):
        assert np.isfinite(sampler.score_samples(np.concatenate([drawn, latents]))).all()


def test_samplers_without_classes_refuse_labels(make_sampler, latents):
    if make_sampler.conditions:
        pytest.skip("it draws within classes")
    sampler = make_sampler(random_state=0)
    with pytest.raises(ValueError, match=r"cannot draw within classes; fit it without y"):
        sampler.fit(latents, ["a", "b"] * 150)
    with pytest.raises(ValueError, match=r"cannot draw within classes; fit it without y"):
        sampler.fit([(latents, ["a", "b"] * 150)])
    expected = sampler.fit(latents).sample(20)
    with pytest.warns(LabelWarning, match="y is ignored"):
        sampler.fit(latents, np.arange(300.0))  # the target of a regression
    assert same(sampler.sample(20), expected)
    with pytest.raises(ValueError, match="cannot draw within classes: leave y out"):
        sampler.sample(3, y=1)


def test_weights(make_sampler, latents):
    y, apart = classes_of(latents)
    if not make_sampler.weighs:
        with pytest.raises(ValueError, match="cannot weigh latents: fit it without sample_weight"):
            make_sampler().fit(latents, sample_weight=np.arange(300))
        make_sampler().fit(latents, sample_weight=np.full(300, 0.3))
        return
    sampler = make_sampler(random_state=0).fit(apart, sample_weight=np.where(y == "low", 0.6, 0.1))
    if make_sampler.name in ("flow", "flow-maf", "two-stage", "hypersphere"):
        mean = sampler.sample(1000).mean(axis=0)
        assert (mean < -5).all()  # a tiny network is no more exact; without weights the mean is 17
    else:
        mean = sampler.sample(20_000).mean(axis=0)
        assert mean == pytest.approx(np.full(5, 50 * (200 * 0.1 - 100 * 0.6) / 80), abs=2)


def test_weight_zero_is_no_row(make_sampler, latents):
    if not make_sampler.weighs:
        pytest.skip("it cannot weigh latents")
    weights = np.arange(300) % 3
    sampler = make_sampler(random_state=0).fit(latents, sample_weight=weights)
    without = make_sampler(random_state=0).fit(latents[weights > 0], sample_weight=weights[weights > 0])
    assert same(sampler.sample(50), without.sample(50))
    if hasattr(sampler, "score_samples"):
        assert same(sampler.score_samples(latents), without.score_samples(latents))


def test_whole_weights_are_numbers_of_rows(make_sampler, latents):
    if not make_sampler.weighs or make_sampler.name in ("local", "flow", "flow-maf", "two-stage"):
        pytest.skip("weights do not change the neighbourhoods, nor how latents are held out")
    y, _ = classes_of(latents)
    weights = 1 + np.arange(300) % 4
    for labels in (None, y) if make_sampler.conditions else (None,):
        sampler = make_sampler(random_state=0).fit(latents, labels, sample_weight=weights)
        repeated = labels if labels is None else np.repeat(labels, weights)
        expected = make_sampler(random_state=0).fit(np.repeat(latents, weights, axis=0), repeated)
        if make_sampler.name != "gmm":  # k-means may find its components in another order
            assert np.allclose(sampler.sample(500), expected.sample(500), atol=1e-4)
        if hasattr(sampler, "score_samples"):
            assert np.allclose(sampler.score_samples(latents), expected.score_samples(latents), atol=1e-2)


def test_batches(make_sampler, latents):
    expected = make_sampler(random_state=0).fit(latents).sample(20)
    assert same(make_sampler(random_state=0).fit(iter([latents[:120], latents[120:]])).sample(20), expected)
    if make_sampler.conditions:
        y, _ = classes_of(latents)
        expected = make_sampler(random_state=0).fit(latents, y).sample(20, y="low")
        pairs = [(latents[:120], y[:120]), (latents[120:], y[120:])]
        assert same(make_sampler(random_state=0).fit(pairs).sample(20, y="low"), expected)


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_of_arrays_could_be_anything(make_sampler, latents, kind):
    with pytest.raises(ValueError, match=r"latents must be one array; got a .* of 2 arrays, of shapes \(300, 5\)"):
        make_sampler().fit(kind([latents, latents]))
    with pytest.raises(ValueError, match=r"pass labels as fit\(latents, y\)"):
        make_sampler().fit(kind([latents, np.zeros(300)]))
    with pytest.raises(ValueError, match=r"got labels of shape \(300, 5\)"):
        make_sampler().fit([kind([latents, latents])])


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool])
def test_whole_latents_give_whole_samples(make_sampler, dtype, tmp_path):
    latents = np.random.default_rng(0).integers(0, 2 if dtype is bool else 6, (80, 3)).astype(dtype)
    sampler = make_sampler(3, random_state=0).fit(latents)
    drawn = sampler.sample(500)
    assert drawn.dtype == dtype
    assert ((drawn >= latents.min(axis=0)) & (drawn <= latents.max(axis=0))).all()
    assert (np.diff(drawn.astype(int), axis=0) != 0).any()
    sampler.save(tmp_path / "s")
    assert same(vicinal.load(tmp_path / "s").sample(9), sampler.sample(9))
    real = make_sampler(3, random_state=0).fit(latents.astype(np.float64)).sample(500)
    assert np.array_equal(drawn, np.clip(np.rint(real), latents.min(axis=0), latents.max(axis=0)).astype(dtype))


def test_labels_that_hardly_repeat(make_conditional, latents):
    expected = make_conditional(random_state=0).fit(latents).sample(20)
    with pytest.warns(LabelWarning, match="300 of 300 latents have a label in y that no other has.*y is ignored"):
        sampler = make_conditional(random_state=0).fit(latents, latents[:, 0])
    assert same(sampler.sample(20), expected)
    with pytest.raises(ValueError, match=r"300 of 300 latents .* merge rare classes"):
        sampler.fit(latents, [f"id {i}" for i in range(300)])


def test_the_aggregate_posterior(make_sampler, latents):
    if make_sampler.name in ("gaussian-standard", "vamp"):
        pytest.skip("it does not depend on the latents")
    std = np.linspace(0, 0.5, 5, dtype=np.float32)
    sampler = make_sampler(random_state=3).fit(latents, std=std)
    assert same(
        make_sampler(random_state=3).fit(latents, std=np.broadcast_to(std, (300, 5))).sample(9), sampler.sample(9)
    )
    assert not same(make_sampler(random_state=4).fit(latents, std=std).sample(9, random_state=3), sampler.sample(9))
    assert same(
        make_sampler(random_state=3).fit(latents, std=0.0).sample(9),
        make_sampler(random_state=3).fit(latents).sample(9),
    )
