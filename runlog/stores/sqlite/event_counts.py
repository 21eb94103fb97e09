# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""How many logs and spans match, over time by level; and the lines beside one."""

from __future__ import annotations

import json
import time as clock
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import apsw

from runlog.errors import EventNotFound
from runlog.stores.base import ERROR, INFO, WARN, Bucket, Event
from runlog.stores.lists import Histogram
from runlog.stores.query import Node, Query, Term, is_time_range
from runlog.stores.sqlite.compiler import COMPARISONS, conjuncts
from runlog.stores.sqlite.read import level_name
from runlog.stores.sqlite.rows import SELECT_EVENT, Row, bindable, event_of, fetch
from runlog.stores.sqlite.schema import LOG, MINUTE
from runlog.stores.sqlite.search import Checker, ids_in_time, plan_events, time_range, written

_FIRST_SLICE = 8192
_SLICE_TIME = 0.04  # seconds that a slice is made to take
_FARTHEST = 50_000  # events before or after a line among which its neighbours are looked for

_LEVELS = {"debug": (-(2**63), INFO), "info": (INFO, WARN), "warn": (WARN, ERROR), "error": (ERROR, 2**63 - 1)}
_TOTALS = ", ".join(
    f"total({{counted}}) FILTER (WHERE level >= {low} AND level < {high})" for low, high in _LEVELS.values()
)
_BARS = f"""
    WITH bar(number) AS (VALUES (0) UNION ALL SELECT number + 1 FROM bar WHERE number < :last)
    SELECT number, (
        SELECT json_array({_TOTALS}) FROM tally
        WHERE minute >= max(:low, :first + number * :minutes) AND minute < min(:high, :first + (number + 1) * :minutes)
        AND {{where}}
    ) FROM bar
"""


@dataclass(slots=True)
class _Counts:
    """The bars, and what is counted into them."""

    start: int
    width: int
    bars: dict[int, Counter[str]] = field(default_factory=dict)

    def add(self, bar: int, level: str, count: int) -> None:
        if count:
            self.bars.setdefault(bar, Counter())[level] += count

    def buckets(self) -> list[Bucket]:
        return [Bucket(self.start + bar * self.width, dict(self.bars[bar])) for bar in sorted(self.bars)]


def event_times(connection: apsw.Connection) -> tuple[int, int] | None:
    """See Reader.event_times."""
    [(first, last)] = fetch(connection, "SELECT (SELECT min(minute) FROM tally), (SELECT max(minute) FROM tally)")
    return None if first is None else (first * MINUTE, last * MINUTE)


