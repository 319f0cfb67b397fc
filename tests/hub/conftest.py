"""A hub of its own: a server in this process that answers huggingface_hub as huggingface.co does."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class _Repositories(BaseHTTPRequestHandler):
    """Answers ``/user/repo/resolve/<revision>/<file>`` with files of folders ``user/repo@<revision>``."""

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def _answer(self, *, with_body):
        asked = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/([^?]+)", self.path)
        if asked is None:  # news that huggingface_hub asks for now and then
            self.send_error(404)
            return
        repo, revision, name = asked.groups()
        path = self.server.root / f"{repo}@{revision}" / name
        self.server.asked.append(f"{repo}@{revision}/{name}")
        is_there = path.is_file()
        content = path.read_bytes() if is_there else b"Entry not found"
        self.send_response(200 if is_there else 404)
        if not is_there:
            self.send_header("X-Error-Code", "EntryNotFound" if path.parent.is_dir() else "RepoNotFound")
        self.send_header("X-Repo-Commit", hashlib.sha1(f"{repo}@{revision}".encode()).hexdigest())  # noqa: S324
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Return a server: ``root`` has a folder ``user/repo@revision`` for each repository, ``asked`` what was asked."""
    constants = pytest.importorskip("huggingface_hub.constants")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Repositories)
    server.root, server.asked = tmp_path / "served", []
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
