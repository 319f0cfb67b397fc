"""``vicinal demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vicinal.cli.files import Force


def demo(
    out: Annotated[Path, typer.Option(help="Folder for report, scores, autoencoders and samplers.")],
    dataset: Annotated[str, typer.Option(help="digits (built in) or mnist.")] = "digits",
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the IDX files of mnist.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything.")] = 0,
    force: Force = False,
) -> None:
    """Train autoencoders on real images, turn them into generators, and write a report."""
    from vicinal.benchmark import run_demo

    report = run_demo(out, dataset=dataset, data_dir=data_dir, random_state=seed, force=force, show_progress=True)
    typer.echo(f"wrote {report}")
