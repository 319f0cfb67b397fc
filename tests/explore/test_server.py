"""What the server of the live explorer refuses."""

import http.client
import json
import socket
import sys
from urllib.parse import urlsplit

import pytest

from vicinal._errors import InvalidInputError, MissingExtraError
from vicinal.explore import Studio, serve

pytestmark = pytest.mark.xdist_group("explore")
UPLOAD = 'Content-Disposition: form-data; name="files"; filename="x.txt"\r\n\r\nmore than a byte\r\n'


@pytest.fixture
def ask(running):
    """Return a function that asks the server, without mending the path: (status, headers, text)."""
    address, _ = running

    def call(path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        found = response.status, response.headers, response.read().decode("utf-8", "replace")
        connection.close()
        return found

    return call


def test_it_listens_on_this_machine_alone(running):
    parts = urlsplit(running[0])
    assert parts.hostname == "127.0.0.1"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", parts.port))  # an address of this machine too, which 0.0.0.0 would take


def test_pages_may_load_from_this_machine_alone(ask):
    for path in ("/", "/config", "/theme.css"):
        status, headers, _ = ask(path)
        sources = {word for part in headers["content-security-policy"].split(";") for word in part.split()[1:]}
        assert status == 200
        assert sources <= {"'self'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1.example.com", "192.168.0.1", "evil.localhost"])
def test_it_answers_to_its_own_name_alone(ask, host):
    assert ask("/", Host=host)[0] == 400
    assert ask("/", Host="localhost:1")[0] == 200


@pytest.mark.parametrize(
    "prefix", ["/gradio_api/file=", "/file=", "/gradio_api/file/", "/gradio_api/stream/", "/static/", "/assets/"]
)
def test_no_file_of_this_machine_is_reachable(ask, running, prefix):
    folder = running[1]
    secret = folder / "secret.txt"
    up = "../" * 12 + str(secret).lstrip("/")
    for path in (
        secret,
        "secret.txt",
        "images.npy",
        up,
        up.replace("../", "..%2f"),
        f"{folder}/../{secret}",
        f"file://{secret}",
    ):
        status, _, text = ask(f"{prefix}{path}")
        assert status >= 400, path
        assert "a secret" not in text, path


def test_nothing_can_be_uploaded(ask):
    body = f"--b\r\n{UPLOAD}--b--\r\n"
    status, _, _ = ask("/gradio_api/upload", "POST", body, **{"Content-Type": "multipart/form-data; boundary=b"})
    assert status >= 400


def test_no_widget_takes_a_file_of_the_reader(ask):
    """A widget that takes files would read those that a request names."""
    config = json.loads(ask("/config")[2])
    takes = {place for call in config["dependencies"] for place in call["inputs"]}
    kinds = {part["type"] for part in config["components"] if part["id"] in takes}
    assert kinds <= {"dropdown", "number", "slider", "state"}
    assert config["analytics_enabled"] is False


def test_a_taken_port_is_said(model, samplers):
    pytest.importorskip("gradio", reason="gradio is not installed: it is the extra explore")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInputError, match=f"port {port} is taken .*; pass another one, or 0"):
            serve(Studio(model, samplers), port=port)


def test_without_gradio_the_error_says_how_to_install_it(model, samplers, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(MissingExtraError, match=r'pip install "vicinal\[explore\]"'):
        serve(Studio(model, samplers))
