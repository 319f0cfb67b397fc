"""Published statistics: validated, written and read as other programs do."""

import io
import pickle

import numpy as np
import pytest
from scipy import linalg

from vicinal import metrics
from vicinal._errors import FileFormatError
from vicinal.metrics import Moments, PixelFeatures, frechet_distance


@pytest.fixture
def rows():
    """Return two sets of dependent features, (200, 6) and (150, 6)."""
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(6, 6))
    return generator.normal(size=(200, 6)) @ mixing, generator.normal(size=(150, 6)) @ mixing.T + 1


def statistics(x):
    return x.mean(axis=0), np.cov(x, rowvar=False)


def oracle(a, b):
    """Return the distance as pytorch-fid takes it, from statistics alone."""
    (mean, covariance), (other_mean, other) = a, b
    root = linalg.sqrtm(covariance @ other)
    return np.sum((mean - other_mean) ** 2) + np.trace(covariance + other - 2 * root.real)


def test_the_distance_from_statistics_is_that_of_their_rows(rows):
    a, b = rows
    given = [Moments.from_statistics(*statistics(x)) for x in rows]
    expected = frechet_distance(a, b)
    assert oracle(statistics(a), statistics(b)) == pytest.approx(expected, rel=1e-9)
    for pair in (given, (a, given[1]), (given[0], b)):
        assert frechet_distance(*pair) == pytest.approx(expected, rel=1e-9)


def test_statistics_of_fewer_rows_than_features(rows):
    a, b = rows[0][:4], rows[1][:5]
    given = [Moments.from_statistics(*statistics(x)) for x in (a, b)]
    assert frechet_distance(*given) == pytest.approx(frechet_distance(a, b), rel=1e-6)


def test_statistics_of_a_known_number_of_rows_merge(rows):
    a, b = rows
    merged = Moments.from_statistics(*statistics(a), 200).merge(Moments().update(b))
    whole = np.concatenate(rows)
    assert merged.n_samples == 350
    np.testing.assert_allclose(merged.mean, whole.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(merged.covariance, np.cov(whole, rowvar=False), rtol=1e-10)
    added = Moments.from_statistics(*statistics(a), 200).update(b)
    np.testing.assert_allclose(added.covariance, merged.covariance, rtol=1e-12)
    np.testing.assert_allclose(added.factor @ added.factor.T, merged.covariance, rtol=1e-10, atol=1e-10)


def test_statistics_of_an_unknown_number_of_rows_do_not_merge(rows):
    unknown, known = Moments.from_statistics(*statistics(rows[0])), Moments().update(rows[1])
    before = known.covariance
    for pair in ((unknown, known), (known, unknown)):
        with pytest.raises(ValueError, match="unknown number of rows cannot be merged: pass n_samples"):
            pair[0].merge(pair[1])
    np.testing.assert_array_equal(known.covariance, before)
    copy = Moments().merge(unknown)
    assert copy.n_samples is None
    np.testing.assert_array_equal(copy.covariance, unknown.covariance)


def test_moments_of_other_features_do_not_merge(rows):
    first, second = Moments("a").update(rows[0]), Moments("b").update(rows[1])
    with pytest.raises(ValueError, match="other must be moments of a; got those of b"):
        first.merge(second)
    assert first.features == "a", "a refused merge must leave no trace"
    assert Moments("a").update(rows[0]).update(rows[1]).features == "a"
    assert Moments().update(rows[0]).merge(first).features is None, "features of one part are not those of both"
    assert Moments().merge(first).features == "a"


def test_a_file_keeps_the_bits(rows, tmp_path):
    path = tmp_path / "stats.npz"
    for moments in (
        Moments(PixelFeatures()).update(rows[0]),
        Moments.from_statistics(*statistics(rows[0]), features="mine"),
        Moments().update(rows[0][:3]),
    ):
        moments.save(path)
        found = Moments.load(path)
        np.testing.assert_array_equal(found.mean, moments.mean)
        np.testing.assert_array_equal(found.covariance, moments.covariance)
        for name in ("n_samples", "features", "frechet_name"):
            assert getattr(found, name) == getattr(moments, name)
    assert Moments(PixelFeatures()).features == PixelFeatures().fingerprint


def test_other_programs_read_our_files(rows, tmp_path):
    Moments().update(rows[0]).save(tmp_path / "stats.npz")
    with np.load(tmp_path / "stats.npz") as file:  # what pytorch-fid does
        mean, covariance = file["mu"][:], file["sigma"][:]
    assert mean.dtype == covariance.dtype == np.float64
    np.testing.assert_allclose(mean, rows[0].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(rows[0], rowvar=False), rtol=1e-10)


def test_we_read_the_files_of_others(rows, tmp_path):
    mean, covariance = statistics(rows[0])
    layouts = {
        "pytorch-fid and EDM": {"mu": mean, "sigma": covariance},
        "guided-diffusion": {
            "arr_0": np.zeros((4, 8, 8, 3), np.uint8),
            "mu": mean,
            "sigma": covariance,
            "mu_s": mean[:2],
            "sigma_s": covariance[:2, :2],
        },
        "TTUR, in float32": {"mu": mean.astype(np.float32), "sigma": covariance.astype(np.float32)},
    }
    for layout, arrays in layouts.items():
        np.savez_compressed(tmp_path / "stats.npz", **arrays)
        found = Moments.load(tmp_path / "stats.npz")
        np.testing.assert_allclose(found.mean, mean, rtol=1e-6, err_msg=layout)
        np.testing.assert_allclose(found.covariance, covariance, rtol=1e-6, atol=1e-6)
        assert (found.n_samples, found.features) == (None, None)


@pytest.mark.parametrize(
    ("mean", "covariance", "n_samples", "message"),
    [
        ([[0.0]], [[1.0]], None, r"mean must have shape \(d,\), one value a feature; got \(1, 1\)"),
        ([], np.zeros((0, 0)), None, "mean must have shape"),
        ([0.0, np.nan], np.eye(2), None, "mean must be finite"),
        ([0.0, 0.0], np.eye(3), None, r"covariance must have shape \(2, 2\), as mean has 2 values; got \(3, 3\)"),
        ([0.0, 0.0], [[1.0, np.inf], [0.0, 1.0]], None, "covariance must be finite"),
        (
            [0.0, 0.0],
            [[1.0, 0.5], [0.0, 1.0]],
            None,
            "must be symmetric; got values that differ by up to 0.5",
        ),
        ([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]], None, "covariance must be positive semi-definite"),
        ([0.0, 0.0], -np.eye(2), None, "covariance must be positive semi-definite"),
        ([0.0], [[1e95]], None, "covariance must be at most 1e.90 in magnitude"),
        ([0.0], [[1.0]], 1, "n_samples must be an integer at least 2; got 1"),
    ],
)
def test_what_is_no_mean_or_covariance_is_refused(mean, covariance, n_samples, message):
    with pytest.raises(ValueError, match=message):
        Moments.from_statistics(mean, covariance, n_samples)


