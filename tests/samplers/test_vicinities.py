"""Samples near a latent, paths, and where samples came from."""

import itertools

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import vicinal
from vicinal.samplers import BootstrapSampler, LocalSampler, PMFSampler, vicinities

MAKERS = {
    "pmf": lambda **options: PMFSampler(6, random_state=0, **options),
    "local": lambda **options: LocalSampler(8, scale=1.0, random_state=0, **options),
}


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def ring(n=1500):
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, n)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


class TestVicinity:
    def test_prefix_chunks_and_seeds(self, make, latents):
        sampler = make().fit(latents.reshape(300, 5, 1))
        near = latents[3].reshape(5, 1)
        drawn = sampler.vicinity(near, 50)
        assert drawn.shape == (50, 5, 1)
        assert drawn.dtype == np.float32
        assert np.array_equal(drawn[:7], sampler.vicinity(near, 7))
        assert np.array_equal(drawn[20:], sampler.vicinity(near, 30, start=20))
        assert not np.array_equal(drawn, sampler.vicinity(near, 50, random_state=1))

    def test_samples_are_near(self, make):
        sampler = make().fit(ring())
        for latent in ring()[:20]:
            drawn = sampler.vicinity(latent, 200)
            assert np.linalg.norm(drawn - latent, axis=1).max() < 0.6
            assert len(np.unique(drawn, axis=0)) == 200

    def test_a_cell(self):
        sampler = PMFSampler(4, random_state=0).fit(np.array([[0.0, 0.0], [0.9, 0.1], [4.0, 4.0]]))
        inside = sampler.vicinity([0.99, 0.99], 500)
        assert (inside < 1).all()
        assert inside.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.06)
        assert (sampler.vicinity([2.6, 3.5], 50) >= 3).all()  # its cell is empty
        assert (sampler.vicinity([-70.0, 1.5], 50) < 1).all()

    def test_a_neighbourhood_has_its_mean_and_covariance(self):
        latents = np.random.default_rng(0).normal(size=(400, 3))
        sampler = LocalSampler(40, scale=1.0, random_state=0).fit(latents)
        place = np.searchsorted(sampler.neighborhood_starts_, 5, side="right") - 1
        own = sampler.latents_[slice(*sampler.neighborhood_starts_[place : place + 2])]
        drawn = sampler.vicinity(sampler.latents_[5] + 1e-9, 40_000)
        assert drawn.mean(axis=0) == pytest.approx(own.mean(axis=0), abs=0.02)
        assert np.cov(drawn.T) == pytest.approx(np.cov(own.T, ddof=0), abs=0.02)

    def test_bad_arguments(self, make, latents):
        with pytest.raises(NotFittedError):
            make().vicinity(latents[0])
        sampler = make().fit(latents)
        with pytest.raises(
            ValueError, match=r"latent must be one latent of shape \(5,\), as in fit; got shape \(1, 5\)"
        ):
            sampler.vicinity(latents[:1])
        with pytest.raises(ValueError, match="latent must be finite"):
            sampler.vicinity(np.full(5, np.nan))


