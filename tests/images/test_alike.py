"""Images in unlike ranges, types and layouts are compared as one, or refused; latents are left alone."""

import numpy as np
import pytest

from vicinal.images import alike

GENERATOR = np.random.default_rng(0)
REAL, GENERATED = GENERATOR.random((2, 30, 3, 8, 7)).astype(np.float32)
GREY, MORE_GREY = REAL[:, :1], GENERATED[:, :1]


def deep(bits):
    return lambda x: np.rint(x * ((1 << bits) - 1)).astype(np.uint16)


def levels(x):
    return np.rint(x * 255).astype(np.uint8)


def last(x):
    return x.transpose(0, 2, 3, 1)


KINDS = {  # what is done to images in [0, 1], what is said of it, and the step between two of its values
    "as they are": (lambda x: x, "", 0.0),
    "float64": (lambda x: x.astype(np.float64), "", 0.0),
    "slightly beyond": (lambda x: 1.3 * x - 0.15, "", None),
    "8 bits": (levels, "", 1 / 255),
    "8 bits as int64": (lambda x: levels(x).astype(np.int64), "", 1 / 255),
    "8 bits as uint16": (lambda x: levels(x).astype(np.uint16), "", 1 / 255),
    "tanh": (lambda x: 2 * x - 1, "floats in [-1, 1] are read as [0, 1].", 1e-6),
    "tanh, slightly beyond": (lambda x: 2.2 * x - 1.1, "floats in [-1, 1] are read as [0, 1].", None),
    "mostly white tanh": (lambda x: np.where(x < 0.03, -1.0, 1.0), "floats in [-1, 1] are read as [0, 1].", None),
    "float levels": (lambda x: 255 * x, "floats in 0..255 are read as [0, 1].", 1e-6),
    "10 bits": (deep(10), "levels of 10 bits are read as [0, 1].", 1 / 1023),
    "12 bits": (deep(12), "levels of 12 bits are read as [0, 1].", 1 / 4095),
    "12 bits as int32": (lambda x: deep(12)(x).astype(np.int32), "levels of 12 bits are read as [0, 1].", 1 / 4095),
    "16 bits": (deep(16), "levels of 16 bits are read as [0, 1].", 1 / 65535),
}


def test_levels_among_each_other_are_not_copied():
    real, generated = levels(REAL), levels(GENERATED)
    for for_features in (False, True):
        sets, *_ = alike({"real": real, "generated": generated}, for_features=for_features)
        assert np.shares_memory(sets["real"], real)
        assert np.shares_memory(sets["generated"], generated)


def in_units(x):
    return x / 255.0 if x.dtype == np.uint8 else x


