"""The lines of a study: their order, their numbers and their keys."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from vicinal import storage
from vicinal._errors import FileFormatError
from vicinal.benchmark.results import Datum, Results, key_of, read
from vicinal.benchmark.runner import plan
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS

PLANNED = [Datum(a, t, s, i, f"{a}{t}{s}") for t in (0, 1) for a in ("A", "B") for s in ("x", "y") for i in (0, 1)]


def test_lines_stand_in_the_order_of_the_plan_however_they_came(tmp_path, lines):
    reference = None
    for seed in range(4):
        (tmp_path / str(seed)).mkdir()
        order = [PLANNED[i] for i in np.random.default_rng(seed).permutation(len(PLANNED))]
        for n, datum in enumerate(order):
            results = Results(tmp_path / str(seed), PLANNED)  # as after an interruption
            assert len(results.missing) == len(PLANNED) - n
            assert datum in results.missing
            results.add(datum, {"n": PLANNED.index(datum)}, {})
            assert datum in results
            assert datum in Results(tmp_path / str(seed), PLANNED)
        found = (tmp_path / str(seed) / "results.jsonl").read_bytes()
        reference = reference or found
        assert found == reference
    assert [row["n"] for row in lines(tmp_path / "0" / "results.jsonl")] == list(range(len(PLANNED)))
    assert [row["sampler"] for row in results.rows] == [datum.sampler for datum in PLANNED]
    assert results.missing == []


def test_numbers_have_six_digits_and_nan_is_null(tmp_path, lines):
    found = {
        "a": 123456.789,
        "b": np.float64(1e-7 / 3),
        "c": float("nan"),
        "n": 1234567,
        "chosen": {"n_bins": 17.123456789},
        "several": [0.1 + 0.2, 1],
        "failed": "no: 0.123456789",
    }
    Results(tmp_path, PLANNED).add(PLANNED[0], found, {"fit_seconds": 1.23456})
    (row,) = lines(tmp_path / "results.jsonl")
    assert row == {
        **PLANNED[0]._asdict(),
        "a": 123457.0,
        "b": 3.33333e-08,
        "c": None,
        "n": 1234567,
        "chosen": {"n_bins": 17.1235},
        "several": [0.3, 1],
        "failed": "no: 0.123456789",
    }
    assert "NaN" not in (tmp_path / "results.jsonl").read_text()
    assert lines(tmp_path / "timings.jsonl") == [{**PLANNED[0]._asdict(), "fit_seconds": 1.23}]


def test_what_counts_as_known_has_its_timings(tmp_path, monkeypatch):
    """Interrupted between the two files, the datum is still missing."""
    results, written = Results(tmp_path, PLANNED), []

    results.add(PLANNED[0], {}, {"fit_seconds": 1.0})
    write = storage.write_atomic

    def write_one(path, data):
        written.append(path.name)
        if len(written) == 2:
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(storage, "write_atomic", write_one)
    with pytest.raises(KeyboardInterrupt):
        results.add(PLANNED[1], {}, {"fit_seconds": 2.0})
    again = Results(tmp_path, PLANNED)
    assert again.missing == PLANNED[1:]
    assert again.rows == [{**PLANNED[0]._asdict(), "fit_seconds": 1.0}]


def test_seconds_stand_in_their_own_file(measured, lines):
    results, timings = lines(measured / "results.jsonl"), lines(measured / "timings.jsonl")
    assert not [name for row in results for name in row if "seconds" in name]
    assert [{name: row[name] for name in Datum._fields} for row in results] == [
        {name: row[name] for name in Datum._fields} for row in timings
    ]
    for row, result in zip(timings, results, strict=True):
        expected = {"score_seconds"}
        if row["sampler"] == RECONSTRUCTIONS:
            expected |= {"seconds_per_epoch", "training_seconds"}
        elif row["sampler"] != REAL:
            expected |= {"fit_seconds", "sample_seconds"}
        assert row.keys() - set(Datum._fields) == (set() if "failed" in result else expected)


@pytest.mark.parametrize(
    "damage",
    [b'{"autoencoder": "A", "train', b"", b"[1, 2]", b"7", b'{"autoencoder": "A"}', b"\xff\xfe"],
    ids=["cut", "empty", "list", "number", "keys", "bytes"],
)
@pytest.mark.parametrize("name", ["results.jsonl", "timings.jsonl", "former/results.jsonl"])
def test_damaged_lines_are_named(name, damage, tmp_path):
    results = Results(tmp_path, PLANNED[:3])
    for datum in PLANNED[:3]:
        results.add(datum, {"n": 1}, {})
    Results(tmp_path, PLANNED[3:]).write()
    Results(tmp_path, PLANNED[:3]).write()
    path = tmp_path / name
    found = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([found[0], damage, *found[2:]]))
    with pytest.raises(FileFormatError, match=rf"{name} is damaged in line 2; remove that line, and run again"):
        Results(tmp_path, PLANNED)
    path.write_bytes(b"\n".join([found[0], *found[2:]]))
    assert len(read(path)) == 2


def test_names_may_hold_any_letter(tmp_path):
    odd = [Datum("A\u2028B", 0, "x\x85\x0by", 0, "k"), Datum("Ä", 0, '"\\\n', 0, "k")]
    results = Results(tmp_path, odd)
    for datum in odd:
        results.add(datum, {"failed": "one\u2029two\r\nthree"}, {})
    assert Results(tmp_path, odd).missing == []
    assert Results(tmp_path, odd).rows == results.rows


def test_keys_tell_settings_apart():
    settings = [
        {},
        {"a": 1},
        {"a": 2},
        {"a": 1.5},
        {"b": 1},
        {"a": None},
        {"a": "1"},
        {"a": [1]},
        {"a": True},
        [],
        None,
    ]
    assert len({key_of(each) for each in settings}) == len(settings)
    assert key_of({"a": 1, "b": (2, 3)}) == key_of({"b": [2, 3], "a": 1}), "neither order nor kind of a list matters"
    assert key_of("a", "b") != key_of("ab")


def keys(config, fingerprints=("t", "h"), features=None):
    settings = config.features if features is None else features
    inputs = SimpleNamespace(config=config, fingerprints=fingerprints, feature_settings=settings)
    return {datum[:4]: datum.key for datum in plan(inputs)}


def test_whatever_numbers_depend_on_changes_their_keys(tiny):
    base, before = tiny(), keys(tiny())
    training = base.training
    changes = [
        {"n_samples": 61},
        {"n_samples": None},
        {"max_searched": 51},
        {"metrics": ("frechet_distance", "nn_ratio", "recall")},
        *({"training": {**training, name: value}} for name, value in
          {"latent_dim": 3, "width": 5, "n_epochs": 2, "batch_size": 400, "learning_rate": 1e-4}.items()),
        {"autoencoders": {"AE": {"objective": "vae"}}},
        {"autoencoders": {"AE": {"objective": "ae", "width": 8}}},
        {"features": {"name": "classifier"}},
    ]  # fmt: skip
    found = [keys(tiny(**change)) for change in changes]
    found += [
        keys(base, ("t", "other")),
        keys(base, ("other", "h")),
        keys(base, features={"name": "pixels", "weights": 1}),
    ]
    for where in before:
        assert len({where_keys[where] for where_keys in [before, *found]}) == 1 + len(found)


def test_a_key_is_of_one_sampler_and_training(tiny):
    before = keys(tiny(training_seeds=(0, 1)))
    assert len(set(before.values())) == 2 * (4 + 1), "references share one, seeds of sampling are no part of it"
    samplers = {**tiny().samplers, "PMF, 8 bins": {"sampler": "PMFSampler", "n_bins": 9}}
    after = keys(tiny(samplers=samplers, training_seeds=(0, 1)))
    assert {where[2] for where in before if after[where] != before[where]} == {"PMF, 8 bins"}


def test_what_does_not_change_numbers_changes_no_key(tiny):
    others = {**tiny().samplers, "more": {"sampler": "GaussianSampler", "covariance_type": "diag"}}
    config = tiny(
        title="Other",
        baseline="KDE",
        shown=("KDE", "more"),
        show_training_images=False,
        samplers={**others, "KDE": {"sampler": "KDESampler", "autoencoders": ["AE"]}},
        autoencoders={"VAE": {"objective": "vae"}, "AE": {"objective": "ae"}},
        sampling_seeds=(0, 2, 1),
        training_seeds=(3, 0),
    )
    assert keys(tiny()).items() <= keys(config).items()


def test_another_file_under_the_path_of_ones_own_autoencoder_is_another(tiny, tmp_path):
    config = tiny(autoencoders={"AE": {"objective": "ae"}, "Ours": {"path": "ours.safetensors"}}, folder=tmp_path)
    found = []
    for content in (b"ours", b"ours", b"other"):
        (tmp_path / "ours.safetensors").write_bytes(content)
        found.append(keys(config))
    assert found[0] == found[1]
    assert {where[0] for where in found[0] if found[0][where] != found[2][where]} == {"Ours"}


def test_the_plan(tiny, tmp_path):
    (tmp_path / "ours.safetensors").write_bytes(b"ours")
    config = tiny(
        folder=tmp_path,
        autoencoders={"AE": {"objective": "ae"}, "Ours": {"path": "ours.safetensors"}},
        samplers={"G": {"sampler": "GaussianSampler"}, "P": {"sampler": "PMFSampler", "autoencoders": ["Ours"]}},
        training_seeds=(4, 2),
        sampling_seeds=(1, 0),
    )

    def of(autoencoder, seed, *names):
        return [
            (autoencoder, seed, RECONSTRUCTIONS, 1),
            *((autoencoder, seed, name, i) for name in (REAL, BOOTSTRAP, *names) for i in (1, 0)),
        ]

    assert list(keys(config)) == of("AE", 4, "G") + of("Ours", 4, "G", "P") + of("AE", 2, "G")


def test_lines_are_json_of_one_line_each(measured):
    text = (measured / "results.jsonl").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    for line in text.splitlines():
        row = json.loads(line)
        assert list(row)[:5] == list(Datum._fields)
        assert {"vicinal", "numpy", "torch"} <= row["versions"].keys()
