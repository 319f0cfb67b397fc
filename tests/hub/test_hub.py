"""Folders and repositories of one model; the hub is a folder here, behind huggingface_hub's own signatures."""

import inspect
import re
import shutil

import numpy as np
import pytest

import vicinal
from vicinal import _errors, samplers, storage
from vicinal.evaluation import Scores
from vicinal.samplers import BootstrapSampler, LocalSampler, PMFSampler, Sampler


class Twice(BootstrapSampler):
    """A class of a user's own."""

    def _sample(self, draws):
        return 2 * super()._sample(draws)


class Means(Sampler):
    """A class of a user's own, written from nothing."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def _fit(self, batches):
        return {"mean_": np.mean([row for batch in batches for row in batch.rows], axis=0)}

    def _sample(self, draws):
        return np.tile(self.mean_, (draws.n_samples, 1))


@pytest.fixture
def latents():
    return np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)


@pytest.fixture
def sampler(latents):
    return PMFSampler(4, random_state=0).fit(latents)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Have huggingface_hub read and write folders ``user/repo[@revision]`` below the one that is returned."""
    real = pytest.importorskip("huggingface_hub")
    from huggingface_hub import errors

    root, download, upload = tmp_path / "hub", inspect.signature(real.hf_hub_download), real.HfApi.upload_folder

    def hf_hub_download(*args, **kwargs):
        call = download.bind(*args, **kwargs).arguments
        revision = call.get("revision")
        path = root / (call["repo_id"] + ("" if revision is None else f"@{revision}")) / call["filename"]
        if not path.exists():
            raise errors.LocalEntryNotFoundError("Cannot find the file,\n\ncheck your connection")
        path.parent.joinpath("asked").write_text(str(call.get("local_files_only")))
        return str(path)

    def create_repo(self, repo_id, *, private=None, exist_ok=False):
        (root / repo_id).mkdir(parents=True, exist_ok=exist_ok)
        (root / repo_id / "private").write_text(str(private))

    def upload_folder(self, **kwargs):
        call = inspect.signature(upload).bind(self, **kwargs).arguments
        shutil.copytree(call["folder_path"], root / call["repo_id"], dirs_exist_ok=True)
        return real.CommitInfo(
            commit_url=f"https://huggingface.co/{call['repo_id']}/commit/abc", commit_message="m",
            commit_description="", oid="abc",
        )  # fmt: skip

    monkeypatch.setattr(real, "hf_hub_download", hf_hub_download)
    monkeypatch.setattr(real.HfApi, "create_repo", create_repo)
    monkeypatch.setattr(real.HfApi, "upload_folder", upload_folder)
    return root


def card_of(folder):
    return (folder / "README.md").read_text("utf-8")


def test_a_folder_gives_the_same_sampler(make_sampler, latents, tmp_path):
    sampler = make_sampler(3, random_state=0).fit(latents)
    sampler.save_pretrained(tmp_path / "new" / "folder")
    assert sorted(path.name for path in (tmp_path / "new/folder").iterdir()) == ["README.md", "model.safetensors"]
    for again in (vicinal.load(tmp_path / "new/folder"), type(sampler).from_pretrained(str(tmp_path / "new/folder"))):
        assert type(again) is type(sampler)
        assert np.array_equal(again.sample(20), sampler.sample(20))


def test_a_folder_gives_the_same_autoencoder(tmp_path):
    torch = pytest.importorskip("torch")
    from vicinal.autoencoders.networks import ConvAutoencoder

    model = ConvAutoencoder((1, 8, 8), 2)
    model.card = {"objective": "ae", "mean_squared_error": 0.25, "validation_mean_squared_error": None}
    model.save_pretrained(tmp_path)
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for again in (vicinal.load(tmp_path), ConvAutoencoder.from_pretrained(tmp_path)):
        assert torch.equal(again.encode(images), model.encode(images))
    assert "- mean squared error: 0.25\n" in card_of(tmp_path)
    assert "validation" not in card_of(tmp_path)
    with pytest.raises(ValueError, match="latents go with the card of a sampler"):
        model.save_pretrained(tmp_path, latents=np.eye(2))
    with pytest.raises(ValueError, match='leave like="numpy" out'):
        vicinal.load(tmp_path, like="numpy")


