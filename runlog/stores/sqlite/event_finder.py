# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""Which runs have an event that matches a query."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import apsw

from runlog.stores.base import Run
from runlog.stores.evaluate import matches
from runlog.stores.query import Node
from runlog.stores.sqlite.compiler import Compiler
from runlog.stores.sqlite.rows import SELECT_EVENT, event_of, fetch
from runlog.stores.sqlite.schema import OPEN
from runlog.stores.sqlite.search import Checker, Plan, plan_events

_WIDEST = 50_000  # ids in which an index is asked for the events of several runs at once

_IDS = """
    SELECT min((SELECT min(id) FROM event WHERE run = r.value)), max((SELECT max(id) FROM event WHERE run = r.value))
    FROM json_each(?) AS r
"""


def runs_of(
    connection: apsw.Connection, node: Node | None, plan: Plan, bindings: dict[str, Any], among: str = ""
) -> set[int]:
    """The numbers of the runs of the events that a plan finds and that match; `among` is one more condition on them."""
    if plan.exact:
        rows = fetch(connection, f"SELECT DISTINCT e.run FROM {plan.source} WHERE {plan.where}{among}", bindings)
        return {row[0] for row in rows if row[0] is not None}
    checker, runs = Checker(connection, node, exact=False), set()
    sql = f"SELECT {SELECT_EVENT}, r.run_id FROM {plan.source} WHERE {plan.where}{among}"
    with closing(connection.execute(sql, bindings)) as found:
        for row in found:
            if row[1] is not None and row[1] not in runs and matches(node, event_of(row, row[-1]), checker.run(row[1])):
                runs.add(row[1])
    return runs


class EventFinder:
    """Says which of some runs have a log or an ended span that matches."""

    def __init__(self, connection: apsw.Connection, node: Node | None) -> None:
        self._connection, self._node = connection, node
        plan = plan_events(connection, node)
        self._plan = plan if plan is not None and plan.lead is not None else None
        compiler = Compiler(connection, beginnings=False)
        where = compiler.condition(node) if node is not None else "1"
        self._bindings, self._exact = compiler.bindings, compiler.exact
        self._sql = (
            f"SELECT {SELECT_EVENT}, r.run_id FROM event e INDEXED BY event_run JOIN run r ON r.id = e.run"
            f" WHERE e.run = :run AND e.kind <> {OPEN} AND {where}"
        )

    def having(self, runs: Sequence[Run]) -> set[int]:
        """The numbers of those. Runs of about one time are told fastest."""
        low, high = self._ids([run.id for run in runs])
        if low is None:
            return set()
        if self._plan is not None and high - low < _WIDEST:
            numbers = json.dumps([run.id for run in runs])
            bindings = self._plan.bindings | {"low": low, "high": high + 1, "runs": numbers}
            among = " AND e.run IN (SELECT value FROM json_each(:runs))"
            return runs_of(self._connection, self._node, self._plan, bindings, among)
        return {run.id for run in runs if self._has_event(run)}

    def _ids(self, runs: Sequence[int]) -> tuple[int | None, int]:
        [(low, high)] = fetch(self._connection, _IDS, (json.dumps(list(runs)),))
        return low, high or 0

    def _has_event(self, run: Run) -> bool:
        low, high = self._ids([run.id])
        if low is None:
            return False
        bindings = self._bindings | {"run": run.id, "low": low, "high": high + 1}
        with closing(self._connection.execute(self._sql, bindings)) as rows:
            return any(self._exact or matches(self._node, event_of(row, row[-1]), run) for row in rows)
