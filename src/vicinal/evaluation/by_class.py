r"""Quality within classes: what a mean over all classes hides, such as one class that fails.

With R_c and G_c the real and the generated rows of class c, in features, and K the number of classes

.. math:: \frac{1}{K} \sum_c D(R_c, G_c)

where D is the Frechet distance or the coverage. The first, of Inception features, is the intra-FID.

References
----------
T. Miyato, M. Koyama, "cGANs with projection discriminator", 2018, arXiv:1802.05637.
M. F. Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020, arXiv:2002.09797.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from vicinal import _arrays
from vicinal._arrays import Array
from vicinal._errors import InvalidInputError, InvalidTypeError
from vicinal.metrics import frechet_distance, neighborhoods
from vicinal.metrics.moments import Moments, moments_of

FRECHET, COVERAGE = "class_frechet_distance", "class_coverage"
N_NEIGHBORS = 5
FEWEST = N_NEIGHBORS + 1  # rows of a class in a set
_SHOWN = 5  # classes that a note names


class Labels(NamedTuple):
    """Classes that are compared, and the place of each row's class among them; -1 for a class that is left out."""

    classes: list[str]
    real: Array
    train: Array | None
    sets: dict[str, list[Array]]
    notes: list[str]


class Classes:
    """The real rows of each class, (n_c, d), and what the metrics need of them, once."""

    def __init__(self, rows: Any, places: Array, names: Sequence[str]) -> None:
        self.names = names
        self._rows = [rows[places == place] for place in range(len(names))]

    @cached_property
    def _moments(self) -> list[Moments]:
        return [moments_of(rows) for rows in self._rows]

    @cached_property
    def _radii(self) -> list[Array]:
        return [neighborhoods.radii(rows, N_NEIGHBORS, "real") for rows in self._rows]

    def compare(self, rows: Any, places: Array) -> dict[str, dict[str, float]]:
        """Return both metrics within each class, by the name of the class, of rows (m, d) and their places (m,)."""
        found: dict[str, dict[str, float]] = {FRECHET: {}, COVERAGE: {}}
        for place, name in enumerate(self.names):
            generated = rows[places == place]
            if len(generated) < FEWEST:
                raise InvalidInputError(f"class {name!r} has {len(generated)} rows there; at least {FEWEST} are needed")
            found[FRECHET][name] = frechet_distance(self._moments[place], moments_of(generated))
            relations = neighborhoods.relations(self._rows[place], generated, N_NEIGHBORS, self._radii[place])
            found[COVERAGE][name] = relations[1].coverage
        return found


def matched(
    real_labels: Any, generated_labels: Any, train_labels: Any, *, real: Any, train: Any, sets: Mapping[str, Any]
) -> Labels | None:
    """Return the labels of all sets, checked and matched by value; None if there are none.

    ``sets`` has the sets of samples by source. ``generated_labels`` has the structure of the samples.
    """
    if real_labels is None and generated_labels is None and train_labels is None:
        return None
    if real_labels is None or generated_labels is None:
        lacking = "real_labels" if real_labels is None else "generated_labels"
        raise InvalidInputError(f"{lacking} must be given too, one label for each row: quality is compared by class")
    if train_labels is not None and train is None:
        raise InvalidInputError("train_labels are those of train: pass train= too, or leave them out")
    if any(isinstance(each, Moments) for each in (real, *(rows for several in sets.values() for rows in several))):
        raise InvalidInputError("labels need rows in every set; got statistics: leave the labels out, or pass the rows")
    of_real = _values(real_labels, "real_labels", len(real))
    of_train = None if train_labels is None else _values(train_labels, "train_labels", len(train))
    of_sets = _of_sets(generated_labels, {name: list(map(len, several)) for name, several in sets.items()})
    _check_types({"real": [of_real], "train": [of_train or []], **of_sets})
    kept, notes = _kept(of_real, of_sets)
    place = {value: i for i, value in enumerate(kept)}

    def places(values: Sequence[Any]) -> Array:
        return np.array([place.get(value, -1) for value in values])

    return Labels(
        [str(value) for value in kept],
        places(of_real),
        None if of_train is None else places(of_train),
        {name: [places(values) for values in several] for name, several in of_sets.items()},
        notes,
    )


def _check_types(labels: Mapping[str, Sequence[Sequence[Any]]]) -> None:
    types = {name: {type(value) for values in several for value in values} for name, several in labels.items()}
    if len(set().union(*types.values())) > 1:
        listed = "; ".join(
            f"{name} {' and '.join(sorted(each.__name__ for each in found))}" for name, found in types.items() if found
        )
        raise InvalidTypeError(
            f"labels must be strings in all sets, or integers in all; got {listed}: convert them with str"
        )