def test_the_card_says_what_was_measured(latents, tmp_path):
    scores = Scores([{"name": "mine", "reference": False, "n": 9, "nn_ratio": 0.97}], notes=["a note"])
    sampler = BootstrapSampler(random_state=0).fit(latents)
    sampler.save_pretrained(tmp_path, scores=scores, latents=latents, licence="mit")
    text = card_of(tmp_path)
    assert text.startswith("---\nlibrary_name: vicinal\n")
    assert '\nlicense: "mit"\n' in text.split("---")[1]
    assert scores.to_markdown() in text
    assert "nn ratio 0.00, copied 100.0 %: near copies of training latents." in text
    assert "Nothing was measured" not in text


def test_the_card_says_what_was_not_measured(sampler, latents, tmp_path):
    sampler.save_pretrained(tmp_path)
    assert "How new the samples are was not measured: no training latents were given." in card_of(tmp_path)
    assert "Nothing was measured: no table of scores was given." in card_of(tmp_path)
    assert "license" not in card_of(tmp_path)
    calibrated = LocalSampler(random_state=0).fit(latents)
    calibrated.save_pretrained(tmp_path)
    assert f"nn ratio {calibrated.nn_ratio_:.2f} ± {calibrated.nn_ratio_se_:.2f}, by calibration" in card_of(tmp_path)


def test_the_code_on_the_card_runs(sampler, tmp_path, monkeypatch, hub):
    sampler.push_to_hub("user/repo")
    names = {}
    exec(re.search("```python\n(.*?)```", card_of(hub / "user/repo"), re.S)[1], names)  # noqa: S102
    assert np.array_equal(names["latents"], sampler.sample(16))


def test_a_repository(sampler, hub, latents):
    assert sampler.push_to_hub("user/repo", private=True) == "https://huggingface.co/user/repo/commit/abc"
    assert (hub / "user/repo/private").read_text() == "True"
    for again in (vicinal.load("hf://user/repo"), PMFSampler.from_pretrained("user/repo")):
        assert np.array_equal(again.sample(20), sampler.sample(20))
    PMFSampler.from_pretrained("user/repo", local_files_only=True)
    assert (hub / "user/repo/asked").read_text() == "True"


def test_a_revision(sampler, hub, latents, tmp_path):
    other = PMFSampler(3, random_state=1).fit(latents)
    sampler.save_pretrained(hub / "user/repo")
    other.save_pretrained(hub / "user/repo@refs/pr/1")
    named = vicinal.load("hf://user/repo@refs/pr/1")
    given = PMFSampler.from_pretrained("user/repo", revision="refs/pr/1")
    assert named.n_bins_ == given.n_bins_ == 3
    assert vicinal.load("hf://user/repo").n_bins_ == 4
    with pytest.raises(ValueError, match="revision is given twice"):
        PMFSampler.from_pretrained("user/repo@a", revision="b")
    with pytest.raises(ValueError, match="revision goes with a repository"):
        PMFSampler.from_pretrained(hub / "user/repo", revision="b")
    with pytest.raises(ValueError, match="without a revision"):
        sampler.push_to_hub("user/repo@b")


def test_what_cannot_be_downloaded(hub):
    with pytest.raises(OSError, match=r"could not be downloaded .*Cannot find the file, check.*--local-dir DIR") as one:
        vicinal.load("hf://user/absent@v1")
    assert isinstance(one.value, _errors.HubError)
    assert "hf download user/absent model.safetensors --revision v1 --local-dir DIR" in str(one.value)
    assert "\n" not in str(one.value)
    with pytest.raises(_errors.HubError, match="there is no folder user/absent here"):
        PMFSampler.from_pretrained("user/absent")


def test_what_cannot_be_uploaded(sampler, hub, monkeypatch):
    from huggingface_hub import HfApi, errors

    def fail(self, **kwargs):
        raise errors.HTTPError("401, who are you")

    monkeypatch.setattr(HfApi, "upload_folder", fail)
    with pytest.raises(_errors.HubError, match=r"user/repo could not be uploaded .*401, who are you.*hf auth login"):
        sampler.push_to_hub("user/repo")


@pytest.mark.parametrize("name", ["hf://repo", "hf://user/repo/file", "hf://", "no such folder", "hf://user/../x"])
def test_names_that_are_no_repositories(name, hub):
    with pytest.raises(ValueError, match=r"expected user/repo, or hf://user/repo@revision"):
        PMFSampler.from_pretrained(name)


def test_names_that_the_hub_refuses():
    pytest.importorskip("huggingface_hub")
    with pytest.raises(_errors.InvalidInputError, match="could not be downloaded"):
        vicinal.load("hf://user/a--b..c")


