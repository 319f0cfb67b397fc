"""What a study is: a TOML file, read and checked.

::

    title = "Handwritten digits"
    lead = "..."                   # optional: text above everything in the report
    training_seeds = [0, 1]        # each autoencoder is trained once for each seed
    sampling_seeds = [0, 1, 2]     # each sampler is drawn from once for each seed
    n_samples = 599                # default: the number of held-out images
    max_searched = 2_000           # at most so many rows of a set have their neighbours searched; default: all
    baseline = "GMM, n_components=10"
    tuning = true                  # settings are chosen by half of the held-out images, and reported on the other half
    shown = ["reconstructions", "PMF"]  # the report shows images of these rows
    n_shown = 20                   # how many images of each
    explored = ["PMF"]             # optional: samplers that a reader of the report can explore, class by class
    show_training_images = true    # below each sample, the nearest training image; false where people are shown

    [data]                         # options of vicinal.datasets.load; `file` is a path within --data-dir
    name = "digits"
    held_out = ["test"]

    [features]                     # classifier, efficientnet, inception, dinov2, clip or pixels, with options
    name = "classifier"
    n_epochs = 30

    [training]                     # vicinal.autoencoders.training.train, for all autoencoders
    latent_dim = 8

    [autoencoders]                 # an objective with what differs from [training], or a file or hf://user/repo
    "AE" = { objective = "ae" }
    "Ours" = { path = "ours.safetensors" }

    [samplers]                     # a sampler, "PMFSampler", "PMF" or "pmf", with its parameters
    "PMF" = { sampler = "PMFSampler" }
    "GMM" = { sampler = "GMMSampler", n_components = [10, 30, 100] }
    "VampPrior" = { sampler = "VampSampler", autoencoders = ["VAMP"] }

    [saved]                        # optional: fitted samplers to keep, as saved/<autoencoder>-<name>.safetensors
    pmf = "PMF"

Sweeps: a list of values makes one sampler for each value, several lists make one for each combination. Its name says
the values: ``"GMM, n_components=10"``. Some parameters are lists themselves, which shows in their default
(``hidden_units`` of the networks). A list is then one value, and a list of lists is a sweep.
"""

from __future__ import annotations

import inspect
import itertools
import os
import tomllib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vicinal import _validation, datasets, metrics, samplers
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.evaluation import BOOTSTRAP, DEFAULT_METRICS, METRICS, REAL, RECONSTRUCTIONS
from vicinal.report import slug
from vicinal.samplers.named import named

FEATURES = {
    "classifier": metrics.ClassifierFeatures,
    "clip": metrics.CLIPFeatures,
    "dinov2": metrics.DINOv2Features,
    "efficientnet": metrics.EfficientNetFeatures,
    "inception": metrics.InceptionFeatures,
    "pixels": metrics.PixelFeatures,
}
_LIST = (list, tuple)
_MODEL = "autoencoder"  # the parameter of a sampler that takes the model itself


