"""`runlog ui`: the web page of the project's run log."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from runlog.cli.output import note, output
from runlog.cli.project import load_settings
from runlog.errors import RunlogError

_LIBRARIES = ("starlette", "uvicorn")
INSTALL = "pip install 'runlog-tasks[ui]'"
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def command(
    port: Annotated[
        int | None, typer.Option("--port", "-p", metavar="N", min=0, max=65_535, help="4477, or the next free one.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Listen there and not on this machine only.")
    ] = None,
    host_name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name the page is asked by besides localhost; may be given several times."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the token is; made if it is not there.")
    ] = None,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Make a new token; the old one opens nothing.")
    ] = False,
    view_only: Annotated[bool, typer.Option("--view-only", help="Nothing can be changed from the page.")] = False,
) -> None:
    """Serve the web page of the run log, for this machine only, and print the link that opens it.

    The link holds the token of the project, which is kept in .runlog/ui-token for its owner only: whoever has the link
    sees everything that is recorded, and can cancel and replay runs. Ctrl-C ends it.

    \b
    runlog ui
    runlog ui --port 8000 --view-only
    runlog ui --host 0.0.0.0 --token-file .runlog/ui-token --host-name runs.example.com
    """
    settings = load_settings()
    require_libraries()
    if host is not None and host not in _THIS_MACHINE and token_file is None:
        raise RunlogError(
            f"--host {host} lets other machines in: say with which token",
            "a page that is open to a network has one that was chosen for it",
            f"runlog ui --host {host} --token-file .runlog/ui-token   # made if it is not there",
        )
    import anyio

    from runlog.web.security.tokens import TOKEN_FILE, load_tokens
    from runlog.web.server import Serving, bind, serve

    path = settings.folder / TOKEN_FILE if token_file is None else token_file.absolute()
    tokens = load_tokens(path, new=new_token)
    sockets = bind(host, port)
    serving = Serving(settings, tokens, tuple(host_name or ()), view_only)
    link = serving.link(sockets)

    def started() -> None:
        _say(link, host)

    raise typer.Exit(anyio.run(serve, serving, sockets, started))


def require_libraries() -> None:
    """Raise RunlogError where the page's libraries are not installed."""
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise RunlogError("the libraries of the page are not installed", f"it needs {' and '.join(missing)}", INSTALL)


def _say(link: str, host: str | None) -> None:
    from runlog.web.assets import Assets

    output().foreign(link)
    output().flush()
    if host is not None and host not in _THIS_MACHINE:
        note("runlog ui: it is open to the network without TLS: whoever is on the way reads the token and the page")
    if not Assets().is_built:
        note("runlog ui: the page is not built: cd runlog/web/ui && npm ci && npm run build")
