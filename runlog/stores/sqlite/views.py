# ruff: noqa: S608 - values are bound; the text put together here is all our own
"""The half of the store that shows one run: its trace as columns, one event of it, what is beside it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import get_args

from runlog.errors import EventNotFound
from runlog.stores.base import Event, Run
from runlog.stores.one_run import Child, Data, Losses, Relatives, RunName, TraceRows, Way
from runlog.stores.sqlite import columns, losses, relatives
from runlog.stores.sqlite.connected import Connected, reading
from runlog.stores.sqlite.outline import way_down
from runlog.stores.sqlite.rows import SELECT_EVENT, event_of

_DATA: tuple[Data, ...] = get_args(Data)


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
    def trace(
        self,
        run: Run,
        *,
        after: int = 0,
        limit: int = 5000,
        inside: Collection[bytes] | None = None,
        has_logs: bool = True,
    ) -> TraceRows:
        return columns.trace_rows(self._connection, run, after, limit, columns.Part(inside, has_logs))

    @reading
    def trace_size(
        self, run: Run, *, after: int = 0, inside: Collection[bytes] | None = None, has_logs: bool = True
    ) -> int:
        return columns.trace_size(self._connection, run, after, columns.Part(inside, has_logs))

    @reading
    def spans_inside(self, run: Run, span_id: bytes) -> set[bytes]:
        return columns.spans_inside(self._connection, run, span_id)

    @reading
    def spans_above(self, run: Run, span_id: bytes) -> set[bytes]:
        return columns.spans_above(self._connection, run, span_id)

    @reading
    def way_down(self, run: Run, way: Way) -> list[Event]:
        return way_down(self._connection, run, way)

    @reading
    def attempts(self, run: Run, *, limit: int = 1000) -> list[Event]:
        return losses.attempts(self._connection, run, limit)

    @reading
    def losses(self, run: Run) -> Losses:
        return losses.losses(self._connection, run)

    @reading
    def relatives(self, run: Run) -> Relatives:
        return relatives.relatives(self._connection, run)

    @reading
    def names(self, run_ids: Sequence[str]) -> dict[str, RunName]:
        return relatives.names(self._connection, run_ids)

    @reading
    def runs_of_spans(self, places: Sequence[tuple[bytes, bytes]]) -> dict[tuple[bytes, bytes], RunName]:
        return relatives.runs_of_spans(self._connection, places)

    @reading
    def children_inside(self, run_id: str) -> list[Child]:
        return relatives.children_inside(self._connection, run_id)

    @reading
    def data(self, run: Run, what: Data) -> str | None:
        found: str | None = self._connection.execute(f"SELECT {what} FROM run_data WHERE run = ?", (run.id,)).get
        return found

    @reading
    def data_sizes(self, run: Run) -> dict[Data, int]:
        sizes = ", ".join(f"coalesce(octet_length({name}), 0)" for name in _DATA)
        row = self._connection.execute(f"SELECT {sizes} FROM run_data WHERE run = ?", (run.id,)).fetchone()
        return dict(zip(_DATA, row or (0, 0, 0), strict=True))
