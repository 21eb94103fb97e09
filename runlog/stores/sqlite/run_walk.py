# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""All runs that match a query, piece by piece, newest first, for as long as there is time: for counting them."""

from __future__ import annotations

import json
import time as clock
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apsw

from runlog.stores.query import Query
from runlog.stores.sqlite.rows import SELECT_RUN, Row, fetch, run_of
from runlog.stores.sqlite.run_plan import RunPlan, plan_runs

_MOST_EVENTS = 100_000  # looked at to find their runs
_A_LOOK = 512  # runs in which events are looked for at once


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the runs: `SELECT … FROM source WHERE where` has just those, as `r`."""

    connection: apsw.Connection
    source: str
    where: str
    bindings: dict[str, Any]

    def fetch(self, select: str, tail: str = "", **more: Any) -> list[Row]:
        return fetch(
            self.connection, f"SELECT {select} FROM {self.source} WHERE {self.where} {tail}", self.bindings | more
        )


class Walk:
    """Iterates over the pieces, until the deadline."""

    def __init__(
        self, connection: apsw.Connection, query: Query | None, deadline: float, *, by_events: bool = False
    ) -> None:
        """With `by_events` the pieces are small: what is read of them are their events."""
        self._deadline, self._by_events = deadline, by_events
        node = query.node if query else None
        self.plan: RunPlan | None = plan_runs(connection, node, most_events=_MOST_EVENTS, deadline=deadline)
        self.searched_to: int | None = None
        """The time (ns) back to which all were seen, once the deadline has ended the iteration."""

    def limit(self, low: int, high: int) -> None:
        """Only runs created in a time."""
        if self.plan is not None:
            self.plan.low, self.plan.high = max(self.plan.low, low), min(self.plan.high, high)

    @property
    def range(self) -> dict[str, int]:
        return {"low": self.plan.low, "high": self.plan.high} if self.plan is not None else {"low": 0, "high": 0}

    @property
    def whole(self) -> Piece | None:
        """All at once, where an index has all that tells them."""
        plan = self.plan
        return self._piece(plan, plan.low, plan.high) if plan is not None and plan.covered else None

    def __iter__(self) -> Iterator[Piece]:
        plan = self.plan
        if plan is None:
            return
        small = self._by_events or plan.finder is not None
        for low, high in plan.slices(widest=_A_LOOK * 8 if small else None):
            if small:
                yield from self._looks(plan, low, high)
            else:
                yield self._piece(plan, low, high)
            if self.searched_to is not None:
                return
            if clock.monotonic() > self._deadline and not plan.few and low > plan.low:
                self.searched_to = low
                return

    def _piece(self, plan: RunPlan, low: int, high: int) -> Piece:
        return Piece(plan.connection, plan.source, plan.conditions(), plan.bound(low, high))

    def _looks(self, plan: RunPlan, low: int, high: int) -> Iterator[Piece]:
        sql = plan.sql(SELECT_RUN if plan.finder else "r.id, r.created", tail="ORDER BY r.created DESC, r.id DESC")
        rows = fetch(plan.connection, sql, plan.bound(low, high))
        for start in range(0, len(rows), _A_LOOK):
            some = rows[start : start + _A_LOOK]
            if plan.finder is not None:
                runs = [run_of(row) for row in some]
                found, last = list(plan.finder.having(runs)), runs[-1].created
            else:
                found, last = [row[0] for row in some], some[-1][1]
            in_found = "r.id IN (SELECT value FROM json_each(:found))"
            yield Piece(plan.connection, "run r", in_found, {"found": json.dumps(found)})
            is_last = low == plan.low and start + _A_LOOK >= len(rows)
            if clock.monotonic() > self._deadline and not is_last:
                self.searched_to = last
                return
