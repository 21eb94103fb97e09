# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Storing the runs that a batch names, inside its transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

import apsw
import msgspec

from runlog.stores.base import Event, Run
from runlog.stores.sqlite.rows import (
    SELECT_STABLE,
    UNCHANGED_IF_NONE,
    UPSERT_RUN,
    UPSERT_RUN_DATA,
    Row,
    run_data_row,
    run_row,
    store_run,
)
from runlog.stores.sqlite.schema import LOG, MINUTE_OF_TIME, OPEN

UNKNOWN_STATUS = "EXECUTING"
"""Of a run that has events before its own record was stored: something executed in it."""

_NEXT_CHANGE = """
    SELECT max(value, coalesce((SELECT max(change) FROM run), 0)) + 1 FROM meta WHERE key = 'last_change'
"""
_KNOWN_RUNS = f"""
    SELECT run_id, id, version, change, {SELECT_STABLE} FROM run WHERE run_id IN (SELECT value FROM json_each(?))
"""
_PLACEHOLDER = """
    INSERT OR IGNORE INTO run (run_id, version, task, status, queue, created, changed, attempt, tags, change)
    VALUES (?, 0, '', ?, '', ?, ?, 0, '[]', ?)
"""
_ADD_TAG = "INSERT OR IGNORE INTO run_tag (tag, created, run) VALUES (?, ?, ?)"
TAKE_TAG = "DELETE FROM run_tag WHERE tag = ? AND created = ? AND run = ?"
ADD_TALLY = """
    INSERT INTO tally (minute, task, level, count, logs, lowest, highest) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count, logs = logs + excluded.logs,
    lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest)
"""
TAKE_TALLY = "UPDATE tally SET count = count - ?, logs = logs - ? WHERE minute = ? AND task = ? AND level = ?"
_RUN_TALLY = f"""
    SELECT {MINUTE_OF_TIME}, level, count(*), sum(kind = {LOG}), min(id), max(id)
    FROM event WHERE run = ? AND kind <> {OPEN} GROUP BY 1, 2
"""


class _Known(NamedTuple):
    """A run as it is stored."""

    number: int
    version: int
    change: int
    stable: Row

    @property
    def task(self) -> str:
        return str(self.stable[0])

    @property
    def tags(self) -> list[Row]:
        return tag_rows(self.stable[5], self.stable[2], self.number)


@dataclass(slots=True)
class Named:
    """The runs that a batch names, and the number that a change of each by this batch has."""

    known: dict[str, _Known]
    changes: dict[str, int]
    numbered: set[str] = field(default_factory=set)
    """Those whose row has that number."""

    def to_number(self) -> dict[int, int]:
        """Row id → number of the change, of those that do not have it yet."""
        changes, numbered = self.changes, self.numbered
        return {run.number: changes[name] for name, run in self.known.items() if name not in numbered}


def store_runs(connection: apsw.Connection, runs: Sequence[Run], events: Sequence[Event]) -> Named:
    """Store runs, and a placeholder for each that only events name."""
    names = dict.fromkeys(run.run_id for run in runs)
    names.update(dict.fromkeys(event.run_id for event in events if event.run_id is not None))
    if not names:
        return Named({}, {})
    before = _known_runs(connection, names)
    changes = dict(zip(names, count(int(connection.execute(_NEXT_CHANGE).get)), strict=False))
    named = Named(before, changes)
    unsure = _store(connection, runs, named)
    missing = names.keys() - before.keys() - {run.run_id for run in runs}
    if missing:
        times = {event.run_id: event.time for event in reversed(events)}
        rows = ((name, UNKNOWN_STATUS, times[name], times[name], changes[name]) for name in missing)
        connection.executemany(_PLACEHOLDER, rows)
        unsure += missing
    if unsure:
        found = _known_runs(connection, unsure)
        named.numbered.update(name for name, run in found.items() if run.change == changes[name])
        named.known = before | found
        _index(connection, [(before.get(name), run) for name, run in found.items()])
    return named


def _known_runs(connection: apsw.Connection, names: Iterable[str]) -> dict[str, _Known]:
    rows = connection.execute(_KNOWN_RUNS, (msgspec.json.encode(list(names)).decode(),))
    return {row[0]: _Known(row[1], row[2], row[3], row[4:]) for row in rows}


def _store(connection: apsw.Connection, runs: Sequence[Run], named: Named) -> list[str]:
    """Store runs; return those of which it is to be read what has become of them."""
    if not runs:
        return []
    newest, others = _newest(runs)
    unsure = [run.run_id for run in others]
    statements: dict[str, list[Row]] = {}
    for run in newest:
        name, stored = run.run_id, named.known.get(run.run_id)
        row = run_row(run, named.changes[name])
        statement = store_run(row, stored.stable if stored else None)
        statements.setdefault(statement, []).append(row)
        if stored is None or statement is UPSERT_RUN:
            unsure.append(name)
        elif stored.version < run.version:
            named.numbered.add(name)
    for statement, rows in statements.items():
        connection.executemany(statement, rows)
    if others:
        connection.executemany(UPSERT_RUN, [run_row(run, named.changes[run.run_id]) for run in others])
    data = [row for row in map(run_data_row, (*newest, *others)) if row is not None]
    if data:
        connection.executemany(UPSERT_RUN_DATA, data)
    return unsure


def _newest(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Without the states that the next one in the batch replaces (most attempts begin and end within one): the first
    states of each run as one, and those that do not go on from there."""
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
    return list(newest.values()), others


def _index(connection: apsw.Connection, runs: Sequence[tuple[_Known | None, _Known]]) -> None:
    """Keep up what is stored of runs outside their rows: each as it was before and is now."""
    gone: list[Row] = []
    new: list[Row] = []
    for then, now in runs:
        if then is None:
            new += now.tags
        elif then.stable != now.stable:
            gone += then.tags
            new += now.tags
            if now.version and not then.version:
                _name_task(connection, now)
    if gone:
        connection.executemany(TAKE_TAG, gone)
    if new:
        connection.executemany(_ADD_TAG, new)


def tag_rows(tags: str, created: int, number: int) -> list[Row]:
    """The rows of run_tag of a run with these tags."""
    return [] if tags == "[]" else [(tag, created, number) for tag in json.loads(tags)]


def _name_task(connection: apsw.Connection, run: _Known) -> None:
    """Count a run's events under its task, which was unknown when they were stored."""
    for minute, level, events, logs, lowest, highest in connection.execute(_RUN_TALLY, (run.number,)).fetchall():
        connection.execute(TAKE_TALLY, (events, logs, minute, "", level))
        connection.execute(ADD_TALLY, (minute, run.task, level, events, logs, lowest, highest))
