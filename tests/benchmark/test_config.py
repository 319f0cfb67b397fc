"""The TOML file of a study: what is read, and what is said of what cannot be used."""

import dataclasses
import json
from pathlib import Path

import pytest

from vicinal._errors import FileFormatError, InvalidInputError, InvalidTypeError
from vicinal.benchmark import Config
from vicinal.benchmark.config import sampler_of
from vicinal.report import slug
from vicinal.samplers import VampSampler

CONFIGS = Path(__file__).parents[2] / "benchmarks" / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_studies_of_the_repository(path):
    config = Config.read(path)
    assert config.folder == CONFIGS
    assert "PMF, auto" in config.samplers or "PMF, auto, novelty=1.0" in config.samplers
    for settings in config.samplers.values():  # values of parameters are only looked at here
        plain = {key: value for key, value in settings.items() if key != "autoencoders"}
        sampler = sampler_of(plain, None, 7)
        assert {"random_state": 7, **plain}.items() <= {**sampler.get_params(), "sampler": plain["sampler"]}.items()


def test_what_is_written_is_what_is_read(tiny, full, write_toml):
    for study in (tiny(), full, tiny(data={"name": "digits", "held_out": ["test"]}, n_samples=None, max_searched=None)):
        path = write_toml(study)
        config = Config.read(path)
        assert config == dataclasses.replace(study, folder=path.parent)
        again = Config.from_dict(json.loads(json.dumps(config.to_dict())))
        assert dataclasses.replace(again, folder=config.folder) == config
        assert again.to_dict() == config.to_dict()


def test_lists_are_sweeps(tiny):
    config = tiny(
        samplers={
            "G": {"sampler": "GMMSampler", "n_components": [1, "bic"], "tol": 0.1},
            "L": {"sampler": "LocalSampler", "n_neighbors": [8, 16], "scale": [1.0, 0.5], "autoencoders": ["AE"]},
        },
        baseline="G, n_components=1",
    )
    assert list(config.samplers) == [
        "G, n_components=1",
        "G, n_components=bic",
        *(f"L, n_neighbors={k}, scale={scale}" for k in (8, 16) for scale in (1.0, 0.5)),
    ]
    assert config.samplers["G, n_components=bic"] == {"sampler": "GMMSampler", "n_components": "bic", "tol": 0.1}
    last = {"sampler": "LocalSampler", "n_neighbors": 16, "scale": 0.5, "autoencoders": ["AE"]}
    assert config.samplers["L, n_neighbors=16, scale=0.5"] == last
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))).samplers == config.samplers


@pytest.mark.parametrize("name", ["Local", "LOCAL", "local", "LocalSampler", "local_sampler"])
def test_names_of_samplers_are_those_of_the_command_line(tiny, name):
    config = tiny(samplers={"L": {"sampler": name, "n_neighbors": [8, 16]}})
    expected = tiny(samplers={"L": {"sampler": "LocalSampler", "n_neighbors": [8, 16]}})
    assert config == expected
    assert tiny(samplers={"V": {"sampler": "Vamp"}}).samplers["V"] == {"sampler": "VampSampler"}


def test_a_parameter_that_is_a_list_is_swept_by_a_list_of_lists(tiny):
    one = {"F": {"sampler": "TwoStageSampler", "hidden_units": [8, 4]}}
    assert tiny(samplers=one).samplers == one
    several = tiny(samplers={"F": {"sampler": "TwoStageSampler", "hidden_units": [[8], [8, 4]]}})
    assert {name: each["hidden_units"] for name, each in several.samplers.items()} == {
        "F, hidden_units=8": [8],
        "F, hidden_units=8x4": [8, 4],
    }


def test_defaults(tmp_path):
    path = tmp_path / "least.toml"
    path.write_text(
        'title = "T"\n[data]\nname = "digits"\n[features]\nname = "pixels"\n'
        '[autoencoders]\n"A" = { objective = "ae" }\n[samplers]\n"G" = { sampler = "GaussianSampler" }\n'
    )
    config = Config.read(path)
    assert (config.training_seeds, config.sampling_seeds) == ((0,), (0, 1, 2))
    assert {"frechet_distance", "nn_ratio", "feature_nn_ratio"} <= set(config.metrics)
    assert config.show_training_images


