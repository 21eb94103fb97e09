"""The half of the store that shows many runs or events at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runlog.stores.base import Run
from runlog.stores.lists import Counted, FacetCounts, Histogram
from runlog.stores.query import Query
from runlog.stores.sqlite import cells, facets, read, run_counts
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
    def oldest_run(self) -> int | None:
        return run_counts.oldest_run(self._connection)

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
