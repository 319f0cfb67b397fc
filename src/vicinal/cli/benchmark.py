"""``vicinal benchmark``: a study in a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vicinal.cli.features import Weights


def benchmark(
    config: Annotated[Path, typer.Argument(help="The study: a TOML file, see docs/benchmark.md.")],
    out: Annotated[Path, typer.Option(help="Folder of everything found; a run that was stopped there goes on.")],
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the files of the data set.")] = None,
    device: Annotated[str, typer.Option(help="Where networks train and run: cpu, cuda, ...")] = "cpu",
    weights: Weights = None,
) -> None:
    """Compare samplers over autoencoders and seeds; interrupted, the same command goes on."""
    from vicinal import storage

    storage.check_there(config, data_dir)
    from vicinal.benchmark import run

    places: dict[str, Any] = {"data_dir": data_dir, "device": device, "weights": weights}
    report = run(config, out, **places, show_progress=True)
    typer.echo(f"wrote {report}")
