"""Small random models of diffusers, pythae and scikit-learn."""

import warnings

import numpy as np
import pytest

import vicinal
from vicinal import Autoencoder

torch = pytest.importorskip("torch")

IMAGES = np.random.default_rng(0).integers(256, size=(6, 3, 16, 16)).astype(np.uint8)


@pytest.fixture(scope="module")
def diffusers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("diffusers")


@pytest.fixture(scope="module")
def pythae():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("pythae.models")


def kl(diffusers, **config):
    return diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(4, 8),
        norm_num_groups=2,
        latent_channels=4,
        **config,
    )


def vq(diffusers):
    return diffusers.VQModel(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(4, 8),
        norm_num_groups=2,
        latent_channels=3,
        num_vq_embeddings=8,
    )


def tiny(diffusers):
    return diffusers.AutoencoderTiny(
        encoder_block_out_channels=(4, 4),
        decoder_block_out_channels=(4, 4),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
        scaling_factor=0.5,
    )


def dc(diffusers):
    return diffusers.AutoencoderDC(
        latent_channels=4,
        attention_head_dim=2,
        encoder_block_types=("ResBlock", "ResBlock"),
        decoder_block_types=("ResBlock", "ResBlock"),
        encoder_block_out_channels=(4, 8),
        decoder_block_out_channels=(4, 8),
        encoder_layers_per_block=(1, 1),
        decoder_layers_per_block=(1, 1),
        encoder_qkv_multiscales=((), ()),
        decoder_qkv_multiscales=((), ()),
        downsample_block_type="conv",
        decoder_norm_types="rms_norm",
        decoder_act_fns="silu",
        scaling_factor=0.4,
    )


def raw_latents(model, images):
    found = model.encode(images)
    if hasattr(found, "latent_dist"):
        return found.latent_dist.mode()
    return found.latents if hasattr(found, "latents") else found.latent


@pytest.mark.parametrize("make", [kl, vq, tiny, dc])
def test_diffusers(diffusers, make):
    torch.manual_seed(0)
    model = make(diffusers).train()
    latents = vicinal.encode(Autoencoder.from_diffusers(model), IMAGES, batch_size=4)
    images = vicinal.decode(Autoencoder.from_diffusers(model), latents)
    assert model.training
    model.eval()
    with torch.no_grad():
        raw = raw_latents(model, torch.from_numpy(IMAGES).float() / 127.5 - 1.0)
        decoded = model.decode(raw).sample / 2 + 0.5
    assert np.allclose(latents, raw * model.config.scaling_factor, atol=1e-5)
    assert np.allclose(images, decoded, atol=1e-4)


