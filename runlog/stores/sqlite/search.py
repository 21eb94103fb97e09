# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Searching events and runs: newest first, slice by slice, within a time budget.

An index leads where the query has a term for one, else all events are looked at. Each statement looks at a range of ids
given as literals (FTS5 jumps to them), and the range grows while that is fast.
"""

from __future__ import annotations

import json
import time as clock
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import apsw

from runlog.errors import CursorError
from runlog.stores.base import ERROR, WARN, Event, Page, Run
from runlog.stores.evaluate import matches
from runlog.stores.query import Node, Query, Term, is_time_range, needs_event
from runlog.stores.sqlite.compiler import COMPARISONS, Compiler, Match, conjuncts, join_matches
from runlog.stores.sqlite.rows import SELECT_EVENT, SELECT_RUN, Row, bindable, event_of, fetch, run_of
from runlog.stores.sqlite.schema import IS_LISTED, MINUTE, OPEN

_FIRST_SLICE = 4096
_FAST, _SLOW = 0.01, 0.05  # seconds: below, the next slice is 8 times as wide; above, half
_MOST_RUNS = 256  # that lead a search
_FEW_EVENTS = 500  # whose look-up one by one (30 µs each) is faster than collecting all that another term finds
_ANY = "1"
EVER = (-(2**63), 2**63 - 1)
_KNOWN_AND_NOT = (f"r.{IS_LISTED}", "r.version = 0")
"""The runs that the indexes are of, and the others."""
_IDS_OF_RUN = """
    SELECT (SELECT min(id) FROM event WHERE run = asked.id), (SELECT max(id) FROM event WHERE run = asked.id)
    FROM (SELECT (SELECT id FROM run WHERE run_id = ?) AS id) AS asked
