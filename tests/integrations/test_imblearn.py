"""`VicinalOverSampler` in imbalanced-learn's interface."""

import warnings

import numpy as np
import pytest
from scipy import sparse

from vicinal._errors import LabelWarning
from vicinal.samplers import FlowSampler, PMFSampler

imblearn = pytest.importorskip("imblearn")

from imblearn.pipeline import make_pipeline  # noqa: E402
from imblearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import cross_val_score  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from vicinal.integrations.imblearn import VicinalOverSampler  # noqa: E402


@pytest.fixture
def classes():
    generator = np.random.default_rng(0)
    sizes = {"many": 200, "some": 60, "few": 25}
    X = np.concatenate([generator.normal(6 * i, 1, size=(n, 3)) for i, n in enumerate(sizes.values())])
    return X, np.repeat(list(sizes), list(sizes.values()))


CHECKS = parametrize_with_checks([VicinalOverSampler(random_state=0)])


@pytest.mark.parametrize(
    CHECKS.args[0],
    [(estimator, check) for estimator, check in CHECKS.args[1] if "pandas_sparse" not in str(check)],  # it is refused
    **CHECKS.kwargs,
)
def test_checks_of_imbalanced_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabelWarning)
        check(estimator)


@pytest.mark.parametrize("sampler", [None, PMFSampler(8)])
def test_classes_become_equal(classes, sampler):
    X, y = classes
    more, labels = VicinalOverSampler(sampler, random_state=0).fit_resample(X, y)
    assert np.array_equal(more[:285], X)
    assert np.array_equal(labels[:285], y)
    assert {name: int((labels == name).sum()) for name in set(y)} == {"many": 200, "some": 200, "few": 200}
    added = more[285:]
    for i, name in enumerate(["many", "some", "few"]):
        own = added[labels[285:] == name]
        assert (abs(own - 6 * i) < 5).all()
        assert len(np.unique(own, axis=0)) == len(own)
    assert not (added[:, None] == X[None]).all(axis=2).any()  # no copies
    assert np.array_equal(VicinalOverSampler(sampler, random_state=0).fit_resample(X, y)[0], more)
    assert not np.array_equal(VicinalOverSampler(sampler, random_state=1).fit_resample(X, y)[0], more)


def test_strategies(classes):
    X, y = classes
    _, labels = VicinalOverSampler(sampling_strategy={"few": 40}).fit_resample(X, y)
    assert (labels == "few").sum() == 40
    assert len(labels) == 300
    _, labels = VicinalOverSampler(sampling_strategy="minority").fit_resample(X, y)
    assert (labels == "few").sum() == 200
    assert (labels == "some").sum() == 60


def test_frames_keep_names_and_types(classes):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(classes[0], columns=["a", "b", "c"])
    more, labels = VicinalOverSampler(random_state=0).fit_resample(frame, pandas.Series(classes[1], name="kind"))
    assert more.columns.tolist() == ["a", "b", "c"]
    assert labels.name == "kind"
    assert len(more) == len(labels) == 600


def test_in_a_pipeline(classes):
    X, y = classes
    pipeline = make_pipeline(StandardScaler(), VicinalOverSampler(random_state=0), LogisticRegression())
    assert cross_val_score(pipeline, X, y, cv=3, scoring="balanced_accuracy").mean() > 0.99


def test_a_sampler_that_cannot_draw_within_classes(classes):
    with pytest.raises(ValueError, match="FlowSampler cannot draw within classes"):
        VicinalOverSampler(FlowSampler()).fit_resample(*classes)


def test_sparse_rows_are_refused(classes):
    with pytest.raises(TypeError, match="must be a dense array; got a sparse one"):
        VicinalOverSampler().fit_resample(sparse.csr_matrix(classes[0]), classes[1])


def test_a_class_of_one_row(classes):
    X, y = classes
    with pytest.warns(LabelWarning, match="1 of 4 classes in y have a single latent"):
        VicinalOverSampler(random_state=0).fit_resample(np.append(X, X[:1], axis=0), np.append(y, "one"))
