"""Every column of every table is explained."""

from vicinal.evaluation.catalogue import COLUMNS
from vicinal.evaluation.glossary import direction_of, entries, meaning_of
from vicinal.evaluation.scores import HEADINGS


def test_every_column_is_explained_in_one_sentence_or_two():
    for name in HEADINGS:
        meaning = meaning_of(name)
        assert meaning.endswith("."), name
        assert len(meaning.split()) < 40, name


def test_directions_are_those_of_the_catalogue():
    arrows = {"↓": "lower is better", "↑": "higher is better"}
    for name, heading in HEADINGS.items():
        for arrow, words in arrows.items():
            assert (arrow in heading) == (direction_of(name) == words), name
        if name in COLUMNS and COLUMNS[name].better == "reference":
            assert direction_of(name) == "good where it is as for real data"


def test_entries_keep_the_headings_of_a_table():
    found = entries([("frechet_distance", "FID ↓"), ("n", "n")])
    assert [entry.heading for entry in found] == ["FID ↓", "n"]
    assert found[1].direction == ""
