# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Which index leads to the runs of a query: the one that finds the fewest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import apsw

from runlog.stores.base import Run
from runlog.stores.evaluate import matches
from runlog.stores.query import RUN_STATUSES, And, Node, Or, Term, leaves
from runlog.stores.sqlite.rows import bindable, fetch
from runlog.stores.sqlite.schema import BATCH, ERROR_TYPE, IS_LISTED, REPLAY_OF

FEW = 20_000
"""Runs that are collected before they are looked at; more are looked at slice by slice."""
_HIGHEST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class _Index:
    """An index of runs by a field of the query language."""

    name: str | None
    """None where SQLite can only choose one."""
    column: str
    by_time: bool
    """It has the runs of one value in the order of their creation."""
    condition: str = IS_LISTED


_INDEXES: dict[str, _Index] = {
    "run_id": _Index(None, "run_id", by_time=False),
    "root_run_id": _Index("run_root", "root_run_id", by_time=False, condition="root_run_id IS NOT NULL"),
    "parent_run_id": _Index("run_parent", "parent_run_id", by_time=True, condition="parent_run_id IS NOT NULL"),
    "options.batch_id": _Index("run_batch", BATCH, by_time=False, condition=f"{BATCH} IS NOT NULL"),
    "options.replay_of": _Index("run_replay", REPLAY_OF, by_time=False, condition=f"{REPLAY_OF} IS NOT NULL"),
    "status": _Index("run_status", "status", by_time=True),
    "task": _Index("run_task", "task", by_time=True),
    "queue": _Index("run_queue", "queue", by_time=True),
    "code_version": _Index(
        "run_code", "code_version", by_time=True, condition=f"{IS_LISTED} AND code_version IS NOT NULL"
    ),
    "error": _Index("run_error", ERROR_TYPE, by_time=True, condition=f"{IS_LISTED} AND error IS NOT NULL"),
}


@dataclass(frozen=True, slots=True)
class ValueIndex:
    """Where the values of a field are in order: `SELECT column FROM source AND …`."""

    column: str
    source: str


def index_of(name: str) -> ValueIndex | None:
    """The index of a field of runs; None where there is none."""
    if name == "tags":
        return ValueIndex("tag", "run_tag WHERE 1")
    index = _INDEXES.get(name)
    if index is None or index.name is None:
        return None
    return ValueIndex(index.column, f"run INDEXED BY {index.name} WHERE {index.condition}")


@dataclass(frozen=True, slots=True)
class Lead:
    """An index, and the condition under which its runs are among those wanted."""

    table: str
    """With its index: `run INDEXED BY run_task`, or `run_tag`."""
    number: str
    """Its column that is the run's number."""
    condition: str
    bindings: dict[str, Any]
    part: Node
    exact: bool
    """The condition says all that the part of the query says."""
    by_time: bool
    name: str
    """Of the field."""
    values: tuple[str, ...] | None = None
    """Those of the field that are wanted, where it is by values that they are found."""
    runs: tuple[int, ...] | None = None
    """The numbers of all its runs, where those are few."""

    @property
    def single(self) -> bool:
        """Its runs are those of one value."""
        return self.by_time and (self.name == "errors" or (self.values is not None and len(self.values) == 1))

    def among(self, low: int, high: int) -> tuple[str, dict[str, Any]]:
        """Source and condition of its runs in a time."""
        bindings = self.bindings | {"lead_low": low, "lead_high": high}
        return f"{self.table} WHERE {self.condition} AND created >= :lead_low AND created < :lead_high", bindings

    def count(self, connection: apsw.Connection, low: int, high: int) -> int:
        """How many runs it finds in a time."""
        source, bindings = self.among(low, high)
        once = self.table.startswith("run ") or (self.values is not None and len(self.values) == 1)
        counted = "*" if once else f"DISTINCT {self.number}"
        return int(connection.execute(f"SELECT count({counted}) FROM {source}", bindings).get)

    def collected(self, connection: apsw.Connection, low: int, high: int) -> Lead:
        """The same with `runs`, if they are few."""
        source, bindings = self.among(low, high)
        number = self.number if self.table.startswith("run ") else f"DISTINCT {self.number}"
        rows = fetch(connection, f"SELECT {number} FROM {source} LIMIT {FEW + 1}", bindings)
        return self if len(rows) > FEW else replace(self, runs=tuple(row[0] for row in rows))

    def is_better_than(self, other: Lead | None) -> bool:
        if self.runs is None:
            return self.by_time and other is None
        return other is None or other.runs is None or len(self.runs) < len(other.runs)


