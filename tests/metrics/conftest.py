"""What the tests of the metrics share."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def generator():
    return np.random.default_rng(0)
