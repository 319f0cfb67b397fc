"""The methods that a sampler and an autoencoder share: folders and repositories in, folders and repositories out."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Self

from vicinal import storage
from vicinal._errors import FileFormatError, InvalidInputError
from vicinal.hub import card, repository
from vicinal.hub.card import CARD
from vicinal.hub.repository import FILE, SCHEME


class Shared:
    """The part of a sampler or autoencoder that reads and writes folders and repositories."""

    _card_use: ClassVar[tuple[str, str]]  # the variable that the card loads, and a line of code that uses it

    save: Any

    @classmethod
    def from_artifact(cls, artifact: storage.Artifact) -> Self:
        """Return what a verified file holds."""
        raise NotImplementedError

    def _card_lines(self, latents: Any) -> list[str]:
        """Return the lines of the card that say what this is, and how new its samples are."""
        raise NotImplementedError

    @classmethod
    def load(cls, path: storage.PathLike) -> Self:
        """Load what `save` of this class wrote; a class of your own is loaded so.

        Parameters
        ----------
        path : path_like
            A file, a folder that `save_pretrained` wrote, or ``"hf://user/repo"``, see `vicinal.load`.

        Returns
        -------
        An instance of this class
            Fitted or trained. Samples are NumPy arrays, and networks are on the CPU.

        Raises
        ------
        FileFormatError
            If the file is not vicinal's, is damaged, or holds another class.
        OSError
            If the file cannot be read or downloaded.
        """
        artifact = storage.read(repository.located(path))
        if artifact.kind != cls.__name__:
            raise FileFormatError(
                f"{artifact.path} holds a {artifact.kind}, and this is {cls.__name__}.load: call vicinal.load, or "
                f"{artifact.kind}.load if that class is yours"
            )
        return cls.from_artifact(artifact)

    @classmethod
    def from_pretrained(
        cls, dir_or_repo: storage.PathLike, *, revision: str | None = None, local_files_only: bool = False
    ) -> Self:
        """Load a folder that `save_pretrained` wrote, or a repository of huggingface.co.

        Parameters
        ----------
        dir_or_repo : path_like
            A folder or file. If there is none, ``"user/repo"`` is a repository.
        revision : str, optional
            Branch, tag or commit of the repository; the main branch without.
        local_files_only : bool
            Whether to take only what was downloaded before, without asking the network.

        Returns
        -------
        An instance of this class
            As `load` returns it.

        Raises
        ------
        FileFormatError
            If the file is not vicinal's, is damaged, or holds another class.
        HubError
            If the repository cannot be downloaded; the message says how to do without a network.
        InvalidInputError
            If this is no name of a repository, or if a folder is given with a revision.
        MissingExtraError
            For a repository, if huggingface_hub is not installed.
        """
        name = os.fspath(dir_or_repo)
        if name.startswith(SCHEME) or not Path(name).exists():
            return cls.load(repository.downloaded(name, revision, local_files_only))
        if revision is not None:
            raise InvalidInputError(
                f"revision goes with a repository, and {name} is a folder or file here: leave revision out, or write "
                f"{SCHEME}{name} for the repository"
            )
        return cls.load(name)

    def save_pretrained(
        self, save_directory: storage.PathLike, *, scores: Any = None, latents: Any = None, licence: str | None = None
    ) -> None:
        """Write a folder with the model and its card, to be loaded by `from_pretrained` or `vicinal.load`.

        Parameters
        ----------
        save_directory : path_like
            The folder; it is made if it is not there. What an earlier call wrote is replaced, the card as well.
        scores : vicinal.evaluation.Scores, optional
            What `vicinal.evaluate` returned. The card shows the table. Without it, the card says that nothing was
            measured.
        latents : array_like of shape (n_samples, *event_shape), optional
            The latents that a sampler was fitted to. The card then has the nn ratio and the share of copied samples.
        licence : str, optional
            Name of a licence such as ``"apache-2.0"``. Without it, the card names none.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            For a sampler before `fit`.
        InvalidInputError
            If the folder has a file of one of the two names that this method did not write.
        OSError
            If the folder cannot be written.

        Examples
        --------
        >>> import tempfile, numpy as np
        >>> from vicinal import PMFSampler
        >>> sampler = PMFSampler(4, random_state=0).fit(np.eye(3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sampler.save_pretrained(folder)
        ...     again = PMFSampler.from_pretrained(folder)
        >>> bool((again.sample(5) == sampler.sample(5)).all())
        True
        """
        self._write(Path(save_directory), "path/to/this/folder", scores, latents, licence)

    def push_to_hub(
        self,
        repo: str,
        *,
        scores: Any = None,
        latents: Any = None,
        licence: str | None = None,
        private: bool | None = None,
        token: str | None = None,
        commit_message: str = "Upload with vicinal",
    ) -> str:
        """Upload the model and its card to a repository of huggingface.co.

        A file may hold training latents: `LocalSampler`, `KDESampler`, `CopulaSampler` and `BootstrapSampler` keep
        them. Publish it only if you may publish those.

        Parameters
        ----------
        repo : str
            ``"user/repo"``. It is made if it is not there. Both files are replaced, the card as well; earlier ones stay
            in its history.
        scores, latents, licence
            As in `save_pretrained`.
        private : bool, optional
            Whether a new repository is private. Without it, the settings of your account decide.
        token : str, optional
            Access token. Without it, the one that ``hf auth login`` stored.
        commit_message : str
            What the history says.

        Returns
        -------
        str
            Address of the commit.

        Raises
        ------
        HubError
            If the upload fails; the message gives the reason.
        InvalidInputError
            If this is no name of a repository.
        MissingExtraError
            If huggingface_hub is not installed.
        """
        repo_id, revision = repository.parsed(repo)
        if revision is not None:
            raise InvalidInputError(f"repo must be user/repo, without a revision; got {repo}")
        with tempfile.TemporaryDirectory() as folder:
            self._write(Path(folder), f"{SCHEME}{repo_id}", scores, latents, licence)
            return repository.uploaded(folder, repo_id, private, token, commit_message)

    def _write(self, folder: Path, place: str, scores: Any, latents: Any, licence: str | None) -> None:
        """Write model and card to a folder; the card is made first, so that wrong arguments leave nothing behind."""
        if folder.exists() and not folder.is_dir():
            raise InvalidInputError(f"save_directory must be a folder; {folder} is a file: call save for a single file")
        there = [name for name in (FILE, CARD) if (folder / name).exists()]
        if there and not card.is_ours(folder / CARD):
            raise InvalidInputError(
                f"{folder} already has {' and '.join(there)}, which save_pretrained did not write: name another folder"
            )
        lines = self._card_lines(latents)
        text = card.text_of(type(self), lines, self._card_use, place, scores, licence)
        folder.mkdir(parents=True, exist_ok=True)
        self.save(folder / FILE)
        storage.write_atomic(folder / CARD, text.encode("utf-8"))
