"""The samplers of vicinal in the interface of pythae: drop in for ``GaussianMixtureSampler``."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any, Self

from sklearn.exceptions import NotFittedError

from vicinal import _validation, images, pipeline, rng
from vicinal._errors import FileFormatError, InvalidInputError, import_extra
from vicinal.autoencoders import Autoencoder
from vicinal.samplers.named import named

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the library, about itself
    _base = import_extra("pythae.samplers.base", "pythae")
_dataclass = import_extra("pydantic.dataclasses", "pythae").dataclass
_torch = import_extra("torch", "pythae")

_CONFIG, _FITTED = "sampler_config.json", "sampler.safetensors"


@_dataclass(config={"extra": "forbid"})  # pydantic would ignore a misspelt argument
class VicinalSamplerConfig(_base.BaseSamplerConfig):  # type: ignore[name-defined]
    """Which sampler to fit, in the form of pythae's configurations.

    Parameters
    ----------
    sampler : str
        ``"local"``, ``"pmf"``, or any other name that ``vicinal fit --sampler`` takes.
    parameters : dict
        What the class of that sampler is made with, such as ``{"n_bins": 8, "random_state": 0}``: values that JSON can
        hold.

    Raises
    ------
    InvalidInputError
        For another sampler, parameters that it does not have, and values that JSON cannot hold.
    """

    sampler: str = "local"
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        known = named(self.sampler)().get_params()
        for name in self.parameters:
            if name not in known:
                raise InvalidInputError(
                    f"parameters must be those of the sampler {self.sampler}: {', '.join(known)}; got "
                    f"{name!r}{_validation.did_you_mean(name, known)}"
                )
        try:
            json.dumps(self.parameters)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"parameters must be numbers, strings, lists and dicts, which JSON can hold; {error}"
            ) from None


class VicinalSampler(_base.BaseSampler):  # type: ignore[name-defined]
    """Fit a sampler of vicinal to the latents of a model of pythae, and decode what it draws.

    It has the interface of ``pythae.samplers.BaseSampler``. It is fitted to the means of the posteriors, not to draws.
    ``GenerationPipeline`` of pythae makes its samplers by their names, and knows its own only. So make the pipeline
    first and set its attribute ``sampler``.

    Parameters
    ----------
    model : pythae.models.BaseAE
        Trained; pythae moves it to the GPU, if there is one.
    sampler_config : VicinalSamplerConfig, optional
        None takes ``LocalSampler()``.

    Attributes
    ----------
    sampler_ : vicinal.samplers.Sampler
        Fitted; for example ``vicinal.generate(model, sampler.sampler_, 100, random_state=1)``.
    is_fitted : bool
        Whether there is a ``sampler_``.

    Raises
    ------
    MissingExtraError
        On import, if pythae is not installed.
    InvalidInputError, InvalidTypeError
        For another configuration, and for a model that has no encoder and decoder.

    References
    ----------
    C. Chadebec et al., "Pythae: unifying generative autoencoders in Python", 2022, arXiv:2206.08309.

    Examples
    --------
    >>> import torch
    >>> from pythae.models import AE, AEConfig
    >>> model = AE(AEConfig(input_dim=(1, 8, 8), latent_dim=2))  # train it first
    >>> sampler = VicinalSampler(model, VicinalSamplerConfig("pmf", {"n_bins": 4, "random_state": 0}))
    >>> sampler.fit(torch.rand(50, 1, 8, 8)).sample(3).shape
    torch.Size([3, 1, 8, 8])
    """

    def __init__(self, model: Any, sampler_config: VicinalSamplerConfig | None = None) -> None:
        config = VicinalSamplerConfig() if sampler_config is None else sampler_config
        if not isinstance(config, VicinalSamplerConfig):
            raise InvalidInputError(
                f"sampler_config must be a VicinalSamplerConfig; got {type(config).__name__}: pass "
                'VicinalSamplerConfig("gmm", {"n_components": 10}), or any other sampler'
            )
        self._autoencoder = Autoencoder.from_pythae(model)
        super().__init__(model=model, sampler_config=config)

    def fit(self, train_data: Any = None, eval_data: Any = None, training_config: Any = None) -> Self:
        """Encode images and fit the sampler to their latents.

        Parameters
        ----------
        train_data : array_like or tensor of shape (n, *image_shape), or a source of batches
            Images as the model was trained on: floats in [0, 1], or levels uint8, which become such floats. Everything
            that `vicinal.encode` takes. None keeps the latents of an earlier `fit` or `load`, so that a pipeline of
            pythae draws again without data.
        eval_data : array_like or source, optional
            Held-out images, which the sampler is calibrated by; for samplers that calibrate, see ``Sampler.fit``.
        training_config : None
            Settings of the fit are in ``sampler_config.parameters``.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError, InvalidTypeError
            As `vicinal.encode` and the ``fit`` of the sampler do, and for a ``training_config``.
        sklearn.exceptions.NotFittedError
            Without ``train_data``, if nothing was fitted before.
        """
        if training_config is not None:
            raise InvalidInputError(
                f"training_config must be None; got a {type(training_config).__name__}: settings of the fit go into "
                "VicinalSamplerConfig(sampler, parameters)"
            )
        if train_data is None:
            self._check_fitted("fit without train_data")
            return self
        made = named(self.sampler_config.sampler)(**self.sampler_config.parameters)
        held_out = None if eval_data is None else self._latents(eval_data)
        self.sampler_ = made.fit(self._latents(train_data), calibration_latents=held_out)
        self.is_fitted = True
        return self

    def sample(
        self,
        num_samples: int = 1,
        batch_size: int = 500,
        output_dir: str | os.PathLike[str] | None = None,
        return_gen: bool = True,
        save_sampler_config: bool = False,
    ) -> Any:
        """Draw latents and decode them.

        With a ``random_state`` in the parameters, every call gives the same images; without it, each gives new ones.

        Parameters
        ----------
        num_samples : int
            Images to generate, at least 0.
        batch_size : int
            Images to decode at a time.
        output_dir : path_like, optional
            Write each image there, as pythae does: ``00000000.png``, RGB, levels rounded down. But values are clipped
            to [0, 1] first; pythae has 1.02 become level 4. The folder is made, and files of these names are replaced.
        return_gen : bool
            Whether to return the images. If not, a batch at a time is in memory.
        save_sampler_config : bool
            Whether to `save` the sampler in ``output_dir`` too.

        Returns
        -------
        torch.Tensor of shape (num_samples, *image_shape), or None
            On the device of the model, not clipped. None without ``return_gen``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        InvalidInputError, InvalidTypeError
            For impossible numbers, and for decoded rows that are no images in [0, 1] where they are to be written.
        OSError
            If a file cannot be written.
        """
        self._check_fitted("sample")
        num_samples = _validation.check_integer(num_samples, "num_samples", minimum=0)
        batch_size = _validation.check_integer(batch_size, "batch_size", minimum=1)
        if output_dir is not None:
            Path(output_dir).mkdir(parents=True, exist_ok=True)
        elif save_sampler_config:
            raise InvalidInputError(
                "save_sampler_config needs output_dir; got None: pass a folder, or call save(folder)"
            )
        generated, first = [], 0
        for block in self._blocks(num_samples, batch_size):
            if output_dir is not None:
                self._write(block, str(output_dir), first)
            if return_gen:
                generated.append(block)
            first += len(block)
        if save_sampler_config and output_dir is not None:
            self.save(output_dir)
        return _torch.cat(generated) if return_gen else None

    def save(self, dir_path: str | os.PathLike[str]) -> None:
        """Write the configuration, ``sampler_config.json``, and the fitted sampler, ``sampler.safetensors``.

        The folder is made if it does not exist. An unfitted sampler raises NotFittedError.
        """
        self._check_fitted("save")
        folder = Path(dir_path)
        folder.mkdir(parents=True, exist_ok=True)
        self.sampler_.save(folder / _FITTED)
        super().save(str(folder))

    @classmethod
    def load(cls, dir_path: str | os.PathLike[str], model: Any) -> Self:
        """Return the fitted sampler in a folder that `save` wrote, for the model that it was fitted with.

        Nothing is unpickled. The samples have the same bits as those of the sampler that was saved.

        Raises
        ------
        FileFormatError
            If a file is damaged or holds something else.
        InvalidInputError
            If the latents of the model have another number of dimensions.
        OSError
            If a file cannot be read.
        """
        folder = Path(dir_path)
        config = _config_in(folder / _CONFIG)
        found = cls(model, config)
        fitted = pipeline.load(folder / _FITTED)
        if type(fitted) is not named(config.sampler):
            raise FileFormatError(
                f"{folder / _FITTED} holds a {type(fitted).__name__}, but {_CONFIG} names {config.sampler}: save both"
            )
        pipeline.check_latents(model, fitted.event_shape_, str(folder / _FITTED))
        found.sampler_, found.is_fitted = fitted, True
        return found

    def save_img(self, img_tensor: Any, dir_path: str, img_name: str) -> None:
        """Write an image (C, H, W) as pythae does, but clipped to [0, 1]."""
        super().save_img(img_tensor.clamp(0.0, 1.0), dir_path, img_name)

    def _check_fitted(self, what: str) -> None:
        if not self.is_fitted:
            raise NotFittedError(f"{what} needs a fitted sampler: call fit(train_data) first, or VicinalSampler.load")

    def _latents(self, given: Any) -> Any:
        """Return the latents of images in the range that models of pythae work in."""
        return pipeline.encode(self._autoencoder, given, value_range=(0.0, 1.0))

    def _blocks(self, n_samples: int, batch_size: int) -> Iterator[Any]:
        """Yield images (n, *image_shape) on the device of the model, a batch at a time; one without rows for none."""
        key = rng.seed_key(self.sampler_.random_state)
        for first in range(0, max(1, n_samples), batch_size):
            n_rows = min(batch_size, n_samples - first)
            block = pipeline.generate(
                self._autoencoder, self.sampler_, n_rows, random_state=key, start=first, batch_size=batch_size
            )
            yield _torch.as_tensor(block).to(self.device)

    def _write(self, block: Any, folder: str, first: int) -> None:
        """Write images (n, C, H, W) to files that are numbered from ``first``."""
        if block.ndim != 4 or block.shape[1] not in (1, 3):
            raise InvalidInputError(
                f"decoded rows must be images (C, H, W) of 1 or 3 channels to be written; got {tuple(block.shape[1:])}"
                ": leave output_dir out"
            )
        images.to_levels(block, "decoded images")  # refuses NaN and other ranges
        for i, image in enumerate(block):
            self.save_img(image, folder, f"{first + i:08d}.png")


def _config_in(path: Path) -> VicinalSamplerConfig:
    """Return the configuration in a file, or raise FileFormatError or OSError."""
    try:
        given = json.loads(path.read_text("utf-8"))
        name, config = given.pop("name"), VicinalSamplerConfig(**given)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        name, config, reason = "", None, str(error).partition("\n")[0]
    else:
        reason = f"it is a {name}"
    if config is None or name != VicinalSamplerConfig.__name__:
        raise FileFormatError(f"{path} is not the configuration of a VicinalSampler ({reason}): save the sampler again")
    return config
