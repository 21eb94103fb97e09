"""What `runlog ui` and `runlog dev` share: the options of the page, and the page beside something else."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from runlog.cli.output import note
from runlog.config import Settings
from runlog.errors import RunlogError

if TYPE_CHECKING:
    from runlog.web.server import Server, Serving

_LIBRARIES = ("starlette", "uvicorn")
_INSTALL = "pip install 'runlog-tasks[ui]'"
NO_BROWSER = "no browser could be opened; the link opens the page"
_ENDING = 5.0
_URL = "RUNLOG_UI_URL"

Port = Annotated[
    int | None,
    typer.Option("--port", metavar="N", min=0, max=65_535, help="Of the page; 4477, or the next free one."),
]
OpenPage = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


def missing_libraries() -> list[str]:
    """The libraries of the page that are not installed."""
    return [name for name in _LIBRARIES if find_spec(name) is None]


def require_libraries() -> None:
    """Raise RunlogError where the page's libraries are not installed."""
    if missing := missing_libraries():
        raise RunlogError("the libraries of the page are not installed", f"it needs {' and '.join(missing)}", _INSTALL)


@contextmanager
def page_beside(settings: Settings, port: int | None, *, open_page: bool) -> Iterator[None]:
    """Serve the page in a thread meanwhile, and say where. Where it cannot be had, a line says what is missing. The
    processes that start meanwhile know its address. Raises RunlogError."""
    try:
        require_libraries()
    except RunlogError as error:
        note(f"runlog dev: without its page, since {error.what}: {error.fix}")
        yield
        return
    from runlog.web.security.handover import Handover
    from runlog.web.security.tokens import TOKEN_FILE, Tokens
    from runlog.web.server import Server, Serving
    from runlog.web.sockets import listening

    tokens = Tokens.load(settings.folder / TOKEN_FILE)
    with ExitStack() as stack:
        serving = Serving(settings, tokens, stack.enter_context(listening(None, port)))
        handover = stack.enter_context(Handover(settings.folder))
        stack.enter_context(_known(serving, settings))
        stack.enter_context(_in_thread(Server(serving)))
        note(f"runlog dev: the page is\n{serving.link}")
        if open_page and not handover.open_page(serving.link):
            note(NO_BROWSER)
        yield


@contextmanager
def _known(serving: Serving, settings: Settings) -> Iterator[None]:
    """Tell the processes that start from here where the page is, unless the project does."""
    if "url" in settings.ui.model_fields_set:
        yield
        return
    os.environ[_URL] = serving.address
    try:
        yield
    finally:
        os.environ.pop(_URL, None)


@contextmanager
def _in_thread(server: Server) -> Iterator[None]:
    def serve() -> None:
        try:
            asyncio.run(server.run(lambda: None))
        except Exception as error:  # noqa: BLE001 - the worker goes on without it
            note(f"runlog dev: the page has ended: {type(error).__name__}: {error}")

    thread = threading.Thread(target=serve, name="runlog-ui", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join(_ENDING)
