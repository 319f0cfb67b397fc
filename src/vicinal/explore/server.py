"""The address of the live explorer: on this machine alone, and without anything from outside.

Three things keep it closed. It listens on 127.0.0.1. It answers only to that name, so a page elsewhere cannot reach it
through a name of its own that means this machine. And its pages may load from it alone, so none of them asks for fonts,
scripts or pictures elsewhere.
"""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from vicinal import _validation
from vicinal._errors import InvalidInputError, import_extra
from vicinal.explore.app import CSS, App
from vicinal.explore.studio import Studio

HOST = "127.0.0.1"
_NAMES = [HOST, "localhost"]
_POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' data: blob:"
_FONTS = ["system-ui", "sans-serif"]


def serve(studio: Studio, *, port: int = 7860, on_ready: Any = print) -> None:
    """Show a studio in the browser until it is interrupted.

    Parameters
    ----------
    studio : Studio
        The model, its samplers and the training images.
    port : int
        In 0..65535; 0 takes a free one.
    on_ready : callable
        Called with the address before it answers.

    Raises
    ------
    InvalidInputError
        If the port is taken.
    MissingExtraError
        If gradio is not installed.
    """
    _validation.check_integer(port, "port", minimum=0, maximum=65535)
    import_extra("gradio", "explore")
    uvicorn = import_extra("uvicorn", "explore")
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError as error:
            raise InvalidInputError(f"port {port} is taken ({error.strerror}); pass another one, or 0") from error
        os.environ["GRADIO_TEMP_DIR"] = folder  # gradio keeps pictures in files; these go when the server does
        server = uvicorn.Server(
            uvicorn.Config(site(studio, Path(folder)), log_level="warning", timeout_graceful_shutdown=1)
        )
        on_ready(f"http://{HOST}:{listening.getsockname()[1]}")
        server.run([listening])


def site(studio: Studio, folder: Path) -> Any:
    """Return the web application; files that it makes go to a folder."""
    gr, fastapi = (import_extra(name, "explore") for name in ("gradio", "fastapi"))
    hosts = import_extra("starlette.middleware.trustedhost", "explore").TrustedHostMiddleware
    outer = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @outer.middleware("http")
    async def closed(request: Any, proceed: Any) -> Any:
        response = await proceed(request)
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    outer.add_middleware(hosts, allowed_hosts=_NAMES)
    theme = gr.themes.Default(font=_FONTS, font_mono=["monospace"])
    options = {"theme": theme, "css": CSS, "footer_links": [], "run_history": False, "ssr_mode": False}
    options |= {"max_file_size": 1, "pwa": False, "mcp_server": False, "enable_monitoring": False, "show_error": True}
    return gr.mount_gradio_app(outer, App(studio, folder).blocks(), path="/", server_name=HOST, **options)
