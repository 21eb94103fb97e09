# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Storing a batch: everything here happens inside one transaction that the caller has opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import apsw
import msgspec

from runlog.stores.base import ERROR, WARN, Batch, Event, Run
from runlog.stores.sqlite.rows import (
    EVENTS_AT_ONCE,
    INSERT_EVENT,
    INSERT_EVENTS,
    SELECT_EVENT,
    UNCHANGED_IF_NONE,
    UPSERT_RUN,
    UPSERT_RUN_DATA,
    Row,
    event_of,
    event_row,
    fetch,
    run_data_row,
    run_row,
)
from runlog.stores.sqlite.schema import LOG, OPEN
from runlog.stores.sqlite.tokens import token_text

MINUTE = 60_000_000_000
UNKNOWN_STATUS = "EXECUTING"
"""Of a run that has events before its own record was stored: something executed in it."""

_NEXT_ID = "SELECT max(value, coalesce((SELECT max(id) FROM event), 0)) + 1 FROM meta WHERE key = 'last_id'"
_KNOWN_RUNS = """
    SELECT run_id, id, task, version FROM run WHERE run_id IN (SELECT value FROM json_each(?))
"""
_PLACEHOLDER = """
    INSERT OR IGNORE INTO run (run_id, version, task, status, queue, created, changed, attempt, tags)
    VALUES (?, 0, '', ?, '', ?, ?, 0, '[]')
"""
_COUNT_RUN = """
    UPDATE run SET errors = errors + ?, warnings = warnings + ?, spans = spans + ?, logs = logs + ? WHERE id = ?
"""
_ADD_TALLY = """
    INSERT INTO tally (minute, task, level, count, lowest, highest) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count, lowest = min(lowest, excluded.lowest),
    highest = max(highest, excluded.highest)
"""
_RUN_TALLY = f"""
    SELECT (time - (time % {MINUTE} + {MINUTE}) % {MINUTE}) / {MINUTE}, level, count(*), min(id), max(id)
    FROM event WHERE run = ? AND kind <> {OPEN} GROUP BY 1, 2
"""
TAKE_TALLY = "UPDATE tally SET count = count - ? WHERE minute = ? AND task = ? AND level = ?"

# Read from the rows just stored: half of what it costs to pass the texts once more.
_INDEX_WORDS = f"""
    INSERT INTO word (rowid, body) SELECT id, text FROM (
        SELECT id, iif(kind = {LOG}, message, name) AS text FROM event WHERE id >= ? AND kind <> {OPEN}
    ) WHERE text <> ''
"""
_INSERT_ATTR = "INSERT INTO attr (rowid, pairs) VALUES (?, ?)"
_OPEN_SPAN = "INSERT OR REPLACE INTO open_span (span_id, event, run, spool) VALUES (?, ?, ?, ?)"
_ANY_OPEN = "SELECT 1 FROM open_span LIMIT 1"
_END_SPAN = "DELETE FROM open_span WHERE span_id = ?"
_SET_POSITION = """
    INSERT INTO position (spool, segment, offset) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET offset = excluded.offset
"""


@dataclass(slots=True)
class _Rows:
    """What a batch's events become, table by table."""

    events: list[Row] = field(default_factory=list)
    attributes: list[Row] = field(default_factory=list)
    opened: list[Row] = field(default_factory=list)
    ended: list[Row] = field(default_factory=list)
    counts: dict[int, list[int]] = field(default_factory=dict)
    tally: dict[tuple[int, str, int], list[int]] = field(default_factory=dict)


def store_batch(connection: apsw.Connection, batch: Batch) -> int:
    """Write a batch; return the id of its first event. Raises whatever a value that cannot be stored raises."""
    first = next_event_id(connection)
    runs = _store_runs(connection, batch.runs, batch.events)
    if batch.events:
        _store_events(connection, batch.events, first, runs, batch.spool_id)
    if batch.positions:
        rows = ((batch.spool_id, segment, offset) for segment, offset in batch.positions.items())
        connection.executemany(_SET_POSITION, rows)
    if batch.closed_segments:
        rows_closed = ((batch.spool_id, segment) for segment in batch.closed_segments)
        connection.executemany("DELETE FROM position WHERE spool = ? AND segment = ?", rows_closed)
    return first


def next_event_id(connection: apsw.Connection) -> int:
    """The id of the next event: over every id there has been, also of events deleted since."""
    return int(connection.execute(_NEXT_ID).get)


