# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""The way down a run's tree to where it failed or stands, without reading the tree."""

from __future__ import annotations

import json
from collections.abc import Iterable

import apsw

from runlog.stores.base import Event, Run
from runlog.stores.one_run import ATTEMPT, PROCESS, STOPPED, Way
from runlog.stores.sqlite.relatives import children_inside
from runlog.stores.sqlite.rows import SELECT_EVENT, event_of
from runlog.stores.sqlite.schema import HAS_STOPPED, LOG, SPAN

_Key = tuple[int, int, int]

# Of all the spans that lead down, only the last in each parent.
_LAST = "row_number() OVER (PARTITION BY parent_id ORDER BY {place} DESC, time DESC, sequence DESC) AS nth"
_END = "time + coalesce(duration, 0)"
_CHOSEN = f"""
    SELECT id, span_id, parent_id, {{place}} AS place, time, sequence, {_LAST}
    FROM event INDEXED BY event_stopped WHERE run = :run AND {HAS_STOPPED} AND kind = {SPAN}
    AND ({{which}})
"""
_RUNNING = f"""
    SELECT e.id, e.span_id, e.parent_id, e.time AS place, e.time, e.sequence, {_LAST.format(place="e.time")}
    FROM open_span o INDEXED BY open_span_run CROSS JOIN event e ON e.id = o.event WHERE o.run = :run
"""
_WAS_STOPPED = f"""
    status IN ({", ".join(f"'{status}'" for status in STOPPED)})
    OR status = 'error' AND (name = '{PROCESS}' OR name GLOB '{ATTEMPT}*')
"""
_WAYS: dict[Way, str] = {
    "failing": _CHOSEN.format(place=_END, which="status = 'error'"),
    "stopped": _CHOSEN.format(place="time", which=_WAS_STOPPED),
    "running": _RUNNING,
}
_LAST_INSIDE = f"""
    SELECT id, {_LAST.format(place=_END)} FROM event INDEXED BY event_run
    WHERE run = :run AND kind <> {LOG} AND lower(hex(parent_id)) IN (SELECT value FROM json_each(:spans))
"""


def way_down(connection: apsw.Connection, run: Run, way: Way) -> list[Event]:
    """See RunReader.way_down."""
    found = _chain(connection, run, _WAYS[way])
    events = _events(connection, run, found)
    if way == "failing":
        events += _last_inside(connection, run, _asked(connection, run, events))
    return events


def _asked(connection: apsw.Connection, run: Run, events: Iterable[Event]) -> set[bytes]:
    """The spans with an exception in which something failed without one: they tell by what ended last whether it was
    survived."""
    raised = {event.span_id for event in events if (event.extra or {}).get("exception")}
    found = {event.parent_id for event in events if event.span_id not in raised}
    found |= {child.parent_span_id for child in children_inside(connection, run.run_id)} if raised else set()
    return {span for span in found if span is not None and span in raised}


def _chain(connection: apsw.Connection, run: Run, sql: str) -> list[int]:
    """Ids of the events of the chosen spans, from the top down, each the last one directly inside the one before."""
    inside: dict[bytes | None, tuple[_Key, int, bytes]] = {}
    rows = connection.execute(f"SELECT * FROM ({sql}) WHERE nth = 1", {"run": run.id})
    for number, span, parent, place, time, sequence, _ in rows:
        above, key = None if parent == run.span_id else parent, (place, time, sequence)
        if span is not None and span != run.span_id and (above not in inside or key > inside[above][0]):
            inside[above] = (key, number, span)
    chain: list[int] = []
    above = None
    while above in inside:
        _, number, above = inside.pop(above)
        chain.append(number)
    return chain


def _last_inside(connection: apsw.Connection, run: Run, spans: Iterable[bytes]) -> list[Event]:
    """The span directly inside each of these that ended last."""
    wanted = json.dumps([span.hex() for span in spans])
    if wanted == "[]":
        return []
    rows = connection.execute(f"SELECT id FROM ({_LAST_INSIDE}) WHERE nth = 1", {"run": run.id, "spans": wanted})
    return _events(connection, run, [row[0] for row in rows])


def _events(connection: apsw.Connection, run: Run, numbers: list[int]) -> list[Event]:
    sql = f"SELECT {SELECT_EVENT} FROM event e WHERE e.id IN (SELECT value FROM json_each(?)) ORDER BY e.id"
    return [event_of(row, run.run_id) for row in connection.execute(sql, (json.dumps(numbers),))]
