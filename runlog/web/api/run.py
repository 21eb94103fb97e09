"""One run: everything about it but its events."""

from __future__ import annotations

import time

import msgspec

from runlog.config import Settings
from runlog.console.pieces import Line
from runlog.executor.payloads import is_whole
from runlog.reading.asofnow import explained
from runlog.reading.facts import asked_for
from runlog.reading.loading import load_tree
from runlog.reading.records import time_text
from runlog.reading.sentences import failing_exception, headline
from runlog.stores.base import Reader, Run
from runlog.stores.tree import Node, failure
from runlog.web.api.rows import row_of
from runlog.web.api.types import Cause, Piece, RunDelta, RunDetail, RunLink
from runlog.web.endpoint import Call, Endpoint

WHOLE = 256 * 1024
"""Bytes of JSON up to which data is part of the answer."""


def run_detail(reader: Reader, settings: Settings, run_id: str) -> RunDetail:
    """What is known of a run now."""
    [run] = explained(settings, [reader.run(run_id)])
    root = load_tree(reader, run, children=False)
    data = {name: getattr(run, name) for name in ("payload", "output", "metadata")}
    sizes = {name: 0 if value is None else len(msgspec.json.encode(value)) for name, value in data.items()}
    kept = {name: value if sizes[name] <= WHOLE else None for name, value in data.items()}
    event, change = 0, 0
    now = time.time_ns()
    return RunDetail(
        run=row_of(run),
        headline=pieces(headline(run, root, now)),
        cause=_cause(root),
        exception=None if run.status == "COMPLETED" else failing_exception(root, run),
        payload=kept["payload"],
        output=kept["output"],
        metadata=kept["metadata"],
        payload_size=sizes["payload"],
        output_size=sizes["output"],
        options=list((run.options or {}).items()),
        facts=asked_for(run, now),
        parent=None,
        root=None,
        previous=None,
        next=None,
        replays=[],
        children=0,
        payload_scrubbed=not is_whole(run.payload),
        created_text=time_text(run.created) or "",
        started_text=time_text(run.started),
        ended_text=time_text(run.ended),
        position=f"{event}.{change}",
    )


def run_delta(reader: Reader, settings: Settings, run: Run) -> RunDelta:
    """What of a run changes while it goes on."""
    [run] = explained(settings, [run])
    root = load_tree(reader, run, children=False)
    return RunDelta(row_of(run), pieces(headline(run, root, time.time_ns())))


def pieces(line: Line) -> list[Piece]:
    return [Piece(text, style) for text, style in line]


def link_to(run: Run) -> RunLink:
    return RunLink(run.run_id, run.task, run.status)  # type: ignore[arg-type]


def _cause(root: Node) -> Cause | None:
    found = failure(root)
    if found is None or found.event.span_id is None:
        return None
    path: list[str] = []
    node: Node | None = found
    while node is not None and node.run is None:
        path.append(node.event.span_id.hex() if node.event.span_id else "")
        node = node.parent
    return Cause(found.event.run_id or "", found.event.id, found.event.span_id.hex(), found.event.name, path[::-1])


async def detail(call: Call) -> RunDetail:
    settings, run_id = call.services.settings, call.path["run_id"]
    return await call.read(lambda reader: run_detail(reader, settings, run_id))


ENDPOINTS = (
    Endpoint("GET", "/api/runs/{run_id}", detail, "view", "Everything about a run but its events.", RunDetail),
)
