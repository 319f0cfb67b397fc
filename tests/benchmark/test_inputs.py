"""What a study starts from."""

import numpy as np

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