def test_without_huggingface_hub(sampler, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(_errors.MissingExtraError, match=r'pip install "vicinal\[hub\]"'):
        vicinal.load("hf://user/repo")
    sampler.save_pretrained(tmp_path)  # folders need nothing
    assert np.array_equal(vicinal.load(tmp_path).sample(5), sampler.sample(5))


def test_files_of_others_are_not_replaced(sampler, latents, tmp_path):
    (tmp_path / "README.md").write_text("# My project\n")
    with pytest.raises(ValueError, match=r"already has README.md, which save_pretrained did not write"):
        sampler.save_pretrained(tmp_path)
    assert card_of(tmp_path) == "# My project\n"
    assert not (tmp_path / "model.safetensors").exists()
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"file is a file: call save for a single file"):
        sampler.save_pretrained(tmp_path / "file")
    sampler.save_pretrained(tmp_path / "ours")
    BootstrapSampler().fit(latents).save_pretrained(tmp_path / "ours")
    assert isinstance(vicinal.load(tmp_path / "ours"), BootstrapSampler)


def test_wrong_arguments_leave_nothing_behind(sampler, latents, tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(TypeError, match=r"scores must be what vicinal.evaluate returns, or None; got a dict"):
        sampler.save_pretrained(tmp_path / "a", scores={})
    with pytest.raises(ValueError, match=r"latents must have shape \(n_samples, 3\), as in fit; got \(\.\.\., 2\)"):
        BootstrapSampler().fit(latents).save_pretrained(tmp_path / "a", latents=latents[:, :2])
    with pytest.raises(NotFittedError):
        PMFSampler().save_pretrained(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a folder without model.safetensors"):
        vicinal.load(tmp_path)


def test_nothing_is_unpickled(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x04cbuiltins\nexit\n.")
    with pytest.raises(_errors.FileFormatError, match="is not a vicinal file"):
        vicinal.load(tmp_path)


@pytest.mark.parametrize("kind", [Twice, Means])
def test_classes_of_users(kind, latents, tmp_path):
    sampler = kind(random_state=0).fit(latents)
    sampler.save(tmp_path / "s")
    assert np.array_equal(kind.load(tmp_path / "s").sample(9), sampler.sample(9))
    with pytest.raises(
        _errors.FileFormatError, match=rf"holds a {kind.__name__}.*import it and call {kind.__name__}.load"
    ):
        vicinal.load(tmp_path / "s")
    with pytest.raises(_errors.FileFormatError, match=rf"holds a {kind.__name__}, and this is BootstrapSampler.load"):
        BootstrapSampler.load(tmp_path / "s")
    sampler.save_pretrained(tmp_path / "folder")
    assert f"sampler = {kind.__name__}.load(" in card_of(tmp_path / "folder")


def test_the_abstract_class_names_what_loads(sampler, tmp_path):
    sampler.save(tmp_path / "s")
    with pytest.raises(
        _errors.FileFormatError, match=r"holds a PMFSampler, and this is Sampler.load: call vicinal.load"
    ):
        samplers.Sampler.load(tmp_path / "s")


def test_like(sampler, tmp_path):
    torch = pytest.importorskip("torch")
    sampler.save(tmp_path / "s")
    expected = sampler.sample(9)
    assert isinstance(vicinal.load(tmp_path / "s", like="numpy").sample(9), np.ndarray)
    drawn = vicinal.load(tmp_path / "s", like="torch").sample(9)
    assert isinstance(drawn, torch.Tensor)
    assert np.array_equal(drawn.numpy(), expected)
    assert isinstance(vicinal.load(tmp_path / "s", like="torch", device="cpu").sample(1), torch.Tensor)
    with pytest.raises(ValueError, match='like must be "numpy" or "torch"; got \'jax\''):
        vicinal.load(tmp_path / "s", like="jax")
    with pytest.raises(ValueError, match='like="numpy" has no device'):
        vicinal.load(tmp_path / "s", like="numpy", device="cpu")


def test_only_our_file_is_read(sampler, tmp_path):
    sampler.save_pretrained(tmp_path)
    (tmp_path / "README.md").write_bytes(b"\xff")
    (tmp_path / "config.json").write_text("{")
    assert np.array_equal(vicinal.load(tmp_path).sample(3), sampler.sample(3))
    assert storage.read(tmp_path / "model.safetensors").kind == "PMFSampler"
