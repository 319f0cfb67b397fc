"""What an autoencoder is: two functions, the torch modules behind them, and the numbers that they work with.

A `Part` is one of the two directions. It takes a batch of arrays or tensors and returns one array or tensor:
`values` says what becomes of the numbers, `modules` where tensors go, `outputs` what is taken of the result.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np

from vicinal import _arrays, _validation
from vicinal._errors import AutoencoderWarning, InvalidTypeError
from vicinal.autoencoders import libraries, modules, outputs, values

Method = Literal["encode", "decode"]

MEMBERS: dict[Method, tuple[str, ...]] = {
    "encode": ("encode", "encoder", "embed", "transform"),
    "decode": ("decode", "decoder", "inverse_transform"),
}
"""What is called of an object: the first of these that it has."""


class Autoencoder:
    """Two callables as one autoencoder.

    Parameters
    ----------
    encoder : callable
        Maps images (n, *image_shape) to latents (n, *latent_shape): a torch module, a function, or a method. Of what it
        returns, `vicinal.autoencoders.outputs` says what is taken: the means, not draws, of a variational model.
    decoder : callable
        Maps latents to images.
    module : torch.nn.Module, optional
        The module that the callables use. Left out, it is looked for in them: in their objects, attributes, closures,
        and the global variables that they name. It sets the device and the type of the tensors that they get.
    value_range : (float, float), optional
        The values of black and white that the model works in, such as (-1, 1). Images go in as 8-bit levels or as
        floats in [0, 1], and come out in [0, 1]. Left out, floats are passed on as they are.

    Raises
    ------
    InvalidTypeError
        If either cannot be called, or ``module`` is no torch module.
    InvalidInputError
        If ``value_range`` is no range.

    Examples
    --------
    >>> import numpy as np
    >>> halves = Autoencoder(lambda images: images / 2, lambda latents: latents * 2)
    >>> halves.decode(halves.encode(np.ones((1, 3))))
    array([[1., 1., 1.]])
    """

    def __init__(
        self,
        encoder: Callable[[Any], Any],
        decoder: Callable[[Any], Any],
        *,
        module: Any = None,
        value_range: values.ValueRange | None = None,
    ) -> None:
        for name, part in (("encoder", encoder), ("decoder", decoder)):
            if not callable(part):
                raise InvalidTypeError(f"{name} must be callable; got {type(part).__name__}")
        if module is not None and module not in modules.find(module)[:1]:
            raise InvalidTypeError(
                f"module must be a torch.nn.Module; got {type(module).__name__}: for several pass "
                "torch.nn.ModuleList([encoder, decoder])"
            )
        self.encoder = encoder
        self.decoder = decoder
        self.module = module
        self.value_range = values.check_range(value_range)
        self._keeps_integers = False

    def encode(self, images: Any) -> Any:
        """Return latents (n, *latent_shape) of one batch of images (n, *image_shape)."""
        return _once(part_of(self, "encode"), images)

    def decode(self, latents: Any) -> Any:
        """Return images (n, *image_shape) of one batch of latents (n, *latent_shape)."""
        return _once(part_of(self, "decode"), latents)

    @classmethod
    def from_diffusers(cls, vae: Any) -> Self:
        """Return an image autoencoder of diffusers: AutoencoderKL, VQModel, AutoencoderDC or AutoencoderTiny.

        Images are levels or floats in [0, 1]; the model gets [-1, 1]. Latents are the modes of the posteriors, shifted
        and scaled by the factors in ``vae.config``, as the diffusion models of diffusers see them. Those of VQModel are
        not quantized: decoding does that.

        Parameters
        ----------
        vae : diffusers.ModelMixin
            Such as ``AutoencoderKL.from_pretrained(...)``, or the ``vae`` of a pipeline.

        Raises
        ------
        InvalidTypeError
            For other objects.

        References
        ----------
        R. Rombach et al., "High-resolution image synthesis with latent diffusion models", 2022, arXiv:2112.10752,
        section D.1 (scaling).
        """
        return cls(*libraries.of_diffusers(vae), module=vae, value_range=(-1.0, 1.0))

    @classmethod
    def from_pythae(cls, model: Any) -> Self:
        """Return a model of pythae. Latents are the means of the posteriors; ``model.embed`` would draw from them.

        Parameters
        ----------
        model : pythae.models.BaseAE
            With encoder and decoder. Latents of SVAE are normalised, those of VAE_IAF and VAE_LinNF have passed the
            flow, and those of VQVAE are not quantized: decoding does that.

        Raises
        ------
        InvalidTypeError
            For other objects, and for the normalizing flows of pythae, which encode nothing.

        References
        ----------
        C. Chadebec et al., "Pythae: unifying generative autoencoders in Python", 2022, arXiv:2206.08309.
        """
        return cls(*libraries.of_pythae(model), module=model)

    @classmethod
    def from_sklearn(cls, pipeline: Any, *, image_shape: tuple[int, ...] | None = None) -> Self:
        """Return a fitted transformer of scikit-learn: ``transform`` encodes, ``inverse_transform`` decodes.

        Parameters
        ----------
        pipeline : estimator
            Such as ``PCA(16).fit(rows)``, or a pipeline. It gets flattened NumPy arrays, and integers as they are.
        image_shape : tuple of int, optional
            Shape of a decoded image, such as (1, 28, 28); without it images are rows.

        Raises
        ------
        InvalidTypeError
            If there is no ``transform``.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.decomposition import PCA
        >>> images = np.random.default_rng(0).random((20, 1, 4, 4))
        >>> pca = Autoencoder.from_sklearn(PCA(3).fit(images.reshape(20, 16)), image_shape=(1, 4, 4))
        >>> pca.encode(images).shape, pca.decode(pca.encode(images)).shape
        ((20, 3), (20, 1, 4, 4))
        """
        autoencoder = cls(*libraries.of_sklearn(pipeline, image_shape))
        autoencoder._keeps_integers = True
        return autoencoder


class Part:
    """One direction of an autoencoder: a batch in, one array out.

    Attributes
    ----------
    modules : list of torch.nn.Module
        The modules behind it, nearest first.
    is_signed : bool
        Whether the model is known to work in [-1, 1], but images are passed on as they are.
    notes : dict of str to None
        Sentences on choices that were made, each once.
    """

    def __init__(
        self,
        method: Method,
        function: Callable[[Any], Any],
        found: list[Any],
        value_range: values.ValueRange | None,
        keeps_integers: bool,
    ) -> None:
        self.method, self.modules, self.notes = method, found, dict[str, None]()
        self.is_signed = False
        self._function, self._range = function, value_range
        self._wants_arrays = False  # found out by the first batch
        takes_tokens = modules.starts_with_embedding(found)
        self._inputs = values.Inputs(value_range, self.say, keeps_integers=keeps_integers, takes_tokens=takes_tokens)

    def __call__(self, batch: Any) -> Any:
        """Return the outputs of a batch (n, ...): a NumPy array or a torch tensor (n, ...)."""
        given = self._inputs(batch) if self.method == "encode" else batch
        if self.is_signed and self.method == "encode" and len(given) and float(given.min()) >= 0.0:
            self.say(
                "images have no value below 0, but models of diffusers work in [-1, 1]: pass "
                "vicinal.Autoencoder.from_diffusers(vae) instead of the model"
            )
        output = outputs.unwrap(self._returned(given), self.method, len(batch), self.say)
        return output if self._range is None or self.method == "encode" else values.out_of(self._range, output)

    def _returned(self, given: Any) -> Any:
        """Call the function with a tensor if there is a module behind it and it does not convert arrays itself."""
        if not self.modules or self._wants_arrays:
            try:
                return self._function(_arrays.to_numpy(given) if self._wants_arrays else given)
            except Exception as error:
                if not self.modules and isinstance(given, np.ndarray) and "torch" in sys.modules:
                    error.add_note(
                        f"vicinal passed a NumPy array to {self.method}, because it found no torch module there. If "
                        "there is one, name it: vicinal.Autoencoder(encoder, decoder, module=model)"
                    )
                raise
        try:
            return self._function(modules.tensor_for(self.modules, given))
        except (TypeError, AttributeError) as error:  # such as torch.from_numpy(images) or images.astype(...) inside
            try:
                returned = self._function(_arrays.to_numpy(given))
            except Exception:  # noqa: BLE001 - the first error is the one to show
                raise error from None
            self._wants_arrays = True
            return returned

    def say(self, sentence: str) -> None:
        """Keep a sentence for `warn`."""
        self.notes[sentence] = None

    def warn(self, stacklevel: int) -> None:
        """Give each sentence as an AutoencoderWarning."""
        for sentence in self.notes:
            warnings.warn(sentence, AutoencoderWarning, stacklevel=stacklevel + 1)


def part_of(autoencoder: Any, method: Method, value_range: Any = None) -> Part:
    """Return one direction of an autoencoder; ``value_range``, if given, is that of the model.

    An object without any of `MEMBERS` raises InvalidTypeError.
    """
    value_range = values.check_range(value_range)
    if getattr(type(autoencoder), method, None) is getattr(Autoencoder, method):
        function = autoencoder.encoder if method == "encode" else autoencoder.decoder
        found = modules.find(autoencoder.module, function)
        return Part(method, function, found, value_range or autoencoder.value_range, autoencoder._keeps_integers)
    if libraries.comes_from(autoencoder, "pythae"):
        return part_of(Autoencoder.from_pythae(autoencoder), method, value_range)
    member = next((name for name in MEMBERS[method] if callable(getattr(autoencoder, name, None))), None)
    if member is None:
        raise InvalidTypeError(
            f"autoencoder must have encode(images) and decode(latents); {type(autoencoder).__name__} has no {method}, "
            f"nor {' or '.join(MEMBERS[method][1:])}: wrap two callables as vicinal.Autoencoder(encoder, decoder)"
        )
    if member in ("transform", "inverse_transform"):
        return part_of(Autoencoder.from_sklearn(autoencoder), method, value_range)
    function = getattr(autoencoder, member)
    part = Part(method, function, modules.find(function, autoencoder), value_range, False)
    part.is_signed = value_range is None and libraries.comes_from(autoencoder, "diffusers")
    return part


def _once(part: Part, batch: Any) -> Any:
    is_array = _arrays.is_tensor(batch) or isinstance(batch, np.ndarray)
    output = part(
        batch if is_array else _validation.check_array(batch, "images" if part.method == "encode" else "latents")
    )
    part.warn(stacklevel=3)
    return output