def bad(read=None, error=InvalidInputError, message="", **changes):
    return pytest.param(changes, error, message, id=read or next(iter(changes)))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        bad("no title", title="", message="title must be a text"),
        bad("no training seeds", training_seeds=(), message="training_seeds must be a list of one or more different"),
        bad("equal seeds", sampling_seeds=(0, 1, 0), message=r"sampling_seeds .* different integers; got \(0, 1, 0\)"),
        bad("one seed alone", sampling_seeds=3, message="sampling_seeds must be a list of one or more"),
        bad("seeds below 0", training_seeds=(-1,), message="training_seeds must be an integer from 0"),
        bad("seeds of text", training_seeds=("a",), error=InvalidTypeError, message="training_seeds must be an int"),
        bad("few samples", n_samples=9, message="n_samples must be an integer at least 10; got 9"),
        bad("few searched", max_searched=9, message="max_searched must be an integer at least 10; got 9"),
        bad("other data", data={"name": "faces"}, message="data.name must be one of 'digits', .*'faces'"),
        bad("data without name", data={}, message="data.name must be one of .*; got None"),
        bad("options of data", data={"name": "digits", "size": 3}, message="unknown size; digits takes .*held_out"),
        bad("data_dir", data={"name": "mnist", "data_dir": "."}, message="data has unknown data_dir"),
        bad("other features", features={"name": "vgg"}, message="features.name must be one of 'classifier', .*'vgg'"),
        bad(
            "options of pixels",
            features={"name": "pixels", "n_epochs": 3},
            message="features has unknown n_epochs; pixels takes no options",
        ),
        bad(
            "options of a classifier",
            features={"name": "classifier", "device": "cpu"},
            message="features has unknown device; classifier takes hidden_units, n_epochs, random_state",
        ),
        bad("other metrics", metrics=("fid", "nn_ratio"), message="metrics must be one of .*; got 'fid'"),
        bad("no novelty", metrics=("frechet_distance",), message="metrics must name 'frechet_distance' and 'nn_ratio'"),
        bad("no quality", metrics=("nn_ratio",), message="metrics must name 'frechet_distance' and 'nn_ratio'"),
        bad("no autoencoders", autoencoders={}, message=r"at least one entry in \[autoencoders\]"),
        bad("no samplers", samplers={}, message=r"at least one entry in .* \[samplers\]"),
        bad("neither", autoencoders={"AE": {}}, message="autoencoders.AE must have an objective, or a path"),
        bad("no table", autoencoders={"AE": "ae"}, message="autoencoders.AE must be a table; got 'ae'"),
        bad("number", autoencoders={"AE": {"path": 3}}, message="autoencoders.AE must have an objective, or a path"),
        bad(
            "equal slugs",
            autoencoders={"RAE L2": {"objective": "ae"}, "rae-l2": {"objective": "vae"}},
            message="names must differ in letters and digits: RAE L2, rae-l2",
        ),
        bad(
            "equal slugs of samplers",
            samplers={"PMF, 8": {"sampler": "PMFSampler"}, "PMF 8": {"sampler": "PMFSampler"}},
            message="names must differ in letters and digits: PMF 8, PMF, 8",
        ),
        bad("sampler, no table", samplers={"G": "GaussianSampler"}, message="samplers.G must be a table"),
        bad("sampler, no class", samplers={"G": {}}, message="samplers.G.sampler must be one of local, .*; got None"),
        bad("other class", samplers={"G": {"sampler": "GAN"}}, message="samplers.G.sampler must .*; got 'GAN'"),
        bad("the base", samplers={"G": {"sampler": "Sampler"}}, message="samplers.G.sampler must be one of"),
        bad(
            "other parameter",
            samplers={"P": {"sampler": "PMFSampler", "bins": 3}},
            message="samplers.P has unknown bins; PMFSampler takes .*n_bins",
        ),
        bad(
            "seed of a sampler",
            samplers={"P": {"sampler": "PMFSampler", "random_state": 3}},
            message="samplers.P has unknown random_state",
        ),
        bad(
            "autoencoder of a sampler",
            samplers={"V": {"sampler": "VampSampler", "autoencoder": "AE"}},
            message="samplers.V has unknown autoencoder;",
        ),
        bad(
            "other autoencoder",
            samplers={"P": {"sampler": "PMFSampler", "autoencoders": ["AE", "VAE"]}},
            message="samplers.P.autoencoders must be one of 'AE'; got 'VAE'",
        ),
        bad(
            "row of every study",
            samplers={"bootstrap copies": {"sampler": "BootstrapSampler"}},
            message="samplers.bootstrap copies is a row that every study has; give yours another name",
        ),
        bad("other baseline", baseline="GMM", message="baseline must be one of 'Gaussian', .*'GMM'"),
        bad("shown, not there", shown=("KDE", "GMM"), message="shown must be one of .*; got 'GMM'"),
        bad("saved, not there", saved={"gmm": "GMM"}, message="saved.gmm must be one of .*; got 'GMM'"),
        bad("saved, no file name", saved={"my KDE": "KDE"}, message="saved.my KDE must be part of a file name"),
        bad("none shown", n_shown=0, message="n_shown must be an integer at least 1; got 0"),
        bad(
            "empty sweep",
            samplers={"G": {"sampler": "GMMSampler", "n_components": []}},
            message="samplers.G must have one or more values in each list",
        ),
        bad(
            "two of one name",
            samplers={"G, tol=2": {"sampler": "GMMSampler"}, "G": {"sampler": "GMMSampler", "tol": [2]}},
            message="samplers.G must have a name of its own; 'G, tol=2' is there already",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used(tiny, changes, error, message):
    with pytest.raises(error, match=message):
        tiny(**changes)


@pytest.mark.parametrize("name", ["random_state", "device", "checkpoint", "resume", "on_epoch", "validation"])
def test_options_that_belong_to_the_study(tiny, name):
    for changes in (
        {"autoencoders": {"AE": {"objective": "ae", name: 1}}},
        {"training": {"latent_dim": 2, name: 1}},
    ):
        with pytest.raises(InvalidInputError, match=f"autoencoders.AE must leave {name} to the study"):
            tiny(**changes)


def test_files_that_are_no_study(tiny, write_toml, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text("title = ")
    with pytest.raises(FileFormatError, match=r"study.toml is no TOML file \(Invalid value"):
        Config.read(path)
    path.write_bytes(b"title = '\xff'")
    with pytest.raises(FileFormatError, match=r"study.toml is no TOML file"):
        Config.read(path)
    with pytest.raises(FileFormatError, match=r"has unknown keys n_seeds, seeds; a study has autoencoders, .*, title"):
        Config.read(write_toml(tiny(), "seeds = [0]\nn_seeds = 3"))
    with pytest.raises(FileFormatError, match=r"lacks features, samplers; a study has"):
        Config.read(write_toml(tiny(), without=("samplers", "features")))
    with pytest.raises(FileFormatError, match=r"study.toml: training must be a table; got 3"):
        Config.read(write_toml(tiny(), training=3))
    with pytest.raises(FileFormatError, match=r"has unknown keys baselin.*: did you mean 'baseline'\?"):
        Config.read(write_toml(tiny(), baselin="x"))
    with pytest.raises(FileFormatError, match="unknown keys folder"):
        Config.read(write_toml(tiny(), 'folder = "."'))
    with pytest.raises(FileNotFoundError):
        Config.read(tmp_path / "absent.toml")


def test_copies_are_added_and_samplers_kept_to_their_autoencoders(full):
    assert "prior" not in full.samplers_of("AE")
    of_vamp = full.samplers_of("Vamp")
    assert list(of_vamp) == ["bootstrap copies", *full.samplers]
    assert of_vamp["prior"] == {"sampler": "VampSampler"}
    assert of_vamp["bootstrap copies"] == {"sampler": "BootstrapSampler"}


def test_an_autoencoder_differs_from_the_others_where_it_says_so(tiny):
    config = tiny(autoencoders={"A": {"objective": "ae", "width": 8}, "B": {"path": "b.safetensors"}})
    assert config.training_of("A") == {"latent_dim": 2, "width": 8, "n_epochs": 1, "batch_size": 500, "objective": "ae"}
    assert config.training_of("B") == {"path": "b.safetensors"}


def test_samplers_are_given_the_model_if_they_take_one():
    model = object()
    assert sampler_of({"sampler": "VampSampler"}, model, 3).autoencoder is model
    sampler = sampler_of({"sampler": "PMFSampler", "n_bins": 5}, model, 3)
    assert (sampler.n_bins, sampler.random_state) == (5, 3)
    assert isinstance(sampler_of({"sampler": "VampSampler"}, None, 0), VampSampler)


def test_slugs():
    assert slug("  VampPrior (β = 2)! ") == "vampprior-2"


def test_misspelt_settings_are_answered_with_the_nearest(tiny):
    """In tables, names of samplers, and settings of a training."""
    with pytest.raises(InvalidInputError, match=r"samplers.P has unknown n_bin; .*: did you mean 'n_bins'\?"):
        tiny(samplers={"P": {"sampler": "PMFSampler", "n_bin": 3}})
    with pytest.raises(InvalidInputError, match=r"got 'Lokal': did you mean 'local'\?"):
        tiny(samplers={"P": {"sampler": "Lokal"}})
    pytest.importorskip("torch")
    from vicinal.benchmark.runner import try_out

    with pytest.raises(InvalidInputError, match=r"ae has no option 'n_epoch'; it has none: did you mean 'n_epochs'\?"):
        try_out(tiny(training={"latent_dim": 2, "n_epoch": 3}))
