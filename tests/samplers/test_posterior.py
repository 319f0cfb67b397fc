"""`fit(mu, std=sigma)`: the aggregate posterior, one draw for each row."""

import numpy as np
import pytest
from scipy import stats

from vicinal.samplers import BootstrapSampler, GaussianSampler, LocalSampler, PMFSampler, posterior


def test_draws_are_normal_around_their_means():
    mu, std = np.repeat([[-50.0, 50.0]], 20_000, axis=0), np.array([2.0, 0.1])
    drawn = posterior.draw(mu, std, random_state=5)
    for j in range(2):
        assert stats.kstest(drawn[:, j], stats.norm(mu[0, j], std[j]).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.03


def test_the_sampler_is_that_of_the_draws():
    mu, std = np.random.default_rng(0).normal(size=(2, 500, 3))
    std = np.abs(std)
    drawn = posterior.draw(mu, std, random_state=7)
    for kind in (lambda: PMFSampler(8, random_state=7), lambda: LocalSampler(8, scale=1.0, random_state=7)):
        assert np.array_equal(kind().fit(mu, std=std).sample(50), kind().fit(drawn).sample(50))
    covariance = (
        GaussianSampler(random_state=7).fit(np.repeat(mu, 40, axis=0), std=np.repeat(std, 40, axis=0)).covariance_
    )
    assert np.diag(covariance) == pytest.approx(mu.var(axis=0) + (std**2).mean(axis=0), rel=0.05)


def test_draws_share_no_number_with_samples():
    drawn = posterior.draw(np.zeros((5000, 2)), 1.0, random_state=3)
    noise = GaussianSampler("standard", random_state=3).fit(np.zeros((2, 2))).sample(5000)
    assert np.abs(np.corrcoef(drawn, noise, rowvar=False)[:2, 2:]).max() < 4.5 / np.sqrt(5000)


def test_a_row_depends_on_its_number_alone(monkeypatch):
    mu = np.random.default_rng(0).normal(size=(40, 3, 2))
    expected = posterior.draw(mu, 0.5, random_state=1)
    assert np.array_equal(posterior.draw(mu[:10], 0.5, random_state=1), expected[:10])
    monkeypatch.setattr(posterior, "_CHUNK", 13)
    assert np.array_equal(posterior.draw(mu, 0.5, random_state=1), expected)


def test_types_labels_and_names_are_kept():
    torch = pytest.importorskip("torch")
    pandas = pytest.importorskip("pandas")
    mu = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float16)
    sampler = BootstrapSampler(random_state=0).fit(torch.from_numpy(mu), [0, 1] * 15, std=torch.ones(30, 2))
    assert sampler.sample(3, y=1).dtype == torch.float16
    frame = pandas.DataFrame(mu, columns=["a", "b"])
    assert BootstrapSampler().fit(frame, std=0.1).feature_names_in_.tolist() == ["a", "b"]
    assert np.array_equal(frame.to_numpy(), mu)


@pytest.mark.parametrize(
    ("std", "message"),
    [
        (np.full((4, 2), -3.0), r"std must be at least 0; got -3. .*np.exp\(logvar / 2\)"),
        (np.ones((4, 3)), r"std must have the shape of the latents, \(4, 2\), or broadcast to it; got \(4, 3\)"),
        (np.full((4, 2), np.nan), "std must be finite"),
    ],
)
def test_bad_deviations(std, message):
    with pytest.raises(ValueError, match=message):
        PMFSampler(2).fit(np.zeros((4, 2)), std=std)


def test_batches_have_no_deviations():
    with pytest.raises(ValueError, match="std goes with one array of means"):
        PMFSampler(2).fit(iter([np.zeros((4, 2))]), std=1.0)
