# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""How the runs that match a query are found: by which index, with which conditions, and in which pieces of time."""

from __future__ import annotations

import json
import time as clock
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import apsw

from runlog.stores.base import ERROR, WARN
from runlog.stores.query import Node, Or, Term, is_time_range, needs_event
from runlog.stores.sqlite.compiler import Compiler, conjuncts
from runlog.stores.sqlite.event_finder import EventFinder, runs_of
from runlog.stores.sqlite.leads import Lead, find_lead, lead_of
from runlog.stores.sqlite.schema import IS_LISTED
from runlog.stores.sqlite.search import EVER, ids_in_time, lowest_level, plan_events

_FIRST_SLICE = 4096
_SLICE_TIME = 0.04  # seconds that a slice is made to take; one is at most 8 times as wide as the one before
_FIRST_IDS = 65_536
_FEW_RUNS = 1000  # whose events are looked at rather than those that match in all runs
_OLDEST, _NEWEST = -(2**63), 2**63 - 1


@dataclass(slots=True)
class RunPlan:
    """`SELECT … FROM source WHERE where` finds the runs created from `:low` on and before `:high`.

    The `finder` says which of them have an event that matches.
    """

    connection: apsw.Connection
    low: int
    high: int
    source: str = "run r INDEXED BY run_created"
    where: list[str] = field(default_factory=list)
    bindings: dict[str, Any] = field(default_factory=dict)
    lead: Lead | None = None
    alone: Lead | None = None
    """The index that finds just the runs that match, though not in the order of their creation."""
    few: bool = False
    """So few that they are looked at all at once."""
    finder: EventFinder | None = None
    covered: bool = False
    """Its index has all that tells whether a run matches."""

    @property
    def natural(self) -> bool:
        """Its index has just the runs that match, in the order of their creation."""
        return self.covered and (self.lead is None or self.lead.single)

    def conditions(self, *more: str) -> str:
        return " AND ".join((f"r.{IS_LISTED}", "r.created >= :low", "r.created < :high", *self.where, *more))

    def sql(self, select: str, *more: str, tail: str = "") -> str:
        return f"SELECT {select} FROM {self.source} WHERE {self.conditions(*more)} {tail}"

    def bound(self, low: int, high: int, **more: Any) -> dict[str, Any]:
        return {**self.bindings, "low": low, "high": high, **more}

    def slices(self, widest: int | None = None) -> Iterator[tuple[int, int]]:
        """Pieces of the time, low <= created < high, newest first: the next one as wide as the caller is fast, of no
        more than `widest` runs (of all, not of those that match). The last one begins at `self.low`."""
        if self.few:
            yield self.low, self.high
            return
        first = self.connection.execute(f"SELECT min(created) FROM run r INDEXED BY run_created WHERE {IS_LISTED}").get
        low, high = self.low if first is None else max(self.low, first), self.high
        width = min(_FIRST_SLICE, widest or _FIRST_SLICE)
        below = (
            f"SELECT created FROM run INDEXED BY run_created WHERE {IS_LISTED} AND created < ?"
            " ORDER BY created DESC LIMIT 1 OFFSET ?"
        )
        while first is not None and high > low:
            started = clock.monotonic()
            bottom: int | None = self.connection.execute(below, (high, width)).get
            bottom = low if bottom is None else max(low, bottom)
            yield (bottom if bottom > low else self.low), high
            faster = _SLICE_TIME / max(clock.monotonic() - started, 1e-6)
            width = max(_FIRST_SLICE // 8, int(width * min(8.0, max(0.5, faster))))
            width = width if widest is None else min(width, widest)
            high = bottom


def plan_runs(connection: apsw.Connection, node: Node | None, *, most_events: int, deadline: float) -> RunPlan | None:
    """Plan a list of runs; None if there can be none. Up to `most_events` events are looked at beforehand, until the
    deadline."""
    parts = conjuncts(node)
    low, high = _created(parts)
    about_events = [part for part in parts if needs_event(part)]
    about_runs = [part for part in parts if part not in about_events and not is_time_range(part, "run.created")]
    if len(about_events) == 1 and (counter := _counted(about_events[0])) is not None:
        about_runs.append(counter)
        about_events = []
    plan = RunPlan(connection, low, high, lead=find_lead(connection, about_runs, low, high))
    if about_events:
        if plan.lead is None or plan.lead.runs is None or len(plan.lead.runs) > _FEW_RUNS:
            runs = _with_few_events(connection, node, most_events, deadline)
            if runs is not None:
                plan.lead = None
                return _among(plan, runs, []) if runs else None
        plan.finder = EventFinder(connection, node)
        if hints := _hints(about_events):
            about_runs += hints
            plan.lead = find_lead(connection, about_runs, low, high)
    if plan.lead is None:
        plan.alone = lead_of(about_runs[0]) if len(about_runs) == 1 and plan.finder is None else None
        return _among(plan, None, about_runs)
    left = [part for part in about_runs if part is not plan.lead.part or not plan.lead.exact]
    if plan.lead.runs is not None:
        return _among(plan, plan.lead.runs, left) if plan.lead.runs else None
    plan.source = plan.lead.table.replace("run ", "run r ", 1)
    plan.where.append(plan.lead.condition)
    plan.bindings |= plan.lead.bindings
    return _among(plan, None, left)


def _among(plan: RunPlan, runs: Sequence[int] | None, parts: Sequence[Node]) -> RunPlan:
    compiler = Compiler(plan.connection)
    if runs is not None:
        plan.few, plan.source = True, "run r"
        plan.where.append(f"r.id IN (SELECT value FROM json_each({compiler.bind(json.dumps(list(runs)))}))")
    plan.where += [compiler.condition(part) for part in parts]
    plan.covered = runs is None and not parts and plan.finder is None
    plan.bindings |= compiler.bindings
    return plan


def _created(parts: Sequence[Node]) -> tuple[int, int]:
    """The time in which the runs were created, from and before."""
    low, high = _OLDEST, _NEWEST
    for part in parts:
        if is_time_range(part, "run.created") and isinstance(part.operand, int):
            if part.op in (">", ">="):
                low = max(low, part.operand + (part.op == ">"))
            else:
                high = min(high, part.operand + (part.op == "<="))
    return low, high


def _counted(part: Node) -> Node | None:
    """The same said of the run's counters, where they say it."""
    if not isinstance(part, Term) or part.op == "=":
        return None
    level, errors = lowest_level(part), Term("run.errors", ">", "0")
    if level == WARN:
        return Or((errors, Term("run.warnings", ">", "0")))
    return errors if level == ERROR else None


def _hints(parts: Sequence[Node]) -> list[Node]:
    """What is true of every run with an event that matches."""
    lowest = max(map(lowest_level, parts))
    return [Term("run.errors", ">", "0")] if lowest >= ERROR else []


def _with_few_events(connection: apsw.Connection, node: Node | None, most: int, deadline: float) -> list[int] | None:
    """The runs that match, by the events that do; None where these are too many, or there is no time for them."""
    plan = plan_events(connection, node)
    if plan is None:
        return []
    if not plan.leads_to_most(connection, most):
        return None
    bottom, high = ids_in_time(connection, *EVER)
    runs: set[int] = set()
    width = _FIRST_IDS
    while high > bottom:
        low, started = max(bottom, high - width), clock.monotonic()
        runs |= runs_of(connection, node, plan, plan.bindings | {"low": low, "high": high})
        high, now = low, clock.monotonic()
        if now > deadline and high > bottom:
            return None
        width = max(1024, int(width * min(8.0, max(0.5, _SLICE_TIME / max(now - started, 1e-6)))))
    return list(runs)