class TestPath:
    def test_around_what_is_empty(self, make):
        sampler = make().fit(ring())
        path = sampler.path([1.0, 0.0], [-1.0, 0.0], 60)
        assert np.linalg.norm(path, axis=1).min() > 0.7
        assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 0.3
        assert np.array_equal(path, sampler.path([1.0, 0.0], [-1.0, 0.0], 60))

    def test_ends_are_kept(self, make, latents):
        sampler = make().fit(latents)
        path = sampler.path(latents[0], latents[1], 2)
        assert np.array_equal(path, latents[:2])
        assert np.allclose(sampler.path(latents[0], latents[0], 3)[[0, 2]], latents[0])

    def test_every_point_has_a_density(self, latents):
        sampler = PMFSampler(6).fit(latents)
        assert np.isfinite(sampler.score_samples(sampler.path(latents[0] + 9, latents[1] - 9, 80))).all()

    def test_type_shape_and_constant_dimensions(self, make, latents):
        torch = pytest.importorskip("torch")
        latents[:, 2] = 7.0
        sampler = make().fit(torch.from_numpy(latents.reshape(300, 5, 1)))
        path = sampler.path(torch.from_numpy(latents[0]).reshape(5, 1), latents[1].reshape(5, 1), 6)
        assert isinstance(path, torch.Tensor)
        assert path.shape == (6, 5, 1)
        assert (path[:, 2] == 7).all()

    def test_the_least_sum_of_squared_steps(self):
        nodes = np.random.default_rng(0).normal(size=(7, 2))
        inner = [order for k in range(6) for order in itertools.permutations(range(1, 6), k)]
        costs = [np.square(np.diff(nodes[[0, *order, 6]], axis=0)).sum() for order in inner]
        found = vicinities._shortest(nodes)
        assert np.square(np.diff(nodes[found], axis=0)).sum() == pytest.approx(min(costs))

    def test_many_vicinities(self, make, monkeypatch):
        monkeypatch.setattr(vicinities, "MOST_CENTRES", 25)
        path = make().fit(ring()).path([1.0, 0.0], [-1.0, 0.0], 30)
        assert np.linalg.norm(path, axis=1).min() > 0.6

    def test_bad_arguments(self, make, latents):
        sampler = make().fit(latents)
        with pytest.raises(ValueError, match="n_points must be an integer at least 2; got 1"):
            sampler.path(latents[0], latents[1], 1)
        with pytest.raises(ValueError, match=r"last must be one latent of shape \(5,\)"):
            sampler.path(latents[0], 3.0)


class TestSource:
    def test_rows_of_neighbourhoods(self, latents, tmp_path):
        y, weights = np.array(["a", "b", "c"])[np.arange(300) % 3], np.arange(300) % 4
        sampler = LocalSampler(1, scale=1.0, random_state=0).fit(latents, y, sample_weight=weights)
        drawn, source = sampler.sample(500, return_source=True)  # neighbourhoods of one latent: copies
        assert np.array_equal(drawn, latents[source.row])
        assert np.array_equal(source.y, y[source.row])
        sampler.save(tmp_path / "s")
        assert np.array_equal(vicinal.load(tmp_path / "s").sample(500, return_source=True)[1].row, source.row)
        within = sampler.sample(50, y="b", return_source=True)[1]
        assert set(within.y) == {"b"}
        assert (y[within.row] == "b").all()

    def test_rows_of_batches(self, latents):
        sampler = LocalSampler(1, scale=1.0, random_state=0).fit(iter(np.split(latents, 3)))
        drawn, source = sampler.sample(100, return_source=True)
        assert np.array_equal(drawn, latents[source.row])
        assert source.y is None

    @pytest.mark.parametrize("options", [{}, {"stratified": True}, {"y": "low"}])
    @pytest.mark.parametrize("temperature", [1.0, 2.0])
    def test_cells(self, latents, options, temperature):
        y = np.where(latents[:, 0] > 0, "high", "low")
        sampler = PMFSampler(3, temperature=temperature, random_state=0).fit(latents, y)
        drawn, source = sampler.sample(400, return_source=True, **options)
        assert np.array_equal(drawn, sampler.sample(400, **options))
        edges = sampler.lower_ + sampler.cells_[source.row] * sampler.bin_width_
        assert ((drawn >= edges - 1e-5) & (drawn <= edges + sampler.bin_width_ + 1e-5)).all()
        assert (source.y == ("low" if options.get("y") else source.y)).all()

    def test_the_usual_class_of_a_cell(self):
        latents = np.array([[0.0], [0.1], [0.2], [1.0]])
        sampler = PMFSampler(2, random_state=0).fit(latents, ["x", "y", "y", "x"])
        drawn, source = sampler.sample(50, return_source=True)
        assert np.array_equal(source.y, np.where(drawn[:, 0] < 0.5, "y", "x"))

    def test_smoothing(self, latents):
        cells = PMFSampler(4, random_state=0).fit(latents, np.zeros(300, int)).sample(300)
        sampler = PMFSampler(4, smoothing=0.3, random_state=0).fit(latents, np.zeros(300, int))
        drawn, source = sampler.sample(300, return_source=True)
        changed = (drawn != cells).any(axis=1)
        assert np.array_equal(source.row == -1, changed)
        assert [each is None for each in source.y] == changed.tolist()

    def test_other_samplers_do_not_know(self, latents):
        with pytest.raises(ValueError, match="BootstrapSampler does not know what a sample was drawn from"):
            BootstrapSampler().fit(latents).sample(3, return_source=True)
