"""The sentence on top of a table: no copy wins, and an autoencoder that has learned nothing has no winner."""

import numpy as np
import pytest

from vicinal import evaluate
from vicinal.evaluation import RECONSTRUCTIONS, Scores
from vicinal.evaluation.verdict import mark, verdict


def row(name, distance, *, p=0.5, **more):
    return {"name": name, "reference": False, "n": 9, "frechet_distance": distance, "novelty_p": p, **more}


def rebuilt(**more):
    return {"name": RECONSTRUCTIONS, "reference": True, "n": 9, "frechet_distance": 0.1, **more}


def runs(name, values, **more):
    mean = float(np.mean(values))
    return row(name, mean, runs={"frechet_distance": values}, nn_ratio=1.0, **more)


def test_copies_never_win():
    found = verdict(Scores([row("copies", 1.0, p=0.0, nn_ratio=0.0), row("new", 2.0, nn_ratio=1.0), row("bad", 9.0)]))
    assert found.best == "new"
    assert "copies" not in found.text


def test_a_clear_difference_has_its_interval():
    text = verdict(Scores([runs("a", [1.0, 1.1, 0.9]), runs("b", [3.0, 3.1, 2.9])])).text
    assert text.startswith(
        "a has the lowest Frechet distance of the 2 sets of samples that are new, 1.00, clearly: lower"
    )
    assert "lower by 2.000 [2.000, 2.000] (95 % interval) than b; it is as new as fresh data (nn ratio 1.00)." in text


def test_an_unclear_difference_is_called_so():
    found = verdict(Scores([runs("a", [1.0, 3.0, 2.0]), runs("b", [3.0, 1.5, 2.1])]))
    assert found.best == "a"
    assert ", but not clearly: lower by 0.2 [" in found.text


def test_one_run_may_be_chance():
    assert "1.50 of b, maybe by chance: one run has no interval" in verdict(Scores([row("a", 1.0), row("b", 1.5)])).text


@pytest.mark.parametrize(
    ("auc", "error", "is_said"), [(0.8, 0.01, True), (0.8, 0.2, False), (0.52, 0.001, False), (0.3, 0.01, False)]
)
def test_samples_that_give_members_away(auc, error, is_said):
    text = verdict(Scores([row("a", 1.0, membership_auc=auc, membership_auc_se=error)])).text
    assert ("gives away who was in the training data" in text) == is_said
    assert f"membership AUC {auc:.2f}" in text


def test_how_new():
    def said(ratio):
        return verdict(Scores([row("a", 1.0, nn_ratio=ratio)])).text

    assert "as new as fresh data (nn ratio 1.05)" in said(1.05)
    assert "not too near to the training data (nn ratio 0.80)" in said(0.8)
    assert "farther from the training data than fresh data (nn ratio 1.50)" in said(1.5)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (
            [rebuilt(held_out_mean_squared_error=0.095, mean_image_squared_error=0.1)],
            "hardly better than the mean image",
        ),
        ([rebuilt(recall=0.001)], "the reconstructions have no recall"),
    ],
)
def test_an_autoencoder_that_learned_nothing_has_no_verdict(more, reason):
    found = verdict(Scores([*more, row("a", 1.0), row("b", 2.0)]))
    assert found.best is None
    assert found.text.startswith("No verdict: ")
    assert reason in found.text
    assert "lowest" not in found.text


def test_a_good_autoencoder_has_one():
    good = rebuilt(held_out_mean_squared_error=0.01, mean_image_squared_error=0.1, recall=0.9)
    assert verdict(Scores([good, row("a", 1.0)])).best == "a"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "no Frechet distance was measured"),
        ([{**row("a", 1.0), "novelty_p": None}], "was not tested"),
        ([row("a", 1.0, p=0.001)], "every set of samples is too near to the training data"),
        ([{**row("a", 1.0), "frechet_distance": float("nan")}], "no Frechet distance was measured"),
    ],
)
def test_without_numbers_there_is_no_verdict(rows, reason):
    assert verdict(Scores(rows)) == (next(iter([verdict(Scores(rows)).text])), None)
    assert reason in verdict(Scores(rows)).text


def test_marks():
    assert mark(row("a", 1.0, p=0.001, nn_ratio=0.01)) == "copies"
    assert mark(row("a", 1.0, p=0.001, nn_ratio=0.6)) == "too near"
    assert mark(row("a", 1.0, p=0.02, nn_ratio=0.9)) == ""
    assert mark({"name": "a"}) == ""


def test_of_real_numbers():
    """Jittered training rows have the best distance, and fresh rows the verdict."""
    train, real, good = np.random.default_rng(0).normal(size=(3, 500, 4))
    scores = evaluate(real, {"fresh": good, "wide": 1.5 * good, "near": train + 0.01}, train=train)
    assert scores["near"]["frechet_distance"] < scores["fresh"]["frechet_distance"]
    assert verdict(scores).best == "fresh"


def test_in_a_notebook():
    rows = [row("a & <b>", 1.0, nn_ratio=1.0), row("near", 0.5, p=0.0, nn_ratio=0.7)]
    html = Scores(rows, ["A < note."], baseline="a & <b>")._repr_html_()
    assert "<p><b>a &amp; &lt;b&gt; is the only set of samples that is new" in html
    assert "<li>A &lt; note.</li>" in html
    assert html.count('<tr style="opacity: 0.6"><th scope="row" style="text-align: left">near (too near)</th>') == 2
    assert "lower is better" in html
    assert "against a &amp; &lt;b&gt;" in html
