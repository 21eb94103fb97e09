# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""The trace of a run, without what a tree does not need: most attributes are never read."""

from __future__ import annotations

import json
from typing import Any

import apsw

from runlog.stores.base import Run
from runlog.stores.one_run import TraceRow, TraceRows
from runlog.stores.sqlite.schema import LOG

MESSAGE_LENGTH = 4000
"""Characters of a message that are read: its template may be longer than what it renders to."""

_COLUMNS = f"""
    e.id, e.kind, e.level, e.status, e.name, e.time, e.duration, e.span_id, e.parent_id,
    substr(e.message, 1, {MESSAGE_LENGTH}), length(e.message),
    iif(e.kind = {LOG} AND instr(e.message, '{{') > 0, e.attributes, NULL),
    iif(e.kind <> {LOG} AND instr(e.attributes, 'status_code"') > 0,
        coalesce(e.attributes ->> '$."http.response.status_code"', e.attributes ->> '$."http.status_code"'), NULL),
    e.extra
"""
_SELECT = f"""
    SELECT {_COLUMNS} FROM event e INDEXED BY event_run
    WHERE e.run = :run AND e.id > :after AND e.span_id IS NOT :root
"""
_PLACES = f"SELECT id, kind, span_id, parent_id FROM event INDEXED BY event_run WHERE run = ? AND kind <> {LOG}"


def trace_rows(connection: apsw.Connection, run: Run, after: int, limit: int, under: bytes | None) -> TraceRows:
    """See RunReader.trace."""
    bindings: dict[str, Any] = {"run": run.id, "after": after, "root": run.span_id, "limit": limit}
    inside = ""
    if under is not None:
        spans = json.dumps([span.hex() for span in subtree(connection, run, under)])
        inside = (
            f" AND lower(hex(iif(e.kind = {LOG}, e.parent_id, e.span_id))) IN (SELECT value FROM json_each(:spans))"
        )
        bindings["spans"] = spans
    rows = connection.execute(f"{_SELECT}{inside} ORDER BY e.id LIMIT :limit", bindings).fetchall()
    found = [TraceRow._make(row) for row in rows]
    cursor = found[-1].id if found else after
    remaining = 0
    if len(found) == limit:
        sql = "SELECT count(*) FROM event INDEXED BY event_run WHERE run = ? AND id > ?"
        remaining = connection.execute(sql, (run.id, cursor)).get
    return TraceRows(found, cursor, remaining)


def subtree(connection: apsw.Connection, run: Run, top: bytes) -> set[bytes]:
    """The ids of a span and of all spans inside it."""
    inside: dict[bytes, list[bytes]] = {}
    for _, _, span, parent in connection.execute(_PLACES, (run.id,)):
        if span is not None and parent is not None:
            inside.setdefault(parent, []).append(span)
    found = {top}
    waiting = [top]
    while waiting:
        for span in inside.get(waiting.pop(), ()):
            if span not in found:
                found.add(span)
                waiting.append(span)
    return found