@pytest.mark.parametrize("for_features", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", ["as they are", "8 bits", "same"])
@pytest.mark.parametrize("swapped", [False, True])
def test_ranges(kind, other, swapped, for_features):
    change, said, step = KINDS[kind]
    change_other = change if other == "same" else KINDS[other][0]
    if swapped:
        change, change_other = change_other, change
    sets, _, notes = alike({"real": change_other(REAL), "generated": change(GENERATED)}, for_features=for_features)
    assert bool(notes) == bool(said)
    assert all(said in note for note in notes)
    for name, expected in {"real": REAL, "generated": GENERATED}.items():
        assert sets[name].dtype in (np.uint8, np.float32, np.float64)
        if step is not None:
            rounded = 1 / 255 if other == "8 bits" or sets[name].dtype == np.uint8 else 0.0
            assert np.abs(in_units(sets[name]) - expected).max() <= (step + rounded) / 2 + 1e-6


def test_bits_and_truth_values():
    bits = REAL > 0.5
    for x in (bits, bits.astype(np.uint8), bits.astype(np.int64)):
        sets, _, notes = alike({"real": REAL, "generated": x})
        assert np.array_equal(sets["generated"], bits.astype(np.float32))
        assert notes == ["generated: integers 0 and 1 are read as [0, 1]."]


REFUSED = {
    "normalised as for ImageNet": (REAL, (GENERATED - 0.45) / 0.22, "generated must be in a range of images, as real"),
    "the real ones normalised": ((REAL - 0.45) / 0.22, GENERATED, "real must be in a range of images, as generated"),
    "16 bits as floats": (REAL, 65535 * GENERATED, "got float32 from .* to 6.*e.04: map black to 0 and white to 1"),
    "signed integers": (REAL, (255 * GENERATED - 128).astype(np.int16), "got int16 from -127 to"),
    "12 bits among 16": (deep(16)(REAL), deep(12)(GENERATED), "levels of 16 bits in real, levels of 12 bits in gen"),
    "8 bits among 12": (deep(12)(REAL), levels(GENERATED).astype("u2"), "equally many in each set; got levels of 12"),
    "not a number": (REAL, np.where(GENERATED > 0.99, np.nan, GENERATED), "generated must be finite"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_told_is_refused(case):
    real, generated, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        alike({"real": real, "generated": generated})


LATENTS = {
    "rows": GENERATOR.normal(size=(2, 50, 16)),
    "rows of unlike spread": GENERATOR.normal(size=(2, 50, 16)) * [[[0.1]], [[99.0]]],
    "rows in the unit cube": GENERATOR.random((2, 50, 16)) * [[[1.0]], [[2.0]]],
    "tokens": GENERATOR.normal(size=(2, 50, 4, 16)),
    "maps": GENERATOR.normal(size=(2, 50, 4, 8, 8)),
    "maps of one channel": GENERATOR.normal(size=(2, 50, 1, 8, 8)),
    "maps of three channels": GENERATOR.normal(size=(2, 50, 3, 8, 8)) * [[[[[0.3]]]], [[[[0.6]]]]],
    "maps in the unit cube": GENERATOR.random((2, 50, 16, 4, 4)) * [[[[[1.0]]]], [[[[300.0]]]]],
    "counts and what is no count": (
        GENERATOR.integers(0, 40, (50, 16)).astype(np.uint8),
        GENERATOR.normal(size=(50, 16)),
    ),
    "codes": GENERATOR.integers(0, 512, (2, 50, 16)),
}


@pytest.mark.parametrize("kind", LATENTS)
def test_latents_are_left_alone(kind):
    real, generated = LATENTS[kind]
    sets, are_images, notes = alike({"real": real, "generated": generated})
    assert sets["real"] is real
    assert sets["generated"] is generated
    assert notes == []
    assert not are_images


def test_features_take_grey_images_as_rgb():
    sets, _, notes = alike({"real": GREY, "generated": RGB_OF_GREY}, for_features=True)
    assert np.array_equal(sets["real"], np.repeat(GREY, 3, axis=1))
    assert np.array_equal(sets["generated"], RGB_OF_GREY)
    assert notes == [f"real: {REPEATED}"]


@pytest.mark.parametrize(("kind", "said"), [("tanh", "generated in [-1, 1]"), ("float levels", "generated in 0..255")])
def test_flattened_floats_are_left_alone_with_a_note(kind, said):
    flat = KINDS[kind][0](GENERATED).reshape(30, -1)
    sets, are_images, (note,) = alike({"real": REAL.reshape(30, -1), "generated": flat})
    assert sets["generated"] is flat
    assert not are_images
    assert f"Rows are compared as they are: real in [0, 1], {said}." in note


def test_flattened_levels_against_units():
    sets, are_images, _ = alike({"real": levels(REAL).reshape(30, -1), "generated": GENERATED.reshape(30, -1)})
    assert are_images
    assert np.array_equal(sets["real"], levels(REAL).reshape(30, -1) / np.float32(255))
    assert np.array_equal(sets["generated"], GENERATED.reshape(30, -1))


def test_flattened_levels():
    sets, _, notes = alike({"real": deep(12)(REAL).reshape(30, -1), "generated": deep(12)(GENERATED).reshape(30, -1)})
    assert np.abs(sets["real"] - REAL.reshape(30, -1)).max() < 1 / 4095
    assert notes == ["real, generated: levels of 12 bits are read as [0, 1]."]


RGB_OF_GREY = np.repeat(MORE_GREY, 3, axis=1)
FIRST, LAST = "channels are moved first, as in real.", "channels are moved last, as in real."
STORED, REPEATED = "grey images stored as RGB are read as grey.", "grey images are read as RGB, as the others are."
LAYOUTS = {  # real, generated, what they become, what is said
    "both first": (REAL, GENERATED, REAL, GENERATED, []),
    "both last": (last(REAL), last(GENERATED), last(REAL), last(GENERATED), []),
    "last against first": (REAL, last(GENERATED), REAL, GENERATED, [f"generated: {FIRST}"]),
    "first against last": (last(REAL), GENERATED, last(REAL), last(GENERATED), [f"generated: {LAST}"]),
    "no channel axis": (GREY, MORE_GREY[:, 0], GREY, MORE_GREY, []),
    "no channel axis in the real ones": (GREY[:, 0], MORE_GREY, GREY[:, 0], MORE_GREY[:, 0], []),
    "no channel axis against last": (GREY[:, 0], last(MORE_GREY), GREY[:, 0], MORE_GREY[:, 0], []),
    "grey stored as RGB": (GREY, RGB_OF_GREY, GREY, MORE_GREY, [f"generated: {STORED}"]),
    "grey stored as RGB, last": (
        GREY,
        last(RGB_OF_GREY),
        GREY,
        MORE_GREY,
        [f"generated: {FIRST}", f"generated: {STORED}"],
    ),
    "the real ones stored as RGB": (np.repeat(GREY, 3, 1), MORE_GREY, GREY, MORE_GREY, [f"real: {STORED}"]),
    "stored as RGB, without axis": (GREY[:, 0], RGB_OF_GREY, GREY[:, 0], MORE_GREY[:, 0], [f"generated: {STORED}"]),
    "grey against colour": (REAL, MORE_GREY, REAL, RGB_OF_GREY, [f"generated: {REPEATED}"]),
    "colour against grey": (last(GREY), GENERATED, np.repeat(last(GREY), 3, 3), last(GENERATED), None),
    "small sides": (
        REAL[..., :3],
        last(GENERATED[..., :3]),
        REAL[..., :3],
        GENERATED[..., :3],
        [f"generated: {FIRST}"],
    ),
    "other sizes": (REAL, GENERATED[..., :6], REAL, GENERATED[..., :6], []),
}


@pytest.mark.parametrize("case", LAYOUTS)
@pytest.mark.parametrize("change", [lambda x: x, levels])
def test_layouts(case, change):
    real, generated, expected_real, expected, said = LAYOUTS[case]
    sets, _, notes = alike({"real": change(real), "generated": change(generated)})
    assert np.array_equal(sets["real"], change(expected_real))
    assert np.array_equal(sets["generated"], change(expected))
    assert said is None or notes == said


def test_more_than_two_sets():
    sets, _, notes = alike({"real": REAL, "a": levels(last(GENERATED)), "b": MORE_GREY, "train": deep(16)(REAL)})
    assert {array.shape[1:] for array in sets.values()} == {(3, 8, 7)}
    assert notes == [
        "train: levels of 16 bits are read as [0, 1].",
        "a: channels are moved first, as in real.",
        "b: grey images are read as RGB, as the others are.",
    ]


def test_mapped_images_keep_their_values(tmp_path):
    np.save(tmp_path / "a.npy", deep(16)(REAL))
    for mode in ("r", "c"):
        mapped = np.load(tmp_path / "a.npy", mmap_mode=mode)
        if mode == "c":
            mapped[0] = 65535
        sets, *_ = alike({"real": mapped, "generated": deep(16)(GENERATED)})
        assert mapped[0].max() == (65535 if mode == "c" else deep(16)(REAL[0]).max())
        assert np.abs(sets["real"][1:] - REAL[1:]).max() < 1e-4
        assert sets["real"][0].min() == pytest.approx(1.0 if mode == "c" else REAL[0].min(), abs=1e-4)
