"""`runlog ui`: the web page of the project's run log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runlog.cli.output import note, output
from runlog.cli.page import NO_BROWSER, OpenPage, Port, require_libraries
from runlog.cli.project import load_settings
from runlog.errors import RunlogError

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - to tell what is missing there


def command(
    port: Port = None,
    open_page: OpenPage = False,
    view_only: Annotated[bool, typer.Option("--view-only", help="Nothing can be changed from the page.")] = False,
    new_token: Annotated[bool, typer.Option("--new-token", help="Make a new token: old links open nothing.")] = False,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Listen there, and not for this machine only.")
    ] = None,
    host_name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name that the page is asked by; may be given several times."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the token is; made if it is not there.")
    ] = None,
) -> None:
    """Serve the web page of the run log, for this machine only, and print the link that opens it.

    The link holds a token, which is kept in .runlog/ui-token for its owner only: whoever has the link sees everything
    that is recorded, and can cancel and replay runs. With --view-only the link is one for looking. Ctrl-C ends it.

    \b
    runlog ui --open
    runlog ui --port 8000 --view-only
    runlog ui --host 0.0.0.0 --token-file .runlog/ui-token --host-name runs.example.com
    """
    settings = load_settings()
    require_libraries()
    from runlog.web.security.handover import Handover
    from runlog.web.security.tokens import TOKEN_FILE, Tokens
    from runlog.web.server import Server, Serving, run_until_signal
    from runlog.web.sockets import is_loopback, listening

    is_open = host is not None and not is_loopback(host)
    if is_open and token_file is None:
        raise RunlogError(
            f"--host {host} lets other machines in: say with which token",
            "the token of a page that is open to a network has to be named",
            f"runlog ui --host {host} --token-file {TOKEN_FILE}   # made if it is not there",
        )
    path = settings.folder / TOKEN_FILE if token_file is None else token_file.absolute()
    tokens = Tokens.load(path, new=new_token)
    with listening(host, port) as sockets, Handover(settings.folder) as handover:
        serving = Serving(settings, tokens, sockets, tuple(host_name or ()), view_only)

        def started() -> None:
            output().foreign(serving.link)
            output().flush()
            if open_page and not handover.open_page(serving.link):
                note(NO_BROWSER)
            if is_open:
                note("runlog ui: it is open to the network, and without TLS: what is sent can be read on the way")
            if host in _EVERYWHERE and not host_name:
                note("runlog ui: others reach it by a name that it knows: --host-name NAME")

        raise typer.Exit(run_until_signal(Server(serving), started))
