"""``vicinal info``: what a file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def info(path: Annotated[Path, typer.Argument(help="A file written by vicinal.")]) -> None:
    """Say what a file holds; its checksum is verified."""
    from vicinal import storage

    artifact = storage.read(path)
    settings = {k: v for key in ("params", "scalars", "card") for k, v in artifact.header.get(key, {}).items()}
    lines = {
        "kind": artifact.kind,
        "written by": f"vicinal {artifact.written_by}",
        "size": f"{path.stat().st_size:,} bytes",
        **{key: artifact.header[key] for key in ("event_shape", "dtype") if key in artifact.header},
        **settings,
        **{name: f"{array.dtype} {array.shape}" for name, array in artifact.arrays.items()},
    }
    width = max(map(len, lines))
    typer.echo("\n".join(f"{name:<{width}}  {value}" for name, value in lines.items()))
