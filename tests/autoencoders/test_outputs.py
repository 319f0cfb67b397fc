"""What is taken of the objects that models return."""

from collections import OrderedDict, namedtuple
from types import SimpleNamespace

import numpy as np
import pytest

import vicinal
from vicinal import Autoencoder
from vicinal._errors import AutoencoderWarning
from vicinal.autoencoders.outputs import unwrap

Z, OTHER = np.arange(6.0).reshape(3, 2), np.full((3, 2), 7.0)


class Posterior:
    """As diffusers has it: a draw would be another array."""

    mean = Z

    def mode(self):
        return Z

    def sample(self):
        return OTHER


class OnlyDlpack:
    """As an array of a library that NumPy does not know."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


class HostOnly(OnlyDlpack):
    """As CuPy: it has ``__array__``, which refuses."""

    def __array__(self, *_args, **_options):
        raise TypeError("Implicit conversion to a NumPy array is not allowed")


Pair = namedtuple("Pair", ["mu", "logvar"])
Draw = namedtuple("Draw", ["z", "mu", "logvar"])

ENCODED = {
    "array": Z,
    "latent_dist": SimpleNamespace(latent_dist=Posterior()),
    "posterior": Posterior(),
    "latents": SimpleNamespace(latents=Z, loss=1.0),
    "latent": SimpleNamespace(latent=Z),
    "embedding": SimpleNamespace(embedding=Z, log_covariance=OTHER),
    "z": SimpleNamespace(z=Z, loss=np.float32(2.0)),
    "means before draws": SimpleNamespace(z=OTHER, mu=Z, logvar=OTHER),
    "mapping": {"z": OTHER, "mu": Z, "logvar": OTHER},
    "ordered mapping": OrderedDict(embedding=Z),
    "named pair": Pair(Z, OTHER),
    "named triple": Draw(OTHER, Z, OTHER),
    "one in a tuple": (Z,),
    "the only one with rows": (Z, np.float64(0.1), {"perplexity": 3}),
    "latents and nothing": (Z, None),
    "inside": SimpleNamespace(latents=(Z,)),
    "dlpack": OnlyDlpack(Z),
    "dlpack beside a refusing __array__": HostOnly(Z),
}


@pytest.mark.parametrize("name", ENCODED)
def test_the_latents_are_found_without_a_word(name):
    assert np.array_equal(vicinal.encode(Autoencoder(lambda x: ENCODED[name], len), np.ones((3, 1))), Z)


@pytest.mark.parametrize("several", [(Z, OTHER), [Z, OTHER], (Z, OTHER, OTHER)], ids=["pair", "list", "triple"])
def test_the_first_of_equal_shapes_is_taken_and_said_once(several):
    model = Autoencoder(lambda x: tuple(np.concatenate([each] * 3)[: len(x)] for each in several), len)
    with pytest.warns(AutoencoderWarning, match=r"the first is taken, as in \(mu, logvar\). Pass the one") as said:
        found = vicinal.encode(model, np.ones((9, 1)), batch_size=3)
    assert np.array_equal(found[:3], Z)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        ("text", "got str"),
        (None, "got NoneType"),
        ((), "got an empty tuple"),
        ((Z, np.zeros((3, 5))), r"got tuple of shape \(3, 2\), shape \(3, 5\)"),
        ((Z, Z, Z, Z), r"got tuple of shape \(3, 2\), shape"),
        ({"loss": 1.0}, "got dict with loss"),
        (SimpleNamespace(z=len), "got SimpleNamespace"),
        (np.array(["a", "b", "c"]), "got ndarray"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused(returned, shown):
    with pytest.raises(TypeError, match=f"encode must return one array; {shown}.*Wrap the model, as in vicinal.Autoen"):
        vicinal.encode(Autoencoder(lambda x: returned, len), np.ones((3, 1)))


def test_another_number_of_rows_is_refused():
    with pytest.raises(ValueError, match=r"encode must return one row for each of 4; got shape \(3, 2\)"):
        vicinal.encode(Autoencoder(lambda x: Posterior(), len), np.ones((4, 1)))


@pytest.mark.parametrize("field", ["sample", "reconstruction", "recon_x"])
def test_decoded_images_are_found(field):
    model = Autoencoder(len, lambda latents: SimpleNamespace(**{field: Z, "loss": 1.0}))
    assert np.array_equal(vicinal.decode(model, np.ones((3, 1))), Z)


def test_distributions_of_torch_are_their_means():
    torch = pytest.importorskip("torch")
    from torch.distributions import Independent, MixtureSameFamily, Normal

    normal = Independent(Normal(torch.from_numpy(Z), torch.ones(3, 2)), 1)
    assert np.array_equal(unwrap(normal, "encode", 3, pytest.fail).numpy(), Z)
    mixed = MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(3, 2, 1)), Independent(Normal(torch.zeros(3, 2, 1, 2), 1.0), 1)
    )  # its mode is not known
    assert unwrap(mixed, "encode", 3, pytest.fail).shape == (3, 2, 2)


def test_a_bfloat16_array_becomes_float32():
    class Brain:
        shape, ndim = (3, 2), 2

        def __array__(self, *_args, **_options):
            ml_dtypes = pytest.importorskip("ml_dtypes")
            return Z.astype(ml_dtypes.bfloat16)

    assert unwrap(Brain(), "encode", 3, pytest.fail).dtype == np.float32


class WithParts:
    def __init__(self, **parts):
        vars(self).update(parts)


@pytest.mark.parametrize(
    "parts",
    [
        {"encode": lambda x: x + 1, "encoder": None, "decode": lambda z: z - 1},
        {"encode": 3, "encoder": lambda x: x + 1, "embed": None, "decoder": lambda z: z - 1},
        {"embed": lambda x: x + 1, "decoder": lambda z: z - 1},
        {"transform": lambda x: x + 1, "inverse_transform": lambda z: z - 1},
    ],
    ids=["encode", "encoder", "embed", "transform"],
)
def test_members(parts):
    model = WithParts(**parts)
    assert np.array_equal(vicinal.encode(model, OTHER), OTHER + 1)
    assert np.array_equal(vicinal.decode(model, OTHER), OTHER - 1)


def test_no_members():
    with pytest.raises(
        TypeError, match="WithParts has no decode, nor decoder or inverse_transform: wrap two callables"
    ):
        vicinal.decode(WithParts(encode=len), OTHER)


def test_a_subclass_may_have_its_own_encode():
    class Twice(Autoencoder):
        def encode(self, images):
            return 2 * images

    assert np.array_equal(vicinal.encode(Twice(lambda x: x, lambda z: z), OTHER), 2 * OTHER)
