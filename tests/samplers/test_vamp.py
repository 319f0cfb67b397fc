"""The learned prior: known answers, and what cannot be used."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import vicinal
from vicinal.samplers import VampSampler


class Model:
    """Stands in for an autoencoder: three components of four dimensions."""

    means = np.array([[-9.0, 0.0, 1.0, 2.0], [9.0, 0.0, 1.0, 2.0], [0.0, 30.0, 1.0, 2.0]], np.float32)
    log_variances = np.log(np.array([[1.0, 4.0, 0.01, 1.0], [1.0, 1.0, 1.0, 1.0], [0.25, 1.0, 1.0, 9.0]], np.float32))

    def prior_components(self):
        return self.means, self.log_variances


@pytest.fixture
def sampler():
    return VampSampler(Model(), random_state=3).fit(np.zeros((10, 4), np.float32))


def test_the_autoencoder_is_not_saved(sampler, tmp_path):
    sampler.save(tmp_path / "s")
    assert isinstance(sampler.autoencoder, Model)
    assert vicinal.load(tmp_path / "s").autoencoder is None


def test_density_and_samples_of_the_mixture(sampler):
    covariances = np.exp(Model.log_variances.astype(np.float64))
    mixture = [stats.multivariate_normal(m, np.diag(v)) for m, v in zip(Model.means, covariances, strict=True)]
    drawn = sampler.sample(30_000)
    expected = logsumexp([part.logpdf(drawn[:500].astype(np.float64)) for part in mixture], axis=0) - np.log(3)
    assert np.allclose(sampler.score_samples(drawn[:500]), expected, rtol=1e-9)
    component = np.argmin(np.square(drawn[:, None, :2] - Model.means[:, :2]).sum(axis=2), axis=1)
    assert stats.chisquare(np.bincount(component)).pvalue > 0.001
    for k, part in enumerate(mixture):
        normal = (drawn[component == k] - part.mean) / np.sqrt(covariances[k])
        assert all(stats.kstest(column, "norm").pvalue > 1e-4 for column in normal.T)
        assert np.abs(np.corrcoef(normal.T) - np.eye(4)).max() < 0.05


def test_models_of_vicinal():
    torch = pytest.importorskip("torch")
    from vicinal.autoencoders.networks import ConvAutoencoder

    for n_pseudo_inputs in (0, 6):
        model = ConvAutoencoder((1, 8, 8), latent_dim=3, variational=True, n_pseudo_inputs=n_pseudo_inputs)
        sampler = VampSampler(model, random_state=0).fit(torch.zeros(5, 3))
        means, log_variances = (part.detach().double().numpy() for part in model.prior_components())
        assert np.array_equal(sampler.means_, means)
        assert np.allclose(sampler.variances_, np.exp(log_variances), rtol=1e-12)
        drawn = sampler.sample(20_000)
        assert (type(drawn), drawn.dtype) == (torch.Tensor, torch.float32)
        if n_pseudo_inputs == 0:
            assert sampler.score(drawn) == pytest.approx(-1.5 * (1 + np.log(2 * np.pi)), abs=0.05)
            assert stats.kstest(drawn.numpy().ravel(), "norm").pvalue > 0.001


def model_of(means, log_variances):
    """Return an autoencoder with that prior."""
    model = Model()
    model.means, model.log_variances = means, log_variances
    return model


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (None, TypeError, r"autoencoder must have prior_components\(\).* got NoneType: pass a model trained"),
        (object(), TypeError, r"autoencoder must have prior_components\(\).* got object"),
        (Model(), ValueError, r"shape \(K, 2\), for latents of 2 dimensions; got \(3, 4\) and \(3, 4\)"),
        (model_of(np.ones((3, 2)), np.ones((2, 2))), ValueError, r"got \(3, 2\) and \(2, 2\)"),
        (model_of(np.ones((0, 2)), np.ones((0, 2))), ValueError, r"got \(0, 2\) and \(0, 2\)"),
        (model_of(np.ones((3, 2)), np.full((3, 2), 1e4)), ValueError, "must return finite means"),
        (model_of(np.full((3, 2), np.nan), np.ones((3, 2))), ValueError, "must return finite means"),
    ],
)
def test_what_cannot_be_used(model, error, message):
    with pytest.raises(error, match=message) as caught:
        VampSampler(model).fit(np.ones((5, 2)))
    assert isinstance(caught.value, vicinal._errors.VicinalError)