@pytest.mark.parametrize(
    ("config", "shift", "spread"),
    [
        ({"scaling_factor": 0.3, "shift_factor": 0.1}, 0.1, 1.0),
        (
            {"latents_mean": [1.0, 2.0, 3.0, 4.0], "latents_std": [1.0, 2.0, 4.0, 8.0], "scaling_factor": 0.5},
            None,
            None,
        ),
        ({}, 0.0, 1.0),
    ],
    ids=["shift", "statistics of channels", "scale"],
)
def test_shift_and_scale_of_latents(diffusers, config, shift, spread):
    torch.manual_seed(0)
    model = kl(diffusers, **config).eval()
    if shift is None:
        shift, spread = (torch.tensor(config[name]).reshape(1, 4, 1, 1) for name in ("latents_mean", "latents_std"))
    autoencoder = Autoencoder.from_diffusers(model)
    images = torch.from_numpy(IMAGES)
    latents = vicinal.encode(autoencoder, images)
    with torch.no_grad():
        raw = raw_latents(model, images / 127.5 - 1.0)
        assert torch.allclose(latents, (raw - shift) / spread * model.config.scaling_factor, atol=1e-5)
        assert torch.allclose(vicinal.decode(autoencoder, latents), model.decode(raw).sample / 2 + 0.5, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_goes_through_a_sampler(diffusers, dtype):
    torch.manual_seed(0)
    model = Autoencoder.from_diffusers(tiny(diffusers).to(dtype))
    latents = vicinal.encode(model, torch.from_numpy(IMAGES))
    assert latents.dtype == dtype
    sampler = vicinal.PMFSampler(4, random_state=0).fit(latents)
    assert sampler.sample(2).dtype == dtype
    assert vicinal.generate(model, sampler, 2).dtype == dtype
    assert vicinal.encode(model, IMAGES).dtype == (np.float16 if dtype == torch.float16 else np.float32)


def test_a_bare_model_of_diffusers_takes_modes(diffusers):
    torch.manual_seed(0)
    model = kl(diffusers).eval()
    signed = torch.from_numpy(IMAGES) / 127.5 - 1.0
    with torch.no_grad():
        assert torch.allclose(vicinal.encode(model, signed), raw_latents(model, signed), atol=1e-5)
    with pytest.warns(vicinal._errors.AutoencoderWarning, match=r"pass vicinal.Autoencoder.from_diffusers\(vae\)"):
        vicinal.encode(model, IMAGES)


def test_what_is_no_autoencoder_of_a_library():
    with pytest.raises(
        TypeError, match=r"vae must be an image autoencoder of diffusers.*for a pipeline pass pipeline.vae"
    ):
        Autoencoder.from_diffusers(object())
    with pytest.raises(TypeError, match="model must be an autoencoder of pythae, with encoder and decoder; got object"):
        Autoencoder.from_pythae(object())
    with pytest.raises(TypeError, match="pipeline must have transform, as in scikit-learn; got object"):
        Autoencoder.from_sklearn(object())


DETERMINISTIC = ["AE", "WAE_MMD", "RAE_L2", "VQVAE"]
VARIATIONAL = ["VAE", "BetaVAE", "VAMP", "SVAE", "PoincareVAE", "VAE_LinNF", "VAE_IAF", "Adversarial_AE"]


def pythae_model(pythae, name):
    torch.manual_seed(0)
    config = getattr(pythae, name + ("_Config" if "_" in name else "Config"))
    more = {"num_embeddings": 8} if name == "VQVAE" else {}
    return getattr(pythae, name)(config(input_dim=(1, 8, 8), latent_dim=4, **more))


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_pythae_reconstructs_as_itself(pythae, name):
    model = pythae_model(pythae, name).eval()
    images = torch.rand(5, 1, 8, 8)
    wrapped = Autoencoder.from_pythae(model)
    found = vicinal.decode(wrapped, vicinal.encode(wrapped, images))
    with torch.no_grad():
        assert torch.allclose(found, model.reconstruct(images), atol=1e-5)


@pytest.mark.parametrize("name", VARIATIONAL)
def test_pythae_gives_means(pythae, name):
    model = pythae_model(pythae, name).train()
    images = torch.rand(3, 1, 8, 8)
    latents = vicinal.encode(model, images)  # recognised without from_pythae
    assert torch.equal(latents, vicinal.encode(Autoencoder.from_pythae(model), images))
    assert vicinal.decode(model, latents).shape == (3, 1, 8, 8)
    assert model.training
    model.eval()
    with torch.no_grad():
        means = model.encoder(images).embedding
        if name == "SVAE":
            assert torch.allclose(latents, torch.nn.functional.normalize(means, dim=-1), atol=1e-6)
        elif name in ("VAE_LinNF", "VAE_IAF"):
            model._sample_gauss = lambda mu, std: (mu, std)  # no noise: embed is then the image of the mean
            assert torch.allclose(latents, model.embed(images), atol=1e-5)
        else:
            assert torch.allclose(latents, means, atol=1e-6)


def test_scikit_learn():
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    table = np.random.default_rng(0).integers(10, size=(40, 6)).astype(np.uint8)
    pipeline = make_pipeline(StandardScaler(), PCA(3)).fit(table)
    latents = vicinal.encode(pipeline, table)  # integers as they are
    assert np.allclose(latents, pipeline.transform(table))
    assert np.allclose(vicinal.decode(pipeline, latents), pipeline.inverse_transform(latents))
    images = np.random.default_rng(0).random((40, 2, 3))
    folded = Autoencoder.from_sklearn(PCA(6).fit(images.reshape(40, 6)), image_shape=(2, 3))
    assert np.allclose(vicinal.decode(folded, vicinal.encode(folded, images)), images)
    tensors = vicinal.encode(folded, torch.from_numpy(images))
    assert isinstance(vicinal.decode(folded, tensors), torch.Tensor)
    with pytest.raises(TypeError, match="must have inverse_transform to decode latents"):
        vicinal.decode(Autoencoder.from_sklearn(type("T", (), {"transform": lambda self, x: x})()), table)
    sparse = FunctionTransformer(lambda x: __import__("scipy.sparse").sparse.csr_array(x))
    with pytest.raises(TypeError, match="encode must return one array; got csr_array"):
        vicinal.encode(sparse, table)
