"""`runlog tokens`: what runs wait for that comes from outside; completing it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import anyio
import typer

from runlog.cli.layout import Column, table
from runlog.cli.options import JsonLines
from runlog.cli.output import note, output
from runlog.cli.project import load_settings
from runlog.cli.results import read_payload
from runlog.config import Settings
from runlog.console.format import short_run_id
from runlog.console.pieces import Line
from runlog.errors import ConfigError, PayloadError, RunlogError
from runlog.reading.clock import clock
from runlog.reading.opening import nothing_recorded
from runlog.reading.records import decoded, time_text
from runlog.reading.text import json_text, one_line
from runlog.stores.query import parse_duration
from runlog.system.ids import RUN_ID_PREFIX, new_run_id
from runlog.tasks.callbacks import Callbacks
from runlog.tasks.states import Token

if TYPE_CHECKING:
    from runlog.engines.local import LocalEngine

T = TypeVar("T")

_HAD_ENDED = 1
_STYLES = {"PENDING": "attention", "COMPLETED": "good", "TIMED_OUT": "bad"}
_COLUMNS = (
    Column("status"),
    Column("token"),
    Column("run", drop=3),
    Column("created", drop=4),
    Column("until", drop=5),
    Column("tags", shrink=True, drop=2),
    Column("output", shrink=True, least=10),
    Column("callback", drop=1),
)


class Action(StrEnum):
    COMPLETE = "complete"
    CREATE = "create"


def command(
    action: Annotated[Action | None, typer.Argument(help="What to do.", show_default=False)] = None,
    token: Annotated[str | None, typer.Argument(metavar="ID", help="The token.", show_default=False)] = None,
    data: Annotated[str | None, typer.Argument(metavar="OUTPUT", help="JSON, @FILE, or - for stdin.")] = None,
    timeout: Annotated[str | None, typer.Option(metavar="DURATION", help="Of a new token: 30s, 5m, 2h.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", "-t", metavar="TAG", help="Of a new token.")] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", min=1, help="How many.")] = 20,
    json: JsonLines = False,
) -> None:
    """List the tokens that runs wait for, newest first; complete one, or make one.

    Exit code 1 says that a token was completed, or its time was over, already.

    \b
    runlog tokens
    runlog tokens complete token_01k3 '{"approved": true}'
    runlog tokens create --timeout 2h --tag approval
    """
    settings = load_settings()
    match action:
        case None:
            _list(settings, limit, json=json)
        case Action.COMPLETE:
            _complete(settings, token, data, json=json)
        case Action.CREATE:
            _create(settings, timeout, tuple(tag or ()), json=json)


def _list(settings: Settings, limit: int, *, json: bool) -> None:
    from runlog.engines.local.looking import QueueFile

    if not settings.queue_path.exists():
        note(nothing_recorded(settings))
        return
    with QueueFile(settings.queue_path) as queue:
        tokens = queue.tokens(limit)
    callbacks = _callbacks(settings, tokens)
    if json:
        for token in tokens:
            output().json(_record(token, callbacks))
    elif tokens:
        out = output()
        rows = [_line(token, callbacks.get(token.token_id), whole=not out.terminal) for token in tokens]
        out.lines(table(_COLUMNS, rows, out.width if out.terminal else None))
    else:
        note("There are no tokens.")


def _callbacks(settings: Settings, tokens: list[Token]) -> dict[str, str]:
    """Where those that wait are completed by HTTP. Nothing is made for it."""
    callbacks = Callbacks(settings)
    if not callbacks.has_key:
        return {}
    try:
        urls = {token.token_id: callbacks.url(token.token_id) for token in tokens if token.status == "PENDING"}
    except ConfigError as error:
        note(error.what)
        return {}
    return {token_id: url for token_id, url in urls.items() if url is not None}


def _line(token: Token, callback: str | None, *, whole: bool) -> Line:
    run = token.run_id or ""
    return [
        (token.status, _STYLES[token.status]),
        (one_line(token.token_id), "source"),
        (one_line(run) if whole or not run else short_run_id(run), "source"),
        (clock(token.created), "time"),
        ("" if token.expires is None else clock(token.expires), "time"),
        (one_line(", ".join(token.tags)), "value"),
        ("" if token.output is None else one_line(json_text(decoded(token.output))), "message"),
        (callback or "", "source"),
    ]


def _record(token: Token, callbacks: dict[str, str]) -> dict[str, Any]:
    return {
        "token_id": token.token_id,
        "status": token.status,
        "created": time_text(token.created),
        "expires": time_text(token.expires),
        "ended": time_text(token.ended),
        "run_id": token.run_id,
        "tags": list(token.tags),
        "output": decoded(token.output),
        "callback_url": callbacks.get(token.token_id),
    }


def _complete(settings: Settings, token: str | None, text: str | None, *, json: bool) -> None:
    from runlog.tasks.payload import ANY

    if token is None:
        raise RunlogError("which token is completed?", fix="runlog tokens complete ID   # runlog tokens lists them")
    values = read_payload(text, "the output")
    data = ANY.encode_payload(values[0]) if values else None
    if len(data or b"") > settings.limits.payload:
        raise PayloadError(
            f"the output is {len(data or b''):,} bytes of JSON", f"the limit is {settings.limits.payload:,}"
        )
    done = anyio.run(_with_engine, settings, lambda engine: engine.complete_token(token, data))
    if json:
        output().json({"token_id": token, "completed": done})
    elif done:
        output().foreign(f"Token {token} is completed.")
    else:
        note(f"Token {token} was completed, or its time was over, already.")
    if not done:
        raise typer.Exit(_HAD_ENDED)


def _create(settings: Settings, timeout: str | None, tags: tuple[str, ...], *, json: bool) -> None:
    from runlog.tasks.checks import check_tags

    try:
        expires = None if timeout is None else time.time_ns() + parse_duration(timeout)
    except ValueError as error:
        raise RunlogError("--timeout is not a duration", str(error), "runlog tokens create --timeout 30s") from None
    token_id = f"token_{new_run_id().removeprefix(RUN_ID_PREFIX)}"
    tags = check_tags(tags)
    token = anyio.run(_with_engine, settings, lambda engine: engine.create_token(token_id, expires=expires, tags=tags))
    with suppress(ConfigError):
        Callbacks(settings).url(token_id)  # makes the key
    callbacks = _callbacks(settings, [token])
    if json:
        output().json(_record(token, callbacks))
    else:
        output().foreign(token.token_id)
        for url in callbacks.values():
            note(f"completed by: curl --json '{{}}' {url}")


async def _with_engine(settings: Settings, ask: Callable[[LocalEngine], Awaitable[T]]) -> T:
    from runlog.engines.local import LocalEngine

    engine = LocalEngine(settings.queue_path, lambda _: None)
    try:
        return await ask(engine)
    finally:
        await engine.close()
