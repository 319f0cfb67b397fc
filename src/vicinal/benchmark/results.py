"""What a study has measured so far, in a folder; every file is whole after every step, and its order is fixed.

==================  ================================================================================================
``study.json``      the study, what its data are, and the machine
``results.jsonl``   a line for each datum: autoencoder, sampler and their seeds, metrics, versions
``timings.jsonl``   the seconds of each datum, apart: nothing else differs between two runs on one machine
``former/``         lines of an earlier state of the study; they come back with their settings
``models/``         the autoencoders, and checkpoints of trainings
``kept/``           latents, classifier, features of real images, and samplers that are still needed
``images/``         a few images of each row that the report shows, and what its reader can explore
``saved/``          the fitted samplers that the study wants saved
``report.html``     tables, plots and images; ``report.md`` and ``scores.json`` have the tables
==================  ================================================================================================
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vicinal import storage
from vicinal._errors import FileFormatError
from vicinal.report import slug

Row = dict[str, Any]

RESULTS, TIMINGS, FORMER = "results.jsonl", "timings.jsonl", "former"
DIGITS = 6  # that a file keeps of a number


class Datum(NamedTuple):
    """One line: a set of samples, or a reference row; ``key`` stands for all settings that it depends on."""

    autoencoder: str
    training_seed: int
    sampler: str
    sampling_seed: int
    key: str


class Results:
    """The lines of a study.

    Parameters
    ----------
    folder : Path
        Where the files are, or will be.
    planned : sequence of Datum
        The data of the study, in the order of the files. Other lines go to the folder ``former``.

    Raises
    ------
    FileFormatError
        If a file holds anything else.
    """

    def __init__(self, folder: Path, planned: Iterable[Datum]) -> None:
        self.folder, self.planned = folder, list(planned)
        self._former = {name: read(folder / FORMER / name) for name in (RESULTS, TIMINGS)}
        self._rows = {name: former | read(folder / name) for name, former in self._former.items()}

    def __contains__(self, datum: Datum) -> bool:
        """Tell whether a datum is known."""
        return datum in self._rows[RESULTS]

    @property
    def rows(self) -> list[Row]:
        """The lines that belong to the study, in order, with their timings."""
        results, timings = self._rows[RESULTS], self._rows[TIMINGS]
        return [{**timings.get(datum, {}), **results[datum]} for datum in self.planned if datum in results]

    @property
    def missing(self) -> list[Datum]:
        """The data that are still to be measured."""
        return [datum for datum in self.planned if datum not in self]

    def add(self, datum: Datum, found: Mapping[str, Any], seconds: Mapping[str, float]) -> None:
        """Add the values of a datum and the seconds it took, and write both files."""
        head = datum._asdict()
        self._rows[TIMINGS][datum] = {**head, **{name: float(f"{value:.3g}") for name, value in seconds.items()}}
        self._rows[RESULTS][datum] = {**head, **_rounded(found)}
        self.write()

    def write(self) -> None:
        """Write both files; lines that no longer belong to the study are first written to ``former``."""
        for name in (TIMINGS, RESULTS):  # a datum that counts as known has its timings
            self._write(name)

    def _write(self, name: str) -> None:
        rows, former, planned = self._rows[name], self._former[name], set(self.planned)
        left = {datum: row for datum, row in rows.items() if datum not in planned}
        if left.keys() - former.keys():
            (self.folder / FORMER).mkdir(exist_ok=True)
            former |= left  # it keeps what comes back, so that no line is ever in no file
            _write(self.folder / FORMER / name, former.values())
        _write(self.folder / name, [rows[datum] for datum in self.planned if datum in rows])


def explorer_file(folder: Path, autoencoder: str) -> Path:
    """Return where the folder of a study keeps what a reader of its report can explore."""
    return folder / "images" / f"{slug(autoencoder)}-explorer.safetensors"


def key_of(*settings: Any) -> str:
    """Return a short text that differs wherever the settings do, JSON-able objects."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if value == value else None
    if isinstance(value, Mapping):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def _write(path: Path, rows: Iterable[Row]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    storage.write_atomic(path, text.encode())


def read(path: Path) -> dict[Datum, Row]:
    """Return the lines of a file, none if it is not there."""
    if not path.exists():
        return {}
    rows = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = json.loads(line)
            rows[Datum(*(row[name] for name in Datum._fields))] = row
        except (ValueError, KeyError, TypeError):
            raise FileFormatError(f"{path} is damaged in line {number}; remove that line, and run again") from None
    return rows