def _of_sets(generated: Any, sizes: Mapping[str, Sequence[int]]) -> dict[str, list[list[Any]]]:
    """Return the labels of all sets of samples by source, as the samples are given."""
    by_name = generated if isinstance(generated, Mapping) else {"generated": generated}
    by_name = {str(name): labels for name, labels in by_name.items()}
    if by_name.keys() != sizes.keys():
        raise InvalidInputError(
            f"generated_labels must have the labels of {', '.join(sizes)}, by these names; got {', '.join(by_name)}"
        )
    found = {}
    for name, of_seeds in sizes.items():
        what = "generated_labels" if name == "generated" else f"generated_labels[{name!r}]"
        given = by_name[name]
        is_list = isinstance(given, list | tuple) and all(np.ndim(_arrays.to_numpy(each)) == 1 for each in given)
        several = list(given) if is_list else [given]
        if len(several) != len(of_seeds):
            raise InvalidInputError(
                f"{what} must be a list of {len(of_seeds)} arrays, one for each set; got {len(several)}"
            )
        found[name] = [_values(labels, what, size) for labels, size in zip(several, of_seeds, strict=True)]
    return found


def _values(labels: Any, what: str, n_rows: int) -> list[Any]:
    """Return one string or integer for each row."""
    try:
        array = np.asarray(_arrays.to_numpy(labels))
    except (ValueError, TypeError) as error:
        raise InvalidTypeError(f"{what} must be one label for each row ({error})") from None
    if array.shape != (n_rows,):
        raise InvalidInputError(f"{what} must have shape ({n_rows},), one label for each row; got {array.shape}")
    values: list[Any] = [int(value) if isinstance(value, bool) else value for value in array.tolist()]
    if not {type(value) for value in values} <= {int, str}:
        other = next(value for value in values if type(value) not in (int, str))
        raise InvalidTypeError(f"{what} must be strings or integers; got {other!r}: convert them with str")
    return values


def _kept(real: Sequence[Any], sets: Mapping[str, Sequence[Sequence[Any]]]) -> tuple[list[Any], list[str]]:
    """Return the classes with enough rows in all sets, in order, and notes on the others."""
    classes = sorted(set(real))
    counts = {name: [Counter(each) for each in several] for name, several in {"real": [real], **sets}.items()}
    notes = []
    for name, several in sets.items():
        present = set().union(*several)
        for owner, other, missing in (("real", name, set(classes) - present), (name, "real", present - set(classes))):
            if missing:
                notes.append(f"Classes of {owner} that {other} lacks are left out: {_listed(sorted(missing))}.")
    kept, few = [], []
    for value in classes:
        fewest = min((count[value], name) for name, several in counts.items() for count in several)
        if fewest[0] >= FEWEST:
            kept.append(value)
        elif fewest[0]:
            few.append(f"{value} ({fewest[0]} in {fewest[1]})")
    if few:
        notes.append(f"Classes with fewer than {FEWEST} rows in a set are left out: {_listed(few)}.")
    if not kept:
        raise InvalidInputError(
            f"labels must have a class with at least {FEWEST} rows in every set; got classes "
            f"{_listed(classes)} in real and {_listed(sorted(set().union(*(v for s in sets.values() for v in s))))} in "
            "generated: give both the same names of classes, and more rows"
        )
    return kept, notes


def _listed(values: Sequence[Any]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(map(str, values[:_SHOWN])) + more


def notes_of(labels: Labels, rows: Sequence[Mapping[str, Any]], n_features: int) -> list[str]:
    """Return notes on the classes: those left out, how few rows they have, and the worst of each source."""
    notes = list(labels.notes)
    every = [labels.real, *(places for several in labels.sets.values() for places in several)]
    fewest = min(int(np.count_nonzero(each == place)) for each in every for place in range(len(labels.classes)))
    if fewest <= n_features:
        notes.append(
            f"A class has as few as {fewest} rows of {n_features} features: the Frechet distance within classes is far "
            "too high then. Compare it at equal numbers of rows a class only."
        )
    worst = []
    for row in rows:
        if row["reference"] or "by_class" not in row:
            continue
        distances, coverages = row["by_class"][FRECHET], row["by_class"][COVERAGE]
        farthest, barest = max(distances, key=distances.__getitem__), min(coverages, key=coverages.__getitem__)
        worst.append(
            f"{row['name']}: {farthest} (Frechet distance {distances[farthest]:.3g}, mean {row[FRECHET]:.3g}) and "
            f"{barest} (coverage {coverages[barest]:.3f}, mean {row[COVERAGE]:.3f})"
        )
    if worst:
        notes.append(f"Worst of {len(labels.classes)} classes. {'; '.join(worst)}.")
    if labels.train is None and any(row["reference"] for row in rows):
        notes.append("Pass train_labels= to see what real data score within classes.")
    return notes


def mean_of(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the metrics within each class of several sets of samples as means; nothing if some set has none."""
    if not all("by_class" in run for run in runs):
        return {}
    first = runs[0]["by_class"]
    return {
        "by_class": {
            name: {each: float(np.mean([run["by_class"][name][each] for run in runs])) for each in values}
            for name, values in first.items()
        }
    }
