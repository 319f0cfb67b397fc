"""Sets that are given as statistics: what is taken of them, what is left out, and what is said."""

import numpy as np
import pytest

from vicinal import evaluate
from vicinal.evaluation import BOOTSTRAP, METRICS, REAL, RECONSTRUCTIONS
from vicinal.metrics import Moments, frechet_distance
from vicinal.metrics.features import FeatureExtractor, PixelFeatures


class Halves(FeatureExtractor):
    """The mean of the two halves of an image, and a name of its own."""

    name, frechet_name, fingerprint = "halves", "FID", "Halves 1"

    def _features(self, levels):
        return levels.reshape(len(levels), 2, -1).mean(axis=2) / 255


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 40, 4, 4), dtype=np.uint8)


@pytest.fixture
def latents():
    return np.random.default_rng(0).normal(size=(4, 300, 3))


def of(rows, features=None):
    return Moments(features).update(rows if features is None else features(rows))


def published(rows, **more):
    """Return statistics as pytorch-fid keeps them."""
    return Moments.from_statistics(rows.mean(axis=0), np.cov(rows, rowvar=False), **more)


def said(scores, text):
    return any(text in note for note in scores.notes)


def test_either_side_may_be_statistics(images):
    real, generated, _ = images
    features = Halves()
    expected = evaluate(real, generated, features=features)["generated"]["frechet_distance"]
    for pair in (
        (of(real, features), generated),
        (real, of(generated, features)),
        (of(real, features), of(generated, features)),
    ):
        scores = evaluate(*pair, features=features)
        assert scores["generated"]["frechet_distance"] == pytest.approx(expected, rel=1e-9)
        assert scores.columns == ["n", "frechet_distance"]
        assert scores["generated"]["n"] == 40
        assert scores.cells()[0][2] == "FID ↓"
        assert said(scores, "Left out: precision, recall, W2, variance.")
        assert not said(scores, "nan")


def test_statistics_alone_need_no_features(images):
    a, b = (of(each, Halves()) for each in images[:2])
    scores = evaluate(a, {"ours": b})
    assert scores["ours"]["frechet_distance"] == frechet_distance(a, b)
    assert scores.cells()[0][2] == "FID ↓", "both say that they are of these features"


@pytest.mark.parametrize("known", [(), ("real",), ("generated",)])
def test_statistics_of_unknown_origin_are_no_fid(images, known):
    sets = {}
    for name, rows in zip(("real", "generated"), images[:2], strict=True):
        features = Halves()(rows)
        sets[name] = Moments(Halves()).update(features) if name in known else published(features)
    scores = evaluate(sets["real"], sets["generated"])
    assert scores.cells()[0][2] == "Frechet distance ↓"
    unknown = ", ".join(name for name in sets if name not in known)
    assert said(scores, f"{unknown}: the statistics do not say which features they are of.")
    assert said(scores, f"{unknown}: the number of rows is not known.")


def test_an_unknown_number_of_rows_is_said_and_shown_as_missing(images):
    real, generated, _ = (Halves()(each) for each in images)
    scores = evaluate(published(real, n_samples=40), published(generated))
    assert scores["generated"]["n"] is None
    assert scores.cells()[1][1] == "-"
    assert said(scores, "Rows that the statistics were taken of: real 40.")
    assert scores.to_dict()["rows"][0]["n"] is None


def test_the_extractor_in_use_names_the_distance(images):
    scores = evaluate(published(Halves()(images[0])), images[1], features=Halves())
    assert scores.cells()[0][2] == "FID ↓"
    assert said(scores, "which features they are of. They are taken to be those of halves.")


def test_other_features_are_refused(images):
    pixels = of(images[0], PixelFeatures())
    with pytest.raises(ValueError, match="features and real must be of the same features; got Halves 1 and PixelFeat"):
        evaluate(pixels, images[1], features=Halves())
    with pytest.raises(ValueError, match="real and generated must be of the same features; got PixelFeatures 1"):
        evaluate(pixels, of(images[1], Halves()))


