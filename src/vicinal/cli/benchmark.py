"""``vicinal benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def benchmark(
    config: Annotated[Path, typer.Argument(help="The study: a TOML file, see docs/benchmark.md.")],
    out: Annotated[Path, typer.Option(help="Folder of everything found; a run that was stopped there goes on.")],
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the files of the data set.")] = None,
    device: Annotated[str, typer.Option(help="Where networks train and run: cpu, cuda, ...")] = "cpu",
    inception_weights: Annotated[Path | None, typer.Option(help="File of weights, for inception features.")] = None,
) -> None:
    """Compare samplers over autoencoders and seeds; interrupted, the same command goes on."""
    from vicinal import benchmark as study

    report = study.run(
        config,
        out,
        data_dir=data_dir,
        device=device,
        inception_weights=inception_weights,
        show_progress=True,
    )
    typer.echo(f"wrote {report}")
