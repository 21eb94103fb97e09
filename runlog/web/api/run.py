"""One run: everything about it but its events."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, get_args

import msgspec
from starlette.responses import Response

from runlog.config import Settings
from runlog.console.pieces import Line
from runlog.executor.payloads import is_whole
from runlog.reading.asofnow import explained
from runlog.reading.clock import clock
from runlog.reading.facts import asked_for, deadline, ends_at, expires_at
from runlog.reading.frames import with_homes
from runlog.reading.outline import load_outline
from runlog.reading.records import time_text
from runlog.reading.sentences import culprit, failing_exception, headline
from runlog.stores.base import Reader, Run
from runlog.stores.one_run import Data, RunName
from runlog.stores.query import Query, Term
from runlog.stores.tree import Node
from runlog.web.api.rows import row_of
from runlog.web.api.types import Cause, Piece, Problem, RunDelta, RunDetail, RunLink, RunsPage
from runlog.web.endpoint import Call, Endpoint, Parameter, Refused, bad_request
from runlog.web.live.position import Position

WHOLE = 256 * 1024
"""Bytes of JSON up to which data is part of the answer."""
CHILDREN = 1000
"""Of one page."""
_DATA: dict[str, Data] = {name: name for name in get_args(Data)}


def run_detail(reader: Reader, settings: Settings, run_id: str) -> RunDetail:
    """What is known of a run now."""
    position = Position(*reader.position())
    [run] = explained(settings, [reader.run(run_id, data=False)])
    root, now = load_outline(reader, run), time.time_ns()
    sizes = reader.data_sizes(run)
    data = {what: _decoded(reader.data(run, what)) if 0 < size <= WHOLE else None for what, size in sizes.items()}
    beside = reader.relatives(run)
    above = _links(reader, (run.parent_run_id, run.root_run_id))
    exception = None if run.status == "COMPLETED" else failing_exception(root, run)
    return RunDetail(
        run=row_of(run),
        headline=pieces(headline(run, root, now)),
        cause=_cause(run, root),
        exception=with_homes(exception) if exception else None,
        payload=data["payload"],
        output=data["output"],
        metadata=data["metadata"],
        payload_size=sizes["payload"],
        output_size=sizes["output"],
        metadata_size=sizes["metadata"],
        options=list((run.options or {}).items()),
        facts=[*deadline(run, root), *asked_for(run, now)],
        times=[(clock(at), at / 1e6) for at in (ends_at(run, root), expires_at(run)) if at is not None],
        parent=above.get(run.parent_run_id),
        root=above.get(run.root_run_id),
        previous=beside.previous and link_to(beside.previous),
        next=beside.next and link_to(beside.next),
        replays=[link_to(name) for name in beside.replays],
        children=beside.children,
        payload_scrubbed=_is_cut(reader, run, data["payload"], sizes["payload"]),
        created_text=time_text(run.created) or "",
        started_text=time_text(run.started),
        ended_text=time_text(run.ended),
        position=str(position),
    )


def run_delta(reader: Reader, settings: Settings, run: Run) -> RunDelta:
    """What of a run changes while it goes on."""
    [run] = explained(settings, [run])
    root = load_outline(reader, run, failed=False)
    return RunDelta(row_of(run), pieces(headline(run, root, time.time_ns())))


def run_children(reader: Reader, run_id: str, cursor: str | None = None, limit: int = CHILDREN) -> RunsPage:
    """The runs that a run triggered, the newest first."""
    position = Position(*reader.position())
    term = Term("run.parent", "=", run_id)
    page = reader.runs(Query(str(term), term), cursor=cursor, limit=limit)
    searched_to = None if page.searched_to is None else page.searched_to / 1e6
    return RunsPage([row_of(run) for run in page.items], page.cursor, searched_to, str(position))


def pieces(line: Line) -> list[Piece]:
    return [Piece(text, style) for text, style in line]


def link_to(name: RunName) -> RunLink:
    return RunLink(name.run_id, name.task, name.status)  # type: ignore[arg-type]


def _links(reader: Reader, run_ids: Iterable[str | None]) -> dict[str | None, RunLink]:
    found = reader.names([run_id for run_id in run_ids if run_id is not None])
    return {run_id: link_to(name) for run_id, name in found.items()}


def _cause(run: Run, root: Node) -> Cause | None:
    found = culprit(run, root)
    if found is None or found.event.span_id is None:
        return None
    path: list[str] = []
    node: Node | None = found
    while node is not None and node is not root:
        path.append(node.event.span_id.hex() if node.event.span_id else "")
        node = node.parent
    event = found.event
    return Cause(event.run_id or run.run_id, event.id, found.event.span_id.hex(), event.name, path[::-1])


def _decoded(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


def _is_cut(reader: Reader, run: Run, payload: Any, size: int) -> bool:
    return not is_whole(_decoded(reader.data(run, "payload")) if size > WHOLE else payload)


async def detail(call: Call) -> RunDetail:
    settings, run_id = call.services.settings, call.path["run_id"]
    return await call.read(lambda reader: run_detail(reader, settings, run_id))


async def data(call: Call) -> Response:
    what = _DATA.get(call.text("what"))
    if what is None:
        raise bad_request(f"there is no {call.text('what')[:40]!r} of a run", f"it is one of {', '.join(_DATA)}")
    text = await call.read(lambda reader: reader.data(reader.run(call.path["run_id"], data=False), what))
    if text is None:
        raise Refused(404, Problem("not-found", f"this run has no {what}"))
    return Response(text, media_type="application/json")


async def children(call: Call) -> RunsPage:
    cursor, limit = call.text("cursor") or None, call.parameters.get("limit") or CHILDREN

    def read(reader: Reader) -> RunsPage:
        return run_children(reader, reader.run(call.path["run_id"], data=False).run_id, cursor, limit)

    return await call.read(read)


ENDPOINTS = (
    Endpoint("GET", "/api/runs/{run_id}", detail, "view", "Everything about a run but its events.", RunDetail),
    Endpoint(
        "GET",
        "/api/runs/{run_id}/data",
        data,
        "view",
        "The payload, output or metadata of a run, whatever its size.",
        parameters=(Parameter("what", "text", "payload, output or metadata."),),
    ),
    Endpoint(
        "GET",
        "/api/runs/{run_id}/children",
        children,
        "view",
        "The runs that a run triggered, the newest first.",
        RunsPage,
        parameters=(
            Parameter("cursor", "text", "Of the page before."),
            Parameter("limit", "integer", "Runs at most.", CHILDREN, 1, CHILDREN),
        ),
    ),
)