def test_singular_and_zero_covariances_are_covariances():
    for covariance in (np.zeros((2, 2)), np.ones((2, 2)), np.diag([1.0, -1e-9])):
        assert frechet_distance(Moments.from_statistics([0, 0], covariance), [[0.0, 0.0]] * 2) == pytest.approx(
            np.trace(covariance), abs=1e-6
        )


def test_given_statistics_are_not_changed_by_their_owner(rows):
    mean, covariance = statistics(rows[0])
    moments = Moments.from_statistics(mean, covariance)
    mean += 1
    covariance *= 2
    np.testing.assert_allclose(moments.mean, rows[0].mean(axis=0))
    np.testing.assert_allclose(moments.covariance, np.cov(rows[0], rowvar=False))


def archive(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


WHOLE = archive(mu=np.zeros(40), sigma=np.eye(40))
HOSTILE = {
    "empty": (b"", "not a whole .npz archive"),
    "text": (b"mu,sigma\n", "not a whole .npz archive"),
    "cut": (WHOLE[:-40], "not a whole .npz archive"),
    "altered": (WHOLE.replace(np.float64(1).tobytes(), np.float64(2).tobytes(), 1), "not a whole .npz archive"),
    "pickle": (pickle.dumps({"mu": 0}), "never unpickled"),
    "objects": (archive(mu=np.zeros(2), sigma=np.array([{}, []], object)), "never unpickled"),
    "images": (archive(arr_0=np.zeros((2, 3))), "must hold the arrays mu and sigma; got arr_0: write statistics"),
    "none": (archive(), "must hold the arrays mu and sigma; got none"),
    "shapes": (archive(mu=np.zeros(2), sigma=np.eye(3)), r"holds no statistics .* covariance must have shape \(2, 2\)"),
    "text in mu": (archive(mu=np.array(["a"]), sigma=np.eye(1)), "holds no statistics .* mean must be numeric"),
    "number": (archive(mu=np.zeros(2), sigma=np.eye(2), n_samples=np.array([3, 4])), "n_samples must be one integer"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_files_that_are_no_statistics_are_refused(kind, tmp_path):
    content, message = HOSTILE[kind]
    (tmp_path / "stats.npz").write_bytes(content)
    with pytest.raises(FileFormatError, match=message) as caught:
        Moments.load(tmp_path / "stats.npz")
    assert "allow_pickle" not in str(caught.value)


def test_an_array_of_that_name_is_refused(tmp_path):
    np.save(tmp_path / "stats.npy", np.zeros(3))
    with pytest.raises(FileFormatError, match=r"is not an archive, but a .npy file: rename it"):
        Moments.load(tmp_path / "stats.npy")


def test_what_cannot_be_saved(tmp_path, rows):
    with pytest.raises(ValueError, match=r"path must end in .npz"):
        Moments().update(rows[0]).save(tmp_path / "stats.npy")
    with pytest.raises(ValueError, match="at least 2 rows of features; got 1"):
        Moments().update(rows[0][:1]).save(tmp_path / "stats.npz")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TypeError, match="features must be a FeatureExtractor or a fingerprint; got function"):
        metrics.Moments(lambda rows: rows)
