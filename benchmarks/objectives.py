"""How well each objective reconstructs MNIST, and what an epoch costs: docs/autoencoders.md shows the table.

    python benchmarks/objectives.py --data-dir DIR/mnist --epochs 3
    python benchmarks/objectives.py --dataset celeba --data-dir DIR --epochs 1 --objectives ae --latent-dim 64 --out benchmarks/results/autoencoders-celeba.json
    python benchmarks/objectives.py --dataset digits --epochs 1 --objectives ae --out /tmp/autoencoders.json

Objectives that the file already holds, trained with the same settings, are skipped. An interrupted one continues from its
checkpoint in ``--work``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from vicinal import datasets, report
from vicinal.autoencoders.data import check_images, to_device
from vicinal.autoencoders.objectives import OBJECTIVES
from vicinal.autoencoders.training import reconstruction_error, train
from vicinal.storage import write_atomic

Row = dict[str, Any]

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Train and write, one objective after another."""
    arguments = parsed()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    images = datasets.load(arguments.dataset, data_dir=arguments.data_dir).images[: arguments.n_images]
    test = datasets.load(arguments.dataset, data_dir=arguments.data_dir, split="test").images
    settings = settings_of(arguments, len(images))
    rows = {} if arguments.force else finished(arguments.out, settings)
    arguments.work.mkdir(parents=True, exist_ok=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False)
    for name in arguments.objectives:
        if name not in rows:
            rows[name] = measure(name, images, test, arguments)
        row = rows[name]
        console.print(f"[bold]{name}[/]: error {row['test_error']:.5f}, {row['seconds_per_epoch']:.1f} s an epoch")
        ordered = [rows[known] for known in OBJECTIVES if known in rows]
        result = {"settings": settings, "mean_image_error": mean_image_error(images, test), "rows": ordered}
        write_atomic(arguments.out, (json.dumps(result, indent=1) + "\n").encode())


def parsed() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=list(OBJECTIVES))
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--latent-dim", type=int, default=16)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="of torch; by default torch decides")
    parser.add_argument("--n-images", type=int, help="train on the first so many images")
    parser.add_argument("--force", action="store_true", help="train anew what the file already holds")
    parser.add_argument("--work", type=Path, default=ROOT / "build/autoencoders", help="for models and checkpoints")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/autoencoders.json")
    return parser.parse_args()


def settings_of(arguments: argparse.Namespace, n_images: int) -> Row:
    """Return what all rows of a file have in common."""
    names = ("dataset", "epochs", "latent_dim", "width", "batch_size", "seed", "device")
    return {name: getattr(arguments, name) for name in names} | {"n_images": n_images}


def finished(path: Path, settings: Row) -> dict[str, Row]:
    """Return the rows that an earlier run with the same settings wrote."""
    if not path.exists():
        return {}
    result = json.loads(path.read_text(encoding="utf-8"))
    if result["settings"] != settings:
        raise SystemExit(f"{path} is of other settings, {result['settings']}: name another --out, or pass --force")
    return {row["objective"]: row for row in result["rows"]}


def measure(name: str, images: Any, test: Any, arguments: argparse.Namespace) -> Row:
    """Train one objective and return its row."""
    checkpoint = arguments.work / f"{arguments.dataset}-{name}-checkpoint.safetensors"
    if arguments.force:
        checkpoint.unlink(missing_ok=True)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    ends = [time.perf_counter()]
    model = train(
        name,
        images,
        latent_dim=arguments.latent_dim,
        width=arguments.width,
        n_epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        random_state=arguments.seed,
        device=arguments.device,
        checkpoint=checkpoint,
        resume=True,
        on_epoch=lambda *_: ends.append(time.perf_counter()),
    )
    model.save(arguments.work / f"{arguments.dataset}-{name}.safetensors")
    checkpoint.unlink()
    held_out = to_device(check_images(test, "test"), torch.device(arguments.device))
    card = model.card
    return {
        "objective": name,
        "options": card["options"],
        "test_error": reconstruction_error(model, held_out),
        "train_error": card["mean_squared_error"],
        "seconds_per_epoch": card["seconds_per_epoch"],
        "seconds_of_epochs": [round(after - before, 3) for before, after in pairwise(ends)]  # of those trained now
        or [card["seconds_per_epoch"]],
        "epochs": card["epochs_trained"],
        "final_loss": card["final_loss"],
        "device": torch.cuda.get_device_name(held_out.device) if held_out.is_cuda else arguments.device,
        "threads": torch.get_num_threads(),
        "load_average": load,
        "facts": report.machine(),
    }


def mean_image_error(images: Any, test: Any) -> float:
    """Return the squared error of a test pixel if the mean training image were all that is ever decoded."""
    scale = 255.0 if test.dtype == np.uint8 else 1.0
    return float(np.square((test - images.mean(axis=0)) / scale).mean())


if __name__ == "__main__":
    main()
