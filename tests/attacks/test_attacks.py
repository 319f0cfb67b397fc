"""Every promise has an attack that tries to break it. Here each runs small, and in full in the slow tier."""

import os
import sys

import command_line
import determinism
import files
import fuzz
import killed
import opening
import processes
import pytest
import soak
import stopped
import surroundings

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and limits"),
    pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="too slow without the compiler"),
]
ATTACKS = [files, fuzz, opening, killed, stopped, command_line, processes, determinism, surroundings, soak]
NAMES = [each.__name__ for each in ATTACKS]


def check(counts):
    faults = counts.silent + counts.foreign + counts.crashed + counts.hung
    assert counts.tried
    assert not faults, "\n".join([f"{faults} of {counts.tried}", *counts.faults])


@pytest.mark.parametrize("module", ATTACKS, ids=NAMES)
def test_in_small(module):
    check(module.attack(full=False))


@pytest.mark.slow(reason="minutes each, an hour together: `make attack` runs them with figures")
@pytest.mark.parametrize("module", ATTACKS, ids=NAMES)
def test_in_full(module):
    check(module.attack(full=True))
