"""Where torch modules hide, and that nothing happens to them."""

import functools
import types

import numpy as np
import pytest

import vicinal
from vicinal import Autoencoder

torch = pytest.importorskip("torch")

from vicinal.autoencoders import modules  # noqa: E402 - after the skip

nn = torch.nn


def network(n_in=4, n_out=2):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.Dropout(0.5)).train()


GLOBAL = network()
NAMESPACE = types.ModuleType("my_models")
NAMESPACE.net = GLOBAL


def through_a_global(images):
    return GLOBAL(images)


def through_two_functions(images):
    return (lambda each: through_a_global(each))(images)


class Wrapper:
    __slots__ = ("net",)

    def __init__(self, net):
        self.net = net

    def encode(self, images):
        return self._run(images)

    def _run(self, images):
        return self.net(images)

    def __call__(self, images):
        return self.net(images)


class Borrower:
    def encode(self, images):
        return self._run(images)

    def _run(self, images):
        return GLOBAL(images)


class Registry:
    def __init__(self, net):
        self.parts = {"encoder": [net]}

    def encode(self, images):
        return self.parts["encoder"][0](images)


def closure_of(net):
    return lambda images: net(images)


def decorated(function):
    @functools.wraps(function)
    def inner(images):
        return function(images)

    return inner


HIDDEN = {
    "the module": lambda net: net,
    "its method": lambda net: net.forward,
    "a closure": closure_of,
    "a closure of a closure": lambda net: closure_of(closure_of(net)),
    "a partial": lambda net: functools.partial(lambda model, images: model(images), net),
    "a keyword of a partial": lambda net: functools.partial(lambda images, model: model(images), model=net),
    "a default": lambda net: lambda images, model=net: model(images),
    "a slot": lambda net: Wrapper(net).encode,
    "a callable object": Wrapper,
    "a container": lambda net: Registry(net).encode,
    "a decorator": lambda net: decorated(closure_of(net)),
}


def state_of(net):
    return [part.training for part in net.modules()], {k: v.clone() for k, v in net.state_dict().items()}


@pytest.mark.parametrize("place", HIDDEN)
def test_hidden_modules_are_in_evaluation_mode_and_left_as_they_were(place):
    net = network()
    net[0].eval()  # a mixture of modes
    modes, weights = state_of(net)
    images = np.random.default_rng(0).normal(size=(6, 4))  # float64, the weights are float32
    latents = vicinal.encode(Autoencoder(HIDDEN[place](net), len), images)
    after, weights_after = state_of(net)
    assert after == modes
    assert all(torch.equal(weights[name], weights_after[name]) for name in weights)
    with torch.no_grad():
        expected = net.eval()(torch.from_numpy(images).float()).numpy()
    assert latents.dtype == np.float32
    assert np.allclose(latents, expected, atol=1e-6)


@pytest.mark.parametrize(
    "function",
    [
        through_a_global,
        through_two_functions,
        lambda images: NAMESPACE.net(images),
        Borrower().encode,
        lambda images: Borrower().encode(images),
    ],
    ids=["a global", "a function that a function names", "a Python module", "a method", "an object made inside"],
)
def test_modules_in_global_variables(function):
    before = GLOBAL[1].running_mean.clone()
    first = vicinal.encode(Autoencoder(function, len), np.ones((5, 4)))
    assert np.array_equal(first, vicinal.encode(Autoencoder(function, len), np.ones((5, 4))))
    assert torch.equal(before, GLOBAL[1].running_mean)
    assert GLOBAL.training


def test_an_object_with_hidden_modules_is_an_autoencoder():
    net = network()
    latents = vicinal.encode(Registry(net), np.ones((3, 4)))
    assert latents.shape == (3, 2)
    assert net.training


def test_a_named_module_sets_type_and_mode():
    net = network().double()
    lookup = {"net": net}.get  # a built-in method hides what it belongs to
    hidden = Autoencoder(lambda images: lookup("net")(images), len, module=net)
    images = np.random.default_rng(0).random((5, 4), dtype=np.float32)
    latents = vicinal.encode(hidden, images)
    assert np.array_equal(latents, net.eval()(torch.from_numpy(images).double()).detach().numpy())
    with pytest.raises(TypeError, match=r"module must be a torch.nn.Module; got int: for several pass"):
        Autoencoder(len, len, module=3)


def test_an_array_that_reaches_no_module_is_explained():
    lookup = {"net": network()}.get
    with pytest.raises(TypeError) as caught:
        vicinal.encode(Autoencoder(lambda images: lookup("net")(images), len), np.ones((3, 4)))
    assert "module=model" in caught.value.__notes__[0]


def test_gradients_are_dropped_and_said():
    net = nn.Linear(4, 2)

    def encode(images):
        with torch.enable_grad():
            return net(images)

    with pytest.warns(vicinal._errors.AutoencoderWarning, match="turns them on itself"):
        assert not vicinal.encode(Autoencoder(encode, len), torch.rand(3, 4)).requires_grad
    assert vicinal.encode(Autoencoder(lambda images: net(images), len), torch.rand(3, 4)).requires_grad is False


def test_random_latents_are_said_and_the_stream_of_torch_goes_on():
    noisy = Autoencoder(lambda images: images + torch.randn(images.shape), lambda latents: latents)
    torch.manual_seed(1)
    with pytest.warns(vicinal._errors.AutoencoderWarning, match="encode returns something else each time"):
        latents = vicinal.encode(noisy, torch.zeros(5, 2))
    following = torch.randn(1)
    torch.manual_seed(1)
    assert torch.equal(latents, torch.randn(5, 2))
    assert torch.equal(following, torch.randn(1))  # the second call has not advanced it


