"""The flow and the second autoencoder: known answers, training, files."""

import sys

import numpy as np
import pytest
from scipy import stats

import vicinal
from vicinal import rng
from vicinal.samplers import FlowSampler, GaussianSampler, TwoStageSampler

torch = pytest.importorskip("torch")
pytest.importorskip("zuko")

SMALL = {"hidden_units": (16,), "batch_size": 100, "random_state": 0}


def small_flow(kind="spline", **options):
    return FlowSampler(kind, **{"n_transforms": 1, "n_bins": 6, "n_epochs": 8, **SMALL, **options})


def two_lumps(n, seed=0, d=2):
    """Return latents of two Gaussians at +-6 with standard deviation 1 in the first dimension; the others follow it."""
    generator = np.random.default_rng(seed)
    first = generator.choice([-6.0, 6.0], n) + generator.normal(size=n)
    return np.stack([first, *(0.5 * first + generator.normal(size=(d - 1, n)))], axis=1)


@pytest.mark.parametrize("kind", ["spline", "maf"])
@pytest.mark.parametrize("d", [1, 2])
def test_the_density_of_a_flow_integrates_to_one(kind, d):
    sampler = small_flow(kind, n_transforms=2, n_epochs=4).fit(two_lumps(300, d=d))
    edges = np.linspace(-30, 30, 1201 if d == 1 else 181)
    middle = (edges[1:] + edges[:-1]) / 2
    grid = np.stack(np.meshgrid(*[middle] * d), axis=-1).reshape(-1, d)
    mass = np.exp(sampler.score_samples(grid)).sum() * (edges[1] - edges[0]) ** d
    assert mass == pytest.approx(1.0, abs=5e-3)


@pytest.mark.parametrize("kind", ["spline", "maf"])
def test_the_density_of_a_flow_is_a_change_of_variables(kind):
    sampler = small_flow(kind, n_transforms=2, n_epochs=4).fit(two_lumps(300, d=3) * [1.0, 100.0, 0.01])
    noise = rng.Draws(5, 0, 3).normals(3)
    with sampler._fitted_network() as (_, network), torch.enable_grad():

        def latent_of(e):
            return torch.from_numpy(sampler.mean_) + torch.from_numpy(sampler.scale_) * network().transform.inv(e)

        latents = latent_of(torch.from_numpy(noise)).detach().numpy()
        slopes = [torch.autograd.functional.jacobian(latent_of, torch.from_numpy(e)).numpy() for e in noise]
    assert np.allclose(sampler.sample(3, random_state=5), latents, rtol=1e-9)
    expected = stats.norm.logpdf(noise).sum(axis=1) - np.linalg.slogdet(np.array(slopes))[1]
    assert np.allclose(sampler.score_samples(latents), expected, atol=1e-6)


def test_a_flow_finds_two_lumps():
    latents, fresh = two_lumps(1500), two_lumps(2000, seed=1)
    sampler = small_flow(n_epochs=20, learning_rate=3e-2).fit(latents)
    truth = (
        stats.norm.logpdf(np.abs(fresh[:, 0]), 6.0) + np.log(0.5) + stats.norm.logpdf(fresh[:, 1], 0.5 * fresh[:, 0])
    )
    assert truth.mean() - 0.15 < sampler.score(fresh) < truth.mean() + 0.01
    assert sampler.score(fresh) > GaussianSampler().fit(latents).score(fresh) + 1.0
    assert sampler.validation_score_ == pytest.approx(sampler.score(fresh), abs=0.15)
    first = sampler.sample(2000)[:, 0]
    assert ((first > 0).mean(), (np.abs(first) < 2).mean()) == (
        pytest.approx(0.5, abs=0.05),
        pytest.approx(0, abs=0.02),
    )


def test_two_stages_find_two_lumps():
    latents = two_lumps(1500)
    sampler = TwoStageSampler(**{**SMALL, "hidden_units": (32, 32)}, learning_rate=2e-2, n_epochs=40).fit(latents)
    drawn = sampler.sample(8000)
    assert np.allclose(drawn.mean(axis=0), latents.mean(axis=0), atol=0.7)
    assert np.allclose(np.cov(drawn.T), np.cov(latents.T), rtol=0.2)
    assert (np.abs(drawn[:, 0]) < 2).mean() < 0.1  # 0.22 of a Gaussian
    rest = drawn[:, 1] - 0.5 * drawn[:, 0]
    assert rest.std() == pytest.approx(1.0, abs=0.15)
    assert sampler.validation_score_ > GaussianSampler().fit(latents).score(latents) + 0.3


def test_the_bound_of_one_linear_gaussian_is_its_density():
    latents = np.random.default_rng(0).normal([3.0, -1.0], [2.0, 0.5], size=(2000, 2))
    sampler = TwoStageSampler(**SMALL, n_epochs=15, learning_rate=2e-2).fit(latents)
    density = GaussianSampler("diag").fit(latents).score(latents)
    assert density - 0.25 < sampler.validation_score_ < density + 0.1  # a lower bound, of 200 latents held out
    assert np.allclose(sampler.sample(20_000).std(axis=0), [2.0, 0.5], rtol=0.06)