def _store_runs(
    connection: apsw.Connection, runs: Sequence[Run], events: Sequence[Event]
) -> dict[str, tuple[int, str]]:
    """Store runs and return the row id and task of every run that the batch names."""
    names = {event.run_id for event in events if event.run_id is not None}
    names.update(run.run_id for run in runs)
    if not names:
        return {}
    wanted = msgspec.json.encode(list(names)).decode()
    known = {row[0]: row[1:] for row in connection.execute(_KNOWN_RUNS, (wanted,))}
    if runs:
        newest = _newest(runs)
        connection.executemany(UPSERT_RUN, [run_row(run) for run in newest])
        data = [row for row in map(run_data_row, newest) if row is not None]
        if data:
            connection.executemany(UPSERT_RUN_DATA, data)
    missing = names - known.keys() - {run.run_id for run in runs}
    if missing:
        times = {event.run_id: event.time for event in reversed(events)}
        rows = ((name, UNKNOWN_STATUS, times[name], times[name]) for name in missing)
        connection.executemany(_PLACEHOLDER, rows)
    if runs or missing:
        before = known
        known = {row[0]: row[1:] for row in connection.execute(_KNOWN_RUNS, (wanted,))}
        for name, (number, task, version) in known.items():
            if version and name in before and not before[name][2]:
                _name_task(connection, number, task)
    return {name: (row[0], row[1]) for name, row in known.items()}


def _newest(runs: Sequence[Run]) -> list[Run]:
    """Without the states that the next one in the batch replaces: most attempts begin and end within one."""
    newest: dict[str, Run] = {}
    others: list[Run] = []
    for run in runs:
        before = newest.get(run.run_id)
        if before is None:
            newest[run.run_id] = run
        elif before.version + 1 == run.version:
            kept = {name: getattr(before, name) for name in UNCHANGED_IF_NONE if getattr(run, name) is None}
            newest[run.run_id] = msgspec.structs.replace(run, **kept)
        else:
            others.append(run)
    return [*newest.values(), *others]


def _name_task(connection: apsw.Connection, run: int, task: str) -> None:
    """Count a run's events under its task, which was unknown when they were stored."""
    for minute, level, count, lowest, highest in connection.execute(_RUN_TALLY, (run,)).fetchall():
        connection.execute(TAKE_TALLY, (count, minute, "", level))
        connection.execute(_ADD_TALLY, (minute, task, level, count, lowest, highest))


def _store_events(
    connection: apsw.Connection,
    events: Iterable[Event],
    first: int,
    runs: dict[str, tuple[int, str]],
    spool_id: str,
) -> None:
    rows = _Rows()
    for number, event in enumerate(events, first):
        run, task = (None, "") if event.run_id is None else runs[event.run_id]
        row = event_row(event, number, run)
        rows.events.append(row)
        if row[2] == OPEN:
            if event.span_id is not None:
                rows.opened.append((event.span_id, number, run, spool_id))
        else:
            _index(rows, event, row, task)
    whole = len(rows.events) // EVENTS_AT_ONCE * EVENTS_AT_ONCE
    for start in range(0, whole, EVENTS_AT_ONCE):
        connection.execute(INSERT_EVENTS, [*chain.from_iterable(rows.events[start : start + EVENTS_AT_ONCE])])
    connection.executemany(INSERT_EVENT, rows.events[whole:])
    connection.execute(_INDEX_WORDS, (first,))
    if rows.ended and not rows.opened and connection.execute(_ANY_OPEN).get is None:
        rows.ended = []  # most spans open and end within a batch
    for statement, bindings in (
        (_INSERT_ATTR, rows.attributes),
        (_OPEN_SPAN, rows.opened),
        (_END_SPAN, rows.ended),
        (_COUNT_RUN, [(*counts, run) for run, counts in rows.counts.items()]),
        (_ADD_TALLY, [(*key, *value) for key, value in rows.tally.items()]),
    ):
        if bindings:
            connection.executemany(statement, bindings)


def _index(rows: _Rows, event: Event, row: Row, task: str) -> None:
    """Add a log or an ended span to the index of attributes and the counters."""
    number, run, kind, level = row[0], row[1], row[2], event.level
    if event.attributes:
        rows.attributes.append((number, token_text(event.attributes)))
    if kind != LOG:
        rows.ended.append((event.span_id,))
    if run is not None:
        counts = rows.counts.setdefault(run, [0, 0, 0, 0])
        counts[3 if kind == LOG else 2] += 1
        if level >= WARN:
            counts[0 if level >= ERROR else 1] += 1
    key = (event.time // MINUTE, task, level)
    tally = rows.tally.get(key)
    if tally is None:
        rows.tally[key] = [1, number, number]
    else:
        tally[0] += 1
        tally[2] = number


def end_open_spans(connection: apsw.Connection, spool_id: str, last_seen: int, limit: int) -> list[Event]:
    """End up to `limit` open spans of a spool as unfinished; return them, stored."""
    sql = (
        f"SELECT {SELECT_EVENT}, r.run_id FROM open_span o JOIN event e ON e.id = o.event"
        " LEFT JOIN run r ON r.id = e.run WHERE o.spool = ? ORDER BY o.event LIMIT ?"
    )
    found = fetch(connection, sql, (spool_id, limit))
    events = [event_of(row, row[-1]) for row in found]
    for event in events:
        event.kind, event.status, event.level = "span", "unfinished", max(event.level, WARN)
        event.duration = max(0, last_seen - event.time)
    if events:
        first = store_batch(connection, Batch(events=events, spool_id=spool_id))
        for number, event in enumerate(events, first):
            event.id = number
    return events
