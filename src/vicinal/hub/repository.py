"""Where the file of a model is: here, in a folder, or in a repository of huggingface.co."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vicinal import storage
from vicinal._errors import HubError, InvalidInputError, import_extra
from vicinal._version import __version__

FILE, SCHEME = "model.safetensors", "hf://"


def located(path: storage.PathLike, within: storage.PathLike = "") -> Path:
    """Return the file of a model: itself, the one in a folder, or the one of ``"hf://user/repo"``, downloaded.

    A path that is not absolute is one within the folder ``within``.
    """
    if isinstance(path, str) and path.startswith(SCHEME):
        return downloaded(path, None, local_files_only=False)
    if isinstance(path, Path) and path.parts[:1] == ("hf:",) and not path.exists():
        raise InvalidInputError(f"{path} has lost a slash, as every Path does: pass a repository as text, {SCHEME}...")
    found = Path(within) / path
    if not found.is_dir():
        return found
    if not (found / FILE).is_file():
        raise FileNotFoundError(
            f"{found} is not a file, but a folder without {FILE}; expected one written by save() or save_pretrained()"
        )
    return found / FILE


def downloaded(name: str, revision: str | None, local_files_only: bool) -> Path:
    """Return the file of a repository, from the cache of huggingface_hub if it is there."""
    repo_id, named = parsed(name)
    if revision is not None and named is not None:
        raise InvalidInputError(f"revision is given twice: {named} in {name}, and revision={revision!r}; leave one out")
    revision = named if revision is None else revision
    hub = import_extra("huggingface_hub", "hub")
    option = "" if revision is None else f" --revision {revision}"
    here = "" if name.startswith(SCHEME) else f"there is no folder {name} here, and "
    with _told_in_one_line(
        f"{here}{FILE} of {SCHEME}{repo_id} could not be downloaded",
        f"To do without a network, run elsewhere: hf download {repo_id} {FILE}{option} --local-dir DIR, then copy DIR "
        "here and load DIR",
    ):
        return Path(
            hub.hf_hub_download(
                repo_id,
                FILE,
                revision=revision,
                local_files_only=local_files_only,
                library_name="vicinal",
                library_version=__version__,
            )
        )


def uploaded(folder: storage.PathLike, repo_id: str, private: bool | None, token: str | None, message: str) -> str:
    """Upload a folder to a repository, which is made if it is not there, and return the address of the commit."""
    hub = import_extra("huggingface_hub", "hub")
    remedy = "Log in with hf auth login, or call save_pretrained(DIR) and upload DIR from elsewhere"
    with _told_in_one_line(f"{repo_id} could not be uploaded", remedy):
        api = hub.HfApi(token=token, library_name="vicinal", library_version=__version__)
        api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message)
    return str(commit.commit_url)


def parsed(name: str) -> tuple[str, str | None]:
    """Return the name and the revision in ``[hf://]user/repo[@revision]``."""
    match = re.fullmatch(r"(?:hf://)?([\w.-]+/[\w.-]+)(?:@(.+))?", name, re.ASCII)
    if match is None:
        raise InvalidInputError(
            f"{name} is no folder or file here, and no repository: expected user/repo, or hf://user/repo@revision"
        )
    return match[1], match[2]


@contextmanager
def _told_in_one_line(what: str, remedy: str) -> Iterator[None]:
    """Have errors of huggingface_hub and of its network told in one line."""
    errors = import_extra("huggingface_hub.errors", "hub")
    try:
        yield
    except errors.HFValidationError as error:
        raise InvalidInputError(f"{what}: {textwrap.shorten(str(error), 300)}") from None
    except (OSError, errors.HTTPError, errors.EntryNotFoundError) as error:
        reason = textwrap.shorten(f"{type(error).__name__}: {error}", 300)
        raise HubError(f"{what} ({reason}). {remedy}") from error
