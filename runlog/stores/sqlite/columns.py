# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""The trace of a run, without what a tree does not need: most attributes are never read."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, NamedTuple

import apsw

from runlog.stores.base import Run
from runlog.stores.one_run import ATTRIBUTES_READ, MESSAGE_READ, STATUSES, TraceRows
from runlog.stores.sqlite.schema import LOG

_EXTRA = 4096
"""Bytes of `extra` that are read as they are: what is longer is mostly frames."""


def _eight_bytes(column: str) -> str:
    return f"iif(length({column}) = 8, {column}, zeroblob(8))"


_STATUS = " ".join(f"WHEN '{status}' THEN {number}" for number, status in enumerate(STATUSES))
_COLUMNS = f"""
    e.id, e.kind, min(max(e.level, 0), 255), CASE e.status {_STATUS} ELSE 0 END,
    e.time - :created, coalesce(e.duration, -1), {_eight_bytes("e.span_id")}, {_eight_bytes("e.parent_id")},
    e.name, substr(e.message, 1, {MESSAGE_READ + 1}), substr(e.attributes, 1, {ATTRIBUTES_READ + 1}),
    iif(octet_length(e.extra) <= {_EXTRA}, e.extra, json_object(
        'exception', iif(e.extra -> '$.exception' IS NULL, NULL, json_object(
            'type', e.extra ->> '$.exception.type',
            'message', substr(e.extra ->> '$.exception.message', 1, {MESSAGE_READ})
        )),
        'icon', e.extra ->> '$.icon',
        'truncated', e.extra -> '$.truncated' IS NOT NULL,
        'dropped', e.extra -> '$.dropped' IS NOT NULL,
        'links', json_array_length(e.extra, '$.links')
    ))
"""
_SELECT = f"""
    SELECT {_COLUMNS} FROM event e INDEXED BY event_run
    WHERE e.run = :run AND e.id > :after AND e.span_id IS NOT :root
"""
_IS_INSIDE = f"lower(hex(iif(e.kind = {LOG}, e.parent_id, e.span_id))) IN (SELECT value FROM json_each(:spans))"
_PLACES = f"SELECT span_id, parent_id FROM event INDEXED BY event_run WHERE run = ? AND kind <> {LOG}"


class Part(NamedTuple):
    """Which rows of a trace: of all spans or of some, with the logs directly inside them or without."""

    spans: Collection[bytes] | None
    has_logs: bool


def trace_rows(connection: apsw.Connection, run: Run, after: int, limit: int, part: Part) -> TraceRows:
    """See RunReader.trace."""
    where, bindings = _which(run, after, part)
    bindings |= {"limit": limit, "root": run.span_id, "created": run.created}
    rows = connection.execute(f"{_SELECT}{where} ORDER BY e.id LIMIT :limit", bindings).fetchall()
    return TraceRows(*zip(*rows, strict=True)) if rows else TraceRows()


def trace_size(connection: apsw.Connection, run: Run, after: int, part: Part) -> int:
    """See RunReader.trace_size."""
    where, bindings = _which(run, after, part)
    sql = f"SELECT count(*) FROM event e INDEXED BY event_run WHERE e.run = :run AND e.id > :after{where}"
    return int(connection.execute(sql, bindings).get)


def _which(run: Run, after: int, part: Part) -> tuple[str, dict[str, Any]]:
    bindings: dict[str, Any] = {"run": run.id, "after": after}
    where = "" if part.has_logs else f" AND e.kind <> {LOG}"
    if part.spans is None:
        return where, bindings
    return f"{where} AND {_IS_INSIDE}", bindings | {"spans": json.dumps([span.hex() for span in part.spans])}


def spans_inside(connection: apsw.Connection, run: Run, top: bytes) -> set[bytes]:
    """See RunReader.spans_inside."""
    inside: dict[bytes, list[bytes]] = {}
    for span, parent in connection.execute(_PLACES, (run.id,)):
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


def spans_above(connection: apsw.Connection, run: Run, bottom: bytes) -> set[bytes]:
    """See RunReader.spans_above."""
    above = dict(connection.execute(_PLACES, (run.id,)))
    found: set[bytes] = set()
    span: bytes | None = bottom
    while span is not None and span not in found:
        found.add(span)
        span = above.get(span)
    return found
