"""What a study starts from."""

import numpy as np
import pytest

from vicinal.benchmark.inputs import Inputs


def test_settings_are_chosen_by_images_that_are_not_reported(tiny, tmp_path):
    """Both halves together are the held-out images, and no image is in both."""
    whole, halves = (Inputs(tiny(tuning=tuning), tmp_path, None, "cpu", None) for tuning in (False, True))
    assert len(whole.tuning) == 0
    assert 0 <= len(halves.held_out) - len(halves.tuning) <= 1

    def sorted_rows(*images):
        return np.sort([image.tobytes() for image in np.concatenate(images)])

    assert np.array_equal(sorted_rows(halves.tuning, halves.held_out), sorted_rows(whole.held_out))
    assert np.array_equal(halves.train.images, whole.train.images)


def test_other_weights_of_one_name_are_other_features(tiny, tmp_path):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 224}
    found = []
    for seed in (0, 1, 0):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = transformers.Dinov2Model(transformers.Dinov2Config(**size))
        network.save_pretrained(tmp_path / "tiny")  # one name, three times
        inputs = Inputs(tiny(features={"name": "dinov2", "batch_size": 7}), tmp_path, None, "cpu", tmp_path / "tiny")
        assert inputs.extractor.name == "DINOv2 (tiny)"
        found.append(inputs.feature_settings)
    assert found[0] == found[2] != found[1]
    assert Inputs(tiny(features={"name": "pixels"}), tmp_path, None, "cpu", None).feature_settings == {"name": "pixels"}
