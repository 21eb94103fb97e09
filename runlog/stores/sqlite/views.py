# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""The half of the store that shows one run: its trace as columns, one event of it, what is beside it."""

from __future__ import annotations

from runlog.errors import EventNotFound
from runlog.stores.base import Event, Run
from runlog.stores.one_run import TraceRows
from runlog.stores.sqlite.columns import trace_rows
from runlog.stores.sqlite.connected import Connected, reading
from runlog.stores.sqlite.rows import SELECT_EVENT, event_of


class RunViews(Connected):
    """See stores.one_run.RunReader."""

    @reading
    def event(self, number: int) -> Event:
        sql = f"SELECT {SELECT_EVENT}, r.run_id FROM event e LEFT JOIN run r ON r.id = e.run WHERE e.id = ?"
        row = self._connection.execute(sql, (number,)).fetchone() if abs(number) < 2**63 else None
        if row is None:
            raise EventNotFound(f"no event {number}", "it was never recorded, or has been pruned with its run")
        return event_of(row, row[-1])

    @reading
    def trace(self, run: Run, *, after: int = 0, limit: int = 25_000, under: bytes | None = None) -> TraceRows:
        return trace_rows(self._connection, run, after, limit, under)