def test_numbers_of_features_must_agree(images):
    class Called(list):
        def __call__(self, rows):
            self.append(len(rows))
            return rows.reshape(len(rows), -1)[:, :5]

    unknown, features = published(Halves()(images[0])), Called()
    with pytest.raises(ValueError, match="real and generated must have equally many features; got 2 and 5: take both"):
        evaluate(unknown, images[1], features=features)
    assert sum(features) == 1, "features of all images are not taken in vain"
    with pytest.raises(ValueError, match="must have equally many features; got 2 and 3"):
        evaluate(unknown, published(np.random.default_rng(0).normal(size=(9, 3))))


def test_images_need_features(images):
    with pytest.raises(ValueError, match=r"features must be given: real holds statistics, of Halves 1, gen"):
        evaluate(of(images[0], Halves()), images[1])
    with pytest.raises(ValueError, match=r"features must be given: generated holds statistics, real holds"):
        evaluate(images[0], published(Halves()(images[1])))


def test_latents_are_their_own_features(latents):
    train, real, generated, seen = latents
    scores = evaluate(of(real), [of(generated), of(seen)], train=train, reconstructions=seen)
    assert [row["name"] for row in scores.rows] == [REAL, BOOTSTRAP, RECONSTRUCTIONS, "generated"]
    expected = evaluate(real, [generated, seen], train=train, reconstructions=seen)
    for row in scores.rows:
        same = expected[row["name"]]["frechet_distance"]
        assert row["frechet_distance"] == pytest.approx(same, rel=1e-9)
    assert scores["generated"]["frechet_distance_se"] > 0
    assert said(scores, "Left out: precision, recall, W2, variance, novelty.")


def test_rows_beside_statistics_have_all_their_columns(latents):
    train, real, ours, theirs = latents
    scores = evaluate(real, {"ours": ours, "theirs": of(theirs)}, train=train)
    alone = evaluate(real, ours, train=train)
    assert {name: scores["ours"][name] for name in alone["generated"] if name in METRICS} == {
        name: value for name, value in alone["generated"].items() if name in METRICS
    }
    assert set(scores["theirs"]) & set(METRICS) == {"frechet_distance"}
    assert scores["theirs"]["frechet_distance"] == pytest.approx(frechet_distance(real, theirs), rel=1e-9)
    assert scores.cells()[-1].count("-") > 5


def test_a_baseline_of_statistics_has_no_interval_of_rows(latents):
    _, real, ours, theirs = latents
    scores = evaluate(real, {"ours": ours, "theirs": of(theirs)}, baseline="theirs", metrics=["frechet_distance"])
    (difference,) = scores.versus("theirs")
    gain = scores["theirs"]["frechet_distance"] - scores["ours"]["frechet_distance"]
    assert difference == {"name": "ours", "frechet_distance": gain}


def test_what_cannot_be_taken_is_refused(latents):
    train, real, generated, _ = latents
    with pytest.raises(ValueError, match="metrics must name 'frechet_distance', all that can be taken of stat"):
        evaluate(of(real), generated, metrics=["precision"])
    for name in ("train", "reconstructions"):
        with pytest.raises(ValueError, match=f"{name} must be rows, not statistics"):
            evaluate(real, generated, **{name: of(train)})
    with pytest.raises(ValueError, match="real must be moments of at least 2 rows; got 0"):
        evaluate(Moments(), generated)
    with pytest.raises(ValueError, match="labels need rows in every set; got statistics"):
        evaluate(of(real), generated, real_labels=np.zeros(300, int), generated_labels=np.zeros(300, int))


def test_an_extractor_without_fingerprint_is_said(images):
    scores = evaluate(of(images[0], Halves()), images[1], features=Halves()._features)
    assert said(scores, "features= has no fingerprint")
    assert scores.cells()[0][2] == "Frechet distance ↓"
