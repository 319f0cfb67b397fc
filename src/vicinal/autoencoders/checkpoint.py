"""The state of a training, and its file: a resumed training gives the same bits as one that never stopped.

A checkpoint is a file of `vicinal.storage`, written whole or not at all. Its arrays are

=====================  ======================================================================
``model/<name>``       weights of the networks, pseudo-inputs among them
``partner/<name>``     weights of a second network in the training, such as a discriminator
``best/<name>``        weights of the networks in the epoch with the lowest validation error
``mean/<i>``           first moment that Adam keeps of parameter i
``square/<i>``         second moment
``generator``          state of the generator of order and noise
=====================  ======================================================================

Its header holds the numbers of a `Run` and the settings. A resumed training must have the same settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from vicinal import storage
from vicinal._arrays import Array
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.autoencoders.networks import ConvAutoencoder

KIND = "TrainingCheckpoint"


@dataclass
class Run:
    """Everything that a training changes.

    ``losses`` and ``errors`` have an entry for each epoch: the mean loss, and the mean squared error of a pixel of
    the validation images, if there are any.
    """

    model: ConvAutoencoder
    partner: nn.Module | None
    optimizer: torch.optim.Adam
    schedule: torch.optim.lr_scheduler.OneCycleLR
    generator: torch.Generator
    n_steps: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    best: dict[str, Tensor] | None = None

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What is trained, by the name it has in the file."""
        return {"model": self.model} | ({} if self.partner is None else {"partner": self.partner})

    @property
    def best_epoch(self) -> int:
        """The epoch, from 1, of the lowest validation error; the last one if there are no validation images."""
        return self.errors.index(min(self.errors)) + 1 if self.errors else len(self.losses)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters, in the order in which the optimizer has them."""
        return [parameter for module in self.modules.values() for parameter in module.parameters()]


def write(path: storage.PathLike, run: Run, settings: Mapping[str, Any]) -> None:
    """Write a checkpoint; an earlier one is replaced in one step."""
    tensors = {f"{part}/{name}": t for part, module in run.modules.items() for name, t in module.state_dict().items()}
    tensors |= {f"best/{name}": tensor for name, tensor in (run.best or {}).items()}
    for i, parameter in enumerate(run.parameters):
        state = run.optimizer.state[parameter]
        tensors |= {f"mean/{i}": state["exp_avg"], f"square/{i}": state["exp_avg_sq"]}
    tensors["generator"] = run.generator.get_state()
    group = run.optimizer.param_groups[0]
    header = {
        "settings": dict(settings),
        "n_steps": run.n_steps,
        "seconds": run.seconds,
        "losses": run.losses,
        "errors": run.errors,
        "learning_rate": group["lr"],
        "betas": list(group["betas"]),
    }
    storage.write(path, KIND, header, {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()})


def read(path: storage.PathLike, run: Run, settings: Mapping[str, Any]) -> None:
    """Put a run that is new into the state of a checkpoint.

    One of other settings or other images raises InvalidInputError; the message names what differs.
    """
    kind, header, arrays, *_ = storage.read(path)
    if kind != KIND:
        raise FileFormatError(f"{path} holds a {kind}; expected a checkpoint of a training")
    pairs = {name: (header["settings"].get(name), settings.get(name)) for name in {**header["settings"], **settings}}
    changes = [f"{name} was {_shown(old)}, is {_shown(new)}" for name, (old, new) in pairs.items() if old != new]
    if changes:
        raise InvalidInputError(
            f"{path} is of another training: {', '.join(changes)}. "
            "Pass what it was, or start anew with another checkpoint"
        )
    for part, module in run.modules.items():
        module.load_state_dict(_part(arrays, part, module.state_dict()))
    if any(name.startswith("best/") for name in arrays):
        run.best = _part(arrays, "best", run.model.state_dict())
    for i, parameter in enumerate(run.parameters):
        run.optimizer.state[parameter] = {
            "step": torch.tensor(float(header["n_steps"])),
            "exp_avg": _like(parameter, arrays[f"mean/{i}"]),
            "exp_avg_sq": _like(parameter, arrays[f"square/{i}"]),
        }
    run.optimizer.param_groups[0].update(lr=header["learning_rate"], betas=tuple(header["betas"]))
    run.schedule.load_state_dict({"last_epoch": header["n_steps"], "_step_count": header["n_steps"] + 1})
    run.generator.set_state(torch.from_numpy(arrays["generator"].copy()))
    run.n_steps, run.seconds = header["n_steps"], header["seconds"]
    run.losses, run.errors = header["losses"], header["errors"]


def _shown(value: Any) -> str:
    return f"{value[:12]}..." if isinstance(value, str) and len(value) == 64 else repr(value)  # 64: a fingerprint


def _part(arrays: Mapping[str, Array], part: str, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: _like(tensor, arrays[f"{part}/{name}"]) for name, tensor in like.items()}


def _like(tensor: Tensor, array: Array) -> Tensor:
    """Return an array as a tensor on the device and in the memory format of another."""
    return torch.empty_like(tensor, requires_grad=False).copy_(torch.from_numpy(array.reshape(tensor.shape).copy()))
