"""`GET /api/live`: one stream a visible tab."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial

import anyio
from starlette.responses import StreamingResponse

from runlog.reading.own import asks_for_own, without_own
from runlog.stores.base import Reader
from runlog.stores.query import parse
from runlog.web.api.lists import names_asked, of_logs
from runlog.web.endpoint import Call, Endpoint, Parameter, Refused, bad_request
from runlog.web.live.hub import Hub
from runlog.web.live.messages import PING, RETRY, Message
from runlog.web.live.position import Position
from runlog.web.live.views import Empty, LogsView, RunsView, RunView, Step, TickView, View
from runlog.web.readers import Readers

PING_EVERY = 15.0
QUIET = 1.0
"""Seconds without anything new after which the stream of a run that has ended ends."""
_STEP_SECONDS = 1.0
_AGAIN = 0.5
"""Seconds until a reading that failed is tried again."""


async def live(call: Call) -> StreamingResponse:
    view = await call.read(lambda reader: _view(call, reader)) if call.text("view") == "run" else _view(call, None)
    hub = call.services.hub
    after = call.request.headers.get("last-event-id") or call.text("after")
    position = Position.parse(after) if after else await hub.position()
    if position is None:
        raise bad_request(f"{after[:60]!r} is not a position", "it is what an answer or the last message gave", "")
    return StreamingResponse(
        _stream(view, position, hub, call.services.readers),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _view(call: Call, reader: Reader | None) -> View:
    settings, text = call.services.settings, call.text("q")
    match call.text("view"):
        case "run" if reader is not None:
            return RunView(settings, reader.run(call.text("run")).run_id)
        case "runs":
            columns = tuple(names_asked(call.text("columns")))
            return RunsView(settings, parse(text) if text else None, columns)
        case "logs":
            query = of_logs(parse(text))
            return LogsView(query if call.parameters["own"] or asks_for_own(query) else without_own(query))
        case "tick":
            return TickView()
    raise bad_request(f"there is no view {call.text('view')[:60]!r}", "the views are run, runs, logs and tick")


async def _stream(view: View, position: Position, hub: Hub, readers: Readers) -> AsyncGenerator[bytes, None]:
    """Write what is new until the client goes. The writing waits for the client: nothing is queued for it."""
    yield RETRY
    sent, log = anyio.current_time(), readers.log
    while not hub.closed:
        started = anyio.current_time()
        found = readers.log
        if log is not None and found not in (log, None):  # another log is in its place
            yield Message("reset", Empty(), await hub.position()).encode()
            return
        log = log or found
        try:
            step = await readers.run(partial(_advance, view, position), seconds=_STEP_SECONDS, live=True)
        except Refused as refused:
            if refused.problem.code == "not-found":  # the run was pruned
                yield Message("reset", Empty(), position).encode()
                return
            step = Step([], position)
            await anyio.sleep(_AGAIN)
        position = step.position
        for message in step.messages:
            yield message.encode()
        if step.ended:
            return
        if step.messages:
            sent = anyio.current_time()
            await anyio.sleep(max(0.0, started + view.pause - sent))
        if step.more or await hub.newer(position, QUIET if view.over else sent + PING_EVERY - anyio.current_time()):
            continue
        if view.over and not step.messages:
            yield Message("end", Empty(), position).encode()
            return
        if not view.over:
            yield PING
            sent = anyio.current_time()


def _advance(view: View, position: Position, reader: Reader) -> Step:
    newest = Position(*reader.position())
    if position.is_beyond(newest):  # another log than the one that the client has read
        return Step([Message("reset", Empty(), newest)], newest, ended=True)
    return view.advance(reader, position)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/live",
        live,
        "view",
        "What is new, as server-sent events: the id of each is the position to go on from (Last-Event-ID).",
        parameters=(
            Parameter("view", about="run, runs, logs or tick"),
            Parameter("run", about="of view=run: the run's id"),
            Parameter("q", about="of view=runs and logs: a query"),
            Parameter("columns", about="of view=runs: columns to send"),
            Parameter("own", "flag", "of view=logs: with what runlog tells of its workers and instrumentations"),
            Parameter("after", about="a position; by default the newest"),
        ),
        media_type="text/event-stream",
        live=True,
    ),
)