@dataclass(frozen=True)
class Config:
    """A study: data, features, autoencoders, samplers and seeds; what each is, see the module.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For a value that cannot be used, and names that do not fit each other.
    """

    title: str
    data: Mapping[str, Any]
    features: Mapping[str, Any]
    autoencoders: Mapping[str, Mapping[str, Any]]
    samplers: Mapping[str, Mapping[str, Any]]
    training: Mapping[str, Any] = field(default_factory=dict)
    training_seeds: tuple[int, ...] = (0,)
    sampling_seeds: tuple[int, ...] = (0, 1, 2)
    n_samples: int | None = None
    max_searched: int | None = None
    metrics: tuple[str, ...] = (*DEFAULT_METRICS, "feature_nn_ratio")
    baseline: str | None = None
    tuning: bool = False
    shown: tuple[str, ...] = ()
    n_shown: int = 20
    explored: tuple[str, ...] = ()
    show_training_images: bool = True
    lead: str = ""
    saved: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()

    def __post_init__(self) -> None:
        """Expand the sweeps; check everything that can be checked without the data."""
        object.__setattr__(
            self, "samplers", _expanded({name: _of_class(name, each) for name, each in self.samplers.items()})
        )
        if not isinstance(self.title, str) or not self.title:
            raise InvalidInputError(f"title must be a text; got {self.title!r}")
        for name in ("training_seeds", "sampling_seeds"):
            _check_seeds(getattr(self, name), name)
        for name, minimum in (("n_shown", 1), ("n_samples", 10), ("max_searched", 10)):
            if getattr(self, name) is not None:
                _validation.check_integer(getattr(self, name), name, minimum=minimum)
        for names in (self.autoencoders, self.samplers):
            if not names:
                raise InvalidInputError("a study needs at least one entry in [autoencoders] and one in [samplers]")
            if len({slug(name) for name in names}) < len(names):
                raise InvalidInputError(f"names must differ in letters and digits: {_listed(names)}")
        self._check_choices()
        known = _parameters(datasets.load) - {"data_dir", "split"} | {"held_out", "file"}
        _check_known("data", self.data.keys(), known, self.data["name"])
        known = _parameters(FEATURES[self.features["name"]]) - {"images", "labels", "weights", "device"} | {"name"}
        _check_known("features", self.features.keys(), known, self.features["name"])
        for name, settings in self.autoencoders.items():
            _check_autoencoder(name, settings, self.training)
        for name, settings in self.samplers.items():
            _check_sampler(name, settings, self.autoencoders)

    def _check_choices(self) -> None:
        """Check everything that must be one of several names."""
        rows = (*self.samplers, BOOTSTRAP)
        chosen = [
            ("data.name", self.data.get("name"), datasets.NAMES),
            ("features.name", self.features.get("name"), tuple(FEATURES)),
            *(("metrics", name, tuple(METRICS)) for name in self.metrics),
            *(("shown", name, (RECONSTRUCTIONS, *rows)) for name in self.shown),
            *(("explored", name, rows) for name in self.explored),
            *(("baseline", name, rows) for name in [self.baseline] if name is not None),
            *((f"saved.{part}", name, tuple(self.samplers)) for part, name in self.saved.items()),
        ]
        for what, name, choices in chosen:
            _validation.check_choice(name, what, choices)
        if not {"frechet_distance", "nn_ratio"} <= set(self.metrics):
            raise InvalidInputError("metrics must name 'frechet_distance' and 'nn_ratio': samplers are ranked by them")
        for part in self.saved:
            if slug(part) != part:
                raise InvalidInputError(f"saved.{part} must be part of a file name, such as {slug(part)!r}")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Config:
        """Return the study in a TOML file.

        Raises
        ------
        FileFormatError
            If it is no TOML, or has unknown keys.
        InvalidInputError, InvalidTypeError
            For values that cannot be used.
        OSError
            If it cannot be read.
        """
        path = Path(path)
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise FileFormatError(f"{path} is no TOML file ({error})") from None
        known = set(cls.__dataclass_fields__) - {"folder"}
        unknown = found.keys() - known
        missing = {"title", "data", "features", "autoencoders", "samplers"} - found.keys()
        if unknown or missing:
            what = f"has unknown keys {_listed(unknown)}" if unknown else f"lacks {_listed(missing)}"
            raise FileFormatError(f"{path} {what}; a study has {_listed(known)}{_meant(unknown, known)}")
        for name in ("data", "features", "autoencoders", "samplers", "training", "saved"):
            if not isinstance(found.get(name, {}), dict):
                raise FileFormatError(f"{path}: {name} must be a table; got {found[name]!r}")
        return cls.from_dict({**found, "folder": path.parent})

    def to_dict(self) -> dict[str, Any]:
        """Return the study as plain Python objects, ready for JSON."""
        return {name: value for name, value in asdict(self).items() if name != "folder"}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Config:
        """Return the study that `to_dict` wrote."""
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in found.items()}
        return cls(**values)

    def training_of(self, autoencoder: str) -> dict[str, Any]:
        """Return objective and options of an autoencoder, or the path of its file."""
        own = dict(self.autoencoders[autoencoder])
        return own if "path" in own else {**self.training, **own}

    def samplers_of(self, autoencoder: str) -> dict[str, Mapping[str, Any]]:
        """Return the samplers to fit to the latents of an autoencoder, copies first."""
        chosen = {
            name: {key: value for key, value in settings.items() if key != "autoencoders"}
            for name, settings in self.samplers.items()
            if autoencoder in settings.get("autoencoders", self.autoencoders)
        }
        return {BOOTSTRAP: {"sampler": "BootstrapSampler"}, **chosen}


