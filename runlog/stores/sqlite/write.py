# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Storing a batch: everything here happens inside one transaction that the caller has opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

import apsw

from runlog.stores.base import ERROR, WARN, Batch, Event
from runlog.stores.sqlite.rows import (
    EVENTS_AT_ONCE,
    INSERT_EVENT,
    INSERT_EVENTS,
    SELECT_EVENT,
    Row,
    event_of,
    event_row,
    fetch,
)
from runlog.stores.sqlite.schema import LOG, MINUTE, OPEN
from runlog.stores.sqlite.tokens import token_text
from runlog.stores.sqlite.write_runs import ADD_TALLY, Named, store_runs

_NEXT_ID = "SELECT max(value, coalesce((SELECT max(id) FROM event), 0)) + 1 FROM meta WHERE key = 'last_id'"
_COUNT_RUN = """
    UPDATE run SET errors = errors + ?, warnings = warnings + ?, spans = spans + ?, logs = logs + ? WHERE id = ?
"""
_COUNT_AND_NUMBER_RUN = _COUNT_RUN.replace(" WHERE", ", change = ? WHERE")

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
    runs = store_runs(connection, batch.runs, batch.events)
    if batch.events:
        rows = _rows_of(batch.events, first, runs, batch.spool_id)
        _store_events(connection, rows, first, runs.to_number())
    if batch.positions:
        reached = ((batch.spool_id, segment, offset) for segment, offset in batch.positions.items())
        connection.executemany(_SET_POSITION, reached)
    if batch.closed_segments:
        rows_closed = ((batch.spool_id, segment) for segment in batch.closed_segments)
        connection.executemany("DELETE FROM position WHERE spool = ? AND segment = ?", rows_closed)
    return first


def next_event_id(connection: apsw.Connection) -> int:
    """The id of the next event: over every id there has been, also of events deleted since."""
    return int(connection.execute(_NEXT_ID).get)


def _rows_of(events: Iterable[Event], first: int, runs: Named, spool_id: str) -> _Rows:
    rows = _Rows()
    numbers = {name: (run.number, run.task) for name, run in runs.known.items()}
    for number, event in enumerate(events, first):
        run, task = (None, "") if event.run_id is None else numbers[event.run_id]
        row = event_row(event, number, run)
        rows.events.append(row)
        if row[2] == OPEN:
            if event.span_id is not None:
                rows.opened.append((event.span_id, number, run, spool_id))
        else:
            _index(rows, event, row, task)
    return rows


def _store_events(connection: apsw.Connection, rows: _Rows, first: int, to_number: dict[int, int]) -> None:
    whole = len(rows.events) // EVENTS_AT_ONCE * EVENTS_AT_ONCE
    for start in range(0, whole, EVENTS_AT_ONCE):
        connection.execute(INSERT_EVENTS, [*chain.from_iterable(rows.events[start : start + EVENTS_AT_ONCE])])
    connection.executemany(INSERT_EVENT, rows.events[whole:])
    connection.execute(_INDEX_WORDS, (first,))
    if rows.ended and not rows.opened and connection.execute(_ANY_OPEN).get is None:
        rows.ended = []  # most spans open and end within a batch
    counts = rows.counts.items()
    for statement, bindings in (
        (_INSERT_ATTR, rows.attributes),
        (_OPEN_SPAN, rows.opened),
        (_END_SPAN, rows.ended),
        (_COUNT_RUN, [(*added, run) for run, added in counts if run not in to_number]),
        (_COUNT_AND_NUMBER_RUN, [(*added, to_number[run], run) for run, added in counts if run in to_number]),
        (ADD_TALLY, [(*key, *value) for key, value in rows.tally.items()]),
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
        rows.tally[key] = [1, int(kind == LOG), number, number]
    else:
        tally[0] += 1
        tally[1] += kind == LOG
        tally[3] = number


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
