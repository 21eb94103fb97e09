"""The half of the store that shows many runs or events at once."""

from __future__ import annotations

from runlog.stores.base import Run
from runlog.stores.sqlite import read
from runlog.stores.sqlite.connected import Connected, reading


class ListViews(Connected):
    """See stores.lists.ListReader."""

    @reading
    def position(self) -> tuple[int, int]:
        return read.last_event_id(self._connection), read.last_change(self._connection)

    @reading
    def changes(self, after: int, limit: int = 500) -> tuple[list[Run], int]:
        return read.changes(self._connection, after, max(1, limit))