"""
_INDEXED_RUN_FIELDS = ("run_id", "task", "status", "root_run_id")


@dataclass(slots=True)
class Plan:
    """How to find the events that match a query: `SELECT … FROM source WHERE where`."""

    source: str
    where: str
    bindings: dict[str, Any]
    exact: bool
    lead: Match | None = None
    """The full-text match that leads, if any."""
    led: str | None = None
    """Source and condition of what leads; None where that is all events."""

    def leads_to_most(self, connection: apsw.Connection, limit: int) -> bool:
        """Whether no more than so many events are to be looked at."""
        if self.led is None:
            return False
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {self.led} LIMIT {limit + 1})"
        return int(connection.execute(sql, self.bindings).get) <= limit


def plan_events(connection: apsw.Connection, node: Node | None) -> Plan | None:
    """Plan a query over events; None if no run can match it."""
    compiler = Compiler(connection)
    parts = conjuncts(node)
    found = [(part, compiler.match(part)) for part in parts]
    words = join_matches(" AND ", [match for _, match in found if match and match.table == "word"])
    pairs = join_matches(" AND ", [match for _, match in found if match and match.table == "attr"])
    where = [f"e.kind <> {OPEN}", "e.id >= :low", "e.id < :high"]
    where += [compiler.condition(part) for part, match in found if match is None or _compares(part)]
    lead = words or pairs
    if lead is not None:
        if words and pairs:
            lead, other, short = _shorter(connection, words, pairs)
            where.append(compiler.found_by(other, one_by_one=short))
        compiler.exact &= lead.exact
        matching = f"{lead.table} MATCH {compiler.bind(lead.expression)}"
        where.append(matching)
        where += [f"{lead.table}.rowid >= :low", f"{lead.table}.rowid < :high"]
        source = f"{lead.table} CROSS JOIN event e ON e.id = {lead.table}.rowid"
        led_by: str | None = f"{lead.table} WHERE {matching}"
    else:
        led = _lead_without_text(connection, parts, compiler)
        if led is None:
            return None
        source, condition = led
        where.append(condition)
        led_by = f"{source} WHERE {condition}" if condition != _ANY else None
    source += " LEFT JOIN run r ON r.id = e.run"
    return Plan(source, " AND ".join(where), compiler.bindings, compiler.exact, lead, led_by)


def _shorter(connection: apsw.Connection, one: Match, two: Match) -> tuple[Match, Match, bool]:
    """Return the match that finds fewer events first, and whether those are few enough to look each up in the other."""
    for lead, other in ((one, two), (two, one)):
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {lead.table} WHERE {lead.table} MATCH ? LIMIT {_FEW_EVENTS + 1})"
        if connection.execute(sql, (lead.expression,)).get <= _FEW_EVENTS:
            return lead, other, True
    return one, two, False


def _compares(node: Node) -> bool:
    return isinstance(node, Term) and node.op in COMPARISONS


def _lead_without_text(connection: apsw.Connection, parts: list[Node], compiler: Compiler) -> tuple[str, str] | None:
    about_runs = [part for part in parts if not needs_event(part)]
    if any(_finds_few_runs(part) for part in about_runs):
        runs = _runs_if_few(connection, about_runs)
        if runs is not None:
            if not runs:
                return None
            chosen = compiler.bind(json.dumps(runs))
            return "event e INDEXED BY event_run", f"e.run IN (SELECT value FROM json_each({chosen}))"
    lowest = max((lowest_level(part) for part in parts), default=0)
    if lowest >= ERROR:
        return "event e INDEXED BY event_error", f"e.level >= {ERROR}"
    if lowest >= WARN:
        return "event e INDEXED BY event_warn", f"e.level >= {WARN}"
    return "event e NOT INDEXED", _ANY


def _finds_few_runs(node: Node) -> bool:
    return isinstance(node, Term) and node.op == "=" and node.field.name in _INDEXED_RUN_FIELDS


def _runs_if_few(connection: apsw.Connection, parts: list[Node]) -> list[int] | None:
    compiler = Compiler(connection)
    where = " AND ".join(compiler.sought(part) for part in parts)
    either = " UNION ALL ".join(f"SELECT r.id FROM run r WHERE {kind} AND {where}" for kind in _KNOWN_AND_NOT)
    sql = f"{either} LIMIT {_MOST_RUNS + 1}"
    found = [row[0] for row in connection.execute(sql, compiler.bindings)]
    return found if len(found) <= _MOST_RUNS else None


def lowest_level(node: Node) -> int:
    if isinstance(node, Term) and node.field.kind == "level" and isinstance(node.operand, int):
        return {"=": node.operand, ">=": node.operand, ">": node.operand + 1}.get(node.op, 0)
    return 0


class Checker:
    """The second look at what an inexact plan finds: `evaluate.matches`, with each run read once."""

    def __init__(self, connection: apsw.Connection, node: Node | None, *, exact: bool) -> None:
        self._connection, self._node, self._exact = connection, node, exact
        self._runs: dict[int, Run] = {}

    def events(self, rows: Iterable[Row]) -> Iterator[tuple[int, Event | None]]:
        """Yield the id of each row of SELECT_EVENT and run_id, with its event, or None if that does not match."""
        for row in rows:
            event = event_of(row, row[-1])
            yield row[0], event if self._exact or matches(self._node, event, self.run(row[1])) else None

    def run(self, number: int | None) -> Run | None:
        if number is None:
            return None
        found = self._runs.get(number)
        if found is None:
            row = self._connection.execute(f"SELECT {SELECT_RUN} FROM run r WHERE r.id = ?", (number,)).fetchone()
            if row is None:
                return None
            found = self._runs[number] = run_of(row)
        return found


def search_events(
    connection: apsw.Connection, query: Query | None, cursor: str | None, limit: int, budget: float
) -> Page[Event]:
    """See Reader.search."""
    deadline = clock.monotonic() + budget
    node = query.node if query else None
    low, high = id_range(connection, node)
    if cursor is not None:
        high = min(high, parse_cursor(cursor, 1)[0])
    plan = plan_events(connection, node) if high > low else None
    if plan is None:
        return Page([], None)
    order = f"{plan.lead.table}.rowid" if plan.lead else "e.id"
    sql = f"SELECT {SELECT_EVENT}, r.run_id FROM {plan.source} WHERE {plan.where} ORDER BY {order} DESC"
    checker = Checker(connection, node, exact=plan.exact)
    items: list[Event] = []
    width = _FIRST_SLICE
    while high > low:
        bottom, started = max(low, high - width), clock.monotonic()
        with closing(connection.execute(sql, plan.bindings | {"low": bottom, "high": high})) as rows:
            for number, event in checker.events(rows):
                if event is not None:
                    items.append(event)
                    if len(items) >= limit:
                        return Page(items, str(number))
                if clock.monotonic() > deadline:
                    return Page(items, str(number), written(connection, number))
        high, now = bottom, clock.monotonic()
        if now > deadline and high > low:
            return Page(items, str(high), written(connection, high))
        width = width * 8 if now - started < _FAST else max(512, width // 2) if now - started > _SLOW else width
    return Page(items, None)


def id_range(connection: apsw.Connection, node: Node | None) -> tuple[int, int]:
    """The ids, low <= id < high, that an event in the time asked for, and of the run asked for, can have."""
    low, high = ids_in_time(connection, *time_range(node))
    for part in conjuncts(node):
        if isinstance(part, Term) and part.op == "=" and part.field.name == "run_id":
            [(first, last)] = fetch(connection, _IDS_OF_RUN, (bindable(str(part.operand)),))
            low, high = (max(low, first), min(high, last + 1)) if first is not None else (0, 0)
    return low, high


def time_range(node: Node | None) -> tuple[int, int]:
    """The time asked for: from, and before."""
    start, end = EVER
    for part in conjuncts(node):
        if is_time_range(part) and isinstance(part.operand, int):
            if part.op in (">", ">="):
                start = max(start, part.operand + (part.op == ">"))
            else:
                end = min(end, part.operand + (part.op == "<="))
    return start, end


def ids_in_time(connection: apsw.Connection, start: int, end: int) -> tuple[int, int]:
    """The ids, low <= id < high, that an event from `start` on and before `end` can have."""
    if (start, end) == EVER:
        sql = "SELECT (SELECT min(id) FROM event), (SELECT max(id) FROM event)"
        [(low, high)] = fetch(connection, sql)
    else:
        sql = "SELECT min(lowest), max(highest) FROM tally WHERE minute BETWEEN ? AND ?"
        [(low, high)] = fetch(connection, sql, (start // MINUTE, (end - 1) // MINUTE))
    return (low, high + 1) if low is not None else (0, 0)


def written(connection: apsw.Connection, number: int) -> int | None:
    """About when the event with this id was written: when it ended."""
    sql = "SELECT time + coalesce(duration, 0) FROM event WHERE id >= ? AND kind <> ? ORDER BY id LIMIT 1"
    found: int | None = connection.execute(sql, (number, OPEN)).get
    return found


def parse_cursor(cursor: str, parts: int) -> tuple[int, ...]:
    """Read a cursor of so many numbers. Raises CursorError."""
    try:
        numbers = tuple(int(part) for part in cursor.split("."))
    except ValueError:
        numbers = ()
    if len(numbers) != parts or not all(-(2**63) <= number < 2**63 for number in numbers):
        raise CursorError(f"{cursor[:100]!r} is not a cursor", "a cursor is what the last page of the same call gave")
    return numbers
