"""The command line: arguments in, one call each, one readable line when something is wrong."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import typer

from vicinal._errors import VicinalError
from vicinal._version import __version__
from vicinal.cli.benchmark import benchmark
from vicinal.cli.decode import decode
from vicinal.cli.demo import demo
from vicinal.cli.encode import encode
from vicinal.cli.explore import explore
from vicinal.cli.features import cache
from vicinal.cli.fit import fit
from vicinal.cli.generate import generate
from vicinal.cli.info import info
from vicinal.cli.sample import sample
from vicinal.cli.score import evaluate
from vicinal.cli.statistics import statistics
from vicinal.cli.train import train

app = typer.Typer(
    name="vicinal",
    help="Turn any trained autoencoder into a generator, and see whether its samples are new.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

_COMMANDS: dict[Callable[..., None], str] = {  # each with an example
    demo: "demo --out demo",
    train: "train --dataset digits --objective rae-l2 --latent-dim 8 --out run --option beta=0.1",
    encode: "encode run/autoencoder.safetensors images/ -o latents.npy",
    fit: "fit latents.npy -o sampler.safetensors",
    generate: "generate run/autoencoder.safetensors sampler.safetensors -n 64 -o sheet.png",
    sample: "sample sampler.safetensors -n 1000 --seed 0 -o z.npy",
    decode: "decode mymodule:model z.npy -o images/",
    evaluate: "evaluate real/ ours=seed0/ ours=seed1/ gan=gan.npz --train train/ -o scores.md",
    benchmark: "benchmark benchmarks/configs/mnist.toml --data-dir DIR --out build/mnist",
    statistics: "statistics train/ -o train.npz --features inception --weights FILE",
    cache: "cache DIR --clear",
    explore: "explore run/autoencoder.safetensors sampler.safetensors --images images/",
    info: "info sampler.safetensors",
}
_UsageError: Any = typer.BadParameter.__base__  # the base of every usage error, whichever click Typer brings


def main() -> None:
    """Run the command line; exit code 2 and one line on standard error for anything a user can mend."""
    warnings.showwarning = _show_warning
    try:
        code = app(standalone_mode=False)
    except _UsageError as error:
        if not error.format_message():  # no command was given, and the error is the help
            error.show()
            sys.exit(2)
        _fail(error.format_message(), hint=" (see --help)")
    except MemoryError as error:
        _fail(f"not enough memory: {error}")
    except VicinalError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", code=130)
    if code == 130:  # what Typer makes of an interrupt
        _fail("interrupted", code=130)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, hint: str = "", code: int = 2) -> None:
    print("error:", " ".join(message.split()) + hint, file=sys.stderr)  # noqa: T201
    sys.exit(code)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print("warning:", " ".join(str(message).split()), file=sys.stderr)  # noqa: T201


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vicinal {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


for _command, _example in _COMMANDS.items():
    app.command(epilog=f"Example:  vicinal {_example}")(_command)