@pytest.mark.parametrize("make", [small_flow, lambda **options: TwoStageSampler(**SMALL, **options)])
class TestTraining:
    def test_the_same_bits_and_torch_left_alone(self, make):
        latents = two_lumps(300)
        torch.manual_seed(11)
        before = torch.random.get_rng_state()
        first = make(n_epochs=1).fit(latents)
        drawn = first.sample(50)
        assert torch.equal(torch.random.get_rng_state(), before)
        torch.manual_seed(12)
        with torch.inference_mode(), torch.device("meta"):  # what the caller has set does not matter
            again = make(n_epochs=1).fit(latents)
            drawn_again = again.sample(50)
        assert first.weights_.tobytes() == again.weights_.tobytes()
        assert drawn.tobytes() == drawn_again.tobytes()
        other = make(n_epochs=1).set_params(random_state=1).fit(latents)
        assert first.weights_.tobytes() != other.weights_.tobytes()

    def test_stops_when_held_out_latents_gain_no_more(self, make):
        latents = np.random.default_rng(0).normal(size=(60, 3))
        sampler = make(n_epochs=200, patience=3, learning_rate=5e-2).fit(latents)
        assert 4 <= sampler.n_epochs_ < 150
        best = make(n_epochs=200, patience=9, learning_rate=5e-2).fit(latents)
        assert best.validation_score_ >= sampler.validation_score_
        assert best.n_epochs_ >= sampler.n_epochs_ + 6

    def test_parameters_may_change_after_the_fit(self, make, tmp_path):
        sampler = make(n_epochs=1).fit(two_lumps(100))
        drawn = sampler.sample(20)
        sampler.set_params(hidden_units=(3, 3)).save(tmp_path / "s")
        assert sampler.sample(20).tobytes() == drawn.tobytes()
        loaded = vicinal.load(tmp_path / "s")
        assert (loaded.hidden_units, loaded.sample(20).tobytes()) == ((3, 3), drawn.tobytes())

    def test_nothing_but_constants(self, make):
        sampler = make().fit(np.tile([0.1, -3.0], (9, 1)))
        assert (sampler.sample(4) == [0.1, -3.0]).all()
        if hasattr(sampler, "score_samples"):
            assert sampler.score_samples([[0.1, -3.0], [0.1, -2.0]]).tolist() == [0.0, -np.inf]

    def test_automatic_epochs(self, make):
        assert make(n_epochs="auto", patience=1000).fit(two_lumps(2)).n_epochs_ == 100  # the most there are

    def test_weights_weigh_the_loss(self, make):
        latents = two_lumps(500)
        weights = np.where(latents[:, 0] > 0, 9.0, 1.0)
        sampler = make(n_epochs=12, learning_rate=2e-2).fit(latents, sample_weight=weights)
        assert sampler.mean_ == pytest.approx(np.average(latents, axis=0, weights=weights))
        assert (sampler.sample(2000)[:, 0] > 0).mean() == pytest.approx(0.9, abs=0.08)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"hidden_units": ()}, r"hidden_units must be the widths of one layer or more, such as \(64,\); got \(\)"),
            ({"hidden_units": 64}, "hidden_units must be the widths of one layer or more"),
            ({"hidden_units": (8, 0)}, "each of hidden_units must be an integer at least 1; got 0"),
            ({"n_epochs": 0}, "n_epochs must be an integer at least 1; got 0"),
            ({"n_epochs": "many"}, "n_epochs must be an integer or 'auto'; got 'many'"),
            ({"batch_size": 0}, "batch_size must be an integer at least 1"),
            ({"learning_rate": 0.0}, "learning_rate must be a finite number above 0"),
            ({"validation_fraction": 1.0}, "validation_fraction must be below 1; got 1.0"),
            ({"patience": 0}, "patience must be an integer at least 1"),
        ],
    )
    def test_bad_parameters(self, make, options, message):
        with pytest.raises(ValueError, match=message):
            make().set_params(**options).fit(two_lumps(50))

    def test_a_loss_that_is_no_longer_finite(self, make):
        with pytest.raises(ValueError, match=r"the loss became .* in epoch 1: pass a learning_rate below 1e[+]30"):
            make(learning_rate=1e30).fit(two_lumps(300))

    def test_too_large_latents(self, make):
        with pytest.raises(ValueError, match="latents are too large"):
            make().fit(two_lumps(50) * 1e200)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "glow"}, "kind must be one of 'spline', 'maf'; got 'glow'"),
        ({"n_transforms": 0}, "n_transforms must be an integer at least 1; got 0"),
        ({"n_bins": 1}, "n_bins must be an integer at least 2; got 1"),
    ],
)
def test_flows_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        FlowSampler(**options).fit(two_lumps(50))


def test_far_latents_have_finite_samples_and_scores():
    latents = np.concatenate([two_lumps(200), [[1e4, -1e4]]])
    for kind in ("spline", "maf"):
        sampler = small_flow(kind, n_epochs=3).fit(latents)
        assert np.isfinite(sampler.sample(5000)).all()
        assert np.isfinite(sampler.score_samples(np.array([[1e6, 0.0], [0.0, -1e6]]))).all()


@pytest.mark.parametrize(
    ("sampler", "missing", "extra"),
    [
        (FlowSampler(), "torch", "flow"),
        (FlowSampler(), "zuko", "flow"),
        (TwoStageSampler(), "torch", "torch"),
    ],
)
def test_missing_extras(monkeypatch, sampler, missing, extra):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf'{missing} is not installed; run: pip install "vicinal\[{extra}\]"'):
        sampler.fit(np.eye(5))