def sampler_of(settings: Mapping[str, Any], model: Any, random_state: int) -> Any:
    """Return a sampler that is not fitted yet, given the model if it takes one."""
    parameters = {key: value for key, value in settings.items() if key not in ("sampler", "autoencoders")}
    kind = getattr(samplers, settings["sampler"])
    if _MODEL in kind().get_params():
        parameters[_MODEL] = model
    return kind(**parameters, random_state=random_state)


def _of_class(name: str, settings: Any) -> dict[str, Any]:
    """Return the settings of a sampler with the name of its class, however that is written."""
    if not isinstance(settings, Mapping):
        raise InvalidInputError(f"samplers.{name} must be a table; got {settings!r}")
    kind = named(settings.get("sampler"), f"samplers.{name}.sampler", of_models=True)
    return {**settings, "sampler": kind.__name__}


def _expanded(samplers_by_name: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the samplers with one entry for each combination of the values in lists."""
    found: dict[str, Any] = {}
    for name, settings in samplers_by_name.items():
        swept = _swept(settings)
        if not all(swept.values()):
            raise InvalidInputError(f"samplers.{name} must have one or more values in each list; got an empty list")
        for values in itertools.product(*swept.values()):
            chosen = dict(zip(swept, values, strict=True))
            label = ", ".join([name, *(f"{key}={_in_name(value)}" for key, value in chosen.items())])
            if label in found:
                raise InvalidInputError(f"samplers.{name} must have a name of its own; {label!r} is there already")
            found[label] = {**settings, **chosen} if swept else settings
    return found


def _swept(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with a list of values, rather than one value that is a list."""
    defaults = getattr(samplers, settings["sampler"])().get_params()
    return {key: value for key, value in settings.items() if key in defaults and _is_sweep(value, defaults[key])}


def _is_sweep(value: Any, default: Any) -> bool:
    if isinstance(value, _LIST) and isinstance(default, _LIST):
        return bool(value) and all(isinstance(each, _LIST) for each in value)
    return isinstance(value, _LIST)


def _in_name(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, _LIST) else str(value)


def _check_seeds(seeds: Any, name: str) -> None:
    if not isinstance(seeds, tuple) or not seeds or len(set(seeds)) < len(seeds):
        raise InvalidInputError(f"{name} must be a list of one or more different integers; got {seeds!r}")
    for seed in seeds:
        _validation.check_integer(seed, name, minimum=0, maximum=2**31)


def _parameters(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)


def _check_known(where: str, given: AbstractSet[str], known: AbstractSet[str], owner: str) -> None:
    if given - known:
        takes = _listed(known - {"name"}) or "no options"
        meant = _meant(given - known, known)
        raise InvalidInputError(f"{where} has unknown {_listed(given - known)}; {owner} takes {takes}{meant}")


def _meant(unknown: AbstractSet[str], known: AbstractSet[str]) -> str:
    """Return what the first unknown name may have been meant to be, as the end of a message."""
    return _validation.did_you_mean(min(unknown), known) if unknown else ""


def _check_autoencoder(name: str, settings: Any, training: Mapping[str, Any]) -> None:
    if not isinstance(settings, Mapping):
        raise InvalidInputError(f"autoencoders.{name} must be a table; got {settings!r}")
    settings = {**training, **settings}
    if not isinstance(settings.get("path", settings.get("objective")), str):
        raise InvalidInputError(f"autoencoders.{name} must have an objective, or a path; got {settings}")
    taken = {"random_state", "device", "checkpoint", "resume", "on_epoch", "validation"} & settings.keys()
    if taken:
        raise InvalidInputError(f"autoencoders.{name} must leave {_listed(taken)} to the study")


def _check_sampler(name: str, settings: Mapping[str, Any], autoencoders: Mapping[str, Any]) -> None:
    if name in (BOOTSTRAP, REAL, RECONSTRUCTIONS):
        raise InvalidInputError(f"samplers.{name} is a row that every study has; give yours another name")
    kind = settings["sampler"]
    known = getattr(samplers, kind)().get_params().keys() - {"random_state", _MODEL}
    _check_known(f"samplers.{name}", settings.keys() - {"sampler", "autoencoders"}, known, kind)
    for autoencoder in settings.get("autoencoders", ()):
        _validation.check_choice(autoencoder, f"samplers.{name}.autoencoders", tuple(autoencoders))


def _listed(names: Any) -> str:
    return ", ".join(map(str, sorted(names)))