def event_histogram(
    connection: apsw.Connection, query: Query | None, start: int, width: int, bars: int, budget: float
) -> Histogram:
    """See Reader.event_histogram. What the minutes' tally tells is read from it, the rest event by event."""
    deadline = clock.monotonic() + budget
    node = query.node if query else None
    low, high = time_range(node)
    low, high = max(low, start), min(high, start + width * bars)
    counts = _Counts(start, width)
    tallied = None if width % MINUTE or start % MINUTE else _tallied(node)
    first, end = -(-low // MINUTE), high // MINUTE
    edges = [(low, high)]
    if tallied is not None and first < end:
        _count_minutes(connection, tallied, (first, end), bars, counts)
        edges = [(end * MINUTE, high), (low, first * MINUTE)]
    searched_to = None
    for since, before in edges:
        if since < before and searched_to is None:
            searched_to = _count(connection, node, since, before, counts, deadline)
    return Histogram(counts.buckets(), searched_to)


@dataclass(slots=True)
class _Tallied:
    counted: str = "count"
    where: list[str] = field(default_factory=lambda: ["1"])
    bindings: dict[str, Any] = field(default_factory=dict)


def _tallied(node: Node | None) -> _Tallied | None:
    """How the tally tells what matches: where it is about nothing but time, task, level, and logs or spans."""
    found = _Tallied()
    for part in conjuncts(node):
        if is_time_range(part):
            continue
        if not isinstance(part, Term) or part.op not in ("=", *COMPARISONS):
            return None
        if part.field.kind == "level":
            found.where.append(f"level {part.op} {part.operand}")
        elif part.field.name == "task" and part.field.scope == "run" and "task" not in found.bindings:
            found.where.append("task = :task")
            found.bindings["task"] = bindable(str(part.operand))
        elif part.key == "kind" and found.counted == "count" and part.operand in ("log", "span"):
            found.counted = "logs" if part.operand == "log" else "(count - logs)"
        else:
            return None
    return found


def _count_minutes(
    connection: apsw.Connection, tallied: _Tallied, minutes: tuple[int, int], bars: int, counts: _Counts
) -> None:
    sql = _BARS.format(counted=tallied.counted, where=" AND ".join(tallied.where))
    grid = {"first": counts.start // MINUTE, "minutes": counts.width // MINUTE, "last": bars - 1}
    bindings = {**tallied.bindings, **grid, "low": minutes[0], "high": minutes[1]}
    for bar, found in connection.execute(sql, bindings):
        for level, count in zip(_LEVELS, json.loads(found), strict=True):
            counts.add(bar, level, int(count))


def _count(
    connection: apsw.Connection, node: Node | None, low: int, high: int, counts: _Counts, deadline: float
) -> int | None:
    """Count what matches in a time, newest first; return the time back to which it came, where it had to stop."""
    bottom, top = ids_in_time(connection, low, high) if low < high else (0, 0)
    plan = plan_events(connection, node) if bottom < top else None
    if plan is None:
        return None
    source = f"FROM {plan.source} WHERE {plan.where} AND e.time >= :since AND e.time < :before"
    bindings = plan.bindings | {"since": low, "before": high}
    exact = f"SELECT (e.time - {counts.start}) / {counts.width}, e.level, count(*) {source} GROUP BY 1, 2"
    unsure = f"SELECT {SELECT_EVENT}, r.run_id {source}"
    checker = Checker(connection, node, exact=plan.exact)
    width = _FIRST_SLICE
    while top > bottom:
        start, begun = max(bottom, top - width), clock.monotonic()
        bindings |= {"low": start, "high": top}
        if plan.exact:
            for bar, level, count in fetch(connection, exact, bindings):
                counts.add(bar, level_name(level), count)
        else:
            with closing(connection.execute(unsure, bindings)) as rows:
                for _, event in checker.events(rows):
                    if event is not None:
                        counts.add((event.time - counts.start) // counts.width, level_name(event.level), 1)
        top, now = start, clock.monotonic()
        if now > deadline and top > bottom:
            return written(connection, top)
        width = max(512, int(width * min(8.0, max(0.5, _SLICE_TIME / max(now - begun, 1e-6)))))
    return None


def around(connection: apsw.Connection, number: int, before: int, after: int, run_id: str | None) -> list[Event]:
    """See Reader.around."""
    if abs(number) >= 2**63 or not fetch(connection, "SELECT 1 FROM event WHERE id = ?", (number,)):
        raise EventNotFound(f"no event {number}", "it was never recorded, or has been pruned with its run")
    source, bindings = "event e NOT INDEXED WHERE e.id {} :id", {"id": number}
    if run_id is not None:
        run = connection.execute("SELECT id FROM run WHERE run_id = ?", (bindable(run_id),)).get
        source, bindings = "event e INDEXED BY event_run WHERE e.run = :run AND e.id {} :id", {"id": number, "run": run}
    found: list[Row] = []
    for side, order, limit in (("<", "DESC", before), (">=", "ASC", after + 1)):
        near = f"SELECT e.id FROM {source.format(side)} ORDER BY e.id {order} LIMIT {_FARTHEST}"
        sql = f"""
            SELECT {SELECT_EVENT}, r.run_id FROM ({near}) AS near CROSS JOIN event e ON e.id = near.id
            LEFT JOIN run r ON r.id = e.run WHERE e.kind = {LOG} OR e.id = :id ORDER BY near.id {order} LIMIT :limit
        """
        rows = fetch(connection, sql, bindings | {"limit": limit})
        found += rows[::-1] if side == "<" else rows
    return [event_of(row, row[-1]) for row in found]
