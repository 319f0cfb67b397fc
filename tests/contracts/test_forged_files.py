"""A file made on purpose, with right checksums and senseless numbers, is refused, or gives finite samples."""

import copy
import re
import warnings

import numpy as np
import pytest

import vicinal
from vicinal import samplers, storage
from vicinal._errors import FileFormatError

ARRAYS = {
    "reversed": lambda a: a[::-1].copy(),
    "one row fewer": lambda a: a[:-1].copy(),
    "doubled": lambda a: np.concatenate([a, a]),
    "empty": lambda a: a[:0].copy(),
    "one side more": lambda a: a[None],
    "flat": lambda a: a.reshape(-1)[: a.size // 2].copy(),
    "negative": lambda a: (-a.astype(np.float64) - 1).astype(a.dtype if a.dtype.kind != "u" else np.int64),
    "huge": lambda a: np.full_like(a, np.finfo(a.dtype).max if a.dtype.kind == "f" else np.iinfo(a.dtype).max),
    "zero": np.zeros_like,
    "NaN": lambda a: np.full(a.shape, np.nan, a.dtype if a.dtype.kind == "f" else np.float32),
    "last beyond": lambda a: np.append(a.reshape(-1)[:-1], a.dtype.type(100)).reshape(a.shape),
    "booleans": lambda a: a.astype(bool),
    "float64": lambda a: a.astype(np.float64),
    "wide integers": lambda a: a.astype(np.int64) if np.isfinite(a).all() else a[:0],
}
NUMBERS = [None, -1, 0, 10**30, float("nan"), "x", [], {}]


def is_slow(kind):
    """Tell whether a sampler makes a network when it is loaded."""
    return kind in ("FlowSampler", "TwoStageSampler")


@pytest.fixture
def file(make_sampler, tmp_path):
    """Return a function that fits and saves a sampler, and gives what the file holds."""

    def saved(labelled):
        rng = np.random.default_rng(0)
        latents = rng.normal(size=(80, 3)).astype(np.float32)
        options = {"y": rng.integers(0, 3, 80)} if labelled and make_sampler.conditions else {}
        if labelled and make_sampler.weighs:
            options["sample_weight"] = rng.integers(1, 4, 80)
        make_sampler(3, random_state=0).fit(latents, **options).save(tmp_path / "good.safetensors")
        return storage.read(tmp_path / "good.safetensors")

    return saved


def check(kind, header, arrays):
    """Return why a file of such a content is refused; what it gives must be samples if it is not."""
    try:
        sampler = getattr(samplers, kind).from_artifact(storage.Artifact(kind, header, arrays, "0.2.0", 2))
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of values near the largest float
            samples = sampler.sample(200, random_state=0)
    except FileFormatError as error:
        return str(error)
    assert samples.shape == (200, *sampler.event_shape_)
    return ""


@pytest.mark.parametrize("labelled", [False, True])
def test_senseless_arrays(file, labelled):
    good = file(labelled)
    for name, array in good.arrays.items():
        for change in list(ARRAYS.values())[:: 4 if is_slow(good.kind) else 1]:
            arrays = dict(good.arrays) | {name: np.ascontiguousarray(change(array))}
            check(good.kind, good.header, arrays)
        lacking = {other: value for other, value in good.arrays.items() if other != name}
        refusal = check(good.kind, good.header, lacking)
        assert refusal or name in ("weights_", "class_counts_", "rows_"), name
    more = dict(good.arrays) | {"more_": np.zeros(3)}
    assert check(good.kind, good.header, more) or good.kind == "PMFSampler"


@pytest.mark.parametrize("labelled", [False, True])
def test_senseless_headers(file, labelled):
    good = file(labelled)

    def places(part, path=()):
        yield path
        if isinstance(part, dict):
            for key, value in part.items():
                yield from places(value, (*path, key))

    for place in places(good.header):
        for number in NUMBERS[:: 3 if is_slow(good.kind) else 1]:
            header = copy.deepcopy(good.header)
            if not place:
                header = number
            else:
                inner = header
                for key in place[:-1]:
                    inner = inner[key]
                inner[place[-1]] = number
            if isinstance(header, dict):
                check(good.kind, header, good.arrays)


def test_the_message_names_file_fault_and_remedy(tmp_path):
    path = tmp_path / "s.safetensors"
    vicinal.LocalSampler(8, scale=1.0).fit(np.random.default_rng(0).normal(size=(50, 3))).save(path)
    good = storage.read(path)
    arrays = dict(good.arrays) | {"cell_starts_": np.append(good.arrays["cell_starts_"][:-1], 5000)}
    storage.write(path, good.kind, good.header, arrays)
    wanted = f"{re.escape(str(path))} .*neighborhood_starts_ must ascend from 0 to 50; got 0 to 5000.*with save"
    with pytest.raises(FileFormatError, match=wanted):
        vicinal.load(path)
