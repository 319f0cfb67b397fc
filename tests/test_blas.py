"""The threads of matrix products."""

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from vicinal import _blas


def n_threads():
    """Return the numbers of threads of the BLAS libraries."""
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_one_thread_within_and_as_many_as_before_afterwards():
    np.eye(2) @ np.eye(2)
    for before in (2, 3):  # the libraries are looked for once
        with threadpool_limits(before, user_api="blas"):
            with _blas.one_thread():
                assert 1 in n_threads()
            assert n_threads() == {before}
