"""The half of the store that shows many runs or events at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runlog.stores.base import Event, Run
from runlog.stores.lists import Counted, FacetCounts, Histogram
from runlog.stores.query import Query
from runlog.stores.sqlite import cells, event_counts, facets, known_values, read, run_counts
from runlog.stores.sqlite.connected import Connected, reading


class ListViews(Connected):
    """See stores.lists.ListReader."""

    @reading
    def position(self) -> tuple[int, int]:
        return read.last_event_id(self._connection), read.last_change(self._connection)

    @reading
    def changes(self, after: int, limit: int = 500) -> tuple[list[Run], int]:
        return read.changes(self._connection, after, max(1, limit))

    @reading
    def cells(self, runs: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        return cells.cells(self._connection, runs, columns)

    @reading
    def count_runs(self, query: Query | None, *, budget: float = 1.0) -> Counted:
        return run_counts.count_runs(self._connection, query, budget)

    @reading
    def run_times(self) -> tuple[int, int] | None:
        return run_counts.run_times(self._connection)

    @reading
    def run_histogram(
        self, query: Query | None, start: int, width: int, bars: int, *, budget: float = 1.0
    ) -> Histogram:
        return run_counts.run_histogram(self._connection, query, start, width, bars, budget)

    @reading
    def run_facets(
        self, query: Query | None, keys: Sequence[str], *, most: int = 20, budget: float = 1.0
    ) -> list[FacetCounts]:
        return facets.run_facets(self._connection, query, keys, most, budget)

    @reading
    def tasks(self, run_ids: Sequence[str]) -> dict[str, str]:
        return read.tasks(self._connection, run_ids)

    @reading
    def event_times(self) -> tuple[int, int] | None:
        return event_counts.event_times(self._connection)

    @reading
    def event_histogram(
        self, query: Query | None, start: int, width: int, bars: int, *, budget: float = 1.0
    ) -> Histogram:
        return event_counts.event_histogram(self._connection, query, start, width, bars, budget)

    @reading
    def around(self, number: int, before: int, after: int, run_id: str | None = None) -> list[Event]:
        return event_counts.around(self._connection, number, before, after, run_id)

    @reading
    def run_values(self, key: str, start: str = "", limit: int = 50) -> list[str]:
        return known_values.run_values(self._connection, key, start, limit)

    @reading
    def event_names(self, start: str = "", limit: int = 50) -> list[str]:
        return known_values.event_names(self._connection, start, limit)
