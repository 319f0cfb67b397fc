"""What stands on the page, without a browser."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from vicinal import datasets, report
from vicinal.evaluation import RECONSTRUCTIONS, Scores
from vicinal.images import to_levels
from vicinal.report import Explorer, Section, Strip

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


class Tags(HTMLParser):
    """Every tag with its attributes, by name."""

    def __init__(self, text):
        super().__init__()
        self.found = {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.setdefault(tag, []).append(dict(attributes))


def written(path, *sections, **options):
    report.write(path / "report.html", "Title", "Lead.", sections, {"cores": "2"}, **options)
    return (path / "report.html").read_text(encoding="utf-8")


def strip():
    generator = np.random.default_rng(0)
    return Strip("A.", {name: generator.random((20, 1, 4, 4)) for name in ("samples", "decoded", "its image")})


def test_readers_who_cannot_see_are_told_everything(scores, explorer, tmp_path):
    tags = Tags(written(tmp_path, Section("AE", "Text.", scores, [strip()], explorer))).found
    assert tags["html"] == [{"lang": "en"}]
    assert {heading["scope"] for heading in tags["th"]} == {"col", "row"}
    assert len(tags["caption"]) == len(tags["table"]) == 2
    alts = [image["alt"] for image in tags["img"]]
    assert "good: 1.5 at 1.02" in alts[0]
    assert alts[1:] == [
        f"A. Above: samples. Below each: decoded, then its image. {n}" for n in ("1 to 8", "9 to 16", "17 to 20")
    ]
    regions = [tag for tag in tags["div"] if tag.get("role") == "region"]
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)
    assert tags["svg"][0]["tabindex"] == "0"


def test_the_verdict_is_on_top_and_names_no_copy(scores, tmp_path):
    html = written(tmp_path, Section("AE", "", scores), summary="All in all.")
    top = html.split("<h1>")[1].split("Lead.")[0]
    assert "All in all." in top
    assert "good has the lowest Frechet distance of the 2 sets of samples that are new" in top


def test_an_autoencoder_that_learned_nothing_is_said_on_top(tmp_path):
    rows = [
        {"name": RECONSTRUCTIONS, "reference": True, "n": 9, "frechet_distance": 5.0, "recall": 0.0},
        {"name": "a", "reference": False, "n": 9, "frechet_distance": 1.0, "nn_ratio": 1.0, "novelty_p": 0.5},
    ]
    html = written(tmp_path, Section("AE", "", Scores(rows)))
    assert '<p class="none">No verdict: the reconstructions have no recall' in html
    assert "lowest" not in html.split("<style>")[0] + html.split("<h1>")[1].split("<h2>")[0]


def test_rows_that_are_not_new_are_marked(scores, tmp_path):
    html = written(tmp_path, Section("AE", "", scores))
    rows = dict(re.findall(r'<tr class="([a-z ]+)"><th scope="row">([^<]*) <span class="mark">', html))
    assert rows == {"reference marked": "bootstrap copies", " marked": "near"}
    assert html.count('<span class="mark">too near</span>') == 2, "in both tables"
    assert "worse by 98.0" in html
    assert "-98.0" not in html


def test_every_column_is_in_the_glossary(scores, tmp_path):
    html = written(tmp_path, Section("AE", "", scores))
    glossary = html.split('<section id="glossary">')[1].split("</section>")[0]
    for column in scores.columns:
        assert f"<dt>{scores.heading(column).replace('<', '&lt;')}</dt>" in glossary
    assert "<em>Lower is better.</em>" in glossary


def test_names_cannot_break_out_of_the_page(explorer, tmp_path):
    bad = "</script><script>alert(1)</script>"
    rows = [{"name": bad, "reference": False, "n": 9, "frechet_distance": 1.0, "nn_ratio": 1.0, "novelty_p": 0.5}]
    sets = [{**each, "sampler": bad} for each in explorer.sets]
    section = Section(bad, bad, Scores(rows, [bad]), (), Explorer(sets, [bad], explorer.arrays))
    assert "alert(1)</script>" not in written(tmp_path, section).replace("\\u003c/script>", "")


def test_scores_without_novelty_have_a_page_without_a_plot(tmp_path):
    html = written(tmp_path, Section("AE", "", Scores([{"name": "a", "reference": False, "n": 9, "mmd": 1.0}])))
    assert "No verdict: no Frechet distance was measured." in html
    assert "<img" not in html


def test_an_explorer_comes_back_from_its_file(explorer, tmp_path):
    path = tmp_path / "e.safetensors"
    explorer.write(path, "key")
    again = Explorer.read(path)
    assert again.to_json() == explorer.to_json()
    assert Explorer.read(path, "another") is None
    assert Explorer.read(tmp_path / "none") is None
    path.write_bytes(path.read_bytes()[:-5])
    assert Explorer.read(path) is None, "it is not whole"


def test_a_report_of_mnist_has_at_most_two_megabytes(mnist_dir, explorer, scores, tmp_path):
    """As much as the demo shows of two autoencoders: 13 sets of 40 samples each, and 6 strips of 24."""
    images = datasets.load("mnist", data_dir=mnist_dir, split="test").images
    n, levels = 13 * 40, to_levels(images[:2000])
    generator = np.random.default_rng(0)
    arrays = {
        **{name: generator.integers(0, 10, n) for name in ("set", "class")},
        "ratio": generator.random(n),
        "images": levels[:n],
        "nearest": np.arange(n),
        "decoded": levels[n : 2 * n],
        "originals": levels[2 * n : 3 * n],
        "train-class": generator.integers(0, 10, 1500),
        **{f"{name}-train": generator.normal(size=(1500, 2)) for name in ("pca", "umap")},
        **{f"{name}-samples": generator.normal(size=(n, 2)) for name in ("pca", "umap")},
    }
    strips = [Strip("A.", {str(j): images[24 * (3 * i + j) :][:24] for j in range(3)}) for i in range(6)]
    sets = [each for each in explorer.sets for _ in range(4)]
    sections = [Section(name, "", scores, strips, Explorer(sets, explorer.classes, arrays)) for name in ("AE", "VAE")]
    assert len(written(tmp_path, *sections)) <= 2_000_000


def test_images_of_the_samples_stand_above_the_nearest_training_images(tmp_path):
    generator = np.random.default_rng(0)
    train = generator.integers(0, 256, (50, 8, 8, 3), dtype=np.uint8)
    samples = train[[7, 3]] // 2 + 64
    rows = [{"name": "a", "reference": False, "n": 2, "frechet_distance": 1.0}]
    kept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report.scored, "write", lambda *given: kept.append(given))
        report.write_scores(tmp_path / "r.html", Scores(rows), {"a": samples}, train=train)
        report.write_scores(tmp_path / "r.html", Scores(rows), {"a": np.zeros((9, 4, 8, 8))}, train=train)
        report.write_scores(tmp_path / "r.html", Scores(rows), {"a": np.zeros((9, 5))}, train=np.zeros((9, 5)))
    (of_images,), *others = [[section] for section in (given[3][0] for given in kept)]
    found = list(of_images.strips[0].rows.values())
    assert np.allclose(found[0], samples.transpose(0, 3, 1, 2) / 255)
    assert np.allclose(found[1], train[[7, 3]].transpose(0, 3, 1, 2) / 255)
    assert [section.strips for (section,) in others] == [[], []], "latents are no images"
