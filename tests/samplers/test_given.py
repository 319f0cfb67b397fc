"""What counts as one array, as batches, or as neither."""

import numpy as np
import pytest

from vicinal.samplers import BootstrapSampler, GaussianSampler, PMFSampler


def test_what_numpy_reads_as_one_array_is_one_array():
    rows = np.random.default_rng(0).normal(size=(6, 2))
    expected = BootstrapSampler(random_state=0).fit(rows).sample(9)
    for given in (rows.tolist(), list(rows), tuple(rows), tuple(map(tuple, rows))):
        assert np.array_equal(BootstrapSampler(random_state=0).fit(given).sample(9), expected)
    assert BootstrapSampler().fit(np.zeros((4, 2, 2)).tolist()).event_shape_ == (2, 2)


def test_a_generator_is_read_once_and_kept():
    rows = np.random.default_rng(0).normal(size=(600, 2))
    read = []

    def batches():
        for part in np.split(rows, 6):
            read.append(len(part))
            yield part

    assert PMFSampler().fit(batches()).n_bins_ == PMFSampler().fit(rows).n_bins_  # it needs several passes
    assert read == [100] * 6


def test_what_can_be_read_again_is_not_kept():
    class Parts:
        passes = 0

        def __iter__(self):
            Parts.passes += 1
            return iter(np.split(np.arange(8.0).reshape(4, 2), 2))

    PMFSampler(2).fit(Parts())
    assert Parts.passes > 1


def test_the_remedy_is_of_the_library_of_the_latents():
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match=r"pass torch.cat\(latents\) or iter\(latents\)"):
        PMFSampler().fit([torch.zeros(5, 3)] * 2)
    with pytest.raises(ValueError, match=r"pass np.concatenate\(latents\) or iter\(latents\)"):
        PMFSampler().partial_fit([np.zeros((5, 3))] * 2)


def test_a_loader_of_means_and_log_variances():
    torch = pytest.importorskip("torch")
    both = torch.utils.data.TensorDataset(torch.zeros(10, 3), torch.ones(10, 3))
    with pytest.raises(ValueError, match=r"pair \(latents, labels\); got labels of shape \(5, 3\).*means alone"):
        GaussianSampler().fit(torch.utils.data.DataLoader(both, batch_size=5))


def test_an_annotated_matrix_is_refused_with_what_to_pass():
    class AnnData:
        shape = (5, 3)

        @property
        def obsm(self):
            return {"X_pca": np.zeros((5, 3))}

        def __getitem__(self, index):
            return self  # NumPy would never come to an end

        def __len__(self):
            return 5

    with pytest.raises(
        TypeError, match=r"latents must be an array; got AnnData: pass one, latents.obsm\['X_pca'\] say"
    ):
        PMFSampler().fit(AnnData())


def test_a_column_may_be_called_obsm():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"obsm": [1.0, 2.0], "b": [0.0, 1.0]})
    assert BootstrapSampler().fit(frame).feature_names_in_.tolist() == ["obsm", "b"]


def test_whole_types_of_batches_and_added_latents():
    rows = np.random.default_rng(0).integers(0, 5, (60, 2))
    assert BootstrapSampler().fit(iter(np.split(rows, 3))).sample(4).dtype == rows.dtype
    sampler = PMFSampler(4, bounds=(0, 4), random_state=0).fit(rows[:30]).partial_fit(rows[30:])
    assert np.array_equal(sampler.sample(50), PMFSampler(4, bounds=(0, 4), random_state=0).fit(rows).sample(50))
    with pytest.raises(ValueError, match="latents of batch 1 must be int64, like the first batch; got float64"):
        BootstrapSampler().fit(iter([rows, rows.astype(float)]))


def test_a_dataset_of_torch_is_its_loader():
    torch = pytest.importorskip("torch")
    rows = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    labels = np.arange(60) % 2
    expected = PMFSampler(4, random_state=0).fit(rows, labels)
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(rows), torch.from_numpy(labels))
    found = PMFSampler(4, random_state=0).fit(dataset)
    assert found.classes_.tolist() == [0, 1]
    assert np.array_equal(np.asarray(found.sample(40, y=1)), expected.sample(40, y=1))
    alone = BootstrapSampler(random_state=0).fit(torch.utils.data.TensorDataset(torch.from_numpy(rows)))
    assert np.array_equal(np.asarray(alone.sample(40)), BootstrapSampler(random_state=0).fit(rows).sample(40))


def test_paths_in_a_list_are_read_or_named(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 3))
    paths = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for path, some in zip(paths, np.split(rows, 2), strict=True):
        np.save(path, some)
    sampler = PMFSampler(4, random_state=0).fit(paths)
    assert np.array_equal(sampler.sample(50), PMFSampler(4, random_state=0).fit(rows).sample(50))
    with pytest.raises(TypeError, match=r"got a list of paths: pass vicinal.array_files.read_dataset"):
        sampler.score_samples(paths)
