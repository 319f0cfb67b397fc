"""The report of a study: tables that keep references and novelty in sight, in one file."""

import dataclasses
import re

import numpy as np
import pytest

import vicinal
from vicinal import report, storage
from vicinal.benchmark import Study, page, sentences
from vicinal.benchmark.tables import COPIES
from vicinal.benchmark.tables import tables as tables_of
from vicinal.evaluation import BOOTSTRAP, REAL, RECONSTRUCTIONS

NOT_FID = "Frechet distance in features of: pixels; it is not FID."


@pytest.fixture(scope="module")
def study(measured):
    return Study.read(measured)


@pytest.fixture(scope="module")
def trusted(study):
    """Return the study as if its autoencoders, which saw the images once, had learned something."""
    better = {"recall": 0.5, "held_out_mean_squared_error": 0.01}
    rows = [{**row, **better} if row["sampler"] == RECONSTRUCTIONS else row for row in study.rows]
    return Study(study.config, study.facts, study.machine, rows)


@pytest.fixture(scope="module")
def html(measured):
    return (measured / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tables(study):
    """Return the tables by title."""
    return {table.title: table for table in tables_of(study)}


def rows(table):
    return {row[0]: row[1:] for row in table.cells[1:]}


def test_the_page_follows_from_the_lines(study, measured):
    assert page.markdown(study).encode() == (measured / "report.md").read_bytes()


def test_references_and_novelty_are_there(study, tables):
    assert {BOOTSTRAP, RECONSTRUCTIONS, REAL} < rows(tables["Frechet distance to held-out images"]).keys()
    novelty = rows(tables["Novelty: nn ratio"])
    assert novelty[BOOTSTRAP] == ["0.00 ± 0.00"] * 2
    assert novelty[REAL] == ["1.00 ± 0.00"] * 2
    assert {BOOTSTRAP, REAL} < rows(tables["W2 between samples and held-out latents"]).keys()
    assert BOOTSTRAP in rows(tables["Frechet distance to decoded held-out latents"])
    for table in tables.values():
        present = {row[0] for row in table.cells[1:]} & {BOOTSTRAP, RECONSTRUCTIONS, REAL}
        assert present <= set(table.references)


def test_every_row_has_a_cell_of_each_column(tables):
    for table in tables.values():
        assert len({len(row) for row in table.cells}) == 1, table.title


def test_numbers_are_those_of_the_study(study, tables):
    found = rows(tables["Frechet distance to held-out images"])
    for sampler in ("Gaussian", "GMM"):
        for name, cell in zip(study.autoencoders, found[sampler], strict=True):
            mean, error = map(float, cell.rstrip(f" {COPIES}").split(" ± "))
            estimate = study.estimate(name, sampler, "frechet_distance")
            assert mean == pytest.approx(estimate.mean, rel=0.006)
            assert error == pytest.approx(estimate.error, rel=0.006, abs=0.006)
    assert found["prior"][0] == "-", "it was not measured on the autoencoder"
    assert "too many" not in found, "it was not measured at all"


def test_frechet_distances_are_not_called_fid(study, tables):
    of_distances = [table for title, table in tables.items() if "Frechet" in title or title.startswith("Against")]
    assert len(of_distances) == 3
    for table in of_distances:
        assert NOT_FID in " ".join(table.notes), table.title
    assert NOT_FID in sentences.introduction(study)
    assert "FID" not in page.markdown(study).replace("it is not FID", "")


def test_only_fid_is_called_fid(study):
    facts = study.facts | {"distance": "FID", "features": "Inception-2015"}
    text = page.markdown(Study(study.config, facts, study.machine, study.rows))
    assert "not FID" not in text
    assert "Frechet" not in text
    assert text.count("FID in features of Inception-2015.") >= 3
    assert "### FID to held-out images" in text


def test_copies_are_marked_wherever_a_distance_is(study, tables):
    n_marks = 0
    for title, metric in {
        "Frechet distance to held-out images": "frechet_distance",
        "W2 between samples and held-out latents": "wasserstein_distance",
        "Frechet distance to decoded held-out latents": "frechet_to_reconstructions",
    }.items():
        for sampler, cells in rows(tables[title]).items():
            for name, cell in zip(study.autoencoders, cells, strict=True):
                if study.estimate(name, sampler, metric) is None:
                    assert cell == "-"
                    continue
                has_mark = study.is_new(name, sampler) is False
                assert cell.endswith(COPIES) == has_mark
                n_marks += has_mark
        assert any(COPIES in note and "fails the novelty test" in note for note in tables[title].notes)
    assert n_marks >= 3 * 2 * 2, "bootstrap copies and a sampler that makes copies, on both autoencoders"


def test_places_are_of_samplers_that_are_new(trusted):
    tables = {table.title: table for table in tables_of(trusted)}
    found = rows(tables["Ranks at the novelty of fresh data"])
    assert BOOTSTRAP not in found
    assert "PMF, 3000 bins" not in found
    for column, name in enumerate(trusted.autoencoders):
        places = {sampler: cells[column] for sampler, cells in found.items() if cells[column] != "-"}
        assert sorted(places, key=lambda sampler: int(places[sampler])) == trusted.ranking(name)


def test_against_the_baseline(study, tables):
    found = rows(tables["Against Gaussian"])
    assert "Gaussian" not in found
    for sampler, cells in found.items():
        for name, cell in zip(study.autoencoders, cells, strict=True):
            verdict = study.verdict(name, sampler, "Gaussian")
            if verdict is None:
                assert cell == "-"
                continue
            assert cell.startswith(verdict.word)
            assert cell.endswith(f"({verdict.ratio:.2f} / {verdict.other_ratio:.2f})")
            assert ("[" in cell) == (verdict.word != "not compared")


def test_without_a_baseline_there_is_no_comparison(study):
    config = dataclasses.replace(study.config, baseline=None)
    titles = [table.title for table in tables_of(Study(config, study.facts, study.machine, study.rows))]
    assert not [title for title in titles if title.startswith("Against") or not title]


def test_conclusions_praise_no_copier(trusted):
    assert "PMF, auto against GMM: " in sentences.conclusions(trusted)[0]
    ranked = [trusted.ranking(name) for name in trusted.autoencoders]
    first = [ranks[0] for ranks in ranked if ranks]  # of models as small as these one may have none
    assert first
    last = sentences.conclusions(trusted)[-1]
    assert last.endswith(f" of {len(first)}.")
    assert last.startswith("Lowest distance of the samplers that pass the novelty test: ")
    for name in set(first):
        assert f"{name} on {first.count(name)}" in last
    assert "3000 bins" not in " ".join(sentences.conclusions(trusted))


def a_duel(study, gains, p_value):
    """Return the first sentence for a PMF sampler that is better by so much on each autoencoder."""
    found = []
    for name, gain in zip(study.autoencoders, gains, strict=True):
        for sampler, distance, p in (("PMF, auto", 5 - gain, p_value), ("GMM", 5.0, 1.0), (BOOTSTRAP, 4.0, 0.0)):
            row = {"autoencoder": name, "sampler": sampler, "training_seed": 0, "frechet_distance": distance}
            found += [{**row, "n": 60, "nn_ratio": 1.0, "novelty_p": p, "sampling_seed": i} for i in (0, 1)]
    return sentences.conclusions(Study(study.config, study.facts, study.machine, found))[0]


def test_a_conclusion_counts(study):
    text = a_duel(study, (1.0, -2.0), 1.0)
    assert "lower distance on 1 of 2 autoencoders, clearly on 1, clearly higher on 1" in text
    assert "nn ratios 1.00 against 1.00" in text
    assert re.search(r"lower by 1\.0+ \[.*\] \(AE\) at best, higher by 2\.0+ \[.*\] \(Vamp\) at worst\.", text)
    copier = a_duel(study, (1.0, 2.0), 0.001)
    assert copier == "PMF, auto against GMM: not compared, since not both pass the novelty test."


def test_a_study_without_the_novelty_test_says_so(trusted):
    rows = [
        {name: value for name, value in row.items() if name not in ("novelty_p", "replicates")} for row in trusted.rows
    ]
    old = Study(trusted.config, trusted.facts, trusted.machine, rows)
    assert sentences.NOT_TESTED in sentences.introduction(old)
    assert sentences.conclusions(old) == []
    found = {table.title: table for table in tables_of(old)}
    assert "Ranks at the novelty of fresh data" not in found
    assert COPIES not in page.markdown(old)
    against = found["Against Gaussian"]
    assert not re.search("better|worse|compared", " ".join(cell for row in against.cells for cell in row))
    assert any("leaves out the chance of which rows were held out" in note for note in against.notes)


def test_the_report_is_one_self_contained_file(html, study):
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    assert not re.search(r"https?://|url\(|@import|<script[^>]+src|<link|\bfetch\(|XMLHttpRequest", html)
    n_plots, n_strips, n_pictures = 2, 7, 3  # of 20 images, 8 beside each other
    assert html.count('src="data:image/png;base64,') == n_plots + n_strips * n_pictures
    for table in tables_of(study):
        assert f"<h2>{table.title}</h2>" in html
    for name in study.autoencoders:
        assert f"<h2>{name}</h2>" in html
    for row in re.findall(f'<tr class="([a-z ]*)"><th scope="row">{BOOTSTRAP}(.*?)</th>', html):
        assert row in (("reference", ""), ("reference marked", ' <span class="mark">copies</span>'))
    assert '<tr class=" marked"><th scope="row">PMF, 3000 bins <span class="mark">' in html
    assert study.machine["processor"] in html


def test_tables_of_one_autoencoder_say_what_the_distance_is(html, study):
    for name in study.autoencoders:
        section = html.split(f"<h2>{name}</h2>")[1].split("</section>")[0]
        assert "Frechet distance ↓" in section
        assert "it is not FID" in section


def sections(study, folder, monkeypatch):
    """Return what the page hands over to be written, by autoencoder."""
    found = {}
    monkeypatch.setattr(report, "write", lambda *given, **_: found.update((each.title, each) for each in given[3]))
    page.write(study, folder)
    return found


def test_images(study, measured, tmp_path, monkeypatch):
    monkeypatch.setattr(page.storage, "write_atomic", lambda *_: None)
    found = sections(study, measured, monkeypatch)
    assert [strip.caption.split(" (")[0] for strip in found["AE"].strips[1:]] == ["PMF, auto", BOOTSTRAP]
    assert len(found["Vamp"].strips) == 4
    rebuilt, pmf, copies = found["AE"].strips
    assert rebuilt.caption == "Reconstructions."
    assert list(rebuilt.rows) == ["held-out images", "their reconstructions"]
    bins = study.chosen("AE", "PMF, auto", "n_bins")[0]
    assert f", bins {bins:.3g})." in pmf.caption
    assert "nn ratio 0.00" in copies.caption
    samples, decoded, originals = copies.rows.values()
    assert samples.shape == decoded.shape == originals.shape == (20, 1, 8, 8)
    assert np.array_equal(samples, decoded), "a copy of a latent is its own nearest training latent"
    assert 0 <= originals.min() < originals.max() <= 1


def test_decoded_and_original_are_of_one_training_image(study, measured, monkeypatch):
    """Below a sample stands the image that the model makes of the training image below that."""
    model = vicinal.load(measured / "models" / "ae-0.safetensors")
    monkeypatch.setattr(page.storage, "write_atomic", lambda *_: None)
    _, decoded, originals = sections(study, measured, monkeypatch)["AE"].strips[1].rows.values()
    again = vicinal.decode(model, vicinal.encode(model, originals))
    assert np.abs(again - decoded).max() < 0.5 / 255 + 1e-3


def test_images_of_an_earlier_version_have_no_decoded_latents(study, measured, tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    kept = storage.read_array(measured / "images" / "ae-pmf-auto.npy")
    storage.write_array(tmp_path / "images" / "ae-pmf-auto.npy", kept[::2])
    monkeypatch.setattr(page.storage, "write_atomic", lambda *_: None)
    (strip,) = sections(study, tmp_path, monkeypatch)["AE"].strips
    assert list(strip.rows) == ["samples", "its training image"]


def test_training_images_that_were_kept_are_not_shown_any_more(study, measured, monkeypatch):
    """The images are of a run that was allowed to show them."""
    monkeypatch.setattr(page.storage, "write_atomic", lambda *_: None)
    config = dataclasses.replace(study.config, show_training_images=False)
    found = sections(Study(config, study.facts, study.machine, study.rows), measured, monkeypatch)
    strips = [strip for section in found.values() for strip in section.strips]
    assert len(strips) == 7
    for strip in strips:
        assert list(strip.rows) in (["samples"], ["their reconstructions"])


def test_an_unfinished_study_has_a_page(study):
    """Of the second autoencoder there are only a few lines."""
    few = [row for row in study.rows if row["autoencoder"] == "AE" or row["sampler"] in (REAL, RECONSTRUCTIONS)]
    part = Study(study.config, study.facts, study.machine, few)
    assert part.autoencoders == ["AE"]
    assert tables_of(part)[0].cells[0] == ["", "AE"]
    assert "Vamp" not in page.markdown(part)


def test_an_autoencoder_that_learned_nothing_is_not_ranked(trusted):
    """Not in the tables, not in the conclusions, and not against the baseline."""
    rows = [dict(row) for row in trusted.rows]
    for row in rows:
        if row["autoencoder"] == "AE" and row["sampler"] == RECONSTRUCTIONS:
            row["held_out_mean_squared_error"] = row["mean_image_squared_error"] * 0.95
    doubtful = Study(trusted.config, trusted.facts, trusted.machine, rows)
    assert trusted.doubt("AE") is None
    assert trusted.ranking("AE")
    assert doubtful.ranking("AE") == []
    assert doubtful.ranking("Vamp") == trusted.ranking("Vamp")
    against = {table.title: rows for table in tables_of(doubtful) for rows in [table.cells]}["Against Gaussian"]
    assert all(cells[1].startswith(("not compared", "-")) for cells in against[1:])
    said = sentences.conclusions(doubtful)
    assert said[0].startswith("No verdict on AE: the autoencoder reconstructs hardly better than the mean image")
    assert "(AE)" not in " ".join(said[1:])


def test_what_the_numbers_rest_on(study):
    text = sentences.introduction(study)
    assert "1,198 training and 599 held-out images of 1 x 8 x 8" in text
    assert "2 latent dimensions, 4 channels in the first stage, 1 epochs" in text
    assert "1 training of each autoencoder, 2 samplings of each sampler, 60 samples" in text
    assert "At most 50 rows" in text


def test_the_summary_counts_who_is_first_and_how_clearly(study):
    def found(gains, *, p_value=1.0):
        rows = []
        for name, gain in zip(study.autoencoders, gains, strict=True):
            for sampler, distance, p in (("PMF, auto", 5 - gain, p_value), ("GMM", 5.0, 1.0), (BOOTSTRAP, 4.0, 0.0)):
                row = {"autoencoder": name, "sampler": sampler, "training_seed": 0, "frechet_distance": distance}
                rows += [{**row, "n": 60, "nn_ratio": 1.0, "novelty_p": p, "sampling_seed": i} for i in (0, 1)]
        return sentences.summary(Study(study.config, study.facts, study.machine, rows))

    assert found((1.0, 2.0)).startswith(
        "PMF, auto has the lowest Frechet distance of the samplers that are new on 2 of 2 autoencoders, clearly lower "
        "than the next one on 2 of them (95 % intervals), with an nn ratio of 1.00"
    )
    assert found((1.0, 2.0), p_value=0.0).startswith("GMM has the lowest"), "copies are not ranked"
    assert "on 2 of 2 autoencoders, clearly lower than the next one on none of them" in found((1.0, 2.0), p_value=0.0)
