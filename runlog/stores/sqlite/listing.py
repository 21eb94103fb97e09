"""The half of the store that shows many runs or events at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runlog.stores.base import Run
from runlog.stores.sqlite import cells, read
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
