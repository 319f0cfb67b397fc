"""Pictures for notebooks: what is drawn is what was given."""

import sys
import types

import numpy as np
import pytest

from vicinal import plot
from vicinal.evaluation import BOOTSTRAP, REAL, Scores

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close():
    yield
    matplotlib.pyplot.close("all")


def drawn(axes):
    return axes.get_images()[0].get_array()


def test_a_grid_holds_every_image_in_order():
    images = np.arange(7, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 4, 5), np.uint8)
    sheet = drawn(plot.grid(images, n_columns=3))
    assert sheet.shape == (3 * 5 + 1, 3 * 6 + 1, 3)
    for i in range(7):
        top, left = 1 + i // 3 * 5, 1 + i % 3 * 6
        assert (sheet[top : top + 4, left : left + 5] == i).all()
    assert (sheet[11:, 7:] == 255).all(), "the rest of the last row is empty"


@pytest.mark.parametrize("change", [lambda x: 2 * x - 1, lambda x: 255 * x, lambda x: np.moveaxis(x, 1, 3)])
def test_a_grid_takes_images_of_any_range_and_layout(change):
    images = np.random.default_rng(0).random((6, 3, 8, 8))
    images[0, 0, 0, :2] = 0, 1
    assert np.abs(drawn(plot.grid(change(images))).astype(int) - drawn(plot.grid(images))).max() <= 1


def test_a_grid_takes_tensors():
    torch = pytest.importorskip("torch")
    images = torch.rand(3, 1, 4, 4, requires_grad=True)
    assert np.array_equal(drawn(plot.grid(images)), drawn(plot.grid(images.detach().numpy())))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 4)), r"images must have shape \(n, H, W\)"),
        (np.zeros((0, 1, 4, 4)), "images must hold one image or more"),
        (np.full((2, 1, 4, 4), -9.0), "images must be in"),
    ],
)
def test_what_is_no_image_is_refused(images, message):
    with pytest.raises(ValueError, match=message):
        plot.grid(images)


def test_the_map_keeps_distances_of_what_lies_in_a_plane():
    """Principal components only turn rows that vary in two dimensions equally."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    rows = np.stack([np.cos(angles), np.sin(angles), np.zeros(60)], axis=1) + 5.0
    placed = plot.projection(rows)(rows)
    radii = np.hypot(*placed.T)
    assert np.allclose(radii, radii[0])


def test_a_map_of_one_dimension():
    rows = np.arange(5.0)[:, None]
    assert (plot.projection(rows)(rows)[:, 1] == 0).all()


def test_a_map_shows_latents_by_class_and_samples():
    generator = np.random.default_rng(0)
    axes = plot.latents(generator.normal(size=(30, 2, 3)), generator.normal(size=(7, 2, 3)), labels=np.arange(30) % 3)
    assert [len(points.get_offsets()) for points in axes.collections] == [10, 10, 10, 7]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["0", "1", "2", "samples"]


def test_a_map_refuses_what_does_not_fit():
    rows = np.zeros((10, 3))
    with pytest.raises(ValueError, match="samples must have 3 values a row, as latents; got 4"):
        plot.latents(rows, np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"labels must have shape \(10,\), one for each latent; got \(3,\)"):
        plot.latents(rows, labels=[1, 2, 3])
    with pytest.raises(ValueError, match="method must be one of 'pca', 'umap'; got 'tsne'"):
        plot.latents(rows, method="tsne")


def test_umap_missing_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="umap-learn is not installed; run: pip install umap-learn, or pass method="):
        plot.latents(np.zeros((10, 3)), method="umap")


def test_umap_places_latents_where_it_is_installed(monkeypatch):
    """A stand-in: the map is fitted to scaled latents, with the seed, and places others."""

    class UMAP:
        def __init__(self, n_components, random_state, n_jobs):
            assert (n_components, random_state, n_jobs) == (2, 3, 1)

        def fit(self, rows):
            assert np.allclose(rows.std(axis=0), 1)
            return self

        def transform(self, rows):
            return rows[:, :2]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=UMAP))
    rows = np.random.default_rng(0).normal(3.0, 5.0, size=(50, 4))
    points = plot.latents(rows, method="umap", random_state=3).collections[0].get_offsets()
    assert np.allclose(points, ((rows - rows.mean(axis=0)) / rows.std(axis=0))[:, :2])


def test_scores_plot_a_point_for_each_row_that_was_measured():
    rows = [
        {"name": BOOTSTRAP, "reference": True, "n": 9, "frechet_distance": 0.5, "nn_ratio": 0.0},
        {"name": REAL, "reference": True, "n": 9, "frechet_distance": 0.8, "nn_ratio": 1.0},
        {"name": "a", "reference": False, "n": 9, "frechet_distance": 1.5, "nn_ratio": 1.1},
        {"name": "b", "reference": False, "n": 9, "frechet_distance": float("nan"), "nn_ratio": 1.1},
        {"name": "c", "reference": False, "n": 9, "frechet_distance": 1000.0, "nn_ratio": 4.0},
    ]
    axes = Scores(rows, headings={"frechet_distance": "FID ↓"}).plot()
    points = {group.get_label(): group.lines[0].get_xydata()[0].tolist() for group in axes.containers}
    assert points == {BOOTSTRAP: [0.0, 0.5], "a": [1.1, 1.5]}
    assert axes.texts[0].get_text() == "off the plot: c: 1e+03 at 4.00"
    assert axes.get_ylabel().startswith("FID to held-out data")
    assert REAL in [line.get_label() for line in axes.lines]


def test_scores_without_novelty_have_no_plot():
    with pytest.raises(ValueError, match="the plot needs frechet_distance and nn_ratio of one row or more: evaluate"):
        Scores([{"name": "a", "reference": False, "n": 9, "frechet_distance": 1.0}]).plot()


def test_everything_draws_on_given_axes():
    axes = matplotlib.pyplot.subplots()[1]
    assert plot.grid(np.zeros((2, 4, 4)), ax=axes) is axes
    assert plot.latents(np.eye(3), ax=axes) is axes