def test_functional_dropout_is_said():
    careless = Autoencoder(lambda images: nn.functional.dropout(images, 0.5), len)
    with pytest.warns(vicinal._errors.AutoencoderWarning, match="switch dropout off"):
        vicinal.encode(careless, torch.rand(5, 20))


def test_a_model_of_one_batch_size_is_not_called_with_fewer_rows():
    def encode(images):
        assert len(images) == 8
        return images

    assert vicinal.encode(Autoencoder(encode, len), np.ones((16, 2)), batch_size=8).shape == (16, 2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_latents_keep_the_type_of_the_weights_in_their_library(dtype):
    model = Autoencoder(nn.Linear(4, 2).to(dtype), nn.Linear(2, 4).to(dtype))
    images = np.random.default_rng(0).random((3, 4))
    tensors, arrays = vicinal.encode(model, torch.from_numpy(images)), vicinal.encode(model, images)
    assert tensors.dtype == dtype
    assert arrays.dtype == ("float32" if dtype == torch.bfloat16 else str(dtype).removeprefix("torch."))
    assert np.array_equal(arrays, tensors.float().numpy() if dtype == torch.bfloat16 else tensors.numpy())
    assert vicinal.decode(model, tensors).dtype == dtype


def test_a_device_is_for_the_call_only():
    class Traveller(nn.Linear):
        def to(self, device):
            stations.append((str(device), self.training))
            return self

    stations = []
    net = Traveller(4, 2, device="meta")
    with pytest.raises(NotImplementedError), modules.on_device([net], "cpu"):
        raise NotImplementedError
    assert [device for device, _ in stations] == ["cpu", "meta"]
    net = Traveller(4, 2)
    assert vicinal.encode(Autoencoder(net, len), torch.rand(3, 4), device="cpu").shape == (3, 2)
    torn = nn.ModuleList([nn.Linear(4, 2), nn.Linear(2, 2, device="meta")])
    with pytest.raises(ValueError, match=r"device must be left out for a model on several devices; .* is on cpu, meta"):
        vicinal.encode(Autoencoder(torn[0], len, module=torn), torch.rand(3, 4), device="cpu")
    with pytest.raises(ValueError, match="device needs a torch module to move; got 'cpu', but none was found"):
        vicinal.encode(Autoencoder(lambda x: x, len), np.ones((3, 4)), device="cpu")
    with pytest.raises(ValueError, match="device must name a device"):
        vicinal.encode(Autoencoder(net, net), np.ones((3, 4)), device="nowhere")


def test_tokens_stay_integers():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.layer = nn.Embedding(10, 3), nn.Linear(3, 2)

        def encode(self, tokens):
            return self.layer(self.table(tokens).mean(1))

    model, tokens = Words(), np.random.default_rng(0).integers(10, size=(5, 7))
    expected = model.encode(torch.from_numpy(tokens)).detach().numpy()
    for dtype in (np.int64, np.int32, np.uint8):
        assert np.allclose(vicinal.encode(model, tokens.astype(dtype)), expected, atol=1e-6)


def test_codes_are_decoded_as_integers():
    class Quantized(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.codes = nn.Linear(3, 2), nn.Embedding(10, 3)

        def decode(self, codes):
            return self.layer(self.codes(codes))

    assert vicinal.decode(Quantized(), np.zeros((5, 7), np.int32)).shape == (5, 7, 2)


def test_the_search_ends_in_a_ring():
    ring = Registry(None)
    ring.itself = [ring]
    assert modules.find(ring, ring.encode) == []


class Namespace:
    net = GLOBAL

    @classmethod
    def encode(cls, images):
        return cls.net(images)


@pytest.mark.parametrize("function", [Namespace.encode, lambda images: Namespace.net(images)], ids=["method", "name"])
def test_modules_in_classes(function):
    assert modules.find(function) == [GLOBAL]


def test_a_module_in_a_list_of_a_module():
    outer = nn.Linear(4, 4)
    outer.hidden = [network()]  # so that it is no part of the other
    assert modules.find(outer) == [outer, outer.hidden[0]]


@pytest.mark.parametrize("given", [np.ones((5, 4)), torch.ones(5, 4)], ids=["array", "tensor"])
def test_a_wrapper_that_converts_arrays_itself_gets_them(given):
    class Wrapped:
        def __init__(self):
            self.net, self.seen = network(), []

        def encode(self, images):
            self.seen.append(type(images))
            return self.net(torch.from_numpy(images.astype(np.float32))).detach().numpy()

    wrapped = Wrapped()
    latents = vicinal.encode(wrapped, given, batch_size=2)
    assert type(latents) is type(given)
    assert np.allclose(latents, wrapped.net.eval()(torch.ones(5, 4)).detach())
    assert wrapped.seen.count(torch.Tensor) == 1  # only once does it get what it cannot take


def test_the_error_of_a_model_is_shown_as_it_is():
    net = network()
    with pytest.raises(TypeError, match="unexpected keyword argument 'mistake'"):
        vicinal.encode(Autoencoder(lambda images: net(images, mistake=1), len), np.ones((3, 4)))


def test_an_exported_module_has_one_mode():
    net = nn.Sequential(nn.Linear(4, 2), nn.ReLU()).eval()
    images = torch.rand(3, 4)
    exported = torch.export.export(net, (images,)).module()  # refuses eval(), and takes three rows only
    assert torch.allclose(vicinal.encode(Autoencoder(exported, len), images), net(images).detach())
