"""``vicinal info``: what a file holds."""

from __future__ import annotations

from typing import Annotated

import typer


def info(
    path: Annotated[str, typer.Argument(help="A file or folder that vicinal saved, or hf://user/repo@revision.")],
) -> None:
    """Say what a file holds; its checksum is verified."""
    from vicinal import storage
    from vicinal.hub.repository import located

    found = located(path)
    artifact = storage.read(found)
    settings = {k: v for key in ("params", "scalars", "card") for k, v in artifact.header.get(key, {}).items()}
    lines = {
        "kind": artifact.kind,
        "written by": f"vicinal {artifact.written_by}",
        "size": f"{found.stat().st_size:,} bytes",
        **{key: artifact.header[key] for key in ("event_shape", "dtype") if key in artifact.header},
        **settings,
        **{name: f"{array.dtype} {array.shape}" for name, array in artifact.arrays.items()},
    }
    width = max(map(len, lines))
    typer.echo("\n".join(f"{name:<{width}}  {value}" for name, value in lines.items()))