def find_lead(connection: apsw.Connection, parts: Sequence[Node], low: int, high: int) -> Lead | None:
    """The best lead to the runs that were created in a time and match all parts; None where none is better than time.

    What it finds is a superset: its `runs`, or those that meet its condition.
    """
    best: Lead | None = None
    for part in parts:
        lead = lead_of(part)
        if lead is None:
            continue
        lead = lead.collected(connection, low, high)
        if lead.is_better_than(best):
            best = lead
    return best


def lead_of(part: Node) -> Lead | None:
    """The index that finds the runs that match; None where there is none."""
    names = {leaf.field.name if isinstance(leaf, Term) and leaf.field.scope == "run" else "" for leaf in leaves(part)}
    if len(names) != 1:
        return None
    [name] = names
    if name == "errors":
        return _failing(part)
    if name == "tags":
        return _tagged(part)
    index = _INDEXES.get(name)
    if index is None:
        return None
    found = _condition(part, index.column)
    if found is None:
        return None
    table = f"run INDEXED BY {index.name}" if index.name else "run"
    condition = f"{index.condition} AND {found.condition}"
    lead = Lead(table, "id", condition, found.bindings, part, exact=True, by_time=index.by_time, name=name)
    return replace(lead, values=found.values)


@dataclass(frozen=True, slots=True)
class _Condition:
    condition: str
    bindings: dict[str, Any]
    values: tuple[str, ...] | None = None


def _condition(part: Node, column: str) -> _Condition | None:
    """A condition that an index can answer and that is the same as a part whose terms are all about its column."""
    if column == "status":
        wanted: frozenset[str] | None = frozenset(
            status for status in RUN_STATUSES if matches(part, None, Run("", 1, "", status, "", 0, 0))
        )
    else:
        wanted = _values(part)
    if wanted is not None:
        values = tuple(sorted(map(bindable, wanted)))
        if len(values) == 1:
            return _Condition(f"{column} = :lead", {"lead": values[0]}, values)
        return _Condition(f"{column} IN (SELECT value FROM json_each(:lead))", {"lead": json.dumps(values)}, values)
    if isinstance(part, Term) and part.op == "exists":
        return _Condition(f"{column} IS NOT NULL", {})
    if isinstance(part, Term) and part.op == "prefix":
        start = bindable(part.value)
        bindings = {"lead": start, "lead_end": start + _HIGHEST}
        return _Condition(f"{column} >= :lead AND {column} < :lead_end", bindings)
    return None


def _values(part: Node) -> frozenset[str] | None:
    """The values of which one must be there."""
    if isinstance(part, Term):
        return frozenset({str(part.operand)}) if part.op == "=" else None
    if isinstance(part, And | Or):
        found = [_values(child) for child in part.nodes]
        if None not in found:
            values = [one for one in found if one is not None]
            return frozenset.union(*values) if isinstance(part, Or) else frozenset.intersection(*values)
    return None


def _tagged(part: Node) -> Lead | None:
    """A run has many tags: several conditions on one are no condition on another."""
    simple = isinstance(part, Term) or (isinstance(part, Or) and all(isinstance(node, Term) for node in part.nodes))
    found = _condition(part, "tag") if simple else None
    if found is None:
        return None
    lead = Lead("run_tag", "run", found.condition, found.bindings, part, exact=True, by_time=False, name="tags")
    return replace(lead, values=found.values)


def _failing(part: Node) -> Lead | None:
    if not isinstance(part, Term) or not isinstance(part.operand, int | float):
        return None
    least = {">": part.operand, ">=": part.operand - 1, "=": part.operand - 1}.get(part.op, -1)
    if least < 0:
        return None
    exact = part.op in (">", ">=") and 0 <= least < 1
    table, condition = "run INDEXED BY run_failing", f"{IS_LISTED} AND errors > 0"
    return Lead(table, "id", condition, {}, part, exact=exact, by_time=True, name="errors")
